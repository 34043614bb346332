# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong is refused with its reason word, its place and a hint, and leaves nothing behind
(the runner's census follows each of these tests)."""
import json
import os
import resource
import socket
import stat
import struct
import time

from harness import DEADLINE, equal, manifest, require, test
from harness.client import Closed


def refused(t, folder, reason, **params):
    error = t.client.refused("instance.start", path=str(folder), wait="spawned", **params)
    equal(error.reason, reason, f"the reason of {error}")
    require(error.message, "a refusal without words")
    return error


def diagnostics(error):
    return error.data.get("diagnostics") or []


def words(error):
    return json.dumps(error.data) + error.message


# Manifests

MANIFESTS = {
    "not json": "{ id: 1 }",
    "empty": "",
    "cut off": '{"id": "x"',
    "array": "[]",
    "duplicate key": '{"id": "a", "id": "b", "name": "n", "version": "1.0.0"}',
    "nul": '{"id": "a\\u0000b", "name": "n", "version": "1.0.0"}',
    "lone surrogate": '{"id": "a", "name": "\\ud800", "version": "1.0.0"}',
    "not utf-8": b'{"id": "a", "name": "\xff\xfe", "version": "1.0.0"}',
    "overlong utf-8": b'{"id": "a", "name": "\xc0\xaf", "version": "1.0.0"}',
    "byte order mark": b'\xef\xbb\xbf{"id": "a", "name": "n", "version": "1.0.0"}',
    "deep": '{"id": "a", "name": "n", "version": "1.0.0", "settings": ' + "[" * 5000 + "]" * 5000 + "}",
    "two documents": '{"id": "a", "name": "n", "version": "1.0.0"} {}',
    "too large": '{"id": "a", "name": "n", "version": "1.0.0", "description": "' + "x" * 300000 + '"}',
    "number bomb": '{"id": "a", "name": "n", "version": "1.0.0", "settings": {"a": 1e999999}}',
    "nan": '{"id": "a", "name": "n", "version": "1.0.0", "settings": {"a": NaN}}',
    "wrong id": '{"id": "../etc", "name": "n", "version": "1.0.0"}',
    "id with newline": '{"id": "a\\nb", "name": "n", "version": "1.0.0"}',
    "wrong version": '{"id": "a", "name": "n", "version": "1"}',
}


@test
def manifests_that_are_none(t):
    for what, text in MANIFESTS.items():
        folder = t.folder({}, {"module.json": text})
        error = refused(t, folder, "manifest-invalid")
        found = diagnostics(error)
        require(found, f"{what}: no diagnostics in {error.data}")
        require(all(d["message"] for d in found), f"{what}: {found}")


@test
def every_error_is_told_at_once(t):
    text = """{
  "id": "Shop",
  "name": "n",
  "version": "1.0",
  "entry": { "command": [], "mode": "services", "env": { "LD_PRELOAD": "x" } },
  "limits": { "memroy": "1G", "cpu": "lots", "openFiles": 0 },
  "permissions": { "fs": { "write": ["/etc", "../up"] } }
}
"""
    error = refused(t, t.folder({}, {"module.json": text}), "manifest-invalid")
    found = {d["pointer"]: d for d in diagnostics(error)}
    for pointer, line in {"/id": 2, "/version": 4, "/entry/command": 5, "/entry/mode": 5,
                          "/entry/env/LD_PRELOAD": 5, "/limits/memroy": 6, "/limits/cpu": 6,
                          "/limits/openFiles": 6, "/permissions/fs/write/0": 7,
                          "/permissions/fs/write/1": 7}.items():
        require(pointer in found, f"{pointer} is not told: {sorted(found)}")
        equal(found[pointer]["line"], line, f"the line of {pointer}")
        require(found[pointer]["column"] > 0, f"the column of {pointer}")
    require("memory" in found["/limits/memroy"]["hint"], "the nearest key")


@test
def what_cannot_be_enforced_is_refused(t):
    for key, changes in {
            "/entry/mode": {"entry": {"mode": "worker"}},
            "/limits/disk": {"limits": {"disk": "1G"}},
            "/entry/start": {"entry": {"start": "on-demand"}},
            "/runtime/base": {"runtime": {"base": "alpine"}}}.items():
        error = refused(t, t.folder(manifest(["/bin/true"], **changes)), "unsupported")
        require(key in words(error), f"{key} is not named: {words(error)}")


@test
def network_grants_are_narrowed_and_told(t):
    allow = [{"domain": "api.example.com", "ports": [443], "reason": "test"}]
    running = t.start(t.folder(manifest(["/bin/sleep", "60"],
                                        permissions={"network": {"allowlist": allow}})))
    view = t.client.call("instance.show", instance=running.instance)
    require(any("network" in n["key"] for n in view["narrowings"]), str(view["narrowings"]))


@test
def module_without_a_program_is_not_started(t):
    error = t.client.refused("instance.start", path=str(t.folder(manifest(entry=None))))
    require("entry" in words(error), f"what is missing: {words(error)}")


# Bundles

def special(t, make, **changes):
    folder = t.folder(manifest(["/bin/true"], **changes))
    make(folder)
    return folder


@test
def bundles_with_what_must_not_be_there(t):
    def setuid(folder):
        (folder / "tool").write_bytes(b"#!/bin/sh\n")
        (folder / "tool").chmod(0o4755)

    def setgid(folder):
        (folder / "tool").write_bytes(b"#!/bin/sh\n")
        (folder / "tool").chmod(0o2755)

    def unix_socket(folder):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(folder / "sock"))

    cases = {
        "a device": lambda f: os.mknod(f / "sda", stat.S_IFBLK | 0o600, os.makedev(254, 0)),
        "a character device": lambda f: os.mknod(f / "mem", stat.S_IFCHR | 0o666, os.makedev(1, 1)),
        "a fifo": lambda f: os.mkfifo(f / "fifo"),
        "a socket": unix_socket,
        "a setuid file": setuid,
        "a setgid file": setgid,
        "an absolute link": lambda f: os.symlink("/etc", f / "etc"),
        "a link that leaves": lambda f: os.symlink("../../etc/passwd", f / "up"),
        "a link that leaves and comes back": lambda f: os.symlink(f"../{f.name}/module.json", f / "x"),
        "/dev as a link": lambda f: os.symlink("/dev", f / "dev"),
        "/proc as a link": lambda f: os.symlink("/proc", f / "proc"),
        "a newline in a name": lambda f: (f / "a\nb").write_text(""),
        "an escape in a name": lambda f: (f / "a\x1b[31mb").write_text(""),
        "a name that is not UTF-8": lambda f: open(os.fsencode(f) + b"/a\xff", "w").close(),
        "a file that a group may write": lambda f: ((f / "k").write_text(""), (f / "k").chmod(0o664)),
        "a folder that all may write": lambda f: ((f / "d").mkdir(), (f / "d").chmod(0o1777)),
        "a file that others may not read": lambda f: ((f / "k").write_text(""), (f / "k").chmod(0o600)),
    }
    for what, make in cases.items():
        error = refused(t, special(t, make), "bundle-invalid")
        found = diagnostics(error)
        require(found and all(d["message"] for d in found), f"{what}: {error.data}")
        told = error.message + "".join(d["message"] for d in found)
        require("\n" not in told and "\x1b" not in told, f"{what}: raw control bytes in {told!r}")


