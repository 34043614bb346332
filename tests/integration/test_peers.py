# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may do what at the control sockets: real users and groups without any name on this host, three
sockets, scopes, keys, progress and cancelling, and the configuration read again under all of them."""
import json
import os
import pathlib
import signal
import socket
import stat
import time

from harness import DEADLINE, SLOWNESS, Client, Daemon, equal, manifest, require, test, until
from harness.client import Closed, RpcError
from harness.daemon import default_config

SHOP, MONITOR, STRANGER = 60123, 60124, 60125
SHOP_GROUP, OPS_GROUP = 60223, 60224
SLEEP = ["/bin/sleep", "100000"]


def config(*peers, **more):
    return json.dumps(dict(json.loads(default_config() or "{}"), peers=list(peers), **more))


def write_config(daemon, *peers, **more):
    (daemon.folder / "modsupd.json").write_text(config(*peers, **more), encoding="utf-8")


def own_daemon(t, *peers, **more):
    daemon = Daemon(config=config(*peers, **more))
    t.cleanup(daemon.done)
    return daemon


def dial(path, uid, gid=STRANGER, groups=()):
    """A socket that somebody else connected: the kernel notes who at that moment."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setgroups(list(groups))
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(path))
                socket.send_fds(theirs, [b"x"], [sock.fileno()])
                code = 0
        except PermissionError:
            code = 13
        finally:
            os._exit(code)
    theirs.close()
    with ours:
        fds = socket.recv_fds(ours, 1, 1)[1]
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code == 13:
        raise PermissionError(path)
    equal(code, 0, f"user {uid} connects to {path}")
    return socket.socket(fileno=fds[0])


def client_as(t, daemon, where, uid, gid=STRANGER, groups=()):
    path = daemon.folder / where / "control.sock"
    client = Client(path, dial(path, uid, gid, groups))
    t.clients.append(client)
    return client


def client_at(t, daemon, where):
    client = Client(daemon.folder / where / "control.sock")
    t.clients.append(client)
    return client


def turned_away(sock):
    """The one line that somebody gets who is not wanted."""
    sock.settimeout(DEADLINE)
    with sock, sock.makefile() as file:
        error = json.loads(file.readline())["error"]
        equal(file.readline(), "", "what comes after it")
    return error


def module(t, name, command=None, **changes):
    """In a folder of its own name, as moduleFolders wants it."""
    return t.folder(manifest(command or SLEEP, id=name, **changes), name=name)


def start(client, folder, **params):
    return client.call("instance.start", path=str(folder), wait="spawned", **params)


def refused(client, reason, method, **params):
    error = client.refused(method, **params)
    equal(error.reason, reason, f"{method} {params}: {error}")
    return error


@test
def the_socket_is_the_ceiling_for_root_too(t):
    for where, role in {"": "admin", "backend": "backend", "observer": "observer"}.items():
        client = client_at(t, t.daemon, where)
        equal(client.hello["role"], role, f"root at {where or 'the top'}")
        equal(client.hello["scope"]["modules"], ["*"], "its scope")
        equal(client.call("hello")["role"], role, "asked again")
    backend, observer = client_at(t, t.daemon, "backend"), client_at(t, t.daemon, "observer")
    folder = module(t, "probe")
    error = refused(backend, "role-forbids", "instance.start", path=str(folder))
    require("path" in error.message, f"the parameter is not named: {error.message}")
    refused(backend, "role-forbids", "supervisor.reload")
    error = refused(observer, "role-forbids", "instance.start", module="probe")
    require("backend" in error.message, f"the role is not named: {error.message}")
    running = t.start(folder)
    refused(observer, "role-forbids", "instance.stop", instance=running.instance)
    refused(observer, "role-forbids", "instance.kill", instance=running.instance)
    equal(observer.call("instance.show", instance=running.instance)["module"], "probe", "seen")
    backend.call("instance.stop", instance=running.instance)


@test
def nobody_without_an_entry(t):
    daemon = own_daemon(t)
    for where in ("", "backend", "observer"):
        path = daemon.folder / where / "control.sock"
        equal(stat.S_IMODE(path.stat().st_mode), 0o600, f"the mode of {path}")
        try:
            dial(path, STRANGER).close()
        except PermissionError:
            continue
        raise AssertionError(f"{path} lets anybody connect, and nobody has an entry")


