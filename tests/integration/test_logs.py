# SPDX-License-Identifier: GPL-2.0-or-later
"""A module's log: what it wrote is read back line by line by every way there is, nothing in it can
be forged, and neither a flood nor a reader that does not read costs anybody else anything."""
import json
import os
import pathlib
import pwd
import re
import socket
import stat
import struct
import subprocess
import tempfile
import time

from harness import Daemon, build_dir, equal, manifest, require, test, until
from harness.wait import DEADLINE, SLOWNESS, Timeout

PYTHON = "/usr/bin/python3"
MAX_STREAMS = 64
FILE_BYTES = 2 << 20
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Reader:
    """The reading end of a stream: JSON lines as they come."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(path)
        self.buffer, self.lines, self.ended = b"", [], False

    def _take(self, left):
        self.sock.settimeout(max(left, 0.001))
        try:
            data = self.sock.recv(1 << 20)
        except (socket.timeout, BlockingIOError):
            return
        self.ended = not data
        *whole, self.buffer = (self.buffer + data).split(b"\n")
        self.lines += [json.loads(line) for line in whole]

    def take_now(self):
        """What is there, without waiting."""
        if not self.ended:
            self._take(0)

    def until(self, done, what, timeout=DEADLINE):
        end = time.monotonic() + timeout
        while not done(self):
            left = end - time.monotonic()
            if left <= 0 or self.ended:
                raise Timeout(f"{'the stream ended' if self.ended else 'in time'} without {what}: "
                              f"{self.lines[-3:]}")
            self._take(left)
        return self.lines

    def all(self, timeout=DEADLINE):
        self.until(lambda r: r.ended, "an end", timeout)
        equal(self.buffer, b"", "half a line at the end")
        return self.lines

    def texts(self, source=None):
        return [x["text"] for x in self.lines if source in (None, x["source"])]

    def close(self):
        self.sock.close()


def stream(t, client=None, **params):
    """A stream of instance.logs, ended after the test."""
    answer = (client or t.client).call("instance.logs", **params)
    reader = Reader(answer["stream"])
    t.cleanup(reader.close)
    return reader


def inline(t, **params):
    return t.client.call("instance.logs", **{"as": "inline"}, **params)


def start(t, code, stdio="log", **changes):
    """A module in Python with its log."""
    return t.launch([PYTHON, "-u", "main.py"], {"main.py": code}, stdio=stdio, **changes)


def wait_for_line(t, running, text):
    """The log once it holds a line with @text."""
    def there():
        lines = inline(t, instance=running.instance, lines=500)["lines"]
        return lines if any(text in line["text"] for line in lines) else None
    return until(there, f"the line {text!r} of the log", step=0.1)


def texts(lines, source=None):
    return [x["text"] for x in lines if source in (None, x["source"])]


FOREVER = "\nimport time\nwhile True: time.sleep(100)\n"


@test
def both_streams_in_order(t):
    running = start(t, """
import os
for i in range(300):
    os.write(1 + i % 2, f"line {i}\\n".encode())
