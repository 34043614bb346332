# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules over the death of modsupd: they go on under every layer, and the next daemon takes them
over, tells what happened meanwhile, and ends what it cannot take over."""
import os
import pathlib
import signal
import socket
import time

from harness import Daemon, equal, manifest, require, test, until
from harness.census import cgroup_folders, in_cgroups_of
from harness.wait import DEADLINE

SERVER = """
import os, socket
server = socket.socket(fileno=3)
while True:
    peer, _ = server.accept()
    word = peer.recv(100).decode()
    if word == "setuid":
        try:
            os.setuid(0)
            answer = "granted"
        except PermissionError:
            answer = "refused"
    elif word == "grow":
        try:
            answer = str(len(bytearray(512 << 20)))
        except MemoryError:
            answer = "refused"
    elif word.startswith("exit"):
        os._exit(int(word[4:]))
    else:
        answer = "pong"
    peer.sendall(answer.encode())
    peer.close()
"""


def survivor(t, restart="never"):
    """A daemon with a server in it."""
    daemon = Daemon()
    t.cleanup(daemon.done)
    folder = t.folder(manifest(["/usr/bin/python3", "main.py"], id="server",
                               entry={"listen": {"socket": "http"}, "restart": restart}),
                      {"main.py": SERVER})
    with daemon.client() as client:
        result = client.call("instance.start", path=str(folder), labels={"order": "17"})
    return daemon, result


def ask(result, word):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(DEADLINE)
        sock.connect(result["sockets"]["http"])
        sock.sendall(word.encode())
        return sock.recv(100).decode()


def show(client, result):
    return client.call("instance.show", instance=result["instance"])


def events(client, result):
    """What the new daemon has told of the instance."""
    answer = client.call("event.subscribe", since={"epoch": client.hello["epoch"], "seq": 0})
    client.drain()
    client.call("event.unsubscribe", subscription=answer["subscription"])  # there are only so many
    # each subscription tells all of them again
    return list({e["seq"]: e for e in client.of(result["instance"])}.values())


def shim_of(daemon):
    for pid in in_cgroups_of(daemon.id):
        if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "modsup-shim":
            return pid
    return None


def restart(daemon):
    daemon.kill()
    daemon.start()


@test
def a_module_serves_without_a_daemon_and_is_taken_over(t):
    daemon, result = survivor(t)
    equal(ask(result, "ping"), "pong", "before")
    with daemon.client() as client:
        before = show(client, result)
    daemon.kill()
    equal(ask(result, "ping"), "pong", "while no daemon runs")
    daemon.start()
    equal(ask(result, "ping"), "pong", "after")
    with daemon.client() as client:
        after = until(lambda: (v := show(client, result))["state"] == "ready" and v, "ready again")
        for key in ("instance", "module", "tenant", "tier", "pid", "policy", "sockets", "labels"):
            equal(after[key], before[key], key)
        again = client.call("instance.start", path=str(t.folder(manifest(
            ["/usr/bin/python3", "main.py"], id="server",
            entry={"listen": {"socket": "http"}}), {"main.py": SERVER})))
        equal((again["already"], again["instance"]), (True, result["instance"]), "a second start")
        client.call("instance.stop", instance=result["instance"])
    until(lambda: not in_cgroups_of(daemon.id) - {daemon.pid}, "nothing of it runs")


@test
def layers_hold_and_refused_calls_are_told_afterwards(t):
    daemon, result = survivor(t)
    daemon.kill()
    for _ in range(3):
        equal(ask(result, "setuid"), "refused", "a refused call while no daemon runs")
    daemon.start()
    with daemon.client() as client:
        until(lambda: show(client, result)["denied"] == 3, "the refused calls are counted")
        told = until(lambda: [e for e in events(client, result) if e["type"] == "violation"],
                     "the violation is told")
        equal(told[0]["data"]["observed"]["call"], "setuid", "what was refused")
        equal(sum(e["data"]["count"] for e in told), 3, "how often")
        equal(ask(result, "setuid"), "refused", "a refused call after")


@test
def an_end_without_a_daemon_is_told_by_the_next(t):
    daemon, result = survivor(t)
    daemon.kill()
    try:
        ask(result, "exit7")
    except (ConnectionError, socket.timeout):
        pass
    daemon.start()
    with daemon.client() as client:
        ended = client.call("instance.wait", instance=result["instance"])
        equal(ended["exit"]["code"], 7, "the exit code")
        until(lambda: "instance.exited" in [e["type"] for e in events(client, result)], "it is told")
    until(lambda: not in_cgroups_of(daemon.id) - {daemon.pid}, "nothing of it is left")


@test
def the_memory_limit_holds_without_a_daemon(t):
    daemon, result = survivor(t)
    daemon.kill()
    try:
        answer = ask(result, "grow")
    except ConnectionError:
        answer = ""
    require(answer in ("", "refused"), f"512 MiB were had: {answer}")
    daemon.start()
    with daemon.client() as client:
        ended = client.call("instance.wait", instance=result["instance"])
        require(ended["exit"].get("signal") == int(signal.SIGKILL), f"the exit: {ended['exit']}")
        until(lambda: "memory" in [e["data"].get("layer") for e in events(client, result)],
              "the violation is told")


@test
def a_shim_that_died_meanwhile_is_lost_and_its_module_with_it(t):
    daemon, result = survivor(t)
    shim = shim_of(daemon)
    require(shim, "the shim is found")
    daemon.kill()
    os.kill(shim, signal.SIGKILL)
    daemon.start()
    with daemon.client() as client:
        equal(show(client, result)["state"], "stopped", "the state")
        until(lambda: "instance.lost" in [e["type"] for e in events(client, result)], "it is told")
    until(lambda: not in_cgroups_of(daemon.id) - {daemon.pid}, "no process is left")
    equal([f for f in cgroup_folders(daemon.id) if result["instance"] in f], [], "groups left")


@test
def a_damaged_record_ends_its_module(t):
    daemon, result = survivor(t)
    record = daemon.folder / "instances" / result["instance"]
    daemon.kill()
    data = bytearray(record.read_bytes())
    data[len(data) // 2] ^= 0xff
    for damaged in (bytes(data), data[: len(data) // 2], b""):
        record.write_bytes(damaged)
    daemon.start()
    with daemon.client() as client:
        ids = [i["instance"] for i in client.call("instance.list")["instances"]]
        require(result["instance"] not in ids, "it is not taken over")
        # it was wished to run, and so it does: anew
        until(lambda: [i for i in client.call("instance.list")["instances"]
                       if i["state"] == "ready" and i["generation"] == 2], "its next run")
        client.call("instance.stop", module="server")
    until(lambda: not in_cgroups_of(daemon.id) - {daemon.pid}, "nothing of it runs")
    require(not record.exists(), "the record is gone")


@test
def a_record_of_another_launch_is_not_believed(t):
    """The pid, the start time and the cgroup are right; the launch id that the shim names is not."""
    daemon, result = survivor(t)
    record = daemon.folder / "instances" / result["instance"]
    daemon.kill()
    data = record.read_bytes()
    with_id = bytearray(data)
    # the launch id stands right after the shim's start time: 16 random bytes
    start = int(pathlib.Path(f"/proc/{shim_of(daemon)}/stat").read_text().rsplit(")", 1)[1].split()[19])
    at = data.index(start.to_bytes(8, "little")) + 8
    with_id[at] ^= 0x01
    record.write_bytes(with_id)
    daemon.start()
    with daemon.client() as client:
        until(lambda: show(client, result)["state"] == "stopped", "it was ended")
    until(lambda: not in_cgroups_of(daemon.id) - {daemon.pid}, "nothing of it runs")


@test
def twenty_deaths_in_a_row(t):
    daemon, result = survivor(t)
    for _ in range(20):
        restart(daemon)
        equal(ask(result, "ping"), "pong", "an answer")
    with daemon.client() as client:
        until(lambda: show(client, result)["state"] == "ready", "ready")


@test
def a_module_whose_groups_are_not_the_daemons_own_is_ended(t):
    """Another daemon-id is another place for groups: no sweep of this daemon reaches the old one."""
    daemon, result = survivor(t)
    before = daemon.id
    daemon.kill()
    (daemon.folder / "state" / "daemon-id").unlink()
    daemon.start()
    with daemon.client() as client:
        equal(show(client, result)["state"], "stopped", "the state")
        until(lambda: "instance.lost" in [e["type"] for e in events(client, result)], "it is told")
    require(daemon.id != before, "the daemon has another id")
    until(lambda: not in_cgroups_of(before), "nothing of it runs")
    for folder in sorted(cgroup_folders(before), reverse=True):
        os.rmdir(folder)


@test
def a_shim_that_did_not_run_for_many_deaths_is_taken_over(t):
    daemon, result = survivor(t)
    shim = shim_of(daemon)
    os.kill(shim, signal.SIGSTOP)
    try:
        for _ in range(8):
            restart(daemon)
    finally:
        os.kill(shim, signal.SIGCONT)
    with daemon.client() as client:
        until(lambda: show(client, result)["state"] == "ready", "ready")
        until(lambda: [e["type"] for e in events(client, result)] == ["instance.adopted"],
              "that, and nothing else, is told")


GOODBYE = """
import os, signal, socket
def end(*_):
    os._exit(5)
