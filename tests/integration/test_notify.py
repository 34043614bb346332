# SPDX-License-Identifier: GPL-2.0-or-later
"""What a module says of itself, as modsupd shows it: over the daemon's death, against the module's
will to be a nuisance, and through to the terminal of whoever asks."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

from harness import Daemon, build_dir, equal, manifest, require, test, until
from harness.wait import DEADLINE, SLOWNESS

# It says what it is sent on its socket, and answers when it has.
SAYER = """
import os, socket, sys, threading, time
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def say(text):
    out.sendto(text, os.environ["NOTIFY_SOCKET"])
BEGIN
server = socket.socket(fileno=3)
while True:
    peer, _ = server.accept()
    text = peer.recv(60000)
    if text == b"die":
        sys.stderr.write("gone\\n")
        os._exit(1)
    say(text)
    peer.sendall(b"said")
    peer.close()
"""

PATIENCE = max(1, int(SLOWNESS))


def sayer(t, begin="", wait="spawned", **entry):
    """A daemon with one of them in it."""
    daemon = Daemon()
    t.cleanup(daemon.done)
    entry.setdefault("listen", {"socket": "http"})
    entry.setdefault("restart", "never")
    folder = t.folder(manifest(["/usr/bin/python3", "main.py"], id="sayer", entry=entry),
                      {"main.py": SAYER.replace("BEGIN", begin)})
    with daemon.client() as client:
        result = client.call("instance.start", path=str(folder), wait=wait)
    return daemon, result


def say(result, text, answer=b"said"):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(DEADLINE)
        sock.connect(result["sockets"]["http"])
        sock.sendall(text)
        equal(sock.recv(10), answer, "the module")


def show(client, result):
    return client.call("instance.show", instance=result["instance"])


def await_shown(client, result, **want):
    return until(lambda: (v := show(client, result)) and all(v.get(k) == w for k, w in want.items()) and v,
                 lambda: f"{want}; it is {show(client, result)}")


@test
def the_status_is_the_last_word(t):
    daemon, result = sayer(t)
    with daemon.client() as client:
        say(result, b"STATUS=one\nSTATUS=two")
        await_shown(client, result, status="two")
        say(result, b"STATUS=three")
        say(result, b"READY=1")  # changes nothing of it
        await_shown(client, result, status="three")
        say(result, b"STATUS=")
        await_shown(client, result, status=None)


@test
def ready_survives_the_daemon(t):
    daemon, result = sayer(t, readiness="notify")
    with daemon.client() as client:
        equal(show(client, result)["state"], "starting", "before it says so")
        say(result, b"READY=1\nSTATUS=serving")
        await_shown(client, result, state="ready", status="serving")
    daemon.kill()
    daemon.start()
    with daemon.client() as client:
        await_shown(client, result, state="ready", status="serving")


@test
def ready_said_to_nobody_counts(t):
    daemon, result = sayer(t, readiness="notify")
    daemon.kill()
    say(result, b"READY=1\nSTATUS=alone")
    daemon.start()
    with daemon.client() as client:
        await_shown(client, result, state="ready", status="alone")


@test
def not_ready_is_waited_for_by_the_next_daemon(t):
    daemon, result = sayer(t, readiness="notify")
    say(result, b"STATUS=warming up")
    daemon.kill()
    daemon.start()
    with daemon.client() as client:
        await_shown(client, result, state="starting", status="warming up")
        say(result, b"READY=1")
        await_shown(client, result, state="ready")


@test
def a_watchdog_bites_without_a_daemon(t):
    daemon, result = sayer(t, begin="say(b'WATCHDOG=1')", watchdog=f"{PATIENCE}s")
    daemon.kill()
    shims = daemon.folder / "shims" / result["instance"]
    require(shims.exists(), "its shim waits for the next")
    time.sleep(2.5 * PATIENCE)  # the time that it is given, and the second until it is killed
    daemon.start()
    with daemon.client() as client:
        ended = client.call("instance.wait", instance=result["instance"])
    equal((ended["exit"]["cause"], ended["exit"]["by"]), ("watchdog", "supervisor"), "why")
    equal(ended["exit"]["signal"], int(signal.SIGABRT), "how")


@test
def the_last_words_go_with_the_end(t):
    daemon, result = sayer(t, begin="print('not this'); sys.stderr.write('up\\n')")
    say(result, b"die", answer=b"")
    with daemon.client() as client:
        ended = client.call("instance.wait", instance=result["instance"])
        equal(ended["stderrTail"], "up\ngone\n", "the last of stderr")


HOSTILE = b"STATUS=\x1b]0;owned\x07\x1b[2J\"}\\\xff\xfe\xc3\r\x08 \xe2\x80\xae end"


@test
def a_hostile_status_is_only_text(t):
    daemon, result = sayer(t)
    with daemon.client() as client:
        say(result, HOSTILE)
        shown = until(lambda: show(client, result).get("status"), "it is shown")
        require("end" in shown, f"the text is there: {shown!r}")
    for words in (["status", "sayer"], ["show", "sayer"], ["list"], ["--json", "show", "sayer"]):
        out = subprocess.run([str(build_dir() / "modsupctl"), "--private", str(daemon.folder), *words],
                             capture_output=True, check=False, timeout=DEADLINE).stdout
        bad = [b for b in out if b < 0x20 and b != 0x0a]
        equal(bad, [], f"control bytes in what {words} prints")
        out.decode("utf-8")
        if words[0] == "--json":
            json.loads(out)


FLOOD = """
def flood():
    n = 0
    while True:
        n += 1
        try:
            say(b"STATUS=%d\\nREADY=1" % n if n % 2 else b"RELOADING=1\\ngarbage")
        except OSError:
            pass
