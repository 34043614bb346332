# SPDX-License-Identifier: GPL-2.0-or-later
"""modsupctl's verbs for the life of modules: start, stop, restart, kill, wait, status, show, list, as
an operator types them: several at once, exit codes, what the screen says, and nothing wider than it."""
import fcntl
import json
import os
import pathlib
import pty
import select
import struct
import subprocess
import termios
import time

from harness import Daemon, build_dir, equal, manifest, require, test, until
from harness.daemon import default_config
from harness.wait import DEADLINE

CONFIG = json.dumps({**json.loads(default_config() or "{}"),
                     "restart": {"delay": "20ms", "maxDelay": "10m", "startLimit": 3}})
SLEEP = ["/bin/sleep", "600"]


def ctl(t, *words, daemon=None, **kwargs):
    command = [str(build_dir() / "modsupctl"), "--private", str((daemon or t.daemon).folder)]
    return subprocess.run(command + [str(w) for w in words], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=DEADLINE * 3, cwd=kwargs.pop("cwd", "/"), **kwargs)


def ok(done, code=0):
    equal(done.returncode, code, f"exit code of {done.args[3:]}: {done.stdout} {done.stderr}")
    return done.stdout


def script(t, name, text, **changes):
    return t.folder(manifest(["/bin/sh", "main.sh"], id=name, **changes), {"main.sh": text})


def view(t, module, **params):
    return t.client.call("instance.show", module=module, **params)


def in_state(t, module, *states):
    """Once it is there at all: its name is known when its manifest has been read."""
    def latest():
        found = [i for i in t.client.call("instance.list", limit=500)["instances"] if i.get("module") == module]
        return found and found[-1]["state"] in states and found[-1]
    return until(latest, f"{module} is one of {states}")


