# SPDX-License-Identifier: GPL-2.0-or-later
"""What a module finds inside: its identity, environment, descriptors, file system and figures."""
import os
import pathlib
import socket

from harness import equal, manifest, require, test

# Secrets and traps in the daemon's own environment, which no module may inherit.
ENV = {"MS_TEST_CANARY": "of the daemon", "LD_PRELOAD_X": "x", "PYTHONPATH": "/nonexistent",
       "NODE_OPTIONS": "--no-warnings", "BASH_ENV": "/nonexistent", "http_proxy": "http://x"}

STATUS = """
import json
status = dict(l.rstrip("\\n").split(":", 1) for l in open("/proc/self/status"))
print(json.dumps({k: " ".join(v.split()) for k, v in status.items()}))
"""

ALWAYS = {"PATH", "HOME", "TMPDIR", "LANG", "TZ", "PYTHONDONTWRITEBYTECODE", "NODE_OPTIONS",
          "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "MODSUP_MODULE", "MODSUP_VERSION",
          "MODSUP_TENANT", "MODSUP_INSTANCE", "MODSUP_STATE"}


@test
def environment_is_built_from_nothing(t):
    done = t.python("import json, os; print(json.dumps(dict(os.environ)))",
                    entry={"env": {"LOG_LEVEL": "debug"}}).succeeded()
    env = done.json()
    allowed = ALWAYS | {"LOG_LEVEL", "NOTIFY_SOCKET", "PWD", "LC_CTYPE"}
    equal(sorted(set(env) - allowed), [], "names that nobody announced")
    must = {"PATH", "HOME", "TMPDIR", "LANG", "MODSUP_MODULE", "MODSUP_VERSION", "MODSUP_TENANT",
            "MODSUP_INSTANCE", "NODE_OPTIONS", "PYTHONDONTWRITEBYTECODE", "LOG_LEVEL"}
    equal(sorted(must - set(env)), [], "names that are missing")
    for name, value in {"HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "LOG_LEVEL": "debug",
                        "MODSUP_MODULE": "probe", "MODSUP_VERSION": "1.0.0",
                        "MODSUP_TENANT": "default", "MODSUP_INSTANCE": done.instance}.items():
        equal(env[name], value, name)
    require("--max-old-space-size" in env["NODE_OPTIONS"].replace("_", "-"),
            f"NODE_OPTIONS gives no heap size: {env['NODE_OPTIONS']}")


@test
def identity_and_privileges(t):
    status = t.python(STATUS).succeeded().json()
    equal(status["Uid"], "1000 1000 1000 1000", "Uid")
    equal(status["Gid"], "1000 1000 1000 1000", "Gid")
    equal(status["Groups"], "", "Groups")
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        equal(int(status[name], 16), 0, name)
    equal(status["NoNewPrivs"], "1", "NoNewPrivs")
    equal(status["Seccomp"], "2", "Seccomp")
    # One filter: whatever the module's ancestors carried would have outranked its listener.
    equal(status["Seccomp_filters"], "1", "Seccomp_filters")


@test
def host_ids_differ_between_shim_and_module(t):
    running = t.launch(["/bin/sleep", "60"])
    view = next(i for i in t.client.call("instance.list")["instances"]
                if i["instance"] == running.instance)
    pid = view["pid"]
    ids = {}
    for who, number in (("module", pid), ("shim", parent(pid))):
        words = pathlib.Path(f"/proc/{number}/status").read_text().split("\n")
        ids[who] = next(w for w in words if w.startswith("Uid:")).split()[1:]
    equal(len(set(ids["module"])), 1, "ids of the module")
    equal(len(set(ids["shim"])), 1, "ids of the shim")
    require(ids["module"][0] != ids["shim"][0], "shim and module have the same id")
    require(int(ids["module"][0]) > 65535 and int(ids["shim"][0]) > 65535, f"a host's user: {ids}")
    status = pathlib.Path(f"/proc/{parent(pid)}/status").read_text()
    require("CapEff:\t0000000000000000" in status, "the shim kept a capability")


