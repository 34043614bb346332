# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients that mean harm, at each of the three sockets: within five seconds there is an error with a
reason of the protocol's table or a bound that can be seen, and meanwhile a client that behaves is
answered as ever (harness/probe.py). What modules do is test_abuse_modules.py's."""
import contextlib
import json
import os
import pathlib
import re
import resource
import select
import socket
import struct
import time

from harness import DEADLINE, PATIENCE, Client, Daemon, Probe, equal, manifest, require, test, until
from harness.client import Closed, RpcError
from harness.daemon import default_config

SHOP, STRANGER = 60123, 60125
DOORS = {"admin": "", "backend": "backend", "observer": "observer"}
SLEEP = ["/bin/sleep", "100000"]
DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs/protocol.md"


def own_daemon(t, **more):
    """One that lets the shop in, as a backend."""
    merged = dict(json.loads(default_config() or "{}"), peers=[{"user": SHOP, "role": "backend"}], **more)
    daemon = Daemon(config=json.dumps(merged))
    t.cleanup(daemon.done)
    return daemon


def catalog(t, **modules):
    """A folder of modules that a backend may start by name: name -> (command, files, changes)."""
    folder = t.scratch / "catalog"
    for name, (command, files, changes) in modules.items():
        t.folder(manifest(command, id=name, **changes), files, name=f"catalog/{name}")
    return {"moduleFolders": [str(folder)]}


@contextlib.contextmanager
def as_user(uid):
    """The kernel notes who connects at that moment; only this thread's ids change, and come back."""
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def dial(daemon, door, uid=SHOP):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(PATIENCE)
    try:
        with as_user(uid):
            sock.connect(str(daemon.folder / door / "control.sock"))
    except OSError:
        sock.close()
        raise
    return sock


def client_of(t, daemon, door="backend", uid=SHOP):
    client = Client(None, dial(daemon, door, uid))
    t.clients.append(client)
    return client


def many(t, daemon, count, door="backend"):
    clients = [client_of(t, daemon, door) for _ in range(count)]
    for client in clients:
        client.sock.setblocking(False)
    return clients


def push(sock, data):
    """As much of it as is taken now."""
    try:
        return sock.send(data)
    except (BlockingIOError, BrokenPipeError, ConnectionResetError):
        return 0


def request(method, ident=1, **params):
    return json.dumps({"jsonrpc": "2.0", "id": ident, "method": method, "params": params}).encode() + b"\n"


# Messages

def call(rest, ident=b"7"):
    return b'{"jsonrpc":"2.0","id":' + ident + b"," + rest + b"}"


def hello(params):
    return call(b'"method":"hello","params":' + params)


