# SPDX-License-Identifier: Apache-2.0
"""PUT, the status subresource, generations and resourceVersions."""
from lib.case import case
from lib.objects import approval, configmap, guardrail, incident, lease, policy, secret

CONDITION = {"type": "Ready", "status": "True", "reason": "Fine", "message": "ok",
             "lastTransitionTime": "2020-01-02T03:04:05Z"}


@case("an update changes the object and its generation")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    made["spec"]["mode"] = "Auto"
    api.put(api.hp("p1"), made)
    api.get(api.hp("p1"))


@case("an update that changes nothing writes nothing")
def _(api):
    made = api.post(api.hp(), policy("p1")).json
    api.put(api.hp("p1"), made)
    made = api.post(api.cm(), configmap("m1", {"a": "b"})).json
    api.put(api.cm("m1"), made)


@case("an update of labels alone leaves the generation")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    made["metadata"]["labels"] = {"a": "b"}
    made["metadata"]["annotations"] = {"c": "d"}
    api.put(api.hp("p1"), made)


@case("an update with a stale resourceVersion is a conflict: salve's kinds")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    made["spec"]["mode"] = "Auto"
    api.put(api.hp("p1"), made)
    made["spec"]["mode"] = "Approve"
    api.put(api.hp("p1"), made)
    api.get(api.hp("p1"))


@case("an update with a stale resourceVersion is a conflict: built-in kinds")
def _(api):
    for path, thing in ((api.cm, configmap("m1")), (api.secret, secret("m1")),
                        (api.lease, lease("m1", {}))):
        made = api.create(path(), thing)
        made["metadata"]["labels"] = {"a": "b"}
        api.put(path("m1"), made)
        api.put(path("m1"), made)


@case("an update without a resourceVersion: salve's kinds refuse it")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.put(api.hp("p1"), policy("p1", {"mode": "Auto"}))


@case("an update without a resourceVersion: built-in kinds overwrite")
def _(api):
    api.create(api.cm(), configmap("m1", {"a": "b"}))
    api.put(api.cm("m1"), configmap("m1", {"c": "d"}))
    api.create(api.secret(), secret("s1", {"a": "Yg=="}))
    api.put(api.secret("s1"), secret("s1", {"c": "ZA=="}))
    api.create(api.lease(), lease("l1", {}))
    api.put(api.lease("l1"), lease("l1", {"holderIdentity": "me"}))


@case("an update of what does not exist is 404: salve's kinds")
def _(api):
    api.put(api.hp("p1"), policy("p1"))
    api.put(api.hp("p1"), policy("p1", resourceVersion="1"))
    api.put(api.hp("p1", "status"), policy("p1"))


@case("an update of what does not exist: built-in kinds")
def _(api):
    api.put(api.cm("m1"), configmap("m1"))
    api.put(api.lease("l1"), lease("l1", {"holderIdentity": "me"}))


@case("an update with another uid is a conflict")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    made["metadata"]["uid"] = "11111111-1111-1111-1111-111111111111"
    api.put(api.hp("p1"), made)
    made = api.create(api.cm(), configmap("m1"))
    made["metadata"]["uid"] = "11111111-1111-1111-1111-111111111111"
    api.put(api.cm("m1"), made)


@case("an update with a resourceVersion that is no number is refused")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    made["metadata"]["resourceVersion"] = "abc"
    api.put(api.hp("p1"), made)
    made = api.create(api.cm(), configmap("m1"))
    made["metadata"]["resourceVersion"] = "abc"
    api.put(api.cm("m1"), made)


@case("an update cannot change what the server decided")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    made["metadata"].update(creationTimestamp="2020-01-02T03:04:05Z", generation=9, selfLink="/x",
                            deletionTimestamp="2020-01-02T03:04:05Z", deletionGracePeriodSeconds=3)
    made["spec"]["mode"] = "Auto"
    api.put(api.hp("p1"), made)


@case("an update may leave out what the server decided")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    api.put(api.hp("p1"), policy("p1", resourceVersion=made["metadata"]["resourceVersion"]))


@case("an update of the object leaves its status")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    made["status"] = {"health": "1/1"}
    made = api.put(api.hp("p1", "status"), made).json
    made["status"] = {"health": "0/1"}
    made["spec"]["mode"] = "Auto"
    api.put(api.hp("p1"), made)
    del made["status"]
    made["metadata"]["resourceVersion"] = api.get(api.hp("p1")).meta["resourceVersion"]
    api.put(api.hp("p1"), made)


@case("an update of the status leaves the object")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    made["spec"]["mode"] = "Auto"
    made["metadata"]["labels"] = {"a": "b"}
    made["metadata"]["annotations"] = {"a": "b"}
    made["metadata"]["finalizers"] = ["salve.dev/x"]
    made["status"] = {"health": "1/1", "conditions": [CONDITION]}
    api.put(api.hp("p1", "status"), made)
    api.get(api.hp("p1"))
    api.get(api.hp("p1", "status"))


