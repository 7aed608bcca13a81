# SPDX-License-Identifier: Apache-2.0
"""Requests that are refused before any object is looked at: who, where, how, in which form."""
from lib.case import GROUP, PARTIAL, PARTIAL_LIST, PATCH_TYPES, TABLE, case
from lib.objects import configmap, policy


@case("without a token a request is 401")
def _(api):
    for method, path in (("GET", api.hp()), ("POST", api.hp()), ("GET", "/api"), ("GET", "/nonsense")):
        api.request(method, path, user=None)


@case("with an unknown token a request is 401")
def _(api):
    api.get(api.hp(), user="no-such-token")
    api.get("/apis", user="no-such-token")


@case("with something else than a bearer token a request is 401")
def _(api):
    api.get(api.hp(), user=None, headers={"Authorization": "Basic YTpi"})
    api.get(api.hp(), user=None, headers={"Authorization": "Bearer"})


@case("a user without rights is told what he may not do: salve's kinds")
def _(api):
    api.create(api.hp(), policy("p1"))
    for method, path in (("GET", api.hp()), ("GET", api.hp("p1")), ("POST", api.hp()),
                         ("PUT", api.hp("p1")), ("DELETE", api.hp("p1")), ("DELETE", api.hp()),
                         ("GET", api.hp("p1", "status")), ("PUT", api.hp("p1", "status")),
                         ("GET", f"{GROUP}/healingpolicies"), ("GET", api.hguard()),
                         ("GET", api.hguard("g1"))):
        api.request(method, path, user="bob")


@case("a user without rights is told what he may not do: patches")
def _(api):
    for kind in ("merge", "json", "apply"):
        api.patch(api.hp("p1"), {}, kind, user="bob")
    api.patch(api.hp("p1", "status"), {}, user="bob")


@case("a user without rights is told what he may not do: built-in kinds")
def _(api):
    for path in (api.cm(), api.cm("m1"), api.secret(), api.secret("s1"), api.event(), api.lease("l1"),
                 api.namespace(), api.namespace("default"), "/api/v1/configmaps", "/api/v1/secrets"):
        api.get(path, user="bob")


@case("a user without rights may not watch")
def _(api):
    api.get(api.hp(), "watch=true", user="bob")
    api.get(api.inc(), "watch=1", user="bob")


@case("a user without rights learns nothing about kinds that do not exist")
def _(api):
    api.get(f"{GROUP}/namespaces/default/nonsense", user="bob")
    api.get("/apis/nonsense.example/v1/things", user="bob")


@case("a user without rights may not read paths that are no resources")
def _(api):
    api.get("/metrics", user="bob")
    api.get("/nonsense", user="bob")


@case("every user may discover")
def _(api):
    for path in ("/api", "/apis", GROUP, "/version", "/openapi/v3", "/healthz", "/readyz", "/livez"):
        api.note(path, api.get(path, user="bob", quiet=True).code)


@case("every user may ask what he may do and who he is")
def _(api):
    api.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", user="bob", body={
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "get", "resource": "secrets"}}})


@case("kinds that are not served are 404")
def _(api):
    for path in (f"{GROUP}/namespaces/default/nonsense", f"{GROUP}/nonsense", "/apis/salve.dev/v1/incidents",
                 "/apis/nonsense.example/v1/things", "/api/v1/namespaces/default/nonsense",
                 "/api/v2/configmaps"):
        api.get(path)


@case("subresources that are not served are 404")
def _(api):
    api.create(api.hp(), policy("p1"))
    for sub in ("scale", "nonsense"):
        api.get(api.hp("p1", sub))
    api.get(api.iapp("a1", "status"))
    api.get(api.cm("m1") + "/status")


@case("paths that are no resources are 404")
def _(api):
    for path in ("/nonsense", "/apis/salve.dev/nonsense", "/apis/nonsense.example", "/api/v2", "/openapi/v9"):
        api.get(path)


