# SPDX-License-Identifier: Apache-2.0
"""What crds/ say about the kinds, for cases that are made from it.

Reads the YAML that hack/update-crds writes, not YAML in general; check() compares what came of it
with what the real server read.
"""
import functools
import glob
import json
import os
import re

CRDS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))), "crds")
# What the server adds to a schema is nothing; these keys it may leave out or fill in elsewhere.
_KEY = re.compile(r"^((?:[^'\"\s:]|:(?=\S))[^:]*|'[^']*'|\"[^\"]*\"):(?:\s+(.*))?$")


def texts():
    result = []
    for path in sorted(glob.glob(os.path.join(CRDS, "*.yaml"))):
        with open(path, encoding="utf-8") as file:
            result.append(file.read())
    return result


@functools.lru_cache(maxsize=None)
def documents():
    """{plural: CustomResourceDefinition}"""
    result = {}
    for text in texts():
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        document = _block([(len(line) - len(line.lstrip()), line.strip()) for line in lines])
        result[document["spec"]["names"]["plural"]] = document
    return result


def schema(plural):
    return documents()[plural]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


@functools.lru_cache(maxsize=None)
def descriptions():
    found = set()

    def walk(value):
        if isinstance(value, dict):
            if isinstance(value.get("description"), str):
                found.add(value["description"])
            for member in value.values():
                walk(member)
        elif isinstance(value, list):
            for member in value:
                walk(member)

    walk(list(documents().values()))
    return frozenset(found)


def check(as_served):
    """`as_served` is {name: CustomResourceDefinition} of a real server."""
    for plural, document in documents().items():
        served = as_served[document["metadata"]["name"]]["spec"]["versions"][0]
        for key in ("schema", "additionalPrinterColumns", "selectableFields"):
            mine = document["spec"]["versions"][0].get(key)
            if mine != served.get(key):
                raise AssertionError(f"lib/crds.py misreads {key} of {plural}")


# --- YAML -------------------------------------------------------------------------------------


def _block(lines):
    """The value of lines of one indentation and what is indented below them."""
    if lines[0][1] == "-" or lines[0][1].startswith("- "):
        return _sequence(lines)
    return _mapping(lines)


def _sequence(lines):
    indent = lines[0][0]
    result, i = [], 0
    while i < len(lines):
        end = i + 1
        while end < len(lines) and not (lines[end][0] == indent and lines[end][1].startswith("-")):
            end += 1
        first = lines[i][1][1:].strip()
        shift = len(lines[i][1]) - len(first)
        item = [(indent + shift, first), *lines[i + 1:end]]
        nested = first.startswith("- ") or _KEY.match(first)
        result.append(_block(item) if nested else _scalar(first))
        i = end
    return result


def _mapping(lines):
    indent = lines[0][0]
    result, i = {}, 0
    while i < len(lines):
        match = _KEY.match(lines[i][1])
        key = _scalar(match[1])
        if match[2]:
            result[key] = _scalar(match[2])
            i += 1
            continue
        end = i + 1
        # A list may stand at its key's indentation.
        while end < len(lines) and (lines[end][0] > indent or (
                lines[end][0] == indent and lines[end][1].startswith("- "))):
            end += 1
        result[key] = _block(lines[i + 1:end]) if end > i + 1 else None
        i = end
    return result


def _scalar(text):
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    if text[0] in '"[{':
        return json.loads(text)
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
