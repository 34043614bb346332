# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's own share: what all modules may have together, and when one more is refused."""
import json
import os
import pathlib
import subprocess
import tempfile

from harness import Daemon, build_dir, equal, manifest, require, test, until
from harness.client import RpcError
from harness.daemon import default_config

SLEEP = ["/bin/sleep", "100000"]
MIB = 1 << 20


def own_daemon(t, host=None, folder=None):
    """A daemon with its own share of the host; merged into what this kernel needs to be accepted."""
    config = json.loads(default_config() or "{}")
    if host is not None:
        config["host"] = host
    daemon = Daemon(config=json.dumps(config), folder=folder)
    t.cleanup(daemon.done)
    return daemon


def groups(daemon):
    lines = (daemon.folder / "cgroups").read_text().splitlines()
    return {pathlib.Path(line[3:]): line.startswith("v2") for line in lines if line[:3] in ("v1 ", "v2 ")}


def value_of(daemon, *names):
    """The number in the first file of these names in any group above all modules."""
    for group in groups(daemon):
        for name in names:
            try:
                return int((group / name).read_text().split()[0])
            except (OSError, ValueError):
                continue
    raise AssertionError(f"no {names} in {groups(daemon)}")


def start(t, client, name, memory="16M", **changes):
    folder = t.folder(manifest(SLEEP, id=name, limits={"memory": memory}, **changes), name=f"{t.name[-20:]}-{name}")
    return client.call("instance.start", path=str(folder), wait="spawned")


def refused(t, client, name, memory="16M"):
    try:
        result = start(t, client, name, memory)
    except RpcError as error:
        equal(error.reason, "host-full", f"the reason of {error}")
        require(error.data.get("hint"), "no hint")
        equal(error.data.get("retry"), "later", "retry")
        require(error.data.get("retryAfterMs", 0) > 0, f"no retryAfterMs: {error.data}")
        return error
    raise AssertionError(f"was started: {result}")


