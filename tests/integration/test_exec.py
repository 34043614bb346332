# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands in running instances: under every layer the module is under, bounded, told, and never
longer there than whoever asked for them."""
import ctypes
import fcntl
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios

from harness import Client, Daemon, RpcError, build_dir, equal, manifest, require, test, until
from harness.census import descendants, in_cgroups_of
from harness.command import Command, execute
from harness.wait import DEADLINE

PYTHON = "/usr/bin/python3"
MAX_EXECS = 8

# What a process can find out about itself, one way or another, as one JSON line.
FACTS = """
import ctypes, json, os, socket
def read(path):
    with open(path) as file:
        return file.read()
status = dict(line.split(":\\t", 1) for line in read("/proc/self/status").splitlines() if ":\\t" in line)
libc = ctypes.CDLL(None, use_errno=True)
def refused(number, *args):
    return ctypes.get_errno() if libc.syscall(number, *args) < 0 else 0
def net(family, address):
    try:
        sock = socket.socket(family)
        sock.settimeout(2)
        sock.connect(address)
        return "connected"
    except OSError as error:
        return error.errno
facts = {
    "status": {k: status[k] for k in ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd",
                                      "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters", "Umask",
                                      "SigBlk", "SigIgn")},
    "namespaces": {n: os.readlink(f"/proc/self/ns/{n}") for n in sorted(os.listdir("/proc/self/ns"))},
    "cgroup": read("/proc/self/cgroup"), "limits": read("/proc/self/limits"),
    "oom": read("/proc/self/oom_score_adj"), "mounts": read("/proc/self/mountinfo"),
    "cwd": os.getcwd(), "root": os.listdir("/"), "uid_map": read("/proc/self/uid_map"),
    "dumpable": libc.prctl(3, 0, 0, 0, 0), "securebits": libc.prctl(27, 0, 0, 0, 0),
    "personality": libc.personality(0xffffffff),
    "fds": sorted(os.listdir("/proc/self/fd")),
    "host": [net(socket.AF_INET, ("192.0.2.1", 80)), net(socket.AF_UNIX, "\\0" + os.environ["ABSTRACT"])],
    "io_uring": refused(425, 1, 0),
    "env": {k: v for k, v in os.environ.items() if k != "LC_CTYPE"},
}
print(json.dumps(facts), flush=True)
"""


def sleeper(t, **changes):
    return t.start(t.folder(manifest(["/bin/sleep", "600"], **changes)))


def events_of(t, command, kind):
    return [e for e in t.client.events if e["type"] == kind and e["data"].get("exec") == command]


def ended_event(t, command):
    return t.client.event(lambda e: e["type"] == "instance.exec-exited"
                          and e["data"]["exec"] == command, "the event of the command's end")


def host_pids(t, word):
    """Processes of this daemon's groups whose command line holds @word."""
    def is_it(pid):
        try:
            return word.encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
    return [pid for pid in in_cgroups_of(t.daemon.id) if is_it(pid)]


def landlock_abi():
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint(1))


@test
def a_command_finds_what_the_module_finds(t):
    with socket.socket(socket.AF_UNIX) as host:
        name = f"modsup-exec-{os.getpid()}"
        host.bind(f"\0{name}")
        host.listen()
        module = t.launch([PYTHON, "facts.py"], {"facts.py": FACTS + "import time\ntime.sleep(600)\n"},
                          entry={"env": {"ABSTRACT": name, "TERM": "vt100"}})
        own = json.loads(module.read_line())
        done = execute(t, module, [PYTHON, "/module/facts.py"][:1] + ["-c", FACTS])
    require(done.exit == {"code": 0}, f"{done.end} {done.stderr}")
    found = json.loads(done.stdout)
    for fact in own:
        if fact != "env":
            equal(found[fact], own[fact], fact)
    equal(found["status"]["Seccomp_filters"], "1", "filters")
    equal(found["status"]["NoNewPrivs"], "1", "no_new_privs")
    equal(found["status"]["CapBnd"], "0" * 16, "the bounding set")
    require("connected" not in found["host"], f"the host is reached: {found['host']}")
    mains = {name: own["env"].pop(name) for name in ("NOTIFY_SOCKET",) if name in own["env"]}
    equal(found["env"], own["env"], f"the environment, without {list(mains)}")


