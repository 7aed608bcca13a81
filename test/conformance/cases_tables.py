# SPDX-License-Identifier: Apache-2.0
"""Tables, as kubectl get prints them."""
from lib.case import TABLE, case
from lib.objects import (approval, configmap, event, guardrail, incident, lease, namespace, policy,
                         secret)


@case("a Table of policies")
def _(api):
    api.create(api.hp(), policy("a"))
    api.create(api.hp(), policy("b", {"mode": "Auto"}, labels={"x": "y"}))
    api.patch(api.hp("b", "status"), {"status": {
        "health": "1/2", "openIncidentCount": 3, "targetsUnhealthy": 1, "budget": {"remaining": 2},
        "conditions": [{"type": "Ready", "status": "True", "reason": "Fine", "message": "all is well",
                        "lastTransitionTime": "2020-01-02T03:04:05Z"}]}}, quiet=True)
    api.get(api.hp(), accept=TABLE)
    api.get(api.hp("b"), accept=TABLE)


@case("a Table of incidents")
def _(api):
    api.create(api.inc(), incident("a", {"severity": "Critical"}))
    api.create(api.inc(), incident("b"))
    api.patch(api.inc("a", "status"), {"status": {
        "phase": "AwaitingApproval", "occurrences": 4, "summary": "waits for a human",
        "diagnosis": {"cause": "OutOfMemory"},
        "proposal": {"step": "restart", "risk": {"level": "Medium"}}}}, quiet=True)
    api.get(api.inc(), accept=TABLE)


@case("a Table of approvals")
def _(api):
    api.create(api.iapp(), approval("a", {"reason": "go"}))
    api.get(api.iapp(), accept=TABLE)


@case("a Table of guardrails")
def _(api):
    name = f"{api.ns}-g"
    api.create(api.hguard(), guardrail(name, {"paused": True, "maxMode": "Approve", "maxRisk": "High"}))
    api.get(api.hguard(name), accept=TABLE)


@case("a Table of namespaces")
def _(api):
    api.get(api.namespace(api.ns), accept=TABLE)


@case("a Table of ConfigMaps")
def _(api):
    api.create(api.cm(), configmap("a"))
    api.create(api.cm(), {**configmap("b", {"x": "y"}), "binaryData": {"z": "AA=="}})
    api.get(api.cm(), accept=TABLE)


@case("a Table of Secrets")
def _(api):
    api.create(api.secret(), secret("a"))
    api.create(api.secret(), {**secret("b", {"x": "AA=="}), "type": "salve.dev/x"})
    api.get(api.secret(), accept=TABLE)


@case("a Table of Leases")
def _(api):
    api.create(api.lease(), lease("a", {"holderIdentity": "me"}))
    api.create(api.lease(), lease("b", {}))
    api.get(api.lease(), accept=TABLE)


def _without_ages(table):
    ages = [i for i, c in enumerate(table["columnDefinitions"]) if c["name"] in ("Last Seen", "First Seen")]
    for row in table["rows"]:
        for i in ages:
            row["cells"][i] = bool(row["cells"][i])
    return table


@case("a Table of Events")
def _(api):
    api.create(api.event(), event("a", api.ns))
    api.create(api.event(), event("b", api.ns, "p2", type="Warning", count=3, message="two\nlines",
                                  involvedObject={"kind": "Incident", "name": "i1", "namespace": api.ns,
                                                  "fieldPath": "spec.containers{x}"}))
    answer = api.get(api.event(), accept=TABLE, quiet=True)
    api.note("table", _without_ages(answer.json))


@case("a Table of Events without times")
def _(api):
    thing = event("a", api.ns)
    for key in ("firstTimestamp", "lastTimestamp", "count", "source"):
        del thing[key]
    api.create(api.event(), thing)
    api.get(api.event(), accept=TABLE)


@case("a Table of nothing")
def _(api):
    for path in (api.hp(), api.inc(), api.cm(), api.event()):
        api.get(path, accept=TABLE)


@case("the rows of a Table with whole objects, metadata or nothing")
def _(api):
    api.create(api.hp(), policy("a"))
    api.create(api.cm(), configmap("a"))
    for include in ("Object", "Metadata", "None", "", "Nonsense"):
        api.get(api.hp(), {"includeObject": include}, accept=TABLE)
        api.get(api.cm(), {"includeObject": include}, accept=TABLE)


@case("a Table of the older version")
def _(api):
    api.create(api.hp(), policy("a"))
    api.get(api.hp(), accept="application/json;as=Table;v=v1beta1;g=meta.k8s.io")


@case("a Table of a status")
def _(api):
    api.create(api.hp(), policy("a"))
    api.get(api.hp("a", "status"), accept=TABLE)


@case("a Table of a namespace's many objects keeps their order")
def _(api):
    for name in ("b", "a", "c"):
        api.create(api.cm(), configmap(name, labels={"n": name}))
    api.get(api.cm(), "labelSelector=n%20in%20%28a%2Cc%29", accept=TABLE)


@case("an error is a Status where a Table was asked for")
def _(api):
    api.get(api.hp("none"), accept=TABLE)
    api.get(api.hp(), "labelSelector=%28", accept=TABLE)


@case("a Table of a namespace that is new")
def _(api):
    name = f"{api.ns}-x"
    api.post(api.namespace(), namespace(name), accept=TABLE)
