# SPDX-License-Identifier: GPL-2.0-or-later
"""The figures of `limits`: each is held by the kernel, and told where it can be."""
import os
import pathlib
import time

from harness import equal, manifest, require, test, until

# Touches memory until it is killed; says how far it came.
EAT = """
import sys
held = []
for i in range(1, 4096):
    held.append(bytearray(1 << 20))
    print(i, flush=True)
"""


def memory_violation(event):
    return event["type"] == "violation" and event["data"]["layer"] == "memory"


@test
def memory_limit_kills_and_is_told_before_the_exit(t):
    done = t.python(EAT, limits={"memory": "48M"}, timeout=60)
    equal(done.exit.get("cause"), "memory", f"the cause of {done.exit}")
    equal(done.code, None, "an exit code after a kill")
    reached = int(done.stdout.split()[-1])
    require(8 <= reached <= 48, f"came to {reached} MB with a limit of 48M")
    kinds = [e["type"] for e in done.events()]
    told = [e for e in done.events() if memory_violation(e)]
    require(told, f"no memory violation, only {kinds}")
    ended = done.events("instance.exited")
    equal(len(ended), 1, "exit events")
    require(told[0]["seq"] < ended[0]["seq"], "the exit was told before its reason")
    require(told[0]["data"]["severity"] in ("warning", "critical"), str(told[0]["data"]))


@test
def memory_of_tmp_is_the_modules_own(t):
    done = t.python("""
import os
for i in range(256):
    with open("/tmp/f%d" % i, "wb") as f:
        f.write(b"x" * (1 << 20))
    print(i, flush=True)
""", limits={"memory": "48M", "tmp": "128M"}, timeout=60)
    require(done.exit.get("cause") == "memory" or done.code == 1, f"ended by {done.exit}")
    require(len(done.stdout.split()) < 64, "files in /tmp are not counted to the module")


# Fills connections to itself and reads none; ends when the kernel takes no more, or at 192 MB.
FILL_TCP = """
import os, socket, sys
server = socket.create_server(("127.0.0.1", 0), backlog=64)
block, queued, ends = bytes(65536), 0, []
while queued < 192 << 20 and len(ends) < 100:
    near = socket.socket()
    near.settimeout(2)
    try:
        near.connect(server.getsockname())
        far = server.accept()[0]
    except OSError:
        break
    near.setblocking(False)
    ends.append((near, far))
    for _ in range(256):
        try:
            queued += near.send(block)
        except BlockingIOError:
            break
print(queued, len(ends), flush=True)
sys.stdin.read()
"""


def tcp_pages():
    """What TCP holds in buffers on the whole host: /proc/net/sockstat counts it in pages."""
    words = pathlib.Path("/proc/net/sockstat").read_text().split("TCP:")[1].split("\n")[0].split()
    return int(words[words.index("mem") + 1])


@test
def memory_of_tcp_buffers_is_bounded(t):
    limit = 64
    page = os.sysconf("SC_PAGE_SIZE")
    before = tcp_pages()
    running = t.launch(["/usr/bin/python3", "main.py"], {"main.py": FILL_TCP},
                       limits={"memory": f"{limit}M", "openFiles": 256})
    line = running.read_line(timeout=60)
    if not line:  # v2 counts buffers as any other memory: it ends for them
        equal(running.wait().get("cause"), "memory", "how it ended")
        return
    queued, connections = map(int, line.split())
    held = (tcp_pages() - before) * page / (1 << 20)
    t.say(f"{queued >> 20} MB sent into {connections} connections that nobody reads: the host "
          f"holds {held:.0f} MB, the module may have {limit} MB")
    require(connections > 1 and queued > 0, "nothing was sent, so nothing was measured")
    require(held < limit, f"{held:.0f} MB of the host in TCP buffers with a limit of {limit}M")
    running.close_stdin()
    running.finish()


@test
def process_limit_counts_threads(t):
    facts = t.python("""
import json, os, signal, threading
children, code = [], 0
try:
    for _ in range(64):
        pid = os.fork()
        if pid == 0:
            signal.pause()
        children.append(pid)
except OSError as error:
    code = error.errno
for pid in children:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
gate, threads, refused = threading.Event(), [], False
try:
    for _ in range(64):
        threads.append(threading.Thread(target=gate.wait))
        threads[-1].start()
except RuntimeError:
    refused = True
gate.set()
print(json.dumps([len(children), code, len(threads) - 1, refused]))
""", limits={"processes": 10}).succeeded().json()
    equal(facts, [9, 11, 9, True], "[children, EAGAIN, threads, refused] with 10 processes")


@test
def process_limit_is_told(t):
    done = t.python("""
import os, signal
children = []
try:
    while True:
        pid = os.fork()
        if pid == 0:
            signal.pause()
        children.append(pid)
except OSError:
    pass
for pid in children:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
""", limits={"processes": 6}).succeeded()
    told = [e["data"] for e in done.events("violation") if e["data"]["layer"] == "processes"]
    require(told, f"no violation, only {[e['type'] for e in done.events()]}")
    equal(told[0]["observed"]["limit"], 6, "the limit that is told")


