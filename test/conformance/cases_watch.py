# SPDX-License-Identifier: Apache-2.0
"""Watches: order, content, bookmarks, ends."""
from lib.case import PARTIAL, TABLE, case
from lib.objects import configmap, event, guardrail, incident, namespace, policy

ALL = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}


def _now(api, path):
    return {"resourceVersion": api.get(path, quiet=True).meta["resourceVersion"]}


def _change(api):
    made = api.create(api.hp(), policy("p1", labels={"a": "b"}))
    made["spec"]["mode"] = "Auto"
    api.put(api.hp("p1"), made, quiet=True)
    api.patch(api.hp("p1", "status"), {"status": {"health": "1/1"}}, quiet=True)
    api.delete(api.hp("p1"), quiet=True)


@case("a watch from the present shows each change in order")
def _(api):
    watch = api.watch(api.hp(), _now(api, api.hp()))
    _change(api)
    watch.next(4)


@case("a watch of a built-in kind shows each change in order")
def _(api):
    watch = api.watch(api.cm(), _now(api, api.cm()))
    api.create(api.cm(), configmap("m1", {"a": "b"}))
    api.patch(api.cm("m1"), {"data": {"a": "c"}}, quiet=True)
    api.delete(api.cm("m1"), quiet=True)
    watch.next(3)


@case("a watch from the past catches up")
def _(api):
    since = _now(api, api.hp())
    _change(api)
    api.watch(api.hp(), since).next(4)


@case("a watch without a resourceVersion begins with what is there")
def _(api):
    for name in ("b", "a"):
        api.create(api.hp(), policy(name))
    watch = api.watch(api.hp())
    watch.next(2)
    api.create(api.hp(), policy("c"))
    watch.next()


@case("a watch from resourceVersion 0 begins with what is there")
def _(api):
    for name in ("b", "a"):
        api.create(api.hp(), policy(name))
    _now(api, api.hp())  # afterwards the server's memory is as new as its store
    watch = api.watch(api.hp(), {"resourceVersion": "0"})
    watch.next(2)


@case("a watch shows nothing where nothing changes")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    watch = api.watch(api.hp(), {"resourceVersion": made["metadata"]["resourceVersion"]})
    api.put(api.hp("p1"), made, quiet=True)
    api.patch(api.hp("p1"), {}, quiet=True)
    api.patch(api.hp("p1"), {"spec": {"mode": "Auto"}}, query="dryRun=All", quiet=True)
    api.create(api.hp(), policy("end"))
    watch.until("end")


@case("a watch of one object by field shows only that")
def _(api):
    watch = api.watch(api.hp(), {**_now(api, api.hp()), "fieldSelector": "metadata.name=b"})
    for name in ("a", "b", "c"):
        api.create(api.hp(), policy(name))
    api.delete(api.hp("b"), quiet=True)
    watch.next(2)


@case("a watch of one object by path shows only that")
def _(api):
    api.create(api.hp(), policy("a"))
    made = api.create(api.hp(), policy("b"))
    watch = api.watch(api.hp("b"), {"resourceVersion": made["metadata"]["resourceVersion"]})
    api.delete(api.hp("a"), quiet=True)
    api.delete(api.hp("b"), quiet=True)
    watch.next()


@case("an object that leaves a selection is deleted for the watch, and added when it comes back")
def _(api):
    watch = api.watch(api.hp(), {**_now(api, api.hp()), "labelSelector": "a=b"})
    api.create(api.hp(), policy("p1", labels={"a": "b"}))
    for value in ("c", "b"):
        api.patch(api.hp("p1"), {"metadata": {"labels": {"a": value}}}, quiet=True)
    api.delete(api.hp("p1"), quiet=True)
    watch.next(4)


