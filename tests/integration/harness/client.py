# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of the control socket: one JSON-RPC message a line, written from the protocol's
description and sharing no code with the product."""
import json
import os
import select
import socket
import time

from .wait import DEADLINE, Timeout

MAX_FDS = 4


class RpcError(Exception):
    """A refusal, with the fields that a backend switches on."""

    def __init__(self, error):
        self.code = error.get("code")
        self.message = error.get("message", "")
        self.data = error.get("data") or {}
        self.reason = self.data.get("reason", "")
        super().__init__(f"{self.code} {self.reason}: {self.message}")


class Closed(Exception):
    """The server ended the connection."""


class Client:
    """One connection. Events that arrive while an answer is awaited are kept, each with the
    monotonic time of its arrival under "_at"."""

    def __init__(self, path, sock=None):
        """@sock: one that is connected already, by whoever it was."""
        self.path = path
        self.sock = sock or socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if sock is None:
            self.sock.connect(str(path))
        self.buffer = b""
        self.fds = []
        self.next_id = 1
        self.answers = {}
        self.events = []
        self.strays = []
        self.hello = None
        self.pump(lambda: self.hello, "hello")

    def close(self):
        self.sock.close()
        while self.fds:
            os.close(self.fds.pop())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def fileno(self):
        return self.sock.fileno()

    # Reading

    def _receive(self):
        data, fds, flags, _ = socket.recv_fds(self.sock, 1 << 16, MAX_FDS)
        now = time.monotonic()
        self.fds.extend(fds)
        if flags & socket.MSG_CTRUNC:
            raise AssertionError("more descriptors in one message than the protocol allows")
        if not data:
            raise Closed("the supervisor closed the connection")
        self.buffer += data
        while b"\n" in self.buffer:
            line, self.buffer = self.buffer.split(b"\n", 1)
            self._message(json.loads(line), now)

    def _message(self, message, now):
        if message.get("method") == "hello":
            self.hello = message["params"]
        elif message.get("method") == "event":
            self.events.append(dict(message["params"], _at=now))
        elif message.get("id") in self.answers:
            self.answers[message["id"]] = message
        else:
            self.strays.append(message)

    def pump(self, done, what, timeout=DEADLINE):
        """Read until done() is true; its value."""
        end = time.monotonic() + timeout
        while True:
            value = done()
            if value:
                return value
            left = end - time.monotonic()
            if left <= 0:
                raise Timeout(f"not within {timeout:.0f} s: {what}")
            if select.select([self.sock], [], [], left)[0]:
                self._receive()

    def drain(self):
        """Take what is there already, wait for nothing."""
        while select.select([self.sock], [], [], 0)[0]:
            self._receive()

    # Requests

    def send(self, method, **params):
        """Begin a request; the id by which finish() knows it."""
        ident = self.next_id
        self.next_id += 1
        self.answers[ident] = None
        text = json.dumps({"jsonrpc": "2.0", "id": ident, "method": method, "params": params})
        self.sock.sendall(text.encode() + b"\n")
        return ident

    def finish(self, ident, timeout=DEADLINE):
        message = self.pump(lambda: self.answers[ident], f"the answer to request {ident}", timeout)
        del self.answers[ident]
        if "error" in message:
            raise RpcError(message["error"])
        return message["result"]

    def call(self, method, _timeout=DEADLINE, **params):
        return self.finish(self.send(method, **params), _timeout)

    def refused(self, method, **params):
        """The error of a call that must not succeed."""
        try:
            result = self.call(method, **params)
        except RpcError as error:
            return error
        raise AssertionError(f"{method} was accepted: {result}")

    def raw(self, data, timeout=DEADLINE):
        """Send bytes that may not be a request at all; the first message that answers none, or
        None when the server hung up instead."""
        del self.strays[:]
        try:
            self.sock.sendall(data)
            return self.pump(lambda: self.strays and self.strays[0], "an answer to raw bytes", timeout)
        except (Closed, BrokenPipeError, ConnectionResetError):
            return None

    def take_fds(self, count):
        """The descriptors that came with the last answer; now the caller's."""
        if len(self.fds) != count:
            raise AssertionError(f"{len(self.fds)} descriptors came, {count} were declared")
        fds, self.fds = self.fds, []
        return fds

    # Events

    def subscribe(self, **params):
        return self.call("event.subscribe", **params)

    def event(self, wanted, what, timeout=DEADLINE):
        """The first event, past or to come, for which wanted(event) is true."""
        return self.pump(lambda: next((e for e in self.events if wanted(e)), None), what, timeout)

    def of(self, instance, kind=None):
        """The events of one instance that have come so far."""
        return [e for e in self.events
                if e.get("instance") == instance and (kind is None or e["type"] == kind)]
