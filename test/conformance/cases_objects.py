# SPDX-License-Identifier: Apache-2.0
"""Create, get, update and delete, and what the server decides about metadata."""
from lib.case import case
from lib.objects import (approval, configmap, guardrail, incident, lease, namespace, policy, secret)


@case("a created policy has a uid, generation 1, its defaults and nothing else")
def _(api):
    api.post(api.hp(), policy("p1"))
    api.get(api.hp("p1"))


@case("a created incident is returned as it is then read")
def _(api):
    api.post(api.inc(), incident("i1"))
    api.get(api.inc("i1"))


@case("a created approval is returned as it is then read")
def _(api):
    api.post(api.iapp(), approval("a1"))
    api.get(api.iapp("a1"))


@case("a created guardrail is returned as it is then read")
def _(api):
    name = f"{api.ns}-g"
    api.post(api.hguard(), guardrail(name, {"breaker": {}, "maxActions": {}}))
    api.get(api.hguard(name))


@case("a created ConfigMap is returned as it is then read")
def _(api):
    api.post(api.cm(), configmap("m1", {"a": "b"}))
    api.get(api.cm("m1"))


@case("a ConfigMap without data is stored so")
def _(api):
    api.post(api.cm(), configmap("m1"))
    api.get(api.cm("m1"))


@case("a created Secret has a type")
def _(api):
    api.post(api.secret(), secret("s1", {"a": "Yg=="}))
    api.get(api.secret("s1"))


@case("stringData of a Secret becomes data")
def _(api):
    api.post(api.secret(), {**secret("s1", {"a": "Yg=="}), "stringData": {"a": "x", "c": "y"}})
    api.get(api.secret("s1"))


@case("a created Lease is returned as it is then read")
def _(api):
    api.post(api.lease(), lease("l1", {"holderIdentity": "me", "leaseDurationSeconds": 15,
                                       "renewTime": "2020-01-02T03:04:05.000006Z"}))
    api.get(api.lease("l1"))


@case("a Lease without a spec gets an empty one")
def _(api):
    api.post(api.lease(), lease("l1"))


@case("a created Namespace is active and carries its name as a label")
def _(api):
    name = f"{api.ns}-x"
    api.post(api.namespace(), namespace(name))
    api.get(api.namespace(name))


@case("creating what exists is refused")
def _(api):
    for path, thing in ((api.hp(), policy("p1")), (api.cm(), configmap("m1"))):
        api.create(path, thing)
        api.post(path, thing)


@case("reading what does not exist is refused")
def _(api):
    for path in (api.hp("x"), api.inc("x"), api.hguard("x-none"), api.cm("x"), api.secret("x"),
                 api.lease("x"), api.namespace("x-none"), api.event("x")):
        api.get(path)


@case("generateName makes a name of the prefix and five characters")
def _(api):
    made = api.post(api.hp(), policy(None, generateName="p-"), quiet=True)
    name = made.meta["name"]
    api.note("generated", [name[:2], len(name)])
    api.mask(name, "<generated>")
    api.get(api.hp(name))


@case("name wins over generateName")
def _(api):
    api.post(api.cm(), configmap("m1", generateName="p-"))


@case("a name too long for its suffix is cut")
def _(api):
    made = api.post(api.cm(), configmap(None, generateName="x" * 260), quiet=True)
    api.note("generated", [made.code, len((made.json["metadata"]).get("name", ""))])


@case("an object without a name is refused")
def _(api):
    api.post(api.hp(), policy(None))
    api.post(api.cm(), configmap(None))


@case("a name in the body must be that of the URL")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    made["metadata"]["name"] = "p2"
    api.put(api.hp("p1"), made)


@case("a namespace in the body must be that of the URL")
def _(api):
    api.post(api.hp(), policy("p1", namespace="elsewhere"))
    made = api.create(api.hp(), policy("p1"))
    made["metadata"]["namespace"] = "elsewhere"
    api.put(api.hp("p1"), made)


@case("what the server decides is not taken from the client on create")
def _(api):
    api.post(api.hp(), policy(
        "p1", uid="11111111-1111-1111-1111-111111111111", generation=7,
        creationTimestamp="2020-01-02T03:04:05Z", deletionTimestamp="2020-01-02T03:04:05Z",
        deletionGracePeriodSeconds=5, selfLink="/x"))


@case("a resourceVersion on create is refused")
def _(api):
    api.post(api.hp(), policy("p1", resourceVersion="5"))
    api.post(api.cm(), configmap("m1", resourceVersion="5"))


@case("the status of a new object is dropped")
def _(api):
    api.post(api.hp(), {**policy("p1"), "status": {"health": "1/1"}})
    api.get(api.hp("p1"))


@case("create in a namespace that does not exist is refused")
def _(api):
    api.ns = f"{api.ns}-none"
    api.mask(api.ns, "<none>")
    api.post(api.hp(), policy("p1"))
    api.post(api.cm(), configmap("m1"))


@case("lists of a namespace that does not exist are empty")
def _(api):
    api.ns = f"{api.ns}-none"
    api.mask(api.ns, "<none>")
    api.get(api.hp())
    api.get(api.cm())
