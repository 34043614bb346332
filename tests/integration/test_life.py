# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of a module beyond one run: readiness, health, restarts, stable sockets, the queue, and all
of it over the death of the daemon."""
import fcntl
import json
import os
import pathlib
import shutil
import socket
import threading
import time

from harness import DEADLINE, Daemon, RpcError, build_dir, equal, manifest, require, test, until
from harness.daemon import default_config

# Answers HTTP on its socket: /slow waits, /die ends it, others tell its pid and the health file's word.
SERVER = """
import http.server, os, signal, socket, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    def address_string(self): return "client"
    def log_message(self, *args): pass
    def do_GET(self):
        if self.path == "/die":
            os._exit(3)
        status = 200
        if self.path == "/healthz":
            try:
                status = int(open("/tmp/health").read())
            except OSError:
                pass
        if self.path.startswith("/health="):
            open("/tmp/health", "w").write(self.path[8:])
        body = str(os.getpid()).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_UNIX
sock = socket.socket(fileno=3)
server = Server(("", 0), Handler, bind_and_activate=False)
server.socket = sock
EXTRA
server.serve_forever()
"""

NOTIFY = """
import os, socket
def notify(text):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.sendto(text if isinstance(text, bytes) else text.encode(), os.environ["NOTIFY_SOCKET"])
    s.close()
"""

FAST = json.dumps({"restart": {"delay": "50ms", "maxDelay": "400ms", "startLimit": 6,
                               "startWindow": "60s"}})


def daemon_with(t, config=FAST):
    daemon = Daemon(config=json.dumps(dict(json.loads(default_config()), **json.loads(config))))
    t.cleanup(daemon.done)
    return daemon


def server(t, extra="", **entry):
    entry.setdefault("listen", {"socket": "http"})
    return str(t.folder(manifest(["/usr/bin/python3", "main.py"], id="server", entry=entry),
                        {"main.py": SERVER.replace("EXTRA", extra)}))


def http(path, what, timeout=DEADLINE):
    """Status and body over a module's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout)
        sock.connect(path)
        sock.sendall(f"GET {what} HTTP/1.0\r\n\r\n".encode())
        data = b""
        while chunk := sock.recv(4096):
            data += chunk
    if not data:
        raise ConnectionResetError("no answer")
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


def state(client, module="server"):
    return client.call("instance.show", module=module)


def await_state(client, wanted, module="server", timeout=DEADLINE):
    return until(lambda: (v := state(client, module))["state"] == wanted and v, f"state {wanted}", timeout)


@test
def a_crash_is_followed_by_another_run(t):
    daemon = daemon_with(t)
    with daemon.client() as client:
        client.subscribe()
        first = client.call("instance.start", path=server(t))
        path = first["sockets"]["http"]
        inode = os.stat(path).st_ino
        try:
            http(path, "/die")
        except ConnectionError:
            pass
        client.event(lambda e: e["type"] == "instance.backoff", "it waits for its next run")
        view = until(lambda: (v := state(client))["state"] == "ready" and v["generation"] == 2 and v,
                     "its next run")
        require(view["instance"] != first["instance"], "a new id for a new run")
        equal(view["sockets"], first["sockets"], "the sockets")
        equal(os.stat(path).st_ino, inode, "the very same socket")
        equal(http(path, "/")[0], 200, "it answers")
        exited = client.event(lambda e: e["type"] == "instance.exited", "the end is told")
        equal((exited["data"]["code"], exited["data"]["cause"], exited["data"]["by"]),
              (3, "exited", "module"), "how it ended")
        client.call("instance.stop", module="server")
        require(not os.path.exists(path), "a stopped module has no socket")


@test
def who_connects_between_two_runs_is_answered_by_the_next(t):
    daemon = daemon_with(t, json.dumps({"restart": {"delay": "1s", "maxDelay": "2s",
                                                    "startLimit": 5, "startWindow": "60s"}}))
    with daemon.client() as client:
        path = client.call("instance.start", path=server(t))["sockets"]["http"]
        try:
            http(path, "/die")
        except ConnectionError:
            pass
        await_state(client, "backoff")
        waited = [None] * 8
        def ask(n):
            waited[n] = http(path, "/")[0]
        threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        equal(waited, [200] * 8, "the answers of those who waited")