@test
def who_has_no_entry_is_told_in_one_line(t):
    daemon = own_daemon(t, {"user": MONITOR, "role": "observer"}, {"group": OPS_GROUP, "role": "admin"})
    for where in ("", "backend", "observer"):
        path = daemon.folder / where / "control.sock"
        equal(stat.S_IMODE(path.stat().st_mode), 0o666, f"the mode of {path}")
        # neither a user with the number of the group, nor a group with that of the user
        for uid, gid in ((STRANGER, STRANGER), (OPS_GROUP, STRANGER), (STRANGER, MONITOR)):
            error = turned_away(dial(path, uid, gid))
            equal(error["data"]["reason"], "role-forbids", "the reason")
            require(str(uid) in error["message"] and "peers" in error["message"], error["message"])
    equal(daemon.log().count("is refused: no role"), 1, "lines of log for nine refusals")


@test
def roles_come_from_the_first_entry_that_fits(t):
    daemon = own_daemon(
        t, {"user": MONITOR, "role": "observer"},
        {"group": SHOP_GROUP, "role": "backend", "modules": ["shop-*"], "may": ["release"]},
        {"group": OPS_GROUP, "role": "admin"}, {"user": MONITOR, "role": "admin"})
    for uid, gid, groups, where, role in (
            (MONITOR, STRANGER, (), "", "observer"), (MONITOR, OPS_GROUP, (), "", "observer"),
            (STRANGER, SHOP_GROUP, (), "", "backend"), (STRANGER, STRANGER, (5, SHOP_GROUP), "", "backend"),
            (STRANGER, STRANGER, (OPS_GROUP, SHOP_GROUP), "", "backend"),
            (STRANGER, STRANGER, (OPS_GROUP,), "", "admin"),
            (STRANGER, STRANGER, (OPS_GROUP,), "backend", "backend"),
            (STRANGER, STRANGER, (OPS_GROUP,), "observer", "observer"),
            (STRANGER, SHOP_GROUP, (), "observer", "observer"),
            (0, STRANGER, (), "backend", "backend"), (0, SHOP_GROUP, (), "", "admin")):
        hello = client_as(t, daemon, where, uid, gid, groups).hello
        equal(hello["role"], role, f"user {uid}, groups {gid} {groups} at '{where}'")
        if role == "backend" and SHOP_GROUP in (gid, *groups):
            equal(hello["scope"], {"modules": ["shop-*"], "tenants": ["*"], "maxTier": "community"}, "scope")
            equal(hello["may"], ["release"], "may")


@test
def one_group_is_all_that_the_files_are_open_to(t):
    daemon = own_daemon(t, {"group": SHOP_GROUP, "role": "backend"}, {"user": 0, "role": "observer"})
    path = daemon.folder / "backend/control.sock"
    equal((stat.S_IMODE(path.stat().st_mode), path.stat().st_gid), (0o660, SHOP_GROUP), "mode and group")
    equal(client_as(t, daemon, "backend", STRANGER, STRANGER, (SHOP_GROUP,)).hello["role"], "backend", "a member")
    try:
        dial(path, STRANGER).close()
    except PermissionError:
        return
    raise AssertionError("somebody without the group connects")


