# SPDX-License-Identifier: GPL-2.0-or-later
"""What a shim does by itself. modsupd is killed, and the test takes its place on the adoption socket:
what the shim says and takes there is read and written from the description of its messages, and
shares no code with the product."""
import ctypes
import errno
import os
import pathlib
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from harness import Daemon, build_dir, equal, manifest, require, test, until
from harness.wait import DEADLINE, SLOWNESS

RELEASE, SIGNAL, KILL, HEARD, LISTENER = 2, 3, 4, 5, 6
VIOLATION, EXIT, HELLO, NOTIFY = 67, 68, 69, 70

# A module that does what it is told over its socket: Python, in the names below.
SERVER = """
import os, signal, socket, sys, time, threading
say_to = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def say(text):
    say_to.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
def say_with(text, fd):
    say_to.sendmsg([text.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fd.to_bytes(4, "little"))],
                   0, os.environ["NOTIFY_SOCKET"])
server = socket.socket(fileno=3)
server.settimeout(None)
while True:
    peer, _ = server.accept()
    try:
        answer = repr(eval(peer.recv(60000).decode()))
    except BaseException as error:
        answer = type(error).__name__ + ": " + str(error)
    try:
        peer.sendall(answer.encode())
    except OSError:
        pass
    peer.close()
"""


class Module:
    """A module whose daemon is dead, and whose shim has the test for its daemon."""

    def __init__(self, t, libexec=None, server=SERVER, **entry):
        self.daemon = Daemon(libexec=libexec) if libexec else Daemon()
        t.cleanup(self.done)
        entry.setdefault("listen", {"socket": "http"})
        folder = t.folder(manifest(["/usr/bin/python3", "main.py"], id="server", entry=entry),
                          {"main.py": server})
        with self.daemon.client() as client:
            self.result = client.call("instance.start", path=str(folder), wait="spawned")
            self.pid = client.call("instance.show", instance=self.result["instance"])["pid"]
        self.daemon.kill()
        self.sock, self.messages = None, []
        self.version = None

    def adopt(self):
        """Be the daemon: HELLO, with its descriptors."""
        if self.sock:
            self.sock.close()
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(str(self.daemon.folder / "shims" / self.result["instance"]))
        self.messages = []
        return self.message(HELLO)

    def _receive(self):
        data, fds, flags, _ = socket.recv_fds(self.sock, 8192, 16)
        require(not flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC), "a message is whole")
        require(data, "the shim has not gone away")
        equal(data[:2], b"ms", "the magic")
        self.version = data[2]
        self.messages.append((data[3], data[4:], fds, time.monotonic()))

    def message(self, kind, timeout=DEADLINE):
        """The next one of this kind; those before it are kept."""
        end = time.monotonic() + timeout
        while True:
            for i, found in enumerate(self.messages):
                if found[0] == kind:
                    del self.messages[i]
                    return Message(self.version, *found)
            left = end - time.monotonic()
            require(left > 0 and select.select([self.sock], [], [], left)[0],
                    f"no message {kind} in {timeout} s; came: {[m[0] for m in self.messages]}")
            self._receive()

    def notified(self, want, timeout=DEADLINE):
        """What it says of itself, once it is that."""
        end = time.monotonic() + timeout
        while True:
            said = self.message(NOTIFY, end - time.monotonic()).notify()
            if all(said[k] == v for k, v in want.items()):
                return said

    def quiet(self, seconds):
        """How many messages come in this time."""
        end, n = time.monotonic() + seconds, len(self.messages)
        while (left := end - time.monotonic()) > 0:
            if select.select([self.sock], [], [], left)[0]:
                self._receive()
        return len(self.messages) - n

    def send(self, kind, fields=b"", fds=(), version=2):
        socket.send_fds(self.sock, [b"ms" + bytes([version, kind]) + fields], list(fds))

    def ask(self, code, timeout=DEADLINE):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(timeout)
            sock.connect(self.result["sockets"]["http"])
            sock.sendall(code.encode())
            return sock.recv(60000).decode()

    def tell(self, code):
        """What has no answer."""
        try:
            self.ask(code)
        except (ConnectionError, socket.timeout):
            pass

    def ended(self, timeout=DEADLINE):
        ended = self.message(EXIT, timeout)
        self.send(HEARD, version=self.version)
        return ended

    def done(self):
        if self.sock:
            self.sock.close()
        self.daemon.done()