@test
def every_wrong_file_is_told_at_once(t):
    def make(folder):
        os.mkfifo(folder / "one")
        os.symlink("/etc", folder / "two")
        (folder / "sub").mkdir(mode=0o755)
        os.mkfifo(folder / "sub/three")
    text = words(refused(t, special(t, make), "bundle-invalid"))
    for name in ("one", "two", "sub/three"):
        require(name in text, f"{name} is not told: {text}")


@test
def links_inside_the_bundle_are_fine(t):
    folder = t.folder(manifest(["/bin/cat", "b/link"]), {"a/file": "text", "b/keep": ""})
    os.symlink("../a/file", folder / "b/link")
    done = t.start(folder, stdio="pipe").finish().succeeded()
    equal(done.stdout, "text", "what stands behind the link")


@test
def folder_of_somebody_else(t):
    """Who owns it, or a link that leads to it, could change what runs, or put a socket there."""
    def start(path):
        return t.client.refused("instance.start", path=str(path))
    folder = t.folder(manifest(["/bin/true"]))
    os.chown(folder, 65534, 0)
    error = start(folder)
    equal(error.reason, "bundle-invalid", "the folder of another user")
    require("65534" in error.message and "chown" in error.data["hint"], f"what it says: {error.data}")
    os.chown(folder, 0, 0)
    folder.chmod(0o775)
    error = start(folder)
    equal(error.reason, "bundle-invalid", "a folder that a group may write to")
    require("chmod" in error.data["hint"], f"what it says: {error.data}")
    folder.chmod(0o755)
    way = t.scratch / "way"
    os.symlink(folder.parent, way)
    equal(t.start(way / folder.name, stdio="pipe").finish().code, 0, "behind a link of root")
    os.chown(way, 65534, 0, follow_symlinks=False)
    error = start(way / folder.name)
    equal(error.reason, "bundle-invalid", "behind a link of another user")
    require("way" in error.message, f"what it says: {error.data}")