@test
def a_command_is_seen_from_the_host_as_the_module(t):
    module = sleeper(t)
    command = Command(t.client, module.instance, ["/bin/sh", "-c", "echo up; exec cat marker-7f3 -"])
    t.cleanup(command.close)
    command.read_line()
    main = t.client.call("instance.show", instance=module.instance)["pid"]
    pid = until(lambda: host_pids(t, "marker-7f3"), "it is seen")[0]

    def of(number, name):
        return pathlib.Path(f"/proc/{number}/{name}").read_text(encoding="utf-8")

    def ids(number):
        return [line for line in of(number, "status").splitlines()
                if line.startswith(("Uid", "Gid", "Cap", "Seccomp", "NoNewPrivs", "Groups"))]
    equal(ids(pid), ids(main), "ids, sets and filters")
    equal(of(pid, "cgroup"), of(main, "cgroup"), "groups")
    require("payload" in of(pid, "cgroup"), "not in a payload group")
    equal(of(pid, "oom_score_adj"), of(main, "oom_score_adj"), "oom_score_adj")
    for kind in os.listdir(f"/proc/{main}/ns"):
        equal(os.readlink(f"/proc/{pid}/ns/{kind}"), os.readlink(f"/proc/{main}/ns/{kind}"), kind)
    # its helper, the parent, is what a shim is: no id of root, no capability, a filter
    helper = int(of(pid, "stat").rsplit(")", 1)[1].split()[1])
    state = dict(line.split(":\t", 1) for line in of(helper, "status").splitlines() if ":\t" in line)
    shim = int(of(main, "stat").rsplit(")", 1)[1].split()[1])
    shims = dict(line.split(":\t", 1) for line in of(shim, "status").splitlines() if ":\t" in line)
    for key in ("Uid", "Gid", "CapPrm", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp", "Seccomp_filters"):
        equal(state[key], shims[key], f"{key} of the helper")
    require("0" not in state["Uid"].split(), f"the helper is root: {state['Uid']}")
    require("/shim" in of(helper, "cgroup"), f"the helper's groups: {of(helper, 'cgroup')}")
    command.close_stdin()
    command.wait()


@test
def variables_of_a_command(t):
    module = t.start(t.folder(manifest(["/bin/sleep", "600"], entry={
        "env": {"SHOWN": "of the module", "OTHER": "kept"}, "listen": {"socket": "http"}})))
    done = execute(t, module, ["/usr/bin/env"], env={"SHOWN": "of the command", "TERM": "xterm"})
    lines = done.stdout.splitlines()
    require("SHOWN=of the command" in lines and "SHOWN=of the module" not in lines, f"replaced: {lines}")
    require("OTHER=kept" in lines and "TERM=xterm" in lines, f"kept and added: {lines}")
    require("MODSUP_MODULE=probe" in lines, f"the supervisor's own: {lines}")
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC"):
        require(not [line for line in lines if line.startswith(f"{name}=")], f"{name} is the main "
                                                                            f"process's alone: {lines}")


@test
def descriptors_of_a_command(t):
    module = t.start(t.folder(manifest(["/bin/sleep", "600"], entry={"listen": {"socket": "http"}})))
    done = execute(t, module, [PYTHON, "-c", "import os; print(sorted(os.listdir('/proc/self/fd')))"])
    equal(done.stdout, "['0', '1', '2', '3']\n", "descriptors (3 is the listing's own)")


@test
def landlock_keeps_a_command_and_the_module_apart(t):
    if landlock_abi() < 6:
        t.say("this kernel's Landlock has no scope for signals (Linux 6.12)")
        return
    module = sleeper(t)
    code = "import os\nfor pid in range(2, 9):\n    try:\n        os.kill(pid, 0)\n        print(pid)\n" \
           "    except OSError as e:\n        print(pid, e.strerror)\nprint('self', os.getpid())\n"
    lines = execute(t, module, [PYTHON, "-c", code]).stdout.splitlines()
    require("2 Operation not permitted" in lines, f"the main process: {lines}")
    require(lines[-1].split()[1] in lines, f"itself: {lines}")


@test
def refused_calls_of_a_command_are_told(t):
    module = sleeper(t)
    code = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n" \
           "print(libc.syscall(161, b'/tmp/of-the-command'), ctypes.get_errno(), os.getpid())\n"
    done = execute(t, module, [PYTHON, "-c", code])
    result, errno, pid = done.stdout.split()
    equal((result, errno), ("-1", "1"), "what the caller got")
    told = module.violations()
    equal([e["data"]["observed"]["call"] for e in told], ["chroot"], "calls")
    require("/tmp/of-the-command" in json.dumps(told[0]["data"]["observed"]["args"]), f"{told[0]['data']}")
    equal(told[0]["data"]["process"]["pidInside"], int(pid), "the number inside")
    require("python3" in told[0]["data"]["process"]["exe"], f"the program: {told[0]['data']['process']}")
    # one after another: the shim goes on with the next listener when the one before has ended
    for n in range(2 * MAX_EXECS):
        equal(execute(t, module, [PYTHON, "-c", code]).stdout.split()[:2], ["-1", "1"], f"command {n}")
    until(lambda: t.client.call("instance.show", instance=module.instance)["denied"] == 2 * MAX_EXECS + 1,
          "all refused calls are counted (repeats are told once a second)")
    equal(t.client.call("instance.show", instance=module.instance)["state"], "ready", "the module")


@test
def ends_of_commands(t):
    module = sleeper(t)
    equal(execute(t, module, ["/bin/true"]).exit, {"code": 0}, "0")
    equal(execute(t, module, ["/bin/sh", "-c", "exit 7"]).exit, {"code": 7}, "7")
    equal(execute(t, module, ["/bin/sh", "-c", "kill -9 $$"]).exit,
          {"signal": 9, "signalName": "SIGKILL"}, "a signal")
    done = execute(t, module, ["/bin/cat"], b"in and out")
    equal((done.stdout, done.exit), ("in and out", {"code": 0}), "streams")
    done = execute(t, module, ["/bin/sh", "-c", "echo out; echo err >&2; pwd"])
    equal((done.stdout, done.stderr), ("out\n/module\n", "err\n"), "streams apart, and the folder")
    done = execute(t, module, ["/bin/sh", "-c", "echo out >/dev/stdout; echo err >/dev/stderr; cat /dev/stdin"],
                   b"in")
    equal((done.stdout, done.stderr), ("out\nin", "err\n"), "streams by their names")


@test
def commands_that_cannot_be_run(t):
    module = t.start(t.folder(manifest(["/bin/sleep", "600"]), {"text": "no program\n"}))
    wrong = {"/bin/no-such-program": "command-not-found", "/module/module.json": "command-not-executable",
             "text": "command-not-executable"}
    for program, reason in wrong.items():
        error = t.client.refused("instance.exec", instance=module.instance, command=[program])
        equal(error.reason, reason, program)
        equal(error.data["step"], "exec", program)
        require(program.rsplit("/", 1)[-1] in error.message, f"what it says: {error.message}")
    def told():
        found = [e["data"]["reason"] for e in t.client.events if e["type"] == "instance.exec-exited"]
        return found if len(found) == len(wrong) else None
    equal(t.client.pump(told, "an event of each"), list(wrong.values()), "events")
    equal(execute(t, module, ["/bin/true"]).exit, {"code": 0}, "after that")


@test
def requests_that_make_no_sense(t):
    module = sleeper(t)

    def reason(**params):
        return t.client.refused("instance.exec", **dict({"instance": module.instance}, **params)).reason
    equal(reason(), "params-invalid", "no command")
    equal(reason(command=[]), "params-invalid", "an empty one")
    equal(reason(command=["/bin/true"] * 65), "params-invalid", "too many words")
    for path in ("../bin/true", "/usr/../bin/true", "./x", "", "/"):
        equal(reason(command=[path]), "params-invalid", f"the program {path!r}")
    equal(reason(command=["/bin/true"], tty={"rows": 2}), "params-invalid", "tty without stdio")
    equal(reason(command=["/bin/true"], stdio="log"), "params-invalid", "a log")
    equal(reason(command=["/bin/true"], stdio="tty", tty={"rows": 0}), "params-invalid", "no rows")
    for env in ({"LD_PRELOAD": "x"}, {"NODE_OPTIONS": "x"}, {"LISTEN_FDS": "1"}, {"": "x"}, {"A=B": "x"},
                {"A": 1}, {"A": "x" * 4097}, {f"V{n}": "x" for n in range(65)}):
        equal(reason(command=["/bin/true"], env=env), "params-invalid", f"env {str(env)[:40]}")
    equal(reason(command=["/bin/true"], user="root"), "params-unknown", "no such parameter")
    equal(reason(instance="0123456789abcdef", command=["/bin/true"]), "not-found", "no such instance")
    equal(reason(instance=module.instance, module="probe", command=["/bin/true"]), "params-invalid", "both")
    module.stop()
    error = t.client.refused("instance.exec", instance=module.instance, command=["/bin/true"])
    equal((error.reason, error.data["http"]), ("not-running", 409), "a stopped one")
    require(error.data["hint"], "what to do")


@test
def named_by_module_and_tenant(t):
    t.start(t.folder(manifest(["/bin/sleep", "600"], id="mine")), tenant="a", stdio="log")
    other = t.start(t.folder(manifest(["/bin/sleep", "600"], id="mine")), tenant="b", stdio="log")
    done = execute(t, {"module": "mine", "tenant": "b"}, ["/bin/sh", "-c", "echo $MODSUP_INSTANCE"])
    equal(done.stdout.strip(), other.instance, "whose it is")


@test
def every_command_is_told_before_and_after(t):
    module = sleeper(t, id="told")
    client = t.new_client()
    words = ["/bin/sh", "-c", "exit 3", "\u00e9\x1b[31m"]
    command = Command(client, module.instance, words)
    asked = t.client.event(lambda e: e["type"] == "instance.exec-asked", "the event")
    equal((asked["module"], asked["instance"]), ("told", module.instance), "whose")
    equal(asked["data"], {"exec": command.id, "uid": os.getuid(), "pid": os.getpid(), "command": words,
                          "tty": False}, "what and who")
    equal(command.finish().exit, {"code": 3}, "its end")
    ended = ended_event(t, command.id)
    equal(ended["data"], {"exec": command.id, "code": 3}, "its end as an event")
    require(asked["seq"] < ended["seq"], "the order")
    require(not [m for m in t.client.strays if m.get("method") == "exec.exited"],
            "told to a connection that did not ask")
    long = Command(client, module.instance, ["/bin/true", "x" * 4000, "\u00e9" * 2000, "y"])
    long.finish()
    data = events_of(t, long.id, "instance.exec-asked") or [t.client.event(
        lambda e: e["data"].get("exec") == long.id, "the event")]
    data = data[0]["data"]
    require(data["commandCut"] is True, f"a long command is not told whole: {str(data)[:100]}")
    require(sum(len(w.encode()) for w in data["command"]) <= 4096, "and not in more than 4096 bytes")


@test
def at_most_so_many_at_once(t):
    module = sleeper(t, limits={"processes": 32})
    held = [Command(t.client, module.instance, ["/bin/cat"]) for _ in range(MAX_EXECS)]
    for command in held:
        t.cleanup(command.close)
    error = t.client.refused("instance.exec", instance=module.instance, command=["/bin/true"])
    equal((error.reason, error.data["retry"]), ("busy", "later"), "one more")
    other = sleeper(t, id="other")
    equal(execute(t, other, ["/bin/true"]).exit, {"code": 0}, "in another instance")
    held[3].close_stdin()
    equal(held[3].wait()["exit"], {"code": 0}, "the end of one")
    equal(execute(t, module, ["/bin/true"]).exit, {"code": 0}, "when one has ended")
    for command in held:
        command.close_stdin()
        equal(command.wait()["exit"], {"code": 0}, "the end of each")


@test
def limits_are_the_instances_own(t):
    module = sleeper(t, limits={"processes": 12})
    code = "import os, time\nn = 0\ntry:\n    while n < 100:\n        if os.fork() == 0:\n" \
           "            time.sleep(600)\n        n += 1\nexcept OSError as e:\n    print(n, e.errno)\n"
    command = Command(t.client, module.instance, [PYTHON, "-c", code])
    t.cleanup(command.close)
    count, errno = command.read_line().split()
    require(int(count) < 12 and int(errno) == 11, f"processes of a command beside the module's: {count}")
    module.stop()
    command.wait()
    fat = sleeper(t, id="fat", limits={"memory": "48M"})
    command = Command(t.client, fat.instance, [PYTHON, "-c", "x = bytearray(400 << 20); print('got it')"])
    t.cleanup(command.close)
    equal(command.wait()["exit"]["signal"], 9, "memory beyond the limit of the instance")
    equal(fat.wait()["cause"], "memory", "and the module ends as one with it")


@test
def a_terminal_of_its_own(t):
    module = sleeper(t)
    command = Command(t.client, module.instance, ["/bin/sh", "-c", "test -t 0 && tty; stty size; read x; "
                                                  "echo said $x; exec cat"],
                      stdio="tty", tty={"rows": 31, "cols": 99})
    master = command.fds[0]
    command.fds = [master, os.dup(master)]
    t.cleanup(command.close)
    command.read_line()  # what tty says of a terminal that is not in its /dev
    equal(command.read_line().split(), ["31", "99"], "its size")
    command.write(b"word\n")
    equal(command.read_line().strip(), "word", "the echo")
    equal(command.read_line().strip(), "said word", "the answer")
    command.write(b"more\n")
    equal([command.read_line().strip() for _ in range(2)], ["more"] * 2, "the echo and what cat says")
    command.write(b"\x03")  # now that cat is there: a shell between two commands may forget it
    equal(command.wait()["exit"], {"signal": 2, "signalName": "SIGINT"}, "^C goes to the command")


@test
def ends_with_the_instance(t):
    module = sleeper(t)
    commands = [Command(t.client, module.instance, ["/bin/sleep", "600"]) for _ in range(3)]
    for command in commands:
        t.cleanup(command.close)
    module.stop()
    for command in commands:
        equal(command.wait()["exit"]["signal"], 9, "the end")
    until(lambda: not host_pids(t, "sleep"), "no process of it is left")


@test
def ends_with_whoever_asked(t):
    module = sleeper(t)
    client = t.daemon.client()
    command = Command(client, module.instance, ["/bin/sh", "-c", "sleep 601 & sleep 601; true"])
    until(lambda: len(host_pids(t, "601")) > 1, "it runs")
    ident = command.id
    client.close()
    ended = ended_event(t, ident)
    equal(ended["data"]["signal"], 9, "how it ended")
    until(lambda: not host_pids(t, "601"), "its group has ended too")
    command.close()
    equal(t.client.call("instance.show", instance=module.instance)["state"], "ready", "the module")
    # asked for, and gone before it ran
    for _ in range(20):
        with t.daemon.client() as hasty:
            hasty.send("instance.exec", instance=module.instance, command=["/bin/sleep", "602"])
    until(lambda: not [p for p in descendants(t.daemon.pid) if p in host_pids(t, "602")]
          and not host_pids(t, "602"), "nothing of it is left")
    equal(execute(t, module, ["/bin/true"]).exit, {"code": 0}, "and there is room again")


@test
def a_lost_helper_takes_its_command_with_it(t):
    module = sleeper(t)
    command = Command(t.client, module.instance, ["/bin/sleep", "603"])
    t.cleanup(command.close)
    pid = until(lambda: host_pids(t, "603"), "it runs")[0]
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    os.kill(int(stat.rsplit(")", 1)[1].split()[1]), signal.SIGKILL)
    ended = command.wait()
    equal(ended["error"]["reason"], "internal", f"what is told: {ended}")
    until(lambda: not host_pids(t, "603"), "it has ended")
    equal(t.client.call("instance.show", instance=module.instance)["state"], "ready", "the module")


@test
def what_it_leaves_behind_belongs_to_the_instance(t):
    module = sleeper(t)
    done = execute(t, module, ["/bin/sh", "-c", "setsid sleep 604 >/dev/null 2>&1 </dev/null & echo left"])
    equal((done.stdout, done.exit), ("left\n", {"code": 0}), "the command")
    until(lambda: host_pids(t, "604"), "what it left runs")
    module.stop()
    require(not host_pids(t, "604"), "it outlived its instance")


@test
def what_is_left_behind_is_bounded(t):
    """Each keeps a listener alive; a command whose refused calls nobody could tell may not run."""
    module = sleeper(t, limits={"processes": 32})
    code = "import ctypes; ctypes.CDLL(None).syscall(161, b'/')"
    for n in range(MAX_EXECS):
        done = execute(t, module, ["/bin/sh", "-c", "setsid sleep 607 >/dev/null 2>&1 </dev/null &"])
        equal(done.exit, {"code": 0}, f"command {n}")
    error = t.client.refused("instance.exec", instance=module.instance, command=[PYTHON, "-c", code])
    equal((error.reason, error.data["step"]), ("busy", "seccomp"), f"one more: {error}")
    os.kill(host_pids(t, "607")[0], signal.SIGKILL)

    def again():
        try:
            return execute(t, module, [PYTHON, "-c", code])
        except RpcError as refused:
            equal(refused.reason, "busy", "until the listener has ended")
            return None
    until(again, "a place is free")
    require(module.violations(), "what it was refused is told")


@test
def ends_when_the_daemon_is_killed(t):
    daemon = Daemon()
    t.cleanup(daemon.done)
    folder = t.folder(manifest(["/bin/sleep", "600"], id="survivor"))
    client = daemon.client()
    instance = client.call("instance.start", path=str(folder))["instance"]
    command = Command(client, instance, ["/bin/sleep", "605"])
    t.cleanup(command.close)

    def alive(word):
        return [p for p in in_cgroups_of(daemon.id)
                if word in pathlib.Path(f"/proc/{p}/cmdline").read_bytes().decode().split("\0")]
    until(lambda: alive("605"), "it runs")
    main = client.call("instance.show", instance=instance)["pid"]
    daemon.kill()
    client.close()
    until(lambda: not alive("605"), "the command has ended")
    equal(alive("600"), [main], "the module runs on")
    daemon.start()
    with daemon.client() as again:
        view = until(lambda: (v := again.call("instance.show", instance=instance))["state"] == "ready" and v,
                     "it is taken over")
        equal(view["pid"], main, "its process")
        equal(Command(again, instance, ["/bin/sh", "-c", "exit 4"]).finish().exit, {"code": 4},
              "a command under the next daemon")


@test
def nothing_runs_while_the_flag_is_up(t):
    daemon = Daemon()
    t.cleanup(daemon.done)
    with daemon.client() as client:
        folder = t.folder(manifest(["/bin/sleep", "600"], id="flagged"))
        instance = client.call("instance.start", path=str(folder))["instance"]
        command = Command(client, instance, ["/bin/sleep", "606"])
        client.call("emergency.stop", reason="a drill")
        require(command.wait(), "what ran has ended")
        command.close()
        error = client.refused("instance.exec", instance=instance, command=["/bin/true"])
        require(error.reason in ("emergency", "not-running"), f"the reason: {error}")
        client.call("emergency.lift")


@test
def many_at_the_same_time(t):
    """Eight connections, each with a command after the other, in two instances."""
    modules = [sleeper(t, id=f"busy-{n}", limits={"processes": 32}) for n in range(2)]
    clients = [t.new_client() for _ in range(8)]
    for turn in range(5):
        made = [Command(c, modules[n % 2].instance, ["/bin/sh", "-c", f"cat; exit {turn}"])
                for n, c in enumerate(clients)]
        for n, command in enumerate(made):
            done = command.finish(f"{n} {turn}".encode(), DEADLINE)
            equal((done.stdout, done.exit), (f"{n} {turn}", {"code": turn}), "each its own")


# By modsupctl


def ctl(t, *words, **kwargs):
    kwargs.setdefault("input", "")
    return subprocess.run([str(build_dir() / "modsupctl"), "--private", str(t.daemon.folder), "exec",
                           *words], capture_output=True, text=True, timeout=DEADLINE * 2, check=False,
                          **kwargs)


@test
def ctl_passes_streams_and_code(t):
    module = sleeper(t, id="by-ctl")
    done = ctl(t, module.instance, "--", "sh", "-c", "read x; echo out $x; echo err >&2; exit 7", input="word\n")
    equal((done.stdout, done.stderr, done.returncode), ("out word\n", "err\n", 7), "streams and code")
    equal(ctl(t, module.instance, "--", "/bin/sh", "-c", "kill -TERM $$").returncode, 143, "128 + 15")
    data = "0123456789abcde\n" * 65536
    done = ctl(t, module.instance, "--", "cat", input=data)
    require(done.stdout == data, f"{len(done.stdout)} of {len(data)} bytes: {done.stderr[-300:]}")
    done = ctl(t, "-e", "COLOR=blue=green", "--env", "EMPTY=", module.instance, "--", "env")
    require({"COLOR=blue=green", "EMPTY="} <= set(done.stdout.splitlines()), f"variables: {done.stdout}")
    equal((done.returncode, done.stderr), (0, ""), "nothing but the command speaks")


@test
def ctl_tells_what_is_wrong(t):
    module = sleeper(t, id="by-ctl")
    wrong = {("no-such-module", "--", "true"): (3, "has no instance"),
             (module.instance, "--", "no-such-program"): (1, "no program"),
             (module.instance, "--", "/bin/no-such-program"): (1, "not found"),
             (module.instance,): (2, "COMMAND is missing"), ("--", "true"): (2, ""),
             (module.instance, "--tty", "--", "true"): (2, "terminal"),
             ("--env", "NOVALUE", module.instance, "--", "true"): (1, "NAME=VALUE"),
             ("--env", "LD_PRELOAD=x", module.instance, "--", "true"): (1, "LD_PRELOAD"),
             ("A B", "--", "true"): (1, "names neither")}
    for words, (code, text) in wrong.items():
        done = ctl(t, *words)
        require(text in done.stderr and done.stdout == "", f"{words}: {done.stdout} {done.stderr}")
        equal(done.returncode, code, f"the exit code of {words}: {done.stderr}")


@test
def ctl_that_ends_ends_the_command(t):
    module = sleeper(t, id="by-ctl")
    for number, (end, code) in enumerate({signal.SIGKILL: -9, signal.SIGTERM: 143,
                                          signal.SIGINT: 130}.items()):
        word = f"61{number}"
        with subprocess.Popen([str(build_dir() / "modsupctl"), "--private", str(t.daemon.folder), "exec",
                               module.instance, "--", "sleep", word], stdin=subprocess.DEVNULL) as process:
            until(lambda w=word: host_pids(t, w), "it runs")
            process.send_signal(end)
            equal(process.wait(DEADLINE), code, f"its exit after {end}")
        until(lambda w=word: not host_pids(t, w), "the command has ended")
    done = ctl(t, "--timeout", "300ms", module.instance, "--", "sleep", "614")
    equal(done.returncode, 124, "the time was over")
    until(lambda: not host_pids(t, "614"), "the command has ended")


@test
def ctl_gives_a_terminal(t):
    module = sleeper(t, id="by-ctl")
    pid, master = pty.fork()
    if pid == 0:
        program = str(build_dir() / "modsupctl")
        os.execve(program, [program, "--private", str(t.daemon.folder), "exec", "-t", module.instance, "--",
                            "sh", "-c", "trap 'echo changed $(stty size)' WINCH; echo $TERM $(stty size); "
                            "read x; echo said $x; while :; do sleep 0.1; done"],
                  dict(os.environ, TERM="vt220"))
    text = b""

    def reads(wanted):
        nonlocal text
        while wanted not in text:
            require(select.select([master], [], [], DEADLINE)[0], f"no {wanted!r}, only {text!r}")
            text += os.read(master, 4096)
        return True
    try:
        reads(b"vt220 24 80")
        os.write(master, b"word\r")
        reads(b"said word")
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 132, 0, 0))
        reads(b"changed 40 132")
        os.write(master, b"\x03")
        equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 130, "^C went to the command")
    finally:
        os.close(master)


