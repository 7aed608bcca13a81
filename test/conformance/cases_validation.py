# SPDX-License-Identifier: Apache-2.0
"""Rules beyond the schema: CEL, unions, unknown fields, metadata; and what is pruned and defaulted."""
import json

from lib.case import case
from lib.objects import approval, configmap, guardrail, incident, namespace, policy

STEP = {"name": "one", "action": {"restart": {}}}
DOCKER = {"docker": {"container": "c1"}}


def _try(api, *specs):
    for spec in specs:
        api.post(api.hp(), policy("p1", spec), "dryRun=All&fieldValidation=Strict")


@case("a target is of exactly one kind")
def _(api):
    _try(api, {"target": {}}, {"target": {**DOCKER, "kubernetes": {"workload": {"kind": "Deployment", "name": "x"}}}},
         {"target": {"docker": {}}}, {"target": {"docker": {"container": "c", "selector": {}}}},
         {"target": {"docker": {"selector": {"matchLabels": {"a": "b"}}}}})


@case("a step of the ladder does exactly one thing")
def _(api):
    _try(api, {"ladder": [{"name": "one"}]}, {"ladder": [{**STEP, "escalate": {}}]},
         {"ladder": [{"name": "one", "action": {}}]},
         {"ladder": [{"name": "one", "action": {"restart": {}, "stop": {}}}]},
         {"ladder": [STEP, {"name": "two", "escalate": {"message": "help"}}]})


@case("only the last step of the ladder escalates")
def _(api):
    end = {"name": "end", "escalate": {}}
    _try(api, {"ladder": [end, STEP]}, {"ladder": [STEP, end]}, {"ladder": [end]},
         {"ladder": [end, {**end, "name": "end2"}]}, {"ladder": []})


@case("steps of the same name are refused")
def _(api):
    _try(api, {"ladder": [STEP, STEP]}, {"ladder": [STEP, {**STEP, "name": "two"}, STEP]})


@case("a rule names a step of the ladder or a verdict")
def _(api):
    rule = {"name": "r", "when": {"logs": "x"}, "cause": "Cause"}
    for each in ({}, {"step": "one"}, {"step": "other"}, {"verdict": "Escalate"},
                 {"step": "one", "verdict": "Escalate"}):
        _try(api, {"ladder": [STEP], "diagnosis": {"rules": [{**rule, **each}]}})


@case("a rule sees at least one thing")
def _(api):
    rule = {"name": "r", "cause": "Cause", "verdict": "Escalate"}
    for when in ({}, {"metric": "x"}, {"above": 1}, {"metric": "x", "above": 1}, {"probe": "p"}):
        _try(api, {"diagnosis": {"rules": [{**rule, "when": when}]}})


@case("a policy does not depend on itself")
def _(api):
    _try(api, {"dependsOn": [{"policy": "p1"}]}, {"dependsOn": [{"policy": "p2"}]},
         {"dependsOn": [{"policy": "p2"}, {"policy": "p2"}]})


@case("verification ends after it began")
def _(api):
    _try(api, {"verification": {"timeoutSeconds": 2}}, {"verification": {"initialDelaySeconds": 60}},
         {"verification": {"initialDelaySeconds": 50, "minHealthySeconds": 20, "timeoutSeconds": 60}})


@case("resources are raised by a number or a percentage")
def _(api):
    for action in ({}, {"memoryBytes": 8000000, "memoryPercent": 50}, {"memoryPercent": 50},
                   {"memoryPercent": 50, "maxMemoryBytes": 80000000}, {"cpuMillis": 100}):
        _try(api, {"ladder": [{"name": "one", "action": {"updateResources": action}}]})


@case("label requirements have values where they need them")
def _(api):
    for each in ({"operator": "In"}, {"operator": "In", "values": []}, {"operator": "Exists"},
                 {"operator": "Exists", "values": ["x"]}, {"operator": "NotIn", "values": ["x"]}):
        thing = guardrail(f"{api.ns}-g", {"namespaceSelector": {"matchExpressions": [{"key": "a", **each}]}})
        api.post(api.hguard(), thing, "dryRun=All")


