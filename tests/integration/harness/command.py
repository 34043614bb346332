# SPDX-License-Identifier: GPL-2.0-or-later
"""A command executed into an instance, by the protocol."""
import os
import select
import time

from .wait import DEADLINE, Timeout


class Done:
    """How a command ended, and what it wrote."""

    def __init__(self, stdout, stderr, end):
        self.stdout = stdout.decode("utf-8", "replace")
        self.stderr = stderr.decode("utf-8", "replace")
        self.end = end
        self.exit = end.get("exit", {})


class Command:
    """Runs once the constructor returns. @which: an instance's id, or params that name one."""

    def __init__(self, client, which, command, **params):
        which = {"instance": which} if isinstance(which, str) else which
        self.client = client
        result = client.call("instance.exec", command=list(command), **which, **params)
        self.id = result["exec"]
        self.fds = client.take_fds(1 if params.get("stdio") == "tty" else 3)

    def write(self, data):
        os.write(self.fds[0], data)

    def close_stdin(self):
        if self.fds[0] >= 0:
            os.close(self.fds[0])
            self.fds[0] = -1

    def read_line(self, timeout=DEADLINE):
        """One line of its output, without reading past it."""
        line, end = b"", time.monotonic() + timeout
        while not line.endswith(b"\n"):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fds[1]], [], [], left)[0]:
                raise Timeout(f"no whole line of the command, only {line!r}")
            byte = os.read(self.fds[1], 1)
            if not byte:
                break
            line += byte
        return line.decode("utf-8", "replace")

    def wait(self, timeout=DEADLINE):
        """The params of its exec.exited."""
        def told():
            return next((m["params"] for m in self.client.strays
                         if m.get("method") == "exec.exited" and m["params"]["exec"] == self.id), None)
        return self.client.pump(told, f"the end of the command {self.id}", timeout)

    def close(self):
        for n, fd in enumerate(self.fds):
            if fd >= 0:
                os.close(fd)
                self.fds[n] = -1

    def finish(self, stdin=b"", timeout=DEADLINE):
        """Give it @stdin, read what it writes until both streams end, wait for its end."""
        if stdin:
            self.write(stdin)
        self.close_stdin()
        texts = {self.fds[1]: b"", self.fds[2]: b""}
        opened, end = list(texts), time.monotonic() + timeout
        while opened:
            left = end - time.monotonic()
            if left <= 0:
                raise Timeout(f"the command {self.id} writes on: {list(texts.values())}")
            for fd in select.select(opened, [], [], left)[0]:
                data = os.read(fd, 65536)
                texts[fd] += data
                if not data:
                    opened.remove(fd)
        out, err = texts.values()
        ended = self.wait(timeout)
        self.close()
        return Done(out, err, ended)


def execute(t, running, command, stdin=b"", timeout=DEADLINE, **params):
    """Run a command in an instance of a test to its end."""
    which = running if isinstance(running, (str, dict)) else running.instance
    made = Command(t.client, which, command, **params)
    t.cleanup(made.close)
    return made.finish(stdin, timeout)
