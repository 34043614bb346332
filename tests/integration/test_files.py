# SPDX-License-Identifier: GPL-2.0-or-later
"""What a module may read, write and execute."""
import os
import pathlib
import signal

from harness import RpcError, equal, manifest, require, test, until
from harness.census import descendants

ATTEMPT = """
import errno, json, os, sys
def attempt(act):
    try:
        act()
        return "granted"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))
def read(path):
    return attempt(lambda: open(path, "rb").read(1))
def write(path):
    return attempt(lambda: open(path, "wb").write(b"x"))
def listing(path):
    return attempt(lambda: os.listdir(path))
"""


@test
def bundle_is_read_only(t):
    facts = t.python(ATTEMPT + """
print(json.dumps([write("/module/new"), write("/module/main.py"), write("/usr/bin/new"),
    write("/etc/passwd"), write("/run/new"), write("/new"), write("/dev/new"),
    attempt(lambda: os.mkdir("/module/folder")), attempt(lambda: os.unlink("/module/main.py")),
    attempt(lambda: os.rename("/module/main.py", "/module/other.py")),
    attempt(lambda: os.chmod("/module/main.py", 0o777))]))
""").succeeded().json()
    require("granted" not in facts, f"written: {facts}")


@test
def write_paths_start_as_a_copy_and_outlive_the_process(t):
    code = ATTEMPT + """
before = open("/module/cache/seed").read()
with open("/module/cache/seed", "w") as file:
    file.write(before + "+")
with open(os.environ["MODSUP_STATE"] + "/cache/seed") as file:
    state = file.read()
print(json.dumps({"before": before, "state": state, "new": write("/module/cache/new"),
                  "beside": write("/module/data"), "logs": write("/module/logs/a")}))
"""
    description = manifest(["/usr/bin/python3", "main.py"],
                           permissions={"fs": {"write": ["./cache", "./logs"]}})
    folder = t.folder(description, {"main.py": code, "cache/seed": "s", "logs/.keep": ""})
    for wanted in ("s", "s+"):
        running = t.start(folder, stdio="pipe")
        facts = running.finish().succeeded().json()
        equal(facts["before"], wanted, "the seed of the write path")
        equal(facts["state"], wanted + "+", "the same file below MODSUP_STATE")
        equal(facts["new"], "granted", "a new file in a write path")
        equal(facts["logs"], "granted", "a new file in the second write path")
        require(facts["beside"] != "granted", "wrote beside the write path")
    equal((folder / "cache/seed").read_text(), "s", "the bundle itself")


@test
def write_paths_belong_to_one_tenant(t):
    code = "import os; print(sorted(os.listdir('/module/cache'))); open('/module/cache/' + " \
           "os.environ['MODSUP_TENANT'], 'w')"
    folder = t.folder(manifest(["/usr/bin/python3", "main.py"],
                               permissions={"fs": {"write": ["./cache"]}}),
                      {"main.py": code, "cache/seed": ""})
    for tenant in ("red", "blue"):
        done = t.start(folder, stdio="pipe", tenant=tenant).finish().succeeded()
        equal(done.stdout, "['seed']\n", f"what tenant {tenant} finds at first")


@test
def write_paths_and_tmp_are_noexec(t):
    done = t.python(ATTEMPT + """
import mmap, shutil, subprocess
results = {}
for folder in ("/tmp", "/dev/shm", "/module/cache"):
    path = folder + "/program"
    shutil.copy("/bin/true", path)
    os.chmod(path, 0o755)
    results["exec " + folder] = attempt(lambda: subprocess.run([path], check=True))
    fd = os.open(path, os.O_RDONLY)
    results["map " + folder] = attempt(lambda: mmap.mmap(fd, 4096, mmap.MAP_PRIVATE,
                                                         mmap.PROT_READ | mmap.PROT_EXEC))
print(json.dumps(results))
""", files={"cache/seed": ""}, permissions={"fs": {"write": ["./cache"]}}).succeeded()
    for what, result in done.json().items():
        require(result in ("EACCES", "EPERM"), f"{what}: {result}")


@test
def fs_read_restricts_reading_to_code_and_listed_paths(t):
    code = ATTEMPT + """
print(json.dumps({p: read("/module/" + p) for p in
                  ("config/a", "secret/b", "lib/c.py", "main.py")}
                 | {"list": listing("/module/secret")}))
"""
    files = {"config/a": "a", "secret/b": "b", "lib/c.py": "c"}
    facts = t.python(code, files, permissions={"fs": {"read": ["./config"]}},
                     entry={"code": ["main.py", "lib"]}).succeeded().json()
    for path in ("config/a", "lib/c.py", "main.py"):
        equal(facts[path], "granted", path)
    require(facts["secret/b"] != "granted", "read what was not listed")
    require(facts["list"] != "granted", "listed what was not listed")
    facts = t.python(code, files).succeeded().json()
    equal(facts["secret/b"], "granted", "without fs.read the whole bundle is readable")


