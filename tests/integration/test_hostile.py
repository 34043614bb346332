# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules that want to be remembered: what one run does to what it shares with the next. And shims
that were taken over by their modules: whatever they say, the daemon lives and they end."""
import json
import os
import pathlib
import shutil
import socket
import tempfile

from harness import DEADLINE, Daemon, RpcError, build_dir, equal, manifest, require, test, until
from harness.census import fd_kinds
from harness.daemon import default_config

RESTARTS = {"restart": {"delay": "50ms", "maxDelay": "400ms", "startLimit": 6, "startWindow": "60s"}}

# Says how its listening socket is, or does to it what it is asked to and dies.
SPOILER = """
import fcntl, os, socket, struct
sock = socket.socket(fileno=3)
option = lambda name, size=4: sock.getsockopt(socket.SOL_SOCKET, name, size).hex()
seen = [fcntl.fcntl(3, fcntl.F_GETFL), option(socket.SO_RCVTIMEO, 16), option(socket.SO_SNDTIMEO, 16),
        option(socket.SO_PASSCRED)]
sock.setblocking(True)
while True:
    peer, _ = sock.accept()
    word = peer.recv(100)
    peer.sendall(repr(seen).encode())
    peer.close()
    if word == b"shut":
        sock.shutdown(socket.SHUT_RDWR)
        os._exit(3)
    if word == b"set":
        fcntl.fcntl(3, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
        for name in socket.SO_RCVTIMEO, socket.SO_SNDTIMEO:
            sock.setsockopt(socket.SOL_SOCKET, name, struct.pack("ll", 0, 1000))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        os._exit(3)
"""


def daemon_with_restarts(t):
    daemon = Daemon(config=json.dumps(dict(json.loads(default_config()), **RESTARTS)))
    t.cleanup(daemon.done)
    return daemon


def say(path, word):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(DEADLINE)
        sock.connect(path)
        sock.sendall(word)
        return sock.recv(1000)


def await_run(client, generation):
    def runs():
        view = client.call("instance.show", module="spoiler")
        return view["generation"] == generation and view["state"] == "ready"
    until(runs, f"run {generation}")


def start_spoiler(t, client):
    folder = t.folder(manifest(["/usr/bin/python3", "main.py"], id="spoiler",
                               entry={"listen": {"socket": "http"}}), {"main.py": SPOILER})
    return client.call("instance.start", path=str(folder))["sockets"]["http"]


@test
def a_socket_that_was_shut_down_is_made_anew(t):
    daemon = daemon_with_restarts(t)
    with daemon.client() as client:
        path = start_spoiler(t, client)
        say(path, b"shut")
        await_run(client, 2)
        say(path, b"x")  # refused for ever otherwise, whoever restarts it
        say(path, b"shut")
        await_run(client, 3)
        daemon.kill()
    daemon.start()
    with daemon.client() as client:
        say(path, b"x")


@test
def what_a_run_sets_on_its_socket_ends_with_it(t):
    daemon = daemon_with_restarts(t)
    with daemon.client() as client:
        path = start_spoiler(t, client)
        fresh = say(path, b"set")
        await_run(client, 2)
        equal(say(path, b"x"), fresh, "flags and options of the second run's socket")


# A shim that was taken over.

TAKEN_OVER = """
import os, socket, sys, time
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.connect(os.environ["NOTIFY_SOCKET"])
sock.send(f"READY=1\\nSTATUS=hostile: {sys.argv[1]}".encode())
time.sleep(float(sys.argv[2]))
"""


def daemon_with_hostile_shims(t):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="modsup-test-"))
    t.cleanup(lambda: shutil.rmtree(folder))
    shutil.copy2(build_dir() / "modsup-inspect", folder / "modsup-inspect")
    shutil.copy2(build_dir() / "modsup-shim-hostile", folder / "modsup-shim")
    daemon = Daemon(libexec=folder)
    t.cleanup(daemon.done)
    return daemon


def start_taken_over(t, client, wish, seconds):
    entry = {"restart": "never", "readiness": "notify"}
    command = ["/usr/bin/python3", "main.py", wish, str(seconds)]
    folder = t.folder(manifest(command, entry=entry), {"main.py": TAKEN_OVER})
    return client.call("instance.start", path=str(folder), wait="spawned")["instance"]


@test
def a_shim_that_says_twice_that_its_module_runs(t):
    daemon = daemon_with_hostile_shims(t)
    with daemon.client() as client:
        ended = start_taken_over(t, client, "started again", 1000)
        exited = client.call("instance.wait", instance=ended)["exit"]
        equal(exited["cause"], "shim-lost", "its end")


@test
def a_shim_that_outlives_the_end_that_it_told(t):
    daemon = daemon_with_hostile_shims(t)
    with daemon.client() as client:
        ended = start_taken_over(t, client, "stay", 1)
        exited = client.call("instance.wait", instance=ended)["exit"]
        equal(exited.get("code"), 0, "the end as it was told")
        until(lambda: not client.call("instance.show", instance=ended).get("pid"), "it is gone")


@test
def a_helper_that_repeats_itself_with_descriptors(t):
    daemon = daemon_with_hostile_shims(t)
    with daemon.client() as client:
        running = start_taken_over(t, client, "nothing", 1000)
        before = fd_kinds(daemon.pid)
        client.call("instance.exec", instance=running, command=["/bin/sleep", "1000"])
        for fd in client.take_fds(3):
            os.close(fd)
        end = client.pump(lambda: next((m["params"] for m in client.strays
                                        if m.get("method") == "exec.exited"), None), "its end")
        require("error" in end, f"it is told that the helper was not to be trusted: {end}")
        until(lambda: fd_kinds(daemon.pid) == before, "every descriptor that came is closed")


# A backend that asks without end.

@test
def one_module_cannot_fill_the_queue_of_starts(t):
    daemon = daemon_with_restarts(t)
    folder = str(t.folder(manifest(["/bin/sleep", "1000"], id="asked")))
    other = str(t.folder(manifest(["/bin/sleep", "1000"], id="other")))
    with daemon.client() as client, daemon.client() as neighbour:
        alike = [client.send("instance.start", path=folder, wait="no") for _ in range(300)]
        apart = [client.send("instance.start", path=folder, wait="no", labels={"n": str(n)})
                 for n in range(300)]
        reasons = set()
        for ident in alike + apart:
            try:
                client.finish(ident)
            except RpcError as error:
                reasons.add(error.reason)
        waiting = neighbour.call("capacity.get")["starts"]["waiting"]
        require(waiting <= 8, f"{waiting} starts of one module wait before those of others")
        require(reasons <= {"busy"}, f"what is refused: {reasons}")
        neighbour.call("instance.start", path=other)
        equal(client.call("instance.start", path=folder)["already"], True, "one of them runs")
