# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 of the daemon at random moments under serving modules, and what must not be noticed. A
short form by default; MS_TORTURE=long ("make torture") is 200 rounds with 50 modules, 500 instances
to take over, and an hour of modules that crash, restart and write logs."""
import json
import os
import pathlib
import random
import socket
import threading
import time

from harness import DEADLINE, Daemon, RpcError, equal, manifest, require, test, until
from harness.daemon import default_config
from harness.census import in_cgroups_of
from harness.client import Closed

LONG = os.environ.get("MS_TORTURE") == "long"
ROUNDS, MODULES = (200, 50) if LONG else (15, 8)
ADOPTED = 500 if LONG else 40
SOAK_MODULES, SOAK_SECONDS = (100, 3600) if LONG else (12, 20)

RULES = {"restart": {"delay": "50ms", "maxDelay": "500ms", "startLimit": 64, "startWindow": "1s"},
         "maxInstances": 2000}

# Answers each connection's one line; "die" ends it, "refuse" makes a system call that is refused.
SERVER = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
sock = socket.socket(fileno=3)
while True:
    peer, _ = sock.accept()
    word = peer.recv(100).decode()
    if word == "die":
        os._exit(7)
    if word == "refuse":
        libc.setuid(12)
    peer.sendall(str(os.getpid()).encode())
    peer.close()
"""


def daemon(t):
    made = Daemon(config=json.dumps(dict(json.loads(default_config()), **RULES)))
    t.cleanup(made.done)
    return made


def ask(path, word="ping", timeout=DEADLINE):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout)
        sock.connect(path)
        sock.sendall(word.encode())
        answer = sock.recv(100)
    if not answer:
        raise ConnectionResetError("no answer")
    return answer.decode()


def serves(path):
    """With neither the module nor a daemon, nobody holds its socket for a moment."""
    try:
        return ask(path)
    except OSError:
        return None


class Load(threading.Thread):
    """Requests over the modules' sockets without a pause; every failure is kept."""

    def __init__(self, paths):
        super().__init__(daemon=True)
        self.paths, self.failures, self.done, self.over = paths, [], 0, threading.Event()

    def run(self):
        while not self.over.is_set():
            for path in self.paths:
                try:
                    ask(path)
                    self.done += 1
                except OSError as error:
                    self.failures.append(f"{path}: {error!r}")


class Follower(threading.Thread):
    """A subscriber over all epochs: each event of each, in order, and every hole in them."""

    def __init__(self, made):
        super().__init__(daemon=True)
        self.made, self.over, self.holes, self.events = made, threading.Event(), [], []
        self.epoch, self.seq, self.n_epochs = None, 0, 0

    def follow(self, client):
        epoch = client.hello["epoch"]
        if epoch != self.epoch:
            self.epoch, self.seq = epoch, 0
            self.n_epochs += 1
        client.subscribe(since={"epoch": self.epoch, "seq": self.seq})
        while not self.over.is_set():
            client.pump(lambda: client.events or self.over.is_set(), "events", timeout=1)
            for event in client.events:
                if event["type"] == "gap" or event["seq"] != self.seq + 1:
                    self.holes.append(f"{self.seq} -> {event}")
                self.seq = event.get("seq", self.seq)
                self.events.append(event)
            del client.events[:]

    def run(self):
        while not self.over.is_set():
            try:
                with self.made.client() as client:
                    self.follow(client)
            except (OSError, Closed, TimeoutError, AssertionError):
                time.sleep(0.01)
            except Exception as error:  # a timeout of pump(): nothing came for a second
                if type(error).__name__ != "Timeout":
                    raise


