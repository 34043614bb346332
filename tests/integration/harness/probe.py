# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody else who is served meanwhile: a process of its own that asks the daemon a small question
every 20 ms at each door that it was given, and connects anew every half second. What a test does to the
daemon is measured by how long those answers take, and by what the daemon has grown."""
import json
import os
import re
import subprocess
import sys

from .failure import require
from .wait import SLOWNESS


def crowd():
    """How many want each processor beyond what a busy machine bears: whatever takes time takes longer."""
    return max(1.0, os.getloadavg()[0] / 2 / os.cpu_count())


PATIENCE = 5 * SLOWNESS * crowd()  # within it there is an error, or a bound is seen
MOST_P99 = 0.25 * SLOWNESS     # promised are 50 ms, on a machine that is not shared
MOST_GROWTH = 64 << 20

ASKER = """
import json, select, socket, sys, time
def connect(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(60)
    sock.connect(path)
    return sock, sock.makefile()
def line(file):
    text = file.readline()
    if '"error"' in text or not text:
        sys.exit(f"refused: {text!r}")
request = b'{"jsonrpc":"2.0","id":1,"method":"supervisor.info"}\\n'
doors, times = [(path, *connect(path)) for path in sys.argv[1:]], []
for _, _, file in doors:
    line(file)
print("begun", flush=True)
turn = 0
while not select.select([0], [], [], 0.02)[0] or turn < 20:  # some, however soon it is over
    turn += 1
    for n, (path, sock, file) in enumerate(doors):
        began = time.monotonic()
        if turn % 25 == n:
            file.close()
            sock.close()
            sock, file = connect(path)
            doors[n] = (path, sock, file)
        else:
            sock.sendall(request)
        line(file)
        times.append(time.monotonic() - began)
print(json.dumps(times))
"""


def memory_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s*(\d+)", file.read()).group(1)) << 10


def keeps_what_was_freed(pid):
    """AddressSanitizer does, known by the terabytes that it reserves."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmSize:\s*(\d+)", file.read()).group(1)) > 1 << 30


class Probe:
    """with Probe(t, daemon): what is done to the daemon. Fails when others waited or it grew."""

    def __init__(self, t, daemon=None, doors=("", "observer"), growth=MOST_GROWTH):
        self.t, self.daemon, self.growth = t, daemon or t.daemon, growth
        self.doors = [str(self.daemon.folder / door / "control.sock") for door in doors]
        self.times = []

    def __enter__(self):
        self.before = memory_of(self.daemon.pid)
        # A process that is started, not forked: it must not hold this one's connections open.
        self.process = subprocess.Popen([sys.executable, "-c", ASKER, *self.doors],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        require(self.process.stdout.readline() == "begun\n", "the probe does not begin")
        return self

    def __exit__(self, kind, *_):
        self.process.stdin.close()
        told = self.process.stdout.read()
        self.process.stdout.close()
        status = self.process.wait()
        if kind:
            return
        require(status == 0 and told, f"the probing client ended with {status}")
        self.times = sorted(json.loads(told))
        self.judge()

    def judge(self):
        grown = memory_of(self.daemon.pid) - self.before
        p99 = self.times[len(self.times) * 99 // 100]
        self.t.say(f"others: {len(self.times)} answers, median {self.times[len(self.times) // 2] * 1000:.1f} ms, "
                   f"p99 {p99 * 1000:.1f} ms, worst {self.times[-1] * 1000:.0f} ms; modsupd grew by "
                   f"{grown / 1e6:.1f} MB; load {os.getloadavg()[0]:.1f}")
        require(p99 < MOST_P99 * crowd(), f"others wait: p99 {p99 * 1000:.0f} ms")
        require(grown < self.growth or keeps_what_was_freed(self.daemon.pid), f"modsupd grew by {grown} bytes")