@case("several errors are all told")
def _(api):
    _try(api, {"mode": "Wild", "target": {}, "guardrails": {"maxActions": {"count": -1, "windowSeconds": 1}},
               "approval": {"minApprovals": 0, "onExpiry": "Never"}})


@case("rules are not checked where the schema is not met")
def _(api):
    _try(api, {"mode": "Wild", "dependsOn": [{"policy": "p1"}]}, {"target": "x"}, {"ladder": "x"})


@case("a spec that is missing or no object is refused")
def _(api):
    thing = policy("p1")
    for spec in (None, [], "x", 1, {}):
        api.post(api.hp(), {**thing, "spec": spec})
    del thing["spec"]
    api.post(api.hp(), thing)


@case("an incident's spec is immutable but for cancel")
def _(api):
    made = api.create(api.inc(), incident("i1"))
    for change in ({"severity": "Critical"}, {"policyRef": {"name": "p2"}}, {"cancel": True}, {"cancel": False}):
        answer = api.patch(api.inc("i1"), {"spec": change})
    api.note("last", answer.code)
    made["spec"] = {}
    api.put(api.inc("i1"), made)


@case("an incident of each form")
def _(api):
    for spec in ({}, {"policyRef": {}}, {"target": {}}, {"fingerprint": "x"}, {"severity": "Nonsense"},
                 {"metricsSnapshot": [{"name": "a", "value": 1.5}]}, {"metricsSnapshot": [{"name": "a"}]},
                 {"errorLogs": ["x", 1]}):
        api.post(api.inc(), incident("i1", spec), "dryRun=All&fieldValidation=Strict")


@case("unknown fields: Strict")
def _(api):
    thing = policy("p1", {"colour": "red", "guardrails": {"nonsense": 1}}, labels={"a": "b"})
    thing["other"] = 1
    thing["metadata"]["nonsense"] = 1
    api.post(api.hp(), thing, "fieldValidation=Strict")


@case("unknown fields: Warn")
def _(api):
    thing = policy("p1", {"colour": "red", "guardrails": {"nonsense": 1}})
    thing["other"] = 1
    thing["metadata"]["nonsense"] = 1
    api.post(api.hp(), thing, "fieldValidation=Warn")
    api.post(api.hp(), {**thing, "metadata": {"name": "p2"}})


@case("unknown fields: Ignore")
def _(api):
    thing = policy("p1", {"colour": "red"})
    thing["other"] = 1
    api.post(api.hp(), thing, "fieldValidation=Ignore")


@case("unknown fields of built-in kinds")
def _(api):
    for word in ("Strict", "Warn", "Ignore"):
        api.post(api.cm(), {**configmap(f"m-{word.lower()}", {"a": "b"}), "colour": "red"},
                 {"fieldValidation": word})
    thing = configmap("m1")
    thing["metadata"]["nonsense"] = 1
    api.post(api.cm(), thing, "fieldValidation=Strict")


@case("unknown fields in an update")
def _(api):
    made = api.create(api.hp(), policy("p1"))
    made["spec"]["colour"] = "red"
    for word in ("Strict", "Warn"):
        api.put(api.hp("p1"), made, {"fieldValidation": word})


@case("fields that are written twice")
def _(api):
    text = json.dumps(policy("p1")).replace('"spec": {', '"spec": {"mode": "Auto", "mode": "Approve", ')
    for word in ("Strict", "Warn", "Ignore"):
        api.post(api.hp(), text.encode(), {"fieldValidation": word, "dryRun": "All"}, type="application/json")
    text = json.dumps(configmap("m1", {"a": "b"})).replace('"data"', '"data": {"a": "c"}, "data"')
    for word in ("Strict", "Warn", "Ignore"):
        api.post(api.cm(), text.encode(), {"fieldValidation": word, "dryRun": "All"}, type="application/json")


