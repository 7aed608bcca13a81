# SPDX-License-Identifier: Apache-2.0
"""Lists: order, selectors, pages, resourceVersions."""
from lib.case import GROUP, TABLE, case
from lib.objects import (approval, configmap, event, guardrail, incident, namespace, policy, secret)


def _policies(api, *names):
    return [api.create(api.hp(), policy(name, {"mode": "Auto"} if name == "b" else None,
                                        labels={"app": name, "all": "yes"})) for name in names]


@case("an empty list of each kind")
def _(api):
    for path in (api.hp(), api.inc(), api.iapp(), api.cm(), api.secret(), api.event(), api.lease()):
        api.get(path)


@case("a list is sorted by name")
def _(api):
    _policies(api, "c", "a", "b")
    api.get(api.hp())
    for name in ("c", "a-b", "a.b", "ab"):
        api.create(api.cm(), configmap(name))
    api.get(api.cm())


@case("a list over all namespaces finds those of each")
def _(api):
    other = f"{api.ns}-2"
    api.create(api.namespace(), namespace(other))
    label = {"run": api.ns}
    api.create(api.hp(), policy("p1", labels=label))
    api.create(api.cm(), configmap("m1", labels=label))
    api.create(f"{GROUP}/namespaces/{other}/healingpolicies", policy("p2", labels=label))
    api.create(f"/api/v1/namespaces/{other}/configmaps", configmap("m2", labels=label))
    api.get(f"{GROUP}/healingpolicies", {"labelSelector": f"run={api.ns}"})
    api.get("/api/v1/configmaps", {"labelSelector": f"run={api.ns}"})
    api.get(f"{GROUP}/healingpolicies", {"fieldSelector": f"metadata.namespace={other}",
                                         "labelSelector": f"run={api.ns}"})


@case("label selectors of every form")
def _(api):
    _policies(api, "a", "b", "c")
    api.create(api.hp(), policy("d"))
    for selector in ("app=a", "app==a", "app!=a", "app", "!app", "app in (a,b)", "app notin (a,b)",
                     "all=yes,app!=b", "app in (a),app in (b)", " app = a ", "app=", "app>1", "x/y=z",
                     "app in ()", "app notin (a, b),app", ""):
        api.get(api.hp(), {"labelSelector": selector})


@case("numbers in label selectors")
def _(api):
    for n in ("1", "5", "20", "x"):
        api.create(api.cm(), configmap(f"m{n}", labels={"n": n}))
    for selector in ("n>4", "n<20", "n>1,n<20", "n>x"):
        api.get(api.cm(), {"labelSelector": selector})


@case("label selectors that cannot be read are refused")
def _(api):
    for selector in ("app=(", "=a", "app in a", "app in (a", "a b", "app===a", ",", "app,,b", "-x=1",
                     "app=a b", "!app=a", "x" * 64 + "=1", "a/b/c=1", "app=" + "x" * 64, "app notin",
                     "app=-a", "()"):
        api.get(api.hp(), {"labelSelector": selector})


@case("field selectors of salve's kinds")
def _(api):
    _policies(api, "a", "b")
    for selector in ("metadata.name=a", "metadata.name!=a", "metadata.name==b", "spec.mode=Auto",
                     "spec.mode!=Auto,metadata.name=a", "metadata.namespace=nowhere", "spec.mode=",
                     "", "metadata.name=a,metadata.name=b"):
        api.get(api.hp(), {"fieldSelector": selector})


@case("field selectors of incidents and approvals")
def _(api):
    api.create(api.inc(), incident("i1"))
    api.create(api.inc(), incident("i2", {"policyRef": {"name": "p2"}}))
    api.create(api.iapp(), approval("a1"))
    api.create(api.iapp(), approval("a2", {"decision": "Reject"}))
    api.get(api.inc(), {"fieldSelector": "spec.policyRef.name=p2"})
    api.get(api.inc(), {"fieldSelector": "status.phase=Detected"})
    for selector in ("spec.decision=Reject", "spec.incidentName=i1,spec.decision=Approve",
                     "spec.incidentUID=u1", "spec.policyName!=p1", "spec.approver=admin"):
        api.get(api.iapp(), {"fieldSelector": selector})


