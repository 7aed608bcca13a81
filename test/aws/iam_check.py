#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps rights and calls equal: what pkg/backends/ecs calls, what docs/iam-policy.md grants, what cases used.

iam_check.py documents          the table in permissions.h, the policy and the table of docs/iam-policy.md and the
                                task role of manifests/aws/salve.yaml name the same rights on the same resources
iam_check.py secrets-policy     prints the policy for secrets of docs/iam-policy.md, filled in
iam_check.py policy             prints the policy of docs/iam-policy.md, filled in for the cases of test/aws/run-ecs
iam_check.py calls FILE…        the calls that Salve made in these records of the ECS server: each is granted by
                                that policy, and every grant is used
iam_check.py table              prints the table of docs/iam-policy.md

Exit: 0 equal; 1 what differs is printed.
"""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "test/testing/ecs_server"))
import identities  # noqa: E402  (the server's evaluation of policies)

SERVICES = {"aws::kEcs": "ecs", "aws::kLogs": "logs", "kAutoScaling": "application-autoscaling",
            "aws::kElb": "elasticloadbalancing"}
NEEDS = {"kObserve": "nothing is known of a service", "kEvidence": "a diagnosis knows less, and says so",
         "kAct": "the action is refused"}
# How the cases call what the policy leaves open.
SUITE = {"REGION": "eu-central-1", "ACCOUNT": "123456789012", "CLUSTER": "demo", "SERVICE": "*", "FAMILY": "*",
         "GROUP": "/demo", "ROLE": "demo"}
# What reads secrets, by operation, and what decrypts them for it.
SECRETS = {"GetParameter": "ssm", "GetSecretValue": "secretsmanager"}
DECRYPT = "kms:Decrypt"
# Clusters that cases ask for to be refused.
REFUSED = ("/nowhere", "/closed")


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def permissions():
    """[(action, resource, need, purpose)] of permissions.h, those that other calls need at the end."""
    text = re.sub(r"//[^\n]*", "", read("pkg/backends/ecs/permissions.h"))
    string = r'((?:"[^"]*"\s*)+)'
    rows = []
    for found in re.finditer(r"constexpr Permission \w+\s*\{\s*&([\w:]+),\s*\{\"(\w+)\"[^}]*\},\s*" + string +
                             r",\s*Need::(\w+),\s*" + string + r"\}", text):
        service, operation, resource, need, purpose = found.groups()
        rows.append((f"{SERVICES[service]}:{operation}", _joined(resource), need, _joined(purpose)))
    companions = re.search(r"kCompanionRights\[\] = \{(.*?)\n\};", text, re.S).group(1)
    for found in re.finditer(r"\{" + string + "," + r"\s*" + string + r",\s*" + string + r"\}", companions):
        action, resource, purpose = (_joined(g) for g in found.groups())
        rows.append((action, resource, "kAct", purpose))
    return rows


def _joined(literals):
    return "".join(re.findall(r'"([^"]*)"', literals))


def listed(value):
    return value if isinstance(value, list) else [value]


def documented(which=0):
    return json.loads(re.findall(r"```json\n(.*?)```", read("docs/iam-policy.md"), re.S)[which])


def grants(policy):
    return {(a, r) for s in policy["Statement"] for a in listed(s["Action"]) for r in listed(s["Resource"])}


def template_actions():
    """The actions of the task role's policy `heal`."""
    block = read("manifests/aws/salve.yaml").split("PolicyName: heal")[1].split("PolicyName: store")[0]
    return set(re.findall(r"\b(?:ecs|logs|iam|application-autoscaling|elasticloadbalancing):[A-Z]\w+", block)) - {"iam:PassedToService"}


def filled(which=0, words=SUITE):
    text = json.dumps(documented(which))
    for word, value in words.items():
        text = re.sub(rf"\b{word}\b", value, text)
    return json.loads(text)


def table():
    return [f"| `{action}` | {purpose} | {NEEDS[need]} |" for action, _, need, purpose in permissions()]


