# SPDX-License-Identifier: GPL-2.0-or-later
"""The example modules, each from its own folder, each doing for real what its README says."""
import json
import os
import pathlib
import shutil
import socket

from harness import build_dir, equal, require, test

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "contrib/examples"


def example(t, name, program=None):
    """A copy of an example's folder, with its built program where it has one: program = (program
    of the build, name in the folder)."""
    folder = t.scratch / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
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


def hostile(t, name, program=None):
    running = t.start(example(t, name, program), stdio="pipe")
    running.close_stdin()
    done = running.finish(120)
    lines = [line for line in done.stdout.splitlines() if line.startswith("tried: ")]
    granted = [line for line in lines if "refused" not in line]
    equal(granted, [], f"what it got ({done.exit}, {done.stderr[-300:]!r})")
    done.succeeded()
    require(len(lines) >= 20, f"only {len(lines)} acts were tried: {done.stdout[-400:]}")
    return done, lines


def calls_told(done):
    return {e["data"]["observed"].get("syscall") for e in done.events("violation")
            if e["data"]["layer"] in ("syscall", "capability")}


@test
def hostile_c_gets_nothing(t):
    done, _ = hostile(t, "hostile-c", ("example-hostile-c", "hostile"))
    told = calls_told(done)
    for call in ("ptrace", "mount", "unshare", "bpf", "io_uring_setup", "process_vm_readv"):
        require(call in told, f"{call} was refused but not told; told: {sorted(map(str, told))}")


@test
def hostile_node_gets_nothing(t):
    done, _ = hostile(t, "hostile-node")
    told = calls_told(done)
    require("unshare" in told, f"unshare was not told; told: {sorted(map(str, told))}")


@test
def hostile_python_gets_nothing(t):
    done, lines = hostile(t, "hostile-python")
    told = calls_told(done)
    for call in ("ptrace", "mount", "unshare", "bpf", "io_uring_setup"):
        require(call in told, f"{call} was refused but not told; told: {sorted(map(str, told))}")
    require(any("/tmp -> refused (EACCES)" in line for line in lines), "exec from /tmp by noexec")
