# SPDX-License-Identifier: Apache-2.0
"""The few calls of the Docker Engine API that running tasks needs, over the engine's unix socket."""
import http.client
import json
import socket
import struct
import urllib.parse

API = "/v1.41"


class EngineError(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Engine:
    """Safe to use from several threads: every call has a connection of its own."""

    def __init__(self, host):
        scheme, _, path = host.partition("://")
        if scheme != "unix" or not path:
            raise ValueError(f"--docker must be unix:///PATH, not {host}")
        self._path = path

    def _call(self, method, path, body=None, query=None, timeout=60):
        connection = _UnixConnection(self._path, timeout)
        try:
            url = API + path + ("?" + urllib.parse.urlencode(query) if query else "")
            data = None if body is None else json.dumps(body)
            connection.request(method, url, data, {"Content-Type": "application/json"} if data else {})
            answer = connection.getresponse()
            text = answer.read()
        except OSError as problem:
            raise EngineError(0, f"{method} {path}: {problem}") from problem
        finally:
            connection.close()
        if answer.status >= 400:
            try:
                message = json.loads(text)["message"]
            except (ValueError, KeyError):
                message = text.decode(errors="replace")
            raise EngineError(answer.status, message)
        return json.loads(text) if text else None

    def image_id(self, image):
        """What the name means now, "sha256:…"; None where there is no such image."""
        try:
            return self._call("GET", f"/images/{image}/json")["Id"]
        except EngineError as problem:
            if problem.status in (400, 404):
                return None
            raise

    def create(self, name, spec):
        return self._call("POST", "/containers/create", spec, {"name": name})["Id"]

    def start(self, container):
        self._call("POST", f"/containers/{container}/start")

    def stop(self, container, seconds):
        """Asks with SIGTERM, kills after that many seconds. One that has ended already is all right."""
        try:
            self._call("POST", f"/containers/{container}/stop", None, {"t": seconds}, timeout=seconds + 60)
        except EngineError as problem:
            if problem.status not in (304, 404):
                raise

    def remove(self, container):
        try:
            self._call("DELETE", f"/containers/{container}", None, {"force": "true", "v": "true"})
        except EngineError as problem:
            if problem.status not in (404, 409):
                raise

    def inspect(self, container):
        return self._call("GET", f"/containers/{container}/json")

    def list(self, label):
        """All containers that carry the label, those that have ended too."""
        filters = json.dumps({"label": [label]})
        return self._call("GET", "/containers/json", None, {"all": "true", "filters": filters})

    def follow_logs(self, container):
        """Yields (time as the engine writes it, line) until the container has ended and all is read."""
        connection = _UnixConnection(self._path, None)
        query = urllib.parse.urlencode(
            {"follow": "true", "stdout": "true", "stderr": "true", "timestamps": "true"})
        try:
            connection.request("GET", f"{API}/containers/{container}/logs?{query}")
            answer = connection.getresponse()
            if answer.status >= 400:
                raise EngineError(answer.status, answer.read().decode(errors="replace"))
            pending = {}
            while True:
                head = answer.read(8)
                if len(head) < 8:
                    break
                stream, size = struct.unpack(">BxxxL", head)
                pending[stream] = pending.get(stream, b"") + answer.read(size)
                *lines, pending[stream] = pending[stream].split(b"\n")
                for line in lines:
                    yield _split_line(line)
            for rest in pending.values():
                if rest:
                    yield _split_line(rest)
        finally:
            connection.close()


def _split_line(line):
    stamp, _, text = line.decode(errors="replace").partition(" ")
    return stamp, text.rstrip("\r")
