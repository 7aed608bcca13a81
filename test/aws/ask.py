#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Speaks to the scripted ECS server for the cases; starts ten times as fast as the AWS CLI.

ask.py ADDRESS control JSON              POST /_control; prints the answer if it says anything
ask.py ADDRESS calls [WORD=VALUE…]       the calls made, a line each: number, who, operation, status, what of
                                         the request tells calls apart. WORD is operation, who (default salve),
                                         after, applied (yes), code
ask.py ADDRESS [SERVICE:]OPERATION JSON [PATH…]
                                         a call, signed with ASK_KEY and ASK_SECRET; SERVICE is ecs, logs or
                                         scaling. Prints the values at the paths (a.b[0].c, a[].b for all of a
                                         list, #a for its length), separated by spaces; without a path nothing.
                                         Fails with the error that was answered.
"""
import hashlib
import hmac
import http.client
import json
import os
import re
import sys
import time

REGION = "eu-central-1"
TARGETS = {"ecs": ("ecs", "AmazonEC2ContainerServiceV20141113"), "logs": ("logs", "Logs_20140328"),
           "scaling": ("application-autoscaling", "AnyScaleFrontendService")}


def post(address, path, body, headers):
    connection = http.client.HTTPConnection(address, timeout=240)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    except (OSError, http.client.HTTPException, ValueError) as problem:
        sys.exit(f"http://{address}{path}: {problem!r}")
    finally:
        connection.close()


def control(address, request):
    status, answer = post(address, "/_control", json.dumps(request), {})
    if status != 200:
        sys.exit(f"control answers {status}: {answer}")
    return answer


def sign(service, headers, body):
    """Adds Signature Version 4 to the headers of a POST to /."""
    stamp = headers["x-amz-date"]
    scope = [stamp[:8], REGION, service, "aws4_request"]
    names = sorted(headers)
    canonical = "POST\n/\n\n" + "".join(f"{n}:{headers[n]}\n" for n in names) + "\n" + ";".join(names) + "\n" + \
        hashlib.sha256(body).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + os.environ["ASK_SECRET"].encode()
    for part in [*scope, text]:
        key = hmac.digest(key, part.encode(), "sha256")
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={os.environ['ASK_KEY']}/{'/'.join(scope)}, "
                                f"SignedHeaders={';'.join(names)}, Signature={key.hex()}")


def call(address, name, request):
    kind, _, operation = name.rpartition(":")
    service, prefix = TARGETS[kind or "ecs"]
    body = json.dumps(request).encode()
    headers = {"host": address, "content-type": "application/x-amz-json-1.1",
               "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), "x-amz-target": f"{prefix}.{operation}"}
    sign(service, headers, body)
    status, answer = post(address, "/", body, headers)
    if status != 200:
        sys.exit(f"{operation}: ({answer.get('__type')}) {answer.get('message')}")
    return answer


def at(value, path):
    """The values that a path leads to, as a list."""
    if path.startswith("#"):
        return [len(at(value, path[1:])[0])]
    values = [value]
    for step in re.findall(r"[^.\[\]]+|\[\d*\]", path):
        if step == "[]":
            values = [item for v in values for item in v or []]
        elif step.startswith("["):
            number = int(step[1:-1])
            values = [v[number] for v in values if v is not None and len(v) > number]
        else:
            values = [v.get(step) for v in values if v is not None]
    return values


def summary(row):
    request = row["request"] or {}
    told = [f"{k}={request[k]}" for k in ("service", "taskDefinition", "desiredCount", "forceNewDeployment", "task",
                                          "family") if k in request]
    return " ".join([str(row["n"]), str(row["who"]), row["operation"], str(row["code"] or row["status"]), *told])


def calls(address, words):
    words = {"who": "salve", **dict(w.split("=", 1) for w in words)}
    asked = {"do": "calls", "operation": words.get("operation"), "after": int(words.get("after", 0)),
             "who": None if words["who"] == "*" else words["who"]}
    for row in control(address, asked)["calls"]:
        if (words.get("applied") != "yes" or row["applied"]) and words.get("code") in (None, row["code"]):
            print(summary(row))


def main(arguments):
    address, verb, *rest = arguments
    if verb == "control":
        answer = control(address, json.loads(rest[0]))
        if answer:
            print(json.dumps(answer))
    elif verb == "calls":
        calls(address, rest)
    else:
        answer = call(address, verb, json.loads(rest[0]))
        if len(rest) > 1:
            print(" ".join("None" if v is None else str(v) for path in rest[1:] for v in at(answer, path)))


if __name__ == "__main__":
    main(sys.argv[1:])
