# SPDX-License-Identifier: LGPL-2.1-or-later
"""modsupd's control socket for Python 3.9 and later, standard library only. One object is for one
thread. Timeouts are seconds, None waits for ever. README.md shows its use."""
import collections
import json
import os
import random
import select
import socket
import time

DEFAULT_SOCKET = "/run/modsup/control.sock"
MAX_LINE, MAX_IN_FLIGHT, MAX_NOTES, FOR_EVER = 4 << 20, 64, 10000, 1e6

class Error(Exception): """Whatever goes wrong here."""
class Closed(Error, ConnectionError): """No connection (any more): what was under way may be done or not."""
class TimedOut(Error, TimeoutError): """Not in time; the connection is as good as before."""
class Refused(Error):
    """The supervisor said no: switch on .reason; .retry is "never", "later" or "after-change"."""
    def __new__(cls, error): return super().__new__(KINDS.get(error.get("code"), Invalid))
    def __init__(self, error):
        self.code, self.message, self.data = error.get("code"), error.get("message"), error.get("data", {})
        self.reason, self.hint = self.data.get("reason", ""), self.data.get("hint", "")
        self.retry, self.retry_after_ms = self.data.get("retry", "never"), self.data.get("retryAfterMs", 0)
        super().__init__(f"{self.message} ({self.reason})" + (f"; {self.hint}" if self.hint else ""))
class Invalid(Refused): """The request, a manifest or the configuration is wrong."""
class NotFound(Refused): """There is no such thing, or not for this peer."""
class Forbidden(Refused): """Role, tier or an emergency stand against it."""
class Conflict(Refused): """Not as things are now."""
class Unavailable(Refused): """Too busy, too full, too late, or broken inside."""

KINDS = {-32001: NotFound, -32002: Forbidden, -32003: Forbidden, -32004: Conflict,
         -32005: Unavailable, -32006: Unavailable, -32007: Unavailable, -32099: Unavailable}

def dial(path, timeout):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(timeout)
    try:
        sock.connect(str(path))
    except OSError as error:
        sock.close()
        raise Closed(f"connect to {path}: {error.strerror or error}") from error
    return sock

class Modsup:
    """One connection. `hello` is the greeting; `notes` keeps what came unasked, the newest 10000."""
    sock = None
    def __init__(self, path=None, timeout=10.0):
        self.path, self.timeout = str(path or os.environ.get("MODSUP_SOCKET") or DEFAULT_SOCKET), timeout
        self.connect()

    def connect(self):
        """Again, after Closed. What was under way is forgotten."""
        self.close()
        self.buffer, self.out, self.last_id, self.answers, self.hello = b"", b"", 0, {}, None
        self.notes, self.sock = collections.deque(maxlen=MAX_NOTES), dial(self.path, self.timeout)
        self.sock.setblocking(False)
        self._pump(lambda: self.hello, self.timeout, "no greeting")
        if self.hello["protocol"]["major"] != 1:
            raise Error(f"the supervisor speaks protocol {self.hello['protocol']}, this client speaks 1")

    def close(self):
        self.sock = self.sock and self.sock.close()
    def __enter__(self): return self
    def __exit__(self, *_): self.close()

    def _pump(self, done, timeout, what):
        """Write what waits and read what comes until done() is true."""
        end = time.monotonic() + (FOR_EVER if timeout is None else timeout)
        while not done():
            if not self.sock:
                raise Closed("the connection is closed")
            poll = select.poll()
            poll.register(self.sock, select.POLLIN | (select.POLLOUT if self.out else 0))
            ready = poll.poll(max(0.0, end - time.monotonic()) * 1000)
            if not ready:
                raise TimedOut(f"{what} within {timeout} s")
            try:
                if ready[0][1] & select.POLLOUT:
                    self.out = self.out[self.sock.send(self.out, socket.MSG_NOSIGNAL):]
                if ready[0][1] & ~select.POLLOUT:
                    self._read()
            except (OSError, ValueError, LookupError, TypeError, AttributeError, Refused) as error:
                self.close()
                raise error if isinstance(error, Error) else Closed(str(error)) from error

    def _read(self):
        data = self.sock.recv(1 << 18)
        if not data or len(self.buffer) > MAX_LINE:
            raise Closed("the supervisor ended the connection" if not data else "its line is too long")
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for message in map(json.loads, lines):
            if message.get("method") == "hello":
                self.hello = message["params"]
            elif message.get("id") in self.answers:
                self.answers[message["id"]] = message
            elif "error" in message and not message.get("id"):
                raise Refused(message["error"])  # it is about the connection, which ends
            elif "method" in message:
                self.notes.append(message)

    def send(self, method, params=None, *, key=None):
        """Begin a request, for finish(). At most 64 are under way: for more, answers are awaited."""
        self._pump(lambda: sum(not a for a in self.answers.values()) < MAX_IN_FLIGHT, None, "")
        self.last_id += 1
        params = {**(params or {}), **({"key": key} if key else {})}
        self.out += json.dumps({"jsonrpc": "2.0", "id": self.last_id, "method": method,
                                "params": params}).encode() + b"\n"
        self.answers[self.last_id] = None
        return self.last_id

    def finish(self, ident, timeout=30.0):
        """The result of a request, or Refused. After TimedOut it may be asked for again."""
        self._pump(lambda: self.answers[ident], timeout, "no answer")
        answer = self.answers.pop(ident)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def call(self, method, params=None, *, timeout=30.0, key=None):
        return self.finish(self.send(method, params, key=key), timeout)

    def stream(self, path, timeout=None):
        """The lines of a stream that an answer named, each a parsed JSON text. It is beside our socket."""
        path = os.path.join(os.path.dirname(self.path), os.path.basename(path))
        with dial(path, self.timeout) as sock, sock.makefile("rb") as lines:
            sock.settimeout(timeout)
            yield from map(json.loads, lines)

