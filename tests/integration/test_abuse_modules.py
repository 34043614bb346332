# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules that mean harm, and a host that does: each costs the module itself, is told or bounded within
five seconds, and a client that behaves is answered as ever meanwhile (harness/probe.py)."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import tempfile
import time

from harness import DEADLINE, PATIENCE, Daemon, Probe, RpcError, equal, manifest, require, test, until
from harness.census import descendants, in_cgroups_of
from harness.daemon import default_config

PYTHON = ["/usr/bin/python3", "main.py"]
SLEEP = ["/bin/sleep", "100000"]


def own_daemon(t, folder=None, env=None, **config):
    daemon = Daemon(config=json.dumps(dict(json.loads(default_config() or "{}"), **config)), folder=folder, env=env)
    t.cleanup(daemon.done)
    return daemon


def start(t, client, name, code=None, wait="spawned", **changes):
    """A module in Python, or one that sleeps; answered within the time that is promised."""
    files = {"main.py": code} if code else None
    folder = t.folder(manifest(PYTHON if code else SLEEP, id=name, **changes), files)
    return client.call("instance.start", _timeout=max(PATIENCE, DEADLINE), path=str(folder), wait=wait)


def show(client, name):
    return client.call("instance.show", module=name)


def shim_of(pid):
    """The parent of a module's main process."""
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


STUBBORN = """
import os, signal, time
for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(n, signal.SIG_IGN)
print("up", flush=True)
time.sleep(100000)
"""

FORKING = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    try:
        os.fork()
    except OSError:
        pass
"""


@test
def modules_that_do_not_want_to_end(t):
    """One that ignores every request to end, and two that fork without end."""
    daemon = own_daemon(t)
    with daemon.client() as client, Probe(t, daemon):
        begun = [start(t, client, "stubborn", STUBBORN, entry={"stopTimeout": "1s"})["instance"],
                 start(t, client, "bomb", FORKING, entry={"stopTimeout": "1s"}, limits={"processes": 40})["instance"],
                 start(t, client, "bomb2", FORKING, entry={"stopTimeout": "1s"}, limits={"processes": 40})["instance"]]
        stubborn = pathlib.Path(f"/proc/{show(client, 'stubborn')['pid']}/status")
        until(lambda: re.search(r"^SigIgn:.*[4-7c-f]...$", stubborn.read_text(), re.M), "it ignores SIGTERM")
        for bomb in begun[1:]:
            until(lambda: client.call("instance.stats", instance=bomb)["instances"][0].get("processes", 0) >= 40,
                  "a bomb is at its limit")
        asked = [client.send("instance.stop", instance=i) for i in begun]
        for ident in asked:
            ended = client.finish(ident, PATIENCE)["exit"]
            equal((ended["signalName"], ended["by"]), ("SIGKILL", "supervisor"), str(ended))


# Serves until it is told "close", then stays without its socket.
CLOSER = """
import os, socket, threading, time
sock = socket.socket(fileno=3)
while True:
    peer, _ = sock.accept()
    text = peer.recv(1000)
    peer.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    peer.close()
    if b"close" in text:
        break
