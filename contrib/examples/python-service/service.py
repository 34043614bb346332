# SPDX-License-Identifier: GPL-2.0-or-later
"""A Python service on the socket it was given.

GET  /         how many requests were counted since the installation was first started
GET  /whoami   what the module sees
POST /words    counts the words of the body
"""
import http.server
import json
import os
import signal
import socket
import socketserver
import sys
import threading

LISTEN_FD = 3
COUNTER = "/module/state/counter"
MAX_BODY = 1 << 20


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """An HTTP server over a listening socket that somebody else made."""

    daemon_threads = True
    lock = threading.Lock()

    def __init__(self, fd):
        super().__init__(("", 0), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = socket.socket(fileno=fd)

    def count(self):
        """Add one to the counter that outlives the process; a rename keeps it whole."""
        with self.lock:
            with open(COUNTER, encoding="ascii") as file:
                value = int(file.read() or 0) + 1
            with open(COUNTER + ".new", "w", encoding="ascii") as file:
                file.write(f"{value}\n")
            os.rename(COUNTER + ".new", COUNTER)
            return value


class Handler(http.server.BaseHTTPRequestHandler):
    """One request. The peer of a Unix socket has no address to print."""

    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "peer"

    def answer(self, status, body):
        data = (json.dumps(body) + "\n").encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == "/":
            self.answer(200, {"count": self.server.count()})
        elif self.path == "/whoami":
            self.answer(200, {"uid": os.getuid(), "pid": os.getpid(), "cwd": os.getcwd(),
                              "env": sorted(os.environ), "files": sorted(os.listdir("."))})
        else:
            self.answer(404, {"error": "not found"})

    def do_POST(self):
        length = int(self.headers.get("content-length", "0"))
        if self.path != "/words" or length > MAX_BODY:
            self.close_connection = True
            self.answer(404 if self.path != "/words" else 413, {"error": "refused"})
            return
        text = self.rfile.read(length).decode("utf-8", "replace")
        self.answer(200, {"words": len(text.split())})


def main():
    server = Server(LISTEN_FD)

    def stop(_signal, _frame):
        # shutdown() waits for serve_forever(), which this very thread is running.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    print("python-service: ready", flush=True)
    server.serve_forever(poll_interval=0.2)
    print("python-service: stopped", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
