# SPDX-License-Identifier: Apache-2.0
"""Log groups, their streams and lines, and FilterLogEvents over them."""
import base64
import calendar
import json
import shlex
import threading
import time

from errors import ApiError, log_group_not_found
from model import arn

MAX_LINES_PER_STREAM = 20_000


def to_milliseconds(engine_stamp):
    """"2026-01-02T03:04:05.678901234Z" as milliseconds since 1970."""
    whole, _, fraction = engine_stamp.rstrip("Z").partition(".")
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return seconds * 1000 + int((fraction + "000")[:3])


def matcher(pattern):
    """The simple part of the filter language: words that must all occur, "phrases", -not, ?either."""
    if not pattern or not pattern.strip():
        return lambda line: True
    if pattern.lstrip()[0] in "{[%":
        raise ApiError("InvalidParameterException", "Invalid filter pattern: this server knows only words")
    words = shlex.split(pattern.replace("'", "\\'"))
    either = [w[1:] for w in words if w.startswith("?")]
    never = [w[1:] for w in words if w.startswith("-")]
    every = [w for w in words if w[0] not in "?-"]

    def matches(line):
        return (all(w in line for w in every) and not any(w in line for w in never)
                and (not either or any(w in line for w in either)))

    return matches


class Logs:
    """Safe to use from several threads."""

    def __init__(self, region):
        self._region = region
        self._lock = threading.Lock()
        self._groups = {}  # name → {stream → [event]}
        self._next_id = 0
        # What tests set: at most so many events a page, and an empty page first, as the service may give.
        self.page_limit = 10_000
        self.empty_pages = 0

    def has_group(self, name):
        with self._lock:
            return name in self._groups

    def create_group(self, request):
        name = request.get("logGroupName", "")
        with self._lock:
            if name in self._groups:
                raise ApiError("ResourceAlreadyExistsException", "The specified log group already exists")
            self._groups[name] = {}
        return {}

    def delete_group(self, request):
        with self._lock:
            if self._groups.pop(request.get("logGroupName", ""), None) is None:
                raise log_group_not_found()
        return {}

    def describe_groups(self, request):
        prefix = request.get("logGroupNamePrefix", "")
        with self._lock:
            names = sorted(n for n in self._groups if n.startswith(prefix))
        return {"logGroups": [{"logGroupName": n, "creationTime": 0, "metricFilterCount": 0, "storedBytes": 0,
                               "arn": arn(self._region, f"log-group:{n}:*", "logs")} for n in names]}

    def describe_streams(self, request):
        with self._lock:
            group = self._group(request)
            names = sorted(n for n in group if n.startswith(request.get("logStreamNamePrefix", "")))
            return {"logStreams": [{"logStreamName": n, "creationTime": 0} for n in names]}

    def add(self, group, stream, at, message):
        """Keeps a line; one for a group that was deleted meanwhile is lost, as there."""
        with self._lock:
            streams = self._groups.get(group)
            if streams is None:
                return
            lines = streams.setdefault(stream, [])
            if len(lines) >= MAX_LINES_PER_STREAM:
                return
            self._next_id += 1
            lines.append({"logStreamName": stream, "timestamp": at, "message": message,
                          "ingestionTime": int(time.time() * 1000), "eventId": f"{self._next_id:056d}"})

    def _group(self, request):
        name = request.get("logGroupName")
        if name is None:
            name = request.get("logGroupIdentifier", "").split(":log-group:")[-1].removesuffix(":*")
        if name not in self._groups:
            raise log_group_not_found()
        return self._groups[name]

    def filter_events(self, request):
        limit = request.get("limit", 10_000)
        if not 1 <= limit <= 10_000:
            raise ApiError("InvalidParameterException", f"1 validation error detected: Value '{limit}' at "
                           "'limit' failed to satisfy constraint: Member must have value less than or equal to 10000")
        if request.get("logStreamNames") and request.get("logStreamNamePrefix"):
            raise ApiError("InvalidParameterException",
                           "logStreamNames and logStreamNamePrefix are mutually exclusive.")
        query = {k: v for k, v in request.items() if k not in ("nextToken", "limit")}
        after, empties = self._position(request.get("nextToken"), query)
        limit = min(limit, self.page_limit)
        matches = matcher(request.get("filterPattern", ""))
        with self._lock:
            streams = self._streams(request)
            if empties:
                return {"events": [], "searchedLogStreams": [],
                        "nextToken": self._token(after, empties - 1, query)}
            found = sorted(
                (e for lines in streams for e in lines
                 if request.get("startTime", 0) <= e["timestamp"] <= request.get("endTime", 2**62)
                 and (e["timestamp"], e["eventId"]) > after and matches(e["message"])),
                key=lambda e: (e["timestamp"], e["eventId"]))
        page = found[:limit]
        answer = {"events": page, "searchedLogStreams": []}
        if len(found) > limit:
            answer["nextToken"] = self._token((page[-1]["timestamp"], page[-1]["eventId"]), self.empty_pages, query)
        return answer

    def _streams(self, request):
        group = self._group(request)
        names = request.get("logStreamNames")
        if names:
            missing = [n for n in names if n not in group]
            if missing:
                raise ApiError("ResourceNotFoundException", "The specified log stream does not exist.")
            return [group[n] for n in names]
        prefix = request.get("logStreamNamePrefix", "")
        return [lines for n, lines in group.items() if n.startswith(prefix)]

    def _token(self, after, empties, query):
        text = json.dumps([list(after), empties, json.dumps(query, sort_keys=True)])
        return base64.urlsafe_b64encode(text.encode()).decode()

    def _position(self, token, query):
        if token is None:
            return (0, ""), self.empty_pages
        try:
            after, empties, asked = json.loads(base64.urlsafe_b64decode(token))
        except ValueError:
            asked = None
        if asked != json.dumps(query, sort_keys=True):
            raise ApiError("InvalidParameterException", "The specified nextToken is invalid.")
        return tuple(after), empties