sock.close()
time.sleep(100000)
"""


def http(path, what="/", timeout=PATIENCE):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(timeout)
        sock.connect(path)
        sock.sendall(f"GET {what} HTTP/1.0\r\n\r\n".encode())
        return sock.recv(1000)


@test
def modules_that_close_their_socket(t):
    """With a health check it is found and the next run answers who waits; without, clients wait and
    the daemon does not."""
    daemon = own_daemon(t, restart={"delay": "50ms", "maxDelay": "400ms", "startLimit": 6, "startWindow": "60s"})
    listen = {"listen": {"socket": "http"}}
    with daemon.client() as client, Probe(t, daemon):
        client.subscribe()
        checked = start(t, client, "checked", CLOSER, entry=dict(
            listen, restart="on-failure", health={"http": "/health", "interval": "1s", "failures": 1}))
        plain = start(t, client, "plain", CLOSER, entry=listen)
        for result in (checked, plain):
            require(b"200" in http(result["sockets"]["http"], "/close"), "it serves")
        client.event(lambda e: e["type"] == "instance.unhealthy" and e["module"] == "checked", "it is told", PATIENCE)
        require(b"200" in http(checked["sockets"]["http"], timeout=DEADLINE), "the next run answers")
        with socket.socket(socket.AF_UNIX) as waiting:
            waiting.settimeout(0.5)
            waiting.connect(plain["sockets"]["http"])
            waiting.sendall(b"GET / HTTP/1.0\r\n\r\n")
            try:
                require(False, f"who answered? {waiting.recv(100)}")
            except TimeoutError:
                pass
            client.call("instance.restart", _timeout=PATIENCE, module="plain")
            waiting.settimeout(PATIENCE)
            require(b"200" in waiting.recv(1000), "after a restart it is answered, too")


LOUD = {
    "refused": """
import ctypes
libc = ctypes.CDLL(None)
while True:
    for n in range(20):
        libc.setuid(n)
        libc.ptrace(n, 0, 0, 0)
        libc.mount(b"a%d" % n, b"/", b"b", n, 0)
""",
    "writer": """
import os
text = b"\\x1b[2J\\xff\\x00" * 250 + b"\\n"
while True:
    os.write(1, text)
    os.write(2, text * 60)
""",
    "sayer": """
import os, socket, threading
def flood():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    n = 0
    while True:
        n += 1
        try:
            s.sendto((b"STATUS=\\x1b]0;%d\\x07", b"READY=1", b"\\xff" * 4000, b"WATCHDOG=1\\nRELOADING=1",
                      b"STATUS=" + b"\\x01" * 8000, b"MAINPID=1\\nERRNO=9\\nFDSTORE=1")[n % 6].replace(b"%d", b"%d" % n),
                     os.environ["NOTIFY_SOCKET"])
        except OSError:
            pass
for _ in range(4):
    threading.Thread(target=flood).start()