@case("field selectors of guardrails")
def _(api):
    api.create(api.hguard(), guardrail(f"{api.ns}-g", {"maxMode": "Approve"}, labels={"run": api.ns}))
    for selector in ("spec.maxMode=Approve", "spec.maxMode=Auto", f"metadata.name={api.ns}-g"):
        api.get(api.hguard(), {"fieldSelector": selector, "labelSelector": f"run={api.ns}"})
    api.get(api.hguard(), {"fieldSelector": "metadata.namespace=x", "labelSelector": f"run={api.ns}"})


@case("field selectors of built-in kinds")
def _(api):
    api.create(api.secret(), {**secret("s1"), "type": "salve.dev/x"})
    api.create(api.secret(), secret("s2"))
    api.create(api.cm(), configmap("m1"))
    api.get(api.secret(), {"fieldSelector": "type=salve.dev/x"})
    api.get(api.secret(), {"fieldSelector": "type!=salve.dev/x"})
    api.get(api.cm(), {"fieldSelector": "metadata.name=m1"})
    api.get(api.namespace(), {"fieldSelector": f"metadata.name={api.ns},status.phase=Active"})
    api.get(api.namespace(), {"fieldSelector": f"metadata.name={api.ns},status.phase=Terminating"})


@case("field selectors of events")
def _(api):
    api.create(api.event(), event("e1", api.ns))
    api.create(api.event(), event("e2", api.ns, "p2", type="Warning", reason="Failed"))
    for selector in ("involvedObject.name=p1", "involvedObject.kind=HealingPolicy,type=Warning",
                     "reason=Failed", "source=salve", "involvedObject.uid=", "reportingComponent=",
                     "involvedObject.apiVersion=salve.dev/v1alpha1", "involvedObject.fieldPath=",
                     f"involvedObject.namespace={api.ns}", "involvedObject.resourceVersion=",
                     "reportingComponent=salve"):
        api.get(api.event(), {"fieldSelector": selector})


@case("fields that cannot be selected are refused")
def _(api):
    for path in (api.hp(), api.inc(), api.cm(), api.secret(), api.event(), api.lease(), api.namespace()):
        api.get(path, {"fieldSelector": "spec.nonsense=x"})


@case("field selectors that cannot be read are refused")
def _(api):
    for selector in ("metadata.name", "=", "metadata.name=a,,", "metadata.name in (a)", "a=b=c",
                     "metadata.name>a"):
        api.get(api.hp(), {"fieldSelector": selector})
        api.get(api.cm(), {"fieldSelector": selector})


@case("a list comes page by page")
def _(api):
    _policies(api, "a", "b", "c", "d", "e")
    token = api.get(api.hp(), "limit=2").meta["continue"]
    token = api.get(api.hp(), {"limit": 2, "continue": token}, quiet=True).meta["continue"]
    last = api.get(api.hp(), {"limit": 2, "continue": token}, quiet=True)
    api.note("the last page", [last.code, [item["metadata"]["name"] for item in last.json["items"]],
                               last.meta.get("continue"), last.meta.get("remainingItemCount")])


@case("the middle page says how many remain")
def _(api):
    for name in "abcdef":
        api.create(api.cm(), configmap(name))
    token = api.get(api.cm(), "limit=2").meta["continue"]
    page = api.get(api.cm(), {"limit": 2, "continue": token}, quiet=True)
    api.note("the middle page", [[item["metadata"]["name"] for item in page.json["items"]],
                                 bool(page.meta.get("continue")), page.meta.get("remainingItemCount")])


@case("a page shows the state of the first one")
def _(api):
    for name in "abcd":
        api.create(api.cm(), configmap(name))
    first = api.get(api.cm(), "limit=2")
    api.delete(api.cm("c"))
    api.create(api.cm(), configmap("bb"))
    page = api.get(api.cm(), {"limit": 5, "continue": first.meta["continue"]}, quiet=True)
    api.note("page", [[item["metadata"]["name"] for item in page.json["items"]],
                      page.meta["resourceVersion"] == first.meta["resourceVersion"]])