@test
def a_restart_that_is_asked_for_keeps_the_queue(t):
    daemon = daemon_with(t)
    with daemon.client() as client:
        first = client.call("instance.start", path=server(t))
        path = first["sockets"]["http"]
        stop, failures, answers = threading.Event(), [], []
        def ask():
            while not stop.is_set():
                try:
                    answers.append(http(path, "/")[0])
                except OSError as error:
                    failures.append(repr(error))
        asker = threading.Thread(target=ask)
        asker.start()
        for turn in range(3):
            again = client.call("instance.restart", module="server")
            equal((again["state"], again["generation"]), ("ready", turn + 2), "the next run")
        count = len(answers)
        until(lambda: len(answers) > count + 3, "answers after the last restart")
        stop.set()
        asker.join(DEADLINE)
        # a request that was being answered when its run was stopped may be cut off: one a restart
        require(len(failures) <= 3, f"{len(failures)} requests failed: {failures[:5]}")
        equal(state(client)["exit"] if "exit" in state(client) else None, None, "it runs")


@test
def it_is_given_up_after_too_many_starts(t):
    daemon = daemon_with(t)
    with daemon.client() as client:
        client.subscribe()
        path = str(t.folder(manifest(["/bin/sh", "-c", "echo it hurts >&2; exit 9"], id="hopeless")))
        # ready means executed here: it may be told before or after the first end
        try:
            client.call("instance.start", path=path)
        except RpcError as error:
            require(error.reason in ("backoff", "not-running"), f"the reason: {error}")
        view = await_state(client, "failed", "hopeless")
        equal(view["error"]["reason"], "start-limit", "why")
        equal(view["generation"], 6, "how often")
        equal(view["stderrTail"], "it hurts\n", "its last words")
        delays = [e["data"]["delayUsec"] for e in client.events if e["type"] == "instance.backoff"]
        equal(len(delays), 5, "waits")
        for n, delay in enumerate(delays):
            step = min(50000 * 2 ** n, 400000)
            require(step * 0.75 <= delay <= step * 1.25, f"wait {n}: {delay} us beside {step}")
        # somebody wants it anew: the count begins anew
        try:
            client.call("instance.start", path=path, wait="spawned")
        except RpcError as error:
            require(error.reason in ("backoff", "not-running"), f"the reason: {error}")
        client.call("instance.stop", module="hopeless")
        equal(state(client, "hopeless")["state"], "stopped", "the state")


@test
def the_wish_of_the_manifest_decides(t):
    daemon = daemon_with(t)
    with daemon.client() as client:
        client.subscribe()
        for restart, code, again in (("never", 1, False), ("on-failure", 0, False), ("always", 0, True)):
            name = f"ends-{restart}"
            client.call("instance.start", wait="spawned",
                        path=str(t.folder(manifest(["/bin/sh", "-c", f"sleep 0.2; exit {code}"], id=name,
                                                   entry={"restart": restart}))))
            client.event(lambda e: e["type"] == "instance.exited" and e["module"] == name, "its end")
            if again:
                until(lambda: state(client, name)["generation"] > 1, "another run")
                client.call("instance.stop", module=name)
            else:
                await_state(client, "stopped", name)
                equal(state(client, name)["generation"], 1, f"runs of {restart}")


@test
def a_stop_ends_the_waiting_for_the_next_run(t):
    daemon = daemon_with(t, json.dumps({"restart": {"delay": "60s", "maxDelay": "60s",
                                                    "startLimit": 5, "startWindow": "600s"}}))
    with daemon.client() as client:
        path = server(t)
        sock = client.call("instance.start", path=path)["sockets"]["http"]
        try:
            http(sock, "/die")
        except ConnectionError:
            pass
        view = await_state(client, "backoff")
        require(view["next"], "when it goes on is told")
        equal(client.call("instance.stop", module="server")["state"], "stopped", "the state")
        require(not os.path.exists(sock), "its socket is gone")
        # and a start does not wait for it
        equal(client.call("instance.start", path=path)["state"], "ready", "a start meanwhile")


@test
def ready_is_what_the_module_says(t):
    daemon = daemon_with(t)
    gate = "import time\n" + NOTIFY + """
notify(b"\\0garbage\\xff\\n=\\nREADY\\n")
notify(b"READY=0\\nREADY\\nSTATUS=warming up")
while not os.path.exists("/module/state/go"):
    time.sleep(0.02)
notify("READY=1\\nSTATUS=serving")
"""
    folder = server(t, gate, readiness="notify")
    description = json.loads((pathlib.Path(folder) / "module.json").read_text())
    description["permissions"] = {"fs": {"write": ["state"]}}
    (pathlib.Path(folder) / "module.json").write_text(json.dumps(description))
    with daemon.client() as client:
        late = client.refused("instance.start", path=folder, timeout="2s")
        equal(late.reason, "start-timeout", "not ready in time")
        view = until(lambda: (v := state(client)).get("status") == "warming up" and v, "its status")
        equal(view["state"], "starting", "the state")
        states = [p for p in (daemon.folder / "state" / "installations").glob("*/fs/state")]
        equal(len(states), 1, "its writable folder")
        waiting = client.send("instance.start", path=folder)
        (states[0] / "go").touch()
        equal(client.finish(waiting)["state"], "ready", "now")
        until(lambda: state(client)["status"] == "serving", "its new status")