signal.signal(signal.SIGTERM, end)
server = socket.socket(fileno=3)
while True:
    peer, _ = server.accept()
    peer.close()
"""


@test
def a_stop_before_the_shim_has_answered_lets_the_module_say_goodbye(t):
    daemon = Daemon()
    t.cleanup(daemon.done)
    folder = t.folder(manifest(["/usr/bin/python3", "main.py"], id="polite",
                               entry={"listen": {"socket": "http"}}), {"main.py": GOODBYE})
    with daemon.client() as client:
        result = client.call("instance.start", path=str(folder))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(DEADLINE)
        sock.connect(result["sockets"]["http"])
        equal(sock.recv(1), b"", "it is up, its handler set")
    shim = shim_of(daemon)
    os.kill(shim, signal.SIGSTOP)
    try:
        restart(daemon)
        with daemon.client() as client:
            equal(show(client, result)["state"], "starting", "its shim has not answered")
            waiting = client.send("instance.stop", instance=result["instance"])
            with daemon.client() as other:
                until(lambda: show(other, result)["state"] == "stopping", "stopping")
            os.kill(shim, signal.SIGCONT)
            ended = client.finish(waiting)
    finally:
        try:
            os.kill(shim, signal.SIGCONT)
        except ProcessLookupError:
            pass
    equal(ended["exit"].get("code"), 5, f"the exit: {ended['exit']}")


@test
def a_daemons_death_leaves_no_adoption_socket(t):
    """Killed while modules start: sockets that were bound before their record was written."""
    daemon = Daemon()
    t.cleanup(daemon.done)
    folder = t.folder(manifest(["/usr/bin/python3", "main.py"], id="server",
                               entry={"listen": {"socket": "http"}}), {"main.py": SERVER})
    with daemon.client() as client:
        client.send("instance.start", path=str(folder))
        until(lambda: any((daemon.folder / "shims").iterdir()), "the socket is bound")
        daemon.kill()
    (daemon.folder / "shims" / "0123456789abcdef").touch()
    restart(daemon)
    with daemon.client() as client:
        live = {i["instance"] for i in client.call("instance.list")["instances"]
                if i["state"] != "stopped"}
    require({f.name for f in (daemon.folder / "shims").iterdir()} <= live, "sockets of nobody")


@test(slow=True)
def a_oneshot_has_no_more_time_for_the_daemons_deaths(t):
    daemon = Daemon()
    t.cleanup(daemon.done)
    folder = t.folder(manifest(["/usr/bin/python3", "main.py"], id="oneshot",
                               entry={"mode": "oneshot"},
                               limits={"wallTimePerRequest": "6s"}),
                      {"main.py": "import time\ntime.sleep(1000)\n"})
    with daemon.client() as client:
        result = client.call("instance.start", path=str(folder))
    began = time.monotonic()
    while time.monotonic() - began < 5:
        restart(daemon)
    with daemon.client() as client:
        ended = client.call("instance.wait", instance=result["instance"])
    took = time.monotonic() - began
    equal(ended["exit"]["cause"], "deadline", "the cause")
    require(took < 10, f"6 s were {took:.1f} s")


@test
def an_end_that_the_dead_daemon_had_not_read_is_told_by_the_next(t):
    """A daemon that hangs is killed by its watchdog; what lay in its sockets dies with it."""
    daemon, result = survivor(t)
    shim = shim_of(daemon)
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        ask(result, "exit7")
    except (ConnectionError, socket.timeout):
        pass
    until(lambda: in_cgroups_of(daemon.id) - {daemon.pid} == {shim}, "the module has ended")
    restart(daemon)
    with daemon.client() as client:
        ended = client.call("instance.wait", instance=result["instance"])
        equal(ended["exit"].get("code"), 7, f"the exit: {ended['exit']}")
    until(lambda: not in_cgroups_of(daemon.id) - {daemon.pid}, "nothing of it is left")