@case("a limit that is not reached")
def _(api):
    _policies(api, "a", "b")
    for limit in ("2", "3", "0", "500"):
        api.get(api.hp(), {"limit": limit})


@case("a limit with a selector does not say how many remain")
def _(api):
    _policies(api, "a", "b", "c")
    api.get(api.hp(), "limit=2&labelSelector=all%3Dyes")
    api.get(api.hp(), "limit=1&fieldSelector=spec.mode%21%3DAuto")


@case("pages of a Table")
def _(api):
    _policies(api, "a", "b", "c")
    api.get(api.hp(), "limit=2", accept=TABLE)


@case("a limit that is no number is refused")
def _(api):
    for limit in ("x", "-1", "1.5", ""):
        api.get(api.hp(), {"limit": limit})
        api.get(api.cm(), {"limit": limit})


@case("a continue token that is none is refused")
def _(api):
    for token in ("nonsense", "e30", "%00", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MX0"):
        api.get(api.hp(), {"limit": 1, "continue": token})


@case("a continue token with a resourceVersion is refused")
def _(api):
    _policies(api, "a", "b")
    token = api.get(api.hp(), "limit=1", quiet=True).meta["continue"]
    api.mask(token, "<token>")
    answer = api.get(api.hp(), {"limit": 1, "continue": token, "resourceVersion": "1"}, quiet=True)
    api.note("with a version", [answer.code, answer.json["message"]])
    answer = api.get(api.hp(), {"limit": 1, "continue": token, "resourceVersion": "0"}, quiet=True)
    api.note("with 0", answer.code)


@case("a list at a resourceVersion of the past or present")
def _(api):
    first = api.create(api.hp(), policy("a"))["metadata"]["resourceVersion"]
    second = api.create(api.hp(), policy("b"))["metadata"]["resourceVersion"]
    api.get(api.hp())  # afterwards the server's memory is as new as its store
    for query in ({"resourceVersion": "0"}, {"resourceVersion": first}, {"resourceVersion": second},
                  {"resourceVersion": first, "resourceVersionMatch": "NotOlderThan"},
                  {"resourceVersion": first, "resourceVersionMatch": "Exact"},
                  {"resourceVersion": first, "limit": "5"},
                  {"resourceVersion": first, "limit": "5", "resourceVersionMatch": "Exact"},
                  {"resourceVersion": "0", "limit": "1"}):
        answer = api.get(api.hp(), query, quiet=True)
        api.note(f"{sorted(query)}", [answer.code, [i["metadata"]["name"] for i in answer.json["items"]]])


@case("a resourceVersion of the future is not waited for long")
def _(api):
    for path in (api.hp(), api.cm()):
        answer = api.get(path, "resourceVersion=99999999999", quiet=True)
        api.note("answer", [answer.code, answer.header("retry-after"), answer.json["reason"],
                            answer.json["details"]])


@case("a resourceVersion that is none is refused")
def _(api):
    for version in ("abc", "-1", "1.5", "99999999999999999999999"):
        api.get(api.hp(), {"resourceVersion": version})


@case("resourceVersionMatch has its rules")
def _(api):
    for query in ("resourceVersionMatch=Exact", "resourceVersionMatch=NotOlderThan",
                  "resourceVersionMatch=Nonsense", "resourceVersion=0&resourceVersionMatch=Exact",
                  "resourceVersion=1&resourceVersionMatch=Nonsense",
                  "resourceVersionMatch=Exact&continue=x", "sendInitialEvents=true"):
        api.get(api.hp(), query)


@case("get of one object at a resourceVersion")
def _(api):
    version = api.create(api.hp(), policy("a"))["metadata"]["resourceVersion"]
    api.get(api.hp(), quiet=True)  # afterwards the server's memory is as new as its store
    for value in ("0", version, ""):
        api.note(value and "a version", api.get(api.hp("a"), {"resourceVersion": value}, quiet=True).code)
    api.get(api.hp("a"), "resourceVersion=abc")


@case("queries that the server does not know are ignored")
def _(api):
    _policies(api, "a")
    api.get(api.hp(), "timeout=32s&nonsense=1")
    api.get(api.hp("a"), "pretty=false&nonsense=1")