@case("a namespaced kind cannot be written without a namespace")
def _(api):
    api.post(f"{GROUP}/healingpolicies", policy("p1"))
    api.get(f"{GROUP}/healingpolicies/p1")
    api.get("/api/v1/configmaps/m1")


@case("a cluster's kind has no namespace")
def _(api):
    api.get(f"{GROUP}/namespaces/default/healingguardrails")
    api.get(f"{GROUP}/namespaces/default/healingguardrails/g1")


@case("methods that a collection does not know are 405")
def _(api):
    api.put(api.hp(), policy("p1"))
    api.patch(api.hp(), {})
    api.put(api.cm(), configmap("m1"))
    api.patch(api.cm(), {})


@case("methods that an object does not know are 405")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.post(api.hp("p1"), policy("p1"))
    api.post(api.cm("m1"), configmap("m1"))


@case("methods that a status does not know are 405")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.post(api.hp("p1", "status"), policy("p1"))
    api.delete(api.hp("p1", "status"))


@case("methods that HTTP does not know are 405")
def _(api):
    for method in ("TRACE", "PROPFIND"):
        api.request(method, api.hp())


@case("an Accept that nothing answers to is 406")
def _(api):
    api.create(api.hp(), policy("p1"))
    for accept in ("text/html", "application/xml", "image/png, text/plain;q=0.5"):
        api.get(api.hp("p1"), accept=accept)
        api.get(api.hp(), accept=accept)


@case("an Accept for a form that does not exist is 406")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.get(api.hp(), accept="application/json;as=Nonsense;g=meta.k8s.io;v=v1")
    api.get(api.hp(), accept="application/json;as=Table;g=meta.k8s.io;v=v9")


@case("wildcards in Accept are answered in JSON")
def _(api):
    api.create(api.hp(), policy("p1"))
    for accept in ("*/*", "application/*", "application/json, */*", "text/html, */*;q=0.1"):
        api.get(api.hp("p1"), accept=accept)


@case("the first form of Accept that can be had is taken")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.get(api.hp("p1"), accept=TABLE)
    api.get(api.hp("p1"), accept=f"application/json;as=Nonsense;g=x;v=v1,{PARTIAL}")
    api.get(api.hp("p1"), accept=f"application/json,{PARTIAL}")


@case("an object as its metadata alone")
def _(api):
    api.create(api.hp(), policy("p1", labels={"a": "b"}))
    api.get(api.hp("p1"), accept=PARTIAL)
    api.create(api.cm(), configmap("m1", {"a": "b"}))
    api.get(api.cm("m1"), accept=PARTIAL)


@case("a list as its metadata alone")
def _(api):
    api.create(api.hp(), policy("p1", labels={"a": "b"}))
    api.create(api.hp(), policy("p2"))
    api.get(api.hp(), accept=PARTIAL_LIST)
    api.create(api.cm(), configmap("m1", {"a": "b"}))
    api.get(api.cm(), accept=PARTIAL_LIST)


@case("a list asked for as one object's metadata, and the reverse, are 406 or not alike")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.get(api.hp(), accept=PARTIAL)
    api.get(api.hp("p1"), accept=PARTIAL_LIST)


@case("the answer to a write can be its metadata alone")
def _(api):
    api.post(api.hp(), policy("p1"), accept=PARTIAL)
    api.patch(api.hp("p1"), {"spec": {"mode": "Auto"}}, accept=PARTIAL)
    api.delete(api.hp("p1"), accept=PARTIAL)


@case("the answer to a write can be a Table")
def _(api):
    api.post(api.hp(), policy("p1"), accept=TABLE)
    api.delete(api.hp("p1"), accept=TABLE)


@case("an object in YAML has the members of that in JSON")
def _(api):
    api.create(api.hp(), policy("p1"))
    answer = api.get(api.hp("p1"), accept="application/yaml", quiet=True)
    lines = answer.body.decode().splitlines()
    api.note("yaml", [answer.code, answer.header("content-type"),
                      [line for line in lines if line.startswith(("apiVersion", "kind", "  name:"))]])