@case("null members are dropped or refused")
def _(api):
    _try(api, {"mode": None}, {"guardrails": None}, {"ladder": None}, {"guardrails": {"windows": None}},
         {"target": {"docker": {"container": None}}})


@case("defaults are filled in at every depth")
def _(api):
    api.post(api.hp(), policy("p1", {"guardrails": {"maxActions": {"count": 1}}, "probes": [],
                                     "diagnosis": {"rules": [{"name": "r", "when": {"logs": "x"}, "cause": "C",
                                                              "verdict": "Escalate"}]},
                                     "ladder": [STEP]}))


@case("names that are none are refused")
def _(api):
    for name in ("UPPER", "a_b", "-a", "a-", "a..b", "a/b", "x" * 254, ".", "a b", "ä"):
        api.post(api.hp(), policy(name), "dryRun=All")
        api.post(api.cm(), configmap(name), "dryRun=All")


@case("names of namespaces that are none are refused")
def _(api):
    for name in ("UPPER", "a.b", "x" * 64, "-a"):
        api.post(api.namespace(), namespace(name), "dryRun=All")


@case("names as long as can be")
def _(api):
    api.post(api.hp(), policy("a" * 253), "dryRun=All")
    api.post(api.hp(), policy("1.2-3"), "dryRun=All")


@case("prefixes of names that are none are refused")
def _(api):
    for prefix in ("UPPER", "-a", "a_b"):
        for path, thing in ((api.hp(), policy(None, generateName=prefix)), (api.cm(), configmap(None, generateName=prefix))):
            answer = api.post(path, thing, "dryRun=All", quiet=True)
            # The name that was made up is in the causes.
            api.mask(answer.json["details"]["name"], "<generated>")
            api.note(prefix, [answer.code, answer.json])


@case("labels are checked")
def _(api):
    for key, value in (("a b", "c"), ("a", "b c"), ("x" * 64, "a"), ("a", "x" * 64), ("-a", "b"), ("a/b/c", "d"),
                       ("", "a"), ("UPPER.dev/x", "y"), ("a.dev/", "x"), ("a", "-b")):
        api.post(api.hp(), policy("p1", labels={key: value}), "dryRun=All")
        api.post(api.cm(), configmap("p1", labels={key: value}), "dryRun=All")


@case("annotations are checked")
def _(api):
    for key in ("a b", "x" * 64, "UPPER.dev/x", "a/b/c", ""):
        api.post(api.hp(), policy("p1", annotations={key: "x"}), "dryRun=All")
        api.post(api.cm(), configmap("p1", annotations={key: "x"}), "dryRun=All")
    api.post(api.cm(), configmap("p1", annotations={"a": "x" * 262145}), "dryRun=All")


@case("metadata of wrong types is refused")
def _(api):
    for change in ({"labels": []}, {"labels": {"a": 1}}, {"annotations": "x"}, {"finalizers": "x"},
                   {"finalizers": [1]}, {"ownerReferences": {}}, {"name": 1}, {"generateName": []},
                   {"creationTimestamp": "yesterday"}, {"labels": {"a": None}}, {"generation": "x"}):
        for word in ("Strict", "Ignore"):
            api.post(api.hp(), policy("p1", **change) if "name" not in change else
                     {**policy("p1"), "metadata": change}, {"dryRun": "All", "fieldValidation": word})


@case("metadata that is no object is refused")
def _(api):
    for value in (None, [], "x", 1):
        api.post(api.hp(), {**policy("p1"), "metadata": value}, "dryRun=All")


@case("an approval of each form")
def _(api):
    for spec in ({}, {"decision": "Maybe"}, {"proposalDigest": "x"}, {"reason": "x" * 1025}, {"reason": ""},
                 {"incidentName": ""}, {"nonsense": 1}):
        api.post(api.iapp(), approval("a1", spec), "dryRun=All&fieldValidation=Strict")