class Message:
    def __init__(self, version, kind, data, fds, at):
        self.version, self.kind, self.data, self.fds, self.at = version, kind, data, fds, at

    def close(self):
        while self.fds:
            os.close(self.fds.pop())

    def hello(self):
        names = ("launch", "policy", "pid", "ended", "denied", "ready", "n_listen", "has_plan")
        form = "<16s32sI?Q" + ("" if self.version == 1 else "?B?")
        return dict(zip(names, struct.unpack(form, self.data)))

    def notify(self):
        names = ("ready", "reloading", "stopping", "dropped", "len")
        got = dict(zip(names, struct.unpack_from("<???II", self.data)))
        got["status"] = self.data[11:-1].decode()
        equal((len(got["status"].encode()), self.data[-1]), (got.pop("len"), 0), "the status")
        return got

    def exit(self):
        names = ("by_signal", "value", "core", "flood", "forbidden", "denied", "reported", "dropped",
                 "watchdog", "emergency", "len")
        form = "<BB???QQQ" + ("" if self.version == 1 else "??I")
        got = dict(zip(names, struct.unpack_from(form, self.data)))
        if self.version > 1:
            got["tail"] = self.data[struct.calcsize(form):]
            equal(len(got["tail"]), got.pop("len"), "the tail")
        return got

    def violation(self):
        names = ("arch", "nr", "args", "ip", "tid", "pid", "count", "total")
        return dict(zip(names, struct.unpack_from("<II48sQIIIQ", self.data)))


@test
def hello_hands_over_what_must_survive(t):
    m = Module(t)
    hello = m.adopt()
    said = hello.hello()
    equal((said["ended"], said["ready"], said["n_listen"], said["has_plan"]), (False, False, 1, True),
          "what it says")
    equal(len(hello.fds), 3, "descriptors")
    pidfd, listening, plan = hello.fds
    info = pathlib.Path(f"/proc/self/fdinfo/{pidfd}").read_text()
    require(f"Pid:\t{m.pid}\n" in info, f"the main process is {m.pid}: {info}")
    with socket.socket(fileno=os.dup(listening)) as sock:
        equal(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), 1, "it listens")
        equal(sock.getsockname(), m.result["sockets"]["http"], "its name")
    data = os.pread(plan, 64, 0)
    equal(data[:8], b"msplan" + struct.pack("<H", 2), "the plan")
    equal((data[8:24], data[24:56]), (said["launch"], said["policy"]), "the plan's launch and policy")
    try:
        os.pwrite(plan, b"x", 0)
        require(False, "the plan could be written to")
    except OSError as error:
        require(error.errno in (errno.EPERM, errno.EBADF), f"writing to the plan: {error}")
    hello.close()
    equal(m.ask("1 + 1"), "2", "it serves")
    # again, and what was handed over before is there again
    again = m.adopt()
    equal(again.hello(), said, "to the next")
    equal(len(again.fds), 3, "descriptors for the next")
    again.close()


@test
def clients_queue_after_the_module_has_ended(t):
    m = Module(t)
    m.adopt().close()
    m.tell("os._exit(7)")
    m.message(EXIT)
    m.sock.close()
    hello = m.adopt()
    equal((hello.hello()["ended"], len(hello.fds)), (True, 2), "ended: no process, the rest")
    equal(m.ended().exit()["value"], 7, "told to who comes after")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(DEADLINE)
        client.connect(m.result["sockets"]["http"])  # the shim has gone; the successor holds it
        client.sendall(b"hello")
        with socket.socket(fileno=hello.fds.pop(0)) as sock:
            sock.settimeout(DEADLINE)
            peer, _ = sock.accept()
            equal(peer.recv(10), b"hello", "what was queued")
            peer.close()
    hello.close()


