# SPDX-License-Identifier: Apache-2.0
"""The operations of Amazon ECS on the state: what each takes, checks, changes and answers.

Every operation is a method named like it, called with the state's lock held and the parsed request.
"""
import base64
import re

import errors
import model

_NAME = re.compile(r"^[A-Za-z0-9_-]{1,255}$")
_KEPT = ("family", "containerDefinitions", "networkMode", "cpu", "memory", "executionRoleArn", "taskRoleArn",
         "volumes", "requiresCompatibilities", "placementConstraints", "runtimePlatform", "tags",
         "ephemeralStorage", "pidMode", "ipcMode")


def page(items, request, most):
    """(items of this page, fields of the answer that point at the next)."""
    limit = request.get("maxResults") or most
    if not 1 <= limit <= most:
        raise errors.invalid(f"maxResults must be between 1 and {most}.")
    begin = 0
    if request.get("nextToken"):
        try:
            begin = int(base64.b64decode(request["nextToken"]).decode())
        except ValueError:
            raise errors.invalid("Invalid token.") from None
    rest = items[begin:begin + limit]
    more = begin + limit < len(items)
    return rest, {"nextToken": base64.b64encode(str(begin + limit).encode()).decode()} if more else {}


def required(request, name):
    value = request.get(name)
    if value in (None, "", []):
        raise errors.invalid(f"{name} cannot be blank." if isinstance(value, str) else f"{name} cannot be empty.")
    return value