# By the reason that is due; those of JSON-RPC's own specification first.
MALFORMED = {
    "parse-error": [
        b'{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
        b'[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method"',
        b"", b" \t ", b"\0", b"}", b"{]", b"hello", b"GET / HTTP/1.1\r", b"\xef\xbb\xbf{}",
        hello(b"{},"), hello(b"{}") + b" {}", hello(b"{}") + hello(b"{}"), hello(b"{'a':1}"), hello(b"{a:1}"),
        hello(b"{}//"), hello(b"/**/{}"), hello(b"{\"a\":01}"), hello(b"{\"a\":+1}"), hello(b"{\"a\":.5}"),
        hello(b"{\"a\":1.}"), hello(b"{\"a\":0x10}"), hello(b"{\"a\":NaN}"), hello(b"{\"a\":-Infinity}"),
        hello(b"{\"a\":1e}"), call(b'"method":"hello"', b"1e400"),
        call(b'"method":"hello"', b"9" * 20), hello(b"{\"a\":True}"), hello(b"{\"a\":\"\t\"}"), hello(b"{\"a\":\"\x1f\"}"),
        hello(b"{\"a\":\"\\x41\"}"), hello(b"{\"a\":\"\\u12\"}"), hello(b"{\"a\":\"\\u0000\"}"),
        hello(b"{\"\\u0000\":1}"), hello(b"{\"a\":\"\\ud800\"}"), hello(b"{\"a\":\"\\udc00\\ud800\"}"),
        hello(b"{\"a\":\"\xc0\xaf\"}"), hello(b"{\"a\":\"\xed\xa0\x80\"}"), hello(b"{\"a\":\"\xf4\x90\x80\x80\"}"),
        hello(b"{\"a\":\"\xe2\x82\"}"), hello(b"{\"a\":\"\0\"}"), hello(b"{\"a\":" + b"1" * 200 + b"}"),
        hello(b"{\"a\":1,\"a\":1}"), hello(b"{\"a\":1,\"\\u0061\":1}"), call(b'"id":8,"method":"hello"'),
        hello(b"{\"a\":{\"b\":{\"c\":1,\"c\":2}}}"), hello(b"[" * 32 + b"]" * 32), b"[" * 500000, b'{"a":' * 150000,
        hello(b"[" + b"0," * 4096 + b"0]"),
    ],
    "request-invalid": [
        b"[]", b"[1]", b"[1,2,3]", b"1", b"null", b"true", b'""', b'{"jsonrpc": "2.0", "method": 1, "params": "bar", "id": 1}',
        b'[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}]',
        b'{"jsonrpc":2.0,"id":7,"method":"hello"}', b'{"jsonrpc":"2","id":7,"method":"hello"}',
        b'{"id":7,"method":"hello"}', call(b'"method":"hello"', b"null"), call(b'"method":"hello"', b"true"),
        call(b'"method":"hello"', b"[7]"), call(b'"method":"hello"', b'""'), call(b'"method":"hello"', b"0.5"),
        call(b'"method":"hello"', b"1e4"), call(b'"method":"hello"', b"-9007199254740992"),
        call(b'"method":"hello"', b'"' + b"i" * 65 + b'"'),
        call(b'"method":null'), call(b'"method":["hello"]'), call(b'"method":{}'), call(b'"params":{}'),
        call(b'"result":{}'), call(b'"error":{"code":1,"message":""}'), call(b'"method":"hello","result":1'),
        call(b'"method":"hello","Params":{}'), call(b'"method":"hello","fds":1'),
        call(b'"method":"hello","jsonRPC":"2.0"'),
    ],
    "id-missing": [b"{}", b'{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}',
                   b'{"jsonrpc": "2.0", "method": "foobar"}', b'{"jsonrpc":"2.0","method":"instance.stop","params":{}}'],
    "method-unknown": [call(b'"method":"%s"' % name) for name in (
        b"", b"rpc.discover", b"Hello", b"hello ", b" hello", b"instance", b"instance.", b"instance.*", b"event",
        b"operation.progress", b"../hello", b"%s%n", b"\\u001b[2J", b"x" * 100000, b"h\\u0000".replace(b"\\u0000", b"i"))],
    "params-invalid": [hello(p) for p in (b"[]", b"[1]", b'""', b"0", b"true", b"null")],
    "params-unknown": [hello(p) for p in (b'{"":1}', b'{"x":{}}', b'{"__proto__":{}}', b'{"\\u001b[2J":1}',
                                          b'{"' + b"k" * 65000 + b'":1}', b'{"key":"a"}')],
}


def reasons():
    """The table of the document."""
    return dict(re.findall(r"^\| `([a-z-]+)` \| (-\d+) \| \d+ \| \w", DOCUMENT.read_text(encoding="utf-8"), re.M))


def check_error(error, table, what):
    """It is one of the table's, and can be printed as it is."""
    data = error["data"]
    equal(str(error["code"]), table.get(data["reason"]), f"{what}: the code of {data['reason']!r}")
    require(error["message"] and len(error["message"]) < 600, f"{what}: {error['message'][:700]!r}")
    require(all(ord(c) >= 32 for c in error["message"] + data.get("hint", "")), f"{what}: {error!r}")
    return data["reason"]


@test
def messages_that_are_none(t):
    daemon, table, wrong = own_daemon(t), reasons(), []
    with Probe(t, daemon):
        for role, door in DOORS.items():
            with Client(daemon.folder / door / "control.sock") as client:
                equal(client.hello["role"], role, f"at {door!r}")
                for wanted, lines in MALFORMED.items():
                    for line in lines:
                        what = f"{role}: {line[:60]!r}"
                        answer = client.raw(line + b"\n", PATIENCE)
                        require(answer and "error" in answer, f"{what}: {answer}")
                        found = check_error(answer["error"], table, what)
                        if found != wanted:
                            wrong.append(f"{what}: {found}, not {wanted}")
                client.call("supervisor.info", _timeout=PATIENCE)  # after all of that
    equal(wrong, [], "reasons")


