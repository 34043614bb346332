# SPDX-License-Identifier: GPL-2.0-or-later
"""Starting and ending: modules, the shim, the daemon, and what each leaves behind."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from harness import (Census, Client, Daemon, Failure, RpcError, build_dir, equal, manifest, require,
                     test, until)
from harness.census import cgroup_folders, describe, descendants, in_cgroups_of
from harness.client import Closed
from harness.daemon import default_config
from harness.wait import DEADLINE

STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""

FORKING = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        print("ready", flush=True)
        time.sleep(600)
    os._exit(0)
time.sleep(600)
"""


def view(t, running):
    return t.client.call("instance.show", instance=running.instance)


def parent(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


@test
def start_answers_what_a_backend_needs(t):
    folder = t.folder(manifest(["/bin/sleep", "60"], entry={"listen": {"socket": "http"}}))
    result = t.start(folder, labels={"order": "17"}).result
    require(8 <= len(result["instance"]) <= 16 and int(result["instance"], 16) >= 0, str(result))
    equal((result["state"], result["already"], result["version"], result["generation"]),
          ("ready", False, "1.0.0", 1), "state, already, version, generation")
    equal(len(result["policy"]), 64, "the policy's hash")
    path = result["sockets"]["http"]
    require(len(path) < 100, f"a socket path of {len(path)} bytes")
    equal(os.stat(path).st_mode & 0o777, 0o660, "the socket's mode")
    listed = t.client.call("instance.list")["instances"]
    equal([i["labels"] for i in listed if i["instance"] == result["instance"]],
          [{"order": "17"}], "labels")
    kinds = [e["type"] for e in t.client.of(result["instance"])]
    require("instance.started" in kinds, f"events of a start: {kinds}")


@test
def start_without_waiting_answers_at_once(t):
    folder = t.folder(manifest(["/bin/sleep", "60"]))
    running = t.start(folder, wait="no")
    until(lambda: view(t, running)["state"] == "ready", "it becomes ready")
    broken = t.start(t.folder(manifest(["./absent"], id="broken")), wait="no")
    until(lambda: view(t, broken)["state"] == "failed", "it fails")
    equal(view(t, broken)["error"]["reason"], "command-not-found", "why it failed")


@test
def stop_asks_first(t):
    code = "import os, signal, sys, time\n" \
           "signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b'bye\\n'), sys.exit(0)))\n" \
           "print('ready', flush=True)\ntime.sleep(600)"
    running = t.launch(["/usr/bin/python3", "main.py"], {"main.py": code})
    equal(running.read_line(), "ready\n", "the module")
    start = time.monotonic()
    answer = running.stop()
    took = time.monotonic() - start
    equal(answer["state"], "stopped", "the state in the answer")
    done = running.finish()
    equal((done.stdout, done.code), ("bye\n", 0), "its last word and exit code")
    require(took < 4, f"a willing module took {took:.1f} s of a stopTimeout of 5 s")
    equal(running.stop()["state"], "stopped", "stopping again succeeds")


@test
def stop_kills_after_the_stop_timeout(t):
    running = t.launch(["/usr/bin/python3", "main.py"], {"main.py": STUBBORN},
                       entry={"stopTimeout": "2s"})
    equal(running.read_line(), "ready\n", "the module")
    start = time.monotonic()
    running.stop()
    took = time.monotonic() - start
    exited = running.wait()
    equal((exited.get("signal"), exited["cause"]), (9, "stopped"), f"its end: {exited}")
    require(1.5 < took < 15, f"killed after {took:.1f} s with a stopTimeout of 2 s")


@test
def nothing_outlives_the_main_process(t):
    running = t.launch(["/usr/bin/python3", "main.py"], {"main.py": FORKING})
    equal(running.read_line(), "ready\n", "the daemonised grandchild")
    before = descendants(t.daemon.pid)
    require(len(before) >= 3, f"{len(before)} processes: shim, module, grandchild")
    os.kill(view(t, running)["pid"], signal.SIGKILL)
    exited = running.wait()
    equal((exited.get("signal"), exited["cause"]), (9, "signal"), f"its end: {exited}")
    until(lambda: not before & in_cgroups_of(t.daemon.id), "the grandchild is gone")


@test
def killed_shim_ends_its_module(t):
    running = t.launch(["/usr/bin/python3", "main.py"], {"main.py": STUBBORN})
    equal(running.read_line(), "ready\n", "the module")
    pid = view(t, running)["pid"]
    os.kill(parent(pid), signal.SIGKILL)
    exited = running.wait()
    equal(exited["cause"], "shim-lost", f"its end: {exited}")
    until(lambda: not os.path.exists(f"/proc/{pid}"), "the module is gone")


@test
def attached_instance_ends_with_its_connection(t):
    client = t.new_client()
    client.subscribe()
    running = t.start(t.folder(manifest(["/bin/sleep", "600"])), client=client, attached=True)
    pid = view(t, running)["pid"]
    client.close()
    until(lambda: not os.path.exists(f"/proc/{pid}"), "the module is gone")
    t.client.event(lambda e: e.get("instance") == running.instance
                   and e["type"] == "instance.exited", "its exit event")


@test
def caller_that_leaves_in_the_middle_leaves_nothing(t):
    """Gone at any moment between the request and the answer: the streams made for it go too (the
    census afterwards)."""
    folder = t.folder(manifest(["/bin/sleep", "600"]))
    for step in range(12):
        client = t.new_client()
        client.send("instance.start", path=str(folder), wait="spawned", stdio="pipe", attached=True,
                    tenant=f"t{step}")
        time.sleep(0.004 * step)  # not a wait: which moment is hit is the point
        client.close()
    until(lambda: all(i["state"] in ("stopped", "failed")
                      for i in t.client.call("instance.list")["instances"]), "all are over")


@test
def inherited_descriptors_never_reach_a_module(t):
    """The caller's own files stay the caller's, whatever it holds open."""
    with open(t.scratch / "secret", "w+", encoding="ascii") as secret:
        os.set_inheritable(secret.fileno(), True)
        done = t.shell("ls /proc/self/fd | wc -l; readlink /proc/self/fd/*; exit 0").succeeded()
        require("secret" not in done.stdout, done.stdout)


@test
def hundred_starts_leave_nothing(t):
    folder = t.folder(manifest(["/bin/true"]))
    before = Census(t.daemon)
    times = []
    for _ in range(100):
        start = time.monotonic()
        running = t.client.call("instance.start", path=str(folder), wait="spawned")
        t.client.call("instance.wait", instance=running["instance"])
        times.append((time.monotonic() - start) * 1000)
    times.sort()
    t.say(f"100 starts of /bin/true, from request to exit: p50 {times[50]:.1f} ms, "
          f"p99 {times[98]:.1f} ms")
    until(lambda: not before.difference(Census(t.daemon)),
          lambda: before.difference(Census(t.daemon)))


@test
def many_instances_at_once(t):
    folder = t.folder(manifest(["/bin/sleep", "600"]))
    idents = [t.client.send("instance.start", path=str(folder), tenant=f"t{i}", wait="spawned")
              for i in range(12)]
    started = [t.client.finish(i)["instance"] for i in idents]
    equal(len(set(started)), 12, "instances")
    page = t.client.call("instance.list", limit=5)
    seen = [i["instance"] for i in page["instances"]]
    while page["next"] is not None:
        page = t.client.call("instance.list", limit=5, cursor=page["next"])
        seen += [i["instance"] for i in page["instances"]]
    require(set(started) <= set(seen), "instances missing in the pages of the list")
    for ident in [t.client.send("instance.stop", instance=i) for i in started]:
        t.client.finish(ident, DEADLINE * 2)


def other_daemon(t, **kwargs):
    daemon = Daemon(**kwargs)
    t.cleanup(daemon.done)
    return daemon


@test
def daemon_that_is_told_to_stop_leaves_nothing(t):
    daemon = other_daemon(t)
    before = {"cgroups": cgroup_folders(daemon.id)}
    with daemon.client() as client:
        for name, code in (("stubborn", STUBBORN), ("forking", FORKING)):
            folder = t.folder(manifest(["/usr/bin/python3", "main.py"], id=name,
                                       entry={"stopTimeout": "1s"}), {"main.py": code})
            client.call("instance.start", path=str(folder), wait="spawned")
        pids = descendants(daemon.pid)
        require(len(pids) >= 4, f"{len(pids)} processes before the end")
        require(len(cgroup_folders(daemon.id)) > len(before["cgroups"]), "no groups were made")
    equal(daemon.terminate(), 0, "exit status")
    left = [describe(p) for p in pids | in_cgroups_of(daemon.id) if os.path.exists(f"/proc/{p}")]
    equal(left, [], "processes")
    equal(cgroup_folders(daemon.id), [], "cgroups")
    mounts = pathlib.Path("/proc/self/mountinfo").read_text()
    require(str(daemon.folder) not in mounts and daemon.id not in mounts, "mounts")
    require(not daemon.socket.exists(), "the control socket")


@test
def upgrade_of_the_helpers_does_not_stop_starts(t):
    """A package manager renames the new file over the old one, under the running daemon."""
    libexec = t.scratch / "libexec"
    libexec.mkdir(mode=0o755)
    for name in ("modsup-shim", "modsup-inspect"):
        shutil.copy2(build_dir() / name, libexec / name)

    class Installed(Daemon):
        def command(self):
            return super().command()[:-1] + [str(libexec)]

    daemon = Installed()
    t.cleanup(daemon.done)
    folder = t.folder(manifest(["/bin/true"], entry={"mode": "oneshot"}))
    with daemon.client() as client:
        for _ in range(2):
            result = client.call("instance.start", path=str(folder), wait="spawned")
            client.call("instance.wait", instance=result["instance"])
            for name in ("modsup-shim", "modsup-inspect"):
                shutil.copy2(libexec / name, libexec / "new")
                os.rename(libexec / "new", libexec / name)


@test
def id_that_owns_files_is_nobody_elses(t):
    """Its module does not run, nor its daemon: another on the same eight ids has seven of them, and
    each instance takes two."""
    config = dict(json.loads(default_config() or "{}"), maxInstances=4,
                  ids={"first": 1950000000 + os.getpid() % 10000 * 8, "count": 8})
    owner = other_daemon(t, config=json.dumps(config))
    with owner.client() as client:
        folder = t.folder(manifest(["/bin/true"], entry={"mode": "oneshot"},
                                   permissions={"fs": {"write": ["./cache"]}}))
        began = client.call("instance.start", path=str(folder), wait="spawned")
        client.call("instance.wait", instance=began["instance"])
    uid = next((owner.folder / "state/installations").glob("*/uid")).read_text()
    other = other_daemon(t, config=json.dumps(config))
    given = set()
    with other.client() as client:
        for turn in range(3):
            started = client.call("instance.start", wait="spawned", path=str(
                t.folder(manifest(["/bin/sleep", "600"], id=f"turn-{turn}"))))
            status = pathlib.Path(f"/proc/{started['pid']}/status").read_text()
            given.add(status.split("Uid:")[1].split()[0])
        folder = t.folder(manifest(["/bin/sleep", "600"], id="one-more"))
        for _ in range(2):
            error = client.refused("instance.start", wait="spawned", path=str(folder))
            equal(error.reason, "host-full", f"the reason of {error}")
            equal(owner.terminate(), 0, "exit status of the owner")
    require(uid not in given and len(given) == 3, f"{uid} owns files; given out: {sorted(given)}")


@test
def second_daemon_in_one_folder_is_refused(t):
    done = subprocess.run(t.daemon.command(), capture_output=True, timeout=DEADLINE, check=False)
    require(done.returncode != 0, "a second modsupd in the same folder runs")
    text = done.stderr.decode()
    require(str(t.daemon.folder) in text or "already" in text, f"what it says: {text}")
    t.client.call("supervisor.info")
    with t.daemon.client() as client:
        client.call("supervisor.info")


@test
def stale_socket_is_replaced(t):
    daemon = other_daemon(t)
    daemon.kill()
    require(daemon.socket.exists(), "the killed daemon left its socket")
    daemon.start()
    daemon.terminate()
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(daemon.socket))
    stale.close()
    daemon.start()