class Operations:
    """`visibility_delay` is the time in seconds for which DescribeServices shows what was before an update."""

    def __init__(self, state):
        self._state = state
        self.visibility_delay = 0.0

    def call(self, operation, request):
        method = getattr(self, operation, None)
        if operation[:1].islower() or operation.startswith("_") or method is None:
            raise errors.ApiError("UnknownOperationException", f"this server does not know {operation}")
        return method(request)

    # --- finding -------------------------------------------------------------------------------------

    def _cluster(self, request):
        short = (request.get("cluster") or "default").split(":cluster/")[-1]
        cluster = self._state.clusters.get(short)
        if cluster is None:
            raise errors.cluster_not_found()
        return cluster

    def _service(self, cluster, name):
        return cluster.services.get(name.split("/")[-1])

    def _active_service(self, request):
        service = self._service(self._cluster(request), required(request, "service"))
        if service is None:
            raise errors.service_not_found()
        if service.status != "ACTIVE":
            raise errors.service_not_active()
        return service

    def _usable_definition(self, name):
        definition = self._state.definition(name)
        if definition is None:
            raise errors.client_error("TaskDefinition not found.")
        if definition.status != "ACTIVE":
            raise errors.client_error("TaskDefinition is inactive")
        return definition

    # --- clusters ------------------------------------------------------------------------------------

    def CreateCluster(self, request):
        name = request.get("clusterName") or "default"
        if not _NAME.match(name):
            raise errors.invalid("Identifier is not valid.")
        cluster = self._state.clusters.setdefault(name, model.Cluster(self._state.region, name))
        return {"cluster": cluster.render(self._state.tasks.values())}

    def DescribeClusters(self, request):
        clusters, failures = [], []
        for name in request.get("clusters") or ["default"]:
            try:
                clusters.append(self._cluster({"cluster": name}).render(self._state.tasks.values()))
            except errors.ApiError:
                short = name.split(":cluster/")[-1]
                failures.append({"arn": model.arn(self._state.region, f"cluster/{short}"), "reason": "MISSING"})
        return {"clusters": clusters, "failures": failures}

    def ListClusters(self, request):
        names, more = page([c.arn for c in self._state.clusters.values()], request, 100)
        return {"clusterArns": names, **more}

    # --- task definitions ----------------------------------------------------------------------------

    def RegisterTaskDefinition(self, request):
        family = required(request, "family")
        if not _NAME.match(family):
            raise errors.client_error("Family contains invalid characters.")
        containers = request.get("containerDefinitions")
        if not containers:
            raise errors.client_error("Container list cannot be empty.")
        for container in containers:
            self._fill_container(container, request)
        known = self._state.families.setdefault(family, [])
        spec = {k: request[k] for k in _KEPT if k in request and k != "family"}
        spec.setdefault("volumes", [])
        spec.setdefault("placementConstraints", [])
        tags = spec.get("tags", [])
        definition = model.TaskDefinition(self._state.region, family, len(known) + 1, spec, model.now())
        known.append(definition)
        return {"taskDefinition": definition.render(), "tags": tags}

    @staticmethod
    def _fill_container(container, request):
        if not container.get("name") or not container.get("image"):
            raise errors.client_error("Container.name and Container.image should not be null or empty.")
        if not (request.get("memory") or container.get("memory") or container.get("memoryReservation")):
            raise errors.client_error(
                f"Invalid setting for container '{container['name']}'. At least one of 'memory' or "
                "'memoryReservation' must be specified.")
        for name, value in (("cpu", 0), ("essential", True), ("portMappings", []), ("environment", []),
                            ("mountPoints", []), ("volumesFrom", [])):
            container.setdefault(name, value)

    def DescribeTaskDefinition(self, request):
        definition = self._state.definition(required(request, "taskDefinition"))
        if definition is None:
            raise errors.client_error("Unable to describe task definition.")
        return {"taskDefinition": definition.render(), "tags": definition.tags}

    def DeregisterTaskDefinition(self, request):
        name = required(request, "taskDefinition")
        if ":" not in name.split("/")[-1]:
            raise errors.invalid("Invalid revision number. Number: null")
        definition = self._state.definition(name)
        if definition is None:
            raise errors.client_error("Unable to describe task definition.")
        definition.status = "INACTIVE"
        definition.deregistered_at = model.now()
        return {"taskDefinition": definition.render()}

    def ListTaskDefinitions(self, request):
        status = request.get("status", "ACTIVE")
        prefix = request.get("familyPrefix")
        found = [d.arn for family, known in sorted(self._state.families.items()) for d in known
                 if d.status == status and prefix in (None, family)]
        if request.get("sort") == "DESC":
            found.reverse()
        names, more = page(found, request, 100)
        return {"taskDefinitionArns": names, **more}

    # --- services ------------------------------------------------------------------------------------

    def CreateService(self, request):
        cluster = self._cluster(request)
        name = required(request, "serviceName")
        if not _NAME.match(name):
            raise errors.invalid("Invalid service name.")
        existing = cluster.services.get(name)
        if existing is not None and existing.status != "INACTIVE":
            raise errors.invalid("Creation of service was not idempotent.")
        definition = self._usable_definition(required(request, "taskDefinition"))
        service = model.Service(self._state.region, cluster, name, request, definition, model.now())
        cluster.services[name] = service
        return {"service": service.render()}

    def UpdateService(self, request):
        service = self._active_service(request)
        now = model.now()
        seen = service.render_seen(now)
        definition = service.primary.definition
        if request.get("taskDefinition"):
            definition = self._usable_definition(request["taskDefinition"])
        count = request.get("desiredCount")
        if count is not None and not 0 <= count <= 5000:
            raise errors.invalid("desiredCount must be between 0 and 5000.")
        if count is not None:
            service.desired_count = count
            service.primary.updated_at = now
        service.configure(request.get("deploymentConfiguration") or {})
        if request.get("forceNewDeployment") or definition is not service.primary.definition:
            service.primary.status = "ACTIVE"
            service.deployments.insert(0, model.Deployment(service, definition, now))
            service.steady = False
        if self.visibility_delay > 0:
            service.stale, service.stale_until = seen, now + self.visibility_delay
        return {"service": service.render()}

    def DescribeServices(self, request):
        cluster = self._cluster(request)
        names = request.get("services") or []
        if not names:
            raise errors.invalid("Services cannot be empty.")
        if len(names) > 10:
            raise errors.invalid("The service list can contain at most 10 services.")
        now, services, failures = model.now(), [], []
        for name in names:
            service = self._service(cluster, name)
            if service is None:
                resource = name if name.startswith("arn:") else model.arn(
                    self._state.region, f"service/{cluster.name}/{name}")
                failures.append({"arn": resource, "reason": "MISSING"})
            else:
                row = service.render_seen(now)
                services.append({**row, "tags": service.tags} if "TAGS" in request.get("include", []) else row)
        return {"services": services, "failures": failures}

    def DeleteService(self, request):
        service = self._active_service(request)
        if service.desired_count > 0 and not request.get("force"):
            raise errors.invalid("The service cannot be stopped while it is scaled above 0.")
        service.desired_count = 0
        service.status = "DRAINING"
        for task in service.tasks:
            task.stop(model.now(), "ServiceSchedulerInitiated",
                      f"Scaling activity initiated by (deployment {service.primary.id})")
        return {"service": service.render()}

    def ListServices(self, request):
        cluster = self._cluster(request)
        found = [s.arn for s in cluster.services.values() if s.status == "ACTIVE"]
        names, more = page(found, request, 100)
        return {"serviceArns": names, **more}

    def ListServiceDeployments(self, request):
        service = self._service(self._cluster(request), required(request, "service"))
        if service is None:
            raise errors.service_not_found()
        wanted = request.get("status") or []
        rows = [d.render_history() for d in reversed(service.history)]
        rows, more = page([r for r in rows if not wanted or r["status"] in wanted], request, 100)
        return {"serviceDeployments": rows, **more}

    def DescribeServiceRevisions(self, request):
        names = required(request, "serviceRevisionArns")
        if len(names) > 20:
            raise errors.invalid("The list can contain at most 20 service revisions.")
        known = {d.revision_arn: d for c in self._state.clusters.values() for s in c.services.values()
                 for d in s.history}
        return {"serviceRevisions": [known[n].render_revision() for n in names if n in known],
                "failures": [{"arn": n, "reason": "MISSING"} for n in names if n not in known]}

    # --- tasks ---------------------------------------------------------------------------------------

    def ListTasks(self, request):
        cluster = self._cluster(request)
        status = request.get("desiredStatus", "RUNNING")
        if status not in ("RUNNING", "PENDING", "STOPPED"):
            raise errors.invalid("Invalid desiredStatus.")
        if request.get("serviceName"):
            service = self._service(cluster, request["serviceName"])
            if service is None:
                raise errors.service_not_found()
        else:
            service = None
        found = [t.arn for t in self._state.tasks.values()
                 if t.cluster is cluster and t.desired_status == status
                 and (service is None or t.service is service)
                 and request.get("family") in (None, t.definition.family)
                 and request.get("startedBy") in (None, t.deployment.id)]
        names, more = page(found, request, 100)
        return {"taskArns": names, **more}

    def DescribeTasks(self, request):
        cluster = self._cluster(request)
        names = request.get("tasks") or []
        if not names:
            raise errors.invalid("Tasks cannot be empty.")
        if len(names) > 100:
            raise errors.invalid("The task list can contain at most 100 tasks.")
        tasks, failures = [], []
        for name in names:
            task = self._state.tasks.get(name.split("/")[-1])
            if task is None or task.cluster is not cluster:
                resource = name if name.startswith("arn:") else model.arn(
                    self._state.region, f"task/{cluster.name}/{name}")
                failures.append({"arn": resource, "reason": "MISSING"})
            else:
                tasks.append(task.render())
        return {"tasks": tasks, "failures": failures}

    def StopTask(self, request):
        cluster = self._cluster(request)
        task = self._state.tasks.get(required(request, "task").split("/")[-1])
        if task is None or task.cluster is not cluster:
            raise errors.invalid("The referenced task was not found.")
        reason = request.get("reason") or "Task stopped by user"
        if len(reason) > 1024:
            raise errors.invalid("The reason can have at most 1024 characters.")
        task.stop(model.now(), "UserInitiated", reason)
        return {"task": task.render()}