os.write(2, b"done\\n")
""" + FOREVER)
    lines = wait_for_line(t, running, "done")
    equal(len(lines), 301, "lines")
    equal(texts(lines, "stdout"), [f"line {i}" for i in range(0, 300, 2)], "standard output")
    equal(texts(lines, "stderr"), [f"line {i}" for i in range(1, 300, 2)] + ["done"], "the other")
    for line in lines:
        require(TIME.fullmatch(line["time"]), f"a time: {line}")
        require("partial" not in line, f"a whole line: {line}")
    times = [line["time"] for line in lines]
    equal(times, sorted(times), "times")

    some = inline(t, module="probe", lines=3, source="stderr")
    equal(texts(some["lines"]), ["line 297", "line 299", "done"], "the last of one stream")
    equal(some["truncated"], False, "truncated")
    equal(texts(inline(t, module="probe", lines=0)["lines"]), [], "no lines")
    equal(len(inline(t, module="probe")["lines"]), 200, "lines by default")
    equal(len(inline(t, module="probe", since="2020-01-01T00:00:00Z")["lines"]), 301, "lines since")
    equal(inline(t, module="probe", since="2999-01-01T00:00:00Z")["lines"], [], "lines to come")
    equal(inline(t, module="probe", since=times[-1], lines=1)["lines"], lines[-1:], "the very last")

    equal(stream(t, module="probe").all(), lines[-200:], "by stream")
    equal(stream(t, instance=running.instance, lines=10000).all(), lines, "all of them by stream")
    equal(stream(t, module="probe", lines=2, source="stdout").all(),
          [x for x in lines if x["source"] == "stdout"][-2:], "the last of one by stream")
    equal(stream(t, module="probe", lines=0).all(), [], "nothing by stream")


def records(data):
    """The records of a file, read as the page on the protocol tells them."""
    found = []
    while data:
        magic, source, flags, length, usec = struct.unpack_from("<IBBHQ", data)
        equal(magic, 0x676f6c1e, "magic")
        text, data = data[16:16 + length], data[16 + length:]
        equal(len(text), length, "length of the text")
        found.append((source, flags, usec, text))
    return found


@test
def as_descriptors(t):
    running = start(t, "import os\nos.write(1, b'out\\n')\nos.write(2, b'err?')\n" + FOREVER)
    wait_for_line(t, running, "err?")
    result = t.client.call("instance.logs", instance=running.instance, **{"as": "fd"})
    fds = t.client.take_fds(2)
    equal(result, {"instance": running.instance}, "result")
    try:
        first, second = (os.pread(fd, 1 << 20, 0) for fd in fds)
        equal(second, b"", "the second file")
        header, *rest = records(first)
        equal((header[0], header[3]), (3, struct.pack("<Q", 1)), "the header")
        equal(sorted((source, flags, text) for source, flags, _, text in rest),
              [(0, 0, b"out"), (1, 1, b"err?")], "records")
        require(abs(rest[0][2] / 1e6 - time.time()) < 600, f"a time: {rest[0]}")
        for fd in fds:
            for attempt in (lambda f: os.write(f, b"x"), lambda f: os.ftruncate(f, 0)):
                try:
                    attempt(fd)
                    require(False, "the log can be changed")
                except OSError:
                    pass
    finally:
        for fd in fds:
            os.close(fd)


@test
def nothing_can_be_forged(t):
    fake = struct.pack("<IBBHQ", 0x676f6c1e, 2, 0, 3, 1) + b"lie"
    running = start(t, f"""
import os
os.write(1, {fake!r} + b"\\n")
os.write(1, b'{{"time":"2020-01-01T00:00:00Z","source":"note","text":"lie"}}\\n')
os.write(1, b"\\x1b[2J\\x00\\xff\\xc3\\xa4\\r\\n")
os.write(1, b"x" * 5000 + b"\\n")
os.write(1, b"done\\n")
""" + FOREVER)
    lines = wait_for_line(t, running, "done")
    equal({line["source"] for line in lines}, {"stdout"}, "sources")
    require(all(line["time"] > "2025" for line in lines), f"times: {lines}")
    equal(lines[1]["text"], '{"time":"2020-01-01T00:00:00Z","source":"note","text":"lie"}', "text")
    equal(lines[2]["text"], "\x1b[2J\\x00\\xff\u00e4\r", "bytes that are no text")
    long = [line for line in lines if line["text"].startswith("xxx")]
    equal([len(line["text"]) for line in long], [1024] * 4 + [5000 - 4096], "a long line's parts")
    equal([line.get("partial", False) for line in long], [True] * 4 + [False], "which go on")
    equal(stream(t, instance=running.instance).all(), lines, "the same by stream")


@test
def a_prompt_appears(t):
    running = start(t, "import sys\nprint('name?', end=' ', flush=True)\n" + FOREVER)
    began = time.monotonic()
    reader = stream(t, instance=running.instance, follow=True)
    reader.until(lambda r: r.texts() == ["name? "], "the prompt")
    took = time.monotonic() - began
    t.say(f"a prompt is told {took * 1000:.0f} ms after the start")
    equal(reader.lines[0].get("partial"), True, "partial")


NUMBERED = """
import os, sys, time
def numbers(first, n, pause):
    for begin in range(first, first + n, 500):
        data = b"".join(b"%07d %s\\n" % (i, b"." * 90) for i in range(begin, begin + 500))
        while data:
            data = data[os.write(1, data):]
        time.sleep(pause)
