# SPDX-License-Identifier: GPL-2.0-or-later
"""Every attack: each of its acts is refused, what a layer can see of it is told, and the host is as
it was (the runner's census after each test)."""
import pathlib

from attacks import ATTACKS, FORBIDDEN, KEYRING, READ_CANARY, STAT_CANARY, all_refused, all_told, \
    canary_file, program, refused_calls, run_script, results
from harness import equal, manifest, require, test
from harness.command import execute

ENV = {"MS_TEST_CANARY": "a secret of the daemon"}


def host_state():
    """What attacks would change on the host if they got through."""
    knobs = ("kernel/core_pattern", "kernel/hostname", "kernel/msgmax", "kernel/modprobe",
             "net/ipv4/ip_forward", "user/max_user_namespaces")
    state = {k: pathlib.Path(f"/proc/sys/{k}").read_text() for k in knobs
             if pathlib.Path(f"/proc/sys/{k}").exists()}
    state["planted"] = [str(p) for p in map(pathlib.Path, ("/usr/bin/planted", "/planted", "/tmp/copy",
                                                           "/dev/shm/copy", "/tmp/disk", "/tmp/mem"))
                        if p.exists()]
    return state


def memfd_is_bound():
    """vm.memfd_noexec came with Linux 6.3; before, a program from memory is a stated limit."""
    return pathlib.Path("/proc/sys/vm/memfd_noexec").exists()


def make(attack):
    def attacked(t):
        before = host_state()
        done, lines = attack.start(t)
        if attack.name == "escape-exec-memory" and not memfd_is_bound():
            t.say("this kernel cannot forbid programs from memory (vm.memfd_noexec, Linux 6.3)")
            lines["from-memory-by-name"]["refused"] = True
        all_refused(attack, done, lines)
        all_told(attack, done)
        if attack.silent:
            t.say(f"not told: {attack.silent}")
        equal(host_state(), before, "the host")
        if hasattr(t, "neighbour"):
            state = t.client.call("instance.show", instance=t.neighbour.instance)["state"]
            equal(state, "ready", "the neighbour")
        if hasattr(t, "udp"):
            t.udp.setblocking(False)
            try:
                require(not t.udp.recv(16), "a datagram reached the host")
            except BlockingIOError:
                pass
    attacked.__name__ = attack.name.removeprefix("escape-").replace("-", "_")
    return test(attacked)


for _attack in [*ATTACKS, KEYRING]:
    globals()[f"attack_{_attack.name}"] = make(_attack)


@test
def seccomp_foreign_tables_are_told_as_such(t):
    """Other tables of calls have other numbers: the report must name the table."""
    attack = next(a for a in ATTACKS if a.name == "escape-seccomp-around")
    done, _ = attack.start(t, ["x32-table", "i386-gate", "i386-mount", "unknown-number"])
    seen = [e["data"]["observed"] for e in done.events("violation")]
    equal(sorted((o["arch"], o["number"]) for o in seen if o["arch"] != "x86_64"),
          [("i386", 20), ("i386", 21), ("x32", 39)], "calls by other tables")
    equal([o["number"] for o in seen if o["arch"] == "x86_64"], [600], "calls by the own table")


@test
def seccomp_forbidden_calls_end_the_module(t):
    for act in FORBIDDEN.acts():
        done, lines = FORBIDDEN.start(t, [act])
        equal(lines, {}, f"{act}: it lived on")
        equal(done.exit.get("cause"), "forbidden-call", f"the end of {act}: {done.exit}")
        told = [e["data"] for e in done.events("violation")]
        require(told and told[-1]["severity"] == "critical" and told[-1]["action"] == "terminated",
                f"what was told of {act}: {told}")
        require(act in refused_calls(done), f"the name of {act}: {told}")


@test
def mount_host_file_without_a_bundle(t):
    for code in (STAT_CANARY, READ_CANARY):
        lines = results(run_script(t, code, canary_file).finish())
        require(all(line["refused"] for line in lines.values()) and lines, f"granted: {lines}")


@test
def cgroup_bomb_in_memory_ends_the_bomber_only(t):
    """A fork bomb whose every process eats memory: the module dies as one, its neighbour lives."""
    calm = t.start(t.folder(manifest(["/bin/sleep", "600"], id="calm")))
    done = t.python("""
import os
for _ in range(6):
    if os.fork() == 0:
        break
held = []
while True:
    held.append(bytearray(1 << 20))
""", limits={"memory": "48M", "processes": 10}, timeout=90)
    equal(done.exit.get("cause"), "memory", f"its end: {done.exit}")
    equal(t.client.call("instance.show", instance=calm.instance)["state"], "ready", "the neighbour")


@test
def fds_of_the_supervisor_do_not_arrive(t):
    """/proc/self/fd by another language: what the program counts is what there is."""
    done = t.python("import os; print(sorted(os.listdir('/proc/self/fd')))").succeeded()
    equal(done.stdout, "['0', '1', '2', '3']\n", "descriptors (3 is the listing's own)")


N_COMMANDS = 200


@test
def join_commands_are_out_of_reach(t):
    """The module waits for each command and attacks it from its first moment to its last."""
    before = host_state()
    watcher = t.start(t.folder(
        manifest(["./escape-join-watch", "watch"], id="attacker",
                 limits={"cpu": "200%", "processes": 24, "memory": "64M"}),
        {"escape-join-watch": program("escape-join-watch"), "again": "#!/proc/self/exe\n",
         "loop": "#!/proc/self/exe join\n"}), stdio="pipe")
    watcher.read_line()
    for n in range(N_COMMANDS):
        done = execute(t, watcher, ["/bin/true"] if n % 2 else ["/bin/sh", "-c", "/bin/true; exit 3"])
        equal(done.exit, {"code": 0 if n % 2 else 3}, f"command {n}")
    # an interpreter that is the joiner's own program: run again, it is nobody's helper and nobody's shim
    for script in ("/module/again", "/module/loop"):
        done = execute(t, watcher, [script])
        require(done.exit.get("code") not in (0, None), f"{script}: {done.end} {done.stdout}")
    watcher.close_stdin()
    done = watcher.finish(90)
    line = results(done)["watch"]
    met = int(done.stderr.split("met ")[1].split()[0])
    require(line["refused"], f"within its reach: {done.stderr}")
    require(met >= N_COMMANDS // 2, f"it met {met} processes only: {done.stderr}")
    t.say(f"{met} processes met in {N_COMMANDS} commands; {done.stderr.split(chr(10))[-2]}")
    equal([e["data"]["observed"] for e in done.events("violation")], [], "refused by the filter")
    equal(host_state(), before, "the host")