""",
}


@test(slow=True)
def everything_is_heard_under_every_flood(t):
    """Refused calls, logs and words to the supervisor as fast as three modules can; thirty connections
    that listen to all of it sixteen times over and read nothing; one that reads, and misses nothing."""
    daemon = own_daemon(t)
    with daemon.client() as client, contextlib.ExitStack() as stack:
        client.subscribe()
        with Probe(t, daemon):
            begun = {name: start(t, client, name, code, limits={"cpu": "50%"}, entry={"restart": "never"})
                     for name, code in LOUD.items()}
            for _ in range(30):
                sock = stack.enter_context(socket.socket(socket.AF_UNIX))
                sock.connect(str(daemon.folder / "observer/control.sock"))
                sock.sendall(b'{"jsonrpc":"2.0","id":1,"method":"event.subscribe"}\n' * 16)
            for name in begun:
                for _ in range(3):
                    stream = client.call("instance.logs", module=name, follow=True)["stream"]
                    stack.enter_context(socket.socket(socket.AF_UNIX)).connect(stream)
            end = time.monotonic() + 8
            while time.monotonic() < end:
                client.drain()
                for i in client.call("instance.list", _timeout=PATIENCE)["instances"]:
                    require(len(i.get("status", "")) <= 1536, str(i)[:300])
                time.sleep(0.05)
            for ident in [client.send("instance.kill", module=name) for name in begun]:
                client.finish(ident, PATIENCE)
        told = [e for e in client.events if e["type"] == "violation"]
        require(told and max(e["data"]["total"] for e in told) > 1000, f"{len(told)} violations are told")
        last = 0
        for e in client.events:
            require(e["type"] != "gap" and (e["prev"] == last or not last), f"a loss: {e}")
            last = e["seq"]
        t.say(f"{len(client.events)} events of {max(e['data']['total'] for e in told)} refused calls")


@test(slow=True)
def a_hundred_crashes(t):
    """As fast as the configuration lets it be started again; when it is told to stop nothing is left."""
    daemon = own_daemon(t, restart={"delay": "10ms", "maxDelay": "20ms", "startLimit": 0, "startWindow": "1s"})
    with daemon.client() as client:
        client.subscribe()
        before = len(os.listdir(f"/proc/{daemon.pid}/fd"))
        around = descendants(daemon.pid) | in_cgroups_of(daemon.id)
        with Probe(t, daemon):
            folder = t.folder(manifest(["/bin/sh", "-c", "printf '\\033[31m%01000d' 7 >&2; kill -ABRT $$"], id="crasher",
                                       entry={"restart": "always"}))
            client.call("instance.start", path=str(folder), wait="spawned")
            client.event(lambda e: e["type"] == "instance.exited" and e["data"]["generation"] == 100, "the last run",
                         DEADLINE * 8)
            client.call("instance.stop", _timeout=PATIENCE, module="crasher")
        exits = [e for e in client.events if e["type"] == "instance.exited"]
        require(100 <= len(exits) <= 102, f"{len(exits)} runs")
        require(all(len(json.dumps(e)) < 60000 and e["data"].get("signalName") == "SIGABRT" for e in exits[:100]), str(exits[0]))
        until(lambda: len(os.listdir(f"/proc/{daemon.pid}/fd")) <= before + 2, "descriptors as before")
        until(lambda: descendants(daemon.pid) | in_cgroups_of(daemon.id) <= around, "nothing is left")


# The host

@contextlib.contextmanager
def tmpfs(folder, size):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder):
    with open(folder / "filler", "wb", buffering=0) as file:
        size = 65536
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2


def refusal_or_success(client, t, name):
    """Within its time: that it runs, or a word of the table."""
    try:
        start(t, client, name)
        return None
    except RpcError as error:
        require(error.reason in ("host-full", "internal", "host-lacks", "conflict"), f"{error}")
        require(error.message, "without words")
        return error.reason


@test
def a_full_disk(t):
    """The state's, and the runtime folder's; and both."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="modsup-full-"))
    t.cleanup(folder.rmdir)
    with contextlib.ExitStack() as stack:
        stack.enter_context(tmpfs(folder, "4m"))
        (folder / "state").mkdir(mode=0o700)
        stack.enter_context(tmpfs(folder / "state", "1m"))
        daemon = Daemon(config=json.dumps(dict(json.loads(default_config() or "{}"), host={"reserve": {"disk": "64K"}})),
                        folder=folder)
        stack.callback(lambda: daemon.log_path.unlink(missing_ok=True))
        stack.callback(daemon.done)
        with daemon.client() as client:
            client.subscribe()
            listen = {"entry": {"listen": {"socket": "http"}}}
            for n, full in enumerate(([folder / "state"], [folder], [folder, folder / "state"])):
                running = [start(t, client, f"before{n}-{i}", CLOSER, **listen) for i in range(3)]
                for place in full:
                    fill(place)
                with Probe(t, daemon):
                    reason = refusal_or_success(client, t, f"full{n}")
                    t.say(f"a start with {[p.name for p in full]} full: {reason or 'it runs'}")
                    require(b"200" in http(running[0]["sockets"]["http"]), "those that run serve")
                    equal(client.call("instance.stop", _timeout=PATIENCE * 2, instance=running[0]["instance"])["state"],
                          "stopped", "a stop")
                    client.call("instance.kill", _timeout=PATIENCE, instance=running[1]["instance"])
                    with contextlib.suppress(RpcError):
                        client.call("instance.restart", _timeout=PATIENCE * 2, instance=running[2]["instance"])
                    client.event(lambda e, n=n: e["type"] == "instance.exited" and e["module"] == f"before{n}-1", "its end")
                    client.call("host.check")
                    client.call("capacity.get")
                for place in full:
                    (place / "filler").unlink()
                until(lambda n=n: refusal_or_success(client, t, f"after{n}") is None, "it starts again", PATIENCE, 0.5)