@test
def kill_9_at_random_moments_is_not_noticed(t):
    seed = random.randrange(1 << 32)
    t.say(f"{ROUNDS} rounds, {MODULES} modules, seed {seed}")
    rng = random.Random(seed)
    made = daemon(t)
    follower = Follower(made)
    follower.start()
    sockets, before = {}, {}
    with made.client() as client:
        for n in range(MODULES):
            folder = t.folder(manifest(["/usr/bin/python3", "main.py"], id=f"steady-{n}",
                                       entry={"listen": {"socket": "http"}}), {"main.py": SERVER})
            result = client.call("instance.start", path=str(folder), wait="spawned")
            sockets[n] = result["sockets"]["http"]
            ask(sockets[n])
        for view in client.call("instance.list", limit=500)["instances"]:
            before[view["module"]] = (view["instance"], view["pid"])
        folder = t.folder(manifest(["/usr/bin/python3", "main.py"], id="fragile",
                                   entry={"listen": {"socket": "http"}}), {"main.py": SERVER})
        fragile = client.call("instance.start", path=str(folder))["sockets"]["http"]
        ask(fragile)
    loads = [Load(list(sockets.values())) for _ in range(2)]
    for load in loads:
        load.start()
    deaths = refusals = 0
    for turn in range(ROUNDS):
        time.sleep(rng.uniform(0, 0.4))
        if turn % 3 == 0:  # a crash of a module around the death of the daemon
            try:
                ask(fragile, "die", timeout=5)
            except OSError:
                pass
            deaths += 1
            time.sleep(rng.uniform(0, 0.05))
        if turn % 2 == 0:
            ask(sockets[turn % MODULES], "refuse")
            refusals += 1
        made.kill()
        if turn % 5 == 0:
            ask(sockets[turn % MODULES], "refuse")  # nobody listens but the shim
            refusals += 1
        time.sleep(rng.uniform(0, 0.05))
        if turn % 7 == 3:  # and one that dies while it takes over
            early = made.start_without_waiting()
            time.sleep(rng.uniform(0, 0.08))
            early.kill()
            early.wait()
        made.start()
        if turn % 3 == 0:  # until it serves again, so that each "die" is one death
            until(lambda: serves(fragile), "the fragile one serves again")
    for load in loads:
        load.over.set()
    for load in loads:
        load.join(DEADLINE)
    with made.client() as client:
        def settled():
            views = client.call("instance.list", limit=500)["instances"]
            live = [v for v in views if v["state"] not in ("stopped", "failed", "backoff")]
            return len(live) == MODULES + 1 and all(v["state"] == "ready" for v in live) and live
        live = until(settled, "everything is ready", timeout=DEADLINE * 2)
        after = {v["module"]: (v["instance"], v["pid"]) for v in live if v["module"] != "fragile"}
        last = next(v for v in live if v["module"] == "fragile")
        denied = sum(v["denied"] for v in live)
        info = client.call("supervisor.info")
        until(lambda: follower.epoch == info["epoch"] and
              follower.seq + 1 >= client.call("event.subscribe")["next"] - 1, "the follower has caught up")
    follower.over.set()
    failures = [f for load in loads for f in load.failures]
    t.say(f"{sum(load.done for load in loads)} requests answered, {follower.n_epochs} epochs, "
          f"{len(follower.events)} events, {deaths} crashes")
    equal(failures[:5], [], "requests that failed")
    equal(after, before, "instances and pids of the steady ones")
    equal(follower.holes[:5], [], "holes in the accounts of the epochs")
    equal(denied, refusals, "refused calls, exactly")
    ended = {}
    for event in follower.events:
        if event["type"] in ("instance.exited", "instance.lost") and event.get("module") == "fragile":
            ended.setdefault(event["instance"], []).append(event["type"])
    equal(last["generation"], deaths + 1, "runs of the fragile one: one more than deaths")
    equal(len(ended), deaths, "ends that were told")
    with made.client() as client:
        for name in [*before, "fragile"]:
            client.call("instance.stop", _timeout=DEADLINE * 2, module=name)
    until(lambda: not in_cgroups_of(made.id) - {made.pid}, "no process of theirs is left")
    equal([f for f in made.runtime_files() if f.startswith(("instances/", "units/", "shims/", "s/"))
           and not f.endswith("/")], [], "files of theirs")