@test
def the_group_above_all_modules_has_limits(t):
    daemon = own_daemon(t, {"reserve": {"memory": "1G"}, "processes": 777, "cpuWeight": 25})
    with daemon.client() as client:
        told = client.call("capacity.get")
        memory = told["memory"]
        total = memory["totalBytes"]
        equal(memory["reserveBytes"], min(1024 * MIB, total // 2), "reserve")
        limit = value_of(daemon, "memory.max", "memory.limit_in_bytes")
        require(abs(limit - (total - memory["reserveBytes"])) <= 65536, f"{limit} of {total}")
        require(abs(limit - memory["limitBytes"]) <= 65536, f"{limit} and {memory}")
        equal(value_of(daemon, "pids.max"), 777, "pids.max")
        equal(told["processes"]["limit"], 777, "as told")
        weight = value_of(daemon, "../cpu.weight", "../cpu.shares")
        require(weight in (25, 256), f"weight {weight}")
        equal(told["cpu"], {"count": len(os.sched_getaffinity(0)), "weight": 25}, "cpu")
        rows = [c for c in client.call("host.check")["checks"] if c["layer"] == "host-share"]
        equal([r["verdict"] for r in rows], ["ok"], f"{rows}")


@test
def they_are_set_again_by_a_successor(t):
    daemon = own_daemon(t)
    with daemon.client() as client:
        start(t, client, "stays")
        before = value_of(daemon, "memory.max", "memory.limit_in_bytes")
    daemon.kill()
    config = json.loads((daemon.folder / "modsupd.json").read_text())
    config["host"] = {"processes": 555}
    (daemon.folder / "modsupd.json").write_text(json.dumps(config))
    daemon.start()
    with daemon.client() as client:
        equal(value_of(daemon, "pids.max"), 555, "pids.max")
        equal(value_of(daemon, "memory.max", "memory.limit_in_bytes"), before, "memory")
        equal([i["state"] for i in client.call("instance.list")["instances"]], ["ready"], "what ran")


@test
def they_change_with_the_configuration(t):
    daemon = own_daemon(t, {"processes": 500, "cpuWeight": 50})
    with daemon.client() as client:
        start(t, client, "stays")
        config = json.loads((daemon.folder / "modsupd.json").read_text())
        config["host"] = {"processes": 444, "cpuWeight": 10, "reserve": {"memory": "2G"}}
        (daemon.folder / "modsupd.json").write_text(json.dumps(config))
        client.call("supervisor.reload")
        told = client.call("capacity.get")
        equal((value_of(daemon, "pids.max"), told["processes"]["limit"]), (444, 444), "processes")
        require(value_of(daemon, "../cpu.weight", "../cpu.shares") in (10, 102), "weight")
        equal(told["memory"]["reserveBytes"], min(2048 * MIB, told["memory"]["totalBytes"] // 2), "reserve")
        rows = [c["found"] for c in client.call("host.check")["checks"] if c["layer"] == "host-share"]
        require(len(rows) == 1 and "444" in rows[0], f"{rows}")


@test
def a_host_without_room_takes_the_modules_as_they_are(t):
    """A reserve that is more than the host has is cut to half of it."""
    daemon = own_daemon(t, {"reserve": {"memory": "1024G"}})
    with daemon.client() as client:
        memory = client.call("capacity.get")["memory"]
        equal(memory["reserveBytes"], memory["totalBytes"] // 2, "reserve")
        start(t, client, "small")


# As little to promise as a configuration can say, so that a few modules fill it on any host.
TIGHT = {"reserve": {"memory": "1024G"}, "overcommit": {"memory": "10%"}}
LARGEST = 256  # MiB, of the tier that the modules of this file have


def parts_of(client):
    """(MiB of one module, how many of them there is room for)."""
    room = client.call("capacity.get")["memory"]["promisedMaxBytes"] // MIB
    size = min(LARGEST, room * 3 // 10)
    return size, room // size


@test
def the_sum_of_limits_is_held_to_the_overcommit(t):
    daemon = own_daemon(t, TIGHT)
    with daemon.client() as client:
        size, count = parts_of(client)
        for i in range(count - 1):
            start(t, client, f"m{i}", f"{size}M")
        # the group of an inspector counts as long as it is there
        until(lambda: client.call("capacity.get")["memory"]["promisedBytes"] // MIB == (count - 1) * size,
              "the sum of limits")
        told = client.call("capacity.get")
        equal(told["instances"]["typicalBytes"] // MIB, size, "typical")
        equal(told["instances"]["fit"], 1, "room for one more")
        until(lambda: client.call("capacity.get")["instances"]["fit"] == 1, "the figures are new")
        start(t, client, f"m{count - 1}", f"{size}M")
        error = refused(t, client, "late", f"{size}M")
        require("memory-limits" in error.message, error.message)
        require(sum(f"m{i} " in error.message for i in range(count)) == min(3, count),
                f"the largest users are not in: {error.message}")
        require("overcommit" in error.data["hint"], error.data["hint"])
        equal(client.call("capacity.get")["full"], None, "one that asks for less would do")
        equal(start(t, client, "m0", f"{size}M")["already"], True, "what runs is not asked")
        client.call("instance.stop", module="m1")
        until(lambda: client.call("capacity.get")["instances"]["fit"] > 0, "room again")
        start(t, client, "late", f"{size}M")


@test
def a_burst_is_counted_as_it_comes(t):
    """Starts of one moment may not all be measured against the same figures."""
    daemon = own_daemon(t, TIGHT)
    with daemon.client() as client:
        size, count = parts_of(client)
        idents = []
        for i in range(count * 2):
            folder = t.folder(manifest(SLEEP, id=f"burst-{i}", limits={"memory": f"{size}M"}), name=f"burst-{i}")
            idents.append(client.send("instance.start", path=str(folder), wait="spawned"))
        started = 0
        for ident in idents:
            try:
                client.finish(ident)
                started += 1
            except RpcError as error:
                equal(error.reason, "host-full", f"{error}")
        # the inspectors' own groups count while they are there
        require(1 <= started <= count, f"{started} of {count * 2} started with room for {count}")


@test
def processes_near_the_ceiling(t):
    daemon = own_daemon(t, {"processes": 64})
    with daemon.client() as client:
        folder = t.folder(manifest(["/bin/sh", "-c", "for i in $(seq 60); do sleep 100000 & done; wait"],
                                   id="crowd", limits={"processes": 100, "memory": "64M"}))
        client.call("instance.start", path=str(folder), wait="spawned")
        until(lambda: client.call("capacity.get")["processes"]["used"] > 57, "nearly full")
        equal(client.call("capacity.get")["full"], "processes", "full")
        error = refused(t, client, "one-more")
        require("processes" in error.message and "crowd" in error.message, error.message)
        client.call("instance.kill", module="crowd")
        until(lambda: client.call("capacity.get")["full"] is None, "room again")
        start(t, client, "one-more")


@test
def a_disk_below_its_reserve(t):
    folder = tempfile.mkdtemp(prefix="modsup-disk-")
    state = pathlib.Path(folder) / "state"
    state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "none", str(state)], check=True)

    def undo():
        subprocess.run(["umount", str(state)], check=False)
        subprocess.run(["rm", "-rf", folder, f"{folder}.log"], check=False)
    t.cleanup(undo)
    daemon = own_daemon(t, {"reserve": {"disk": "1M"}}, folder=folder)
    with daemon.client() as client:
        running = start(t, client, "before")
        (state / "filler").write_bytes(bytes(3 * MIB // 2))
        until(lambda: client.call("capacity.get")["full"] == "disk", "full")
        error = refused(t, client, "after")
        require("disk" in error.message, error.message)
        equal(client.call("instance.show", instance=running["instance"])["state"], "ready", "what runs")
        (state / "filler").unlink()
        until(lambda: client.call("capacity.get")["full"] is None, "room again")
        start(t, client, "after")


def small_parent(t, size):
    """A group of a few hundred MiB for a daemon to work below, in every hierarchy; its path."""
    path = f"modsup-parent-{os.getpid()}"
    made = []
    with open("/proc/self/mounts", encoding="utf-8") as file:
        mounts = [line.split()[1] for line in file if line.split()[2] in ("cgroup", "cgroup2")]

    def undo():
        for folder in made:
            until(lambda f=folder: remove(f), f"{folder} is gone")
    t.cleanup(undo)
    for mount in mounts:
        folder = pathlib.Path(mount) / path
        folder.mkdir()
        made.append(folder)
        controllers = pathlib.Path(mount) / "cgroup.controllers"
        if controllers.exists():  # v2: what the daemon is to hand down has to come down first
            for word in {"cpu", "memory", "pids"} & set(controllers.read_text().split()):
                (pathlib.Path(mount) / "cgroup.subtree_control").write_text(f"+{word}")
        for name in ("memory.max", "memory.limit_in_bytes"):
            if (folder / name).exists():
                (folder / name).write_text(str(size))
    return f"/{path}"


def remove(folder):
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


@test
def memory_in_use_and_a_limit_further_up(t):
    """Below a group of 640 MiB the daemon has that and no more, and a few modules nearly fill it."""
    size = 640 * MIB
    parent = small_parent(t, size)
    config = dict(json.loads(default_config() or "{}"), cgroup={"parent": parent},
                  host={"reserve": {"memory": "160M"}})
    daemon = Daemon(config=json.dumps(config))
    t.cleanup(daemon.done)
    with daemon.client() as client:
        memory = client.call("capacity.get")["memory"]
        equal((memory["totalBytes"], memory["limitBytes"]), (size, size - 160 * MIB), "of the group above")
        each = memory["limitBytes"] * 93 // 100 // 3
        code = f"held = bytearray({each})\nheld[::4096] = b'x' * len(held[::4096])\nimport time\ntime.sleep(10000)"
        for name in ("hog-a", "hog-b", "hog-c"):
            folder = t.folder(manifest(["/usr/bin/python3", "-c", code], id=name, limits={"memory": "250M"}))
            client.call("instance.start", path=str(folder), wait="spawned")
        until(lambda: client.call("capacity.get")["full"] == "memory", "nearly full")
        error = refused(t, client, "one-more")
        require("hog-a" in error.message and "90 %" in error.message, error.message)
        client.call("instance.kill", module="hog-b")
        until(lambda: client.call("capacity.get")["full"] is None, "room again")
        start(t, client, "one-more")


@test
def on_one_screen(t):
    daemon = own_daemon(t)
    with daemon.client() as client:
        start(t, client, "shown", "32M")
        done = subprocess.run([str(build_dir() / "modsupctl"), "--private", str(daemon.folder), "capacity"],
                              capture_output=True, text=True, timeout=30, check=True)
        lines = done.stdout.splitlines()
        require(len(lines) <= 20 and all(len(line) <= 79 for line in lines), done.stdout)
        for word in ("memory", "processes", "disk", "1 of 2000", "32.0M promised"):
            require(word in done.stdout, f"{word} is not in:\n{done.stdout}")
        client.call("emergency.stop", reason="x")
        done = subprocess.run([str(build_dir() / "modsupctl"), "--private", str(daemon.folder), "capacity"],
                              capture_output=True, text=True, timeout=30, check=True)
        require("EMERGENCY" in done.stdout, done.stdout)
        client.call("emergency.lift")


@test
def asking_costs_little(t):
    daemon = own_daemon(t)
    with daemon.client() as client:
        for i in range(20):
            start(t, client, f"m{i}")
        clock = os.sysconf("SC_CLK_TCK")

        def cpu():
            fields = pathlib.Path(f"/proc/{daemon.pid}/stat").read_text().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / clock
        before = cpu()
        for _ in range(500):
            client.call("capacity.get")
        t.say(f"500 x capacity.get: {(cpu() - before) * 1000:.0f} ms of processor")
        require(cpu() - before < 2, f"500 x capacity.get took {cpu() - before:.2f} s of processor")
