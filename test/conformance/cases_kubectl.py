# SPDX-License-Identifier: Apache-2.0
"""Requests in the shapes that kubectl 1.36 and 1.20 send them."""
import json

from lib.case import GROUP, TABLE, case
from lib.objects import configmap, event, incident, namespace, policy

ANY = "application/json, */*"
PROTO = "application/vnd.kubernetes.protobuf,application/json"
PROTO_TYPE = "application/vnd.kubernetes.protobuf"


def _field(number, payload):
    length, head = len(payload), bytes([number << 3 | 2])
    size = b""
    while length > 127:
        size += bytes([length & 127 | 128])
        length >>= 7
    return head + size + bytes([length]) + payload


def _proto(version, kind, message):
    """A protobuf body as kubectl's typed client sends it."""
    types = _field(1, version.encode()) + _field(2, kind.encode())
    return b"k8s\0" + _field(1, types) + _field(2, message) + _field(3, b"") + _field(4, b"")


def _meta(name):
    return _field(1, _field(1, name.encode()) + _field(2, b"") + _field(3, b"") + _field(4, b"")
                  + _field(5, b"") + _field(6, b"") + b"\x38\x00" + _field(8, b""))


@case("kubectl create configmap")
def _(api):
    message = _meta("m1") + _field(2, _field(1, b"a") + _field(2, b"b"))
    api.post(api.cm(), _proto("v1", "ConfigMap", message), "fieldManager=kubectl-create&fieldValidation=Strict",
             type=PROTO_TYPE, accept="application/json")


@case("kubectl create secret")
def _(api):
    message = _meta("s1") + _field(2, _field(1, b"a") + _field(2, b"b\0")) + _field(3, b"Opaque")
    api.post(api.secret(), _proto("v1", "Secret", message), "fieldManager=kubectl-create", type=PROTO_TYPE,
             accept="application/json")


@case("kubectl create namespace")
def _(api):
    name = f"{api.ns}-x"
    message = _meta(name) + _field(2, b"") + _field(3, _field(1, b""))
    api.post(api.namespace(), _proto("v1", "Namespace", message), "fieldManager=kubectl-create", type=PROTO_TYPE,
             accept="application/json")


@case("kubectl auth can-i")
def _(api):
    attributes = _field(1, api.ns.encode()) + _field(2, b"get") + _field(3, b"salve.dev") + _field(5, b"incidents")
    message = _field(1, b"") + _field(2, _field(1, attributes)) + _field(3, b"\x08\x00")
    answer = api.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                      _proto("authorization.k8s.io/v1", "SelfSubjectAccessReview", message), type=PROTO_TYPE,
                      accept="application/json", quiet=True)
    body = answer.json
    body["status"].pop("reason", None)
    api.note("review", [answer.code, body])


@case("kubectl get, get -o yaml, get -A, --sort-by")
def _(api):
    api.create(api.hp(), policy("p1", labels={"run": api.ns}))
    api.get(api.hp(), "limit=500", accept=TABLE)
    api.get(api.hp(), "limit=500", accept="application/json")
    api.get(f"{GROUP}/healingpolicies", f"labelSelector=run%3D{api.ns}&limit=500", accept=TABLE)
    api.get(api.hp(), "includeObject=Object", accept=TABLE)
    api.get(api.hp("p1", "status"), accept=TABLE)


@case("kubectl get --chunk-size")
def _(api):
    for name in "abcde":
        api.create(api.hp(), policy(name))
    names, token = [], ""
    while True:
        page = api.get(api.hp(), {"limit": 2, **({"continue": token} if token else {})}, accept=TABLE, quiet=True)
        names.append([row["cells"][0] for row in page.json["rows"]])
        names.append(page.meta.get("remainingItemCount"))
        token = page.meta.get("continue")
        if not token:
            break
    api.note("pages", names)


@case("kubectl create -f")
def _(api):
    api.post(api.inc(), incident("i1"), "fieldManager=kubectl-create&fieldValidation=Strict")
    api.post(api.inc(), incident("i1"), "fieldManager=kubectl-create&fieldValidation=Strict")


