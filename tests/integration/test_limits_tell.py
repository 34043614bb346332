# SPDX-License-Identifier: GPL-2.0-or-later
"""Limits tell while they are hit, and instance.stats tells what is used of them."""
import json
import os
import pathlib
import re
import subprocess
import time

from harness import SLOWNESS, Daemon, build_dir, equal, manifest, require, test

SECOND = 1000000

# Tries to have more processes than it may; says when it is refused first, and at the end how often.
BOMB = """
import os, signal, sys, time
refused, ending = 0, False
def end(*_):
    global ending
    ending = True
signal.signal(signal.SIGTERM, end)
while not ending:
    try:
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            while True:
                signal.pause()
    except OSError:
        refused += 1
        if refused == 1:
            print("refused", flush=True)
        time.sleep(0.001)
print(refused, flush=True)
"""

# So much memory, so much processor time, two threads more; then it waits to be ended.
LOAD = """
import signal, threading, time
held = bytearray(24 << 20)
for _ in range(2):
    threading.Thread(target=signal.sigwait, args=([signal.SIGUSR1],), daemon=True).start()
while time.process_time() < 0.5:
    pass
print("ready", flush=True)
signal.pause()
"""

# Reads a file that its memory has no room for, again and again.
READ = """
import time
for _ in range(600):
    with open("/module/big", "rb", buffering=0) as f:
        while f.read(1 << 20):
            pass
    time.sleep(0.1)
"""


def stats_of(t, running):
    found = t.client.call("instance.stats", instance=running.instance)["instances"]
    equal(len(found), 1, "instances in the answer about one")
    return found[0]


def processor_usec(pid):
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) * SECOND // os.sysconf("SC_CLK_TCK")