@test
def what_is_out_of_scope_does_not_exist(t):
    daemon = own_daemon(t, {"user": SHOP, "role": "backend", "modules": ["shop-*"], "tenants": ["acme", "b*"]})
    admin, backend = client_at(t, daemon, ""), client_as(t, daemon, "backend", SHOP)
    backend.subscribe()
    folders = {name: module(t, name) for name in ("bank", "shop-mail", "shopping")}
    ids = {}
    for name, tenant in (("bank", "acme"), ("shop-mail", "acme"), ("shop-mail", "other"), ("shopping", "acme"),
                         ("shop-mail", "bob")):
        ids[name, tenant] = start(admin, folders[name], tenant=tenant)["instance"]
    mine = {ids["shop-mail", "acme"], ids["shop-mail", "bob"]}
    seen, cursor = [], {}
    while True:
        page = backend.call("instance.list", limit=1, **cursor)
        seen += [i["instance"] for i in page["instances"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    equal(sorted(seen), sorted(mine), "the list, one at a time")
    equal(len(admin.call("instance.list")["instances"]), 5, "what the administrator sees")
    equal(backend.call("supervisor.info")["instances"], 2, "how many run, as far as it is told")
    equal({i["instance"] for i in backend.call("instance.stats")["instances"]}, mine, "figures")
    for key, instance in ids.items():
        if instance in mine:
            continue
        absent = refused(backend, "not-found", "instance.show", instance="0" * len(instance))
        for method in ("show", "stop", "kill", "restart", "wait", "logs"):
            error = refused(backend, "not-found", f"instance.{method}", instance=instance)
            if method == "show":
                equal(error.message.replace(instance, "0" * len(instance)), absent.message, "the words")
            refused(backend, "not-found", f"instance.{method}", module=key[0], tenant=key[1])
    # asking for them by name does not help
    backend.subscribe(modules=["bank", "shopping", "shop-mail"], since={"epoch": backend.hello["epoch"], "seq": 0})
    for instance in ids.values():
        admin.call("instance.stop", instance=instance)
    for instance in mine:
        backend.event(lambda e, i=instance: e.get("instance") == i and e["type"] == "instance.exited", "its exit")
    equal({e["instance"] for e in backend.events if "instance" in e}, mine, "whose events came")
    text = json.dumps(backend.events)
    for word in ("bank", "shopping", "other"):
        require(word not in text, f"'{word}' in the events")
    last = {}
    for event in backend.events:
        equal(event["prev"], last.get(event["subscription"], 0), "prev is what came before")
        last[event["subscription"]] = event.get("seq", event["data"].get("to"))


@test
def a_backend_starts_by_name(t):
    folder = module(t, "shop-mail")
    daemon = own_daemon(t, {"user": SHOP, "role": "backend", "modules": ["shop-*"]},
                        moduleFolders=[str(folder.parent)])
    backend = client_as(t, daemon, "backend", SHOP)
    for name, params in {"path": {"path": str(folder)}, "manifest": {"manifest": "{}"},
                         "bundle": {"module": "shop-mail", "bundle": "/tmp"},
                         "command": {"module": "shop-mail", "command": ["/bin/sh"]},
                         "stdio": {"module": "shop-mail", "stdio": "pipe"},
                         "attached": {"module": "shop-mail", "attached": True}}.items():
        error = refused(backend, "role-forbids", "instance.start", **params)
        require(f'"{name}"' in error.message, f"{name} is not named: {error.message}")
    refused(backend, "tier-forbids", "instance.start", module="shop-mail", tier="verified")
    refused(backend, "not-found", "instance.start", module="bank")
    running = backend.call("instance.start", module="shop-mail", tenant="acme", wait="spawned")
    equal((running["module"], running["tenant"], running["tier"]), ("shop-mail", "acme", "community"), "what runs")
    again = backend.call("instance.restart", module="shop-mail", tenant="acme", wait="spawned")
    require(again["generation"] > running["generation"], "a restart")
    backend.call("instance.kill", module="shop-mail", tenant="acme")
    require("role-forbids" not in daemon.log() and "needs the role admin" in daemon.log(),
            "forbidden acts are in the log")


@test
def a_key_outlives_its_connection(t):
    t.client.events.clear()
    folder = module(t, "probe")
    params = {"path": str(folder), "wait": "spawned", "key": "order 1"}
    gone = t.new_client()
    gone.send("instance.start", **params)
    gone.close()
    one, two = t.new_client(), t.new_client()
    idents = [(c, c.send("instance.start", **params)) for c in (one, two, one)]
    results = [c.finish(ident) for c, ident in idents]
    equal(len({json.dumps(r, sort_keys=True) for r in results}), 1, "different results of one key")
    t.adopt(results[0], n_fds=0)
    equal(one.call("instance.start", **params), results[0], "the same a third time")
    t.client.event(lambda e: e["type"] == "instance.started", "the start")
    equal(len([e for e in t.client.events if e["type"] == "instance.started"]), 1, "starts")
    error = refused(one, "key-reused", "instance.start", **dict(params, wait="no"))
    equal(error.data["retry"], "never", "retry")
    # stopped and asked again: the first answer, and no new start
    one.call("instance.stop", instance=results[0]["instance"], key="order 2")
    equal(two.call("instance.start", **params), results[0], "the first result")
    equal(one.call("instance.show", instance=results[0]["instance"])["state"], "stopped", "its state")


@test
def what_never_gets_ready_tells_where_it_is_and_can_be_given_up(t):
    folder = module(t, "probe", entry={"readiness": "notify", "startTimeout": "5m"})
    client = t.new_client()
    steps = []
    message = client._message

    def keep(got, now):
        if got.get("method") == "operation.progress":
            steps.append(dict(got["params"], at=now))
        message(got, now)
    client._message = keep
    ident = client.send("instance.start", path=str(folder), timeout="5m", key="k")
    client.pump(lambda: steps, "progress")
    client.pump(lambda: steps[-1]["step"] == "ready", "the step that it hangs at")
    equal((steps[-1]["id"], steps[-1]["key"]), (ident, "k"), "whose steps they are")
    require(all(b["at"] - a["at"] > 0.5 for a, b in zip(steps, steps[1:])), f"more than one a second: {steps}")
    refused(t.new_client(), "not-found", "operation.cancel", id=ident)
    equal(client.call("operation.cancel", id=ident), {"cancelled": True}, "the answer")
    try:
        client.finish(ident)
    except RpcError as error:
        equal(error.reason, "cancelled", "how the start is answered")
    else:
        raise AssertionError("a cancelled start succeeded")
    until(lambda: all(i["state"] in ("stopped", "failed") for i in t.client.call("instance.list")["instances"]),
          "what was begun is over")
    refused(client, "not-found", "operation.cancel", id=ident)


@test
def the_configuration_is_read_again(t):
    shop = {"user": SHOP, "role": "backend", "modules": ["shop-*"]}
    daemon = own_daemon(t, shop, {"user": MONITOR, "role": "observer"})
    admin = client_at(t, daemon, "")
    admin.subscribe(types=["supervisor.*"])
    running = start(admin, module(t, "shop-mail"))
    stays, goes = client_as(t, daemon, "", SHOP), client_as(t, daemon, "", MONITOR)
    idle = client_as(t, daemon, "observer", MONITOR)

    # wrong in any way: told with its place, and nothing has changed
    for peers, more, reason, words in (
            ([shop, {"user": "no-such-user", "role": "observer"}], {}, "config-invalid", "no-such-user"),
            ([shop], {"maxInstances": 0}, "config-invalid", "found 0"),
            ([], {"ids": {"first": 1500000000, "count": 65536}}, "conflict", '"ids"'),
            ([], {"cgroup": {"parent": "/elsewhere"}}, "conflict", '"cgroup"')):
        write_config(daemon, *peers, **more)
        error = refused(admin, reason, "supervisor.reload")
        require(words in error.message + json.dumps(error.data), f"{words} is not told: {error.message}")
        goes.call("supervisor.info")
        equal(client_as(t, daemon, "", MONITOR).hello["role"], "observer", "as before")

    write_config(daemon, {"user": STRANGER, "role": "observer"}, shop, maxInstances=1)
    equal(admin.call("supervisor.reload"), {}, "the result")
    for client in (goes, idle):
        try:
            client.pump(lambda c=client: c.strays, "the last line")
            equal(client.strays[0]["error"]["data"]["reason"], "role-forbids", "why it ends")
            client.pump(lambda: None, "the end")
        except Closed:
            continue
        raise AssertionError("a connection without an entry goes on")
    equal(stays.call("instance.show", instance=running["instance"])["state"], "ready", "the module")
    equal(client_as(t, daemon, "", STRANGER).hello["role"], "observer", "a new entry")
    equal(turned_away(dial(daemon.socket, MONITOR))["data"]["reason"], "role-forbids", "an old one")
    event = admin.event(lambda e: e["type"] == "supervisor.reloaded", "the event")
    equal((event["data"]["by"], event["data"]["uid"]), ("request", 0), "who asked")
    require(event["data"]["disconnected"] >= 2, str(event["data"]))
    refused(admin, "host-full", "instance.start", path=str(module(t, "another")))  # maxInstances holds

    # by signal: the same, and a wrong file only makes a line of log
    write_config(daemon, shop, maxInstances=10)
    daemon.process.send_signal(signal.SIGHUP)
    admin.event(lambda e: e["type"] == "supervisor.reloaded" and e["data"]["by"] == "signal", "the event")
    equal(turned_away(dial(daemon.socket, STRANGER))["data"]["reason"], "role-forbids", "an old one")
    (daemon.folder / "modsupd.json").write_text("{\n broken", encoding="utf-8")
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: "modsupd.json:2:" in daemon.log(), "the place of the error in the log")
    start(admin, module(t, "another"))
    stays.call("supervisor.info")


@test
def names_that_are_not_there_stop_the_daemon_at_once(t):
    try:
        own_daemon(t, {"user": "root", "role": "admin"}, {"group": "no-such-group", "role": "observer"})
    except ChildProcessError as error:
        require("modsupd.json:1:" in str(error) and "no-such-group" in str(error)
                and "/peers/1/group" in str(error), f"what it says: {error}")
        return
    raise AssertionError("modsupd runs with a group that is not there")


@test
def one_user_never_has_all_places(t):
    daemon = own_daemon(t, {"user": SHOP, "role": "backend"}, {"user": MONITOR, "role": "observer"})
    clients = [client_as(t, daemon, "backend", SHOP) for _ in range(32)]
    equal(turned_away(dial(daemon.folder / "backend/control.sock", SHOP))["data"]["reason"], "busy", "one too many")
    client_as(t, daemon, "backend", MONITOR).call("supervisor.info")
    client_as(t, daemon, "", SHOP).call("supervisor.info")
    clients.pop().close()
    until(lambda: _hears_hello(daemon.folder / "backend/control.sock"), "a place is free again")


def memory_of(pid, what="VmRSS"):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(f"{what}:")) * 1024


