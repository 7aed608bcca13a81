# SPDX-License-Identifier: Apache-2.0
"""Server-side apply and who owns which field."""
from lib.case import case
from lib.objects import configmap, incident, policy

STEPS = [{"name": "one", "action": {"restart": {}}}, {"name": "two", "action": {"stop": {}}}]


def _apply(api, path, thing, manager="one", **query):
    return api.patch(path, thing, "apply", {"fieldManager": manager, **query})


@case("an apply creates", managed_fields=True)
def _(api):
    _apply(api, api.hp("p1"), policy("p1", {"mode": "Auto"}, labels={"a": "b"}))
    api.get(api.hp("p1"))


@case("an apply of a built-in kind creates", managed_fields=True)
def _(api):
    _apply(api, api.cm("m1"), configmap("m1", {"a": "b"}))


@case("an apply that changes nothing writes nothing", managed_fields=True)
def _(api):
    for _ in range(2):
        _apply(api, api.hp("p1"), policy("p1", {"mode": "Auto"}))


@case("an apply changes what it owns and removes what it no longer says", managed_fields=True)
def _(api):
    _apply(api, api.hp("p1"), policy("p1", {"mode": "Auto", "guardrails": {"minAvailable": 1}},
                                     labels={"a": "b", "c": "d"}))
    _apply(api, api.hp("p1"), policy("p1", {"mode": "Approve"}, labels={"c": "d"}))


@case("steps of a ladder are owned one by one", managed_fields=True)
def _(api):
    _apply(api, api.hp("p1"), policy("p1", {"ladder": STEPS}))
    _apply(api, api.hp("p1"), policy("p1", {"ladder": STEPS[1:]}))


@case("an apply against another manager's field is a conflict", managed_fields=True)
def _(api):
    _apply(api, api.hp("p1"), policy("p1", {"mode": "Auto"}))
    _apply(api, api.hp("p1"), policy("p1", {"mode": "Approve"}), "two")
    _apply(api, api.hp("p1"), policy("p1", {"mode": "Auto"}), "two")
    _apply(api, api.hp("p1"), policy("p1", {"mode": "Approve"}), "two")


@case("force takes the field over", managed_fields=True)
def _(api):
    _apply(api, api.hp("p1"), policy("p1", {"mode": "Auto"}))
    _apply(api, api.hp("p1"), policy("p1", {"mode": "Approve"}), "two", force="true")
    _apply(api, api.hp("p1"), policy("p1"), "one")


@case("several conflicts with several managers", managed_fields=True)
def _(api):
    _apply(api, api.cm("m1"), configmap("m1", {"a": "1", "b": "1"}))
    api.patch(api.cm("m1"), {"data": {"c": "1"}}, query="fieldManager=two")
    _apply(api, api.cm("m1"), configmap("m1", {"a": "2", "b": "2", "c": "2"}), "three")


@case("updates own what they change", managed_fields=True)
def _(api):
    api.post(api.hp(), policy("p1"), "fieldManager=maker")
    api.patch(api.hp("p1"), {"spec": {"mode": "Auto"}}, query="fieldManager=patcher")
    made = api.get(api.hp("p1"), quiet=True).json
    made["spec"]["guardrails"]["cooldownSeconds"] = 9
    api.put(api.hp("p1"), made, "fieldManager=putter")


@case("a status is owned by itself", managed_fields=True)
def _(api):
    api.post(api.inc(), incident("i1"), "fieldManager=maker")
    api.patch(api.inc("i1", "status"), {"status": {"phase": "Detected"}}, query="fieldManager=controller")
    _apply(api, api.inc("i1", "status"), {**incident("i1"), "status": {"outcome": "SelfResolved"}}, "applier")


@case("without a name the manager is the user agent's", managed_fields=True)
def _(api):
    api.post(api.cm(), configmap("m1", {"a": "b"}), headers={"User-Agent": "kubectl/v1.36.3 (linux/amd64)"})
    api.patch(api.cm("m1"), {"data": {"c": "d"}}, headers={"User-Agent": "salve"})


@case("a removed field is nobody's", managed_fields=True)
def _(api):
    _apply(api, api.cm("m1"), configmap("m1", {"a": "1", "b": "1"}))
    api.patch(api.cm("m1"), {"data": {"a": None}}, query="fieldManager=two")


@case("clients can forget who owned what", managed_fields=True)
def _(api):
    for value in ([], [{}]):
        _apply(api, api.cm("m1"), configmap("m1", {"a": "1"}))
        api.patch(api.cm("m1"), {"metadata": {"managedFields": value}}, query="fieldManager=two")


@case("managed fields that are none are refused", managed_fields=True)
def _(api):
    _apply(api, api.cm("m1"), configmap("m1", {"a": "1"}))
    for entry in ({"manager": "x"}, {"manager": "x", "operation": "Nonsense", "apiVersion": "v1",
                                     "fieldsType": "FieldsV1", "fieldsV1": {}}):
        api.patch(api.cm("m1"), {"metadata": {"managedFields": [entry]}})


@case("an apply says nothing of managed fields", managed_fields=True)
def _(api):
    _apply(api, api.cm("m1"), configmap("m1", {"a": "1"}, managedFields=[{}]))
    _apply(api, api.cm("m1"), configmap("m1", {"a": "1"}, managedFields=[]))


@case("an apply needs a manager, and a patch no force", managed_fields=True)
def _(api):
    api.patch(api.hp("p1"), policy("p1"), "apply")
    api.create(api.cm(), configmap("m1"))
    api.patch(api.cm("m1"), {}, query="force=true")


@case("an apply with a resourceVersion or uid is checked", managed_fields=True)
def _(api):
    made = _apply(api, api.cm("m1"), configmap("m1", {"a": "1"})).json
    version = made["metadata"]["resourceVersion"]
    for value in ("2", "3"):
        _apply(api, api.cm("m1"), configmap("m1", {"a": value}, resourceVersion=version))
    _apply(api, api.cm("m1"), configmap("m1", uid="11111111-1111-1111-1111-111111111111"))


@case("a dry-run apply writes nothing", managed_fields=True)
def _(api):
    _apply(api, api.hp("p1"), policy("p1"), dryRun="All")
    api.get(api.hp("p1"))
    _apply(api, api.hp("p1"), policy("p1"))
    _apply(api, api.hp("p1"), policy("p1", {"mode": "Auto"}), dryRun="All")
    api.get(api.hp("p1"))


@case("an apply of what the schema refuses")
def _(api):
    for spec in ({"mode": "Wild"}, {"target": {}}, {"colour": "red"}, {"guardrails": {"cooldownSeconds": "x"}},
                 {"ladder": [{"action": {}}]}, {"ladder": [STEPS[0], STEPS[0]]}):
        _apply(api, api.hp("p1"), policy("p1", spec), fieldValidation="Strict")


@case("an apply of another name, kind or body")
def _(api):
    _apply(api, api.hp("p1"), policy("p2"))
    _apply(api, api.hp("p1"), {**policy("p1"), "kind": "Incident"})
    _apply(api, api.hp("p1"), {"spec": {}})
    for body in (b"[]", b"{", b"nonsense: [", b""):
        api.request("PATCH", api.hp("p1"), "fieldManager=one", body=body, type="application/apply-patch+yaml")


@case("an apply in YAML")
def _(api):
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m1}\ndata:\n  a: 'b'\n"
    api.request("PATCH", api.cm("m1"), "fieldManager=one", body=text, type="application/apply-patch+yaml")
