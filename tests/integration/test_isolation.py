# SPDX-License-Identifier: GPL-2.0-or-later
"""Two modules side by side cannot see, signal, reach or disturb each other."""
import json
import socket

from harness import equal, manifest, require, test, until

NEIGHBOUR = """
import os, socket, sys, time
box = socket.socket(socket.AF_UNIX)
box.bind("\\0neighbour")
box.listen()
tcp = socket.socket()
tcp.bind(("127.0.0.1", 45678))
tcp.listen()
open("/tmp/mark", "w").write("x")
open("/dev/shm/mark", "w").write("x")
print("ready", flush=True)
time.sleep(600)
"""

SNOOP = """
import errno, json, os, signal, socket
def attempt(act):
    try:
        result = act()
        return ["granted", str(result)]
    except OSError as error:
        return [errno.errorcode.get(error.errno, "?"), ""]
def dial(family, address):
    with socket.socket(family) as s:
        s.settimeout(2)
        s.connect(address)
host_pid = int(os.environ["HOST_PID"])
mine = {os.getpid(), 1}
print(json.dumps({
    "abstract": attempt(lambda: dial(socket.AF_UNIX, "\\0neighbour")),
    "host-abstract": attempt(lambda: dial(socket.AF_UNIX, "\\0modsup-test-host")),
    "tcp": attempt(lambda: dial(socket.AF_INET, ("127.0.0.1", 45678))),
    "tmp": attempt(lambda: open("/tmp/mark").read()),
    "shm": attempt(lambda: open("/dev/shm/mark").read()),
    "signal": attempt(lambda: os.kill(host_pid, 0)),
    "pidfd": attempt(lambda: os.pidfd_open(host_pid)),
    "environ": attempt(lambda: open("/proc/%d/environ" % host_pid).read()),
    "everybody": attempt(lambda: os.kill(-1, signal.SIGTERM)),
    "seen": sorted(int(n) for n in os.listdir("/proc") if n.isdigit() and int(n) not in mine),
    "priority": attempt(lambda: os.setpriority(os.PRIO_PROCESS, host_pid, 10)),
    "affinity": attempt(lambda: os.sched_setaffinity(host_pid, {0})),
}))
"""


@test
def neighbours_do_not_meet(t):
    host = socket.socket(socket.AF_UNIX)
    host.bind("\0modsup-test-host")
    host.listen()
    t.cleanup(host.close)
    neighbour = t.launch(["/usr/bin/python3", "main.py"], {"main.py": NEIGHBOUR}, id="neighbour")
    equal(neighbour.read_line(), "ready\n", "the neighbour")
    pid = next(i["pid"] for i in t.client.call("instance.list")["instances"]
               if i["instance"] == neighbour.instance)
    facts = t.python(SNOOP, id="snoop", entry={"env": {"HOST_PID": str(pid)}}).succeeded().json()
    equal(facts.pop("seen"), [], "processes of others in /proc")
    for what, (code, value) in facts.items():
        require(code != "granted", f"{what}: {value}")
    equal(t.client.call("instance.show", instance=neighbour.instance)["state"], "ready",
          "the neighbour's state afterwards")


@test
def one_tenants_modules_are_apart_too(t):
    folder = t.folder(manifest(["/bin/sleep", "60"]))
    red, blue = (t.start(folder, tenant=name) for name in ("red", "blue"))
    require(red.instance != blue.instance, "one instance for two tenants")
    again = t.client.call("instance.start", path=str(folder), tenant="red", wait="spawned")
    equal((again["instance"], again["already"]), (red.instance, True), "a second start")
    until(lambda: sorted(i["instance"] for i in t.client.call("instance.list")["instances"]
                         if i["instance"] in (red.instance, blue.instance)
                         or i["state"] == "failed") == sorted((red.instance, blue.instance)),
          "nothing of a second start that joined the first is listed")


@test
def shared_kernel_objects_are_private(t):
    """System V and POSIX queues, hostnames and the like live in namespaces of their own."""
    maker = t.python("""
import ctypes, json
libc = ctypes.CDLL(None, use_errno=True)
ids = [libc.shmget(0x4d53, 4096, 0o1666), libc.semget(0x4d53, 1, 0o1666), libc.msgget(0x4d53, 0o1666)]
print(json.dumps(ids))
""", id="maker").succeeded()
    require("-1" not in maker.stdout.splitlines()[0], f"its own objects: {maker.stdout}")
    looker = t.python("""
import ctypes, json
libc = ctypes.CDLL(None, use_errno=True)
print(json.dumps([libc.shmget(0x4d53, 0, 0), libc.semget(0x4d53, 0, 0), libc.msgget(0x4d53, 0)]))
""", id="looker").succeeded()
    equal(json.loads(looker.stdout), [-1, -1, -1], "the other's objects")