@test
def many_instances_are_taken_over_at_once(t):
    made = daemon(t)
    folder = str(t.folder(manifest(["/bin/sleep", "3600"], id="idle", limits={"memory": "16M"})))
    with made.client() as client:
        for first in range(0, ADOPTED, 50):
            pending = [client.send("instance.start", path=folder, tenant=f"t{n}", timeout="600s")
                       for n in range(first, min(first + 50, ADOPTED))]
            for ident in pending:
                client.finish(ident, 600)
    made.kill()
    began = time.monotonic()
    made.start()
    answers = time.monotonic() - began
    with made.client() as client:
        def ready():
            total, cursor = 0, {}
            while True:
                page = client.call("instance.list", limit=500, **cursor)
                total += sum(v["state"] == "ready" for v in page["instances"])
                if not page["next"]:
                    return total == ADOPTED
                cursor = {"cursor": page["next"]}
        until(ready, "all are ready again", timeout=DEADLINE * 4)
        took = time.monotonic() - began
        t.say(f"{ADOPTED} instances: the socket answers after {answers * 1000:.0f} ms, "
              f"all are taken over after {took * 1000:.0f} ms")
        for first in range(0, ADOPTED, 50):
            pending = [client.send("instance.stop", module="idle", tenant=f"t{n}")
                       for n in range(first, min(first + 50, ADOPTED))]
            for ident in pending:
                client.finish(ident, 600)
    until(lambda: not in_cgroups_of(made.id) - {made.pid}, "none is left", timeout=DEADLINE * 10)


def figures(made):
    """Memory in KiB, descriptors, voluntary switches of the daemon."""
    status = dict(line.split(":", 1) for line in
                  pathlib.Path(f"/proc/{made.pid}/status").read_text().splitlines())
    return {"rss": int(status["RssAnon"].split()[0]), "fds": len(os.listdir(f"/proc/{made.pid}/fd")),
            "switches": int(status["voluntary_ctxt_switches"])}


@test(slow=True)
def crashing_modules_leave_the_daemon_as_it_was(t):
    """Modules that crash, restart and write logs without end: memory and descriptors stay flat."""
    made = daemon(t)
    script = "while :; do echo a line of some length that goes into the log; sleep 0.05; " \
             "[ $(($(date +%N | cut -c1-1))) = 3 ] && exit 1; done"
    with made.client() as client:
        for n in range(SOAK_MODULES):
            try:
                client.call("instance.start", wait="spawned",
                            path=str(t.folder(manifest(["/bin/sh", "-c", script], id=f"crasher-{n}"))))
            except RpcError as error:
                require(error.reason in ("backoff", "not-running"), str(error))
        time.sleep(SOAK_SECONDS / 4)  # a duration is what is tested
        first = figures(made)
        time.sleep(SOAK_SECONDS / 2)
        middle = figures(made)
        time.sleep(SOAK_SECONDS / 2)
        last = figures(made)
        runs = sum(v["generation"] for v in client.call("instance.list", limit=500)["instances"]
                   if v["state"] not in ("stopped", "failed"))
        t.say(f"{SOAK_SECONDS} s, at least {runs} runs of {SOAK_MODULES} modules: private memory "
              f"{first['rss']} -> {middle['rss']} -> {last['rss']} KiB, descriptors {first['fds']} -> "
              f"{last['fds']}, switches {middle['switches'] - first['switches']} and "
              f"{last['switches'] - middle['switches']} in each half")
        require(last["fds"] <= first["fds"] + 12 * SOAK_MODULES, f"descriptors: {first} -> {last}")
        # the kept events fill up to their bound (16 MiB of text) before the figure is flat
        require(last["rss"] <= middle["rss"] + (4096 if LONG else 24576), f"memory: {middle} -> {last}")
        for n in range(SOAK_MODULES):
            client.call("instance.stop", _timeout=DEADLINE * 2, module=f"crasher-{n}")
    require(figures(made)["fds"] < 64, f"descriptors when all is over: {figures(made)}")
