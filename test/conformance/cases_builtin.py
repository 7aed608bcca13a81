# SPDX-License-Identifier: Apache-2.0
"""What only Namespaces, ConfigMaps, Secrets, Events, Leases and reviews have."""
from lib.case import case
from lib.objects import configmap, event, lease, namespace, secret


def _each(api, path, things, make):
    for thing in things:
        api.post(path, make(thing), "dryRun=All")


@case("keys of a ConfigMap are checked")
def _(api):
    _each(api, api.cm(), ("a b", "", "..", "x" * 254, "a/b", "_a", "A.b-c_d", ".", "..a"),
          lambda key: configmap("m1", {key: "v"}))


@case("a key is in data or in binaryData")
def _(api):
    api.post(api.cm(), {**configmap("m1", {"a": "b"}), "binaryData": {"a": "AA=="}})
    api.post(api.cm(), {**configmap("m2", {"a": "b"}), "binaryData": {"c": "AA=="}})


@case("binaryData that is not base64 is refused")
def _(api):
    for value in ("!", "AA", "AA==", "", 1):
        api.post(api.cm(), {**configmap("m1"), "binaryData": {"a": value}}, "dryRun=All")


@case("data of wrong types is refused: ConfigMap")
def _(api):
    for data in ([], "x", {"a": 1}, {"a": {}}, {"a": None}, {"a": True}, None):
        api.post(api.cm(), {**configmap("m1"), "data": data}, "dryRun=All")
    api.post(api.cm(), {**configmap("m1"), "immutable": "yes"}, "dryRun=All")


@case("data of wrong types is refused: Secret")
def _(api):
    for data in ([], {"a": 1}, {"a": "!"}, {"a": ""}, {"a": None}, {"a": "YQ"}):
        api.post(api.secret(), {**secret("s1"), "data": data}, "dryRun=All")
    for data in ({"a": 1}, []):
        api.post(api.secret(), {**secret("s1"), "stringData": data}, "dryRun=All")


@case("keys of a Secret are checked")
def _(api):
    _each(api, api.secret(), ("a b", "", "..", "a/b"), lambda key: secret("s1", {key: "AA=="}))


@case("the type of a Secret cannot be changed")
def _(api):
    api.create(api.secret(), secret("s1"))
    api.patch(api.secret("s1"), {"type": "other"})
    api.patch(api.secret("s1"), {"type": None})


@case("types of Secrets with rules of their own")
def _(api):
    for kind in ("kubernetes.io/tls", "kubernetes.io/basic-auth", "kubernetes.io/dockerconfigjson",
                 "kubernetes.io/ssh-auth", "bootstrap.kubernetes.io/token"):
        api.post(api.secret(), {**secret("s1", {"x": "AA=="}), "type": kind}, "dryRun=All")


@case("an event of each form")
def _(api):
    for change in ({}, {"type": "Nonsense"}, {"reason": ""}, {"message": ""}, {"count": 0}, {"count": -1},
                   {"eventTime": "2020-01-02T03:04:05.000006Z"}, {"series": {"count": 2}},
                   {"action": "Restart", "reportingComponent": "salve.dev/x", "reportingInstance": "one"}):
        api.post(api.event(), event("e1", api.ns, **change), "dryRun=All")


@case("an event is in its object's namespace")
def _(api):
    for involved in ({"kind": "HealingPolicy", "name": "p", "namespace": "elsewhere"},
                     {"kind": "HealingGuardrail", "name": "g"}, {"kind": "X", "name": "x", "namespace": api.ns}, {}):
        api.post(api.event(), event("e1", api.ns, involvedObject=involved), "dryRun=All")


@case("an event about a cluster's object is in the namespace default")
def _(api):
    name = f"{api.ns}-e"
    thing = event(name, "default", involvedObject={"kind": "HealingGuardrail", "name": "g"})
    api.post("/api/v1/namespaces/default/events", thing)
    api.delete(f"/api/v1/namespaces/default/events/{name}")


@case("an event is updated as its count grows")
def _(api):
    made = api.create(api.event(), event("e1", api.ns))
    made["count"] = 2
    made["lastTimestamp"] = "2020-01-02T03:05:05Z"
    api.put(api.event("e1"), made)
    api.patch(api.event("e1"), {"count": 3})


