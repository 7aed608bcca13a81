#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy in front of a simulated AWS that answers as a bad day of AWS does.

usage: fault_proxy.py TARGET READY_FILE     TARGET is http://HOST:PORT; the proxy's own goes to READY_FILE

Of the calls that come in, one in three is made to suffer, never two on end: any call may be throttled; one that
only reads may also meet a 500, an answer that is cut in the middle, or a connection that ends without one. At
SIGTERM it prints how often it did what.
"""
import collections
import http.client
import http.server
import json
import re
import signal
import sys
import threading
import urllib.parse

READS = re.compile(r"^(Describe|Get|List|Filter|Assume)")
PASSED_ON = ("content-type", "authorization", "x-amz-target", "x-amz-date", "x-amz-security-token",
             "x-amz-content-sha256", "accept", "user-agent")
PASSED_BACK = ("content-type", "x-amzn-requestid", "x-amzn-errortype", "x-amz-request-id")


class Faults:
    """Which call suffers what, in the order of the calls."""

    def __init__(self):
        self._lock = threading.Lock()
        self._calls = 0
        self.done = collections.Counter()

    def next(self, operation):
        with self._lock:
            self._calls += 1
            if self._calls % 3:
                return None
            hows = ("throttle", "error", "cut", "drop") if READS.match(operation) else ("throttle",)
            how = hows[self._calls // 3 % len(hows)]
            self.done[how] += 1
            return how


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target = None
    faults = Faults()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        query = "X-Amz-Target" not in self.headers
        operation = (dict(urllib.parse.parse_qsl(body.decode("latin-1"))).get("Action", "") if query
                     else self.headers["X-Amz-Target"].partition(".")[2])
        how = self.faults.next(operation)
        if how == "throttle":
            return self._refuse(query, 400, "ThrottlingException", "Rate exceeded")
        if how == "error":
            return self._refuse(query, 500, "InternalFailure", "please try again")
        if how == "drop":
            self.close_connection = True
            return None
        return self._pass_on(body, half=how == "cut")

    def _refuse(self, query, status, code, message):
        text = (f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
                if query else json.dumps({"__type": code, "message": message}))
        kind = "text/xml" if query else "application/x-amz-json-1.1"
        self._answer(status, {"Content-Type": kind}, text.encode(), False)

    def _pass_on(self, body, half):
        connection = http.client.HTTPConnection(self.target, timeout=240)
        headers = {name: value for name, value in self.headers.items() if name.lower() in PASSED_ON}
        # Whose region and service it is stands in the signature, and moto goes by it.
        connection.request("POST", self.path, body, {**headers, "Host": self.headers["Host"]})
        answer = connection.getresponse()
        headers = {name: value for name, value in answer.headers.items() if name.lower() in PASSED_BACK}
        self._answer(answer.status, headers, answer.read(), half)
        connection.close()

    def _answer(self, status, headers, body, half):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:len(body) // 2] if half else body)
        self.close_connection = self.close_connection or half

    def log_message(self, *_):
        pass


def main(target, ready):
    Handler.target = urllib.parse.urlsplit(target).netloc
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    with open(ready, "w") as out:
        out.write(f"http://127.0.0.1:{server.server_port}")
    server.serve_forever()
    print(" ".join(f"{how}={count}" for how, count in sorted(Handler.faults.done.items())))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:])