@case("kubectl apply of a new object, a changed and an unchanged one")
def _(api):
    thing = policy("p1", {"mode": "Auto"}, annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}\n"})
    query = "fieldManager=kubectl-client-side-apply&fieldValidation=Strict"
    api.get(api.hp("p1"))
    api.post(api.hp(), thing, query)
    api.get(api.hp("p1"))
    api.patch(api.hp("p1"), {"spec": {"mode": "Approve"}, "metadata": {"annotations": {"a": "b"}}}, query=query)
    api.patch(api.hp("p1"), {"spec": {"mode": "Approve"}}, query=query)


@case("kubectl apply of a built-in kind")
def _(api):
    api.create(api.cm(), configmap("m1", {"a": "b", "c": "d"}))
    api.patch(api.cm("m1"), {"data": {"a": "x", "c": None}}, "strategic",
              "fieldManager=kubectl-client-side-apply&fieldValidation=Strict")


@case("kubectl diff")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    api.patch(api.hp("p1"), {"spec": {"mode": "Auto"}, "metadata": {
        "resourceVersion": made["metadata"]["resourceVersion"]}},
        query="dryRun=All&fieldManager=kubectl-client-side-apply")


@case("kubectl label, annotate, and take away")
def _(api):
    api.create(api.hp(), policy("p1"))
    for change in ({"labels": {"a": "b"}}, {"annotations": {"a": "b"}}, {"labels": {"a": None}}):
        api.patch(api.hp("p1"), {"metadata": change}, query="fieldManager=kubectl-label")


@case("kubectl replace")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    api.put(api.hp("p1"), policy("p1", {"mode": "Auto"}, resourceVersion=made["metadata"]["resourceVersion"]),
            "fieldManager=kubectl-replace&fieldValidation=Strict")


@case("kubectl patch --subresource=status")
def _(api):
    api.create(api.inc(), incident("i1"))
    api.get(api.inc("i1", "status"))
    api.patch(api.inc("i1", "status"), {"status": {"phase": "Detected"}}, query="fieldManager=kubectl-patch")


@case("kubectl delete and its --dry-run=server")
def _(api):
    api.create(api.inc(), incident("i1"))
    api.delete(api.inc("i1"), {"propagationPolicy": "Background", "dryRun": ["All"]})
    api.delete(api.inc("i1"), {"propagationPolicy": "Background"})
    api.get(api.inc("i1"))


@case("kubectl describe asks for the events of an object")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    uid = made["metadata"]["uid"]
    involved = {"apiVersion": "salve.dev/v1alpha1", "kind": "HealingPolicy", "name": "p1", "namespace": api.ns,
                "uid": uid}
    api.create(api.event(), event("e1", api.ns, involvedObject=involved))
    api.create(api.event(), event("e2", api.ns, "p2"))
    api.mask(uid, "<the uid>")
    api.get(api.event(), {"fieldSelector": f"involvedObject.uid={uid},involvedObject.name=p1,"
                          f"involvedObject.namespace={api.ns},involvedObject.kind=HealingPolicy", "limit": 500})


@case("kubectl events --for")
def _(api):
    api.create(api.event(), event("e1", api.ns))
    api.get(api.event(), {"fieldSelector": "involvedObject.kind=HealingPolicy,"
                          "involvedObject.apiVersion=salve.dev/v1alpha1,involvedObject.name=p1", "limit": 500})


@case("kubectl 1.20 sends JSON without a type")
def _(api):
    name = f"{api.ns}-x"
    api.post(api.namespace(), json.dumps(namespace(name)).encode(), accept=ANY)
    api.delete(api.cm("none"), json.dumps({"propagationPolicy": "Background"}).encode(), accept=ANY)


@case("kubectl cluster-info")
def _(api):
    answer = api.get("/api/v1/namespaces/kube-system/services",
                     "labelSelector=kubernetes.io%2Fcluster-service%3Dtrue", accept=ANY)
    api.note("items", answer.json["items"])


@case("kubectl get -w of one")
def _(api):
    api.create(api.inc(), incident("i1"))
    api.get(api.inc(), quiet=True)  # afterwards the server's memory is as new as its store
    watch = api.watch(api.inc(), {"fieldSelector": "metadata.name=i1", "resourceVersion": "0"}, accept=TABLE)
    watch.next()
    api.patch(api.inc("i1", "status"), {"status": {"phase": "Detected"}}, quiet=True)
    watch.next()