@test
def ready_is_what_the_probe_finds(t):
    daemon = daemon_with(t)
    slow = "import time\nopen('/tmp/health', 'w').write('503')\n" \
           "threading.Timer(0.5, lambda: open('/tmp/health', 'w').write('204')).start()"
    with daemon.client() as client:
        began = time.monotonic()
        result = client.call("instance.start", path=server(t, slow, readiness={"http": "/healthz"}))
        equal(result["state"], "ready", "the state")
        require(time.monotonic() - began >= 0.5, "it was not ready before its probe said so")


@test
def what_is_not_ready_in_time_is_ended_and_tried_again(t):
    daemon = daemon_with(t)
    with daemon.client() as client:
        client.subscribe()
        error = client.refused("instance.start", path=server(t, "", readiness="notify", startTimeout="300ms"))
        equal(error.reason, "start-timeout", "the answer")
        ended = client.event(lambda e: e["type"] == "instance.exited", "its end")
        equal(ended["data"]["cause"], "start-timeout", "the cause")
        until(lambda: state(client)["generation"] >= 2, "it is tried again")
        client.call("instance.stop", module="server")


@test
def an_unhealthy_module_is_restarted(t):
    daemon = daemon_with(t)
    with daemon.client() as client:
        client.subscribe()
        result = client.call("instance.start", path=server(
            t, health={"http": "/healthz", "interval": "1s", "failures": 2}))
        http(result["sockets"]["http"], "/health=500")
        told = client.event(lambda e: e["type"] == "instance.unhealthy", "it is found out")
        equal((told["data"]["failures"], told["data"]["status"]), (2, 500), "what was seen")
        ended = client.event(lambda e: e["type"] == "instance.exited", "it is ended")
        equal((ended["data"]["cause"]), "unhealthy", "the cause")
        until(lambda: (v := state(client))["generation"] == 2 and v["state"] == "ready", "its next run")


@test
def what_had_to_be_ended_has_failed_however_politely_it_went(t):
    daemon = daemon_with(t)
    polite = "signal.signal(signal.SIGTERM, lambda *_: os._exit(0))"
    with daemon.client() as client:
        client.subscribe()
        result = client.call("instance.start", path=server(
            t, polite, health={"http": "/healthz", "interval": "1s", "failures": 1}))
        http(result["sockets"]["http"], "/health=500")
        ended = client.event(lambda e: e["type"] == "instance.exited", "it is ended")
        equal((ended["data"]["cause"], ended["data"]["code"]), ("unhealthy", 0), "how it ended")
        until(lambda: (v := state(client))["generation"] == 2 and v["state"] == "ready", "its next run")
        client.call("instance.stop", module="server")
        equal(state(client)["state"], "stopped", "a stop that was asked for is none")


@test
def an_unhealthy_module_may_just_be_told(t):
    daemon = daemon_with(t)
    with daemon.client() as client:
        client.subscribe()
        result = client.call("instance.start", path=server(
            t, health={"http": "/healthz", "interval": "1s", "failures": 1, "then": "report"}))
        http(result["sockets"]["http"], "/health=500")
        await_state(client, "unhealthy")
        http(result["sockets"]["http"], "/health=200")
        client.event(lambda e: e["type"] == "instance.healthy", "it is told")
        equal(await_state(client, "ready")["generation"], 1, "runs")


@test
def a_watchdog_that_is_not_fed_bites(t):
    daemon = daemon_with(t)
    fed = NOTIFY + """
import time
def feed():
    for _ in range(8):
        notify("WATCHDOG=1")
        time.sleep(0.25)
threading.Thread(target=feed, daemon=True).start()
"""
    with daemon.client() as client:
        client.subscribe()
        began = time.monotonic()
        client.call("instance.start", path=server(t, fed, watchdog="1s", restart="never"))
        ended = client.event(lambda e: e["type"] == "instance.exited", "its end")
        require(time.monotonic() - began > 2, "it was fed for two seconds")
        equal((ended["data"]["cause"], ended["data"]["by"]), ("watchdog", "supervisor"), "the cause")


