# SPDX-License-Identifier: Apache-2.0
"""Merge, JSON and strategic merge patches."""
from lib.case import case
from lib.objects import approval, configmap, event, incident, lease, namespace, policy, secret

RULES = {"diagnosis": {"rules": [
    {"name": "a", "when": {"logs": "x"}, "cause": "A", "verdict": "Escalate"},
    {"name": "b", "when": {"logs": "y"}, "cause": "B", "verdict": "DoNothing"}]}}


@case("a merge patch sets, replaces and removes")
def _(api):
    api.create(api.hp(), policy("p1", {"guardrails": {"minAvailable": 2}}, labels={"a": "b"}))
    api.patch(api.hp("p1"), {"spec": {"mode": "Auto", "guardrails": {"minAvailable": None}},
                             "metadata": {"labels": {"a": None, "c": "d"}}})


@case("a merge patch of what has a default brings the default back")
def _(api):
    api.create(api.hp(), policy("p1", {"mode": "Auto", "approval": {"minApprovals": 3}}))
    api.patch(api.hp("p1"), {"spec": {"mode": None, "approval": None}})


@case("a merge patch replaces lists")
def _(api):
    api.create(api.hp(), policy("p1", RULES))
    api.patch(api.hp("p1"), {"spec": {"diagnosis": {"rules": [RULES["diagnosis"]["rules"][1]]}}})


@case("an empty merge patch changes nothing")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.patch(api.hp("p1"), {})
    api.get(api.hp("p1"))
    api.create(api.cm(), configmap("m1", {"a": "b"}))
    api.patch(api.cm("m1"), {})


@case("a merge patch that says what is writes nothing")
def _(api):
    api.create(api.hp(), policy("p1", {"mode": "Auto"}))
    api.patch(api.hp("p1"), {"spec": {"mode": "Auto"}})


@case("a merge patch that is no object is refused: salve's kinds")
def _(api):
    api.create(api.hp(), policy("p1"))
    for body in (b"[]", b"1", b"null", b"", b"{", b'"x"'):
        api.request("PATCH", api.hp("p1"), body=body, type="application/merge-patch+json")


@case("a merge patch that is no object is refused: built-in kinds")
def _(api):
    api.create(api.cm(), configmap("m1"))
    for body in (b"[]", b"1", b"null", b"", b"{"):
        api.request("PATCH", api.cm("m1"), body=body, type="application/merge-patch+json")


@case("a patch of what does not exist is 404")
def _(api):
    for kind in ("merge", "json"):
        api.patch(api.hp("p1"), [] if kind == "json" else {}, kind)
        api.patch(api.cm("m1"), [] if kind == "json" else {}, kind)
    api.patch(api.hp("p1", "status"), {})


@case("a patch with a resourceVersion is checked")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    version = made["metadata"]["resourceVersion"]
    api.patch(api.hp("p1"), {"metadata": {"resourceVersion": version}, "spec": {"mode": "Auto"}})
    api.patch(api.hp("p1"), {"metadata": {"resourceVersion": version}, "spec": {"mode": "Approve"}})
    api.patch(api.hp("p1"), {"metadata": {"resourceVersion": "abc"}, "spec": {"mode": "Approve"}})


@case("a patch with a uid is checked")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    api.patch(api.hp("p1"), {"metadata": {"uid": made["metadata"]["uid"]}, "spec": {"mode": "Auto"}})
    api.patch(api.hp("p1"), {"metadata": {"uid": "11111111-1111-1111-1111-111111111111"}})


@case("a patch cannot rename")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.patch(api.hp("p1"), {"metadata": {"name": "p2"}})
    api.patch(api.hp("p1"), {"metadata": {"namespace": "elsewhere"}})
    api.create(api.cm(), configmap("m1"))
    api.patch(api.cm("m1"), {"metadata": {"name": "m2"}})


@case("a patch cannot change the kind")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.patch(api.hp("p1"), {"kind": "Incident"})
    api.patch(api.hp("p1"), {"apiVersion": "salve.dev/v9"})
    api.patch(api.hp("p1"), {"kind": None})


@case("a patch cannot change what the server decided")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.patch(api.hp("p1"), {"metadata": {"generation": 9, "creationTimestamp": "2020-01-02T03:04:05Z",
                                          "selfLink": "/x"}})
    api.patch(api.hp("p1"), {"metadata": {"creationTimestamp": None, "uid": None}})