class Events:
    """Those of event.subscribe for ever: reconnects, goes on after the last one, tells each hole as the
    supervisor does (type "gap", data {from, to, reason}), and "client.connected" and
    "client.disconnected". `since` is {epoch, seq}: keep it, and another process can go on."""
    def __init__(self, params=None, *, path=None, since=None, timeout=10.0, first=0.1, most=10.0):
        self.params, self.path, self.since, self.timeout = params or {}, path, since, timeout
        self.first, self.most, self.attempt, self.retry_at, self.prev = first, most, 0, 0.0, 0
        self.conn, self.ready = None, collections.deque()

    def close(self):
        self.conn = self.conn and self.conn.close()

    def __iter__(self): return iter(self.next, None)

    def next(self, timeout=None):
        """The next one, or None when the timeout passes first."""
        end = time.monotonic() + (FOR_EVER if timeout is None else timeout)
        while not self.ready:
            now = time.monotonic()
            left, wait = max(0.0, end - now), 0.0 if self.conn else max(0.0, self.retry_at - now)
            time.sleep(min(left, wait))
            if left < wait:
                return None
            try:
                if self.conn:
                    self.conn._pump(lambda: self.conn.notes, left, "no event")
                    self._take(self.conn.notes.popleft()["params"])
                else:
                    self._subscribe()
            except Error as error:
                if isinstance(error, TimedOut) and self.prev is not None:
                    return None
                self._lost(error)
        event = self.ready.popleft()
        if "prev" in event:
            self.since = {"epoch": event["epoch"], "seq": event.get("seq") or event["data"]["to"]}
        return event

    def _subscribe(self):
        self.prev = None  # until it stands
        self.conn = Modsup(self.path, self.timeout)
        since = {"since": self.since} if self.since else {}
        answer = self.conn.call("event.subscribe", {**self.params, **since}, timeout=self.timeout)
        self.since = self.since or {"epoch": answer["epoch"], "seq": answer["next"] - 1}
        again = since and answer["epoch"] == self.since["epoch"]
        self.prev, self.attempt = self.since["seq"] if again else 0, 0
        self.ready.append({"type": "client.connected", "data": self.conn.hello})

    def _take(self, event):
        gap, same = event["type"] == "gap", event.get("epoch") == self.since["epoch"]
        if not gap and ("seq" not in event or same and event["seq"] <= self.since["seq"]):
            self.prev = event.get("seq", self.prev)  # of a kind without numbers, or told already
            return
        if not gap and (event["prev"] != self.prev or not same):
            low, high = sorted((event["prev"], self.prev)) if same else (-1, event["seq"] - 1)
            self.ready.append({"type": "gap", "prev": self.prev, "epoch": event["epoch"], "data": {
                "from": low + 1, "to": high, "reason": "missing" if same else "epoch"}})
        self.prev = event["data"]["to"] if gap else event["seq"]
        self.ready.append(event)
        if gap and event["data"]["ended"]:
            self.close()  # and subscribe again

    def _lost(self, error):
        self.close()
        if isinstance(error, Refused) and error.retry != "later":
            raise error
        if not self.attempt:
            self.ready.append({"type": "client.disconnected", "data": {"reason": str(error)}})
        wait = min(self.most, self.first * 2 ** self.attempt) * random.uniform(0.5, 1)
        self.retry_at, self.attempt = time.monotonic() + wait, min(30, self.attempt + 1)