@test
def concurrent_starts_are_one(t):
    daemon = daemon_with(t)
    folder = server(t)
    clients = [daemon.client() for _ in range(8)]
    try:
        pending = [(c, c.send("instance.start", path=folder)) for c in clients]
        results = [c.finish(i) for c, i in pending]
        equal(len({r["instance"] for r in results}), 1, "instances")
        equal([r["already"] for r in results].count(False), 1, "who started it")
        equal(len([i for i in clients[0].call("instance.list")["instances"]
                   if i["state"] == "ready"]), 1, "running")
    finally:
        for c in clients:
            c.close()


@test
def another_tier_is_a_conflict(t):
    daemon = daemon_with(t)
    folder = server(t)
    with daemon.client() as client:
        client.call("instance.start", path=folder, tier="community")
        equal(client.refused("instance.start", path=folder, tier="verified").reason, "conflict", "the reason")
        equal(client.call("instance.start", path=folder)["already"], True, "without a tier")


@test
def a_newer_version_makes_it_stale(t):
    daemon = daemon_with(t)
    folder = server(t)
    with daemon.client() as client:
        equal(client.call("instance.start", path=folder)["stale"], False, "the first time")
        description = json.loads((pathlib.Path(folder) / "module.json").read_text())
        description["version"] = "9.9.9"
        (pathlib.Path(folder) / "module.json").write_text(json.dumps(description))
        again = client.call("instance.start", path=folder)
        equal((again["already"], again["stale"]), (True, True), "the second time")
        equal(client.call("instance.restart", module="server")["version"], "9.9.9", "after a restart")


@test
def a_module_by_its_name(t):
    folder = pathlib.Path(t.scratch) / "catalog"
    folder.mkdir(mode=0o755)
    t.folder(manifest(["/bin/sleep", "60"], id="shop-mail"), name="catalog/shop-mail")
    t.folder(manifest(["/bin/sleep", "60"], id="other"), name="catalog/misnamed")
    daemon = daemon_with(t, json.dumps({"moduleFolders": ["/nowhere", str(folder)]}))
    with daemon.client() as client:
        for tenant in ("a", "b"):
            result = client.call("instance.start", module="shop-mail", tenant=tenant)
            equal((result["module"], result["tenant"], result["state"]), ("shop-mail", tenant, "ready"), "it runs")
        equal(client.refused("instance.start", module="absent").reason, "not-found", "one that is not there")
        equal(client.refused("instance.start", module="misnamed").reason, "conflict", "one of another name")
        equal(client.refused("instance.start", module="../x").reason, "params-invalid", "a path")


@test
def a_kill_is_final_and_a_signal_is_not(t):
    daemon = daemon_with(t)
    hup = "signal.signal(signal.SIGHUP, lambda *_: open('/tmp/health', 'w').write('418'))"
    with daemon.client() as client:
        client.subscribe()
        result = client.call("instance.start", path=server(t, hup, readiness={"http": "/"}))
        client.call("instance.kill", module="server", signal="HUP")
        until(lambda: http(result["sockets"]["http"], "/healthz")[0] == 418, "the signal came")
        killed = client.call("instance.kill", module="server")
        equal((killed["state"], killed["exit"]["cause"], killed["exit"]["by"]),
              ("stopped", "killed", "supervisor"), "after a kill")
        equal(client.refused("instance.kill", module="server", signal="HUP").reason, "not-running", "afterwards")
        equal(client.refused("instance.kill", module="server", signal="SEGV").reason, "params-invalid", "a bad word")


@test
def a_module_that_ignores_sigterm_is_ended(t):
    daemon = daemon_with(t)
    with daemon.client() as client:
        client.call("instance.start", path=server(t, "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
                                                  stopTimeout="500ms", readiness={"http": "/"}))
        stopped = client.call("instance.stop", module="server")
        equal((stopped["state"], stopped["exit"]["signalName"]), ("stopped", "SIGKILL"), "its end")


@test
def more_starts_than_turns_wait_for_theirs(t):
    daemon = daemon_with(t)
    with daemon.client() as client:
        client.subscribe()
        pending = [client.send("instance.start", timeout="120s",
                               path=str(t.folder(manifest(["/bin/sleep", "60"], id=f"many-{n}"))))
                   for n in range(24)]
        states = {i["state"] for i in client.call("instance.list", limit=500)["instances"]}
        require("waiting" in states, f"some wait for their turn: {states}")
        for ident in pending:
            equal(client.finish(ident, DEADLINE * 4)["state"], "ready", "each comes up")


