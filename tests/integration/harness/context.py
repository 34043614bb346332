# SPDX-License-Identifier: GPL-2.0-or-later
"""What one test gets: a connection that hears every event, module folders, and ways to run them."""
import json
import os
import pathlib
import select
import shutil
import socket
import tempfile
import time

from .client import Closed, RpcError
from .failure import Failure, require
from .module import manifest, write_module
from .wait import DEADLINE, Timeout

PYTHON = "/usr/bin/python3"


class Finished:
    """A module that has ended: what it wrote, how it ended, what was told of it meanwhile."""

    def __init__(self, running, stdout, stderr, exited):
        self.instance = running.instance
        self.output = stdout
        self.stdout = stdout.decode("utf-8", "replace")
        self.stderr = stderr.decode("utf-8", "replace")
        self.exit = exited
        self.client = running.client

    @property
    def code(self):
        return self.exit.get("code")

    @property
    def signal(self):
        return self.exit.get("signal")

    def json(self):
        """What it printed, as one JSON text."""
        try:
            return json.loads(self.stdout)
        except ValueError as error:
            raise Failure(f"no JSON on stdout ({error}); exit {self.exit}; stdout "
                          f"{self.stdout[:300]!r}; stderr {self.stderr[-600:]!r}") from error

    def events(self, kind=None):
        return self.client.of(self.instance, kind)

    def succeeded(self):
        require(self.code == 0, f"exit {self.exit}; stdout {self.stdout[-300:]!r}; stderr "
                                f"{self.stderr[-600:]!r}")
        return self


class Running:
    """One instance started by a test."""

    def __init__(self, context, client, result, fds):
        self.context, self.client, self.result = context, client, result
        self.instance = result["instance"]
        self.stdin, self.stdout, self.stderr = fds or (None, None, None)

    def socket(self, name="http"):
        return self.result["sockets"][name]

    def connect(self, name="http", timeout=DEADLINE):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        sock.connect(self.socket(name))
        return sock

    def http(self, path, name="http", body=None, timeout=DEADLINE):
        """One HTTP request by hand: (status, body)."""
        head = f"{'POST' if body else 'GET'} {path} HTTP/1.0\r\nHost: module\r\n"
        if body:
            head += f"Content-Length: {len(body)}\r\n"
        with self.connect(name, timeout) as sock:
            sock.sendall(head.encode() + b"\r\n" + (body or b""))
            data = b""
            while chunk := sock.recv(65536):
                data += chunk
        head, _, rest = data.partition(b"\r\n\r\n")
        words = head.split(None, 2)
        require(len(words) > 1, f"no HTTP answer to {path}: {data[:200]!r}")
        return int(words[1]), rest.decode()

    def close_fds(self):
        for name in ("stdin", "stdout", "stderr"):
            fd = getattr(self, name)
            if fd is not None:
                os.close(fd)
                setattr(self, name, None)

    def read_line(self, timeout=DEADLINE):
        """One line of stdout, without reading past it."""
        line, end = b"", time.monotonic() + timeout
        while not line.endswith(b"\n"):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.stdout], [], [], left)[0]:
                raise Timeout(f"no whole line on stdout, only {line!r}")
            byte = os.read(self.stdout, 1)
            if not byte:
                break
            line += byte
        return line.decode("utf-8", "replace")

    def write(self, data):
        os.write(self.stdin, data)

    def close_stdin(self):
        if self.stdin is not None:
            os.close(self.stdin)
            self.stdin = None

    def finish(self, timeout=DEADLINE):
        """Read what it writes until it has ended."""
        texts = {self.stdout: b"", self.stderr: b""}
        opened = [fd for fd in texts if fd is not None]
        end = time.monotonic() + timeout
        while opened:
            left = end - time.monotonic()
            if left <= 0:
                raise Timeout(f"the module has not ended after {timeout:.0f} s: "
                              f"{[t[-300:] for t in texts.values()]}")
            for fd in select.select(opened, [], [], left)[0]:
                data = os.read(fd, 65536)
                texts[fd] += data
                if not data:
                    opened.remove(fd)
        out, err = texts.get(self.stdout, b""), texts.get(self.stderr, b"")
        exited = self.wait(timeout)
        self.close_fds()
        return Finished(self, out, err, exited)

    def wait(self, timeout=DEADLINE):
        """How it ended; its exit event has then been received too."""
        exited = self.client.call("instance.wait", _timeout=timeout, instance=self.instance)["exit"]
        self.client.event(lambda e: e.get("instance") == self.instance
                          and e["type"] == "instance.exited", "the event of the exit")
        return exited

    def stop(self, timeout=DEADLINE * 3):
        return self.client.call("instance.stop", _timeout=timeout, instance=self.instance)

    def violations(self, timeout=DEADLINE, at_least=1):
        """The violations told of it, once there are as many."""
        def enough():
            found = self.client.of(self.instance, "violation")
            return found if len(found) >= at_least else None
        return self.client.pump(enough, f"{at_least} violation(s) of {self.instance}", timeout)