@case("a patched object is checked against the schema")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.patch(api.hp("p1"), {"spec": {"mode": "Wild"}})
    api.patch(api.hp("p1"), {"spec": {"target": None}})
    api.patch(api.hp("p1"), {"spec": None})
    api.patch(api.hp("p1"), {"spec": {"guardrails": {"cooldownSeconds": "x"}}})


@case("a patched object is checked for unknown fields")
def _(api):
    api.create(api.hp(), policy("p1"))
    for word in ("Strict", "Warn", "Ignore"):
        api.patch(api.hp("p1"), {"spec": {"colour": "red", "mode": "Auto"}}, query={"fieldValidation": word})


@case("a patch of the status leaves the rest")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.patch(api.hp("p1", "status"), {"status": {"health": "1/1"}, "spec": {"mode": "Auto"},
                                       "metadata": {"labels": {"a": "b"}}})
    api.get(api.hp("p1"))


@case("a patch of the object leaves the status")
def _(api):
    api.create(api.inc(), incident("i1"))
    api.patch(api.inc("i1", "status"), {"status": {"phase": "Detected"}})
    api.patch(api.inc("i1"), {"status": {"phase": "Resolved"}, "spec": {"cancel": True}})


@case("a JSON patch of every operation")
def _(api):
    api.create(api.hp(), policy("p1", RULES, labels={"a": "b"}))
    api.patch(api.hp("p1"), [
        {"op": "test", "path": "/metadata/labels/a", "value": "b"},
        {"op": "add", "path": "/metadata/labels/c~1d", "value": "e"},
        {"op": "replace", "path": "/spec/diagnosis/rules/0/cause", "value": "Other"},
        {"op": "copy", "from": "/metadata/labels/a", "path": "/metadata/labels/f"},
        {"op": "move", "from": "/metadata/labels/a", "path": "/metadata/labels/g"},
        {"op": "remove", "path": "/spec/diagnosis/rules/1"}], "json")


@case("a JSON patch adds to lists by place and at the end")
def _(api):
    api.create(api.hp(), policy("p1", RULES))
    rule = {"name": "c", "when": {"logs": "z"}, "cause": "C", "verdict": "Escalate"}
    api.patch(api.hp("p1"), [{"op": "add", "path": "/spec/diagnosis/rules/0", "value": rule}], "json")
    api.patch(api.hp("p1"), [{"op": "add", "path": "/spec/diagnosis/rules/-",
                              "value": {**rule, "name": "d"}}], "json")
    api.patch(api.hp("p1"), [{"op": "add", "path": "/spec/diagnosis/rules/9",
                              "value": {**rule, "name": "e"}}], "json")


@case("a JSON patch whose test fails changes nothing")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.patch(api.hp("p1"), [{"op": "replace", "path": "/spec/mode", "value": "Auto"},
                             {"op": "test", "path": "/spec/mode", "value": "Nonsense"}], "json")
    api.get(api.hp("p1"))


@case("a JSON patch of a path that is missing is refused")
def _(api):
    api.create(api.hp(), policy("p1"))
    for op in ({"op": "remove", "path": "/spec/nothing"},
               {"op": "replace", "path": "/spec/nothing", "value": 1},
               {"op": "add", "path": "/spec/no/thing", "value": 1},
               {"op": "copy", "from": "/spec/nothing", "path": "/spec/x"},
               {"op": "move", "from": "/spec/nothing", "path": "/spec/x"},
               {"op": "test", "path": "/spec/nothing", "value": 1}):
        api.patch(api.hp("p1"), [op], "json")


@case("a JSON patch that is none is refused")
def _(api):
    api.create(api.hp(), policy("p1"))
    for body in ({}, [1], [{}], [{"op": "nonsense", "path": "/spec/mode"}], [{"op": "add"}],
                 [{"op": "add", "path": "spec", "value": 1}], "x"):
        api.patch(api.hp("p1"), body, "json")
    for body in (b"", b"[", b"null"):
        api.request("PATCH", api.hp("p1"), body=body, type="application/json-patch+json")


@case("an empty JSON patch changes nothing")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.patch(api.hp("p1"), [], "json")


@case("a JSON patch of a built-in kind")
def _(api):
    api.create(api.cm(), configmap("m1", {"a": "b"}))
    api.patch(api.cm("m1"), [{"op": "add", "path": "/data/c", "value": "d"},
                             {"op": "remove", "path": "/data/a"}], "json")
    api.patch(api.cm("m1"), [{"op": "add", "path": "/data/c", "value": 1}], "json")


@case("a JSON patch replaces the resourceVersion as a lock")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    version = made["metadata"]["resourceVersion"]
    for mode in ("Auto", "Approve"):
        api.patch(api.hp("p1"), [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
            {"op": "replace", "path": "/spec/mode", "value": mode}], "json")