@test
def open_files_limit_is_per_process(t):
    facts = t.python("""
import json, os, resource
fds, code = [], 0
try:
    while len(fds) < 4096:
        fds.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error:
    code = error.errno
limits = {n: resource.getrlimit(getattr(resource, n)) for n in ("RLIMIT_NOFILE", "RLIMIT_CORE")}
for n in fds: os.close(n)
def attempt(*values):
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, values)
        return "granted"
    except (ValueError, OSError):
        return "refused"
print(json.dumps([len(fds) + 3, code, limits, attempt(4096, 4096)]))
""", limits={"openFiles": 40}).succeeded().json()
    equal(facts[:2], [40, 24], "[descriptors, EMFILE]")
    equal(facts[2]["RLIMIT_NOFILE"], [40, 40], "RLIMIT_NOFILE")
    equal(facts[2]["RLIMIT_CORE"], [1, 1], "RLIMIT_CORE, which stops pipe handlers at 1 only")
    equal(facts[3], "refused", "raising the limit")


def cpu_usec(pid):
    """What the group of a process has used, on either version of cgroups."""
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        number, names, path = line.split(":", 2)
        if number == "0":
            file = pathlib.Path(f"/sys/fs/cgroup{path}/cpu.stat")
            if file.exists() and pathlib.Path(f"/sys/fs/cgroup{path}/cpu.max").exists():
                return int(file.read_text().split()[1])
        elif "cpuacct" in names.split(","):
            for mount in ("cpuacct", "cpu,cpuacct", "cpuacct,cpu"):
                file = pathlib.Path(f"/sys/fs/cgroup/{mount}{path}/cpuacct.usage")
                if file.exists():
                    return int(file.read_text()) // 1000
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(stat[11]) + int(stat[12])) * 10000


@test
def cpu_limit_holds(t):
    running = t.launch(["/bin/sh", "-c", "while :; do :; done & while :; do :; done"],
                       limits={"cpu": "20%"})
    view = next(i for i in t.client.call("instance.list")["instances"]
                if i["instance"] == running.instance)
    first, start = cpu_usec(view["pid"]), time.monotonic()
    time.sleep(4)  # the length of a measurement, not a wait
    used, took = cpu_usec(view["pid"]) - first, (time.monotonic() - start) * 1e6
    share = 100 * used / took
    t.say(f"two busy loops under a limit of 20 % used {share:.1f} % of a core")
    require(share < 30, f"{share:.0f} % of a core with a limit of 20 %")
    require(share > 2, f"{share:.1f} %: the module does not run at all, or nothing was measured")


@test
def idle_modules_cost_the_supervisor_nothing(t):
    """Every watch on a group must fall silent again once it was looked at."""
    for i in range(4):
        t.start(t.folder(manifest(["/bin/sleep", "600"], id=f"idle-{i}")))

    def cpu():
        words = pathlib.Path(f"/proc/{t.daemon.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    before = cpu()
    time.sleep(3)  # the length of a measurement, not a wait
    used = cpu() - before
    t.say(f"modsupd beside four idle modules used {used * 1000:.0f} ms of CPU in 3 s")
    require(used < 0.3, f"{used:.2f} s of CPU in 3 s beside modules that do nothing")


@test
def oneshot_time_limits_end_it(t):
    done = t.shell("while :; do :; done", entry={"mode": "oneshot"},
                   limits={"wallTimePerRequest": "2s", "cpuTimePerRequest": "60s"}, timeout=60)
    equal(done.exit.get("cause"), "deadline", f"the cause of {done.exit}")


@test
def oneshot_cpu_time_ends_it(t):
    done = t.shell("while :; do :; done", entry={"mode": "oneshot"},
                   limits={"wallTimePerRequest": "60s", "cpuTimePerRequest": "1s"}, timeout=60)
    equal(done.exit.get("cause"), "deadline", f"the cause of {done.exit}")


@test
def ceiling_of_the_tier_narrows(t):
    result = t.start(t.folder(manifest(["/bin/sleep", "60"], limits={"memory": "512M"})),
                     tier="community")
    views = t.client.call("instance.list")["instances"]
    view = next(v for v in views if v["instance"] == result.instance)
    text = str(view) + str(result.result)
    require("limits.memory" in text and "256M" in text, f"the narrowing is not told: {text[:600]}")


@test
def limits_are_of_each_instance(t):
    """One module at its limit does not disturb the next."""
    hungry = t.start(t.folder(manifest(["/usr/bin/python3", "main.py"], id="hungry",
                                       entry={"restart": "never"}, limits={"memory": "48M"}), {"main.py": EAT}))
    calm = t.start(t.folder(manifest(["/bin/sleep", "60"], id="calm")))
    exited = hungry.wait()
    equal(exited.get("cause"), "memory", "how the hungry one ended")
    states = {i["instance"]: i["state"] for i in t.client.call("instance.list")["instances"]}
    equal(states.get(calm.instance), "ready", "the state of the calm one")
    until(lambda: hungry.instance not in states or states[hungry.instance] in ("stopped", "failed"),
          "the hungry one is over")


@test
def log_of_a_flood_is_bounded_and_counted(t):
    """64 MB of output: the module is not held up, the disk gets a burst, the rest is counted."""
    code = "import sys\nfor _ in range(1024): sys.stdout.write('x' * 65535 + '\\n')\n" \
           "print('the end', flush=True)\n"
    start = time.monotonic()
    running = t.launch(["/usr/bin/python3", "main.py"], {"main.py": code}, stdio="log",
                       entry={"mode": "oneshot"})
    running.wait(timeout=60)
    took = time.monotonic() - start
    dropped = t.client.of(running.instance, "instance.exited")[0]["data"]["logDroppedBytes"]
    t.say(f"64 MB of output in {took:.1f} s, {dropped >> 20} MB of it dropped")
    require(dropped > (64 << 20) - (5 << 20) - took * (1 << 20), f"only {dropped} bytes dropped")
    require(dropped < 64 << 20, f"{dropped} bytes dropped: nothing is left")