# Over the daemon's death

@test
def a_back_off_goes_on_after_the_daemons_death(t):
    daemon = daemon_with(t, json.dumps({"restart": {"delay": "60s", "maxDelay": "60s",
                                                    "startLimit": 5, "startWindow": "600s"}}))
    with daemon.client() as client:
        path = client.call("instance.start", path=server(t))["sockets"]["http"]
        try:
            http(path, "/die")
        except ConnectionError:
            pass
        await_state(client, "backoff")
    daemon.kill()
    daemon.start()
    with daemon.client() as client:
        view = await_state(client, "ready")
        equal(view["generation"], 2, "its next run")
        equal(http(path, "/")[0], 200, "it answers")


@test
def an_end_while_no_daemon_runs_is_followed_by_the_next_run(t):
    daemon = daemon_with(t)
    with daemon.client() as client:
        path = client.call("instance.start", path=server(t))["sockets"]["http"]
    daemon.kill()
    try:
        http(path, "/die")
    except ConnectionError:
        pass
    waited = []
    asker = threading.Thread(target=lambda: waited.append(http(path, "/")[0]))
    asker.start()
    time.sleep(0.2)  # it is in the queue by now, or comes a little later: both are answered
    daemon.start()
    asker.join(DEADLINE)
    equal(waited, [200], "who connected while neither ran")
    with daemon.client() as client:
        equal(await_state(client, "ready")["generation"], 2, "its next run")


@test
def a_stop_under_way_goes_on_after_the_daemons_death(t):
    daemon = daemon_with(t)
    with daemon.client() as client:
        client.call("instance.start", path=server(
            t, "signal.signal(signal.SIGTERM, signal.SIG_IGN)", stopTimeout="3s",
            readiness={"http": "/"}))
        client.send("instance.stop", module="server")
        await_state(client, "stopping")
    daemon.kill()
    daemon.start()
    with daemon.client() as client:
        until(lambda: not [i for i in client.call("instance.list")["instances"]
                           if i["state"] not in ("stopped",)], "it is stopped")