@test
def several_daemons_do_not_disturb_each_other(t):
    daemons = [other_daemon(t) for _ in range(3)]
    equal(len({d.id for d in daemons}), 3, "ids of daemons")
    folder = t.folder(manifest(["/bin/sleep", "600"]))
    uids = set()
    for daemon in daemons:
        with daemon.client() as client:
            pid = client.call("instance.start", path=str(folder), wait="spawned")["pid"]
            uids.add(pathlib.Path(f"/proc/{pid}/status").read_text().split("Uid:")[1].split()[0])
    equal(len(uids), 3, f"different ids of the three modules ({uids})")
    equal(daemons[0].terminate(), 0, "exit status of the first")
    for daemon in daemons[1:]:
        with daemon.client() as client:
            equal([i["state"] for i in client.call("instance.list")["instances"]], ["ready"],
                  "instances of the others")


@test
def runtime_folder_that_cannot_be_is_refused(t):
    for folder in ("/proc/nothing", "/dev/null/x"):
        command = t.daemon.command()
        command[command.index("--private") + 1] = folder
        done = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False)
        require(done.returncode not in (0, -6, -11), f"{folder}: exit {done.returncode}")
        require(folder in done.stderr.decode(), f"{folder}: {done.stderr.decode()!r}")


@test
def wrong_configuration_is_told_with_its_place(t):
    folder = t.scratch / "private"
    folder.mkdir()
    (folder / "modsupd.json").write_text('{\n  "maxInstanses": 3,\n  "defaultTier": 7\n}\n')
    command = t.daemon.command()
    command[command.index("--private") + 1] = str(folder)
    done = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False)
    require(done.returncode > 0, f"exit {done.returncode}")
    text = done.stderr.decode()
    require("modsupd.json:2" in text and "modsupd.json:3" in text, f"both errors: {text}")
    require("maxInstances" in text, f"the nearest key: {text}")