def on_screen(t, *words, columns=80, env=None):
    """The same on a terminal so wide: what it writes, without the carriage returns of the terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm"} | (env or {})
    process = subprocess.Popen([str(build_dir() / "modsupctl"), "--private", str(t.daemon.folder),
                                *map(str, words)], stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    text, end = b"", time.monotonic() + DEADLINE
    try:
        while time.monotonic() < end:
            if select.select([master], [], [], 0.5)[0]:
                try:
                    data = os.read(master, 65536)
                except OSError:
                    break
                if not data:
                    break
                text += data
    finally:
        process.kill()
        process.wait(DEADLINE)
        os.close(master)
    return text.decode().replace("\r\n", "\n")


def narrow(text, columns=80):
    for line in text.splitlines():
        require(len(line) <= columns, f"{len(line)} columns: {line!r}")


@test
def several_at_once(t):
    folders = [t.folder(manifest(SLEEP, id=f"many-{n}")) for n in range(3)]
    ok(ctl(t, "start", *folders))
    pids = {view(t, f"many-{n}")["pid"] for n in range(3)}
    equal(len(pids), 3, "processes")
    done = ctl(t, "stop", "many-0", "absent", "many-1")
    equal(done.returncode, 3, f"one of three is not there: {done.stderr}")
    require("stop absent:" in done.stderr, f"which one: {done.stderr}")
    equal(sorted(line.split()[0] for line in done.stdout.splitlines()), ["many-0", "many-1"], "told")
    for n in (0, 1):
        equal(view(t, f"many-{n}")["state"], "stopped", f"many-{n}")
    equal(view(t, "many-2")["state"], "ready", "the one that was not named")
    done = ctl(t, "--json", "stop", "many-2", "absent")
    equal(done.returncode, 3, "with --json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    equal(sorted("error" in line for line in lines), [False, True], f"one JSON text a line: {lines}")


@test
def all_or_names_but_not_both(t):
    for n in range(2):
        t.start(t.folder(manifest(SLEEP, id=f"every-{n}")))
    for words in (("stop",), ("stop", "--all", "every-0"), ("restart", "--all", "--outdated"),
                  ("restart", "--outdated", "every-0"), ("kill",), ("kill", "--all"), ("start",)):
        done = ctl(t, *words)
        equal(done.returncode, 2, f"{words}: {done.stdout} {done.stderr}")
    equal([view(t, f"every-{n}")["state"] for n in range(2)], ["ready"] * 2, "nothing was done")
    require("nothing that runs is outdated" in ok(ctl(t, "restart", "--outdated")), "outdated")
    pids = [view(t, f"every-{n}")["pid"] for n in range(2)]
    ok(ctl(t, "restart", "--all"))
    require(not set(pids) & {view(t, f"every-{n}")["pid"] for n in range(2)}, "the same processes")
    out = ok(ctl(t, "stop", "--all"))
    require("every-0 stopped" in out and "every-1 stopped" in out, out)
    equal([view(t, f"every-{n}")["state"] for n in range(2)], ["stopped"] * 2, "all")
    require("nothing is running" in ok(ctl(t, "stop", "--all")), "again")


@test
def more_than_go_at_once(t):
    """A connection has 64 requests on their way at most; all of them are stopped all the same."""
    folder = t.folder(manifest(SLEEP, id="crowd", limits={"memory": "16M"}))
    for n in range(70):
        t.client.call("instance.start", path=str(folder), tenant=f"t{n}", wait="no")
    until(lambda: len([i for i in t.client.call("instance.list", limit=500)["instances"]
                       if i["state"] == "ready" and i.get("module") == "crowd"]) == 70, "all of them run",
          timeout=DEADLINE * 4)
    out = ok(ctl(t, "stop", "--all"))
    told = {line.split()[0] for line in out.splitlines()}
    equal(told, {f"crowd@t{n}" for n in range(70)}, "who was told of")
    require(all(i["state"] == "stopped" for i in t.client.call("instance.list", limit=500)["instances"]
                if i.get("module") == "crowd"), "all have stopped")


@test
def wrong_words_are_told_before_anything_is_done(t):
    t.start(t.folder(manifest(SLEEP, id="stays")))
    done = ctl(t, "stop", "stays", "../x")
    equal(done.returncode, 2, f"{done.stdout} {done.stderr}")
    require("MODULE@TENANT" in done.stderr, f"what to write: {done.stderr}")
    equal(view(t, "stays")["state"], "ready", "the other one")


@test
def start_by_name(t):
    modules = t.scratch / "modules"
    modules.mkdir(mode=0o755)
    daemon = Daemon(config=json.dumps({**json.loads(CONFIG), "moduleFolders": [str(modules)]}))
    t.cleanup(daemon.done)
    t.folder(manifest(SLEEP, id="by-name"), name="modules/by-name")
    out = ok(ctl(t, "start", "by-name", "by-name@acme", daemon=daemon))
    require("tenant     acme" in out and "tenant     default" in out, out)
    out = ok(ctl(t, "start", "by-name", daemon=daemon))
    require("was running already" in out, f"a second time: {out}")
    done = ctl(t, "start", "by-name@acme", "--tenant", "other", daemon=daemon)
    equal(done.returncode, 2, f"two tenants: {done.stderr}")
    ok(ctl(t, "start", "by-name", "--tenant", "third", daemon=daemon))
    equal(sorted(ok(ctl(t, "list", "--names", daemon=daemon)).split()),
          ["by-name", "by-name@acme", "by-name@third"], "names")
    done = ctl(t, "start", "no-such", daemon=daemon)
    equal(done.returncode, 3, f"unknown: {done.stderr}")
    require("moduleFolders" in done.stderr, f"where it was looked for: {done.stderr}")
    (t.scratch / "no-such").mkdir()
    done = ctl(t, "start", "no-such", daemon=daemon, cwd=t.scratch)
    require("modsupctl start ./no-such" in done.stderr, f"the folder of that name: {done.stderr}")
    ok(ctl(t, "stop", "--all", daemon=daemon))


@test
def restart_keeps_the_sockets(t):
    folder = t.folder(manifest(SLEEP, id="again", entry={"listen": {"socket": "http"}}))
    t.start(folder)
    before = view(t, "again")
    out = ok(ctl(t, "restart", "again"))
    after = view(t, "again")
    require(before["pid"] != after["pid"], "the same process")
    equal(after["sockets"], before["sockets"], "its sockets")
    equal(after["generation"], before["generation"] + 1, "runs")
    require(f"socket     http {after['sockets']['http']}" in out, out)
    ok(ctl(t, "stop", "again"))
    ok(ctl(t, "restart", "again"))
    equal(view(t, "again")["state"], "ready", "one that was stopped")
    done = ctl(t, "restart", "absent")
    equal(done.returncode, 3, done.stderr)


@test
def restart_that_is_not_ready_in_time(t):
    folder = script(t, "slow", "sleep 600", entry={"readiness": "notify", "startTimeout": "60s"})
    t.start(folder, wait="spawned")
    start = time.monotonic()
    done = ctl(t, "restart", "--timeout", "1s", "slow")
    equal(done.returncode, 124, f"exit code: {done.stderr}")
    require(time.monotonic() - start < DEADLINE, "it took longer than asked")
    ok(ctl(t, "restart", "--wait", "spawned", "slow"))
    ok(ctl(t, "restart", "--wait", "no", "slow"))


@test
def wait_has_an_end(t):
    t.start(t.folder(manifest(SLEEP, id="endless")))
    done = ctl(t, "wait", "--timeout", "300ms", "endless")
    require("endless has not ended within the time given" in done.stderr, f"what happened: {done.stderr}")
    equal(done.returncode, 124, f"{done.stdout} {done.stderr}")
    ok(ctl(t, "stop", "--timeout", "1m", "endless"))
    require("endless stopped" in ok(ctl(t, "wait", "endless")), "how it ended")


@test
def kill_and_signals(t):
    folder = script(t, "trapped", "trap 'echo hup >&2' HUP\ntrap 'exit 7' USR1\necho up >&2\n"
                    "while :; do sleep 0.05; done\n", entry={"restart": "never"})
    running = t.start(folder)

    def said(word):
        lines = t.client.call("instance.logs", instance=running.instance, **{"as": "inline"})["lines"]
        return sum(line["text"] == word for line in lines)
    until(lambda: said("up"), "it has set its traps")
    for n, word in enumerate(("HUP", "sighup", "1"), 1):
        require("trapped was sent SIGHUP" in ok(ctl(t, "kill", "-s", word, "trapped")), word)
        until(lambda n=n: said("hup") == n, f"it heard {word}")
    for word in ("HUPP", "64", "SEGV", ""):
        done = ctl(t, "kill", "-s", word, "trapped")
        equal(done.returncode, 2, f"{word}: {done.stderr}")
        require("USR1" in done.stderr, f"what is accepted: {done.stderr}")
    require("did you mean HUP?" in ctl(t, "kill", "--signal", "HUPP", "trapped").stderr, "the nearest")
    equal(view(t, "trapped")["state"], "ready", "so far")
    ok(ctl(t, "kill", "-s", "USR1", "trapped"))
    equal(in_state(t, "trapped", "stopped", "failed")["exit"]["code"], 7, "its own code")
    done = ctl(t, "kill", "-s", "HUP", "trapped")
    equal(done.returncode, 1, f"nothing is left to signal: {done.stderr}")
    require("not-running" in done.stderr, done.stderr)


@test
def kill_ends_all_of_it_for_good(t):
    folder = script(t, "stubborn", "trap '' TERM\nsetsid sleep 600 &\nsleep 600\n", entry={"restart": "always"})
    t.start(folder)
    start = time.monotonic()
    require("stubborn stopped, by SIGKILL" in ok(ctl(t, "kill", "stubborn")), "what it tells")
    require(time.monotonic() - start < DEADLINE, "it was asked first")
    equal(view(t, "stubborn")["state"], "stopped", "and not started again")


@test
def status_of_one_that_runs(t):
    folder = t.folder(manifest(SLEEP, id="fine", entry={"listen": {"socket": "http"}}))
    t.start(folder, tenant="acme")
    out = ok(ctl(t, "status", "fine@acme"))
    require(out.startswith("fine@acme 1.0.0: ready\n"), out)
    require("s ago\n" in out and "http" in out and "because" not in out and "next:" not in out, out)
    told = json.loads(ok(ctl(t, "--json", "status", "fine@acme")))
    equal((told["why"], told["text"], told["commands"]), ("ready", "", []), "for programs")
    equal(told["instance"]["state"], "ready", "the instance")


@test
def status_of_one_that_crashes(t):
    lines = "".join(f"echo line {n} >&2\n" for n in range(30))
    folder = script(t, "crashes", lines + "unshare --user true\nchroot /tmp true\nexit 3\n",
                    entry={"restart": "on-failure"})
    t.start(folder, wait="no")
    in_state(t, "crashes", "failed")
    out = ok(ctl(t, "status", "crashes"))
    require(out.startswith("crashes 1.0.0: failed\n"), out)
    require("it was started 3 times within" in out and "did not stay up" in out, f"why: {out}")
    told = [line[4:] for line in out.splitlines() if line.startswith("  | ")]
    equal(len(told), 20, f"lines: {told}")
    require("line 29" in told and "line 5" not in told, f"the last ones: {told}")
    require("unshare(CLONE_NEWUSER) by unshare: blocked, 3 times" in out, f"refused: {out}")
    require("remedy: " in out, out)
    for verb in ("logs", "restart"):
        require(f"\n  modsupctl --private {t.daemon.folder} {verb} crashes\n" in out, f"what to type: {out}")
    told = json.loads(ok(ctl(t, "--json", "status", "crashes")))
    equal(told["why"], "start-limit", "the word")
    require(told["refused"] >= 3 and told["denials"] and len(told["stderr"]) == 20, str(told)[:500])
    # what it says to type works
    command = [c for c in told["commands"] if " restart " in c][0].split()
    subprocess.run([str(build_dir() / "modsupctl"), *command[1:]], capture_output=True, timeout=DEADLINE * 2,
                   check=False)
    require(view(t, "crashes")["generation"] > 3, "it was started anew")


@test
def status_of_one_that_waits(t):
    daemon = Daemon(config=json.dumps({**json.loads(CONFIG), "restart": {"delay": "1h", "maxDelay": "1h"}}))
    t.cleanup(daemon.done)
    folder = script(t, "waits", "echo no luck >&2\nexit 4\n", entry={"restart": "on-failure"})
    done = ctl(t, "start", folder, daemon=daemon)
    client = daemon.client()
    t.clients.append(client)
    until(lambda: client.call("instance.show", module="waits")["state"] == "backoff", f"it waits {done.stderr}")
    out = ok(ctl(t, "status", "waits", daemon=daemon))
    require(out.startswith("waits 1.0.0: backoff\n"), out)
    words = " ".join(out.split())
    require("it ended (exit code 4); it is started again at 20" in words and ", in " in words, out)
    require("  | no luck" in out, out)
    row = [line for line in ok(ctl(t, "list", daemon=daemon)).splitlines() if line.startswith("waits")][0].split()
    equal(row[2:6], ["backoff", "exit", "code", "4"], "state and reason in the list")
    require(row[7].endswith("m") or "h" in row[7] or row[7].endswith("s"), f"when it goes on: {row}")
    ok(ctl(t, "restart", "--wait", "no", "waits", daemon=daemon))
    until(lambda: client.call("instance.show", module="waits")["generation"] == 2, "it did not wait")
    until(lambda: client.call("instance.show", module="waits")["state"] == "backoff", "it waits again")
    ok(ctl(t, "stop", "waits", daemon=daemon))


@test
def status_of_one_that_cannot_start(t):
    folder = t.folder(manifest(["./absent"], id="cannot"))
    done = ctl(t, "--json", "start", folder)
    equal(done.returncode, 1, f"start: {done.stderr}")
    one = json.loads(done.stdout)["error"]["data"]["instance"]
    out = ok(ctl(t, "status", one))
    require(out.startswith(f"{one}: failed\n") and "at step inspect: " in out, out)
    require("\n  hint " in out and " validate DIR\n" in out and " start DIR\n" in out, out)
    equal(json.loads(ok(ctl(t, "--json", "status", one)))["why"], "command-not-found", "the word")


@test
def status_of_one_that_is_unhealthy(t):
    code = ("import socket\n"
            "s = socket.socket(fileno=3)\n"
            "while True:\n"
            "    c = s.accept()[0]\n"
            "    c.recv(4096)\n"
            "    c.sendall(b'HTTP/1.0 503 Busy\\r\\n\\r\\n')\n"
            "    c.close()\n")
    health = {"http": "/healthz", "interval": "1s", "failures": 1, "then": "report"}
    t.start(t.folder(manifest(["/usr/bin/python3", "main.py"], id="ailing",
                              entry={"listen": {"socket": "http"}, "health": health}), {"main.py": code}))
    in_state(t, "ailing", "unhealthy")
    out = ok(ctl(t, "status", "ailing"))
    require("ailing 1.0.0: unhealthy\n" in out, out)
    require("its health check fails: 1 in a row, answered with 503" in " ".join(out.split()), out)


@test
def status_tells_its_own_words_from_the_modules(t):
    words = "more than 1 MiB a second: 9 bytes dropped"
    code = (f"import signal, sys\nsys.stderr.write('{words}\\n')\n"
            "sys.stderr.write(('x' * 1023 + '\\n') * 16384)\nsys.stderr.flush()\nsignal.pause()\n")
    t.start(t.folder(manifest(["/usr/bin/python3", "main.py"], id="babbler"), {"main.py": code}))
    until(lambda: "  - more than" in ok(ctl(t, "status", "babbler")), "the note of what is missing")
    code = code.replace("16384", "1")
    t.start(t.folder(manifest(["/usr/bin/python3", "main.py"], id="mimic"), {"main.py": code}))
    out = until(lambda: words in (o := ok(ctl(t, "status", "mimic"))) and o, "the words of the module")
    require("  | " + words in out and "  - " not in out, out)


@test
def status_of_one_that_is_stopped(t):
    t.start(t.folder(manifest(SLEEP, id="halted")))
    ok(ctl(t, "stop", "halted"))
    out = ok(ctl(t, "status", "halted"))
    require("halted 1.0.0: stopped\n" in out and "somebody stopped it" in out and " restart halted\n" in out, out)
    t.start(script(t, "job", "exit 0", entry={"mode": "oneshot"}))
    t.client.call("instance.wait", module="job")
    require("it ended (exit code 0)" in ok(ctl(t, "status", "job")), "one that has done its work")


@test
def status_of_none(t):
    out = ok(ctl(t, "status", "unheard-of"), 3)
    require(out.startswith("unheard-of: not started\n") and " start unheard-of\n" in out, out)
    told = json.loads(ok(ctl(t, "--json", "status", "unheard-of"), 3))
    equal((told["why"], told["instance"]), ("not-started", None), "for programs")
    equal(ctl(t, "status", "not a name").returncode, 2, "no name at all")


@test
def status_in_an_emergency(t):
    daemon = Daemon(config=CONFIG)
    t.cleanup(daemon.done)
    folder = t.folder(manifest(SLEEP, id="held"))
    ok(ctl(t, "start", folder, daemon=daemon))
    client = daemon.client()
    t.clients.append(client)
    client.call("emergency.stop", reason="fire in rack 7")
    until(lambda: client.call("instance.show", module="held")["state"] not in ("ready", "stopping"), "it ends")
    out = ok(ctl(t, "status", "held", daemon=daemon))
    require("the emergency flag is up" in out and "fire in rack 7" in " ".join(out.split()), out)
    require("emergency lift\n" in out, out)
    for verb in (["status"], ["emergency", "status"], ["emergency", "stop", "--yes", "--reason", "again"]):
        out = " ".join(ctl(t, *verb, daemon=daemon).stdout.split())
        require(f"modsupctl --private {daemon.folder} emergency lift" in out, f"{verb}: as typed: {out}")
    out = ok(ctl(t, "status", daemon=daemon))
    require("EMERGENCY" in out and "fire in rack 7" in " ".join(out.split()), out)
    done = ctl(t, "start", folder, daemon=daemon)
    equal(done.returncode, 5, f"denied: {done.stderr}")
    client.call("emergency.lift")
    require("EMERGENCY" not in ok(ctl(t, "status", daemon=daemon)), "it was lifted")


@test
def status_of_the_supervisor(t):
    t.start(t.folder(manifest(SLEEP, id="counted")))
    out = ok(ctl(t, "status"))
    require(out.startswith("modsupd ") and f"process {t.daemon.pid}, private" in out, out)
    require(f"{t.daemon.folder}/control.sock" in out and "1 ready" in out and "cgroups" in out, out)
    require("0 wait for their turn" in out, f"the start queue: {out}")
    require(" known: " in out, f"earlier runs are counted, too: {out}")
    told = json.loads(ok(ctl(t, "--json", "status")))
    equal(told["supervisor"]["pid"], t.daemon.pid, "for programs")
    require(told["instances"]["ready"] >= 1 and told["host"]["checks"], str(told)[:300])
    equal(ctl(t, "--private", "/nonexistent", "status").returncode, 4, "none there")


@test
def show_tells_everything(t):
    folder = script(t, "shown", "echo last words >&2\nexit 9\n", entry={"restart": "never"},
                    limits={"memory": "1G"})
    t.start(folder, labels={"order": "17"})
    t.client.call("instance.wait", module="shown")
    full, out = view(t, "shown"), ok(ctl(t, "show", "shown"))
    for text in ("shown 1.0.0\n", "  tier       community\n", "  label      order=17\n", full["policy"],
                 full["instance"], "exit code 9", "limits.memory: 1G asked", "  | last words\n", " at its peak"):
        require(text in out, f"{text!r} is not there: {out}")
    equal(json.loads(ok(ctl(t, "--json", "show", "shown")))["exit"]["code"], 9, "for programs")
    equal(ctl(t, "show", "absent").returncode, 3, "none")


@test
def list_leaves_out_earlier_runs(t):
    folder = script(t, "often", "exit 1", entry={"restart": "on-failure"})
    t.start(folder, wait="no")
    in_state(t, "often", "failed")
    rows = [r for r in ok(ctl(t, "list")).splitlines() if r.startswith("often")]
    equal(len(rows), 1, f"rows: {rows}")
    require("start-limit" in rows[0], rows[0])
    equal(len([r for r in ok(ctl(t, "list", "--all")).splitlines() if r.startswith("often")]), 3, "with --all")
    listed = json.loads(ok(ctl(t, "--json", "list")))["instances"]
    equal(len([i for i in listed if i.get("module") == "often"]), 3, "programs see all")
    require("often" in ok(ctl(t, "list", "--names")).split(), "names")


@test
def fits_a_screen_of_80_columns(t):
    long = "a-module-with-quite-a-long-name-that-somebody-gave-it-one-day"
    folder = t.folder(manifest(["/usr/bin/python3", "main.py"], id=long, entry={"listen": {"socket": "http"}}),
                      {"main.py": "import sys, os, time\nsys.stderr.write('x' * 300 + '\\n')\n"
                                  "os.system('unshare --user true')\ntime.sleep(600)\n"})
    t.start(folder, tenant="a-tenant-with-a-long-name", labels={"a": "b" * 50})
    t.client.pump(lambda: [e for e in t.client.events if e["type"] == "violation"], "a refused call")
    name = f"{long}@a-tenant-with-a-long-name"
    plain = on_screen(t, "list", env={"NO_COLOR": "1"})
    narrow(plain)
    require("\x1b" not in plain and "STATE" in plain and "NEXT" in plain, plain)
    status = on_screen(t, "status", name, env={"NO_COLOR": "1"})
    require("\x1b" not in status, repr(status))
    narrow("\n".join(line for line in status.splitlines()
                     if "control" not in line and ".sock" not in line and long not in line))
    require("x~\n" in status, f"a long line is cut: {status}")
    coloured = on_screen(t, "status", name)
    require("\x1b[" in coloured, f"no colour on a terminal: {coloured!r}")
    narrow(on_screen(t, "status", env={"NO_COLOR": "1"}))


@test
def hostile_words_cannot_steer_the_terminal(t):
    code = ("import ctypes, os, socket, time\n"
            "os.write(2, b'\\x1b]0;title\\x07\\x1b[2J\\r\\xff end\\n')\n"
            "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
            "s.connect(os.environ['NOTIFY_SOCKET'])\n"
            "s.send('READY=1\\nSTATUS=\\x1b[31mred\\u202e'.encode())\n"
            "ctypes.CDLL(None).prctl(15, b'\\x1b[5mblink', 0, 0, 0)\n"
            "ctypes.CDLL(None).chroot(b'/\\x1b[1m')\n"
            "time.sleep(600)\n")
    folder = t.folder(manifest(["/usr/bin/python3", "main.py"], id="hostile", entry={"readiness": "notify"}),
                      {"main.py": code})
    t.start(folder, wait="ready")
    t.client.pump(lambda: [e for e in t.client.events if e["type"] == "violation"], "a refused call")
    for verb in ("status", "show", "list"):
        words = (verb,) if verb == "list" else (verb, "hostile")
        out = ok(ctl(t, *words))
        for bad in ("\x1b", "\x07", "\r", "\u202e"):
            require(bad not in out, f"{verb}: {bad!r} in {out!r}")
    out = ok(ctl(t, "status", "hostile"))
    require("red" in out and "end" in out and "blink" in out, f"what it said: {out}")


@test
def help_of_each_verb_fits(_):
    for verb in ("start", "stop", "restart", "kill", "wait", "status", "show", "list"):
        done = subprocess.run([str(build_dir() / "modsupctl"), verb, "--help"], capture_output=True, text=True,
                              timeout=DEADLINE, check=True)
        narrow(done.stdout)
        require(done.stdout.startswith(f"usage: modsupctl {verb} "), done.stdout[:80])
        man = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "man" / "modsupctl.1"
        options = [line.split()[0].rstrip(",") for line in done.stdout.split("options of every verb")[0].splitlines()
                   if line.startswith("      --")]
        page = man.read_text(encoding="utf-8").replace("\\-", "-")
        for option in options:
            require(f"Fl Fl {option[2:]}" in page, f"{verb} {option} is not in modsupctl(1)")


@test
def an_observer_of_some_modules(t):
    """Who sees only a part is told of that part, at once, and of the rest that there is none."""
    user = 60124
    daemon = Daemon(config=json.dumps({**json.loads(CONFIG), "peers": [
        {"user": user, "role": "observer", "modules": ["seen-*"]}]}))
    t.cleanup(daemon.done)
    for name in ("seen-one", "hidden-one", "seen-two", "hidden-two"):
        folder = t.folder(manifest(["/bin/sh", "-c", "unshare --user true; sleep 600"], id=name))
        ok(ctl(t, "start", folder, daemon=daemon))

    def look(*words):
        return subprocess.run([str(build_dir() / "modsupctl"), "--socket",
                               str(daemon.folder / "observer" / "control.sock"), *words], capture_output=True,
                              text=True, timeout=DEADLINE, check=False, cwd="/", stdin=subprocess.DEVNULL,
                              user=user, group=user, extra_groups=[])
    until(lambda: look("events", "--type", "violation").stdout.count("unshare(") == 2, "both refused calls")
    out = ok(look("events"))
    require("seen-one" in out and "seen-two" in out and "hidden" not in out, out)
    equal(ok(look("list", "--names")).split(), ["seen-one", "seen-two"], "names")
    require("unshare(CLONE_NEWUSER)" in ok(look("status", "seen-one")), "status")
    equal(look("status", "hidden-one").returncode, 3, "what is outside is not there")
    equal(look("stop", "seen-one").returncode, 5, "an observer only looks")
    require("2 ready" in ok(look("status")), "of the supervisor what it may see")
    ok(ctl(t, "stop", "--all", daemon=daemon))
