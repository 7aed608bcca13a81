#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opens connections to a TLS port and never finishes a handshake.

usage: half_handshakes.py --address HOST:PORT --connections N [--from ADDRESS] [--kind silent|started|trickle]

"silent" says nothing, "started" sends half a ClientHello, "trickle" sends it byte by byte, four a second. Prints
"opened" once all are open, then, when the server has closed every one of them, "turned away A, cut C after S.S s": A
were closed within five seconds, S.S is when the last one was. Exit: 0; 1 some were still open after 60 s.
"""
import argparse
import selectors
import socket
import sys
import time

# The record layer and the head of a ClientHello of 512 bytes; the rest never comes in time.
BEGINNING = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
LIMIT = 60.0
AT_ONCE = 5.0


def opened(options):
    host, port = options.address.rsplit(":", 1)
    for _ in range(options.connections):
        one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        one.bind((options.source, 0))
        one.connect((host, int(port)))
        if options.kind != "silent":
            one.send(BEGINNING)
        one.setblocking(False)
        yield one


def closed(one):
    """Whether the server has ended it; what it says before (an alert) is read away."""
    try:
        return one.recv(4096) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--from", dest="source", default="127.0.0.2")
    parser.add_argument("--kind", choices=["silent", "started", "trickle"], default="silent")
    options = parser.parse_args()

    begin = time.monotonic()
    selector = selectors.DefaultSelector()
    for one in opened(options):
        selector.register(one, selectors.EVENT_READ)
    print("opened", flush=True)
    turned_away = cut = 0
    last = 0.0
    while selector.get_map() and time.monotonic() - begin < LIMIT:
        for key, _ in selector.select(timeout=0.25):
            if closed(key.fileobj):
                last = time.monotonic() - begin
                turned_away, cut = (turned_away + 1, cut) if last < AT_ONCE else (turned_away, cut + 1)
                selector.unregister(key.fileobj)
                key.fileobj.close()
        if options.kind == "trickle":
            for key in list(selector.get_map().values()):
                try:
                    key.fileobj.send(b"\x00")
                except OSError:
                    pass  # closed: the next look sees it
    print(f"turned away {turned_away}, cut {cut} after {last:.1f} s")
    return 1 if selector.get_map() else 0


if __name__ == "__main__":
    sys.exit(main())
