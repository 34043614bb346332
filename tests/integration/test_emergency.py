# SPDX-License-Identifier: GPL-2.0-or-later
"""The emergency flag: everything ends, nothing starts, whoever raises it and however the daemon is."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from harness import Daemon, build_dir, equal, manifest, require, test, until
from harness.client import RpcError
from harness.daemon import default_config

SLEEP = ["/bin/sleep", "100000"]


def ctl(daemon, *words, status=0, stdin=subprocess.DEVNULL):
    """modsupctl on this daemon's folder; its JSON, or its text where that is no JSON."""
    done = subprocess.run([str(build_dir() / "modsupctl"), "--private", str(daemon.folder), "--json", *words],
                          stdin=stdin, capture_output=True, text=True, timeout=60, check=False)
    equal(done.returncode, status, f"exit status of {words}: {done.stdout}{done.stderr}")
    text = done.stdout if status == 0 else done.stderr
    return json.loads(text) if text.startswith("{") else text


def stop(daemon, reason="a test"):
    return ctl(daemon, "emergency", "stop", "--reason", reason, "--yes")


def lift(daemon):
    return ctl(daemon, "emergency", "lift")


def groups(daemon):
    lines = (daemon.folder / "cgroups").read_text().splitlines()
    return [pathlib.Path(line.split(" ", 1)[1]) for line in lines if line.startswith("v")]


def processes(daemon):
    """Everybody in a group of this daemon's modules."""
    found = set()
    for group in groups(daemon):
        for folder, _, _ in os.walk(group):
            try:
                found |= set((pathlib.Path(folder) / "cgroup.procs").read_text().split())
            except OSError:
                continue
    return found


def of_modules(daemon):
    """The programs in those groups that are not the shim's."""
    found = set()
    for pid in processes(daemon):
        try:
            found.add(os.readlink(f"/proc/{pid}/exe"))
        except OSError:
            continue  # it is gone, or as good as gone
    return {program for program in found if not program.startswith("/memfd:modsup-shim")}


def weight(daemon):
    """Of the group above all modules."""
    for group in groups(daemon):
        for name in ("cpu.weight", "cpu.shares"):
            if (group.parent / name).exists():
                return int((group.parent / name).read_text())
    return None


def own_daemon(t, folder=None):
    daemon = Daemon(folder=folder)
    t.cleanup(daemon.done)
    return daemon


