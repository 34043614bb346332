# SPDX-License-Identifier: GPL-2.0-or-later
"""The clients that others build on, against the real daemon: Python, Node, and C over libmodsup. Each
goes through the same things: calls and refusals, many calls at once, events over the death of the
daemon, streams, and ten thousand events with none lost."""
import ctypes
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request

from harness import DEADLINE, SLOWNESS, Daemon, build_dir, equal, manifest, require, test, until
from harness.daemon import default_config

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENTS = ROOT / "contrib/clients"
NODE = "/usr/bin/node" if os.path.exists("/usr/bin/node") else shutil.which("node")
sys.path.insert(0, str(CLIENTS / "python"))
import modsup  # noqa: E402  pylint: disable=wrong-import-position

TALKER = """
import sys, time
for n in range(3):
    print("line", n, flush=True)
print("an error", file=sys.stderr, flush=True)
while True:
    time.sleep(1000)
"""

# A program for Node: acts on lines of its standard input, prints one line of JSON for each thing.
NODE_PROGRAM = """
const { Modsup, events, ModsupError } = require(process.argv[2]);
const path = process.argv[3];
const say = (value) => console.log(JSON.stringify(value));
const told = (error) => ({ kind: error.name, reason: error.reason, retry: error.retry, hint: error.hint });
const acts = {
	async call({ method, params, key }) { return (await connected()).call(method, params, { key }); },
	async many({ count }) {
		const m = await connected();
		const all = await Promise.all(Array.from({ length: count }, () => m.call('hello')));
		return all.length;
	},
	async late() { return (await connected()).call('instance.wait', { module: 'talker' }, { timeout: 50 }); },
	async lines({ params, count }) {
		const m = await connected(), lines = [];
		const { stream } = await m.call('instance.logs', params);
		for await (const line of m.stream('/seen/elsewhere/' + stream.split('/').pop())) {
			if (lines.push(line) === count)
				break;
		}
		return lines;
	},
	async follow({ params }) {
		(async () => { for await (const event of events(params, { path, first: 20 })) say({ event }); })();
	},
	async count({ params, until: last, slow }) {
		const { epoch } = (await connected()).hello;
		const seen = { events: 0, gaps: 0, holes: 0 };
		let next;
		for await (const event of events(params, { path, since: { epoch, seq: 0 } })) {
			if (event.type === 'client.connected')
				continue;
			if (event.type === 'gap') {
				seen.gaps++;
				continue;
			}
			if (next !== undefined && event.seq !== next)
				seen.holes++;
			next = event.seq + 1;
			seen.events++;
			if (event.seq >= last)
				return seen;
			if (slow && seen.events % 100 === 0)
				await new Promise((resolve) => setTimeout(resolve, 5));
		}
	},
};
let link;
async function connected() {
	if (!link || link.failed)
		link = await Modsup.connect({ path });
	return link;
}
require('node:readline').createInterface({ input: process.stdin }).on('line', async (line) => {
	const { act, ...rest } = JSON.parse(line);
	try {
		say({ result: await acts[act](rest) });
	} catch (error) {
		say(error instanceof ModsupError ? { error: told(error) } : { error: { kind: String(error.stack) } });
	}
}).on('close', () => process.exit(0));
"""