"""


def numbers_of(lines):
    require(all(re.fullmatch(r"\d{7} \.{90}", line) for line in lines),
            f"whole lines: {[x for x in lines if not re.fullmatch(r'[0-9]{7} [.]{90}', x)][:3]}")
    return [int(line[:7]) for line in lines]


@test
def the_log_is_rotated(t):
    """4 MiB at the rate that is kept fill more than both files; the newest is there, in order."""
    running = start(t, NUMBERED + "numbers(0, 40000, 0.06)\nos.write(2, b'done\\n')\n" + FOREVER)
    wait_for_line(t, running, "done")
    lines = stream(t, instance=running.instance, lines=10000, source="stdout").all()
    equal({line["source"] for line in lines}, {"stdout"}, "nothing was dropped")
    equal(numbers_of(texts(lines)), list(range(30000, 40000)), "the last of them")
    everything = stream(t, instance=running.instance, since="2020-01-01T00:00:00Z").all()
    equal(len(everything), 10000, "lines at most")
    folder = t.daemon.folder / "log"
    sizes = [os.stat(folder / f"{running.instance}.{i}").st_size for i in (0, 1)]
    require(all(0 < size <= FILE_BYTES for size in sizes), f"sizes of the files: {sizes}")
    cut = inline(t, instance=running.instance, lines=500)
    equal(numbers_of(texts(cut["lines"], "stdout"))[-1], 39999, "the newest inline")


@test
def an_answer_stays_small(t):
    """The last lines inline, with the most that JSON makes of a byte: fewer, and that is told."""
    running = start(t, "import os\nfor i in range(400): os.write(1, b'\\x01' * 1000 + b'%d\\n' % i)\n"
                       "os.write(1, b'done\\n')\n" + FOREVER)
    wait_for_line(t, running, "done")
    answer = inline(t, instance=running.instance, lines=500)
    equal(answer["truncated"], True, "truncated")
    equal(answer["lines"][-1]["text"], "done", "the newest")
    require(100 < len(answer["lines"]) < 400, f"{len(answer['lines'])} lines")
    require(len(json.dumps(answer)) < 1 << 20, "the answer's size")
    equal(inline(t, instance=running.instance, lines=20)["truncated"], False, "few of them")


@test
def follow_over_rotation(t):
    """12 MiB at about the rate that is kept: a follower misses nothing of it."""
    running = start(t, NUMBERED + "numbers(0, 100000, 0.06)\nos.write(2, b'done\\n')\n" + FOREVER)
    reader = stream(t, instance=running.instance, follow=True, lines=10000)
    reader.until(lambda r: r.lines and r.lines[-1]["text"] == "done", "the last line", DEADLINE * 4)
    equal(reader.texts("note"), [], "notes")
    equal(numbers_of(reader.texts("stdout")), list(range(100000)), "every line")
    running.stop()
    equal(reader.all()[-1]["text"], "done", "the end of the stream with the module's")


@test
def follow_to_the_end(t):
    """The last words of a module that ends are in the stream before its end."""
    for code in (0, 3):
        running = start(t, f"import os, sys\nsys.stdin.read()\nfor i in range(5000): print(i)\n"
                           f"os.write(1, b'bye'); os._exit({code})\n",
                        entry={"restart": "never"})
        reader = stream(t, instance=running.instance, follow=True, lines=10000)
        equal(reader.all()[-1], dict(reader.lines[-1], text="bye", partial=True), "last words")
        equal(len(reader.lines), 5001, "lines")
        equal(stream(t, instance=running.instance, follow=True, lines=1).all(), reader.lines[-1:],
              "of one that has ended already")


CRASHER = """
import os, time
print("hello from", os.getpid(), flush=True)
time.sleep(0.3)
print("crash", flush=True)
os._exit(1)
"""


@test
def follow_over_restarts(t):
    """By module: over crashes into the next instances, each named by a note; by instance: not."""
    running = start(t, CRASHER, entry={"restart": "on-failure"})
    alone = stream(t, instance=running.instance, follow=True)
    reader = stream(t, module="probe", follow=True)
    reader.until(lambda r: r.texts("stdout").count("crash") >= 3, "three instances", DEADLINE * 2)
    equal([x for x in alone.all() if x["source"] == "note"], [], "notes of one instance")
    equal(alone.texts("stdout").count("crash"), 1, "crashes of one instance")
    notes = [x for x in reader.lines if x["source"] == "note"]
    named = [running.instance] + [note["instance"] for note in notes]
    equal(len(set(named)), len(named), f"different instances: {notes}")
    shown = [x["text"].split()[0] for x in reader.lines]
    equal(shown[:6], ["hello", "crash", "the", "hello", "crash", "the"], "what was told")
    t.client.call("instance.stop", module="probe")
    reader.until(lambda r: r.ended, "an end once it is stopped for good")


@test
def follow_over_a_restart_that_is_asked_for(t):
    running = start(t, "print('up', flush=True)\n" + FOREVER)
    reader = stream(t, module="probe", follow=True)
    reader.until(lambda r: r.texts() == ["up"], "the first instance")
    after = t.client.call("instance.restart", module="probe")
    reader.until(lambda r: r.texts("stdout") == ["up", "up"], "the second instance")
    equal([x["instance"] for x in reader.lines if x["source"] == "note"], [after["instance"]], "note")
    t.client.call("instance.stop", module="probe")
    reader.all()
    require(running.instance != after["instance"], "it is a new instance")


FLOOD = """
import os, time
block = b"".join(b"%07d %s\\n" % (i, b"." * 55) for i in range(1024))
time.sleep(0.5)
for i in range(1024):
    data = block
    while data:
        data = data[os.write(1, data):]
