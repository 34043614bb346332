# SPDX-License-Identifier: GPL-2.0-or-later
"""A stock Debian 12: its kernel, its systemd, one layout of cgroups. Needs a machine of its own."""
import os
import pathlib
import subprocess

from harness import Client, Daemon, build_dir, equal, manifest, require, test, until
from harness.census import cgroup_folders
from harness.wait import DEADLINE

LAYOUT = os.environ.get("MS_VM_LAYOUT", "")
CGROUPS = pathlib.Path("/sys/fs/cgroup")
HAS_NOEXEC = pathlib.Path("/proc/sys/vm/memfd_noexec").exists()

# 60 MB that stay, then garbage by the megabyte on the heap and beside it, several times the limit, as
# fast as it goes. An emulated machine is too slow for a workload that is counted in seconds.
GARBAGE = 512 << 20
TURNOVER = """
'use strict';
const live = [], objects = [];
for (let i = 0; i < 40; i++)
	live.push(Buffer.alloc(1 << 20, i));
for (let i = 0; i < 2500; i++)
	objects.push(new Array(1000).fill(i));
let heap = 0, beside = 0;
function work() {
	for (let i = 0; i < 125; i++) {
		objects[(heap + i * 20) % objects.length] = new Array(1000).fill(i);
		heap += 8000;
	}
	for (let i = 0; i < 16; i++) {
		live[40 + i] = Buffer.alloc(1 << 16, i);
		beside += 1 << 16;
	}
	if (heap + beside < WANTED)
		setImmediate(work);
	else
		console.log(JSON.stringify({ heap, beside, rss: process.memoryUsage().rss }));
}
work();
"""


@test
def layout_is_what_was_booted(t):
    checks = {c["layer"]: c for c in t.client.call("host.check")["checks"]}
    equal(checks["cgroup"]["found"].split(",")[0], LAYOUT, "the layout that modsupd found")


@test
def host_is_fit_as_shipped(t):
    """Debian's own kernel and the shipped defaults are enough; what it lacks is told."""
    report = t.client.call("host.check")
    lacks = [c["layer"] for c in report["checks"] if c["verdict"] == "missing"]
    equal(lacks, [] if HAS_NOEXEC else ["memfd-noexec"], "what this host lacks")
    require(report["fit"], "fit is false")
    equal([c["layer"] for c in report["checks"] if c["required"] and c["verdict"] != "ok"
           and c["verdict"] != "degraded"], [], "required and not there")


@test
def missing_layer_is_told_and_can_be_required(t):
    if HAS_NOEXEC:
        return
    done = t.shell("true").succeeded()
    told = [e["data"]["layers"] for e in done.events("instance.degraded")]
    equal(told, [["memfd-noexec"]], "the layers of instance.degraded")
    require("without vm.memfd_noexec" in t.daemon.log(), f"not in the log: {t.daemon.log()}")
    try:
        strict = Daemon(config='{"optionalLayers": []}')
    except ChildProcessError as error:
        require("host-lacks" in str(error) and "memfd-noexec" in str(error), f"why: {error}")
        return
    strict.done()
    require(False, "a layer that this host lacks was required, and modsupd started")


def turnover(t, memory):
    running = t.launch(["/usr/bin/node", "main.js"],
                       {"main.js": TURNOVER.replace("WANTED", str(GARBAGE))},
                       limits={"memory": memory, "processes": 32})
    done = running.finish(DEADLINE * 4)
    equal(done.exit.get("cause"), "exited", f"the end at {memory}: {done.exit} {done.stderr[-400:]}")
    facts = done.succeeded().json()
    t.say(f"{memory}: {facts['heap'] >> 20} MB of garbage on the heap and {facts['beside'] >> 20} MB "
          f"beside it, {facts['rss'] >> 20} MB resident at the end")
    require(facts["heap"] + facts["beside"] >= GARBAGE, f"too little garbage to tell: {facts}")
    equal(done.events("violation"), [], f"violations at {memory}")


@test
def node_with_garbage_in_128m(t):
    turnover(t, "128M")


@test
def node_with_garbage_in_256m(t):
    turnover(t, "256M")


def unit_show(unit, key):
    return subprocess.run(["systemctl", "show", "-p", key, "--value", unit], capture_output=True,
                          text=True, timeout=DEADLINE, check=True).stdout.strip()


def unit_log(unit):
    return subprocess.run(["journalctl", "--no-pager", "-o", "cat", "-n", "20", "-u", unit],
                          capture_output=True, text=True, timeout=DEADLINE, check=True).stdout


@test
def as_a_unit_it_stays_below_its_own_group(t):
    """Started by systemd with Delegate=yes, modsupd makes no group outside of its unit's."""
    unit, folder = "modsup-vm-unit.service", t.scratch / "unit"
    folder.mkdir(mode=0o755)
    build = build_dir()
    subprocess.run(["systemd-run", "--quiet", f"--unit={unit}", "-p", "Delegate=yes",
                    "-p", "KillMode=process", "--", str(build / "modsupd"),
                    "--private", str(folder), "--libexec", str(build)],
                   timeout=DEADLINE, check=True, stdin=subprocess.DEVNULL)
    t.cleanup(lambda: subprocess.run(["systemctl", "stop", unit], timeout=DEADLINE * 2,
                                     capture_output=True, check=False))
    until(lambda: (folder / "control.sock").exists() or unit_show(unit, "ActiveState") == "failed",
          "the unit's control socket")
    require((folder / "control.sock").exists(), lambda: unit_log(unit))
    with Client(folder / "control.sock") as client:
        ident = client.call("supervisor.info")["daemonId"]
        path = t.folder(manifest(["/bin/sleep", "600"]))
        instance = client.call("instance.start", path=str(path), wait="spawned")["instance"]
        controlled = [g for g in cgroup_folders(ident) if g.endswith("/payload")
                      and (LAYOUT == "v2" or "/memory/" in g)]
        require(controlled, f"no group of the module: {cgroup_folders(ident)}")
        for group in controlled:
            require(f"/{unit}/" in group, f"{group} is outside of the unit")
        limit = "memory.max" if LAYOUT == "v2" else "memory.limit_in_bytes"
        text = (pathlib.Path(controlled[0]).parent / limit).read_text(encoding="ascii")
        equal(text.strip(), str(64 << 20), limit)
        checks = {c["layer"]: c for c in client.call("host.check")["checks"]}
        equal(checks["cgroup-cpu"]["verdict"], "ok", f"cgroup-cpu: {checks['cgroup-cpu']}")
        client.call("instance.stop", _timeout=DEADLINE * 2, instance=instance)
    subprocess.run(["systemctl", "stop", unit], timeout=DEADLINE * 2, check=True)
    require(unit_show(unit, "Result") in ("success", ""), unit_show(unit, "Result"))
    until(lambda: not cgroup_folders(ident), lambda: f"groups are gone: {cgroup_folders(ident)}")
