# SPDX-License-Identifier: Apache-2.0
"""What tests say to the server: POST /_control {"do": VERB, …}, answered with JSON.

fail {operation, how, count (1; -1: always), who ("salve")}   see faults.Fault; operation "*" is every one
clear                        no fault any more; rates, visibility and the rest as at the start, but not policies
visibility {seconds}         DescribeServices shows an update only so long after it
calls {operation, who, after}   the calls made: {"calls": […]}
expire                       every session given until now has expired
session_seconds {seconds}    how long those given from now on last
policy {who, policy}         an IAM policy is enforced for that identity (null: none)
failing_targets {services}   the load balancer calls the tasks of those services unhealthy
unplaceable {services, why}  no task of those services can be placed; `why` goes into their events
logs {page_limit, empty_pages}
log {group, stream, message} a line that nobody said
populate {cluster, prefix, count, definition}   that many services of two tasks, PREFIX1, PREFIX2, …
rates {enabled}              whether the services' published rates are enforced
skew {seconds}               the server's clock is that far ahead
"""
import time

from faults import Fault

NO_INSTANCE = ("was unable to place a task because no container instance met all of its requirements. Reason: No "
               "Container Instances were found in your cluster. For more information, see the Troubleshooting "
               "section of the Amazon ECS Developer Guide.")


class Control:
    def __init__(self, server):
        self._server = server

    def handle(self, request):
        verb = request.get("do", "")
        method = getattr(self, f"do_{verb}", None)
        if method is None:
            raise ValueError(f"there is no verb {verb!r}")
        return method(request) or {}

    def do_fail(self, request):
        self._server.faults.add(Fault(request["how"], request.get("operation", "*"), request.get("who", "salve"),
                                      request.get("count", 1)))

    def do_clear(self, request):
        self._server.faults.clear()
        self._server.operations.visibility_delay = 0.0
        self._server.rates.enabled = True
        self._server.skew = 0.0
        self._server.scheduler.failing_targets = set()
        self._server.scheduler.unplaceable = {}

    def do_visibility(self, request):
        self._server.operations.visibility_delay = float(request["seconds"])

    def do_calls(self, request):
        return {"calls": self._server.calls.list(request.get("operation"), request.get("who"),
                                                 request.get("after", 0))}

    def do_expire(self, request):
        self._server.identities.expire_sessions()

    def do_session_seconds(self, request):
        self._server.identities.session_seconds = float(request["seconds"])

    def do_policy(self, request):
        self._server.identities.set_policy(request.get("who", "salve"), request["policy"])

    def do_failing_targets(self, request):
        self._server.scheduler.failing_targets = set(request["services"])

    def do_unplaceable(self, request):
        why = request.get("why") or NO_INSTANCE
        self._server.scheduler.unplaceable = {name: why for name in request["services"]}

    def do_logs(self, request):
        self._server.logs.page_limit = request.get("page_limit", 10_000)
        self._server.logs.empty_pages = request.get("empty_pages", 0)

    def do_log(self, request):
        self._server.logs.add(request["group"], request["stream"], int(time.time() * 1000), request["message"])

    def do_populate(self, request):
        with self._server.state.lock:
            for number in range(1, request["count"] + 1):
                self._server.operations.CreateService(
                    {"cluster": request["cluster"], "serviceName": f"{request['prefix']}{number}",
                     "taskDefinition": request["definition"], "desiredCount": 2})

    def do_rates(self, request):
        self._server.rates.enabled = bool(request["enabled"])

    def do_skew(self, request):
        self._server.skew = float(request["seconds"])
