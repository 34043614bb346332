# SPDX-License-Identifier: GPL-2.0-or-later
"""Ordinary software must just work inside: what runtimes do at start and under load."""
import os
import threading
import time

from harness import equal, manifest, require, test
from harness.wait import DEADLINE

# 60 MB that stay, and garbage all the time: with a heap sized for the host this is killed.
CHURN = """
'use strict';
const live = [];
for (let i = 0; i < 60; i++)
	live.push(Buffer.alloc(1 << 20, i));
const objects = new Map();
const end = Date.now() + SECONDS * 1000;
let rounds = 0;
function work() {
	for (let i = 0; i < 2000; i++) {
		objects.set(i, { text: 'x'.repeat(200) + rounds, list: new Array(50).fill(i) });
		JSON.parse(JSON.stringify(objects.get(i)));
	}
	rounds++;
	if (Date.now() < end)
		setTimeout(work, 5);
	else
		console.log(JSON.stringify({ rounds, rss: process.memoryUsage().rss >> 20, live: live.length }));
}
work();
"""


def churn(t, seconds, memories):
    running = {}
    for memory in memories:
        folder = t.folder(manifest(["/usr/bin/node", "main.js"], id=f"churn-{memory.lower()}",
                                   limits={"memory": memory, "processes": 32}),
                          {"main.js": CHURN.replace("SECONDS", str(seconds))})
        running[memory] = t.start(folder, stdio="pipe")
    for memory, one in running.items():
        done = one.finish(seconds + DEADLINE * 3)
        equal(done.exit.get("cause"), "exited", f"the end at {memory}: {done.exit} {done.stderr[-400:]}")
        facts = done.succeeded().json()
        t.say(f"{memory}: {facts['rounds']} rounds, {facts['rss']} MB resident at the end")
        equal(done.events("violation"), [], f"violations at {memory}")


@test
def node_with_garbage_for_some_seconds(t):
    churn(t, 5, ["128M", "256M"])


@test(slow=True)
def node_with_garbage_for_a_minute(t):
    churn(t, 60, ["128M", "256M"])


@test
def node_with_workers_and_children(t):
    code = """
const { Worker, isMainThread } = require('node:worker_threads');
const { execFileSync } = require('node:child_process');
const crypto = require('node:crypto'), fs = require('node:fs'), zlib = require('node:zlib');
if (isMainThread) {
	const done = [0, 1].map(() => new Promise((ok, no) =>
		new Worker(__filename).on('exit', ok).on('error', no)));
	Promise.all(done).then(() => {
		fs.writeFileSync('/tmp/a', crypto.randomBytes(1000));
		zlib.gzipSync(fs.readFileSync('/tmp/a'));
		fs.renameSync('/tmp/a', '/tmp/b');
		console.log(execFileSync('/bin/sh', ['-c', 'echo from a child']).toString().trim());
		console.log(new Date().getTimezoneOffset() >= -720, Intl.NumberFormat('en').format(1234));
	});
}
"""
    done = t.run(["/usr/bin/node", "main.js"], {"main.js": code},
                 limits={"memory": "192M", "processes": 64}, timeout=DEADLINE * 2).succeeded()
    equal(done.stdout, "from a child\ntrue 1,234\n", "what it prints")
    equal(done.events("violation"), [], "violations")


@test
def python_with_its_library(t):
    code = """
import asyncio, concurrent.futures, hashlib, multiprocessing, sqlite3, ssl, subprocess, tempfile
import threading, time, zoneinfo
with tempfile.NamedTemporaryFile() as f:
    sqlite3.connect(f.name).execute("create table t (a)")
with concurrent.futures.ThreadPoolExecutor(3) as pool:
    assert sum(pool.map(lambda x: x * x, range(10))) == 285
assert subprocess.check_output(["/bin/echo", "x"]) == b"x\\n"
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(abs, [-1, -2]) == [1, 2]
asyncio.run(asyncio.sleep(0))
ssl.create_default_context()
time.localtime()
print("fine")
"""
    done = t.python(code, limits={"memory": "128M", "processes": 32},
                    timeout=DEADLINE * 2).succeeded()
    equal(done.stdout, "fine\n", "what it prints")
    equal(done.events("violation"), [], "violations")


@test
def shell_with_the_usual_tools(t):
    script = """
set -e
printf 'b\\na\\n' > /tmp/list
sort /tmp/list | head -n 1 | tr a-z A-Z
cp -p /tmp/list /tmp/copy
ls -la /tmp /module > /dev/null
find /module -name '*.json' | wc -l
tar -C /tmp -cf /tmp/x.tar list && gzip /tmp/x.tar && gzip -dc /tmp/x.tar.gz | tar -tf -
awk 'BEGIN { print 6 * 7 }'
grep -c model /proc/cpuinfo > /dev/null || true
date +%Z > /dev/null; df /tmp > /dev/null; id > /dev/null; ps > /dev/null 2>&1 || true
"""
    done = t.shell(script).succeeded()
    equal(done.stdout, "A\n1\nlist\n42\n", "what it prints")
    equal(done.events("violation"), [], "violations")


@test
def standard_streams_carry_bulk(t):
    """Two megabytes through stdin and back, no byte lost."""
    running = t.launch(["/bin/cat"])
    data = bytes(range(256)) * 8192

    def feed():
        view = memoryview(data)
        while view:
            view = view[os.write(running.stdin, view[:65536]):]
        running.close_stdin()
    thread = threading.Thread(target=feed)
    start = time.monotonic()
    thread.start()
    done = running.finish(DEADLINE * 2)
    thread.join()
    equal(len(done.output), len(data), "bytes that came back")
    require(done.output == data, "bytes were changed")
    t.say(f"{len(data) >> 10} KiB through a module's stdin and stdout in "
          f"{(time.monotonic() - start) * 1000:.0f} ms")


@test
def logs_without_end_do_not_block_or_fill(t):
    """stdout to the log: a module that writes without end neither hangs nor fills the disk."""
    running = t.start(t.folder(manifest(["/usr/bin/python3", "main.py"]), {
        "main.py": "import sys\nfor _ in range(3000): sys.stdout.write('x' * 10000 + '\\n')"}))
    equal(running.wait(DEADLINE * 2).get("code"), 0, "its exit")
    size = sum(f.stat().st_size for f in t.daemon.folder.rglob("*") if f.is_file())
    require(size < 24 << 20, f"{size >> 20} MiB in the daemon's folder after 30 MB of output")