class Context:
    """Handed to each test. Whatever is started through it is ended after the test."""

    def __init__(self, daemon, name):
        self.daemon, self.name = daemon, name
        self.client = daemon.client()
        self.client.subscribe()
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="modsup-module-"))
        self.scratch.chmod(0o755)
        self.clients = [self.client]
        self.started = []
        self.extra = []
        self.n_folders = 0

    def new_client(self):
        client = self.daemon.client()
        self.clients.append(client)
        return client

    def cleanup(self, function):
        """Call @function after the test, whatever comes."""
        self.extra.append(function)

    def say(self, text):
        """A measured figure, shown with the results."""
        print(f"# {self.name}: {text}", flush=True)

    def folder(self, description=None, files=None, name=None):
        self.n_folders += 1
        path = self.scratch / (name or f"module{self.n_folders}")
        return write_module(path, manifest() if description is None else description, files)

    def start(self, path, wait="spawned", client=None, **params):
        client = client or self.client
        params.setdefault("timeout", f"{int(DEADLINE)}s")
        result = client.call("instance.start", _timeout=DEADLINE + 10, path=str(path), wait=wait, **params)
        return self.adopt(result, client, 3 if params.get("stdio") == "pipe" else 0)

    def adopt(self, result, client=None, n_fds=3):
        """An instance that was started by a request of the test's own."""
        client = client or self.client
        running = Running(self, client, result, client.take_fds(n_fds) if n_fds else None)
        self.started.append(running)
        return running

    def launch(self, command, files=None, stdio="pipe", **changes):
        """Start a module made on the spot."""
        return self.start(self.folder(manifest(command, **changes), files), stdio=stdio)

    def run(self, command, files=None, stdin=b"", timeout=DEADLINE, **changes):
        """Run a module made on the spot to its end."""
        running = self.launch(command, files, **changes)
        if stdin:
            running.write(stdin)
        running.close_stdin()
        return running.finish(timeout)

    def shell(self, script, **kwargs):
        return self.run(["/bin/sh", "-c", script], **kwargs)

    def python(self, code, files=None, **kwargs):
        """Run Python inside: @code is the module's main.py."""
        return self.run([PYTHON, "main.py"], dict(files or {}, **{"main.py": code}), **kwargs)

    def done(self):
        for running in self.started:
            running.close_fds()
        if self.daemon.process.poll() is None:
            self._stop_all()
        for client in self.clients:
            client.close()
        for function in reversed(self.extra):
            function()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _stop_all(self):
        with self.daemon.client() as client:
            for running in self.started:
                try:
                    client.call("instance.stop", _timeout=DEADLINE * 3, instance=running.instance)
                except (RpcError, Closed):
                    continue
            # a later run of the same module has an id that the test may never have seen
            for left in client.call("instance.list", limit=500)["instances"]:
                if left["state"] not in ("stopped", "failed"):
                    try:
                        client.call("instance.stop", _timeout=DEADLINE * 3, instance=left["instance"])
                    except (RpcError, Closed):
                        continue