def sections():
    """method -> its parameters, by the document's tables."""
    found = {}
    for title, text in re.findall(r"^### ([a-z]+(?:\.[a-z]+)?)\n(.*?)(?=^##|\Z)",
                                  DOCUMENT.read_text(encoding="utf-8"), re.M | re.S):
        head = text.split("Result:", 1)[0] if "| parameter |" in text else ""
        found[title] = sorted(set(re.findall(r"^\| `(\w+)` \| \w", head, re.M)))
    return found


@test
def parameters_of_every_method_that_are_none(t):
    """Of the wrong type, unknown, far too many, far too large; with a key that is none."""
    daemon, table = own_daemon(t), reasons()
    asked = 0
    with Probe(t, daemon):
        for role, door in DOORS.items():
            with Client(daemon.folder / door / "control.sock") as client:
                methods = client.hello["features"]
                documented = sections()
                equal(sorted(set(methods) - set(documented)), [], "methods without a section")
                for method in methods:
                    bad = [{"nothing": 1}, {"nothing": "x" * 65536}, {f"n{i}": i for i in range(4000)},
                           {"key": ""}, {"key": "k" * 65}, {"key": 5}, {"key": None}, {"nothing": [[[[[]]]]]}]
                    bad += [{name: value} for name in documented[method]
                            for value in ([[]], {"x": [1]}, None, "\x01" * 20000, 1.5, -1, 1 << 60)]
                    for params in bad:
                        error = client.refused(method, **params)
                        check_error({"code": error.code, "message": error.message, "data": error.data}, table, method)
                        require(error.reason in ("params-invalid", "params-unknown", "role-forbids", "manifest-invalid",
                                                 "not-found"), f"{role}: {method} {str(params)[:80]}: {error}")
                        asked += 1
    t.say(f"{asked} requests")


@test
def large_but_in_order(t):
    """What is just within the bounds is answered, and its neighbour above is refused."""
    daemon = own_daemon(t, **catalog(t, plain=(SLEEP, None, {})))
    client = client_of(t, daemon)
    label = "\x01" * 256
    labels = {chr(n + 1) * 255 + "k": label for n in range(16)}
    with Probe(t, daemon):
        for wrong in (dict(labels, more=""), {"x": label + "x"}, {"x" * 257: ""}, {"": "x"}, {"x": 1}, [], "x"):
            equal(client.refused("instance.start", module="plain", labels=wrong).reason, "params-invalid", str(wrong)[:40])
        made = client.call("instance.start", module="plain", labels=labels, wait="spawned")
        equal(made["labels"], labels, "labels full of control bytes")
        require(client.raw(hello(b"[" * 32 + b"]" * 32) + b"\n")["error"]["data"]["reason"] == "parse-error", "depth 33")
        require(client.raw(hello(b'{"a":' + b"[" * 30 + b"]" * 30 + b"}") + b"\n")["error"]["data"]["reason"]
                == "params-unknown", "depth 32")
        text = b'{"jsonrpc":"2.0","id":7,"method":"hello"}'
        answer = client.raw(text + b" " * ((1 << 20) - len(text)) + b"\n")
        require("result" in answer, f"a line of 1 MiB: {answer}")
        answer = client.raw(text + b" " * ((1 << 20) + 1 - len(text)) + b"\n")
        equal(answer["error"]["data"]["reason"], "request-invalid", "one byte more")
        try:
            client.pump(lambda: False, "the end", PATIENCE)
        except (Closed, ConnectionResetError):
            pass


