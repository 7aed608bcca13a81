# SPDX-License-Identifier: Apache-2.0
"""The HTTP side: takes calls, checks who calls and what may be done, answers as AWS does."""
import http.server
import json
import re
import secrets
import socket
import struct
import sys
import time
import traceback
import urllib.parse
import uuid
from email.utils import formatdate

import balancers
import errors
import grants
import sigv4

# Target prefix → the name that requests are signed for.
SERVICES = {
    "AmazonEC2ContainerServiceV20141113": "ecs",
    "Logs_20140328": "logs",
    "AnyScaleFrontendService": "application-autoscaling",
}
BALANCERS = "elasticloadbalancing"
LOGS = {
    "CreateLogGroup": "create_group", "DeleteLogGroup": "delete_group", "DescribeLogGroups": "describe_groups",
    "DescribeLogStreams": "describe_streams", "FilterLogEvents": "filter_events",
}
CREDENTIALS_TOKEN = "suite-token"  # what the credential endpoint wants to see as Authorization
MOST_BYTES = 1 << 20
IDLE_SECONDS = 75


class _Cut(Exception):
    """The connection is to be cut without an answer."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Server"
    sys_version = ""
    timeout = IDLE_SECONDS
    parts = None  # the Server of ecs_server.py

    def log_message(self, format, *args):
        pass

    def date_time_string(self, timestamp=None):
        return formatdate(time.time() + self.parts.skew, usegmt=True)

    def do_GET(self):
        if self.path == "/_credentials":
            token = self.headers.get("Authorization", "")
            if not secrets.compare_digest(token, CREDENTIALS_TOKEN):
                self._answer(401, {"code": "AccessDenied", "message": "wrong authorization token"})
            else:
                self._answer(200, self.parts.identities.new_session())
        else:
            self._answer(404, {"message": "there is nothing here"})

    def do_POST(self):
        body = self._body()
        if body is None:
            return
        if self.path == "/_control":
            self._control(body)
            return
        try:
            self._call(body)
        except _Cut:
            self._cut()

    def _body(self):
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,8}", length) or int(length) > MOST_BYTES:
            self.close_connection = True
            self._answer(413, {"message": "a body of at most 1 MiB with its Content-Length is taken"})
            return None
        return self.rfile.read(int(length))

    def _control(self, body):
        try:
            self._answer(200, self.parts.control.handle(json.loads(body or b"{}")))
        except (ValueError, KeyError, TypeError) as problem:
            self._answer(400, {"message": f"{type(problem).__name__}: {problem}"})

    # --- a call --------------------------------------------------------------------------------------

    def _call(self, body):
        target = self.headers.get("X-Amz-Target", "")
        form = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        query = form and not target
        prefix, _, operation = target.partition(".")
        service = SERVICES.get(prefix, "ecs")
        if query:
            service, operation = BALANCERS, dict(urllib.parse.parse_qsl(body.decode("latin-1"))).get("Action", "")
        key = self._claimed_key()
        claimed = self.parts.identities.find(key) if key else None
        record = {"who": claimed.name if claimed else None, "key": key, "service": service, "operation": operation,
                  "request": None, "status": 200, "code": None, "requestId": str(uuid.uuid4()),
                  "fault": None, "applied": False}
        try:
            if prefix not in SERVICES and not query:
                raise errors.ApiError("UnknownOperationException", "X-Amz-Target names no service of this server")
            answer = self._perform(service, operation, body, record)
        except errors.ApiError as problem:
            record.update(status=problem.status, code=problem.code)
            self.parts.calls.add(record)
            if query:
                self._write(problem.status, "text/xml", balancers.error_text(problem, record["requestId"]),
                            problem.headers, record["requestId"])
                return
            self._answer(problem.status, {"__type": problem.code, "message": problem.message},
                         {"x-amzn-ErrorType": problem.code, **problem.headers}, record["requestId"])
            return
        except _Cut:
            record.update(status=0)
            self.parts.calls.add(record)
            raise
        except Exception:
            traceback.print_exc(file=sys.stderr)
            record.update(status=500, code="ServerException")
            self.parts.calls.add(record)
            self._answer(500, {"__type": "ServerException", "message": "the test server has a defect, see its log"},
                         None, record["requestId"])
            return
        self.parts.calls.add(record)
        if record["fault"] == "stall":
            self._hold()
        elif record["fault"] == "lost":
            raise _Cut
        elif query:
            self._write(200, "text/xml", balancers.answer_text(operation, answer, record["requestId"]), None,
                        record["requestId"])
        else:
            self._answer(200, answer, None, record["requestId"])

    def _perform(self, service, operation, body, record):
        parts = self.parts
        identity = sigv4.verify("POST", self.path, self.headers, body, service, parts.region,
                                parts.identities.find, time.time() + parts.skew)
        record["who"] = identity.name
        request = record["request"] = self._request(service, body)
        needed = grants.needed(service, operation, request, parts.region)
        record["needed"] = needed
        self._suffer(record, identity, needed)
        if not parts.rates.allow(operation, identity.name):
            raise errors.throttled()
        parts.identities.check(identity, needed)
        answer = self._do(service, operation, request)
        record["applied"] = True
        return answer

    @staticmethod
    def _request(service, body):
        if service == BALANCERS:
            return dict(urllib.parse.parse_qsl(body.decode("latin-1")))
        try:
            request = json.loads(body or b"{}")
        except ValueError:
            raise errors.ApiError("SerializationException", "the body is not JSON") from None
        if not isinstance(request, dict):
            raise errors.ApiError("SerializationException", "the body is not a JSON object")
        return request

    def _do(self, service, operation, request):
        parts = self.parts
        if service == "logs":
            if operation not in LOGS:
                raise errors.ApiError("UnknownOperationException", f"this server does not know {operation}")
            return getattr(parts.logs, LOGS[operation])(request)
        target = {"ecs": parts.operations, BALANCERS: parts.balancers}.get(service, parts.scaling)
        with parts.state.lock:
            return target.call(operation, request)

    def _suffer(self, record, identity, needed):
        how = record["fault"] = self.parts.faults.next(record["operation"], identity.name)
        if how == "throttle":
            raise errors.throttled()
        if how in ("500", "503"):
            raise errors.server_error(int(how))
        if how == "denied":
            action, resource, _ = needed[0] if needed else (f"{record['service']}:{record['operation']}", "*", {})
            raise errors.access_denied(identity.arn, action, resource)
        if how == "hang":
            self._hold()
            raise _Cut
        if how == "cut":
            raise _Cut

    def _claimed_key(self):
        found = re.search(r"Credential=([A-Za-z0-9]{1,128})/", self.headers.get("Authorization", ""))
        return found.group(1) if found else None

    # --- answering -----------------------------------------------------------------------------------

    def _hold(self):
        """Until the caller has gone or the server ends."""
        self.connection.settimeout(0.2)
        while not self.parts.ending.is_set():
            try:
                if not self.connection.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        self.close_connection = True

    def _cut(self):
        self.close_connection = True
        try:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        except OSError:
            pass

    def _answer(self, status, fields, headers=None, request_id=None):
        kind = "application/x-amz-json-1.1" if request_id else "application/json"
        self._write(status, kind, json.dumps(fields), headers, request_id)

    def _write(self, status, kind, text, headers, request_id):
        text = text.encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            if request_id:
                self.send_header("x-amzn-RequestId", request_id)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)
        except OSError:
            self.close_connection = True


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError, ValueError)):
            traceback.print_exc(file=sys.stderr)


def make_http_server(listen, parts):
    host, _, port = listen.rpartition(":")
    handler = type("BoundHandler", (Handler,), {"parts": parts})
    return _Server((host, int(port)), handler)