def resident_bytes(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", status).group(1)) * 1024


@test
def stats_agree_with_proc(t):
    began = time.monotonic()
    running = t.launch(["/usr/bin/python3", "main.py"], {"main.py": LOAD},
                       limits={"memory": "96M", "cpu": "80%", "processes": 12, "openFiles": 50})
    equal(running.read_line(), "ready\n", "its first line")
    pid = t.client.call("instance.show", instance=running.instance)["pid"]
    before = processor_usec(pid)
    time.sleep(1.1)  # figures are at most a second old; it uses nothing meanwhile
    seen = stats_of(t, running)
    took = (time.monotonic() - began) * SECOND
    require(before * 0.9 - 50000 <= seen["cpuUsec"] <= processor_usec(pid) * 1.1 + 100000,
            f"cpuUsec {seen['cpuUsec']}, by /proc {before}")
    held = resident_bytes(pid)
    require(held <= seen["memoryBytes"] + (1 << 20), f"{seen['memoryBytes']}, by /proc {held}")
    require(seen["memoryBytes"] <= seen["memoryPeakBytes"] <= 96 << 20, str(seen))
    equal(seen["processes"], len(os.listdir(f"/proc/{pid}/task")), "processes and threads")
    require(0 < seen["uptimeUsec"] <= took, f"uptimeUsec {seen['uptimeUsec']} of {took:.0f}")
    wanted = {"instance": running.instance, "module": "probe", "tenant": "default",
              "state": "ready", "generation": 1, "denied": 0, "memoryLimitBytes": 96 << 20,
              "cpuLimit": 80, "processesLimit": 12, "openFilesLimit": 50}
    equal({k: seen.get(k) for k in wanted}, wanted, "who it is and what it may")
    require(seen["cpuThrottledUsec"] < took, str(seen))
    running.stop()
    ended = stats_of(t, running)
    require(ended["state"] == "stopped" and "memoryBytes" not in ended, str(ended))


@test
def stats_of_all_by_pages_and_in_sum(t):
    for i in range(5):
        t.start(t.folder(manifest(["/bin/sleep", "600"], id=f"page-{i}")))
    page, pages = t.client.call("instance.stats", limit=2, sum=True), []
    total = page["sum"]
    while True:
        pages.append([s["module"] for s in page["instances"]])
        if page["next"] is None:
            break
        page = t.client.call("instance.stats", limit=2, cursor=page["next"])
    equal([len(p) for p in pages], [2, 2, 1], "entries of the pages")
    equal(sorted(sum(pages, [])), [f"page-{i}" for i in range(5)], "who is on them")
    equal(total["instances"], 5, "instances in the sum")
    equal(total["processes"], 5, "processes in the sum")
    equal(total["memoryLimitBytes"], 5 * (64 << 20), "limits in the sum")
    require(0 < total["memoryBytes"] < total["memoryLimitBytes"], str(total))
    for wrong in ({"cursor": "x"}, {"limit": 501}, {"sum": 1}, {"tenant": "default"},
                  {"module": "page-1", "sum": True}, {"module": "page-1", "limit": 2}):
        equal(t.client.refused("instance.stats", **wrong).reason, "params-invalid", str(wrong))
    equal(t.client.refused("instance.stats", module="nobody").reason, "not-found", "of nobody")


@test
def fork_bomb_is_told_while_it_runs(t):
    running = t.launch(["/usr/bin/python3", "main.py"], {"main.py": BOMB},
                       limits={"processes": 8})
    equal(running.read_line(), "refused\n", "its first line")
    refused_at = time.monotonic()
    told = running.violations(timeout=20 * SLOWNESS)[0]
    late = told["_at"] - refused_at
    t.say(f"the first refused fork was told after {late * 1000:.0f} ms")
    require(late < 2 * SLOWNESS, f"told only {late:.2f} s after it")
    equal(t.client.call("instance.show", instance=running.instance)["state"], "ready",
          "its state meanwhile")
    data = told["data"]
    equal([data[k] for k in ("layer", "action", "severity")], ["processes", "blocked", "warning"],
          "what is told")
    equal(data["observed"]["limit"], 8, "the limit")
    equal(data["observed"]["current"], 8, "processes at that moment")
    times = [e["_at"] for e in running.violations(timeout=20 * SLOWNESS, at_least=4)]
    gaps = [b - a for a, b in zip(times, times[1:])]
    # One may be late on its way to us, and the next one not.
    require(sum(gaps) > 0.8 * (len(gaps) - 1) and max(gaps) < 2 * SLOWNESS,
            f"told each {gaps} s, not once a second")
    running.stop()
    running.wait()  # what is left to tell comes before the exit
    counts = [e["data"]["count"] for e in running.violations(timeout=20 * SLOWNESS)]
    equal(sum(counts), int(running.read_line()), f"refused forks told in {counts}")


@test
def taken_over_by_the_next_daemon(t):
    """What was told once is not told again, and what goes on is."""
    daemon = Daemon()
    t.cleanup(daemon.done)
    folder = t.folder(manifest(["/usr/bin/python3", "main.py"], limits={"processes": 8}),
                      {"main.py": BOMB})

    def refused(client, instance, at_least):
        def enough():
            counts = [e["data"]["count"] for e in client.of(instance, "violation")]
            return counts if len(counts) >= at_least else None
        return client.pump(enough, f"{at_least} violations", timeout=20 * SLOWNESS)
    with daemon.client() as client:
        client.subscribe()
        instance = client.call("instance.start", path=str(folder))["instance"]
        before = sum(refused(client, instance, at_least=5))
        ran = client.call("instance.stats", instance=instance)["instances"][0]["uptimeUsec"]
    daemon.kill()
    daemon.start()
    with daemon.client() as client:
        client.subscribe(since={"epoch": client.hello["epoch"], "seq": 0})
        first = refused(client, instance, at_least=1)[0]
        require(first < before, f"{before} refused forks told before, {first} at once afterwards")
        figures = client.call("instance.stats", instance=instance)["instances"][0]
        require(figures["uptimeUsec"] > ran, f"it ran {ran} before, {figures['uptimeUsec']} now")
        equal(figures["processes"], 8, "its processes")


@test
def full_memory_is_told_where_it_kills_nobody(t):
    folder = t.folder(manifest(["/usr/bin/python3", "main.py"], limits={"memory": "32M"}),
                      {"main.py": READ, "big": bytes(96 << 20)})
    fd = os.open(folder / "big", os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)  # else its pages are the test's
    os.close(fd)
    running = t.start(folder)
    told = t.client.event(lambda e: e.get("instance") == running.instance
                          and e["type"] == "limit.memory", "limit.memory",
                          timeout=40 * SLOWNESS)
    data = told["data"]
    equal(data["limitBytes"], 32 << 20, "the limit")
    require(16 << 20 < data["currentBytes"] <= 32 << 20, str(data))
    require(data["hits"] > 0 and data["remedy"], str(data))
    equal(t.client.call("instance.show", instance=running.instance)["state"], "ready", "its state")
    equal(t.client.of(running.instance, "violation"), [], "violations, though nothing was refused")


@test(slow=True)
def lack_of_processor_time_is_told(t):
    busy = t.launch(["/bin/sh", "-c", "while :; do :; done"], id="busy", limits={"cpu": "10%"})
    calm = t.launch(["/bin/sleep", "600"], id="calm", limits={"cpu": "10%"})
    began = time.monotonic()
    told = t.client.event(lambda e: e["type"] == "limit.cpu", "limit.cpu",
                          timeout=60 + 50 * SLOWNESS)
    t.say(f"told after {told['_at'] - began:.0f} s of a lack of processor time")
    equal(told["instance"], busy.instance, "whom it is about")
    data = told["data"]
    equal(data["limit"], 10, "the limit")
    require(60 * SECOND <= data["windowUsec"] <= (60 + 30 * SLOWNESS) * SECOND, str(data))
    equal(data["periods"], data["windowUsec"] // 100000, "periods of the window")
    require(data["periods"] < 2 * data["throttled"] <= 2 * data["periods"] + 2, str(data))
    require(data["throttledUsec"] > 10 * SECOND, str(data))
    require(58 < told["_at"] - began < 60 + 30 * SLOWNESS, "told too early or too late")
    figures = stats_of(t, busy)
    share = 100 * figures["cpuUsec"] / figures["uptimeUsec"]
    require(5 < share < 15, f"{share:.1f} % of a core by instance.stats")
    equal(t.client.of(calm.instance, "limit.cpu"), [], "what is told of the calm one")


@test
def idle_modules_wake_the_supervisor_less_than_once_a_second(t):
    for i in range(8):
        t.start(t.folder(manifest(["/bin/sleep", "600"], id=f"idle-{i}")))

    def wakeups():
        status = pathlib.Path(f"/proc/{t.daemon.pid}/status").read_text()
        return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.M).group(1))
    t.client.call("supervisor.info")
    before = wakeups()
    time.sleep(10)  # the length of a measurement, not a wait
    woken = wakeups() - before
    t.say(f"modsupd woke {woken} times in 10 s beside eight idle modules")
    require(woken < 10, f"{woken} wake-ups in 10 s beside modules that do nothing")


