# SPDX-License-Identifier: GPL-2.0-or-later
"""What a malicious PyPI package would try.

An act that raises OSError was refused, one that returns was granted. Prints a line for each and
exits 0 only when nothing was granted.
"""
import ctypes
import errno
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys

FORKS = 64  # four times what the manifest allows, then stop
INITIAL_PID_NS = "pid:[4026531836]"
CLONE_NEWUSER = 0x10000000
CLONE_NEWNS = 0x00020000
PTRACE_ATTACH = 16
SYS_ADD_KEY, SYS_UNSHARE, SYS_SETNS, SYS_BPF = 248, 272, 308, 321
SYS_USERFAULTFD, SYS_IO_URING_SETUP = 323, 425
SYS_INIT_MODULE, SYS_KEXEC_LOAD = 175, 246

libc = ctypes.CDLL(None, use_errno=True)


def checked(result):
    """A libc result, or the OSError that it stands for."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def syscall(number, *args):
    checked(libc.syscall(ctypes.c_long(number), *[
        ctypes.c_long(a) if isinstance(a, int) else a for a in args]))


def read(path):
    with open(path, "rb") as file:
        if not file.read(16):
            raise OSError(errno.ENODATA, "an empty file stands there instead")


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def read_others_environment():
    last = errno.ESRCH
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) == os.getpid():
            continue
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if file.read(1):
                    return
            last = errno.ENODATA
        except OSError as error:
            last = error.errno
    raise OSError(last, os.strerror(last))


def mount_tmpfs():
    checked(libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))


def trace_parent():
    checked(libc.ptrace(PTRACE_ATTACH, os.getppid(), None, None))


def join_namespace():
    fd = os.open("/proc/1/ns/mnt", os.O_RDONLY)
    try:
        syscall(SYS_SETNS, fd, CLONE_NEWNS)
    finally:
        os.close(fd)


def make_socket(family, kind, protocol=0):
    socket.socket(family, kind, protocol).close()


def dial(address):
    with socket.create_connection(address, timeout=2):
        pass


def resolve(name):
    try:
        socket.getaddrinfo(name, 443)
    except socket.gaierror as error:
        raise OSError(errno.EHOSTUNREACH, str(error)) from error


def change_core_limit():
    """The resource module says ValueError where the kernel said EPERM."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except ValueError as error:
        raise OSError(errno.EPERM, str(error)) from error


def run_from_tmp():
    shutil.copy("/bin/true", "/tmp/payload")
    os.chmod("/tmp/payload", 0o755)
    subprocess.run(["/tmp/payload"], check=True)


def load_from_tmp():
    """dlopen() tells no errno: what counts is whether the code was mapped."""
    library = next(p for p in ("/lib/x86_64-linux-gnu/libm.so.6", "/lib64/libm.so.6")
                   if os.path.exists(p))
    shutil.copy(library, "/tmp/payload.so")
    ctypes.CDLL("/tmp/payload.so")


def fork_bomb():
    """Bounded; the children only wait and are ended again."""
    children = []
    try:
        for _ in range(FORKS):
            pid = os.fork()
            if pid == 0:
                signal.pause()
                os._exit(0)
            children.append(pid)
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