def id_is_locked_or_gone(uid):
    """Given back: or somebody else has it by now."""
    try:
        with open(f"/run/modsup-ids/{uid}", "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return True


@test
def what_was_taken_over_gives_back_its_ids(t):
    daemon = daemon_with(t)
    with daemon.client() as client:
        pid = client.call("instance.start", path=server(t))["pid"]
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    uid = int(status.split("Uid:")[1].split()[0])
    daemon.kill()
    daemon.start()
    require(os.path.exists(f"/run/modsup-ids/{uid}"), "while the shim lives its id keeps its name")
    with daemon.client() as client:
        equal(await_state(client, "ready")["pid"], pid, "it was taken over")
        client.call("instance.stop", module="server")
    until(lambda: id_is_locked_or_gone(uid), "the id is given back")


@test
def sigterm_may_leave_the_modules_running(t):
    daemon = daemon_with(t, json.dumps({"onStop": "keep"}))
    with daemon.client() as client:
        result = client.call("instance.start", path=server(t))
        before = state(client)
    equal(daemon.terminate(), 0, "the exit status")
    equal(http(result["sockets"]["http"], "/")[0], 200, "it answers without a daemon")
    daemon.start()
    with daemon.client() as client:
        after = await_state(client, "ready")
        equal((after["pid"], after["instance"], after["since"]),
              (before["pid"], before["instance"], before["since"]), "the same run")
    daemon.kill()
    daemon.start()
    with daemon.client() as client:
        equal(await_state(client, "ready")["since"], before["since"], "since when, a second time")
        client.call("instance.stop", module="server")


@test
def a_module_that_stops_by_itself_has_a_stops_time(t):
    daemon = daemon_with(t)
    with daemon.client() as client:
        client.subscribe()
        client.call("instance.start", path=server(t, NOTIFY + "notify('STOPPING=1')", stopTimeout="1s",
                                                  restart="never"))
        ended = client.event(lambda e: e["type"] == "instance.exited", "its end")
        equal(ended["data"]["signalName"], "SIGKILL", "how it ended")


@test
def a_restart_under_way_goes_on_after_the_daemons_death(t):
    daemon = daemon_with(t)
    with daemon.client() as client:
        client.call("instance.start", path=server(
            t, "signal.signal(signal.SIGTERM, signal.SIG_IGN)", stopTimeout="3s",
            readiness={"http": "/"}))
        client.send("instance.restart", module="server")
        await_state(client, "stopping")
    daemon.kill()
    daemon.start()
    with daemon.client() as client:
        until(lambda: (v := state(client))["generation"] == 2 and v["state"] == "ready", "its next run")


@test
def modules_of_the_version_before_are_renewed_without_a_gap_in_service(t):
    """An upgrade: the daemon's program and its shim are replaced while modules run."""
    helpers = pathlib.Path(t.scratch) / "helpers"
    helpers.mkdir()
    shutil.copy2(build_dir() / "modsup-inspect", helpers / "modsup-inspect")
    shutil.copy2(build_dir() / "modsup-shim-previous", helpers / "modsup-shim")
    daemon = Daemon(config=json.dumps(dict(json.loads(default_config()), **json.loads(FAST))),
                    libexec=helpers)
    t.cleanup(daemon.done)
    with daemon.client() as client:
        path = client.call("instance.start", path=server(t, readiness={"http": "/"}))["sockets"]["http"]
    daemon.kill()
    equal(http(path, "/")[0], 200, "it serves without a daemon")
    daemon.libexec = None
    daemon.start()
    with daemon.client() as client:
        view = await_state(client, "ready")
        equal((view["shim"], view["generation"]), ("outdated", 1), "it runs on, under the older shim")
        equal(client.refused("instance.exec", module="server", command=["/bin/true"]).reason,
              "shim-outdated", "a command in it")
        equal(http(path, "/")[0], 200, "it serves")
        # its end is told and followed as ever; the shim had kept no socket, so the path is made anew
        try:
            http(path, "/die")
        except ConnectionError:
            pass
        view = until(lambda: (v := state(client))["generation"] == 2 and v["state"] == "ready" and v,
                     "its next run")
        equal(view["shim"], "current", "the shim of its next run")
        equal(http(path, "/")[0], 200, "it serves at the same path")


@test
def starts_of_long_ago_do_not_count_after_the_daemons_death(t):
    daemon = daemon_with(t, json.dumps({"restart": {"delay": "10ms", "maxDelay": "20ms",
                                                    "startLimit": 3, "startWindow": "1s"}}))
    with daemon.client() as client:
        path = client.call("instance.start", path=server(t, readiness={"http": "/"}))["sockets"]["http"]
        for turn in range(5):
            time.sleep(0.6)  # a duration is what is counted: never three starts in one second
            try:
                http(path, "/die")
            except ConnectionError:
                pass
            until(lambda: state(client)["generation"] == turn + 2 and state(client)["state"] == "ready",
                  "another run")
        time.sleep(1.1)
    daemon.kill()
    daemon.start()
    with daemon.client() as client:
        try:
            http(path, "/die")
        except ConnectionError:
            pass
        until(lambda: state(client)["generation"] == 7 and state(client)["state"] == "ready", "another run")


@test
def those_in_back_off_do_not_push_out_what_has_ended(t):
    kept, count = 64, 66  # ended instances that are remembered; more than those
    daemon = daemon_with(t, json.dumps({"restart": {"delay": "10m", "maxDelay": "10m"}}))
    folder = str(t.folder(manifest(["/bin/false"], id="failing", limits={"memory": "16M"})))

    def views(*states):
        return [v for v in client.call("instance.list", limit=500)["instances"] if v["state"] in states]
    with daemon.client() as client:
        for ident in [client.send("instance.start", path=folder, tenant=f"t{n}", wait="no", timeout="600s")
                      for n in range(count)]:
            client.finish(ident, DEADLINE * 4)
        until(lambda: len(views("backoff")) == count, "all of them are in back-off", timeout=DEADLINE * 4)
        client.call("instance.stop", module="failing", tenant="t3")
        client.call("instance.start", path=folder, tenant="more", wait="no")
        until(lambda: len(views("backoff")) == count, "one more is in back-off", timeout=DEADLINE * 4)
        equal([v["tenant"] for v in views("stopped")], ["t3"], "the one that was stopped")
        client.call("instance.stop", module="failing", tenant="more")
        for n in range(count):
            if n != 3:
                client.call("instance.stop", module="failing", tenant=f"t{n}")
        until(lambda: len(views("backoff", "stopped", "failed")) == kept, "as many as are remembered")
        require("t3" not in [v["tenant"] for v in views("stopped")], "the oldest is remembered")