@case("a strategic merge patch of a ConfigMap")
def _(api):
    api.create(api.cm(), configmap("m1", {"a": "b", "c": "d"}))
    api.patch(api.cm("m1"), {"data": {"a": None, "e": "f"}}, "strategic")
    api.patch(api.cm("m1"), {"data": {"$patch": "replace", "g": "h"}}, "strategic")
    api.patch(api.cm("m1"), {"data": None}, "strategic")


@case("a strategic merge patch of a Secret")
def _(api):
    api.create(api.secret(), secret("s1", {"a": "Yg=="}))
    api.patch(api.secret("s1"), {"data": {"c": "ZA=="}}, "strategic")
    api.patch(api.secret("s1"), {"stringData": {"e": "f"}}, "strategic")


@case("a strategic merge patch merges finalizers and owners")
def _(api):
    made = api.create(api.cm(), configmap("m0"))
    api.create(api.cm(), configmap("m1", finalizers=["salve.dev/a"]))
    api.patch(api.cm("m1"), {"metadata": {"finalizers": ["salve.dev/b"], "ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "m0", "uid": made["metadata"]["uid"]}]}},
        "strategic")
    api.patch(api.cm("m1"), {"metadata": {"$deleteFromPrimitiveList/finalizers": ["salve.dev/a"]}},
              "strategic")
    api.patch(api.cm("m1"), {"metadata": {"ownerReferences": [
        {"$patch": "delete", "uid": made["metadata"]["uid"]}]}}, "strategic")
    api.patch(api.cm("m1"), {"metadata": {"finalizers": None}}, "strategic")


@case("a strategic merge patch of a Namespace's labels")
def _(api):
    name = f"{api.ns}-x"
    api.create(api.namespace(), namespace(name))
    api.patch(api.namespace(name), {"metadata": {"labels": {"a": "b"}}}, "strategic")
    api.patch(api.namespace(name), {"metadata": {"labels": {"kubernetes.io/metadata.name": None}}},
              "strategic")


@case("a strategic merge patch of an Event and a Lease")
def _(api):
    api.create(api.event(), event("e1", api.ns))
    api.patch(api.event("e1"), {"count": 2, "lastTimestamp": "2020-01-02T03:04:06Z"}, "strategic")
    api.create(api.lease(), lease("l1", {"holderIdentity": "me"}))
    api.patch(api.lease("l1"), {"spec": {"holderIdentity": None, "leaseTransitions": 1}}, "strategic")


@case("a strategic merge patch that is none is refused")
def _(api):
    api.create(api.cm(), configmap("m1"))
    for body in (b"[]", b"", b"{", b"null", b'{"data":{"$patch":"nonsense"}}'):
        api.request("PATCH", api.cm("m1"), body=body, type="application/strategic-merge-patch+json")


@case("a dry-run patch changes nothing")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.patch(api.hp("p1"), {"spec": {"mode": "Auto"}}, query="dryRun=All")
    api.get(api.hp("p1"))


@case("a patch cannot change an approval")
def _(api):
    api.create(api.iapp(), approval("a1"))
    api.patch(api.iapp("a1"), {"spec": {"decision": "Reject"}})
    api.patch(api.iapp("a1"), {"metadata": {"labels": {"a": "b"}}})


@case("a patch of an immutable ConfigMap and Secret is refused")
def _(api):
    api.create(api.cm(), {**configmap("m1", {"a": "b"}), "immutable": True})
    api.patch(api.cm("m1"), {"data": {"a": "c"}})
    api.patch(api.cm("m1"), {"immutable": False})
    api.patch(api.cm("m1"), {"metadata": {"labels": {"a": "b"}}})
    api.create(api.secret(), {**secret("s1", {"a": "Yg=="}), "immutable": True})
    api.patch(api.secret("s1"), {"data": {"a": "ZA=="}})
    api.patch(api.secret("s1"), {"immutable": None})


@case("a JSON patch that is very long is refused")
def _(api):
    api.create(api.cm(), configmap("m1"))
    api.patch(api.cm("m1"), [{"op": "test", "path": "/kind", "value": "ConfigMap"}] * 10001, "json")


@case("a merge patch with a duplicate key: the last one counts")
def _(api):
    api.create(api.hp(), policy("p1"))
    for word in ("Strict", "Warn", "Ignore"):
        api.request("PATCH", api.hp("p1"), {"fieldValidation": word},
                    body=b'{"spec":{"mode":"Auto","mode":"Approve"}}', type="application/merge-patch+json")