def check_documents():
    rows = permissions()
    if len(rows) < 3:
        return ["permissions.h could not be read: its form has changed, and this check with it"]
    wrong = []
    wanted = {(a, "arn:aws:iam::ACCOUNT:role/ROLE" if a == "iam:PassRole" else r) for a, r, _, _ in rows}
    have = grants(documented())
    wrong += [f"docs/iam-policy.md does not grant {a} on {r}" for a, r in sorted(wanted - have)]
    wrong += [f"docs/iam-policy.md grants {a} on {r}, which no call needs" for a, r in sorted(have - wanted)]
    lines = read("docs/iam-policy.md").splitlines()
    wrong += [f"docs/iam-policy.md lacks the line: {line}" for line in table() if line not in lines]
    actions = {a for a, _, _, _ in rows}
    wrong += [f"manifests/aws/salve.yaml does not grant {a}" for a in sorted(actions - template_actions())]
    wrong += [f"manifests/aws/salve.yaml grants {a}, which no call needs" for a in sorted(template_actions() - actions)]
    return wrong


def secrets_policy():
    return filled(1, {"REGION": "eu-west-1", "ACCOUNT": "123456789012", "PREFIX": "salve", "KEY": "*"})


def check_secrets():
    """The calls of pkg/aws/secrets_source.cc, the second policy of the page and that of the template are the same."""
    operations = re.findall(r'constexpr Operation \w+\{"(\w+)"', read("pkg/aws/secrets_source.cc"))
    wanted = {f"{SECRETS.get(o, '?')}:{o}" for o in operations} | {DECRYPT}
    have = {a for a, _ in grants(documented(1))}
    block = read("manifests/aws/salve.yaml").split("PolicyName: secrets")[1].split("PolicyName:")[0]
    template = set(re.findall(r"\b(?:ssm|secretsmanager|kms):[A-Z]\w+", block)) - {"kms:ViaService"}
    wrong = [f"docs/iam-policy.md does not grant {a}, or grants it without need" for a in sorted(wanted ^ have)]
    wrong += [f"manifests/aws/salve.yaml does not grant {a}, or grants it without need" for a in sorted(wanted ^ template)]
    policy = secrets_policy()
    for action, resource in (("ssm:GetParameter", "arn:aws:ssm:eu-west-1:123456789012:parameter"),
                             ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:")):
        if not identities.allows(policy, action, resource + "/salve/policies/default/redis-AbCdEf", {}):
            wrong.append(f"docs/iam-policy.md does not grant {action} below the prefix")
        if identities.allows(policy, action, resource + "/other/redis-AbCdEf", {}):
            wrong.append(f"docs/iam-policy.md grants {action} outside of the prefix")
    return wrong


def check_metrics():
    """The calls of controller/runtime/cloud_watch.cc, the third policy of the page and that of the template."""
    operations = re.findall(r'constexpr aws::Operation \w+\{"(\w+)"', read("controller/runtime/cloud_watch.cc"))
    wanted = {f"cloudwatch:{o}" for o in operations}
    have = {a for a, _ in grants(documented(2))}
    block = read("manifests/aws/salve.yaml").split("PolicyName: metrics")[1].split("PolicyName:")[0]
    template = set(re.findall(r"\bcloudwatch:[A-Z]\w+", block))
    return [f"docs/iam-policy.md or manifests/aws/salve.yaml does not grant {a}, or grants it without need"
            for a in sorted((wanted ^ have) | (wanted ^ template))]


def check_calls(paths):
    policy = filled()
    used, wrong = set(), set()
    for path in paths:
        for line in open(path, encoding="utf-8"):
            call = json.loads(line)
            if call["who"] != "salve":
                continue
            for action, resource, context in call.get("needed") or []:
                if not identities.allows(policy, action, resource, context) and not any(
                        cluster in resource for cluster in REFUSED):
                    wrong.add(f"{action} on {resource} is called and not granted")
                used.add(action)
    granted = {a for a, _ in grants(policy)}
    return sorted(wrong) + [f"{a} is granted and no case uses it" for a in sorted(granted - used)]


def main(arguments):
    match arguments:
        case ["documents"]:
            wrong = check_documents() + check_secrets() + check_metrics()
        case ["calls", _, *_]:
            wrong = check_calls(arguments[1:])
        case ["policy"]:
            print(json.dumps(filled()))
            return 0
        case ["secrets-policy"]:
            print(json.dumps(secrets_policy()))
            return 0
        case ["table"]:
            print("\n".join(table()))
            return 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