@case("times of events and leases are checked and written in one form")
def _(api):
    for time in ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05.678901Z", "2020-01-02T05:04:05+02:00", "yesterday", "", None):
        api.post(api.event(), event("e1", api.ns, firstTimestamp=time), "dryRun=All")
        api.post(api.lease(), lease("l1", {"renewTime": time}), "dryRun=All")


@case("a lease of each form")
def _(api):
    for spec in ({"leaseDurationSeconds": 0}, {"leaseDurationSeconds": -1}, {"leaseTransitions": -1},
                 {"leaseDurationSeconds": 15.5}, {"holderIdentity": 1}, {"holderIdentity": ""}, {},
                 {"leaseDurationSeconds": 1, "leaseTransitions": 0}, {"strategy": "x"}, {"preferredHolder": "y"},
                 {"nonsense": 1}):
        api.post(api.lease(), lease("l1", spec), "dryRun=All")


@case("a lease is taken over by its resourceVersion")
def _(api):
    made = api.create(api.lease(), lease("l1", {"holderIdentity": "a", "leaseDurationSeconds": 15,
                                                "acquireTime": "2020-01-02T03:04:05.000000Z",
                                                "renewTime": "2020-01-02T03:04:05.000000Z"}))
    made["spec"]["holderIdentity"] = "b"
    made["spec"]["leaseTransitions"] = 1
    api.put(api.lease("l1"), made)
    made["spec"]["holderIdentity"] = "c"
    api.put(api.lease("l1"), made)


@case("a namespace's labels and annotations can be changed, its name's label not")
def _(api):
    name = f"{api.ns}-x"
    made = api.create(api.namespace(), namespace(name, labels={"a": "b"}))
    made["metadata"]["labels"] = {"c": "d"}
    made["metadata"]["annotations"] = {"e": "f"}
    api.put(api.namespace(name), made)
    made = api.get(api.namespace(name)).json
    made["metadata"]["labels"]["kubernetes.io/metadata.name"] = "other"
    api.put(api.namespace(name), made)


@case("a namespace's finalizers and status are the server's")
def _(api):
    name = f"{api.ns}-x"
    api.post(api.namespace(), {**namespace(name), "spec": {"finalizers": ["salve.dev/x"]},
                               "status": {"phase": "Terminating"}}, "dryRun=All")
    made = api.create(api.namespace(), namespace(name))
    made["spec"] = {}
    api.put(api.namespace(name), made)


@case("namespaces cannot be created twice or deleted by collection")
def _(api):
    api.post(api.namespace(), namespace(api.ns))
    api.delete(api.namespace(), query="labelSelector=none%3Dsuch")


@case("who am I")
def _(api):
    for user in ("admin", "bob"):
        answer = api.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", user=user, body={
            "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}, quiet=True)
        info = answer.json["status"]["userInfo"]
        api.note(user, [answer.code, answer.json["kind"], answer.json["apiVersion"], info["username"],
                        sorted(info["groups"])])


def _may(api, user, **attributes):
    answer = api.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", user=user, quiet=True, body={
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": attributes})
    body = answer.json
    body.get("status", {}).pop("reason", None)
    api.note(f"{user} {attributes}", [answer.code, body])


@case("may I")
def _(api):
    for user in ("admin", "bob"):
        _may(api, user, resourceAttributes={"verb": "list", "group": "salve.dev", "resource": "incidents",
                                            "namespace": api.ns})
        _may(api, user, resourceAttributes={"verb": "*", "group": "*", "resource": "*"})
        _may(api, user, nonResourceAttributes={"verb": "get", "path": "/version"})
        _may(api, user, nonResourceAttributes={"verb": "get", "path": "/metrics"})


@case("may I, without saying what")
def _(api):
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    head = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    api.post(path, head)
    api.post(path, {**head, "spec": {}})
    api.post(path, {**head, "spec": {"resourceAttributes": {"verb": "get", "resource": "pods"},
                                     "nonResourceAttributes": {"verb": "get", "path": "/"}}})
    api.get(path)


@case("ConfigMaps and Secrets up to a megabyte")
def _(api):
    answer = api.post(api.cm(), configmap("m1", {"a": "x" * 1_000_000}), quiet=True)
    api.note("a large one", answer.code)
    api.post(api.secret(), {**secret("s1"), "stringData": {"a": "x" * 1_048_577}})
