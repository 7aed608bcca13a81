# SPDX-License-Identifier: Apache-2.0
"""The part of Elastic Load Balancing that says what it thinks of targets, and how its answers are written.

A target is a running task of a service that names the target group; what is wrong with it is what tests ask the
scheduler for (failing_targets).
"""
from xml.sax.saxutils import escape

import errors

NAMESPACE = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"
FAILING = {"State": "unhealthy", "Reason": "Target.ResponseCodeMismatch",
           "Description": "Health checks failed with these codes: [503]"}
STARTING = {"State": "initial", "Reason": "Elb.RegistrationInProgress",
            "Description": "Target registration is in progress"}


class BalancerOperations:
    def __init__(self, state, scheduler):
        self._state = state
        self._scheduler = scheduler

    def call(self, operation, request):
        if operation != "DescribeTargetHealth":
            raise errors.ApiError("InvalidAction", f"this server does not know {operation}")
        group = request.get("TargetGroupArn")
        services = [(s, b) for c in self._state.clusters.values() for s in c.services.values()
                    for b in s.load_balancers if b.get("targetGroupArn") == group]
        if not services:
            raise errors.ApiError("TargetGroupNotFound", "One or more target groups not found")
        return {"TargetHealthDescriptions": [self._target(service, balancer, task) for service, balancer in services
                                             for task in service.tasks if task.last_status == "RUNNING"]}

    def _target(self, service, balancer, task):
        port = balancer.get("containerPort", 80)
        failing = service.name in self._scheduler.failing_targets
        health = FAILING if failing else {"State": "healthy"} if task.proved else STARTING
        return {"Target": {"Id": task.address, "Port": port, "AvailabilityZone": "eu-central-1a"},
                "HealthCheckPort": port, "TargetHealth": health}


def _element(name, value):
    if isinstance(value, dict):
        inside = "".join(_element(k, v) for k, v in value.items())
    elif isinstance(value, list):
        inside = "".join(_element("member", v) for v in value)
    else:
        inside = escape(str(value))
    return f"<{name}>{inside}</{name}>"


def answer_text(operation, fields, request_id):
    return (f'<{operation}Response xmlns="{NAMESPACE}">{_element(operation + "Result", fields)}'
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>")


def error_text(problem, request_id):
    code = {"AccessDeniedException": "AccessDenied", "ThrottlingException": "Throttling"}.get(problem.code, problem.code)
    error = {"Type": "Sender", "Code": code, "Message": problem.message}
    return (f'<ErrorResponse xmlns="{NAMESPACE}">{_element("Error", error)}'
            f"<RequestId>{request_id}</RequestId></ErrorResponse>")