class Node:
    """The program above, driven."""

    def __init__(self, t, daemon):
        require(NODE, "no node on this host")
        program = t.scratch / "client.js"
        program.write_text(NODE_PROGRAM, encoding="utf-8")
        self.process = subprocess.Popen(
            [NODE, str(program), str(CLIENTS / "node/modsup.js"), str(daemon.socket)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.buffer = b""
        t.cleanup(self.done)

    def done(self):
        self.process.stdin.close()
        try:
            self.process.wait(DEADLINE)
        finally:
            self.process.kill()
            self.process.stdout.close()

    def read(self, timeout=DEADLINE * 4):
        while b"\n" not in self.buffer:
            require(select.select([self.process.stdout], [], [], timeout)[0], "node said nothing")
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            require(data, "node has ended")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def ask(self, act, **rest):
        self.process.stdin.write(json.dumps(dict(rest, act=act)).encode() + b"\n")
        self.process.stdin.flush()
        return self.read()

    def result(self, act, **rest):
        answer = self.ask(act, **rest)
        require("error" not in answer, f"{act}: {answer}")
        return answer.get("result")

    def event(self):
        return self.read()["event"]


class FollowOptions(ctypes.Structure):
    """struct modsup_follow_options of modsup.h."""
    _fields_ = [("size", ctypes.c_size_t), ("params", ctypes.c_char_p), ("epoch", ctypes.c_char_p),
                ("seq", ctypes.c_uint64), ("first_wait_ms", ctypes.c_int), ("max_wait_ms", ctypes.c_int)]


class Options(ctypes.Structure):
    """struct modsup_options."""
    _fields_ = [("size", ctypes.c_size_t), ("path", ctypes.c_char_p), ("timeout_ms", ctypes.c_int),
                ("max_line_bytes", ctypes.c_size_t)]


class Follow:
    """A modsup_follow of the built libmodsup.so, its events in the form of the other clients."""

    def __init__(self, t, daemon):
        lib = self.lib = ctypes.CDLL(str(build_dir() / ".libs/libmodsup.so"))
        for name in ("json", "epoch", "text"):
            getattr(lib, f"modsup_event_{name}").restype = ctypes.c_char_p
        for name in ("seq", "from"):
            getattr(lib, f"modsup_event_{name}").restype = ctypes.c_uint64
        options = Options(ctypes.sizeof(Options), str(daemon.socket).encode())
        follow = FollowOptions(ctypes.sizeof(FollowOptions), None, None, 0, 10, 200)
        self.follow = ctypes.c_void_p()
        equal(lib.modsup_follow_new(ctypes.byref(options), ctypes.byref(follow), ctypes.byref(self.follow),
                                    None), 0, "modsup_follow_new")
        t.cleanup(lambda: lib.modsup_follow_free(self.follow))

    def next(self):
        event, lib = ctypes.c_void_p(), self.lib
        equal(lib.modsup_follow_next(self.follow, int(DEADLINE * 1000), ctypes.byref(event), None), 0,
              "modsup_follow_next")
        kind = lib.modsup_event_kind(event)
        if kind == 1:
            told = json.loads(lib.modsup_event_json(event))
        elif kind == 2:
            told = {"type": "gap", "epoch": lib.modsup_event_epoch(event).decode(), "data": {
                "from": getattr(lib, "modsup_event_from")(event), "to": lib.modsup_event_seq(event),
                "reason": lib.modsup_event_text(event).decode()}}
        elif kind == 3:
            told = {"type": "client.connected", "data": json.loads(lib.modsup_event_json(event))}
        else:
            told = {"type": "client.disconnected", "data": {"reason": lib.modsup_event_text(event).decode()}}
        lib.modsup_event_free(event)
        return told


def own_daemon(t, **config):
    merged = dict(json.loads(default_config() or "{}"), **config)
    daemon = Daemon(config=json.dumps(merged))
    t.cleanup(daemon.done)
    return daemon


def talker(t):
    return str(t.folder(manifest(["/usr/bin/python3", "main.py"], id="talker"), {"main.py": TALKER}))


def make_events(client, count):
    """Cheap ones: modules that end at once are told three times each; the number of the last one."""
    seq = client.subscribe(types=["nothing"])["next"] - 1
    while seq < count:
        client.call("supervisor.reload")
        seq += 1
    return client.subscribe(types=["nothing"])["next"] - 1


def resumed(events):
    """What a client tells from the loss of the daemon to the first event of the next one."""
    kinds, gap = [], None
    for event in events:
        kinds.append(event["type"])
        if event["type"] == "gap":
            gap = event["data"]
        elif not event["type"].startswith("client."):
            return kinds, gap, event
    return kinds, gap, None


# -- Python ---------------------------------------------------------------------------------------


@test
def python_calls_and_refusals(t):
    with modsup.Modsup(t.daemon.socket) as m:
        equal(m.hello["role"], "admin", "its role")
        equal(m.call("supervisor.info")["daemonId"], t.daemon.id, "an answer")
        pending = [m.send("hello") for _ in range(500)]
        equal(len({m.finish(i)["epoch"] for i in reversed(pending)}), 1, "500 answers, last first")
        for method, params, kind, reason in (
                ("no.such", {}, modsup.Invalid, "method-unknown"),
                ("instance.show", {"module": "nobody"}, modsup.NotFound, "not-found"),
                ("instance.start", {"modul": "x"}, modsup.Invalid, "params-unknown")):
            try:
                m.call(method, params)
                require(False, f"{method} was accepted")
            except modsup.Refused as error:
                equal((type(error), error.reason), (kind, reason), method)
                require(error.retry in ("never", "after-change"), f"retry of {method}: {error.retry}")
                hint = error.hint
        equal(hint, 'did you mean "module"?', "the hint of the last")
        path = talker(t)
        started = m.call("instance.start", {"path": path}, key="k1")
        t.adopt(started, n_fds=0)
        equal(m.call("instance.start", {"path": path}, key="k1"), started, "the same key, the same answer")
        try:
            m.call("instance.start", {"path": "/elsewhere"}, key="k1")
            require(False, "a key was taken twice")
        except modsup.Conflict as error:
            equal(error.reason, "key-reused", "a key with other parameters")
        try:
            m.call("instance.wait", {"module": "talker"}, timeout=0.05)
            require(False, "it has not ended")
        except modsup.TimedOut:
            pass
        equal(m.call("hello")["role"], "admin", "after a timeout the connection is as good as before")


@test
def python_streams(t):
    with modsup.Modsup(t.daemon.socket) as m:
        t.adopt(m.call("instance.start", {"path": talker(t)}), n_fds=0)
        stream = m.call("instance.logs", {"module": "talker", "follow": True})["stream"]
        # As in a container, where the folder of the sockets has another name.
        lines = m.stream("/seen/elsewhere/" + os.path.basename(stream), timeout=DEADLINE)
        got = sorted((line["source"], line["text"]) for line in (next(lines) for _ in range(4)))
        equal(got, [("stderr", "an error")] + [("stdout", f"line {n}") for n in range(3)], "its lines")
        m.call("instance.stop", {"module": "talker"})
        rest = [line for line in lines if line["source"] != "note"]
        equal(rest, [], "the stream ends with the module")


@test
def python_goes_on_after_the_daemon_was_killed(t):
    daemon = own_daemon(t)
    events = modsup.Events(path=daemon.socket, first=0.02)
    t.cleanup(events.close)
    equal(events.next(DEADLINE)["type"], "client.connected", "the first")
    with daemon.client() as client:
        client.call("supervisor.reload")
    before = events.next(DEADLINE)
    equal(before["type"], "supervisor.reloaded", "an event")
    events.close()  # as a network would: the same daemon goes on
    with daemon.client() as client:
        client.call("supervisor.reload")
    equal(events.next(DEADLINE)["type"], "client.connected", "again")
    event = events.next(DEADLINE)
    equal((event["seq"], event["prev"]), (before["seq"] + 1, before["seq"]), "nothing was missed")
    daemon.kill()
    equal(events.next(DEADLINE)["type"], "client.disconnected", "the loss is told")
    equal(events.next(0.2), None, "once")
    daemon.start()
    with daemon.client() as client:
        client.call("supervisor.reload")
    kinds, gap, event = resumed(iter(lambda: events.next(DEADLINE), None))
    equal(kinds[:2], ["client.connected", "gap"], "the next epoch comes after a gap that is told")
    equal((gap["reason"], gap["from"]), ("epoch", 0), "why")
    equal((event["type"], event["prev"] >= gap["to"]), ("supervisor.reloaded", True), "and goes on")
    equal(events.since, {"epoch": event["epoch"], "seq": event["seq"]}, "where another could go on")


@test
def python_loses_none_of_ten_thousand_events(t):
    daemon = own_daemon(t)
    with daemon.client() as client:
        last = make_events(client, int(10000 / SLOWNESS) - 1)
        events = modsup.Events(path=daemon.socket, since={"epoch": client.hello["epoch"], "seq": 0})
        t.cleanup(events.close)
        equal(events.next(DEADLINE)["type"], "client.connected", "the first")
        seqs = [events.next(DEADLINE)["seq"] for _ in range(last)]
    equal(seqs, list(range(1, last + 1)), "each event once, in order")


# -- Node -----------------------------------------------------------------------------------------


@test
def node_calls_and_refusals(t):
    node = Node(t, t.daemon)
    equal(node.result("call", method="supervisor.info")["daemonId"], t.daemon.id, "an answer")
    equal(node.result("many", count=500), 500, "calls at once")
    for method, params, kind, reason in (("no.such", {}, "Invalid", "method-unknown"),
                                         ("instance.show", {"module": "nobody"}, "NotFound", "not-found")):
        error = node.ask("call", method=method, params=params)["error"]
        equal((error["kind"], error["reason"]), (kind, reason), method)
    error = node.ask("call", method="instance.start", params={"modul": "x"})["error"]
    equal((error["hint"], error["retry"]), ('did you mean "module"?', "never"), "hint and retry")
    path = talker(t)
    started = node.result("call", method="instance.start", params={"path": path}, key="n1")
    t.adopt(started, n_fds=0)
    equal(node.result("call", method="instance.start", params={"path": path}, key="n1"), started,
          "the same key gives the same answer")
    equal(node.ask("call", method="instance.start", params={"path": "/else"}, key="n1")["error"]["kind"],
          "Conflict", "a key with other parameters")
    equal(node.ask("late")["error"]["kind"], "TimedOut", "a wait that takes too long")
    equal(node.result("call", method="hello")["role"], "admin", "and the connection goes on")


@test
def node_streams(t):
    node = Node(t, t.daemon)
    t.adopt(node.result("call", method="instance.start", params={"path": talker(t)}), n_fds=0)
    lines = node.result("lines", params={"module": "talker", "follow": True}, count=4)
    equal(sorted(line["text"] for line in lines), ["an error", "line 0", "line 1", "line 2"], "its lines")


@test
def node_goes_on_after_the_daemon_was_killed(t):
    daemon = own_daemon(t)
    node = Node(t, daemon)
    node.result("follow", params={})
    equal(node.event()["type"], "client.connected", "the first")
    with daemon.client() as client:
        client.call("supervisor.reload")
    equal(node.event()["type"], "supervisor.reloaded", "an event")
    daemon.kill()
    equal(node.event()["type"], "client.disconnected", "the loss is told")
    daemon.start()
    with daemon.client() as client:
        client.call("supervisor.reload")
    kinds, gap, event = resumed(iter(node.event, None))
    equal(kinds[:2], ["client.connected", "gap"], "the next epoch comes after a gap that is told")
    equal((gap["reason"], event["type"]), ("epoch", "supervisor.reloaded"), "and goes on")
    equal(node.result("call", method="hello")["epoch"], event["epoch"], "calls work again, too")


@test
def node_loses_none_of_ten_thousand_events(t):
    daemon = own_daemon(t)
    with daemon.client() as client:
        last = make_events(client, int(10000 / SLOWNESS) - 1)
    node = Node(t, daemon)
    for slow in (False, True):
        seen = node.result("count", params={}, until=last, slow=slow)
        equal(seen, {"events": last, "gaps": 0, "holes": 0}, f"each event once, in order; slow: {slow}")


# -- all, while the daemon dies again and again ----------------------------------------------------


def accounts(events, who):
    """Each number of each epoch is an event or in a gap; another epoch begins with a gap from 0."""
    at = None
    for event in events:
        if event["type"].startswith("client."):
            continue
        if event["type"] == "gap":
            first, last = event["data"]["from"], event["data"]["to"]
            follows = at and at[0] == event["epoch"] and first <= at[1] + 1
            require(follows or first == 0, f"{who}: after {at} a gap from {first}")
        else:
            first = last = event["seq"]
            require(not at or at == (event["epoch"], first - 1), f"{who}: after {at} {event}")
        at = (event["epoch"], last)
    return at


@test
def every_number_is_accounted_for_over_many_deaths(t):
    daemon = own_daemon(t)
    node, follow = Node(t, daemon), Follow(t, daemon)
    events = modsup.Events(path=daemon.socket, first=0.01, most=0.2)
    t.cleanup(events.close)
    node.result("follow", params={})
    read = {"python": lambda: events.next(DEADLINE), "node": node.event, "c": follow.next}
    seen = {who: [] for who in read}
    for n in (3, 150, 0, 700, 60):
        with daemon.client() as client:
            for who, told in seen.items():
                while not told or (told[-1]["type"], told[-1]["data"].get("epoch")) != (
                        "client.connected", client.hello["epoch"]):
                    told.append(read[who]())
            pending = [client.send("supervisor.reload") for _ in range(n)]
            for ident in pending[:n // 2]:  # and dies in the middle of the rest
                client.finish(ident)
            for who, told in seen.items():
                while n and told[-1]["type"] != "supervisor.reloaded":
                    told.append(read[who]())
            daemon.kill()
        daemon.start()
    with daemon.client() as client:
        epoch = client.hello["epoch"]
        client.call("supervisor.reload")
        last = (epoch, client.subscribe(types=["nothing"])["next"] - 1)
    for who, told in seen.items():
        while (told[-1].get("epoch"), told[-1].get("seq")) != last:
            told.append(read[who]())
        equal(accounts(told, who), last, f"where {who} is in the end")
        epochs = {e["epoch"] for e in told if e["type"] == "supervisor.reloaded"}
        equal(len(epochs), 5, f"epochs that {who} saw events of")


# -- what is shipped ------------------------------------------------------------------------------


@test
def the_clients_stay_small(_):
    for name in ("python/modsup.py", "node/modsup.js"):
        lines = (CLIENTS / name).read_text(encoding="utf-8").count("\n")
        require(lines < 200, f"{name} has {lines} lines; under 200 is what its README promises")
    lines = (ROOT / "contrib/examples/backend-node/backend.js").read_text(encoding="utf-8").count("\n")
    require(lines <= 60, f"backend.js has {lines} lines; 60 is what its README promises")


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@test
def the_example_backend_serves_tenants(t):
    require(NODE, "no node on this host")
    modules = t.scratch / "modules"
    shutil.copytree(ROOT / "contrib/examples/node-http", modules / "node-http")
    server = modules / "node-http/server.js"
    server.write_text(server.read_text(encoding="utf-8").replace("const routes = {", """const routes = {
        '/naughty': () => { try { return process.setuid(0); } catch (error) { return error.code; } },"""),
                      encoding="utf-8")
    daemon = own_daemon(t, moduleFolders=[str(modules)])
    backend = subprocess.Popen(
        [NODE, str(ROOT / "contrib/examples/backend-node/backend.js"), "node-http", "0",
         str(daemon.folder / "backend/control.sock")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    log = bytearray()

    def end():
        backend.kill()
        backend.wait(DEADLINE)
        backend.stdout.close()

    def said(pattern):
        while select.select([backend.stdout], [], [], 0)[0]:
            data = os.read(backend.stdout.fileno(), 1 << 16)
            require(data, f"the backend ended: {bytes(log)!r}")
            log.extend(data)
        return re.search(pattern, log.decode())
    t.cleanup(end)
    base = until(lambda: said(r"(http://127\.0\.0\.1:\d+)/TENANT/"), "the backend listens").group(1)
    uids = set()
    for tenant in ("acme", "globex", "acme"):
        status, body = fetch(f"{base}/{tenant}/whoami")
        equal(status, 200, f"status for {tenant}: {body}")
        uids.add(json.loads(body)["hostname"])
    with daemon.client() as client:
        listed = client.call("instance.list")["instances"]
        equal(sorted(i["tenant"] for i in listed), ["acme", "globex"], "one module for each tenant")
        equal(fetch(f"{base}/acme/nothing")[0], 404, "the module's own status")
        equal(fetch(f"{base}/-/x")[0], 404, "no such tenant can be")
        equal(fetch(f"{base}/globex/naughty"), (200, '"EPERM"\n'), "what is refused")
        until(lambda: said(r"violation globex .*setuid"), "is printed, with who tried it")
        until(lambda: said(r"instance\.started globex"), "events are printed")
        client.call("instance.stop", module="node-http", tenant="acme")
        until(lambda: fetch(f"{base}/acme/")[0] == 200, "it starts again for the next request")
        daemon.kill()
        daemon.start()
    until(lambda: fetch(f"{base}/initech/")[0] == 200, "the next daemon serves it as well")
    until(lambda: said(r"gap - \"epoch\""), "and what may have been missed is printed")


# -- C: as a stranger builds it, against what `make install` installed -----------------------------


@test
def c_builds_against_the_installed_library(t):
    prefix = t.scratch / "installed"
    made = subprocess.run(["make", "-s", "-C", str(build_dir()), "install-libLTLIBRARIES",
                           "install-pkgincludeHEADERS", "install-pkgconfigDATA", f"DESTDIR={prefix}"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    equal(made.returncode, 0, f"make install: {made.stderr[-600:]}")
    found = next(prefix.rglob("libmodsup.pc"))
    env = dict(os.environ, PKG_CONFIG_PATH=str(found.parent), PKG_CONFIG_SYSROOT_DIR=str(prefix))
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libmodsup"], env=env, check=True,
                           capture_output=True, text=True).stdout.split()
    page = (ROOT / "docs/man/libmodsup.3").read_text(encoding="utf-8")
    example = re.search(r"^\.Sh EXAMPLES$.*?^\.Bd -literal.*?$\n(.*?)^\.Ed$", page, re.S | re.M).group(1)
    (t.scratch / "example.c").write_text(example.replace("\\e", "\\"), encoding="utf-8")
    program = t.scratch / "example"
    for compiler in (["cc"], ["cc", "-std=c99", "-pedantic"]):
        built = subprocess.run(
            [*compiler, "-Wall", "-Wextra", "-Werror", "-o", str(program), str(t.scratch / "example.c"),
             *flags], capture_output=True, text=True, check=False)
        equal(built.returncode, 0, f"{compiler}: {built.stderr}")
    (t.scratch / "plus.cc").write_text('#include <modsup/modsup.h>\n'
                                       'int main() { return modsup_version()[0] == 0; }\n', encoding="utf-8")
    subprocess.run(["c++", "-Wall", "-Werror", "-c", "-o", os.devnull, str(t.scratch / "plus.cc"), *flags],
                   check=True)
    libraries = str(next(prefix.rglob("libmodsup.so")).parent)
    daemon = own_daemon(t)
    process = subprocess.Popen([str(program)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env=dict(os.environ, LD_LIBRARY_PATH=libraries, MODSUP_SOCKET=str(daemon.socket)))
    said = bytearray()

    def end():
        process.kill()
        process.wait(DEADLINE)
        process.stdout.close()

    def tells(pattern):
        while select.select([process.stdout], [], [], 0)[0]:
            data = os.read(process.stdout.fileno(), 1 << 16)
            require(data, f"the example ended: {bytes(said)!r}")
            said.extend(data)
        return re.search(pattern, said.decode())
    t.cleanup(end)
    until(lambda: tells(r"modsupd \S+, 0 modules"), lambda: f"it lists what runs: {bytes(said)!r}")
    until(lambda: tells(r"connected"), "it follows events")
    with daemon.client() as client:
        client.call("supervisor.reload")
        until(lambda: tells(r"supervisor\.reloaded"), lambda: f"an event: {bytes(said)!r}")
    daemon.kill()
    until(lambda: tells(r"disconnected"), "the loss is told")
    daemon.start()
    until(lambda: tells(r"missed: epoch"), lambda: f"the gap is told: {bytes(said)!r}")
    process.send_signal(signal.SIGTERM)
    equal(process.wait(DEADLINE), -signal.SIGTERM, "it ends when told to")