class ScalingOperations:
    """The part of Application Auto Scaling that says within which bounds a service's count lies."""

    def __init__(self, state):
        self._state = state

    def call(self, operation, request):
        if operation == "RegisterScalableTarget":
            key = (request["ResourceId"], request["ScalableDimension"])
            known = self._state.targets.get(key, {"CreationTime": model.stamp(model.now()), "SuspendedState": {
                "DynamicScalingInSuspended": False, "DynamicScalingOutSuspended": False,
                "ScheduledScalingSuspended": False}})
            self._state.targets[key] = {**known, **request, "RoleARN":
                                        f"arn:aws:iam::{model.ACCOUNT}:role/aws-service-role/ecs.application-autoscaling"}
            return {}
        if operation == "DescribeScalableTargets":
            if request.get("ServiceNamespace") != "ecs":
                raise errors.ApiError("ValidationException", "this server knows the namespace ecs only")
            wanted = request.get("ResourceIds")
            found = [t for (resource, _), t in self._state.targets.items() if not wanted or resource in wanted]
            targets, more = page(found, {"maxResults": request.get("MaxResults")}, 50)
            return {"ScalableTargets": targets, **({"NextToken": more["nextToken"]} if more else {})}
        raise errors.ApiError("UnknownOperationException", f"this server does not know {operation}")