os.write(1, b"last words\\n")
time.sleep(2)
"""


def probe_latency(client, seconds, done):
    """Milliseconds of each of many small requests; done() is asked between them."""
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end and not done():
        began = time.monotonic()
        client.call("instance.list", limit=1)
        took.append((time.monotonic() - began) * 1000)
        time.sleep(0.002)
    return sorted(took)


@test
def a_flood_is_bounded_and_told(t):
    """64 MiB at once, with a follower and a reader that never reads: the last words are there, what
    is missing is told exactly, and others are answered meanwhile."""
    running = start(t, FLOOD, limits={"cpu": "100%"}, entry={"restart": "never"})
    stuck = stream(t, instance=running.instance, follow=True)
    reader = stream(t, instance=running.instance, follow=True, lines=10000)
    other = t.new_client()
    waiting = t.client.send("instance.wait", instance=running.instance)

    def ended():
        t.client.drain()
        reader.take_now()
        return t.client.answers[waiting] is not None
    took = probe_latency(other, DEADLINE, ended)
    t.client.finish(waiting)
    p99 = took[int(len(took) * 0.99)]
    t.say(f"{len(took)} requests under the flood: median {took[len(took) // 2]:.1f} ms, p99 "
          f"{p99:.1f} ms, worst {took[-1]:.1f} ms")
    require(p99 < 50 * SLOWNESS, f"p99 under a flood: {p99:.1f} ms")
    reader.all(DEADLINE * 2)
    notes = [re.fullmatch(r"more than 1 MiB a second: (\d+) bytes dropped", x)
             for x in reader.texts("note")]
    gaps = reader.texts("note").count("lines are missing: they were overwritten before they were read")
    require(all(notes) or gaps, f"notes: {reader.texts('note')}")
    dropped = sum(int(x.group(1)) for x in notes if x)
    kept = sum(len(x) + 1 for x in reader.texts("stdout"))
    total = 1024 * 64 * 1024 + len("last words\n")
    exited = t.client.event(lambda e: e["type"] == "instance.exited"
                            and e["instance"] == running.instance, "the exit")
    t.say(f"of {total >> 20} MiB {kept >> 10} KiB were kept, {dropped >> 10} KiB dropped, {gaps} gaps")
    equal(exited["data"]["logDroppedBytes"], dropped if not gaps else exited["data"]["logDroppedBytes"],
          "what the exit tells")
    if not gaps:
        equal(kept + dropped, total, "every byte is kept or told")
    equal(reader.texts("stdout")[-1], "last words", "the last line")
    equal(gaps, 0, "a burst does not overwrite itself")
    require(kept > 2 << 20, "a burst is kept")
    stuck.close()


@test
def one_that_does_not_read(t):
    """Its stream waits; it costs the others nothing and goes when it hangs up."""
    running = start(t, NUMBERED + "while True: numbers(0, 2000, 0.1)\n")
    stuck = [stream(t, instance=running.instance, follow=True) for _ in range(20)]
    reader = stream(t, instance=running.instance, follow=True)
    began = time.monotonic()
    reader.until(lambda r: len(r.lines) > 20000, "20000 lines", DEADLINE * 2)
    status = pathlib.Path(f"/proc/{t.daemon.pid}/status").read_text(encoding="ascii")
    memory = re.search(r"VmRSS:\s*(\d+)", status).group(1)
    t.say(f"20000 lines in {time.monotonic() - began:.1f} s beside 20 that do not read; modsupd has "
          f"{memory} KiB")
    took = probe_latency(t.new_client(), 2, lambda: False)
    require(took[int(len(took) * 0.99)] < 50 * SLOWNESS, f"p99 {took[int(len(took) * 0.99)]:.1f} ms")
    running.stop()
    for other in stuck:
        other.close()
    reader.all()


@test
def at_most_so_many(t):
    running = start(t, "print('up', flush=True)\n" + FOREVER)
    wait_for_line(t, running, "up")
    readers = [stream(t, instance=running.instance, follow=True) for _ in range(MAX_STREAMS)]
    refused = t.client.refused("instance.logs", instance=running.instance)
    equal((refused.reason, refused.data["retry"]), ("busy", "later"), "one more")
    equal(texts(inline(t, instance=running.instance)["lines"]), ["up"], "inline all the same")
    readers.pop().close()
    def again():
        try:
            return t.client.call("instance.logs", instance=running.instance)["stream"]
        except Exception:  # pylint: disable=broad-except
            return None
    equal(texts(Reader(until(again, "room after one has gone")).all()), ["up"], "the next")
    for reader in readers:
        reader.close()


@test
def for_one_reader_only(t):
    running = start(t, "print('up', flush=True)\n" + FOREVER)
    wait_for_line(t, running, "up")
    path = t.client.call("instance.logs", instance=running.instance)["stream"]
    equal(os.path.dirname(path), str(t.daemon.folder), "beside the control socket")
    info = os.stat(path)
    equal((stat.S_IMODE(info.st_mode), info.st_uid), (0o600, os.geteuid()), "mode and owner")
    nobody = pwd.getpwnam("nobody").pw_uid
    code = ("import os, socket, sys\nos.setuid(int(sys.argv[2]))\n"
            "s = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n")
    done = subprocess.run([PYTHON, "-c", code, path, str(nobody)], capture_output=True, text=True,
                          check=False, timeout=DEADLINE)
    require("PermissionError" in done.stderr, f"another user: {done.stderr}")
    os.chmod(path, 0o777)  # as if the file were no hindrance
    done = subprocess.run([PYTHON, "-c", code + "print(s.recv(100))", path, str(nobody)],
                          capture_output=True, text=True, check=False, timeout=DEADLINE)
    equal(done.stdout, "b''\n", f"what another user gets ({done.stderr})")
    reader = Reader(path)
    t.cleanup(reader.close)
    until(lambda: not os.path.exists(path), "the path is gone with its reader")
    equal(texts(reader.all()), ["up"], "what the reader gets")


OBSERVER = """
import json, os, socket, sys
os.setgid(65534)
os.setuid(int(sys.argv[3]))
control = socket.socket(socket.AF_UNIX)
control.connect(sys.argv[1])
lines = control.makefile("rb")
hello = json.loads(lines.readline())["params"]
def call(**params):
    request = {"jsonrpc": "2.0", "id": 1, "method": "instance.logs", "params": params}
    control.sendall(json.dumps(request).encode() + b"\\n")
    return json.loads(lines.readline())