# Who may, and a shim that does not answer


@test
def administrators_only(t):
    module = sleeper(t)
    for role in ("backend", "observer"):
        with Client(t.daemon.folder / role / "control.sock") as client:
            equal(client.refused("instance.exec", instance=module.instance, command=["/bin/true"]).reason,
                  "role-forbids", f"by the socket of {role}")


@test
def nothing_runs_without_the_shims_word(t):
    """A stopped shim hears of no listener: the command waits, and can be given up."""
    module = sleeper(t)
    main = t.client.call("instance.show", instance=module.instance)["pid"]
    stat = pathlib.Path(f"/proc/{main}/stat").read_text(encoding="utf-8")
    shim = int(stat.rsplit(")", 1)[1].split()[1])
    client = t.new_client()
    os.kill(shim, signal.SIGSTOP)
    try:
        ident = client.send("instance.exec", instance=module.instance, command=["/bin/sleep", "620"])

        def parked():
            """In the payload group with its filter on, still the helper's own program."""
            for pid in in_cgroups_of(t.daemon.id):
                folder = pathlib.Path(f"/proc/{pid}")
                try:
                    if "join" in (folder / "cmdline").read_bytes().decode().split("\0") and \
                            "payload" in (folder / "cgroup").read_text(encoding="utf-8") and \
                            "Seccomp_filters:\t1" in (folder / "status").read_text(encoding="utf-8"):
                        return pid
                except OSError:
                    continue
            return None
        pid = until(parked, "the command is set up")
        require(not host_pids(t, "620"), "it runs")
        equal(client.call("operation.cancel", id=ident), {"cancelled": True}, "given up")
        try:
            client.finish(ident)
            raise AssertionError("it ran")
        except RpcError as error:
            equal(error.reason, "cancelled", "the answer")
        until(lambda: not os.path.exists(f"/proc/{pid}"), "it has ended")
    finally:
        os.kill(shim, signal.SIGCONT)
    equal(execute(t, module, ["/bin/true"]).exit, {"code": 0}, "when the shim answers again")


