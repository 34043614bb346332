# SPDX-License-Identifier: GPL-2.0-or-later
"""Which attacks there are, what each needs of the host, which refused calls must have been told, and
which act proves that its layer is what stops it."""
import ctypes
import json
import os
import pathlib
import shutil
import socket

from harness import build_dir, equal, manifest, require

SHELL_LIMITS = {"memory": "64M", "processes": 12, "openFiles": 40, "tmp": "8M"}


def program(name):
    """An attack program: of the build under test, or of MS_ATTACKDIR where only the product was
    built again."""
    path = pathlib.Path(os.environ.get("MS_ATTACKDIR") or build_dir()) / name
    require(os.access(path, os.X_OK), f"{path} is missing: run 'make check' or 'make {name}'")
    return path


class Attack:
    """One program. @told: system calls that must have been told as violations. @silent: why the acts
    that are refused by others than the filter are not told."""

    def __init__(self, name, told=(), silent="", needs=None, skip=None, **changes):
        self.name, self.told, self.silent = name, told, silent
        self.needs, self.skip, self.changes = needs, skip, changes

    def start(self, t, acts=(), env=None):
        """Run it to its end; (finished, {act: line})."""
        found = dict(self.needs(t) if self.needs else {}, **(env or {}))
        changes = dict({"limits": SHELL_LIMITS, "id": "attacker"}, **self.changes)
        entry = dict(changes.pop("entry", {}), env=found)
        running = t.start(t.folder(manifest([f"./{self.name}", *acts], entry=entry, **changes),
                                   {self.name: program(self.name)}), stdio="pipe")
        running.close_stdin()
        done = running.finish(90)
        return done, results(done)

    def acts(self):
        """The names of its acts, in their order, out of its own source."""
        text = (pathlib.Path(__file__).parent / f"{self.name}.c").read_text(encoding="utf-8")
        table = text[text.index("acts[] = {"):]
        return [part.split('"')[1] for part in table.split("{")[2:] if part.startswith('"')]


def results(done):
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {line["attack"]: line for line in lines}


def refused_calls(done):
    return [e["data"]["observed"].get("call") for e in done.events("violation")
            if "number" in e["data"]["observed"]]


# What attacks look for on the host


def canary_file(t):
    """A file that every user of the host may read."""
    folder = pathlib.Path(f"/var/tmp/modsup-canary-{os.getpid()}")
    folder.mkdir(mode=0o755, exist_ok=True)
    path = folder / "file"
    path.write_text("of the host", encoding="ascii")
    path.chmod(0o644)
    t.cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    return {"CANARY": str(path)}


def listeners(t):
    """A TCP port, a UDP port and an abstract name on which the host itself listens."""
    tcp, udp, local = (socket.socket(), socket.socket(type=socket.SOCK_DGRAM),
                       socket.socket(socket.AF_UNIX))
    name = f"modsup-canary-{os.getpid()}"
    tcp.bind(("127.0.0.1", 0))
    udp.bind(("127.0.0.1", 0))
    local.bind(f"\0{name}")
    tcp.listen()
    local.listen()
    for sock in (tcp, udp, local):
        t.cleanup(sock.close)
    t.udp = udp
    return {"TCP_PORT": str(tcp.getsockname()[1]), "UDP_PORT": str(udp.getsockname()[1]),
            "ABSTRACT": name}


def neighbour(t):
    """A process of another module, by the host's number."""
    running = t.start(t.folder(manifest(["/bin/sleep", "600"], id="neighbour")))
    view = t.client.call("instance.show", instance=running.instance)
    t.neighbour = running
    return {"NEIGHBOUR_PID": str(view["pid"])}