@test
def a_state_folder_that_cannot_be_written(t):
    """A daemon says so and ends, what runs is left alone; and once it can be, the next one takes it over."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="modsup-ro-"))
    folder.chmod(0o755)
    t.cleanup(folder.rmdir)
    config = json.dumps(dict(json.loads(default_config() or "{}"), host={"reserve": {"disk": "64K"}}))
    with contextlib.ExitStack() as stack:
        stack.enter_context(tmpfs(folder, "16m"))
        (folder / "state").mkdir(mode=0o700)
        stack.enter_context(tmpfs(folder / "state", "8m"))
        stack.callback(lambda: pathlib.Path(f"{folder}.log").unlink(missing_ok=True))

        def remount(how):
            subprocess.run(["mount", "-o", f"remount,bind,{how}", str(folder / "state")], check=True)

        def is_refused():
            began = time.monotonic()
            try:
                Daemon(config, folder=folder).done()
            except ChildProcessError as error:
                require("state" in str(error) and "Read-only" in str(error), f"what it says: {error}")
                require(time.monotonic() - began < PATIENCE, "it took too long to say so")
                return
            require(False, "it runs without a state folder")
        remount("ro")
        is_refused()
        remount("rw")
        daemon = Daemon(config, folder=folder)
        stack.callback(daemon.done)
        with daemon.client() as client:
            running = start(t, client, "before", CLOSER, entry={"listen": {"socket": "http"}})
        daemon.kill()
        remount("ro")
        is_refused()
        require(b"200" in http(running["sockets"]["http"]), "what runs serves")
        remount("rw")
        daemon.start()
        with daemon.client() as client:
            equal(show(client, "before")["pid"], running["pid"], "it is taken over")
            client.call("instance.stop", module="before")


@test
def shims_that_stand_still(t):
    """One, then all of them: others start and stop as ever, and a stop of theirs ends, too."""
    daemon = own_daemon(t)
    with daemon.client() as client:
        names = [f"m{n}" for n in range(5)]
        for name in names:
            start(t, client, name, entry={"stopTimeout": "1s"})
        shims = {name: shim_of(show(client, name)["pid"]) for name in names}
        for stopped in (names[:1], names[1:]):
            for name in stopped:
                os.kill(shims[name], signal.SIGSTOP)
            with Probe(t, daemon):
                start(t, client, f"other-{stopped[0]}")
                equal(client.call("instance.stop", _timeout=PATIENCE, module=f"other-{stopped[0]}")["state"], "stopped", "")
                for ident in [client.send("instance.stop", module=name) for name in stopped[:2]] + \
                        [client.send("instance.kill", module=name) for name in stopped[2:]]:
                    found = client.finish(ident, PATIENCE * 2)
                    equal(found["state"], "stopped", str(found))


PRELOAD = """
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static const volatile long *offset;
__attribute__((constructor)) static void begin(void)
{
    int fd = open(getenv("JUMP_FILE"), O_RDONLY | O_CLOEXEC);
    void *at = mmap(0, 8, PROT_READ, MAP_SHARED, fd, 0);
    if (fd < 0 || at == MAP_FAILED)
        abort();
    close(fd);
    offset = at;
}
int clock_gettime(clockid_t clock, struct timespec *ts)
{
    long r = syscall(SYS_clock_gettime, clock, ts);
    if (!r && clock == CLOCK_REALTIME && offset)
        ts->tv_sec += *offset;
    return (int)r;
}
int gettimeofday(struct timeval *tv, void *zone)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *ret)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    if (ret)
        *ret = ts.tv_sec;
    return ts.tv_sec;
}
"""

HEALTHY = """
import os, socket, threading, time
say = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def feed():
    while True:
        say.sendto(b"WATCHDOG=1\\nREADY=1", os.environ["NOTIFY_SOCKET"])
        time.sleep(0.2)
