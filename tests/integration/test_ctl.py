# SPDX-License-Identifier: GPL-2.0-or-later
"""modsupctl as an operator uses it: streams, exit codes, terminals, --json, plain words."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import tempfile
import time

from harness import build_dir, equal, manifest, require, test, until
from harness.wait import DEADLINE


def ctl(t, *words, private=True, **kwargs):
    command = [str(build_dir() / "modsupctl")]
    if private:
        command += ["--private", str(t.daemon.folder)]
    kwargs.setdefault("stdin", None if "input" in kwargs else subprocess.DEVNULL)
    if "input" in kwargs:
        kwargs.pop("stdin")
    return subprocess.run(command + [str(w) for w in words], capture_output=True, text=True,
                          timeout=DEADLINE * 2, check=False, cwd=kwargs.pop("cwd", "/"), **kwargs)


@test
def run_passes_streams_and_code(t):
    folder = t.folder(manifest(["/bin/sh", "main.sh"]),
                      {"main.sh": "read line\necho out $line\necho err >&2\nexit 7\n"})
    done = ctl(t, "run", folder, input="word\n")
    equal((done.stdout, done.returncode), ("out word\n", 7), f"out and code ({done.stderr})")
    require("err\n" in done.stderr, f"standard error: {done.stderr!r}")


@test
def run_of_a_command_without_a_manifest(t):
    (t.scratch / "secret").write_text("of the caller")
    done = ctl(t, "run", "--", "/bin/sh", "-c", "ls; id -u; exit 3", cwd=t.scratch)
    equal(done.returncode, 3, f"exit code ({done.stderr})")
    require("secret" not in done.stdout, f"the current folder is seen: {done.stdout}")
    require("1000" in done.stdout.split(), f"the user inside: {done.stdout}")
    done = ctl(t, "run", "--bundle", t.scratch, "--", "/bin/ls")
    require("secret" in done.stdout, f"with --bundle: {done.stdout} {done.stderr}")


@test
def run_carries_bulk(t):
    data = "0123456789abcde\n" * 65536
    done = ctl(t, "run", "--", "/bin/cat", input=data)
    require(done.stdout == data, f"{len(done.stdout)} of {len(data)} bytes came back, exit "
                                 f"{done.returncode}: {done.stderr[-300:]}")


@test
def run_tells_violations_at_the_end(t):
    done = ctl(t, "run", "--", "/usr/bin/unshare", "--user", "/bin/true")
    require(done.returncode != 0, "unshare worked")
    require("unshare" in done.stderr and "denied" not in done.stdout, f"what it tells: {done.stderr}")


@test
def run_ends_by_signal_as_a_shell_would_say(t):
    done = ctl(t, "run", "--", "/bin/sh", "-c", "kill -SEGV $$")
    equal(done.returncode, 128 + signal.SIGSEGV, f"exit code ({done.stderr})")


@test
def run_ends_at_its_timeout(t):
    start = time.monotonic()
    done = ctl(t, "run", "--timeout", "1s", "--", "/bin/sleep", "600")
    equal(done.returncode, 124, f"exit code ({done.stderr})")
    require(time.monotonic() - start < DEADLINE, "it took too long")


@test
def run_never_passes_inherited_descriptors(t):
    with tempfile.TemporaryFile() as file:
        os.set_inheritable(file.fileno(), True)
        done = ctl(t, "run", "--", "/bin/ls", "/proc/self/fd", pass_fds=[file.fileno()])
    equal(done.stdout.split(), ["0", "1", "2", "3"], "descriptors (3 is ls's own)")


@test
def run_never_passes_the_callers_environment(t):
    done = ctl(t, "run", "--", "/usr/bin/env", env=dict(os.environ, MS_SECRET="x", LD_DEBUG=""))
    require("MS_SECRET" not in done.stdout and "LD_DEBUG" not in done.stdout, done.stdout)
    require("MODSUP_INSTANCE=" in done.stdout, f"{done.stdout} {done.stderr}")


def on_terminal(t, words, talk):
    """modsupctl with a pseudo-terminal for its streams; what it wrote, and its exit code."""
    pid, master = pty.fork()
    if pid == 0:
        command = [str(build_dir() / "modsupctl"), "--private", str(t.daemon.folder), *words]
        os.execv(command[0], command)
    text, end = b"", time.monotonic() + DEADLINE
    try:
        while time.monotonic() < end:
            if not select.select([master], [], [], 1)[0]:
                continue
            try:
                data = os.read(master, 4096)
            except OSError:
                break
            text += data
            answer = talk(text.decode("utf-8", "replace"))
            if answer:
                os.write(master, answer)
    finally:
        if time.monotonic() >= end:
            os.kill(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(master)
    return text.decode("utf-8", "replace"), code


@test
def run_gives_a_terminal_only_if_asked(t):
    script = "if test -t 0; then echo terminal; stty size 2>/dev/null || true; else echo none; fi"
    text, code = on_terminal(t, ["run", "--", "/bin/sh", "-c", script], lambda _: None)
    require("none" in text and code == 0, f"without asking: {text!r}, exit {code}")
    text, code = on_terminal(t, ["run", "--tty", "--", "/bin/sh", "-c", script], lambda _: None)
    require("terminal" in text and code == 0, f"with --tty: {text!r}, exit {code}")


@test
def run_with_a_terminal_talks_both_ways(t):
    said = []

    def talk(text):
        if "name?" in text and not said:
            said.append(1)
            return b"modsup\r"
        return None
    text, code = on_terminal(t, ["run", "--tty", "--", "/bin/sh", "-c",
                                 "printf 'name? '; read x; echo hello $x; exit 5"], talk)
    require("hello modsup" in text, f"what was said: {text!r}")
    equal(code, 5, "exit code")


@test
def terminal_is_never_the_callers_own(t):
    """The module's terminal is another device, and TIOCSTI into it is refused."""
    code = "import os, fcntl, termios\n" \
           "print('terminal', os.isatty(0), os.fstat(0).st_rdev)\n" \
           "try:\n    fcntl.ioctl(0, termios.TIOCSTI, b'x')\n    print('pushed')\n" \
           "except OSError as e:\n    print('refused', e.errno)\n"
    folder = t.folder(manifest(["/usr/bin/python3", "main.py"]), {"main.py": code})
    text, _ = on_terminal(t, ["run", "--tty", str(folder)], lambda _: None)
    require("terminal True" in text, f"it has none: {text!r}")
    require("refused" in text and "pushed" not in text, f"TIOCSTI: {text!r}")