@test
def what_it_says_of_itself_is_told(t):
    m = Module(t, readiness="notify")
    m.adopt().close()
    m.ask("say('STATUS=half way')")
    equal(m.message(NOTIFY).notify(), {"ready": False, "reloading": False, "stopping": False,
                                       "dropped": 0, "status": "half way"}, "a status")
    began = time.monotonic()
    m.ask("say('READY=1')")
    m.notified({"ready": True, "status": "half way"})
    require(time.monotonic() - began < 0.9, "READY=1 does not wait for a second")
    m.ask("say('RELOADING=1')")
    m.notified({"ready": True, "reloading": True})
    m.ask("say('READY=1')")
    m.notified({"ready": True, "reloading": False})
    m.ask("say('hello')")
    m.ask("say('WATCHDOG_USEC=1')")
    m.notified({"dropped": 2})
    m.ask("say('STOPPING=1')")
    m.notified({"stopping": True})
    # the next daemon knows without being told again by the module
    hello = m.adopt()
    require(hello.hello()["ready"], "HELLO says that it is ready")
    hello.close()
    m.notified({"ready": True, "stopping": True, "status": "half way", "dropped": 2})


@test
def what_it_said_to_nobody_is_told_to_the_next(t):
    m = Module(t, readiness="notify")
    m.ask("say('READY=1\\nSTATUS=alone')")
    hello = m.adopt()
    equal(hello.hello()["ready"], True, "ready")
    hello.close()
    m.notified({"ready": True, "status": "alone"})


@test
def only_the_module_may_say_it(t):
    """Not another user of the host: the socket is inside, and it is the module's alone."""
    m = Module(t)
    m.adopt().close()
    path = f"/proc/{m.pid}/root/run/modsup/notify"
    st = os.stat(path)
    equal(oct(st.st_mode & 0o7777), "0o200", "its mode")
    require(st.st_uid not in (0, os.getuid()), "it is the module's own")
    equal(m.ask("os.stat('/run/modsup/notify').st_uid == os.getuid()"), "True", "seen inside")
    for attempt in ("os.unlink(os.environ['NOTIFY_SOCKET'])",
                    "os.chmod(os.environ['NOTIFY_SOCKET'], 0o777)",
                    "os.rename(os.environ['NOTIFY_SOCKET'], '/run/modsup/x')"):
        require("Read-only file system" in m.ask(attempt), attempt)


@test
def a_status_flood_is_folded(t):
    m = Module(t)
    m.adopt().close()
    m.tell("threading.Thread(target=lambda: [say(f'STATUS={i}') for i in range(10**9)],"
           " daemon=True).start()")
    m.message(NOTIFY)
    said = m.quiet(3)
    require(2 <= said <= 5, f"{said} messages in three seconds")
    m.send(SIGNAL, bytes([signal.SIGTERM]))
    equal(m.ended().exit()["value"], int(signal.SIGTERM), "it is heard all the same")


FLOOD = """
import os, socket, threading
def flood():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    while True:
        try:
            s.sendto(b"x" * 100, os.environ["NOTIFY_SOCKET"])
        except OSError:
            pass
for _ in range(4):
    threading.Thread(target=flood, daemon=True).start()
"""


@test
def a_garbage_flood_costs_the_module_alone(t):
    m = Module(t, server=FLOOD + SERVER)
    m.adopt().close()
    m.message(NOTIFY)
    shim = shim_of(m)
    before = private_kib(shim)
    said = m.quiet(2)
    require(said <= 4, f"{said} messages in two seconds")
    require(private_kib(shim) <= before + 8, "the shim does not grow")
    began = time.monotonic()
    m.ask("os.setuid(0)")  # refused, and answered meanwhile
    m.message(VIOLATION)
    t.say(f"a refused call beside a flood: {(time.monotonic() - began) * 1000:.0f} ms")
    m.send(KILL)
    equal(m.ended().exit()["value"], int(signal.SIGKILL), "the end")


def shim_of(m):
    """The shim is PID 1 of the module's pid namespace and the parent of its main process."""
    stat = pathlib.Path(f"/proc/{m.pid}/stat").read_text()
    return int(stat.rsplit(")", 1)[1].split()[1])


def private_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private"))


# Each datagram carries the last of a connection that has more to send than anybody reads, and that
# is told to wait for an hour when it is closed.
LINGER = """
import socket, struct
def lingering():
    listener = socket.create_server(("127.0.0.1", 0))
    out = socket.create_connection(listener.getsockname())
    peer, _ = listener.accept()
    out.setblocking(False)
    try:
        while True:
            out.send(b"x" * 65536)
    except BlockingIOError:
        pass
    out.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3600))
    kept.append((listener, peer))
    return out
kept = []
def send_lingering(n):
    socks = [lingering() for _ in range(n)]
    for s in socks:
        say_with("STATUS=gift", s.fileno())
    for s in socks:
        s.close()
    say("READY=1")
"""


