#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: rights.py --used|--all GRANTED AUDIT_LOG

Holds the requests of the user salve-controller in an API server's audit log against the rights of its
roles (GRANTED: `kubectl get clusterroles,roles -o json`). --used: nothing was refused. --all: and no
right is there that no request used, but for those of UNUSED below.

Exit: 0 so it is; 1 it is not (a line for each); 2 usage.
"""
import json
import sys

USER = "salve-controller"
ROLES = ("salve-controller", "salve-controller-actions")

# Rights for what no case brings about at will.
UNUSED = {
    ("", "events", "patch"): "the same is said again of the same object",
    ("", "pods", "get"): "a crash between the removal of a pod and its record",
    ("salve.dev", "incidents", "get"): "somebody else has written it in the same moment",
    ("salve.dev", "healingpolicies", "get"): "the same",
    ("salve.dev", "healingguardrails", "get"): "the same",
}


def name_of(group, resource):
    return f"{resource}.{group}" if group else resource


def granted(path):
    rights = set()
    for role in json.load(open(path))["items"]:
        if role["metadata"]["name"] not in ROLES:
            continue
        for rule in role.get("rules") or []:
            rights |= {(group, resource, verb) for group in rule.get("apiGroups", [])
                       for resource in rule.get("resources", []) for verb in rule["verbs"]}
    return rights


def asked(path):
    """(what was used, lines about what was refused)."""
    used, refused = set(), {}
    for line in open(path):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        ref = event.get("objectRef")
        if event.get("stage") != "ResponseComplete" or event["user"]["username"] != USER or not ref:
            continue
        resource = ref["resource"] + ("/" + ref["subresource"] if ref.get("subresource") else "")
        key = (ref.get("apiGroup", ""), resource, event["verb"])
        status = event.get("responseStatus", {})
        # A namespace that is going forbids new objects to everybody.
        if status.get("code") == 403 and " cannot " in status.get("message", ""):
            refused[key] = status["message"]
        else:
            used.add(key)
    return used, refused


def main(mode, roles, log):
    if mode not in ("--used", "--all"):
        print(__doc__, file=sys.stderr)
        return 2
    rights = granted(roles)
    used, refused = asked(log)
    # An API server that has just started refuses what it allows a moment later, when it knows the roles.
    wrong = [f"refused: {verb} {name_of(group, resource)}: {why}"
             for (group, resource, verb), why in sorted(refused.items()) if (group, resource, verb) not in used]
    if not used:
        wrong.append(f"{log} has no request of {USER}")
    if mode == "--all":
        wrong += [f"granted, and never used: {verb} {name_of(group, resource)}"
                  for group, resource, verb in sorted(rights - used - set(UNUSED))]
        wrong += [f"listed as unused, and not granted: {verb} {name_of(group, resource)}"
                  for group, resource, verb in sorted(set(UNUSED) - rights)]
    print("\n".join(wrong) or f"{len(used)} kinds of requests, {len(rights)} rights")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))