for _ in range(4):
    threading.Thread(target=flood, daemon=True).start()
"""


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@test
def a_flood_is_nothing_to_modsupd(t):
    daemon, result = sayer(t, begin=FLOOD, readiness="notify")
    with daemon.client() as client:
        await_shown(client, result, state="ready")
        before, events = cpu_seconds(daemon.pid), len(client.events)
        client.call("event.subscribe")
        took = []
        end = time.monotonic() + 3
        while time.monotonic() < end:
            began = time.monotonic()
            show(client, result)
            took.append(time.monotonic() - began)
            time.sleep(0.01)  # a client that asks a hundred times a second
        took.sort()
        used = cpu_seconds(daemon.pid) - before
        told = len([e for e in client.of(result["instance"]) if e["type"] != "instance.starting"]) - events
        p99 = took[len(took) * 99 // 100]
        t.say(f"beside a flood: {len(took)} answers, p99 {p99 * 1000:.1f} ms; modsupd used "
              f"{used * 1000:.0f} ms of CPU, {told} events")
        require(p99 < 0.05 * SLOWNESS, "a client is answered as ever")
        require(told <= 20, f"{told} events")
        equal(client.call("instance.stop", instance=result["instance"])["exit"]["cause"], "stopped", "the stop")


@test
def many_that_say_a_lot_at_once(t):
    """Each has its own second: all states are there, and soon."""
    daemon, _ = sayer(t)
    with daemon.client() as client:
        started = []
        for n in range(20):
            folder = t.folder(manifest(["/usr/bin/python3", "main.py"], id=f"sayer-{n}",
                                       entry={"listen": {"socket": "http"}, "readiness": "notify"}),
                              {"main.py": SAYER.replace("BEGIN", "say(b'READY=1\\nSTATUS=number %d')" % n)})
            started.append((n, client.send("instance.start", path=str(folder), wait="ready")))
        for n, ident in started:
            equal(client.finish(ident, DEADLINE * 2)["state"], "ready", f"number {n}")
        shown = {i["module"]: i for i in client.call("instance.list")["instances"]}
        for n, _ in started:
            equal(shown[f"sayer-{n}"].get("status"), f"number {n}", "its status")