def modsupctl(t, *arguments, **kwargs):
    return subprocess.run([build_dir() / "modsupctl", "--private", t.daemon.folder, *arguments],
                          capture_output=True, text=True, timeout=60 * SLOWNESS, check=False, **kwargs)


@test
def modsupctl_shows_them(t):
    equal(modsupctl(t, "stats").stdout, "nothing is running\n", "with nothing")
    t.start(t.folder(manifest(["/bin/sleep", "600"], id="calm-one-with-a-long-name")),
            tenant="a-tenant-whose-name-is-long-too")
    busy = t.start(t.folder(manifest(["/bin/sh", "-c", "while :; do :; done"], id="busy",
                                     limits={"cpu": "50%", "memory": "48M"})))
    time.sleep(1)  # so that it has used some
    shown = modsupctl(t, "stats")
    equal(shown.returncode, 0, f"the exit code ({shown.stderr})")
    lines = shown.stdout.splitlines()
    equal(lines[0].split(), ["NAME", "STATE", "CPU%", "MEMORY", "PROCS", "UPTIME"], "the titles")
    equal(len(lines), 4, "lines")
    words = next(line.split() for line in lines if line.startswith("busy"))
    require(2 < float(words[2]) < 60, f"{words[2]} % of a core with a limit of 50 %")
    require(words[3].endswith("/48M") and words[4] == "1/16", str(words))
    require(lines[3].startswith("2 running"), lines[3])
    raw = json.loads(modsupctl(t, "stats", "--json", "busy", busy.instance).stdout)
    equal([i["module"] for i in raw["instances"]], ["busy", "busy"], "in JSON")
    equal(modsupctl(t, "stats", "nobody").returncode, 3, "the exit code for what is not there")
    watching = subprocess.Popen(
        [build_dir() / "modsupctl", "--private", t.daemon.folder, "stats", "--watch", "--json"],
        stdout=subprocess.PIPE, text=True)
    t.cleanup(lambda: (watching.kill(), watching.wait(), watching.stdout.close()))
    looks = [json.loads(watching.stdout.readline()) for _ in range(3)]
    spent = [next(i["cpuUsec"] for i in look["instances"] if i["module"] == "busy")
             for look in looks]
    require(spent[0] < spent[1] < spent[2], f"figures that stand still: {spent}")
    require(watching.poll() is None, "it ended before it was interrupted")