ACTS = [
    ("read /etc/shadow", lambda: read("/etc/shadow")),
    ("read root's ssh key", lambda: read("/root/.ssh/id_ed25519")),
    ("read root's PyPI token", lambda: read("/root/.pypirc")),
    ("read the environment of others", read_others_environment),
    ("read the memory of process 1", lambda: read("/proc/1/mem")),
    ("read the kernel's memory", lambda: read("/proc/kcore")),
    ("plant itself in the bundle", lambda: write("/module/main.py", "planted")),
    ("plant a .pth file", lambda: write("/usr/lib/python3/dist-packages/x.pth", "import x")),
    ("set the core pattern", lambda: write("/proc/sys/kernel/core_pattern", "|/module/x")),
    ("press a sysrq key", lambda: write("/proc/sysrq-trigger", "h")),
    ("set a cgroup release agent", lambda: write("/sys/fs/cgroup/release_agent", "/module/x")),
    ("resolve a name to call home", lambda: resolve("example.com")),
    ("connect to 1.1.1.1:443", lambda: dial(("1.1.1.1", 443))),
    ("connect to the cloud's metadata", lambda: dial(("169.254.169.254", 80))),
    ("open a raw socket", lambda: make_socket(socket.AF_INET, socket.SOCK_RAW, 1)),
    ("open a packet socket", lambda: make_socket(socket.AF_PACKET, socket.SOCK_RAW)),
    ("open a crypto socket", lambda: make_socket(socket.AF_ALG, socket.SOCK_SEQPACKET)),
    ("become root", lambda: os.setuid(0)),
    ("change groups", lambda: os.setgroups([0])),
    ("change the root directory", lambda: os.chroot("/tmp")),
    ("rename the host", lambda: checked(libc.sethostname(b"owned", 5))),
    ("mount a file system", mount_tmpfs),
    ("unshare a user namespace", lambda: syscall(SYS_UNSHARE, CLONE_NEWUSER)),
    ("join the namespaces of process 1", join_namespace),
    ("trace the parent", trace_parent),
    ("make a bpf map", lambda: syscall(SYS_BPF, 0, ctypes.create_string_buffer(128), 128)),
    ("handle page faults", lambda: syscall(SYS_USERFAULTFD, 0)),
    ("plant a key in the keyring",
     lambda: syscall(SYS_ADD_KEY, ctypes.c_char_p(b"user"), ctypes.c_char_p(b"planted"),
                     ctypes.c_char_p(b"x"), 1, -4)),
    ("start io_uring", lambda: syscall(SYS_IO_URING_SETUP, 1, ctypes.create_string_buffer(120))),
    ("change the core dump limit", change_core_limit),
    ("kill process 1", lambda: os.kill(1, signal.SIGKILL)),
    ("kill every process", lambda: os.kill(-1, signal.SIGKILL)),
    ("run a program from /tmp", run_from_tmp),
    ("load a library from /tmp", load_from_tmp),
    ("fork without end", fork_bomb),
]

# The supervisor ends a module that tries one of these, so each needs a run of its own.
DEADLY = {
    "load-module": lambda: syscall(SYS_INIT_MODULE, 0, 0, ctypes.c_char_p(b"")),
    "kexec": lambda: syscall(SYS_KEXEC_LOAD, 0, 0, 0, 0),
}


def inside_a_sandbox():
    """Kill-everybody and the like must never run on a host: demand what only a module sees."""
    return (os.getuid() != 0 and "MODSUP_INSTANCE" in os.environ
            and os.path.exists("/run/modsup/self.json")
            and os.readlink("/proc/self/ns/pid") != INITIAL_PID_NS)


def name_of(error):
    return errno.errorcode.get(error.errno or 0, "refused by the loader")


def attempt(what, run):
    """True when it was refused."""
    try:
        run()
    except OSError as error:
        print(f"tried: {what} -> refused ({name_of(error)})", flush=True)
        return True
    print(f"tried: {what} -> GRANTED", flush=True)
    return False


def main():
    if not inside_a_sandbox():
        print("hostile-python: this is not a modsup sandbox; run it with 'modsupctl run' only",
              file=sys.stderr)
        return 2
    acts = ACTS
    if len(sys.argv) == 3 and sys.argv[1] == "--deadly":
        print(f"trying: {sys.argv[2]}", flush=True)
        acts = [(sys.argv[2], DEADLY[sys.argv[2]])]
    refused = sum(attempt(what, run) for what, run in acts)
    print(f"{len(acts)} acts tried, {refused} refused, {len(acts) - refused} granted")
    return 0 if refused == len(acts) else 1


if __name__ == "__main__":
    sys.exit(main())
