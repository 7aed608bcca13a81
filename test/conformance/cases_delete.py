# SPDX-License-Identifier: Apache-2.0
"""Delete, deletecollection, preconditions, finalizers and the collection of garbage."""
import time

from lib.case import case
from lib.objects import (approval, configmap, guardrail, incident, lease, namespace, owner, policy,
                         secret)

PATIENCE = 240  # seconds for what happens behind a request; reached only where it does not happen


def _until(api, path, code):
    """Waits for what happens behind the request; the code that it came to."""
    deadline = time.monotonic() + PATIENCE
    while (answer := api.get(path, quiet=True)).code != code and time.monotonic() < deadline:
        time.sleep(0.05)
    api.note(f"in the end: {path}", answer.code)
    return answer


@case("a delete answers with a Status that names what is gone")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.delete(api.hp("p1"))
    api.get(api.hp("p1"))


@case("a delete of each kind")
def _(api):
    name = f"{api.ns}-g"
    for path, named, thing in ((api.inc(), api.inc("x1"), incident("x1")),
                               (api.iapp(), api.iapp("x1"), approval("x1")),
                               (api.hguard(), api.hguard(name), guardrail(name)),
                               (api.cm(), api.cm("x1"), configmap("x1")),
                               (api.secret(), api.secret("x1"), secret("x1")),
                               (api.lease(), api.lease("x1"), lease("x1", {}))):
        api.create(path, thing)
        api.delete(named)
        api.delete(named)