def start(t, client, count, name="sleeper"):
    """Modules of different names, all told to start before one is awaited."""
    idents = []
    for i in range(count):
        folder = t.folder(manifest(SLEEP, id=f"{name}-{i}", limits={"memory": "16M"}), name=f"{name}-{i}")
        idents.append(client.send("instance.start", path=str(folder), wait="spawned", timeout="60s"))
        if len(idents) % 32 == 0:
            for ident in idents[-32:]:
                client.finish(ident, 60)
    for ident in idents[len(idents) // 32 * 32:]:
        client.finish(ident, 60)


def live(client):
    return [i for i in client.call("instance.list", limit=500)["instances"]
            if i["state"] not in ("stopped", "failed")]


def emergency(error):
    equal(error.reason, "emergency", f"the reason of {error}")
    require("lift" in error.data.get("hint", ""), f"no hint how to lift it: {error.data}")


@test
def by_modsupctl_while_the_daemon_runs(t):
    daemon = own_daemon(t)
    with daemon.client() as client:
        client.subscribe()
        start(t, client, 5)
        equal(len(live(client)), 5, "running")
        told = stop(daemon, "smoke in rack 4")
        equal((told["instances"], told["empty"], told["modsupd"]), (5, True, "told"), f"{told}")
        equal(processes(daemon), set(), "processes left")
        event = client.event(lambda e: e["type"] == "supervisor.emergency", "its event")
        equal((event["data"]["reason"], event["data"]["killed"]), ("smoke in rack 4", 5), f"{event}")
        client.pump(lambda: len([e for e in client.events if e["type"] == "instance.exited"]) == 5,
                    "five exits")
        for event in client.events:
            if event["type"] == "instance.exited":
                equal(event["data"]["cause"], "emergency", "the cause of an end")
        equal(len(live(client)), 0, "running after it")
        error = client.refused("instance.start", path=str(t.folder(manifest(SLEEP))))
        emergency(error)
        require("smoke in rack 4" in error.message, f"the reason is not told: {error}")
        info = client.call("supervisor.info")["emergency"]
        equal(info["reason"], "smoke in rack 4", "in supervisor.info")
        require(ctl(daemon, "emergency", "status")["raised"], "status says it is not raised")
        equal(lift(daemon)["wasRaised"], True, "wasRaised")
        client.event(lambda e: e["type"] == "supervisor.emergency-lifted", "the event of the lift")
        equal(client.call("supervisor.info")["emergency"], None, "in supervisor.info after the lift")
        equal(len(live(client)), 0, "nothing starts by the lift itself")
        require(weight(daemon) in (50, 512), f"the modules' weight is {weight(daemon)} after the lift")
        start(t, client, 1, "after")
        equal(len(live(client)), 1, "running after the lift")


@test
def by_the_socket(t):
    daemon = own_daemon(t)
    with daemon.client() as client:
        start(t, client, 3)
        told = client.call("emergency.stop", reason="by hand")
        equal(told["killed"], 3, "killed")
        until(lambda: not processes(daemon), "nobody is left")
        until(lambda: not live(client), "and the daemon knows")
        emergency(client.refused("instance.start", path=str(t.folder(manifest(SLEEP)))))
        equal(client.call("emergency.stop", reason="another")["emergency"]["reason"], "by hand",
              "the first reason")
        equal(ctl(daemon, "emergency", "status")["reason"], "by hand", "as modsupctl reads it")
        equal(client.call("emergency.lift"), {"wasRaised": True}, "the lift")
        equal(client.call("emergency.lift"), {"wasRaised": False}, "the second lift")
        start(t, client, 1, "after")


@test
def bad_reasons_do_nothing(t):
    daemon = own_daemon(t)
    with daemon.client() as client:
        start(t, client, 1)
        for reason in ("", "two\nlines", "\u001b[2Jgone", "\u202eback", "x" * 513):
            error = client.refused("emergency.stop", reason=reason)
            equal(error.reason, "params-invalid", f"{reason[:20]!r}")
            ctl(daemon, "emergency", "stop", "--yes", "--reason", reason, status=2)
        ctl(daemon, "emergency", "stop", "--yes", status=2)
        ctl(daemon, "emergency", "stop", "--reason", "nobody is asked", status=2)
        ctl(daemon, "emergency", "explode", status=2)
        require(not ctl(daemon, "emergency", "status")["raised"], "raised all the same")
        equal(len(live(client)), 1, "running")
        equal(client.call("emergency.stop", reason="x" * 512)["killed"], 1, "the longest reason")
        lift(daemon)


@test
def only_for_root(t):
    daemon = own_daemon(t)
    program = str(build_dir() / "modsupctl")
    copy = t.scratch / "modsupctl"
    shutil.copy(program, copy)
    copy.chmod(0o755)
    done = subprocess.run([str(copy), "--private", str(daemon.folder), "emergency", "stop", "--yes",
                           "--reason", "x"], user=65534, group=65534, extra_groups=[], capture_output=True,
                          text=True, timeout=30, check=False)
    require(done.returncode != 0 and "root" in done.stderr, f"{done}")
    require(not ctl(daemon, "emergency", "status")["raised"], "raised all the same")


@test
def a_stopped_daemon_is_not_needed(t):
    daemon = own_daemon(t)
    with daemon.client() as client:
        start(t, client, 8)
        daemon.process.send_signal(signal.SIGSTOP)
        t.cleanup(lambda: daemon.process.poll() is None and daemon.process.send_signal(signal.SIGCONT))
        begin = time.monotonic()
        told = stop(daemon, "it hangs")
        took = time.monotonic() - begin
        equal((told["instances"], told["empty"], told["modsupd"]), (8, True, "silent"), f"{told}")
        equal(processes(daemon), set(), "processes left")
        require(took < 5, f"modsupctl took {took:.1f} s with a stopped daemon")
        daemon.process.send_signal(signal.SIGCONT)
        until(lambda: not live(client), "the daemon knows")
        causes = {i["exit"]["cause"] for i in client.call("instance.list", limit=500)["instances"]}
        equal(causes, {"emergency"}, "causes")
        emergency(client.refused("instance.start", path=str(t.folder(manifest(SLEEP)))))
        lift(daemon)


@test
def a_killed_daemon_is_not_needed_and_its_successor_starts_nothing(t):
    daemon = own_daemon(t)
    with daemon.client() as client:
        start(t, client, 4)
    daemon.kill()
    told = stop(daemon, "it crashed")
    equal((told["instances"], told["empty"], told["modsupd"]), (4, True, "away"), f"{told}")
    equal(processes(daemon), set(), "processes left")
    daemon.start()
    with daemon.client() as client:
        equal(live(client), [], "running")
        emergency(client.refused("instance.start", path=str(t.folder(manifest(SLEEP)))))
        require("it crashed" in daemon.log(), "the log does not say so")
    # as after a reboot: nothing but the state folder is left
    equal(daemon.terminate(), 0, "exit status")
    (daemon.folder / "cgroups").unlink(missing_ok=True)
    equal(ctl(daemon, "emergency", "status")["reason"], "it crashed", "without a daemon")
    daemon.start()
    with daemon.client() as client:
        emergency(client.refused("instance.start", path=str(t.folder(manifest(SLEEP)))))
        lift(daemon)
        start(t, client, 1, "after")


@test
def raised_while_the_daemon_was_away_ends_what_it_would_take_over(t):
    """Only the flag, nobody killed: as when modsupctl was interrupted in between."""
    daemon = own_daemon(t)
    with daemon.client() as client:
        start(t, client, 3)
    daemon.kill()
    flag = daemon.folder / "state" / "emergency"
    with open(flag, "r+b") as file:
        file.write(b"1")
    daemon.start()
    until(lambda: not processes(daemon), "nobody is left")
    with daemon.client() as client:
        until(lambda: not live(client), "and the daemon knows")
    lift(daemon)


@test
def the_flag_alone_is_noticed(t):
    daemon = own_daemon(t)
    with daemon.client() as client:
        start(t, client, 3)
        with open(daemon.folder / "state" / "emergency", "r+b") as file:
            file.write(b"1")
        until(lambda: not live(client), "all have ended")
        until(lambda: not processes(daemon), "nobody is left")
        lift(daemon)


@test
def a_flag_that_is_missing_or_damaged_lets_nothing_start_and_ends_nothing(t):
    daemon = own_daemon(t)
    flag = daemon.folder / "state" / "emergency"
    whole = flag.read_bytes()
    folder = t.folder(manifest(SLEEP))
    with daemon.client() as client:
        start(t, client, 2)
        for damage in (flag.unlink, lambda: flag.write_bytes(b""), lambda: flag.write_bytes(b"0"),
                       lambda: flag.write_bytes(bytes(4096)), lambda: flag.write_bytes(b"0" + whole[1:9] + b"!" + whole[10:]),
                       lambda: (flag.unlink(), flag.mkdir())):
            damage()
            emergency(client.refused("instance.start", path=str(folder)))
            equal(len(live(client)), 2, "running")
            if flag.is_dir():
                flag.rmdir()
            lift(daemon)
            equal(client.call("supervisor.info")["emergency"], None, "after the lift")
            flag.write_bytes(whole)
        started = client.call("instance.start", path=str(folder), wait="spawned")
        equal(started["state"] in ("starting", "ready"), True, f"after all of it: {started}")


@test
def racing_starts_do_not_survive(t):
    """Fifty starts in every stage of their way, ten times."""
    daemon = own_daemon(t)
    folders = [t.folder(manifest(SLEEP, id=f"racer-{i}", limits={"memory": "16M"}), name=f"racer-{i}")
               for i in range(50)]
    client = daemon.client()
    t.cleanup(client.close)
    for delay in (0, 0.01, 0.03, 0.1, 0.3):
        idents = [client.send("instance.start", path=str(f), wait="spawned", timeout="60s") for f in folders]
        time.sleep(delay)  # where the starts are when it comes: each round elsewhere
        told = stop(daemon, f"race {delay}")
        require(told["empty"], f"{told}")
        refused = 0
        for ident in idents:
            try:
                client.finish(ident, 60)
            except RpcError as error:
                require(error.reason in ("emergency",), f"{error}")
                refused += 1
        until(lambda: not live(client), "none lives")
        until(lambda: not processes(daemon), f"nobody is left after race {delay}")
        t.say(f"{delay * 1000:.0f} ms: {told['instances']} ended, {refused} of 50 starts refused")
        lift(daemon)


def stays_true(condition, what, seconds=0.5):
    """Looks again and again for a while; what comes late would come within milliseconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        require(condition(), what)
        time.sleep(0.005)


@test
def what_was_being_made_when_the_daemon_stopped_does_not_slip_through(t):
    """The daemon is stopped in the middle of fifty starts: what it had asked for is made without it. On
    a host with too much to do that may be after the stop: a shim, which waits and lets nobody in."""
    daemon = own_daemon(t)
    folders = [t.folder(manifest(SLEEP, id=f"slip-{i}", limits={"memory": "16M"}), name=f"slip-{i}")
               for i in range(50)]
    client = daemon.client()
    t.cleanup(client.close)
    for delay in (0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.13, 0.21, 0.34):
        idents = [client.send("instance.start", path=str(f), wait="spawned", timeout="60s") for f in folders]
        time.sleep(delay)  # another stage of the way each time
        daemon.process.send_signal(signal.SIGSTOP)
        told = stop(daemon, f"slip {delay}")
        equal((told["empty"], told["modsupd"]), (True, "silent"), f"{told}")
        stays_true(lambda: not of_modules(daemon), f"a module came later than the stop, {delay} s")
        daemon.process.send_signal(signal.SIGCONT)
        for ident in idents:
            try:
                client.finish(ident, 60)
            except RpcError as error:
                equal(error.reason, "emergency", f"after {delay} s: {error}")
        until(lambda: not live(client), "none lives")
        until(lambda: not processes(daemon), f"nobody is left after {delay} s")
        lift(daemon)


@test
def with_a_full_disk(t):
    """The state on a small tmpfs that is full."""
    folder = tempfile.mkdtemp(prefix="modsup-full-")
    state = pathlib.Path(folder) / "state"
    state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "none", str(state)], check=True)
    try:
        daemon = Daemon(folder=folder, config=json.dumps(
            dict(json.loads(default_config() or "{}"), host={"reserve": {"disk": "64K"}})))
        try:
            with daemon.client() as client:
                start(t, client, 3)
                daemon.process.send_signal(signal.SIGSTOP)
                fill(state)
                told = stop(daemon, "the disk is full")
                equal((told["instances"], told["empty"]), (3, True), f"{told}")
                daemon.process.send_signal(signal.SIGCONT)
                until(lambda: not live(client), "the daemon knows")
                emergency(client.refused("instance.start", path=str(t.folder(manifest(SLEEP)))))
                lift(daemon)
                equal(client.call("supervisor.info")["emergency"], None, "lifted on a full disk")
                stop(daemon, "again")
                (state / "filler").unlink()
                lift(daemon)
                start(t, client, 1, "after")
        finally:
            daemon.done()
    finally:
        subprocess.run(["umount", str(state)], check=False)
        shutil.rmtree(folder, ignore_errors=True)
        pathlib.Path(f"{folder}.log").unlink(missing_ok=True)


def fill(folder):
    with open(folder / "filler", "wb", buffering=0) as file:
        size = 65536
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2


@test(slow=True)
def many_with_a_stopped_daemon(t):
    """As many as this machine takes at its ease; the promise is 500 within two seconds."""
    count = int(os.environ.get("MS_EMERGENCY_MODULES", "200"))
    daemon = own_daemon(t)
    with daemon.client() as client:
        start(t, client, count)
        equal(len(live(client)), count, "running")
        daemon.process.send_signal(signal.SIGSTOP)
        told = stop(daemon, "many")
        equal((told["instances"], told["empty"]), (count, True), f"{told}")
        equal(processes(daemon), set(), "processes left")
        t.say(f"{count} instances, {told['processes']} processes: {told['usec'] / 1000:.0f} ms")
        require(told["usec"] < 2_000_000, f"{count} instances took {told['usec']} us")
        daemon.process.send_signal(signal.SIGCONT)
        until(lambda: not live(client), "the daemon knows", timeout=60)
        lift(daemon)