@case("a body in YAML is read like one in JSON")
def _(api):
    text = ("apiVersion: salve.dev/v1alpha1\nkind: HealingPolicy\nmetadata:\n  name: p1\nspec:\n"
            "  mode: Auto\n  target:\n    docker: {container: c1}\n")
    api.post(api.hp(), text.encode(), type="application/yaml")
    api.post(api.cm(), b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m1}\ndata: {a: 'b'}\n",
             type="application/yaml")


@case("a body of an unknown type is 415")
def _(api):
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded"):
        api.post(api.hp(), b"{}", type=kind)
        api.post(api.cm(), b"{}", type=kind)


@case("a patch of an unknown type is 415")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.create(api.cm(), configmap("m1"))
    for kind in ("application/json", "text/plain", PATCH_TYPES["strategic"]):
        api.request("PATCH", api.hp("p1"), body=b"{}", type=kind)
    for kind in ("application/json", "text/plain"):
        api.request("PATCH", api.cm("m1"), body=b"{}", type=kind)


@case("a body without a type is read as JSON")
def _(api):
    import json
    api.post(api.cm(), json.dumps(configmap("m1", {"a": "b"})).encode())
    api.post(api.hp(), json.dumps(policy("p1")).encode())


@case("a type with a charset is read as JSON")
def _(api):
    import json
    api.post(api.cm(), json.dumps(configmap("m1")).encode(), type="application/json; charset=utf-8")


@case("a body that is not JSON is 400: salve's kinds")
def _(api):
    for body in (b"", b"{", b"nonsense", b"[]", b"1", b"null", b'"text"', b"{}", b'{"a":}'):
        api.post(api.hp(), body, type="application/json")


@case("a body that is not JSON is 400: built-in kinds")
def _(api):
    for body in (b"", b"{", b"nonsense", b"[]", b"1", b"null", b'"text"', b"{}"):
        api.post(api.cm(), body, type="application/json")


@case("bytes after the body's object are refused")
def _(api):
    import json
    api.post(api.cm(), json.dumps(configmap("m1")).encode() + b"{}", type="application/json")
    api.post(api.hp(), json.dumps(policy("p1")).encode() + b" x", type="application/json")


@case("a body of another kind is refused: salve's kinds")
def _(api):
    api.post(api.hp(), {**policy("p1"), "kind": "Incident"})
    api.post(api.hp(), {**policy("p1"), "kind": "Nonsense"})
    api.post(api.hp(), {**policy("p1"), "apiVersion": "salve.dev/v9"})
    api.post(api.hp(), {**policy("p1"), "apiVersion": "v1"})
    api.post(api.hp(), {**policy("p1"), "kind": ""})


@case("a body of another kind is refused: built-in kinds")
def _(api):
    api.post(api.cm(), {**configmap("m1"), "kind": "Secret"})
    api.post(api.cm(), {**configmap("m1"), "kind": "Nonsense"})
    api.post(api.cm(), {**configmap("m1"), "apiVersion": "v9"})


@case("a body without kind or version: built-in kinds take it")
def _(api):
    api.post(api.cm(), {"metadata": {"name": "m1"}, "data": {"a": "b"}})
    api.post(api.cm(), {"apiVersion": "v1", "metadata": {"name": "m2"}})
    api.post(api.cm(), {"kind": "ConfigMap", "metadata": {"name": "m3"}})


@case("a body without kind or version: salve's kinds refuse it")
def _(api):
    thing = policy("p1")
    api.post(api.hp(), {key: value for key, value in thing.items() if key != "kind"})
    api.post(api.hp(), {key: value for key, value in thing.items() if key != "apiVersion"})


@case("a body above the limit is refused")
def _(api):
    try:
        code = api.post(api.cm(), configmap("m1", {"a": "x" * 4_000_000}), quiet=True).code
    except OSError:
        code = 413  # a server may end the connection while the body is still on its way
    api.note("too large", code)


@case("a value above the limit of its kind is refused")
def _(api):
    api.post(api.cm(), configmap("m1", {"a": "x" * 1_100_000}))
