# SPDX-License-Identifier: Apache-2.0
"""Takes out of a transcript what two right servers may choose differently: uids, times, the numbers
of resourceVersions (their order stays), tokens, random suffixes of names.

    uid                 "<uid-3>": the third that the transcript shows, wherever it stands
    time of now         "<time>", or "<time-us>" for one with microseconds; other times stay
    resourceVersion     of an object "<rv-2>": its rank among the objects' of the transcript;
                        of a list or a bookmark "<rv>=2>": the newest object that it can include
    continue            "<continue>"
    age in a Table      "<age>"
    description         of what is not Salve's own: whether there is one
    causes of a Status  sorted, as the real server goes through an object's members in any order
"""
import datetime
import re

_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_AGE = re.compile(r"^(?=\d)(\d+m)?(\d+s)?$")
_VERSION_ASKED = re.compile(r"(resourceVersion=)[1-9]\d*")
_NOW_SECONDS = 3600
# Numbers of the store inside sentences: (pattern, what is shown instead).
_SENTENCES = (
    # What etcd calls the object, in front of a failed precondition.
    (re.compile(r"StorageError: invalid object, Code: 4, Key: \S+, ResourceVersion: 0, AdditionalErrorMsg: "), ""),
    (re.compile(r"too old resource version: \d+ \(\d+\)"), "too old resource version: <n> (<n>)"),
    (re.compile(r"(oo large resource version: \d+, current:) \d+"), r"\1 <n>"),
    (re.compile(r"(ResourceVersion in object meta:) \d+"), r"\1 <n>"),
    (re.compile(r"(ResourceVersion in precondition:) [1-9]\d*"), r"\1 <n>"),
    (re.compile(r"(does not match the ResourceVersion in record) \(\d+\)"), r"\1 (<n>)"),
)


def _is_collection(value):
    return "items" in value or "rows" in value


class Normaliser:
    """For one transcript; `masks` is {text: what is shown instead}, applied to every string."""

    def __init__(self, masks, keep_managed_fields, own_descriptions=frozenset()):
        self._own_descriptions = own_descriptions
        self._masks = sorted(masks.items(), key=lambda item: -len(item[0]))
        self._keep_managed_fields = keep_managed_fields
        self._uids = {}
        self._versions = []

    def run(self, transcript):
        seen = set()
        for step in transcript:
            self._collect(step, seen, False)
        self._versions = sorted(seen)
        return [self._value(step, False) for step in transcript]

    # --- resourceVersions ---------------------------------------------------------------------

    def _collect(self, value, seen, of_list):
        if isinstance(value, list):
            for item in value:
                self._collect(item, seen, False)
        elif isinstance(value, dict):
            metadata = value.get("metadata")
            if isinstance(metadata, dict) and not of_list and not _is_collection(value):
                version = metadata.get("resourceVersion")
                if isinstance(version, str) and version.isdigit():
                    seen.add(int(version))
            bookmark = value.get("type") == "BOOKMARK"
            for key, member in value.items():
                self._collect(member, seen, bookmark and key == "object")

    def _version(self, text, of_list):
        if not isinstance(text, str) or not text.isdigit():
            return text
        below = sum(1 for version in self._versions if version <= int(text))
        return f"<rv>={below}>" if of_list else f"<rv-{below}>"

    # --- everything ---------------------------------------------------------------------------

    def _value(self, value, of_list):
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self._value(item, False) for item in value]
        if not isinstance(value, dict):
            return value
        bookmark = value.get("type") == "BOOKMARK"
        collection = of_list or _is_collection(value)
        result = {}
        for key in sorted(value):
            member = value[key]
            if key == "metadata" and isinstance(member, dict):
                result[key] = self._metadata(member, collection)
            elif key == "request":
                result[key] = _VERSION_ASKED.sub(r"\1<n>", self._text(member))
            elif key == "description" and isinstance(member, str):
                result[key] = member if member in self._own_descriptions else bool(member)
            elif key == "cells" and isinstance(member, list):
                result[key] = [self._cell(cell) for cell in member]
            else:
                result[key] = self._value(member, bookmark and key == "object")
        if result.get("kind") == "Status" and (result.get("details") or {}).get("causes"):
            self._causes_sorted(result)
        return result

    def _causes_sorted(self, status):
        """The order of a refusal's causes, in its details and its message, means nothing."""
        causes = status["details"]["causes"]
        told = list(dict.fromkeys(f"{cause.get('field')}: {cause['message']}" for cause in causes))
        text = told[0] if len(told) == 1 else "[" + ", ".join(told) + "]"
        if len(told) > 1 and status["message"].endswith(text):
            status["message"] = status["message"].removesuffix(text) + "[" + ", ".join(sorted(told)) + "]"
        causes.sort(key=lambda cause: (cause.get("field", ""), cause["message"]))

    def _metadata(self, metadata, of_list):
        result = {}
        for key in sorted(metadata):
            member = metadata[key]
            if key == "resourceVersion":
                result[key] = self._version(member, of_list)
            elif key == "continue" and member:
                result[key] = "<continue>"
            elif key == "managedFields" and not self._keep_managed_fields:
                continue
            else:
                result[key] = self._value(member, False)
        if isinstance(result.get("managedFields"), list):
            result["managedFields"].sort(key=_ownership)
        return result

    def _cell(self, cell):
        if isinstance(cell, str) and _AGE.match(cell):
            return "<age>"
        return self._value(cell, False)

    def _text(self, text):
        for known, shown in self._masks:
            text = text.replace(known, shown)
        text = _UID.sub(lambda m: self._uids.setdefault(m[0], f"<uid-{len(self._uids) + 1}>"), text)
        text = _TIME.sub(_mask_now, text)
        for pattern, shown in _SENTENCES:
            text = pattern.sub(shown, text)
        return text


def _ownership(entry):
    """Sorted by what both servers agree on: they go by the second of the change, and one of them may
    have begun a new second between two."""
    return [str(entry.get(part, "")) for part in ("operation", "manager", "subresource", "apiVersion", "time")]


def _mask_now(match):
    text = match[0]
    seconds = datetime.datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(
        tzinfo=datetime.timezone.utc)
    distance = abs((seconds - datetime.datetime.now(datetime.timezone.utc)).total_seconds())
    if distance > _NOW_SECONDS:
        return text
    return "<time-us>" if match[1] else "<time>"


def differences(ours, theirs, path=""):
    """[(path, our value, their value)], where a missing member is the text "(absent)"."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = []
        for key in sorted(set(ours) | set(theirs)):
            where = f"{path}.{key}"
            if key not in ours:
                found.append((where, "(absent)", theirs[key]))
            elif key not in theirs:
                found.append((where, ours[key], "(absent)"))
            else:
                found += differences(ours[key], theirs[key], where)
        return found
    if isinstance(ours, list) and isinstance(theirs, list):
        found = []
        for i in range(max(len(ours), len(theirs))):
            where = f"{path}[{i}]"
            if i >= len(ours):
                found.append((where, "(absent)", theirs[i]))
            elif i >= len(theirs):
                found.append((where, ours[i], "(absent)"))
            else:
                found += differences(ours[i], theirs[i], where)
        return found
    # 1 and true are different answers, 1 and 1.0 are not.
    same = ours == theirs and isinstance(ours, bool) == isinstance(theirs, bool)
    return [] if same else [(path, ours, theirs)]