path = call(module=sys.argv[2], follow=len(sys.argv) > 4)["result"]["stream"]
reader = socket.socket(socket.AF_UNIX)
reader.connect(path)
text = []
for line in reader.makefile("rb"):
    text.append(json.loads(line)["text"])
    print(text[-1], file=sys.stderr, flush=True)
if len(sys.argv) > 4:
    sys.exit(0)
other = call(module="other")["error"]["data"]["reason"]
print(json.dumps([hello["role"], os.path.dirname(path), text, other]))
"""


@test
def an_observer_reads_what_it_sees(t):
    """An unprivileged user with an entry of `peers`, over the observers' socket; what is out of its
    scope is not there for it."""
    nobody = pwd.getpwnam("nobody").pw_uid
    daemon = Daemon(config=json.dumps({"peers": [
        {"user": nobody, "role": "observer", "modules": ["probe"], "tenants": ["*"]}]}))
    t.cleanup(daemon.done)
    with daemon.client() as client:
        for name in ("probe", "other"):
            folder = t.folder(manifest([PYTHON, "-u", "main.py"], id=name),
                              {"main.py": "print('up')\n" + FOREVER})
            client.call("instance.start", path=str(folder))
            until(lambda: client.call("instance.logs", module=name, **{"as": "inline"})["lines"], "a line")
        done = subprocess.run(
            [PYTHON, "-c", OBSERVER, str(daemon.folder / "observer/control.sock"), "probe", str(nobody)],
            capture_output=True, text=True, check=False, timeout=DEADLINE)
        equal(done.returncode, 0, f"the observer ({done.stderr})")
        equal(json.loads(done.stdout), ["observer", f"{daemon.folder}/observer", ["up"], "not-found"],
              "role, where the stream was, what it read, what it does not see")
        follower = subprocess.Popen(
            [PYTHON, "-c", OBSERVER, str(daemon.folder / "observer/control.sock"), "probe", str(nobody),
             "follow"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        t.cleanup(follower.kill)
        equal(follower.stderr.readline(), "up\n", "what it follows")
        (daemon.folder / "modsupd.json").write_text('{"peers": []}')
        client.call("supervisor.reload")
        equal(follower.wait(DEADLINE), 0, "the end of its stream once it is no peer any more")


@test
def nobody_comes(t):
    running = start(t, "print('up', flush=True)\n" + FOREVER)
    began = time.monotonic()
    path = t.client.call("instance.logs", instance=running.instance)["stream"]
    time.sleep(8)
    require(os.path.exists(path), "it waits for ten seconds")
    until(lambda: not os.path.exists(path), "its end")
    require(time.monotonic() - began > 9.5, "ten seconds are given")


@test
def a_stream_outlives_its_connection(t):
    running = start(t, "import time\nwhile True:\n    print('tick', flush=True)\n    time.sleep(0.1)\n")
    client = t.new_client()
    reader = stream(t, client, instance=running.instance, follow=True)
    client.close()
    t.clients.remove(client)
    seen = len(reader.lines)
    reader.until(lambda r: len(r.lines) > seen + 5, "more after the connection has ended")
    reader.close()


@test
def what_is_refused(t):
    running = start(t, "print('up', flush=True)\n" + FOREVER)
    wait_for_line(t, running, "up")
    bad = [
        ({"lines": 10001}, "integer from 0 to 10000"),
        ({"lines": 501, "as": "inline"}, "at most 500 go"),
        ({"lines": -1}, "integer"),
        ({"since": "yesterday"}, "2026-01-02T03:04:05Z"),
        ({"since": "2026-02-30T00:00:00Z"}, "since"),
        ({"source": "stdin"}, "stderr"),
        ({"as": "file"}, "inline"),
        ({"as": "inline", "follow": True}, "stream"),
        ({"as": "fd", "lines": 5}, "whole log"),
        ({"as": "fd", "follow": False}, "whole log"),
        ({"follow": "yes"}, "follow"),
    ]
    for params, word in bad:
        error = t.client.refused("instance.logs", instance=running.instance, **params)
        equal(error.reason, "params-invalid", f"the reason of {params}")
        require(word in error.message, f"{params}: {error.message}")
    for params in ({}, {"instance": running.instance, "module": "probe"}):
        equal(t.client.refused("instance.logs", **params).reason, "params-invalid", f"{params}")
    equal(t.client.refused("instance.logs", instance="00000000").reason, "not-found", "no such one")
    equal(t.client.refused("instance.logs", module="other").reason, "not-found", "no such module")
    running.stop()
    equal(texts(inline(t, instance=running.instance)["lines"]), ["up"], "of one that has ended")
    piped = start(t, FOREVER, stdio="pipe")
    error = t.client.refused("instance.logs", instance=piped.instance)
    equal(error.reason, "not-found", "the log of one whose output went elsewhere")
    require("whoever started it" in error.data["hint"], f"hint: {error.data}")


@test
def over_the_death_of_modsupd(t):
    """The log goes on without modsupd, its successor reads it, and what the dead one left of
    streams is gone."""
    daemon = Daemon()
    t.cleanup(daemon.done)
    folder = t.folder(manifest([PYTHON, "-u", "main.py"]), {
        "main.py": "import time\ni = 0\nwhile True:\n    print(i)\n    i += 1\n    time.sleep(0.02)\n"})
    with daemon.client() as client:
        instance = client.call("instance.start", path=str(folder))["instance"]
        reader = Reader(client.call("instance.logs", instance=instance, follow=True)["stream"])
        reader.until(lambda r: len(r.lines) > 5, "some lines")
        left = client.call("instance.logs", instance=instance)["stream"]
        daemon.kill()
    reader.all()
    require(os.path.exists(left), "a stream's socket is left")
    time.sleep(1)
    daemon.start()
    require(not os.path.exists(left), "what was left is swept")
    with daemon.client() as client:
        after = Reader(client.call("instance.logs", module="probe", follow=True, lines=10000)["stream"])
        after.until(lambda r: len(r.lines) > len(reader.lines) + 50, "more lines")
        equal(after.texts(), [str(i) for i in range(len(after.lines))], "every line")
        after.close()
        client.call("instance.stop", instance=instance)


def lost_of(reader):
    """What its notes say that could not be written."""
    notes = [re.fullmatch(r"(\d+) bytes could not be written", text) for text in reader.texts("note")]
    require(all(notes), f"notes: {reader.texts('note')}")
    return sum(int(note.group(1)) for note in notes)


@test
def on_a_full_disk(t):
    """The module goes on, what cannot be written is counted, and told once there is room again."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="modsup-full-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=755", "none", folder], check=True)
    try:
        daemon = Daemon(json.dumps({"host": {"reserve": {"disk": "1M"}}}), folder=folder)
        try:
            module = t.folder(manifest([PYTHON, "-u", "main.py"], entry={"restart": "never"}), {
                "main.py": NUMBERED + "while True: numbers(0, 500, 0.1)\n"})
            with daemon.client() as client:
                client.subscribe()
                instance = client.call("instance.start", path=str(module))["instance"]
                log = folder / "log" / f"{instance}.0"
                until(lambda: log.exists() and log.stat().st_size > 50000, "the first lines")
                with open(folder / "filler", "wb") as filler:
                    try:
                        while True:
                            os.write(filler.fileno(), b"x" * 4096)
                    except OSError:
                        pass
                size = -1
                while size != log.stat().st_size:  # it pauses for a tenth of a second
                    size = log.stat().st_size
                    time.sleep(SLOWNESS)
                reader = Reader(client.call("instance.logs", instance=instance, follow=True)["stream"])
                (folder / "filler").unlink()
                # More than one where something of the daemon's made room for a moment.
                reader.until(lambda r: lost_of(r) > 49000, "a note of all that was lost")
                lost = lost_of(reader)
                seen = len(reader.lines)
                reader.until(lambda r: len(r.lines) > seen + 100, "lines after it")
                numbers_of(reader.texts("stdout"))
                reader.close()
                client.call("instance.stop", instance=instance)
                told = client.event(lambda e: e["type"] == "instance.exited", "the exit")["data"]
                require(told["logDroppedBytes"] >= lost, f"what the exit tells: {told}")
        finally:
            daemon.done()
            daemon.log_path.unlink(missing_ok=True)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