@test
def an_audit_that_labels_cannot_hide(t):
    """Labels and command as large as both may be: the events of it are there all the same."""
    daemon = own_daemon(t, **catalog(t, plain=(SLEEP, None, {})))
    shop = client_of(t, daemon)
    admin = daemon.client()
    t.clients.append(admin)
    admin.subscribe()
    labels = {chr(n + 1) * 255 + "k": "\x01" * 256 for n in range(16)}
    made = shop.call("instance.start", module="plain", labels=labels, wait="spawned")
    admin.call("instance.exec", instance=made["instance"], command=["/bin/true", "\x01" * 4096, "\x02" * 4096])
    for fd in admin.take_fds(3):
        os.close(fd)
    admin.event(lambda e: e["type"] == "instance.exec-exited", "its end")
    kinds = [e["type"] for e in admin.events]
    require("instance.exec-asked" in kinds and "gap" not in kinds, f"what was told: {kinds}")
    shop.call("instance.stop", module="plain")


# Connections

@test
def those_without_an_entry(t):
    daemon = own_daemon(t)
    logged = daemon.log_path.stat().st_size
    told = 0
    with Probe(t, daemon):
        for _ in range(300):
            for door in DOORS.values():
                with dial(daemon, door, STRANGER) as sock, sock.makefile() as file:
                    error = json.loads(file.readline())["error"]
                    equal(error["data"]["reason"], "role-forbids", "the reason")
                    equal(file.readline(), "", "and nothing else")
                    told += 1
    logged = daemon.log_path.stat().st_size - logged
    t.say(f"{told} were turned away, {logged} bytes of log")
    require(logged < 10000, f"{logged} bytes of log")


@test
def those_that_never_read(t):
    """As many as one user may have, each with requests whose answers are large, and every event."""
    daemon = own_daemon(t, **catalog(t, plain=(SLEEP, None, {})))
    client_of(t, daemon, "").call("instance.start", module="plain", wait="spawned")
    with Probe(t, daemon):
        clients = many(t, daemon, 32)
        lines = request("event.subscribe") + request("instance.list", limit=500) * 20 + request("host.check") * 20
        taken, quiet, end = 0, 0, time.monotonic() + PATIENCE
        while quiet < 10:  # until none of them is read any more
            more = sum(push(client.sock, lines) for client in clients)
            taken, quiet = taken + more, quiet + 1 if not more else 0
            require(time.monotonic() < end or quiet, f"after {taken} bytes it still reads")
            time.sleep(0.02)
        t.say(f"{taken} bytes of requests were read before it stopped")
    for client in clients:
        client.close()
    client_of(t, daemon).call("supervisor.info", _timeout=PATIENCE)


@test
def those_that_stop_within_a_line(t):
    daemon = own_daemon(t)
    with Probe(t, daemon):
        clients = many(t, daemon, 32)
        for round_ in range(50):  # a byte now and then keeps nothing from anybody
            for client in clients:
                push(client.sock, b'{"jsonrpc":"2.0","id":1,"meth'[round_ % 29:][:1])
            time.sleep(0.02)
        for client in clients[:16]:
            client.sock.setblocking(True)
            client.sock.sendall(b"}\n")
            answer = client.pump(lambda c=client: c.strays and c.strays[0], "an answer", PATIENCE)
            equal(answer["error"]["data"]["reason"], "parse-error", "half a line, and a whole one")


@test
def large_lines_that_are_whole_at_the_same_moment(t):
    """Each costs as much to read as a line may."""
    daemon = own_daemon(t)
    keys = b",".join(b'"%06d%s":%d' % (n, b"k" * 220, n) for n in range(4000))
    bodies = {hello(b"{" + keys + b"}"): "params-unknown", hello(b'["' + b"\\u00e9" * 170000 + b'"]'): "params-invalid",
              hello(b"{" + b",".join(b'"k%05d":%d' % (n, n) for n in range(60000)) + b"}"): "parse-error",
              hello(b"[" + b"[]," * 250000 + b"[]]"): "parse-error"}
    for body, reason in bodies.items():
        require(len(body) < 1 << 20, f"{len(body)} bytes")
        with Probe(t, daemon):
            clients = many(t, daemon, 14)
            for _ in range(5):
                for client in clients:
                    client.sock.setblocking(True)
                    client.sock.sendall(body)
                for client in clients:
                    client.sock.sendall(b"\n")
                for client in clients:
                    answer = client.pump(lambda c=client: c.strays and c.strays.pop(), "an answer", PATIENCE)
                    equal(answer["error"]["data"]["reason"], reason, f"{body[:90]!r}")
            for client in clients:
                client.close()