@case("a delete with kubectl's bodies")
def _(api):
    for body in ({"propagationPolicy": "Background"}, {"propagationPolicy": "Orphan"},
                 {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}, {},
                 {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"},
                 {"kind": "DeleteOptions", "apiVersion": "salve.dev/v1alpha1"},
                 {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"}):
        api.create(api.hp(), policy("p1"))
        answer = api.delete(api.hp("p1"), body, quiet=True)
        api.note(f"{body}", [answer.code, answer.json["kind"]])
        _until(api, api.hp("p1"), 404)


@case("a delete with a body that is none is refused")
def _(api):
    api.create(api.cm(), configmap("m1"))
    for body in (b"nonsense", b"[]", b"{"):
        api.request("DELETE", api.cm("m1"), body=body, type="application/json")
    api.delete(api.cm("m1"), {"kind": "ConfigMap", "apiVersion": "v1"})


@case("a delete with a propagationPolicy that is none is refused")
def _(api):
    api.create(api.cm(), configmap("m1"))
    api.delete(api.cm("m1"), {"propagationPolicy": "Nonsense"})
    api.delete(api.cm("m1"), query="propagationPolicy=Nonsense")
    api.delete(api.cm("m1"), {"propagationPolicy": "Orphan", "orphanDependents": True})


@case("a delete with preconditions")
def _(api):
    for path, named, thing in ((api.hp(), api.hp("x1"), policy("x1")), (api.cm(), api.cm("x1"), configmap("x1"))):
        made = api.create(path, thing)["metadata"]
        api.mask(made["resourceVersion"] + "9", "<other>")
        api.delete(named, {"preconditions": {"uid": "11111111-1111-1111-1111-111111111111"}})
        api.delete(named, {"preconditions": {"resourceVersion": made["resourceVersion"] + "9"}})
        api.get(named)
        answer = api.delete(named, {"preconditions": {"uid": made["uid"],
                                                      "resourceVersion": made["resourceVersion"]}}, quiet=True)
        api.note("the right ones", [answer.code, answer.json["kind"]])


@case("a dry-run delete deletes nothing: query and body")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.delete(api.hp("p1"), query="dryRun=All")
    api.delete(api.hp("p1"), {"dryRun": ["All"], "propagationPolicy": "Background"})
    api.delete(api.hp("p1"), {"dryRun": ["Some"]})
    api.get(api.hp("p1"))


@case("an object with a finalizer waits for it")
def _(api):
    api.create(api.hp(), policy("p1", finalizers=["salve.dev/x"]))
    api.delete(api.hp("p1"))
    api.get(api.hp("p1"))
    api.delete(api.hp("p1"))
    api.patch(api.hp("p1"), {"metadata": {"finalizers": []}})
    api.get(api.hp("p1"))


@case("an object with finalizers is gone with the last: built-in kinds")
def _(api):
    api.create(api.cm(), configmap("m1", finalizers=["salve.dev/x", "salve.dev/y"]))
    api.delete(api.cm("m1"))
    api.patch(api.cm("m1"), {"metadata": {"finalizers": ["salve.dev/y"]}})
    made = api.get(api.cm("m1"), quiet=True).json
    made["metadata"]["finalizers"] = []
    api.put(api.cm("m1"), made)
    api.get(api.cm("m1"))


@case("what is being deleted cannot be created again or get finalizers")
def _(api):
    api.create(api.hp(), policy("p1", finalizers=["salve.dev/x"]))
    api.delete(api.hp("p1"), quiet=True)
    api.post(api.hp(), policy("p1"))
    api.patch(api.hp("p1"), {"metadata": {"finalizers": ["salve.dev/x", "salve.dev/y"]}})
    api.patch(api.hp("p1"), {"spec": {"mode": "Auto"}})
    api.patch(api.hp("p1"), {"metadata": {"deletionTimestamp": None}})


@case("finalizers are checked")
def _(api):
    for word in ("nonsense", "salve.dev/x/y", "", "UPPER.dev/x", "salve.dev/" + "x" * 64):
        api.post(api.hp(), policy("p1", finalizers=[word]), "dryRun=All")
        api.post(api.cm(), configmap("p1", finalizers=[word]), "dryRun=All")


@case("a deletecollection deletes all and answers with a list")
def _(api):
    for name in ("a", "b"):
        api.create(api.cm(), configmap(name))
    api.delete(api.cm())
    api.get(api.cm())


@case("a deletecollection of salve's kinds")
def _(api):
    for name in ("a", "b"):
        api.create(api.hp(), policy(name))
    api.delete(api.hp())
    api.get(api.hp())


@case("a deletecollection with a selector deletes what it selects")
def _(api):
    for name in ("a", "b", "c"):
        api.create(api.hp(), policy(name, labels={"app": name}))
    api.delete(api.hp(), query="labelSelector=app%20in%20%28a%2Cb%29", quiet=True)
    api.delete(api.hp(), query="fieldSelector=metadata.name%3Dx")
    api.get(api.hp())


@case("a deletecollection of nothing")
def _(api):
    api.delete(api.hp())
    api.delete(api.cm())


@case("a dry-run deletecollection deletes nothing")
def _(api):
    api.create(api.cm(), configmap("a"))
    api.delete(api.cm(), query="dryRun=All")
    api.get(api.cm())


@case("a deletecollection marks what has finalizers")
def _(api):
    api.create(api.cm(), configmap("a", finalizers=["salve.dev/x"]))
    api.delete(api.cm())
    api.get(api.cm())


@case("what an object owns goes with it in the background")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    api.create(api.inc(), incident("i1", ownerReferences=[owner(made)]))
    api.create(api.cm(), configmap("m1", ownerReferences=[owner(made, controller=True)]))
    answer = api.delete(api.hp("p1"), {"propagationPolicy": "Background"}, quiet=True)
    api.note("delete", answer.code)
    for path in (api.hp("p1"), api.inc("i1"), api.cm("m1")):
        _until(api, path, 404)


@case("an object is gone after what it owns, in the foreground")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    reference = owner(made, blockOwnerDeletion=True)
    api.create(api.inc(), incident("i1", ownerReferences=[reference], finalizers=["salve.dev/x"]))
    api.delete(api.hp("p1"), {"propagationPolicy": "Foreground"})
    _until(api, api.hp("p1"), 200)
    deadline = time.monotonic() + PATIENCE
    while "deletionTimestamp" not in api.get(api.inc("i1"), quiet=True).meta and time.monotonic() < deadline:
        time.sleep(0.05)
    api.get(api.inc("i1"))
    api.patch(api.inc("i1"), {"metadata": {"finalizers": None}}, quiet=True)
    _until(api, api.inc("i1"), 404)
    _until(api, api.hp("p1"), 404)


@case("what an object owns stays when it is orphaned")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    api.create(api.inc(), incident("i1", ownerReferences=[owner(made)]))
    api.delete(api.hp("p1"), {"propagationPolicy": "Orphan"})
    _until(api, api.hp("p1"), 404)
    deadline = time.monotonic() + PATIENCE
    while api.get(api.inc("i1"), quiet=True).meta.get("ownerReferences") and time.monotonic() < deadline:
        time.sleep(0.05)
    api.note("owners", api.get(api.inc("i1"), quiet=True).meta.get("ownerReferences"))


@case("an object with two owners stays with the second")
def _(api):
    one = api.create(api.hp(), policy("p1"))
    two = api.create(api.hp(), policy("p2"))
    api.create(api.inc(), incident("i1", ownerReferences=[owner(one), owner(two)]))
    api.create(api.inc(), incident("i2", ownerReferences=[owner(one)]))
    api.delete(api.hp("p1"), quiet=True)
    _until(api, api.inc("i2"), 404)
    deadline = time.monotonic() + PATIENCE
    while len(api.get(api.inc("i1"), quiet=True).meta["ownerReferences"]) > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    api.note("owners", [o["name"] for o in api.get(api.inc("i1"), quiet=True).meta["ownerReferences"]])
    api.delete(api.hp("p2"), quiet=True)
    _until(api, api.inc("i1"), 404)


@case("an object whose owner never was is collected")
def _(api):
    ghost = {"apiVersion": "salve.dev/v1alpha1", "kind": "HealingPolicy", "name": "ghost",
             "uid": "11111111-1111-1111-1111-111111111111"}
    api.create(api.cm(), configmap("m1", ownerReferences=[ghost]))
    _until(api, api.cm("m1"), 404)


@case("owner references are checked")
def _(api):
    good = {"apiVersion": "v1", "kind": "ConfigMap", "name": "m0", "uid": "u1"}
    for change in ({"apiVersion": ""}, {"kind": ""}, {"name": ""}, {"uid": ""}, {"apiVersion": "a/b/c"},
                   {"apiVersion": "v1", "kind": "Event"}):
        api.post(api.cm(), configmap("m1", ownerReferences=[{**good, **change}]), "dryRun=All")
        api.post(api.hp(), policy("p1", ownerReferences=[{**good, **change}]), "dryRun=All")
    api.post(api.cm(), configmap("m1", ownerReferences=[
        {**good, "controller": True}, {**good, "uid": "u2", "name": "m9", "controller": True}]), "dryRun=All")


@case("a namespace takes what is in it along")
def _(api):
    name = f"{api.ns}-x"
    api.create(api.namespace(), namespace(name))
    api.create(f"/api/v1/namespaces/{name}/configmaps", configmap("m1"))
    api.create(f"/apis/salve.dev/v1alpha1/namespaces/{name}/healingpolicies", policy("p1"))
    answer = api.delete(api.namespace(name), quiet=True)
    api.note("delete", [answer.code, answer.json["kind"], answer.json.get("status", {}).get("phase")])
    for path in (f"/api/v1/namespaces/{name}/configmaps/m1",
                 f"/apis/salve.dev/v1alpha1/namespaces/{name}/healingpolicies/p1", api.namespace(name)):
        _until(api, path, 404)


@case("nothing can be created in a namespace that is being deleted")
def _(api):
    name = f"{api.ns}-x"
    api.create(api.namespace(), namespace(name))
    held = f"/api/v1/namespaces/{name}/configmaps"
    api.create(held, configmap("held", finalizers=["salve.dev/x"]))
    api.delete(api.namespace(name), quiet=True)
    api.post(held, configmap("m1"))
    api.post(f"/apis/salve.dev/v1alpha1/namespaces/{name}/healingpolicies", policy("p1"))
    _until(api, api.namespace(name), 200)
    api.patch(f"{held}/held", {"metadata": {"labels": {"a": "b"}}}, quiet=True)
    api.patch(f"{held}/held", {"metadata": {"finalizers": None}}, quiet=True)
    _until(api, api.namespace(name), 404)


@case("the namespaces that must be cannot be deleted")
def _(api):
    for name in ("default", "kube-system"):
        answer = api.delete(api.namespace(name), query="dryRun=All", quiet=True)
        api.note(name, [answer.code, answer.json.get("message"), answer.json.get("reason")])
