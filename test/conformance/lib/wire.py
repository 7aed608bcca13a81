# SPDX-License-Identifier: Apache-2.0
"""HTTP over TLS with a bearer token: requests on kept connections, and watch streams.

Nothing here knows what an answer means. A Server may be used by many threads; a Stream by one.
"""
import base64
import http.client
import json
import queue
import re
import socket
import ssl
import tempfile
import urllib.parse

TIMEOUT_SECONDS = 240  # reached only where something is broken


class Response:
    """An answer: `json` is None where the body is not JSON."""

    def __init__(self, code, headers, body):
        self.code = code
        self.headers = headers  # [(lower-case name, value)], in order
        self.body = body
        try:
            self.json = json.loads(body) if body else None
        except ValueError:
            self.json = None

    def header(self, name):
        return [value for key, value in self.headers if key == name]

    @property
    def meta(self):
        return self.json["metadata"]


class Stream:
    """The events of a watch as they come. Close it, or use it in a with statement."""

    def __init__(self, connection, response):
        self._connection = connection
        self._response = response
        self.code = response.status
        self.headers = [(k.lower(), v) for k, v in response.getheaders()]

    def next(self, seconds=TIMEOUT_SECONDS):
        """The next event; None at the stream's end. TimeoutError after `seconds`."""
        self._connection.sock.settimeout(seconds)
        try:
            line = self._response.readline()
        except (socket.timeout, ssl.SSLError) as error:
            raise TimeoutError(f"no watch event within {seconds} s") from error
        except (http.client.IncompleteRead, ConnectionError):
            return None
        return json.loads(line) if line.strip() else None

    def rest(self):
        return self._response.read()

    def close(self):
        self._connection.close()


class Server:
    """One API server: its address, and the tokens of the users that the cases speak as."""

    def __init__(self, name, url, ca_pem, tokens):
        parts = urllib.parse.urlsplit(url)
        self.name = name
        self._address = (parts.hostname, parts.port or 443)
        self._tls = ssl.create_default_context(cadata=ca_pem)
        self._tls.check_hostname = False
        self._tokens = tokens
        self._idle = queue.LifoQueue()

    def _connect(self):
        connection = http.client.HTTPSConnection(
            *self._address, context=self._tls, timeout=TIMEOUT_SECONDS)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _headers(self, user, headers):
        result = {"Accept": "application/json", "User-Agent": "conformance/1"}
        if user is not None:
            result["Authorization"] = "Bearer " + self._tokens.get(user, user)
        result.update(headers or {})
        return {key: value for key, value in result.items() if value is not None}

    def request(self, method, url, body=None, headers=None, user="admin"):
        """`user` is one of the tokens' names, a token itself, or None for no credentials."""
        sent = self._headers(user, headers)
        for kept in (True, False):
            # The second attempt never takes a kept connection: the server may have ended all of them.
            try:
                connection = self._idle.get_nowait() if kept else self._connect()
            except queue.Empty:
                continue
            try:
                connection.request(method, url, body=body, headers=sent)
                response = connection.getresponse()
                answer = Response(response.status,
                                  [(k.lower(), v) for k, v in response.getheaders()],
                                  response.read())
            except (http.client.HTTPException, ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
                connection.close()
                # The server may have ended a kept connection; a new one must work. After a time-out nothing is
                # sent again: it may have been done.
                if not kept:
                    raise
                continue
            if response.will_close:
                connection.close()
            else:
                self._idle.put(connection)
            return answer
        raise AssertionError("unreachable")

    def stream(self, url, headers=None, user="admin"):
        connection = self._connect()
        connection.request("GET", url, headers=self._headers(user, headers))
        return Stream(connection, connection.getresponse())


def _value(text, key):
    found = re.search(r"^\s*" + key + r":\s*(\S+)\s*$", text, re.MULTILINE)
    return found.group(1).strip("'\"") if found else None


def read_kubeconfig(path):
    """(url, CA in PEM, token) of a kubeconfig with one cluster and one user with a token."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    ca = _value(text, "certificate-authority-data")
    if ca is not None:
        pem = base64.b64decode(ca).decode()
    else:
        with open(_value(text, "certificate-authority"), encoding="utf-8") as file:
            pem = file.read()
    url, token = _value(text, "server"), _value(text, "token")
    if not url or not token:
        raise ValueError(f"{path}: needs one server and one user with a token")
    return url, pem, token


def temporary_directory(name):
    # Short: etcd and the kubelet keep sockets in it.
    return tempfile.mkdtemp(prefix=f"salve-{name}-", dir="/tmp")