@test
def half_lines_of_one_user_are_bounded_together(t):
    daemon = own_daemon(t, {"user": SHOP, "role": "backend"}, {"user": MONITOR, "role": "observer"})
    other = client_as(t, daemon, "backend", MONITOR)
    before, told = memory_of(daemon.pid), 0
    socks = [dial(daemon.folder / "backend/control.sock", SHOP) for _ in range(32)]
    for sock in socks:
        t.cleanup(sock.close)
        sock.settimeout(DEADLINE)
        try:
            sock.sendall(b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * 1000000)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was ended meanwhile: what it was told is read below
    other.call("supervisor.info")
    for sock in socks:
        sock.setblocking(False)
        try:
            told += b'"busy"' in sock.recv(65536)
        except BlockingIOError:
            continue  # still there, waiting for the rest of its line
    grown = memory_of(daemon.pid) - before
    t.say(f"32 half lines of 1 MB: {told} ended, modsupd grew by {grown / 1e6:.1f} MB")
    require(10 <= told < 32, f"{told} connections were told to go")
    # AddressSanitizer, known by the terabytes that it reserves, keeps what was freed.
    require(grown < 40e6 or memory_of(daemon.pid, "VmSize") > 1e12, f"modsupd grew by {grown} bytes")
    require(daemon.log().count("bytes waiting") >= 1, "it is in the log")
    other.call("supervisor.info")


