#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two servers on loopback that a probe must survive: hostile_server.py ENDLESS_PORT SILENT_PORT

The first answers 200 and a body that never ends; the second accepts connections and says nothing.
"""
import socket
import sys
import threading


def serve(port, handle):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=handle, args=(connection,), daemon=True).start()


def endless(connection):
    try:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)
    except OSError:
        connection.close()


def silent(connection):
    try:
        while connection.recv(4096):
            pass
    except OSError:
        pass
    connection.close()


threading.Thread(target=serve, args=(int(sys.argv[1]), endless), daemon=True).start()
serve(int(sys.argv[2]), silent)