@test
def interrupt_ends_the_module(t):
    process = subprocess.Popen([str(build_dir() / "modsupctl"), "--private", str(t.daemon.folder),
                                "run", "--", "/bin/sleep", "600"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: t.client.call("instance.list")["instances"], "it runs")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=DEADLINE)
    until(lambda: all(i["state"] in ("stopped", "failed")
                      for i in t.client.call("instance.list")["instances"]), "it is over")


@test
def killed_caller_ends_the_module(t):
    process = subprocess.Popen([str(build_dir() / "modsupctl"), "--private", str(t.daemon.folder),
                                "run", "--", "/bin/sleep", "600"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: t.client.call("instance.list")["instances"], "it runs")
    process.kill()
    process.wait(DEADLINE)
    until(lambda: all(i["state"] in ("stopped", "failed")
                      for i in t.client.call("instance.list")["instances"]), "it is over")


@test
def start_list_stop(t):
    folder = t.folder(manifest(["/bin/sleep", "600"], id="sleeper",
                               entry={"listen": {"socket": "http"}}))
    done = ctl(t, "--json", "start", folder)
    equal(done.returncode, 0, f"start: {done.stderr}")
    result = json.loads(done.stdout)
    require(os.path.exists(result["sockets"]["http"]), "the socket's path")
    listed = ctl(t, "list")
    require("sleeper" in listed.stdout and "ready" in listed.stdout, listed.stdout)
    listed = json.loads(ctl(t, "--json", "list").stdout)
    require("sleeper" in json.dumps(listed), str(listed))
    again = ctl(t, "start", folder)
    equal(again.returncode, 0, f"a second start: {again.stderr}")
    equal(ctl(t, "stop", "sleeper").returncode, 0, "stop")
    until(lambda: all(i["state"] in ("stopped", "failed")
                      for i in t.client.call("instance.list")["instances"]), "it is stopped")


@test
def events_follow(t):
    process = subprocess.Popen([str(build_dir() / "modsupctl"), "--private", str(t.daemon.folder),
                                "--json", "events", "--follow"], stdin=subprocess.DEVNULL, bufsize=0,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        kinds, end = set(), time.monotonic() + DEADLINE
        while not {"violation", "instance.exited"} <= kinds:
            require(time.monotonic() < end, f"only {kinds} came")
            # Again and again: it follows from the moment it is connected, which cannot be seen.
            t.run(["/usr/bin/unshare", "--user", "/bin/true"])
            while select.select([process.stdout], [], [], 0.2)[0]:
                kinds.add(json.loads(process.stdout.readline())["type"])
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE)


@test
def events_of_before_are_kept(t):
    gone = t.run(["/usr/bin/unshare", "--user", "/bin/true"]).instance
    done = ctl(t, "--json", "events")
    kinds = [e["type"] for e in map(json.loads, done.stdout.splitlines()) if e.get("instance") == gone]
    require("violation" in kinds and "instance.exited" in kinds, f"events: {kinds} {done.stderr}")
    done = ctl(t, "events", "--severity", "warning")
    require("unshare" in done.stdout, f"for people: {done.stdout}")


@test
def validate_and_explain_need_neither_root_nor_daemon(t):
    good = t.folder(manifest(["/bin/true"], limits={"memory": "1G"}))
    bad = t.folder(manifest(["/bin/true"], limits={"memroy": "1G"}))
    programs = t.scratch / "bin"
    programs.mkdir(mode=0o755)
    program = programs / "modsupctl"
    program.write_bytes((build_dir() / "modsupctl").read_bytes())
    program.chmod(0o755)

    def as_nobody(*words):
        return subprocess.run([str(program), *map(str, words)], capture_output=True, text=True,
                              timeout=DEADLINE, check=False, user=65534, group=65534, extra_groups=[],
                              cwd="/")
    done = as_nobody("validate", good)
    equal(done.returncode, 0, f"a good module: {done.stdout} {done.stderr}")
    require("note:" not in done.stdout, f"a folder of root needs no note: {done.stdout}")
    os.chown(good, 65534, 65534)
    done = as_nobody("validate", good)
    equal(done.returncode, 0, f"an own module: {done.stdout} {done.stderr}")
    require("chown" in done.stdout, f"whose it has to be: {done.stdout}")
    os.chown(good, 0, 0)
    done = as_nobody("validate", bad)
    equal(done.returncode, 1, f"a bad module: {done.stdout} {done.stderr}")
    require("memory" in done.stdout + done.stderr, f"the nearest key: {done.stdout} {done.stderr}")
    require(re.search(r"module\.json:\d+:\d+", done.stdout + done.stderr), "line and column")
    done = as_nobody("--json", "validate", bad)
    require("memroy" in json.dumps(json.loads(done.stdout)), done.stdout)
    done = as_nobody("explain", good)
    equal(done.returncode, 0, f"explain: {done.stderr}")
    require("256M" in done.stdout and "1G" in done.stdout, f"the narrowing: {done.stdout}")


@test
def doctor_tells_each_layer(t):
    done = ctl(t, "doctor")
    equal(done.returncode, 0, f"doctor: {done.stdout} {done.stderr}")
    for word in ("seccomp", "landlock", "cgroup", "namespace"):
        require(word in done.stdout.lower(), f"{word} is not told: {done.stdout}")
    json.loads(ctl(t, "--json", "doctor").stdout)


@test
def exit_codes(t):
    wanted = {("frobnicate",): 2, ("stop",): 2, ("start", "--absent-option", "/tmp"): 2, (): 2,
              ("stop", "absent"): 3, ("start", "/nonexistent-folder"): (1, 3), ("version",): 0,
              ("--help",): 0}
    for words, codes in wanted.items():
        done = ctl(t, *words)
        codes = codes if isinstance(codes, tuple) else (codes,)
        require(done.returncode in codes, f"{words}: exit {done.returncode}, wanted {codes}: {done.stderr}")
        require(done.returncode == 0 or done.stderr, f"{words}: fails without a word")
    done = subprocess.run([str(build_dir() / "modsupctl"), "--private", "/tmp/no-such-daemon", "list"],
                          capture_output=True, text=True, timeout=DEADLINE, check=False)
    equal(done.returncode, 4, f"no daemon: {done.stderr}")


@test
def json_is_json_also_for_errors(t):
    done = ctl(t, "--json", "start", t.folder(manifest(["./absent"])))
    equal(done.returncode, 1, "exit code")
    text = done.stdout or done.stderr
    require("command-not-found" in json.dumps(json.loads(text)), text)


@test
def hostile_output_cannot_steer_the_terminal(t):
    """Violations are shown with what the module named itself: no control byte comes through."""
    code = r"""
import ctypes
libc = ctypes.CDLL(None)
libc.prctl(15, b"\x1b[31mred\r", 0, 0, 0)
libc.syscall(161, ctypes.c_char_p(b"/\x1b]0;title\x07/\r\nok"))
"""
    folder = t.folder(manifest(["/usr/bin/python3", "main.py"]), {"main.py": code})
    done = ctl(t, "run", folder)
    require("\x1b" not in done.stderr and "\x07" not in done.stderr and "\r" not in done.stderr,
            f"control bytes: {done.stderr!r}")
    require("chroot" in done.stderr, f"the violation: {done.stderr!r}")