@test
def descriptors_with_a_datagram_cannot_hold_the_shim_up(t):
    m = Module(t, server=LINGER + SERVER, readiness="notify")
    m.adopt().close()
    shim = shim_of(m)
    os.kill(shim, signal.SIGSTOP)  # so that the last one to close is not the module
    try:
        equal(m.ask("send_lingering(5)"), "None", "sent")
    finally:
        os.kill(shim, signal.SIGCONT)
    began = time.monotonic()
    m.notified({"ready": True, "status": "gift"})
    equal(m.ask("os.setuid(0)"), "PermissionError: [Errno 1] Operation not permitted", "a refused call")
    m.message(VIOLATION)
    took = time.monotonic() - began
    require(took < 4, f"it took {took:.1f} s")
    m.send(KILL)
    equal(m.ended().exit()["value"], int(signal.SIGKILL), "the end")


# The same to a client of the module's own socket, which had its answer.
LINGERING_SERVER = """
server = socket.socket(fileno=3)
while True:
    gift = lingering()
    peer, _ = server.accept()
    socket.send_fds(peer, [b"HTTP/1.0 200 OK\\r\\n\\r\\n"], [gift.fileno()])
    gift.close()
    kept.append(peer)
"""

READER = """
import socket, sys, time
with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
    sock.connect(sys.argv[1])
    time.sleep(1)  # so that the module has let go of what it sent, and this is the last one
    sock.recv(100)
"""


@test
def a_module_cannot_hold_up_who_reads_from_it(t):
    """Not a backend, and not modsupd, which asks it for its health."""
    m = Module(t, server=LINGER + LINGERING_SERVER)
    with subprocess.Popen([sys.executable, "-c", READER, m.result["sockets"]["http"]]) as reader:
        try:
            equal(reader.wait(DEADLINE), 0, "the reader")
        finally:
            reader.kill()


@test
def a_barrier_is_lifted(t):
    """sd_notify_barrier(3): the manager closes what came with the message, when it has read it."""
    m = Module(t)
    m.adopt().close()
    equal(m.ask("(p := os.pipe(), say_with('BARRIER=1', p[1]), os.close(p[1]), os.read(p[0], 1))[3]"),
          "b''", "the pipe's end")


# How long a watchdog waits here, in seconds: more where everything is slow.
PATIENCE = max(1, int(SLOWNESS))

WATCHED = f"PATIENCE = {PATIENCE}\n" + """
import os, signal, socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
assert os.environ["WATCHDOG_PID"] == str(os.getpid()), os.environ["WATCHDOG_PID"]
usec = int(os.environ["WATCHDOG_USEC"])
"""


@test
def a_watchdog_that_is_fed_does_not_bite(t):
    m = Module(t, watchdog=f"{PATIENCE}s", server="import os, threading, time\n" + SERVER.replace(
        "server =", "threading.Thread(target=lambda: [(say('WATCHDOG=1'), time.sleep(0.2))"
        " for _ in range(10**6)], daemon=True).start()\nserver =", 1))
    m.adopt().close()
    time.sleep(3 * PATIENCE)  # so that it had the chance
    equal(m.ask("int(os.environ['WATCHDOG_USEC'])"), str(PATIENCE * 1000000), "it lives, and knows how often")


@test
def a_hanging_module_is_aborted(t):
    m = Module(t, watchdog=f"{PATIENCE}s", server=WATCHED + """
for _ in range(10):
    s.send(b"WATCHDOG=1")
    time.sleep(0.2)
print("not this", flush=True)
print("the last word", file=sys.stderr, flush=True)
s.send(b"STATUS=hanging")
time.sleep(1000)
""")
    m.adopt().close()
    hung = m.message(NOTIFY)
    ended = m.ended()
    got = ended.exit()
    equal((got["by_signal"], got["value"]), (1, int(signal.SIGABRT)), "how it ended")
    equal((got["watchdog"], got["emergency"], got["flood"]), (True, False, False), "why")
    require(got["tail"].endswith(b"the last word\n") and b"not this" not in got["tail"],
            f"the last of stderr: {got['tail']}")
    took = ended.at - hung.at
    require(0.5 < took < 3 * PATIENCE, f"it hung for {took:.1f} s")