threading.Thread(target=feed).start()
sock = socket.socket(fileno=3)
while True:
    peer, _ = sock.accept()
    peer.recv(1000)
    peer.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    peer.close()
"""

YEAR = 366 * 24 * 3600


def wall_timers(pid):
    """Those of its timers that a jump of the wall clock would move."""
    found = []
    for name in os.listdir(f"/proc/{pid}/fdinfo"):
        with contextlib.suppress(OSError):
            clock = re.search(r"^clockid: (\d+)", pathlib.Path(f"/proc/{pid}/fdinfo/{name}").read_text(), re.M)
            if clock:
                found.append(int(clock.group(1)))
    return found


@test(slow=True)
def a_clock_that_jumps_by_a_year(t):
    """Forth and back, as modsupd sees it: by a library in front of libc, so the machine's stays. Nothing
    that is being waited for comes early or late, and no timer of it or of a shim hangs on the wall's."""
    jump = t.scratch / "jump"
    jump.write_bytes(struct.pack("q", 0))
    (t.scratch / "jump.c").write_text(PRELOAD)
    library = t.scratch / "jump.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, t.scratch / "jump.c"], check=True)
    daemon = own_daemon(t, env={"LD_PRELOAD": str(library), "JUMP_FILE": str(jump),
                                "ASAN_OPTIONS": "verify_asan_link_order=0"},
                        restart={"delay": "2s", "maxDelay": "4s", "startLimit": 50, "startWindow": "1h"})
    with daemon.client() as client:
        client.subscribe()
        healthy = start(t, client, "healthy", HEALTHY, entry={
            "listen": {"socket": "http"}, "readiness": "notify", "watchdog": "5s",
            "health": {"http": "/health", "interval": "1s", "failures": 3}})
        start(t, client, "crasher", "import os\nos._exit(3)\n", entry={"restart": "always"})
        never = t.folder(manifest(SLEEP, id="never", entry={"readiness": "notify", "listen": {"socket": "http"}}))
        clocks = set()
        for offset in (YEAR, -YEAR, 0):
            waiting = client.send("instance.start", path=str(never), wait="ready", timeout="3s")
            client.event(lambda e: e["type"] == "instance.backoff", "a wait for the next run")
            del client.events[:]
            with open(jump, "r+b") as file:  # in place: it is mapped
                file.write(struct.pack("q", offset))
            began = time.monotonic()
            with Probe(t, daemon):
                try:
                    require(False, f"it is ready: {client.finish(waiting, DEADLINE)}")
                except RpcError as error:
                    equal(error.reason, "start-timeout", str(error))
                took = time.monotonic() - began
                require(1.5 < took < 3 + PATIENCE, f"three seconds took {took:.1f}")
                client.event(lambda e: e["type"] == "instance.started" and e["module"] == "crasher", "its next run")
                for pid in {daemon.pid} | {shim_of(healthy["pid"])}:
                    clocks |= set(wall_timers(pid))
                told = client.call("supervisor.info")
                client.drain()
            newest = client.events[-1]["time"]
            year = time.gmtime(time.time() + offset).tm_year
            require(newest.startswith(str(year)), f"the jump was not seen: {newest}")
            require(0 < told["uptimeUsec"] < 3600e6, f"uptime {told['uptimeUsec']}")
            view = show(client, "healthy")
            equal((view["state"], view["instance"]), ("ready", healthy["instance"]), "the healthy one")
            starts = len([e for e in client.events if e["type"] == "instance.started" and e["module"] == "crasher"])
            require(starts <= 1 + (time.monotonic() - began) / 1.5, f"{starts} runs of the crashing one")
            client.call("instance.stop", _timeout=DEADLINE, module="never")
        require(clocks and not clocks & {0, 8}, f"clocks of timers: {clocks}")  # CLOCK_REALTIME, and its alarm
        t.say(f"clocks of timers: {sorted(clocks)}")