@test
def listed_data_is_not_executable(t):
    facts = t.python(ATTEMPT + """
import subprocess
print(json.dumps([attempt(lambda: subprocess.run(["/module/data/tool"], check=True)),
                  attempt(lambda: subprocess.run(["/module/bin/tool"], check=True))]))
""", files={"data/tool": pathlib.Path("/bin/true"), "bin/tool": pathlib.Path("/bin/true")},
                     permissions={"fs": {"read": ["./data"]}}).succeeded().json()
    require(facts[0] in ("EACCES", "EPERM"), f"data was executed: {facts[0]}")
    equal(facts[1], "granted", "code")


@test
def tmp_is_bounded_in_bytes_and_files(t):
    facts = t.python(ATTEMPT + """
def fill():
    with open("/tmp/big", "wb", buffering=0) as file:
        for _ in range(32):
            file.write(b"x" * (1 << 20))
def many():
    for i in range(300000):
        open("/tmp/f%d" % i, "w").close()
big = attempt(fill)
size = os.path.getsize("/tmp/big")
os.unlink("/tmp/big")
print(json.dumps({"big": big, "size": size, "many": attempt(many), "count": len(os.listdir("/tmp"))}))
""", limits={"tmp": "4M", "memory": "128M"}, timeout=90).succeeded().json()
    equal(facts["big"], "ENOSPC", "filling /tmp")
    require(facts["size"] <= 4 << 20, f"{facts['size']} bytes in a /tmp of 4M")
    equal(facts["many"], "ENOSPC", f"files without end ({facts['count']} made)")


@test
def host_files_cannot_be_reached(t):
    canary = t.scratch / "canary"
    canary.write_text("of the host")
    canary.chmod(0o644)
    facts = t.python(ATTEMPT + f"""
paths = [{str(canary)!r}, "/proc/1/root{canary}", "/module/../..{canary}", "/proc/self/root{canary}",
         "/root", "/home", "/var/lib", "/etc/shadow", "/etc/hostname.host", "/boot"]
print(json.dumps({{p: [read(p), listing(p)] for p in paths}}))
""").succeeded().json()
    for path, (reading, listing) in facts.items():
        require(reading != "granted", f"read {path}")
        require(listing != "granted" or path in ("/root", "/home"), f"listed {path}")


@test
def two_installations_do_not_share_files(t):
    writer = t.python("import os, time\n"
                      "for f in ('/tmp/x', '/dev/shm/x'): open(f, 'w').write('secret')",
                      id="writer").succeeded()
    reader = t.python("import os; print(os.listdir('/tmp'), os.listdir('/dev/shm'))",
                      id="reader").succeeded()
    equal(reader.stdout, "[] []\n", f"what is left of {writer.instance}")


def copier_of(t):
    """The process that fills write paths now, seen by what it was started with."""
    for pid in descendants(t.daemon.pid):
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--copy" in words:
            return pid
    return None


@test
def interrupted_first_copy_is_begun_again(t):
    code = "import os; n = sorted(os.listdir('/module/cache')); print(len(n), n[0], n[-1], " \
           "sum(os.path.getsize('/module/cache/' + f) for f in n))"
    folder = t.folder(manifest(["/usr/bin/python3", "main.py"], id="half",
                               permissions={"fs": {"write": ["./cache"]}}),
                      {"main.py": code, **{f"cache/{i:04}": "x" * 1000 for i in range(3000)}})
    ident = t.client.send("instance.start", path=str(folder), wait="spawned", stdio="pipe")
    pid = until(lambda: copier_of(t), "the first copy has begun")
    state = t.daemon.folder / "state/installations"
    number = until(lambda: next((p.parent for p in state.glob("*/name")
                                 if p.read_text().startswith("half@")), None), "its state")
    until(lambda: os.listdir(number / "fs/cache"), "something was copied")
    os.kill(pid, signal.SIGKILL)
    try:
        t.client.finish(ident)
        raise AssertionError("the copy was over before it could be killed")
    except RpcError as error:
        require("write paths" in error.message, f"what is told: {error.message}")
    left = len(os.listdir(number / "fs/cache"))
    t.say(f"killed after {left} of 3000 files")
    require(left < 3000, "the copy was over before it could be killed")
    (number / "fs/cache/planted").write_text("a file that the bundle does not have")
    done = t.start(folder, stdio="pipe").finish().succeeded()
    equal(done.stdout.split(), ["3000", "0000", "2999", "3000000"], "what the module finds")
    require(not (number / "filling").exists(), "the list of unfilled paths is still there")
    (number / "fs/cache/0000").unlink()  # as the module would
    done = t.start(folder, stdio="pipe").finish().succeeded()
    equal(done.stdout.split()[:2], ["2999", "0001"], "filled once only")