def ctl(t, *words, daemon=None):
    return subprocess.run([build_dir() / "modsupctl", "--private", (daemon or t.daemon).folder, *words],
                          capture_output=True, text=True, check=False, timeout=DEADLINE * 2,
                          stdin=subprocess.DEVNULL, env=dict(os.environ, TZ="UTC"))


@test
def modsupctl_shows_it(t):
    running = start(t, """
import os
os.write(1, b"hello\\n")
os.write(2, b"a\\tb \\x1b[31mred\\x1b[0m C:\\\\x\\n")
os.write(1, b"> ")
import time; time.sleep(1)
os.write(1, b"more\\nend\\n")
""" + FOREVER)
    wait_for_line(t, running, "end")
    done = ctl(t, "logs", "probe")
    equal(done.returncode, 0, f"exit ({done.stderr})")
    shown = [re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} (.*)", line).group(1)
             for line in done.stdout.splitlines()]
    equal(sorted(shown[:2]), ["err a       b \\x1b[31mred\\x1b[0m C:\\x", "out hello"], "first")
    equal(shown[2:], ["out > ", "out+more", "out end"], "the rest")
    equal(len(ctl(t, "logs", "probe@default", "-n", "2").stdout.splitlines()), 2, "the last two")
    equal(ctl(t, "logs", running.instance, "--source", "stderr").stdout.count("\n"), 1, "one stream")
    equal(ctl(t, "logs", "probe", "--since", "1h").stdout, done.stdout, "since an hour")
    lines = [json.loads(x) for x in ctl(t, "--json", "logs", "probe").stdout.splitlines()]
    equal(lines, inline(t, module="probe")["lines"], "as JSON")
    missing = ctl(t, "logs", "nothing")
    equal((missing.returncode, missing.stdout), (3, ""), "a module that is not there")
    for words in (["--lines", "many"], ["--since", "yesterday"], ["--source", "stdin"]):
        bad = ctl(t, "logs", "probe", *words)
        equal((bad.returncode, bad.stdout), (2, ""), f"{words} ({bad.stderr})")
    t.client.call("instance.stop", module="probe")
    equal(ctl(t, "logs", "probe", "--follow").stdout, done.stdout, "following one that has ended")


@test
def modsupctl_follows(t):
    """Until the module ends; the supervisor's end is told as what it is."""
    daemon = Daemon()
    t.cleanup(daemon.done)
    folder = t.folder(manifest([PYTHON, "-u", "main.py"]), {"main.py": "print('up')\n" + FOREVER})
    for how, code in (("stop", 0), ("kill", 4)):
        with daemon.client() as client:
            client.call("instance.start", path=str(folder))
            follower = subprocess.Popen(
                [build_dir() / "modsupctl", "--private", daemon.folder, "logs", "-f", "probe"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            t.cleanup(follower.kill)
            require(follower.stdout.readline().endswith(" out up\n"), "the first line")
            if how == "stop":
                client.call("instance.stop", module="probe")
            else:
                daemon.kill()
        _, errors = follower.communicate(timeout=DEADLINE)
        equal(follower.returncode, code, f"exit after {how} ({errors})")
        require((errors == "") == (code == 0), f"what it says: {errors}")
