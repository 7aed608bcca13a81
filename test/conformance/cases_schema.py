# SPDX-License-Identifier: Apache-2.0
"""The schemas of crds/, field by field: for each object in them one case, which sends every value
that its fields must refuse (wrong types, ranges, lengths, patterns, enums, missing and repeated
members, null) and the outermost ones that they must take."""
import json
import re

from lib import crds
from lib.case import add_case
from lib.objects import approval, guardrail, incident, policy

KINDS = {
    "healingpolicies": ("HealingPolicy", "hp", policy),
    "incidents": ("Incident", "inc", incident),
    "incidentapprovals": ("IncidentApproval", "iapp", approval),
    "healingguardrails": ("HealingGuardrail", "hguard", guardrail),
}
TEXTS = ("a", "A", "abc", "2020-01-02T03:04:05Z", "0 0 * * *", "0" * 64, "a/b", "40%", "10.0.0.0/8",
         "http://a/b", "5m", "a.b", "/a", "a:1", "UTC")
LONGEST = 5000  # longer texts are left out: they say nothing more


def _match(schema, text):
    if len(text) < schema.get("minLength", 0) or len(text) > schema.get("maxLength", 1 << 30):
        return False
    return "pattern" not in schema or re.search(schema["pattern"], text) is not None


def sample(schema):
    """A value that the schema by itself takes."""
    if "default" in schema and schema["default"] != {}:
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        return {key: sample(schema["properties"][key]) for key in schema.get("required", [])}
    if kind == "array":
        return [sample(schema["items"])] * schema.get("minItems", 0)
    if kind == "string":
        if schema.get("format") == "date-time":
            return "2020-01-02T03:04:05Z"
        return next((text for text in TEXTS if _match(schema, text)), "a")
    if kind == "integer":
        return schema.get("minimum", 1)
    if kind == "number":
        return schema.get("minimum", 0.5)
    return True if kind == "boolean" else 1


def _strings(schema):
    if "enum" in schema:
        yield from ("Nonsense", schema["enum"][0].lower(), "")
        yield from schema["enum"][-1:]
        return
    if schema.get("format") == "date-time":
        yield from ("yesterday", "2020-01-02", "2020-01-02T03:04:05.678+02:00", "")
        return
    if schema.get("minLength"):
        yield ""
    if schema.get("maxLength", LONGEST) < LONGEST:
        yield from ("a" * schema["maxLength"], "a" * (schema["maxLength"] + 1), "é" * schema["maxLength"])
    if "pattern" in schema:
        yield from (" ", "-", "Ünï", "a\nb", sample(schema) + "!")


def _numbers(schema):
    for key, step in (("minimum", -1), ("maximum", 1)):
        if key in schema:
            yield schema[key]
            yield schema[key] + step
    if schema["type"] == "integer":
        yield from (1.0, 1.5, 1e30, -0.0)


def _lists(schema):
    item = sample(schema["items"])
    if "maxItems" in schema and schema["maxItems"] <= 200:
        yield [item] * (schema["maxItems"] + 1)
    if schema.get("minItems"):
        yield []
    keys = schema.get("x-kubernetes-list-map-keys")
    if keys and isinstance(item, dict):
        yield [item, item]
    yield from ([None], {}, [[]], [item])


def _objects(schema):
    full = sample(schema)
    for key in schema.get("required", []):
        yield {name: value for name, value in full.items() if name != key}
    yield {**full, "nonsense": 1}
    values = schema.get("additionalProperties")
    if values:
        yield {"a": 1}
        yield {"a": "x" * (values.get("maxLength", 63) + 1)}
        if schema.get("maxProperties", 999) < 100:
            yield {f"k{i}": "v" for i in range(schema["maxProperties"] + 1)}
        yield {"a": None}
    yield []


def values(schema):
    """What to try, each once."""
    wrong = {"string": [1, True, {}], "integer": ["1", True], "number": ["1", True], "boolean": ["true", 1],
             "array": ["x"], "object": ["x", 1]}
    kind = schema.get("type")
    tried = [None, *wrong.get(kind, [True, {}, -1, "x", "101%", "1000000"])]
    tried += {"string": _strings, "integer": _numbers, "number": _numbers, "array": _lists,
              "object": _objects}.get(kind, lambda _: ())(schema)
    seen = set()
    for value in tried:
        text = json.dumps(value)
        if text not in seen:
            seen.add(text)
            yield value


def objects_below(schema, path=()):
    """(path, schema) of every object, itself first. A path's step is a name, or [] for an item."""
    if schema.get("type") == "object" and schema.get("properties"):
        yield path, schema
        for key, member in schema["properties"].items():
            yield from objects_below(member, (*path, key))
    elif schema.get("type") == "array":
        yield from objects_below(schema["items"], (*path, []))


def wrap(schema, path, value):
    """The value inside the smallest object that holds it at the path."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if step == []:
        return [wrap(schema["items"], rest, value)]
    inner = wrap(schema["properties"][step], rest, value)
    around = sample(schema)
    return {**(around if isinstance(around, dict) else {}), step: inner}


def _case(plural, part, path, node):
    kind, where, make = KINDS[plural]
    root = crds.schema(plural)["properties"][part]

    def body(api):
        collection = getattr(api, where)
        name = f"{api.ns}-x"
        made = None
        if part == "status":
            made = api.create(collection(), make(name))
        for key, member in sorted(node["properties"].items()):
            for value in values(member):
                thing = wrap(root, (*path, key), value)
                if part == "status":
                    api.put(collection(name, "status"), {**made, "status": thing},
                            "dryRun=All&fieldValidation=Strict")
                    continue
                whole = make(name)
                whole["spec"] = {**whole["spec"], **thing}
                api.post(collection(), whole, "dryRun=All&fieldValidation=Strict")

    shown = ".".join([part, *("[]" if step == [] else step for step in path)]).replace(".[]", "[]")
    body.__module__ = __name__
    add_case(f"{kind}: every field of {shown}", body)


def _add():
    for plural in KINDS:
        root = crds.schema(plural)["properties"]
        for part in ("spec", "status"):
            if part not in root:
                continue
            for path, node in objects_below(root[part]):
                _case(plural, part, path, node)


_add()