@test
def peers_cannot_hold_the_daemon_up(t):
    idle = [t.new_client() for _ in range(20)]
    half = socket.socket(socket.AF_UNIX)
    half.connect(str(t.daemon.socket))
    half.sendall(b'{"jsonrpc":"2.0","id":1,')
    start = time.monotonic()
    t.client.call("supervisor.info")
    require(time.monotonic() - start < 5, "an idle peer delays the others")
    half.close()
    for client in idle:
        client.call("supervisor.info")


@test
def connections_are_capped(t):
    clients, refused = [], False
    try:
        for _ in range(100):
            clients.append(Client(t.daemon.socket))
    except (Closed, ConnectionRefusedError, ConnectionResetError, BrokenPipeError):
        refused = True
    except Exception as error:  # pylint: disable=broad-except
        refused = "busy" in str(error) or "hello" in str(error)
        require(refused, repr(error))
    finally:
        for client in clients:
            client.close()
    require(refused and len(clients) >= 32, f"{len(clients)} connections, refused: {refused}")
    def connects():
        try:
            Client(t.daemon.socket).close()
        except (Closed, OSError):
            return False
        return True
    until(connects, "a connection afterwards")


def inspector_of(daemon):
    """modsupd's own one-shot, while it looks at a bundle."""
    for pid in in_cgroups_of(daemon.id):
        try:
            if pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/run/modsup/program"):
                return pid
        except (FileNotFoundError, ProcessLookupError):
            pass
    return None


@test(slow=True)
def an_inspector_that_stands_still_is_ended(t):
    """A bundle that holds its inspector up holds nothing else up for ever. The bundle is large so that
    the inspector is met at work."""
    daemon = other_daemon(t)
    folder = t.folder(manifest(["/bin/true"]), {f"d{n // 500}/f{n}": "" for n in range(20000)})
    with daemon.client() as client:
        ident = client.send("instance.start", path=str(folder), wait="spawned", timeout="5m")
        pid = until(lambda: inspector_of(daemon), "the inspector", step=0.001)
        os.kill(pid, signal.SIGSTOP)
        try:
            client.finish(ident, timeout=DEADLINE + 60)
            raise Failure("a start whose inspector stands still succeeded")
        except RpcError as error:
            equal(error.reason, "deadline", f"the reason of {error}")
    until(lambda: not in_cgroups_of(daemon.id) - {daemon.pid}, "nothing of it runs")