@case("an object that leaves a field selection is deleted for the watch")
def _(api):
    watch = api.watch(api.hp(), {**_now(api, api.hp()), "fieldSelector": "spec.mode=Auto"})
    api.create(api.hp(), policy("p1"))
    for mode in ("Auto", "Approve", "Auto"):
        api.patch(api.hp("p1"), {"spec": {"mode": mode}}, quiet=True)
    watch.next(3)


@case("an object that was never selected is not shown when it is deleted")
def _(api):
    watch = api.watch(api.hp(), {**_now(api, api.hp()), "labelSelector": "a=b"})
    api.create(api.hp(), policy("p1"))
    api.delete(api.hp("p1"), quiet=True)
    api.create(api.hp(), policy("end", labels={"a": "b"}))
    watch.until("end")


@case("an object with a finalizer is modified, then deleted")
def _(api):
    watch = api.watch(api.hp(), _now(api, api.hp()))
    api.create(api.hp(), policy("p1", finalizers=["salve.dev/x"]))
    api.delete(api.hp("p1"), quiet=True)
    api.patch(api.hp("p1"), {"metadata": {"finalizers": None}}, quiet=True)
    watch.next(3)


@case("delete and create again are two objects")
def _(api):
    watch = api.watch(api.hp(), _now(api, api.hp()))
    for _ in range(2):
        api.create(api.hp(), policy("p1"))
        api.delete(api.hp("p1"), quiet=True)
    watch.next(4)


@case("a streamed list ends with a bookmark and goes on")
def _(api):
    for name in ("b", "a"):
        api.create(api.hp(), policy(name))
    watch = api.watch(api.hp(), ALL)
    watch.next(3)
    api.create(api.hp(), policy("c"))
    watch.next()


@case("a streamed list of nothing is a bookmark")
def _(api):
    watch = api.watch(api.inc(), ALL)
    watch.next()
    api.create(api.inc(), incident("i1"))
    watch.next()


@case("a streamed list of a built-in kind ends with a bookmark")
def _(api):
    api.create(api.cm(), configmap("a"))
    api.watch(api.cm(), ALL).next(2)


@case("a streamed list of a selection ends with a bookmark")
def _(api):
    for name in ("b", "a"):
        api.create(api.hp(), policy(name))
    api.watch(api.hp(), {**ALL, "fieldSelector": "metadata.name=a"}).next(2)


@case("a streamed list as kubectl wait asks for it")
def _(api):
    api.create(api.hp(), policy("a"))
    watch = api.watch(api.hp(), {**ALL, "fieldSelector": "metadata.name=a", "timeoutSeconds": "400"})
    watch.next(2)
    api.delete(api.hp("a"), quiet=True)
    watch.next()


@case("a watch with bookmarks from 0 marks the end of what is there")
def _(api):
    api.create(api.hp(), policy("a"))
    _now(api, api.hp())
    api.watch(api.hp(), {"allowWatchBookmarks": "true", "resourceVersion": "0"}).next(2)
    api.watch(api.hp(), {"allowWatchBookmarks": "true"}).next(2)


@case("a watch that asks for no initial events begins with the present")
def _(api):
    api.create(api.hp(), policy("a"))
    watch = api.watch(api.hp(), {"sendInitialEvents": "false", "resourceVersionMatch": "NotOlderThan",
                                 **_now(api, api.hp())})
    api.create(api.hp(), policy("b"))
    watch.next()


@case("the rules of sendInitialEvents")
def _(api):
    for query in ("sendInitialEvents=true", "sendInitialEvents=false",
                  "sendInitialEvents=true&resourceVersionMatch=Exact",
                  "resourceVersionMatch=NotOlderThan", "resourceVersionMatch=Exact&resourceVersion=1",
                  
                  "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=abc"):
        api.get(api.hp(), "watch=true&" + query)


@case("a watch ends after its timeoutSeconds")
def _(api):
    api.create(api.hp(), policy("a"))
    api.watch(api.hp(), {"timeoutSeconds": "3"}).to_end()