@case("an update of the status does not change the generation")
def _(api):
    for path, thing in ((api.hp, policy("x1")), (api.inc, incident("x1"))):
        made = api.create(path(), thing)
        made["status"] = {"observedGeneration": 1}
        api.put(path("x1", "status"), made)


@case("the status of a guardrail is written by its subresource")
def _(api):
    name = f"{api.ns}-g"
    made = api.create(api.hguard(), guardrail(name))
    made["status"] = {"policiesSelected": 3, "conditions": [CONDITION]}
    api.put(api.hguard(name, "status"), made)


@case("the status is validated")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    made["status"] = {"conditions": [{**CONDITION, "status": "Maybe"}], "targetsTotal": "many"}
    api.put(api.hp("p1", "status"), made)


@case("conditions of the same type are refused")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    made["status"] = {"conditions": [CONDITION, CONDITION]}
    api.put(api.hp("p1", "status"), made)


@case("an update of the status with a stale resourceVersion is a conflict")
def _(api):
    made = api.create(api.inc(), incident("i1"))
    made["status"] = {"phase": "Detected"}
    api.put(api.inc("i1", "status"), made)
    made["status"] = {"phase": "Diagnosing"}
    api.put(api.inc("i1", "status"), made)


@case("an update of the status without a resourceVersion")
def _(api):
    api.create(api.inc(), incident("i1"))
    api.put(api.inc("i1", "status"), {**incident("i1"), "status": {"phase": "Detected"}})


@case("a status that says the same writes nothing")
def _(api):
    made = api.create(api.inc(), incident("i1"))
    made["status"] = {"phase": "Detected"}
    made = api.put(api.inc("i1", "status"), made).json
    api.put(api.inc("i1", "status"), made)


@case("removing the status by its subresource")
def _(api):
    made = api.create(api.inc(), incident("i1"))
    made["status"] = {"phase": "Detected"}
    made = api.put(api.inc("i1", "status"), made).json
    del made["status"]
    api.put(api.inc("i1", "status"), made)


@case("an approval cannot be changed")
def _(api):
    made = api.create(api.iapp(), approval("a1"))
    made["spec"]["decision"] = "Reject"
    api.put(api.iapp("a1"), made)


@case("an approval's labels can be changed")
def _(api):
    made = api.create(api.iapp(), approval("a1"))
    made["metadata"]["labels"] = {"a": "b"}
    api.put(api.iapp("a1"), made)


@case("an update is checked against the schema")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    made["spec"]["mode"] = "Wild"
    made["spec"]["target"] = {}
    api.put(api.hp("p1"), made)


@case("an update of an object's kind is refused")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    api.put(api.hp("p1"), {**made, "kind": "Incident"})
    api.put(api.hp("p1"), {**made, "apiVersion": "salve.dev/v2"})


@case("a removed field takes its default again")
def _(api):
    made = api.create(api.hp(), policy("p1", {"mode": "Auto", "guardrails": {"cooldownSeconds": 5}}))
    del made["spec"]["guardrails"]
    made["spec"]["approval"] = {"minApprovals": 2}
    api.put(api.hp("p1"), made)


@case("dry-run creates nothing")
def _(api):
    api.post(api.hp(), policy("p1"), "dryRun=All")
    api.get(api.hp("p1"))
    api.post(api.cm(), configmap("m1"), "dryRun=All")
    api.get(api.cm("m1"))


@case("dry-run updates nothing but shows what would be")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    made["spec"]["mode"] = "Auto"
    api.put(api.hp("p1"), made, "dryRun=All")
    api.get(api.hp("p1"))


@case("dry-run of a status")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    made["status"] = {"health": "1/1"}
    api.put(api.hp("p1", "status"), made, "dryRun=All")
    api.get(api.hp("p1"))


@case("dry-run is refused for what it would be refused for")
def _(api):
    api.create(api.hp(), policy("p1"))
    api.post(api.hp(), policy("p1"), "dryRun=All")
    api.post(api.hp(), policy("p2", {"mode": "Wild"}), "dryRun=All")
    api.put(api.hp("p3"), policy("p3"), "dryRun=All")


@case("dryRun has one value")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    for query in ("dryRun=Some", "dryRun=all", "dryRun=", "dryRun=All&dryRun=Some"):
        api.post(api.hp(), policy("p2"), query)
        api.put(api.hp("p1"), made, query)
        api.patch(api.hp("p1"), {}, query=query)
        api.delete(api.hp("p9"), query=query)


@case("fieldManager has its limits")
def _(api):
    for manager in ("x" * 129, "a\nb", "\u00e9", ""):
        api.post(api.hp(), policy("p1"), {"fieldManager": manager, "dryRun": "All"})


@case("fieldValidation has three values")
def _(api):
    for word in ("Strict", "Warn", "Ignore", "", "strict", "Nonsense"):
        api.post(api.hp(), policy("p1"), {"fieldValidation": word, "dryRun": "All"})
        api.patch(api.hp("p9"), {}, query={"fieldValidation": word})