@test
def a_thousand_at_the_same_time(t):
    daemon = own_daemon(t)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    t.cleanup(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))
    path = str(daemon.folder / "backend/control.sock")
    answers = {"hello": 0, "busy": 0}
    socks = []
    with Probe(t, daemon):
        with as_user(SHOP):
            for _ in range(1000):
                sock = socket.socket(socket.AF_UNIX)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(PATIENCE), 0))
                sock.connect(path)  # waits where the backlog is full
                socks.append(sock)
        end = time.monotonic() + PATIENCE
        for sock in socks:
            sock.settimeout(max(0.1, end - time.monotonic()))
            text = sock.recv(65536)
            answers["hello" if b'"hello"' in text else "busy" if b'"busy"' in text else text] = \
                answers.get("hello" if b'"hello"' in text else "busy" if b'"busy"' in text else text, 0) + 1
        equal(answers, {"hello": 32, "busy": 968}, "what they were told")
    for sock in socks:
        sock.close()
    until(lambda: b'"hello"' in dial(daemon, "backend").recv(4096), "there is room again", PATIENCE)


@test
def requests_beyond_those_in_flight(t):
    daemon = own_daemon(t, **catalog(t, plain=(SLEEP, None, {})))
    client = client_of(t, daemon)
    made = client.call("instance.start", module="plain", wait="spawned")
    with Probe(t, daemon):
        waiting = [client.send("instance.wait", instance=made["instance"]) for _ in range(64)]
        late = client.send("supervisor.info")
        other = client_of(t, daemon)
        other.call("supervisor.info", _timeout=PATIENCE)
        require(not select.select([client.sock], [], [], 0.5)[0], "the 65th is read only when one is answered")
        other.call("instance.stop", instance=made["instance"])
        for ident in waiting + [late]:
            client.finish(ident, PATIENCE)


@test
def keys_in_every_wrong_way(t):
    daemon = own_daemon(t, **catalog(t, plain=(SLEEP, None, {}), other=(SLEEP, None, {})))
    client = client_of(t, daemon)
    with Probe(t, daemon):
        first = client.call("instance.start", module="plain", wait="spawned", key="k")
        equal(client.call("instance.start", module="plain", wait="spawned", key="k"), first, "the same again")
        for method, params in (("instance.start", {"module": "other", "wait": "spawned"}),
                               ("instance.start", {"module": "plain"}), ("instance.stop", {"module": "plain"}),
                               ("instance.kill", {"module": "plain"})):
            equal(client.refused(method, key="k", **params).reason, "key-reused", f"{method} {params}")
        equal(client.refused("instance.list", key="k").reason, "params-unknown", "a method that takes none")
        # new ones until there is no more room for them: of this peer, not of the host's owner
        reason, n = None, 0
        while n < 5000 and not reason:
            idents = [client.send("instance.stop", module="absent", key=f"{n + i}") for i in range(64)]
            for ident in idents:
                try:
                    client.finish(ident, PATIENCE)
                except RpcError as error:
                    reason = error.reason if error.reason == "busy" else reason
            n += 64
        t.say(f"{n} keys, then {reason}")
        with daemon.client() as admin:
            equal(admin.refused("instance.stop", module="absent", key="1").reason, "not-found", "another peer's key")
        equal(client.call("instance.stop", module="plain")["state"], "stopped", "without a key")


# What is read

EVENTFUL = 300


def fill_events(t, daemon, tenants):
    """Starts that fail, each an event: what a backend can do as often as it likes."""
    client = client_of(t, daemon)
    for n in range(0, EVENTFUL, 50):
        idents = [client.send("instance.start", module="broken", tenant=tenants[(n + i) % len(tenants)])
                  for i in range(50)]
        for ident in idents:
            try:
                client.finish(ident, DEADLINE)
            except RpcError:
                pass
    return client