@test
def a_hanging_module_that_heeds_no_signal_is_killed(t):
    m = Module(t, watchdog=f"{PATIENCE}s", server=WATCHED + """
signal.signal(signal.SIGABRT, signal.SIG_IGN)
if os.fork() == 0:
    time.sleep(1000)
time.sleep(1000)
""")
    m.adopt().close()
    got = m.ended().exit()
    equal((got["by_signal"], got["value"], got["watchdog"]), (1, int(signal.SIGKILL), True), "the end")


@test
def a_watchdog_waits_for_ready_and_ends_with_the_stop(t):
    m = Module(t, watchdog=f"{PATIENCE}s", readiness="notify", server=WATCHED + """
def end(*_):
    time.sleep(2.5 * PATIENCE)
    os._exit(4)
signal.signal(signal.SIGTERM, end)
s.send(b"STATUS=up")
time.sleep(2.5 * PATIENCE)
s.send(b"READY=1")
while True:
    s.send(b"WATCHDOG=1")
    time.sleep(0.2)
""")
    m.adopt().close()
    m.notified({"ready": True, "status": "up"})
    m.send(SIGNAL, bytes([signal.SIGTERM]))
    got = m.ended().exit()
    equal((got["by_signal"], got["value"], got["watchdog"]), (0, 4, False), "it had its time to end")


@test
def the_last_of_stderr_goes_with_the_end(t):
    m = Module(t)
    m.adopt().close()
    m.tell("[print('line', i, file=sys.stderr) for i in range(1000)] and print('out', flush=True) "
           "or os.write(2, b'the end, with \\0 and no newline') and os._exit(3)")
    tail = m.ended().exit()["tail"]
    require(tail.endswith(b"line 999\nthe end, with \0 and no newline"), f"the last of it: {tail[-99:]}")
    require(len(tail) <= 2048 and tail.startswith(b"line "), f"whole lines: {tail[:40]}")
    require(b"out" not in tail, "stderr alone")


# A second listener: from a process of the test's own.

NR_SECCOMP, NR_PRCTL, NR_GETPRIORITY = 317, 157, 140
NR_ASKED = 251  # ioprio_set(2): nothing of Python's own calls it
USER_NOTIF = 0x7fc00000
libc = ctypes.CDLL(None, use_errno=True)


class Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8),
                ("k", ctypes.c_uint32)]


class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_uint16), ("filter", ctypes.POINTER(Instruction))]


class Caller:
    """A process under a filter with a listener: it makes the call each time it is asked, and tells
    what it got."""

    def __init__(self, t):
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                ours.close()
                self._live(its)
            finally:
                os._exit(1)
        its.close()
        self.sock = ours
        self.sock.settimeout(DEADLINE)
        t.cleanup(self.done)
        _, fds, _, _ = socket.recv_fds(self.sock, 1, 1)
        self.listener = fds[0]

    @staticmethod
    def _live(sock):
        code = (Instruction * 4)(Instruction(0x20, 0, 0, 0), Instruction(0x15, 0, 1, NR_ASKED),
                                 Instruction(0x06, 0, 0, USER_NOTIF), Instruction(0x06, 0, 0, 0x7fff0000))
        libc.prctl(38, 1, 0, 0, 0)
        fd = libc.syscall(NR_SECCOMP, 1, 8, ctypes.byref(Program(4, code)))
        socket.send_fds(sock, [b"L"], [fd])
        os.close(fd)
        while sock.recv(1):
            r = libc.syscall(NR_ASKED, 1, 0, 0)
            sock.send(struct.pack("<i", ctypes.get_errno() if r < 0 else 0))

    def give(self, m):
        """Is it taken?"""
        word, its = os.pipe()
        m.send(LISTENER, fds=[self.listener, its])
        os.close(self.listener)
        os.close(its)
        taken = os.read(word, 2)
        os.close(word)
        return taken == b"1"

    def ask(self):
        self.sock.send(b"?")

    def got(self):
        return struct.unpack("<i", self.sock.recv(4))[0]

    def done(self):
        if self.pid:
            self.sock.close()
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0