@test
def folder_that_is_none(t):
    error = t.client.refused("instance.start", path=str(t.scratch / "absent"))
    require(error.reason in ("not-found", "bundle-invalid"), f"an absent folder: {error.data}")
    file = t.scratch / "file"
    file.write_text("")
    error = t.client.refused("instance.start", path=str(file))
    require(error.reason in ("bundle-invalid", "not-found"), f"a file: {error.data}")
    real = t.folder()
    link = t.scratch / "link"
    os.symlink(real, link)
    error = refused(t, link, "bundle-invalid")
    require("link" in words(error), f"a symbolic link: {words(error)}")
    empty = t.scratch / "empty"
    empty.mkdir(mode=0o755)
    error = t.client.refused("instance.start", path=str(empty))
    require(error.reason in ("manifest-invalid", "bundle-invalid", "not-found"),
            f"no module.json: {error.data}")
    require("module.json" in words(error), f"what is missing: {words(error)}")


@test
def manifest_file_that_is_special(t):
    for make in (os.mkfifo, lambda p: os.symlink("/etc/passwd", p), os.mkdir,
                 lambda p: os.mknod(p, stat.S_IFCHR | 0o666, os.makedev(1, 5))):
        folder = t.scratch / f"special{t.n_folders}"
        t.n_folders += 1
        folder.mkdir(mode=0o755)
        make(folder / "module.json")
        error = t.client.refused("instance.start", path=str(folder))
        require(error.reason in ("manifest-invalid", "bundle-invalid"), f"{error.data}")
        require(str(folder) in words(error), f"which folder: {words(error)}")


@test
def listed_paths_must_exist(t):
    error = t.client.refused("instance.start", path=str(t.folder(manifest(
        ["/bin/true"], permissions={"fs": {"read": ["./config"]}}))))
    require(error.reason in ("bundle-invalid", "manifest-invalid"), f"{error.data}")
    require("config" in words(error), f"the path: {words(error)}")


# Commands

def elf(machine):
    """A 64-bit program header by hand, for another processor."""
    return struct.pack("<4sBBBB8sHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, b"", 2, machine, 1, 0x400078,
                       64, 0, 0, 64, 56, 1, 0, 0, 0) + b"\0" * 56


@test
def commands_that_cannot_run(t):
    files = {"text": "just text\n", "program": elf(183), "i386": elf(3), "empty": "",
             "script": "#!/nonexistent/interpreter\n", "folder/x": ""}
    for command, reason in {"./absent": "command-not-found", "/usr/bin/absent-program": "command-not-found",
                            "./script": "command-not-found", "./text": "command-not-executable",
                            "./folder": "command-not-executable",
                            "./program": "command-wrong-format"}.items():
        folder = t.folder(manifest([command]), files)
        (folder / "program").chmod(0o755)
        error = refused(t, folder, reason)
        require(command.lstrip("./").split("/")[-1] in words(error) or "interpreter" in words(error),
                f"{command}: what is wrong is not named: {words(error)}")


@test
def text_that_is_executable_has_no_format(t):
    folder = t.folder(manifest(["./text"]), {"text": "just text\n"})
    (folder / "text").chmod(0o755)
    refused(t, folder, "command-wrong-format")


# Requests

BAD_LINES = {
    "parse-error": [b"{", b"nonsense", b'{"jsonrpc":"2.0","id":1,"method":"hello"', b'"\xff\xfe"',
                    b'{"a":1,"a":2}', b"[" * 40 + b"]" * 40,
                    b'{"jsonrpc":"2.0","id":1,"method":"hello","params":{"a":"\\u0000"}}'],
    "request-invalid": [b"[]", b"1", b'"x"', b"null",
                        b'[{"jsonrpc":"2.0","id":1,"method":"hello"}]',
                        b'{"jsonrpc":"1.0","id":1,"method":"hello"}',
                        b'{"jsonrpc":"2.0","id":{},"method":"hello"}',
                        b'{"jsonrpc":"2.0","id":1.5,"method":"hello"}',
                        b'{"jsonrpc":"2.0","id":9007199254740992,"method":"hello"}',
                        b'{"jsonrpc":"2.0","id":1,"method":7}',
                        b'{"jsonrpc":"2.0","id":1,"method":"hello","extra":1}',
                        b'{"jsonrpc":"2.0","id":"' + b"x" * 65 + b'","method":"hello"}'],
    "id-missing": [b"{}", b'{"jsonrpc":"2.0","method":"hello"}'],
    "method-unknown": [b'{"jsonrpc":"2.0","id":1,"method":"instance.strat"}',
                       b'{"jsonrpc":"2.0","id":1,"method":""}'],
    "params-invalid": [b'{"jsonrpc":"2.0","id":1,"method":"hello","params":[]}',
                       b'{"jsonrpc":"2.0","id":1,"method":"instance.start","params":{}}',
                       b'{"jsonrpc":"2.0","id":1,"method":"instance.start","params":{"path":7}}',
                       b'{"jsonrpc":"2.0","id":1,"method":"instance.start","params":{"path":"rel"}}',
                       b'{"jsonrpc":"2.0","id":1,"method":"instance.start",'
                       b'"params":{"path":"/tmp","wait":"soon"}}',
                       b'{"jsonrpc":"2.0","id":1,"method":"instance.list","params":{"limit":501}}',
                       b'{"jsonrpc":"2.0","id":1,"method":"instance.list","params":{"limit":0}}'],
    "params-unknown": [b'{"jsonrpc":"2.0","id":1,"method":"hello","params":{"x":1}}',
                       b'{"jsonrpc":"2.0","id":1,"method":"instance.start",'
                       b'"params":{"path":"/tmp","tennant":"x"}}'],
    "not-found": [b'{"jsonrpc":"2.0","id":1,"method":"instance.stop","params":{"instance":"00000000"}}',
                  b'{"jsonrpc":"2.0","id":1,"method":"instance.stop","params":{"module":"absent"}}'],
}