@test
def an_older_shim_cannot_be_joined(t):
    """It has no word for a second listener, and left no plan."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="modsup-test-"))
    t.cleanup(lambda: shutil.rmtree(folder))
    shutil.copy2(build_dir() / "modsup-inspect", folder / "modsup-inspect")
    shutil.copy2(build_dir() / "modsup-shim-previous", folder / "modsup-shim")
    daemon = Daemon(libexec=folder)
    t.cleanup(daemon.done)

    def refusal():
        with daemon.client() as client:
            until(lambda: client.call("instance.show", instance=instance)["state"] == "ready", "it runs")
            error = client.refused("instance.exec", instance=instance, command=["/bin/true"])
        require("restart" in error.data["hint"], f"what to do: {error.data}")
        return error.reason
    with daemon.client() as client:
        instance = client.call("instance.start", path=str(t.folder(
            manifest(["/bin/sleep", "600"], id="older"))))["instance"]
    equal(refusal(), "shim-outdated", "by the daemon that started it")
    daemon.kill()
    daemon.libexec = None  # the upgrade
    daemon.start()
    equal(refusal(), "shim-outdated", "by the next daemon")


@test
def the_helper_is_not_for_people(t):
    for words in ([], ["join"]):
        done = subprocess.run([str(build_dir() / "modsup-shim"), *words], capture_output=True, text=True,
                              timeout=DEADLINE, check=False)
        equal(done.returncode, 2, f"by hand: {words}")
        require("not by hand" in done.stderr, f"what it says: {done.stderr}")