def _hears_hello(path):
    with dial(path, SHOP) as sock, sock.makefile() as file:
        sock.settimeout(DEADLINE)
        return "hello" in file.readline()


@test
def the_folders_can_be_mounted_and_hold_only_the_socket(t):
    daemon = own_daemon(t, {"user": SHOP, "role": "backend"})
    for where in ("backend", "observer"):
        folder = daemon.folder / where
        equal(stat.S_IMODE(folder.stat().st_mode), 0o755, f"the mode of {where}")
        equal(sorted(os.listdir(folder)), ["control.sock"], f"what is in {where}")
    # what stood there in the way is not believed, whatever it was; a restart replaces the file
    inode = (daemon.folder / "backend").stat().st_ino
    daemon.terminate()
    require(not (daemon.folder / "backend/control.sock").exists(), "the file is left behind")
    victim = pathlib.Path(t.scratch) / "victim"
    victim.write_text("")
    victim.chmod(0o600)
    os.symlink(victim, daemon.folder / "backend/control.sock")
    daemon.start()
    equal(stat.S_IMODE(victim.stat().st_mode), 0o600, "the mode of what a link led to")
    equal((daemon.folder / "backend").stat().st_ino, inode, "the folder is the same")
    client_as(t, daemon, "backend", SHOP).call("supervisor.info")


@test
def a_clients_time_is_never_long_beside_a_thousand_others(t):
    """Those who connect, stop in the middle of a line, never read, and listen to everything; and one
    who asks a question and wants an answer."""
    daemon = own_daemon(t, {"user": SHOP, "role": "backend"})
    probe = client_at(t, daemon, "")
    rest, refusals = [], 0
    times = []

    def ask():
        begun = time.monotonic()
        probe.call("supervisor.info")
        times.append(time.monotonic() - begun)
    where = str(daemon.folder / "backend/control.sock")
    for n in range(1000):
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        try:
            sock.connect(where)
        except BlockingIOError:
            refusals += 1  # the backlog is full, and whoever waits for it waits at its own cost
            sock.close()
        else:
            try:
                sock.sendall((b'{"jsonrpc":"2.0","id":1,"met', b'{"jsonrpc":"2.0","id":1,"method":"event.subscribe"}\n',
                              b'{"jsonrpc":"2.0","id":1,"method":"supervisor.info"}\n' * 50)[n % 3])
            except (BrokenPipeError, ConnectionResetError, BlockingIOError):
                refusals += 1
            rest.append(sock)
        if n % 10 == 0:
            ask()
    for _ in range(200):
        ask()
    for sock in rest:
        sock.close()
    ask()
    times.sort()
    p99 = times[len(times) * 99 // 100]
    t.say(f"1000 connects ({refusals} did not get in): p50 {times[len(times) // 2] * 1000:.1f} ms, "
          f"p99 {p99 * 1000:.1f} ms, most {times[-1] * 1000:.1f} ms")
    require(p99 < 0.05 * SLOWNESS, f"p99 is {p99 * 1000:.0f} ms")
