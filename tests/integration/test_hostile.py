# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules that want to be remembered: what one run does to what it shares with the next, and with
the daemon."""
import json
import socket

from harness import DEADLINE, Daemon, equal, manifest, test, until
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