@test
def bad_requests_get_their_reason(t):
    for reason, lines in BAD_LINES.items():
        for line in lines:
            with t.daemon.client() as client:
                answer = client.raw(line + b"\n")
                require(answer is not None, f"{line[:80]!r}: hung up without a word")
                equal(answer["error"]["data"]["reason"], reason, f"{line[:80]!r}")
                require(answer["error"]["message"], f"{line[:80]!r}: no words")
    t.client.call("supervisor.info")


@test
def a_bad_line_does_not_end_the_connection(t):
    with t.daemon.client() as client:
        require(client.raw(b"{\n") is not None, "an answer")
        client.call("supervisor.info")


@test
def lines_that_are_too_long(t):
    with t.daemon.client() as client:
        answer = client.raw(b'{"jsonrpc":"2.0","id":1,"method":"hello","params":{"x":"'
                            + b"x" * (2 << 20) + b'"}}\n')
        if answer is not None:
            equal(answer["error"]["data"]["reason"], "request-invalid", "the reason")
        try:
            client.call("supervisor.info")
        except (Closed, BrokenPipeError, ConnectionResetError):
            return
        raise AssertionError("the connection goes on after a line of 2 MiB")


@test
def descriptors_from_clients_are_refused(t):
    with t.daemon.client() as client, open("/dev/null", "rb") as file:
        request = b'{"jsonrpc":"2.0","id":77,"method":"hello"}\n'
        socket.send_fds(client.sock, [request], [file.fileno()])
        try:
            client.pump(lambda: client.strays, "the refusal")
            equal(client.strays[0]["error"]["data"]["reason"], "request-invalid", "the reason")
        except Closed:
            pass
    t.client.call("supervisor.info")


@test
def requests_may_be_pipelined(t):
    idents = [t.client.send("supervisor.info") for _ in range(200)]
    for ident in idents:
        t.client.finish(ident)


@test
def other_users_are_turned_away(t):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setgid(65534)
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(20)
                sock.connect(str(t.daemon.socket))
                code = 0 if b"role-forbids" in sock.recv(4096) else 2
        except PermissionError:
            code = 0
        finally:
            os._exit(code)
    equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, "an unprivileged peer")


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@test
def a_supervisor_without_descriptors_says_so(t):
    pid = t.daemon.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    t.cleanup(lambda: t.daemon.process.poll() is None
              and resource.prlimit(pid, resource.RLIMIT_NOFILE, before))
    logged = t.daemon.log_path.stat().st_size
    opened = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    first_free = next(n for n in range(len(opened) + 1) if n not in opened)
    # The lowest free number is above the limit: nothing more can be opened.
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (first_free, before[1]))
    used = cpu_seconds(pid)
    for _ in range(40):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(DEADLINE)
            sock.connect(str(t.daemon.socket))
            answer = sock.makefile().readline()
        error = json.loads(answer)["error"]
        equal(error["data"]["reason"], "busy", f"the reason of {error}")
    # With none to spare it can only wait, and must not do so in circles.
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(t.daemon.socket))
        time.sleep(2)  # the length of a measurement, not a wait
        used = cpu_seconds(pid) - used
        size = t.daemon.log_path.stat().st_size - logged
        t.say(f"2 s without descriptors: {used * 1000:.0f} ms of CPU, {size} bytes of log")
        require(used < 0.5, f"{used:.2f} s of CPU")
        require(0 < size < 400, f"{size} bytes of log: {t.daemon.log()}")
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        sock.settimeout(DEADLINE)
        require("hello" in sock.makefile().readline(), "no greeting once there are descriptors")
    t.new_client().call("supervisor.info")