@test(slow=True)
def failures_without_end(t):
    """Of ever other tenants: nothing of them is kept for ever; and whoever reads all of it again and
    again with filters that let nothing pass is not in the way of others."""
    daemon = own_daemon(t, **catalog(t, broken=(["./absent"], None, {})))
    tenants = [f"tenant-{n:06d}" for n in range(EVENTFUL)]
    with Probe(t, daemon):
        client = fill_events(t, daemon, tenants)
    client.subscribe(since={"epoch": "0" * 16, "seq": 1}, mark=True)
    client.event(lambda e: e["type"] == "mark", "the end of what is kept", DEADLINE)
    t.say(f"{len(client.events)} events are kept")
    clients = many(t, daemon, 31)
    filters = {"tenants": [f"tenant-x{n:05d}" for n in range(32)], "modules": ["broken"],
               "since": {"epoch": "0" * 16, "seq": 1}}
    lines = b"".join(request("event.subscribe", ident=n, **filters) for n in range(16))
    lines += b"".join(request("event.unsubscribe", ident=n, subscription=f"s{n + 1}") for n in range(16))
    with Probe(t, daemon):
        end = time.monotonic() + 3
        while time.monotonic() < end:
            for other in clients:
                push(other.sock, lines)
                with contextlib.suppress(BlockingIOError, ConnectionResetError):
                    other.sock.recv(1 << 20)
            time.sleep(0.01)


@test(slow=True)
def a_list_of_the_largest(t):
    """Instances whose labels are as large as they may be are still listed, page by page."""
    daemon = own_daemon(t, **catalog(t, plain=(SLEEP, None, {"limits": {"memory": "16M"}})))
    client = client_of(t, daemon)
    labels = {chr(n + 1) * 255 + "k": "\x01" * 256 for n in range(16)}
    made = set()
    for first in range(0, 90, 15):  # of more, answers that nobody reads stop what is read
        idents = [client.send("instance.start", module="plain", tenant=f"t{n}", labels=labels, wait="spawned")
                  for n in range(first, first + 15)]
        made |= {client.finish(ident, DEADLINE * 2)["instance"] for ident in idents}
    seen, cursor, pages = set(), {}, 0
    with Probe(t, daemon):
        while True:
            page = client.call("instance.list", _timeout=PATIENCE, limit=500, **cursor)
            pages += 1
            seen |= {i["instance"] for i in page["instances"]}
            if not page["next"]:
                break
            cursor = {"cursor": page["next"]}
    t.say(f"{len(seen)} instances on {pages} pages")
    require(made <= seen, f"{len(made - seen)} are missing")
    for ident in [client.send("instance.kill", instance=instance) for instance in made]:
        client.finish(ident, DEADLINE * 2)


LINES = """
import time
for n in range(30000):
    print("x" * 100, flush=n % 100 == 0)
    if n % 5000 == 4999:
        time.sleep(1)
time.sleep(100000)
"""


@test(slow=True)
def a_log_read_without_end(t):
    """The whole of it searched for what is not in it, by as many as may, as often as they can."""
    daemon = own_daemon(t, **catalog(t, writer=(["/usr/bin/python3", "main.py"], {"main.py": LINES}, {})))
    client = client_of(t, daemon)
    client.call("instance.start", module="writer", wait="spawned")
    log = lambda: sum(f.stat().st_size for f in (daemon.folder / "log").iterdir())  # noqa: E731
    until(lambda: log() > 3 << 20, "the log is full", DEADLINE)
    clients = many(t, daemon, 16)
    lines = request("instance.logs", module="writer", source="stderr", lines=1, **{"as": "inline"}) * 64
    with Probe(t, daemon):
        end = time.monotonic() + 4
        while time.monotonic() < end:
            for other in clients:
                push(other.sock, lines)
                with contextlib.suppress(BlockingIOError, ConnectionResetError):
                    other.sock.recv(1 << 20)
            time.sleep(0.01)


@test
def streams_of_one_user_leave_room(t):
    daemon = own_daemon(t, **catalog(t, plain=(SLEEP, None, {})))
    client = client_of(t, daemon)
    client.call("instance.start", module="plain", wait="spawned")
    readers, reason = [], None
    for _ in range(65):
        try:
            path = client.call("instance.logs", module="plain", follow=True)["stream"]
        except RpcError as error:
            reason = error.reason
            break
        sock = socket.socket(socket.AF_UNIX)
        with as_user(SHOP):
            sock.connect(path)
        readers.append(sock)
        t.cleanup(sock.close)
    equal(reason, "busy", f"after {len(readers)} streams")
    with daemon.client() as admin:
        admin.call("instance.logs", module="plain", follow=True)
