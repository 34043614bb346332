# SPDX-License-Identifier: GPL-2.0-or-later
"""The example modules, each from its own folder, each doing for real what its README says."""
import json
import os
import pathlib
import re
import shutil
import socket

from harness import SLOWNESS, build_dir, equal, require, test

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "contrib/examples"


def stretch(path):
    """An emulated machine needs more time for the same work."""
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r'(TimePerRequest": ")(\d+)s', lambda m: f"{m[1]}{int(int(m[2]) * SLOWNESS)}s",
                           text), encoding="utf-8")


def example(t, name, program=None):
    """A copy of an example's folder, with its built program where it has one: program = (program
    of the build, name in the folder)."""
    folder = t.scratch / name
    shutil.copytree(EXAMPLES / name, folder, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("__pycache__"))
    if SLOWNESS > 1:
        stretch(folder / "module.json")
    if program:
        shutil.copy(build_dir() / program[0], folder / program[1])
        os.chmod(folder / program[1], 0o755)
    return folder


@test
def node_http_service(t):
    running = t.start(example(t, "node-http"), wait="ready")
    status, body = running.http("/")
    equal(status, 200, "status of /")
    facts = json.loads(body)
    equal((facts["module"], facts["version"]), ("node-http", "1.0.0"), "what it says of itself")
    status, body = running.http("/healthz")
    require(status == 200 and json.loads(body)["ok"] is True, f"/healthz: {status} {body}")
    status, body = running.http("/whoami")
    facts = json.loads(body)
    equal((facts["uid"], facts["gid"], facts["cwd"]), (1000, 1000, "/module"), "who it is")
    equal(facts["status"]["Seccomp_filters"], "1", "Seccomp_filters")
    require("shadow" not in facts["files"]["/etc"], "the host's /etc")
    equal(running.http("/nothing")[0], 404, "status of an unknown path")
    running.stop()
    exited = running.wait()
    equal(exited.get("code"), 0, f"its exit after SIGTERM: {exited}")
    equal(t.client.of(running.instance, "violation"), [], "violations of an honest service")


@test
def node_http_serves_many_at_once(t):
    running = t.start(example(t, "node-http"), wait="ready")
    socks = [running.connect() for _ in range(20)]
    for sock in socks:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n")
    for sock in socks:
        with sock:
            data = b""
            while chunk := sock.recv(65536):
                data += chunk
            require(data.startswith(b"HTTP/1.1 200"), f"an answer: {data[:100]!r}")


@test
def python_service_keeps_its_counter(t):
    folder = example(t, "python-service")
    counts = []
    for _ in range(2):
        running = t.start(folder, wait="ready")
        counts.append(json.loads(running.http("/")[1])["count"])
        status, body = running.http("/words", body=b"three short words")
        equal((status, json.loads(body)), (200, {"words": 3}), "counting words")
        facts = json.loads(running.http("/whoami")[1])
        equal(facts["uid"], 1000, "uid")
        running.stop()
        equal(running.wait().get("code"), 0, "its exit after SIGTERM")
        equal(t.client.of(running.instance, "violation"), [], "violations of an honest service")
    equal(counts, [1, 2], "the counter over a restart")


@test
def static_c_service(t):
    folder = example(t, "c-static", ("example-c-static", "service"))
    running = t.start(folder, wait="ready")
    for word in (b"hello\n", b"again\n"):
        with running.connect("echo") as sock:
            sock.sendall(word)
            sock.shutdown(socket.SHUT_WR)
            equal(sock.recv(100), word.upper(), "its answer")
    running.stop()
    equal(running.wait().get("code"), 0, "its exit after SIGTERM")


@test
def shell_job(t):
    running = t.start(example(t, "shell-job"), stdio="pipe")
    running.close_stdin()
    done = running.finish().succeeded()
    require("sum of data/numbers.txt: 50\n" in done.stdout, done.stdout)
    require("uid 1000" in done.stdout, done.stdout)
    equal(done.events("violation"), [], "violations of an honest job")


def hostile(t, name, program=None, command=None):
    params = {"command": command} if command else {}
    if SLOWNESS > 1:
        params["tier"] = "verified"  # the ceiling of community is below what stretch() asks for
    running = t.start(example(t, name, program), stdio="pipe", **params)
    running.close_stdin()
    return running.finish(120 * SLOWNESS)


def gets_nothing(done):
    """The acts it tried, none of which may have been granted."""
    lines = [line for line in done.stdout.splitlines() if line.startswith("tried: ")]
    granted = [line for line in lines if "refused" not in line]
    equal(granted, [], f"what it got ({done.exit}, {done.stderr[-300:]!r})")
    done.succeeded()
    require(len(lines) >= 20, f"only {len(lines)} acts were tried: {done.stdout[-400:]}")
    return lines


def calls_are_told(done, wanted):
    told = {e["data"]["observed"].get("call") for e in done.events("violation")}
    missing = [call for call in wanted if call not in told]
    require(not missing, f"refused but not told: {missing}; told: {sorted(map(str, told))}")


C = ("example-hostile-c", "hostile")


@test
def hostile_c_gets_nothing(t):
    done = hostile(t, "hostile-c", C)
    lines = gets_nothing(done)
    calls_are_told(done, ["mount", "unshare", "clone", "chroot", "setuid", "seccomp", "socket",
                          "mknodat", "ptrace", "process_vm_readv", "bpf", "perf_event_open",
                          "userfaultfd", "add_key", "open_by_handle_at"])
    for what, code in (("run a program from /tmp", "EACCES"), ("fork without end", "EAGAIN"),
                       ("change the core dump limit", "EPERM"), ("kill process 1", "EPERM")):
        require(f"tried: {what} -> refused ({code})" in lines, f"{what}: {lines}")


@test
def hostile_c_is_ended_for_deadly_acts(t):
    for act, call in (("load-module", "init_module"), ("kexec", "kexec_load"), ("swap", "swapoff")):
        done = hostile(t, "hostile-c", C, ["./hostile", "--deadly", act])
        equal(done.stdout, f"trying: {act}\n", f"what {act} still wrote")
        equal(done.exit.get("cause"), "forbidden-call", f"the end of {act}: {done.exit}")
        told = [e["data"] for e in done.events("violation")]
        equal([(d["observed"].get("call"), d["severity"], d["action"]) for d in told],
              [(call, "critical", "terminated")], f"what was told of {act}")


@test
def hostile_node_gets_nothing(t):
    done = hostile(t, "hostile-node")
    gets_nothing(done)
    calls_are_told(done, ["unshare", "chroot", "setuid"])


@test
def hostile_python_gets_nothing(t):
    done = hostile(t, "hostile-python")
    lines = gets_nothing(done)
    calls_are_told(done, ["mount", "unshare", "chroot", "sethostname", "setuid", "setgroups",
                          "ptrace", "bpf", "userfaultfd", "add_key"])
    require(any("run a program from /tmp -> refused (EACCES)" in line for line in lines),
            f"exec from /tmp is not stopped by noexec: {lines}")


@test
def hostile_python_is_ended_for_deadly_acts(t):
    for act in ("load-module", "kexec"):
        done = hostile(t, "hostile-python", None,
                       ["/usr/bin/python3", "main.py", "--deadly", act])
        equal(done.exit.get("cause"), "forbidden-call", f"the end of {act}: {done.exit}")
