# SPDX-License-Identifier: Apache-2.0
"""What a case is written with: @case, and the Api that it is given, once for each server.

    @case("a created policy has generation 1")
    def _(api):
        api.post(api.hp(), policy("p1"))

Every request is a step of the transcript, and every step's answer is compared, unless it is sent
with quiet=True. A case has a namespace of its own, api.ns, of the same name on both servers.
"""
import json
import urllib.parse

GROUP = "/apis/salve.dev/v1alpha1"
PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
TABLE = ("application/json;as=Table;v=v1;g=meta.k8s.io,"
         "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json")
PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
COMPARED_HEADERS = ("content-type", "warning", "retry-after", "allow", "accept-patch")


class Case:
    def __init__(self, sentence, body, subject, managed_fields):
        self.sentence = sentence
        self.body = body
        self.subject = subject
        self.managed_fields = managed_fields


CASES = []


def add_case(sentence, body, managed_fields=False):
    """`body(api)` is run on each server. Sentences are unique: known differences name them."""
    if any(known.sentence == sentence for known in CASES):
        raise ValueError(f"two cases say: {sentence}")
    CASES.append(Case(sentence, body, body.__module__.removeprefix("cases_"), managed_fields))


def case(sentence, **options):
    def register(body):
        add_case(sentence, body, **options)
        return body
    return register


class Api:
    """One server, as one case sees it. Not thread-safe."""

    def __init__(self, server, namespace):
        self.server = server
        self.ns = namespace
        self.transcript = []
        self.masks = {namespace: "<ns>"}
        self._streams = []

    # --- paths --------------------------------------------------------------------------------

    def _path(self, base, plural, name, sub, ns):
        where = f"/namespaces/{ns}" if ns else ""
        return base + where + f"/{plural}" + (f"/{name}" if name else "") + (f"/{sub}" if sub else "")

    def hp(self, name=None, sub=None):
        return self._path(GROUP, "healingpolicies", name, sub, self.ns)

    def inc(self, name=None, sub=None):
        return self._path(GROUP, "incidents", name, sub, self.ns)

    def iapp(self, name=None, sub=None):
        return self._path(GROUP, "incidentapprovals", name, sub, self.ns)

    def hguard(self, name=None, sub=None):
        return self._path(GROUP, "healingguardrails", name, sub, None)

    def cm(self, name=None):
        return self._path("/api/v1", "configmaps", name, None, self.ns)

    def secret(self, name=None):
        return self._path("/api/v1", "secrets", name, None, self.ns)

    def event(self, name=None):
        return self._path("/api/v1", "events", name, None, self.ns)

    def new_event(self, name=None):
        return self._path("/apis/events.k8s.io/v1", "events", name, None, self.ns)

    def lease(self, name=None):
        return self._path("/apis/coordination.k8s.io/v1", "leases", name, None, self.ns)

    def namespace(self, name=None, sub=None):
        return self._path("/api/v1", "namespaces", name, sub, None)

    # --- requests -----------------------------------------------------------------------------

    def request(self, method, path, query=None, body=None, type=None, accept=None, user="admin",
                quiet=False, headers=None):
        """`query` is a dict or a text, `body` anything for JSON, or bytes."""
        url = _url(path, query)
        sent = dict(headers or {})
        if accept is not None:
            sent["Accept"] = accept
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        if type is not None:
            sent["Content-Type"] = type
        response = self.server.request(method, url, body=body, headers=sent, user=user)
        if not quiet:
            self.transcript.append({"request": f"{method} {url}", "answer": _answer(response)})
        return response

    def get(self, path, query=None, **options):
        return self.request("GET", path, query, **options)

    def post(self, path, body, query=None, **options):
        return self.request("POST", path, query, body=body, **options)

    def put(self, path, body, query=None, **options):
        return self.request("PUT", path, query, body=body, **options)

    def patch(self, path, body, kind="merge", query=None, **options):
        return self.request("PATCH", path, query, body=body, type=PATCH_TYPES[kind], **options)

    def delete(self, path, body=None, query=None, **options):
        return self.request("DELETE", path, query, body=body, **options)

    def create(self, path, body):
        """Part of the scene: not compared, must succeed. The created object."""
        response = self.post(path, body, quiet=True)
        if response.code != 201:
            raise AssertionError(f"POST {path}: {response.code} {response.body.decode()}")
        return response.json

    def watch(self, path, query=None, accept=None, user="admin"):
        stream = self.server.stream(_url(path, {"watch": "true", **(query or {})}),
                                    headers={"Accept": accept} if accept else None, user=user)
        self._streams.append(stream)
        return Watch(self, f"WATCH {_url(path, query)}", stream)

    def mask(self, text, shown):
        """From now on `text` is shown as `shown`, which is the same on both servers."""
        self.masks[text] = shown

    def note(self, what, value):
        """Compares a value that the case made itself of the answers."""
        self.transcript.append({"request": what, "answer": value})

    def close(self):
        for stream in self._streams:
            stream.close()


class Watch:
    """A watch whose events become steps of the transcript."""

    def __init__(self, api, name, stream):
        self._stream = stream
        self.events = []
        self.step = {"request": name, "answer": {"code": stream.code, "headers": _headers(stream),
                                                 "events": self.events}}
        api.transcript.append(self.step)
        if stream.code != 200:
            body = stream.rest()
            self.step["answer"]["body"] = json.loads(body) if body else None

    def next(self, count=1):
        for _ in range(count):
            event = self._stream.next()
            if event is None:
                self.events.append("(the stream ended)")
                return None
            self.events.append(event)
        return self.events[-1]

    def until(self, name):
        """Reads up to and including the first event about the object of that name."""
        while True:
            event = self.next()
            if event is None or _name_of(event) == name:
                return event

    def to_end(self):
        while self.next() is not None:
            pass


def _name_of(event):
    thing = event["object"]
    if thing.get("kind") == "Table" and thing.get("rows"):
        thing = thing["rows"][0]["object"]
    return thing.get("metadata", {}).get("name")


def _url(path, query):
    if not query:
        return path
    return path + "?" + (query if isinstance(query, str) else urllib.parse.urlencode(query))


def _headers(response):
    return {name: value for name in COMPARED_HEADERS
            if (value := [v for k, v in response.headers if k == name])}


def _answer(response):
    body = response.json
    if body is None:
        body = response.body.decode("utf-8", "backslashreplace")
    return {"code": response.code, "headers": _headers(response), "body": body}