def parent(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


@test
def two_modules_have_different_ids(t):
    first = t.start(t.folder(manifest(["/bin/sleep", "60"], id="first")))
    second = t.start(t.folder(manifest(["/bin/sleep", "60"], id="second")))
    pids = {i["instance"]: i["pid"] for i in t.client.call("instance.list")["instances"]}
    uids = {pathlib.Path(f"/proc/{pids[r.instance]}/status").read_text().split("Uid:\t")[1]
            .split()[0] for r in (first, second)}
    equal(len(uids), 2, f"different ids ({uids})")


@test
def working_directory_and_hostname(t):
    facts = t.python("import json, os; print(json.dumps([os.getcwd(), os.uname().nodename,"
                     " os.getpid(), os.getppid(), os.getsid(0), os.getpgrp()]))").succeeded().json()
    equal(facts[0], "/module", "cwd")
    require(facts[1] != socket.gethostname(), "the host's own name is seen inside")
    equal(facts[3], 1, "the parent, which is the shim")
    require(facts[4] == facts[2], "the module leads its own session")


@test
def descriptors_are_the_announced_ones(t):
    code = """
import json, os, stat
fds = {}
for name in os.listdir("/proc/self/fd"):
    try:
        fds[name] = os.readlink("/proc/self/fd/" + name)
    except OSError:
        pass
print(json.dumps({"fds": {k: v for k, v in fds.items() if not v.startswith("/proc/")},
                  "listen": {k: v for k, v in os.environ.items() if k.startswith("LISTEN_")},
                  "pid": os.getpid()}))
"""
    facts = t.python(code).succeeded().json()
    equal(sorted(facts["fds"]), ["0", "1", "2"], "descriptors without a socket")
    equal(facts["listen"], {}, "LISTEN_ names without a socket")
    facts = t.python(code, entry={"listen": {"socket": ["http", "admin"]}}).succeeded().json()
    equal(sorted(facts["fds"]), ["0", "1", "2", "3", "4"], "descriptors with two sockets")
    equal(facts["listen"], {"LISTEN_FDS": "2", "LISTEN_PID": str(facts["pid"]),
                            "LISTEN_FDNAMES": "http:admin"}, "LISTEN_ names")


@test
def descriptors_of_the_daemon_are_never_inherited(t):
    # The daemon of this file was started by a process that holds many; only 0-2 may come through.
    done = t.shell("ls -l /proc/self/fd | grep -v total; ls /proc/$$/fd").succeeded()
    require(str(t.daemon.folder) not in done.stdout, f"a path of the host: {done.stdout}")


@test
def root_folder_holds_what_is_documented(t):
    facts = t.python("import json, os; print(json.dumps([sorted(os.listdir('/')),"
                     " open('/proc/self/mountinfo').read()]))").succeeded().json()
    names = set(facts[0])
    known = {"bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "module", "proc", "run",
             "sbin", "sys", "tmp", "usr", "var", "home", "root"}
    equal(sorted(names - known), [], "folders that nobody announced")
    for name in ("bin", "dev", "etc", "module", "proc", "run", "tmp", "usr"):
        require(name in names, f"/{name} is missing")
    for line in facts[1].splitlines():
        point, options = line.split()[4], line.split()[5].split(",")
        require("nosuid" in options, f"{point} honours setuid: {line}")
        writable = point in ("/tmp", "/dev/shm", "/proc") or point.startswith("/module/")
        require("ro" in options or writable, f"{point} is writable: {line}")
        if "rw" in options and point != "/proc":
            require("noexec" in options, f"{point} is writable and executable: {line}")


@test
def proc_shows_own_processes_only(t):
    facts = t.python("""
import json, os
pids = sorted(int(n) for n in os.listdir("/proc") if n.isdigit())
def attempt(path, mode="r"):
    try:
        with open(path, mode) as f:
            return f.read(64) if mode == "r" else "opened"
    except OSError as error:
        return "E" + str(error.errno)
print(json.dumps({"pids": pids, "me": os.getpid(),
    "init": attempt("/proc/1/environ"), "cmdline": attempt("/proc/1/cmdline"),
    "kcore": attempt("/proc/kcore"), "kmsg": attempt("/proc/kmsg"),
    "sysrq": attempt("/proc/sysrq-trigger", "w"),
    "core": attempt("/proc/sys/kernel/core_pattern", "w"),
    "shmmax": attempt("/proc/sys/kernel/shmmax", "w"),
    "hostname": attempt("/proc/sys/kernel/hostname", "w"),
    "keys": attempt("/proc/keys"), "timers": attempt("/proc/timer_list"),
    "oom": attempt("/proc/self/oom_score_adj"),
    "latency": attempt("/proc/latency_stats"),
    "cmdline_host": attempt("/proc/cmdline")}))
""").succeeded().json()
    require(set(facts["pids"]) <= {1, facts["me"]}, f"processes of others: {facts['pids']}")
    for name in ("init", "cmdline", "kcore", "kmsg", "sysrq", "core", "shmmax", "hostname",
                 "keys", "timers", "latency"):
        require(facts[name].startswith("E") or facts[name] == "", f"{name}: {facts[name]!r}")
    host = pathlib.Path("/proc/cmdline").read_text()[:64]
    require(facts["cmdline_host"] != host or not host.strip(), "the host's kernel command line")


@test
def kernel_settings_are_those_that_software_reads(t):
    """/proc/sys holds an allow-list, live and read-only; what counts or names the host is not there."""
    facts = t.python("""
import json, os
top = "/proc/sys"
def read(path):
    try:
        return open(top + "/" + path).read().strip()
    except OSError as error:
        return "E" + str(error.errno)
def write(path):
    try:
        open(top + "/" + path, "w").write("1")
        return "granted"
    except OSError as error:
        return "E" + str(error.errno)
files = sorted(os.path.relpath(os.path.join(at, name), top)
               for at, _, names in os.walk(top) for name in names)
print(json.dumps({"files": [f for f in files if not f.startswith("net/")],
    "net": sum(f.startswith("net/") for f in files),
    "read": {f: read(f) for f in files if not f.startswith("net/")},
    "uuids": [read("kernel/random/uuid") for _ in range(2)],
    "somaxconn": read("net/core/somaxconn"), "ports": read("net/ipv4/ip_local_port_range"),
    "write": {f: write(f) for f in files}, "new": write("kernel/new"), "over": write("vm/new")}))
""").succeeded().json()
    wanted = {"kernel/osrelease", "kernel/hostname", "kernel/pid_max", "kernel/cap_last_cap",
              "kernel/ngroups_max", "vm/overcommit_memory", "vm/max_map_count", "fs/nr_open"}
    require(wanted <= set(facts["files"]), f"missing: {wanted - set(facts['files'])}")
    for name in ("boot_id", "file-nr", "inode-nr", "inode-state", "dentry-state", "aio-nr", "pty",
                 "core_pattern", "entropy", "modprobe", "keys"):
        found = [f for f in facts["files"] if name in f]
        require(not found, f"shown inside: {found}")
    equal(facts["read"]["kernel/osrelease"], os.uname().release, "the kernel's release")
    require(facts["read"]["kernel/hostname"] != os.uname().nodename, "the host's name")
    require(facts["uuids"][0] != facts["uuids"][1] and len(facts["uuids"][0]) == 36,
            f"random/uuid is live: {facts['uuids']}")
    require(facts["somaxconn"].isdigit() and facts["net"] > 50, f"its network: {facts['somaxconn']}")
    require(len(facts["ports"].split()) == 2, f"its ports: {facts['ports']}")
    granted = [f for f, result in facts["write"].items() if result == "granted"]
    require(not granted and facts["new"] != "granted" and facts["over"] != "granted",
            f"written: {granted}, new: {facts['new']}, {facts['over']}")


@test
def devices_are_the_minimal_ones(t):
    facts = t.python("""
import json, os, stat
found = {}
for name in os.listdir("/dev"):
    mode = os.lstat("/dev/" + name).st_mode
    found[name] = "c" if stat.S_ISCHR(mode) else "l" if stat.S_ISLNK(mode) else \\
        "d" if stat.S_ISDIR(mode) else "?"
with open("/dev/null", "w") as f: f.write("x")
with open("/dev/zero", "rb") as f: zero = f.read(4)
with open("/dev/urandom", "rb") as f: random = f.read(16)
try:
    open("/dev/tty")
    tty = True
except OSError:
    tty = False
print(json.dumps([found, zero.hex(), len(random), tty]))
""").succeeded().json()
    devices = sorted(n for n, kind in facts[0].items() if kind == "c")
    equal(devices, ["full", "null", "random", "urandom", "zero"], "device nodes")
    equal(sorted(n for n, kind in facts[0].items() if kind == "?"), [], "unknown kinds")
    equal(facts[1:], ["00000000", 16, False], "behaviour of zero, urandom, tty")
    for link in ("fd", "stdin", "stdout", "stderr"):
        equal(facts[0].get(link), "l", f"/dev/{link}")


@test
def etc_is_generated(t):
    done = t.shell("cat /etc/passwd /etc/group; ls /etc; id; getent passwd 1000;"
                   " test ! -e /etc/shadow && test ! -e /etc/ssh && test ! -e /etc/sudoers").succeeded()
    users = [line for line in done.stdout.splitlines() if line.count(":") == 6]
    require(0 < len({u.split(":")[2] for u in users} - {"65534", "0"}) <= 1,
            f"more than one user: {users}")
    names = set(done.stdout.split())
    certificates = ["ssl"] if pathlib.Path("/etc/ssl").exists() else []
    for name in ("hosts", "nsswitch.conf", "resolv.conf", "localtime", *certificates):
        require(name in names, f"/etc/{name} is missing")


@test
def own_figures_are_readable(t):
    facts = t.python("""
import json, os
groups = open("/proc/self/cgroup").read().split("\\n")
def tree(top):
    return {os.path.join(d, n): open(os.path.join(d, n)).read().strip()
            for d, _, names in os.walk(top) for n in names}
print(json.dumps({"self": json.load(open("/run/modsup/self.json")), "groups": [g for g in groups if g],
                  "files": tree("/sys/fs/cgroup"), "sys": os.listdir("/sys")}))
""", limits={"memory": "48M", "processes": 12}).succeeded().json()
    for line in facts["groups"]:
        require(line.endswith(":/"), f"a group of the host shows through: {line}")
    values = set(facts["files"].values())
    require(str(48 << 20) in values, f"the memory limit is not told: {facts['files']}")
    require("12" in values, f"the process limit is not told: {facts['files']}")
    equal(facts["sys"], ["fs"], "what else of /sys there is")
    text = str(facts["self"])
    require("memory" in text and ("48M" in text or str(48 << 20) in text),
            f"self.json does not tell the memory limit: {text[:400]}")


NETWORK = """
import errno, json, socket
def attempt(act):
    try:
        act()
        return "granted"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
def dial(family, address):
    with socket.socket(family) as s:
        s.settimeout(2)
        s.connect(address)
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
print(json.dumps({"v4": attempt(lambda: dial(socket.AF_INET, ("1.1.1.1", 443))),
                  "v6": attempt(lambda: dial(socket.AF_INET6, ("2606:4700::1111", 443))),
                  "own": attempt(lambda: dial(socket.AF_INET, server.getsockname())),
                  "devices": open("/proc/net/dev").read()}))
"""


@test
def network_is_its_own_loopback_only(t):
    facts = t.python(NETWORK).succeeded().json()
    require("granted" not in (facts["v4"], facts["v6"]), f"reached out: {facts}")
    equal(facts["own"], "granted", "its own loopback")
    devices = [line.split(":")[0].strip() for line in facts["devices"].splitlines()[2:]]
    equal(devices, ["lo"], "interfaces")
