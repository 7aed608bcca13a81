#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Posts alerts as Alertmanager would, and tells what became of them.

usage: load.py --address HOST:PORT --token T --alerts N --problems N [--connections N] [--batch N]
               [--accepted FILE] [--until-broken] [--slow N]

Prints accepted, refused, seconds, and the latency of deliveries. Exit: 0 all were accepted (or the
connection broke under --until-broken), 1 some were not.
"""
import argparse
import http.client
import json
import socket
import sys
import threading
import time


def body_of(numbers, problems):
    alerts = [
        {
            "status": "firing",
            "labels": {"alertname": "Load", "problem": str(n % problems + 1)},
            "annotations": {"summary": f"problem {n % problems + 1}"},
            "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
        }
        for n in numbers
    ]
    return json.dumps({"version": "4", "status": "firing", "alerts": alerts}).encode()


class Load:
    def __init__(self, options):
        self.options = options
        self.next = 0
        self.accepted = 0
        self.refused = 0
        self.broken = False
        self.millis = []
        self.lock = threading.Lock()
        self.file = open(options.accepted, "w") if options.accepted else None

    def take(self):
        with self.lock:
            if self.broken or self.next >= self.options.alerts:
                return []
            begin = self.next
            self.next = min(begin + self.options.batch, self.options.alerts)
            return list(range(begin, self.next))

    def run(self):
        host, port = self.options.address.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=240)
        headers = {"Content-Type": "application/json", "Authorization": "Bearer " + self.options.token}
        while numbers := self.take():
            begin = time.monotonic()
            try:
                connection.request("POST", "/api/v1/webhooks/am", body_of(numbers, self.options.problems), headers)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                with self.lock:
                    self.broken = True
                    if not self.options.until_broken:
                        self.refused += len(numbers)
                        print("connection:", error, file=sys.stderr)
                return
            with self.lock:
                self.millis.append((time.monotonic() - begin) * 1000)
                if answer.status == 202:
                    self.accepted += len(numbers)
                    if self.file:
                        for n in numbers:
                            self.file.write(f"{n % self.options.problems + 1}\n")
                        self.file.flush()
                elif not self.options.until_broken:
                    self.refused += len(numbers)


def hold_open(address, count):
    """Connections whose request never ends, from another address than that of the healthy ones."""
    host, port = address.rsplit(":", 1)
    held = []
    for _ in range(count):
        try:
            one = socket.create_connection((host, int(port)), timeout=5, source_address=("127.0.0.2", 0))
            one.sendall(b"POST /api/v1/webhooks/am HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            held.append(one)
        except OSError:
            pass  # refused or closed at once: as good as held for what is asked here
    return held


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--alerts", type=int, required=True)
    parser.add_argument("--problems", type=int, required=True)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--accepted")
    parser.add_argument("--until-broken", action="store_true")
    parser.add_argument("--slow", type=int, default=0)
    options = parser.parse_args()
    held = hold_open(options.address, options.slow)
    load = Load(options)
    begin = time.monotonic()
    threads = [threading.Thread(target=load.run) for _ in range(options.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - begin
    for one in held:
        one.close()
    millis = sorted(load.millis) or [0]
    print(f"accepted: {load.accepted}")
    print(f"refused: {load.refused}")
    print(f"seconds: {seconds:.1f}")
    print(f"p50 ms: {millis[len(millis) // 2]:.1f}")
    print(f"p99 ms: {millis[min(len(millis) - 1, len(millis) * 99 // 100)]:.1f}")
    return 0 if load.refused == 0 and (options.until_broken or load.accepted == options.alerts) else 1


if __name__ == "__main__":
    sys.exit(main())
