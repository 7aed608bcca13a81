#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An HTTP sink that judges what it is sent, and misbehaves when asked to.

usage: sink_server.py DIR [--secret whsec_…]

Listens on a free port of the loopback and writes it to DIR/port. The last part of the path says how a
request is answered; DIR/mode, where it exists, says it for all:
  ok        204; what came goes to DIR/received, a JSON object a line, with the verdict on its signature
  fail      500            gone      closes the connection without an answer
  hang      no answer      mute      takes it like ok, and then does not answer
                                    redirect  307 to DIR/elsewhere's address (or to itself, path /stolen)
  flood     200 and a body of 1 GB, as fast as it is taken
  limit     429 with Retry-After: 2
  bad       400
Every request, whatever its answer, is a line "MODE id" in DIR/seen.

The signature is checked with nothing but the standard library, as the specification of Standard
Webhooks says: a second opinion on Salve's own.
"""
import argparse
import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import threading
import time


def verdict(secret, headers, body):
    """'good', or what is wrong with the signature."""
    if secret is None:
        return "unsigned" if headers.get("webhook-signature") is None else "unexpected"
    given = headers.get("webhook-signature") or ""
    stamp = headers.get("webhook-timestamp") or "0"
    if abs(time.time() - int(stamp)) > 300:
        return "stale"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers.get('webhook-id')}.{stamp}.".encode() + body
    mine = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    found = [part.partition(",")[2] for part in given.split() if part.startswith("v1,")]
    return "good" if any(hmac.compare_digest(mine, one) for one in found) else "forged"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, name, text):
        with self.server.lock, open(self.server.dir / name, "a", encoding="utf-8") as file:
            file.write(text + "\n")

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        mode_file = self.server.dir / "mode"
        mode = mode_file.read_text().strip() if mode_file.exists() else self.path.rsplit("/", 1)[-1]
        self.note("seen", f"{mode} {self.headers.get('webhook-id')}")
        getattr(self, "mode_" + mode, self.mode_ok)(body)

    def take(self, body):
        self.note("received", json.dumps({
            "path": self.path,
            "id": self.headers.get("webhook-id"),
            "signature": verdict(self.server.secret, self.headers, body),
            "body": json.loads(body)}))

    def mode_ok(self, body):
        self.take(body)
        self.answer(204)

    def mode_mute(self, body):
        self.take(body)
        self.mode_hang(body)

    def mode_fail(self, _):
        self.answer(500, b"out of order <!channel> \x1b[31m")

    def mode_bad(self, _):
        self.answer(400, b"no such field")

    def mode_limit(self, _):
        self.answer(429, b"slow down", Retry_After="2")

    def mode_redirect(self, _):
        self.answer(307, Location=f"http://127.0.0.1:{self.server.server_port}/stolen/ok")

    def mode_hang(self, _):
        self.server.over.wait(60)
        self.close_connection = True

    def mode_gone(self, _):
        self.close_connection = True

    def mode_flood(self, _):
        size = 1 << 30
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        sent = 0
        try:
            while sent < size:
                self.wfile.write(b"x" * 65536)
                sent += 65536
        except OSError:
            pass
        self.note("flooded", str(sent))
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--secret")
    arguments = parser.parse_args()
    server = Server(("127.0.0.1", 0), Handler)
    server.dir = arguments.dir
    server.secret = arguments.secret
    server.lock = threading.Lock()
    server.over = threading.Event()
    port = arguments.dir / "port.new"
    port.write_text(str(server.server_port))
    port.rename(arguments.dir / "port")
    server.serve_forever()


if __name__ == "__main__":
    main()
