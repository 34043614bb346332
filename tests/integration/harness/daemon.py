# SPDX-License-Identifier: GPL-2.0-or-later
"""A modsupd of our own, wholly inside one temporary folder."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

from .client import Client
from .wait import DEADLINE, Timeout, until

PROGRAMS = ("modsupd", "modsup-shim", "modsup-inspect", "modsupctl")


def build_dir():
    """The build folder, with the programs of the product in it."""
    folder = os.environ.get("MS_BUILDDIR")
    if not folder:
        sys.exit("MS_BUILDDIR is not set: name the folder in which 'make' was run")
    missing = [name for name in PROGRAMS if not os.access(f"{folder}/{name}", os.X_OK)]
    if missing:
        sys.exit(f"{folder} lacks {', '.join(missing)}: run 'make' there first")
    return pathlib.Path(folder)


def default_config():
    """What an administrator of such a machine would write: the disk of a test's guest is small, and
    a kernel before Linux 6.3 has no vm.memfd_noexec."""
    config = {"host": {"reserve": {"disk": "16M"}}}
    if not os.path.exists("/proc/sys/vm/memfd_noexec"):
        config["optionalLayers"] = ["memfd-noexec"]
    return json.dumps(config)



class Daemon:
    """Started on construction; the socket answers when the constructor returns."""

    def __init__(self, config=None, env=None, folder=None, libexec=None):
        self.own_folder = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="modsup-test-"))
        self.folder.chmod(0o755)
        self.socket = self.folder / "control.sock"
        self.log_path = pathlib.Path(f"{self.folder}.log")
        self.env = env
        self.libexec = libexec  # the helpers of another build
        self.id = None
        self.process = None
        if config is None:
            config = default_config()
        if config is not None:
            (self.folder / "modsupd.json").write_text(config, encoding="utf-8")
        self.start()

    @property
    def pid(self):
        return self.process.pid

    def command(self):
        build = build_dir()
        return [str(build / "modsupd"), "--private", str(self.folder), "--libexec", str(self.libexec or build)]

    def start_without_waiting(self):
        with open(self.log_path, "ab") as log:
            return subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env=dict(os.environ, **(self.env or {})), start_new_session=True)

    def start(self):
        self.process = self.start_without_waiting()
        try:
            client = until(self._try_connect, "the control socket answers")
        except (Timeout, ChildProcessError):
            self.kill()
            raise
        with client:
            self.id = client.call("supervisor.info")["daemonId"]

    def _try_connect(self):
        if self.process.poll() is not None:
            raise ChildProcessError(f"modsupd ended with {self.process.returncode}: {self.log()}")
        try:
            return Client(self.socket)
        except (FileNotFoundError, ConnectionRefusedError):
            return None

    def client(self):
        return Client(self.socket)

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")[-4000:]

    def runtime_files(self):
        """Names in the runtime folder; state that is meant to stay is not counted."""
        found = []
        for folder, folders, names in os.walk(self.folder):
            folders[:] = [d for d in folders if d not in ("state", "log")]
            found += [os.path.relpath(os.path.join(folder, n), self.folder) for n in names]
            found += [os.path.relpath(os.path.join(folder, d), self.folder) + "/" for d in folders]
        return sorted(found)

    def terminate(self, timeout=DEADLINE * 2):
        """SIGTERM, as systemd would; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE)

    def done(self):
        """End it however it stands and remove its folder; the exit status. What a killed daemon left
        running is ended by one that takes it over."""
        try:
            if self.process.poll() == -signal.SIGKILL:
                self.start()
            status = self.terminate()
        except subprocess.TimeoutExpired:
            self.kill()
            status = None
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.log_path.unlink(missing_ok=True)
        return status