@test
def the_listeners_of_commands_are_served_too(t):
    m = Module(t)
    m.adopt().close()
    callers = [Caller(t) for _ in range(8)]
    equal([caller.give(m) for caller in callers], [True] * 8, "are they taken")
    for caller in callers:
        caller.ask()
    equal([caller.got() for caller in callers], [errno.EPERM] * 8, "what they get")
    until(lambda: m.message(VIOLATION).violation()["total"] == 8, "all are counted")
    m.ask("os.setuid(0)")
    equal(m.message(VIOLATION).violation()["total"], 9, "the module's own too, in one sum")
    # one more than there is room for: refused, untold
    extra = Caller(t)
    equal(extra.give(m), False, "is one too many taken")
    extra.ask()
    equal(extra.got(), errno.ENOSYS, "one too many")
    for ended in (3, 5):
        callers[ended].done()
        until(lambda: is_served(m, t), "the place of one that ended is found")
    m.tell("os._exit(0)")
    got = m.ended().exit()
    require(got["denied"] >= 10, f"the sum: {got}")


def is_served(m, t):
    """Is there room for another one?"""
    fresh = Caller(t)
    taken = fresh.give(m)
    fresh.ask()
    equal(fresh.got(), errno.EPERM if taken else errno.ENOSYS, "what it gets")
    return taken


@test
def a_listener_message_without_a_listener_is_nothing(t):
    m = Module(t)
    m.adopt().close()
    m.send(LISTENER)
    with open("/dev/null", "rb") as null:
        for _ in range(20):  # more than there is room for: none of them is kept
            m.send(LISTENER, fds=[null.fileno()] * 3)
    until(lambda: is_served(m, t), "there is room for what is one")
    m.ask("os.setuid(0)")
    m.message(VIOLATION)
    m.tell("os._exit(9)")
    equal(m.ended().exit()["value"], 9, "it goes on")


# A shim of the build before.

def previous(t):
    """A folder of helpers whose shim is of the version before."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="modsup-test-"))
    t.cleanup(lambda: shutil.rmtree(folder))
    build = build_dir()
    for name in ("modsup-inspect",):
        shutil.copy2(build / name, folder / name)
    shutil.copy2(build / "modsup-shim-previous", folder / "modsup-shim")
    return folder


@test
def an_older_shim_speaks_as_it_did(t):
    m = Module(t, libexec=previous(t), readiness="notify")
    m.ask("say('READY=1')")
    hello = m.adopt()
    equal((m.version, len(hello.fds)), (1, 1), "version, and the process alone")
    equal(hello.hello()["ended"], False, "it says no more than it did")
    hello.close()
    m.ask("say('STATUS=unheard')")
    equal(m.quiet(1.5), 0, "nothing that it has no word for")
    m.tell("os._exit(6)")
    got = m.ended().exit()
    equal((got["value"], "tail" in got), (6, False), "its end")


@test
def an_older_shim_does_not_understand_a_newer_daemon(t):
    """So that a daemon which answers in the wrong version is seen."""
    m = Module(t, libexec=previous(t))
    m.adopt().close()
    m.send(SIGNAL, bytes([signal.SIGTERM]), version=2)
    equal(m.sock.recv(100), b"", "the shim hangs up")
    m.adopt().close()
    m.send(SIGNAL, bytes([signal.SIGTERM]), version=1)
    equal(m.ended().exit()["value"], int(signal.SIGTERM), "in its own version")


@test
def the_modules_of_an_older_build_are_taken_over(t):
    libexec = previous(t)
    daemon = Daemon(libexec=libexec)
    t.cleanup(daemon.done)
    folder = t.folder(manifest(["/usr/bin/python3", "main.py"], id="server",
                               entry={"listen": {"socket": "http"}}), {"main.py": SERVER})
    with daemon.client() as client:
        kept = client.call("instance.start", path=str(folder))
        pid = client.call("instance.show", instance=kept["instance"])["pid"]
    daemon.kill()
    daemon.libexec = None  # the upgrade
    daemon.start()
    with daemon.client() as client:
        shown = until(lambda: (v := client.call("instance.show", instance=kept["instance"]))
                      ["state"] == "ready" and v, "taken over")
        equal(shown["pid"], pid, "its process")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(DEADLINE)
            sock.connect(kept["sockets"]["http"])
            sock.sendall(b"os.setuid(0)")
            require(b"Operation not permitted" in sock.recv(1000), "it is still enforced")
        until(lambda: client.call("instance.show", instance=kept["instance"])["denied"] == 1,
              "and told")
        ended = client.call("instance.stop", instance=kept["instance"])
        equal(ended["exit"].get("signal"), int(signal.SIGTERM), "a stop, in its version")