def plant_key():
    """A key in the session keyring of this process, which its daemons then inherit."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(250, 1, None)  # keyctl(KEYCTL_JOIN_SESSION_KEYRING): one of our own
    number = libc.syscall(248, b"user", b"modsup-canary", b"secret", 6, ctypes.c_long(-3))
    require(number > 0, f"add_key: errno {ctypes.get_errno()}")
    return {}


FILES = "a path that cannot be opened is no event in this build: the file watcher is a later issue"
NETWORK = "an address that cannot be reached is no event in this build: the network is a later issue"

ATTACKS = [
    Attack("escape-userns-nest", ["unshare", "clone", "setns"], FILES),
    Attack("escape-mount-leave", ["mount", "umount2", "pivot_root", "open_tree", "move_mount", "fsopen",
                                  "mount_setattr", "chroot"], FILES, canary_file),
    Attack("escape-net-reach", ["socket", "ioctl"], NETWORK, listeners),
    Attack("escape-caps-use", ["capset", "setuid", "setgid", "setgroups", "chroot", "mknodat",
                               "sethostname", "settimeofday", "sched_setscheduler", "setpriority",
                               "chown"], "states, not acts: nothing was called that a filter sees"),
    Attack("escape-seccomp-around", ["seccomp", "prctl", "ioctl", "personality"],
           "io_uring_setup and the like are answered in silence: honest libraries try them"),
    Attack("escape-ptrace-others", ["ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd",
                                    "bpf", "perf_event_open", "userfaultfd", "add_key", "keyctl",
                                    "request_key", "open_by_handle_at", "name_to_handle_at"]),
    Attack("escape-proc-write", [], FILES),
    Attack("escape-rlimit-raise", [], "limits of a process are no event; those of RLIMIT_CORE are "
                                      "refused in silence, as honest programs set it"),
    Attack("escape-cgroup-grow", ["mount", "unshare"], FILES),
    Attack("escape-fds-inherited", [], "a number that is not open is no event"),
    Attack("escape-env-leak", [], "what is not there is no event"),
    Attack("escape-ids-shim", [],
           "the kernel's own EPERM for a signal to another user is no event in this build",
           neighbour),
    Attack("escape-exec-memory", ["execveat"], FILES),
]
FORBIDDEN = Attack("escape-seccomp-forbidden")
KEYRING = Attack("escape-keyring-search", ["keyctl"], needs=lambda t: plant_key())


# Scripts: acts that must also run where the mount layer is off and no bundle can be seen

STAT_CANARY = """
import json, os
try:
    os.stat(os.environ["CANARY"])
    print(json.dumps({"attack": "stat-host-file", "refused": False, "errno": ""}))
except OSError as error:
    print(json.dumps({"attack": "stat-host-file", "refused": True, "errno": str(error.errno)}))
"""
READ_CANARY = STAT_CANARY.replace("os.stat(", "open(").replace("stat-host-file", "read-host-file")


def run_script(t, code, needs):
    """Python from the host's own /usr, without a bundle."""
    text = json.dumps(manifest(["/usr/bin/python3", "-I", "-c", code], id="attacker",
                               entry={"env": needs(t)}))
    result = t.client.call("instance.start", manifest=text, wait="spawned", stdio="pipe")
    return t.adopt(result)


def act_of(name, act, **kwargs):
    """A proof by one act of one program: a function from a test context to its result line."""
    attack = next(a for a in [*ATTACKS, FORBIDDEN, KEYRING] if a.name == name)

    def run(t):
        done, lines = attack.start(t, [act], **kwargs)
        if act not in lines:
            return {"attack": act, "refused": True, "errno": f"ended: {done.exit}"}
        return lines[act]
    return run


def script(code, needs):
    def run(t):
        done = run_script(t, code, needs).finish(60)
        lines = list(results(done).values())
        require(len(lines) == 1, f"no result: {done.exit} {done.stderr[-500:]}")
        return lines[0]
    return run


# layer -> (layers that are off already, where the act is still refused; the act). A layer behind
# another one is proved by opening the one before it first.
PROOFS = {
    "userns": ([], act_of("escape-userns-nest", "see-host-owners")),
    "mount": ([], script(STAT_CANARY, canary_file)),
    "landlock": (["mount"], script(READ_CANARY, canary_file)),
    "net": ([], act_of("escape-net-reach", "host-udp")),
    "caps": ([], act_of("escape-caps-use", "keep-bounding-set")),
    "seccomp": ([], act_of("escape-seccomp-around", "no-randomness")),
    "rlimit": ([], act_of("escape-rlimit-raise", "open-many-files")),
    "cgroup": ([], act_of("escape-cgroup-grow", "fork-many")),
    "fds": ([], act_of("escape-fds-inherited", "find-extra")),
    "env": ([], act_of("escape-env-leak", "read-canary")),
    "keyring": (["seccomp"], act_of("escape-keyring-search", "search-session")),
    "proc": ([], act_of("escape-proc-write", "see-shim")),
}


def all_refused(attack, done, lines):
    """Every act of the program was run, and refused."""
    wanted = attack.acts()
    require(wanted, f"no acts in the source of {attack.name}")
    missing = [act for act in wanted if act not in lines]
    require(not missing, f"not run: {missing}; {done.exit} {done.stderr[-400:]}")
    granted = [act for act in wanted if not lines[act]["refused"]]
    equal(granted, [], "granted")


def all_told(attack, done):
    told = refused_calls(done)
    missing = [call for call in attack.told if call not in told]
    require(not missing, f"refused but not told: {missing}; told: {sorted(set(map(str, told)))}")