@case("a watch with bookmarks that ends has said where")
def _(api):
    since = _now(api, api.hp())
    # Before the watch: its seconds are few.
    api.create(api.hp(), policy("a"))
    api.watch(api.hp(), {**since, "timeoutSeconds": "3"}).to_end()


@case("a watch from a resourceVersion that is none")
def _(api):
    api.get(api.hp(), "watch=true&resourceVersion=abc")


@case("a watch with a selector that cannot be read is refused")
def _(api):
    api.get(api.hp(), "watch=true&labelSelector=%28")
    api.get(api.hp(), "watch=true&fieldSelector=spec.nonsense%3Dx")
    api.get(api.hp(), "watch=true&fieldSelector=nonsense")


@case("watch=1 and watch=true are the same, and watch=false is a list")
def _(api):
    api.create(api.hp(), policy("a"))
    api.watch(api.hp(), {"watch": "1"}).next()
    for value in ("false", "0"):
        api.get(api.hp(), {"watch": value})


@case("a watch as Tables has its columns once")
def _(api):
    api.create(api.hp(), policy("a"))
    watch = api.watch(api.hp(), accept=TABLE)
    watch.next()
    api.create(api.hp(), policy("b", {"mode": "Auto"}))
    api.delete(api.hp("a"), quiet=True)
    watch.next(2)


@case("a watch as Tables of a built-in kind")
def _(api):
    watch = api.watch(api.cm(), _now(api, api.cm()), accept=TABLE)
    api.create(api.cm(), configmap("a", {"x": "y"}))
    api.delete(api.cm("a"), quiet=True)
    watch.next(2)


@case("a watch as Tables with whole objects")
def _(api):
    watch = api.watch(api.hp(), {**_now(api, api.hp()), "includeObject": "Object"}, accept=TABLE)
    api.create(api.hp(), policy("a"))
    watch.next()


@case("a watch as metadata alone")
def _(api):
    watch = api.watch(api.hp(), {**_now(api, api.hp()), "allowWatchBookmarks": "true"}, accept=PARTIAL)
    api.create(api.hp(), policy("a"))
    api.delete(api.hp("a"), quiet=True)
    watch.next(2)


@case("a streamed list as metadata alone ends with a bookmark")
def _(api):
    api.create(api.hp(), policy("a"))
    api.watch(api.hp(), ALL, accept=PARTIAL).next(2)


@case("a streamed list as Tables ends with a bookmark")
def _(api):
    api.create(api.hp(), policy("a"))
    api.watch(api.hp(), ALL, accept=TABLE).next(2)


@case("a watch of namespaces and guardrails")
def _(api):
    name = f"{api.ns}-x"
    watch = api.watch(api.hguard(), {**_now(api, api.hguard()), "fieldSelector": f"metadata.name={name}"})
    api.create(api.hguard(), guardrail(name))
    api.delete(api.hguard(name), quiet=True)
    watch.next(2)
    watch = api.watch(api.namespace(), {**_now(api, api.namespace()),
                                        "fieldSelector": f"metadata.name={name}"})
    api.create(api.namespace(), namespace(name))
    watch.next()


@case("a watch of events by involved object")
def _(api):
    watch = api.watch(api.event(), {**_now(api, api.event()), "fieldSelector": "involvedObject.name=p2"})
    api.create(api.event(), event("e1", api.ns))
    api.create(api.event(), event("e2", api.ns, "p2"))
    watch.next()


@case("a deletecollection is one event for each object")
def _(api):
    for name in ("a", "b"):
        api.create(api.cm(), configmap(name))
    watch = api.watch(api.cm(), _now(api, api.cm()))
    api.delete(api.cm(), quiet=True)
    watch.next(2)
    # Their order is nobody's promise.
    watch.events.sort(key=lambda each: each["object"]["metadata"]["name"])
    for each in watch.events:
        each["object"]["metadata"].pop("resourceVersion")
