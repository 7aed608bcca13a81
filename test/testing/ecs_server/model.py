# SPDX-License-Identifier: Apache-2.0
"""What the server keeps: clusters, task definitions, services, deployments, tasks; and how each looks on the wire.

Nothing here moves anything and nothing locks: the scheduler and the operations do, under one lock.
"""
import collections
import math
import random
import time
import uuid

ACCOUNT = "123456789012"
MAX_EVENTS = 100


def arn(region, resource, service="ecs"):
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


def stamp(seconds):
    return None if seconds is None else round(seconds, 3)


def without_none(fields):
    return {k: v for k, v in fields.items() if v is not None}


class Cluster:
    def __init__(self, region, name):
        self.name = name
        self.arn = arn(region, f"cluster/{name}")
        self.services = {}

    def render(self, tasks):
        active = [s for s in self.services.values() if s.status == "ACTIVE"]
        mine = [t for t in tasks if t.cluster is self]
        return {
            "clusterArn": self.arn, "clusterName": self.name, "status": "ACTIVE",
            "registeredContainerInstancesCount": 0, "activeServicesCount": len(active),
            "runningTasksCount": sum(t.last_status == "RUNNING" for t in mine),
            "pendingTasksCount": sum(t.last_status in ("PROVISIONING", "PENDING", "ACTIVATING") for t in mine),
            "statistics": [], "tags": [], "settings": [], "capacityProviders": [],
            "defaultCapacityProviderStrategy": [],
        }


class TaskDefinition:
    """`spec` is what was registered; the containers' defaults are filled in."""

    def __init__(self, region, family, revision, spec, now):
        self.arn = arn(region, f"task-definition/{family}:{revision}")
        self.family = family
        self.revision = revision
        self.status = "ACTIVE"
        self.tags = spec.pop("tags", [])
        self.spec = spec
        self.registered_at = now
        self.deregistered_at = None

    @property
    def containers(self):
        return self.spec["containerDefinitions"]

    def render(self):
        return without_none({
            **self.spec, "taskDefinitionArn": self.arn, "family": self.family, "revision": self.revision,
            "status": self.status, "registeredAt": stamp(self.registered_at),
            "deregisteredAt": stamp(self.deregistered_at),
            "compatibilities": ["EC2", "FARGATE"],
            "registeredBy": f"arn:aws:iam::{ACCOUNT}:user/suite",
        })


class Deployment:
    def __init__(self, service, definition, now, reason=None):
        self.id = f"ecs-svc/{random.randrange(10**18, 10**19)}"
        self.service = service
        self.definition = definition
        self.status = "PRIMARY"
        self.created_at = self.updated_at = now
        self.failed_tasks = 0
        self.rollout_state = "IN_PROGRESS"
        self.rollout_reason = reason or f"ECS deployment {self.id} in progress."
        # When the next task may be started; how many have failed in a row without one that lasted.
        self.retry_at = 0.0
        self.failures = 0
        self.rolls_back = False
        service.history.append(self)
        # The images as this deployment found them: all its tasks run the same, whatever the tag becomes.
        self.images = {}

    @property
    def tasks(self):
        return [t for t in self.service.tasks if t.deployment is self]

    def count(self, *statuses):
        return sum(t.last_status in statuses for t in self.tasks)

    @property
    def desired(self):
        return self.service.desired_count if self.status == "PRIMARY" else 0

    def moved(self, now, state, reason):
        self.rollout_state = state
        self.rollout_reason = reason
        self.updated_at = now

    @property
    def revision_arn(self):
        return arn(self.service.region, f"service-revision/{self.service.cluster.name}/{self.service.name}/"
                   f"{self.id.split('/')[1]}")

    def render_history(self):
        """As ListServiceDeployments has it."""
        ended = self.rollout_state != "IN_PROGRESS"
        return without_none({
            "serviceDeploymentArn": self.revision_arn.replace("service-revision", "service-deployment"),
            "serviceArn": self.service.arn, "clusterArn": self.service.cluster.arn,
            "createdAt": stamp(self.created_at), "startedAt": stamp(self.created_at),
            "finishedAt": stamp(self.updated_at) if ended else None,
            "targetServiceRevisionArn": self.revision_arn,
            "status": {"COMPLETED": "SUCCESSFUL", "FAILED": "STOPPED"}.get(self.rollout_state, "IN_PROGRESS"),
        })

    def render_revision(self):
        return {"serviceRevisionArn": self.revision_arn, "serviceArn": self.service.arn,
                "clusterArn": self.service.cluster.arn, "taskDefinition": self.definition.arn,
                "launchType": self.service.launch_type, "createdAt": stamp(self.created_at)}

    def render(self):
        return {
            "id": self.id, "status": self.status, "taskDefinition": self.definition.arn,
            "desiredCount": self.desired,
            "pendingCount": self.count("PROVISIONING", "PENDING", "ACTIVATING"),
            "runningCount": self.count("RUNNING"), "failedTasks": self.failed_tasks,
            "createdAt": stamp(self.created_at), "updatedAt": stamp(self.updated_at),
            "launchType": self.service.launch_type, "rolloutState": self.rollout_state,
            "rolloutStateReason": self.rollout_reason,
        }


class Service:
    def __init__(self, region, cluster, name, request, definition, now):
        self.name = name
        self.region = region
        self.cluster = cluster
        self.arn = arn(region, f"service/{cluster.name}/{name}")
        self.status = "ACTIVE"
        self.desired_count = request.get("desiredCount", 1)
        self.launch_type = request.get("launchType", "FARGATE")
        self.created_at = now
        self.tags = request.get("tags", [])
        self.load_balancers = request.get("loadBalancers", [])
        self.network_configuration = request.get("networkConfiguration")
        self.grace_seconds = request.get("healthCheckGracePeriodSeconds", 0)
        self.configuration = {}
        self.configure(request.get("deploymentConfiguration") or {})
        self.events = collections.deque(maxlen=MAX_EVENTS)
        self.tasks = []
        self.history = []  # all deployments that were ever made, the oldest first
        self.deployments = [Deployment(self, definition, now)]
        self.last_completed = None  # a TaskDefinition
        self.steady = False
        # What describing shows until then instead of the truth (eventual consistency).
        self.stale = None
        self.stale_until = 0.0

    def configure(self, request):
        breaker = request.get("deploymentCircuitBreaker") or self.configuration.get(
            "deploymentCircuitBreaker", {"enable": False, "rollback": False})
        self.configuration = {
            "deploymentCircuitBreaker": breaker,
            "maximumPercent": request.get("maximumPercent", self.configuration.get("maximumPercent", 200)),
            "minimumHealthyPercent": request.get(
                "minimumHealthyPercent", self.configuration.get("minimumHealthyPercent", 100)),
        }

    @property
    def primary(self):
        return self.deployments[0]

    @property
    def most_tasks(self):
        return max(1, math.floor(self.desired_count * self.configuration["maximumPercent"] / 100))

    @property
    def least_healthy(self):
        return math.ceil(self.desired_count * self.configuration["minimumHealthyPercent"] / 100)

    @property
    def failure_threshold(self):
        return max(3, min(200, math.ceil(self.desired_count * 0.5)))

    def say(self, now, sentence):
        self.events.appendleft({"id": str(uuid.uuid4()), "createdAt": stamp(now),
                                "message": f"(service {self.name}) {sentence}"})

    def count(self, *statuses):
        return sum(t.last_status in statuses for t in self.tasks)

    def render(self):
        return without_none({
            "serviceArn": self.arn, "serviceName": self.name, "clusterArn": self.cluster.arn,
            "status": self.status, "desiredCount": self.desired_count,
            "runningCount": self.count("RUNNING"),
            "pendingCount": self.count("PROVISIONING", "PENDING", "ACTIVATING"),
            "launchType": self.launch_type, "platformVersion": "LATEST", "platformFamily": "Linux",
            "taskDefinition": self.primary.definition.arn,
            "deploymentConfiguration": self.configuration,
            "deployments": [d.render() for d in self.deployments],
            "events": list(self.events), "createdAt": stamp(self.created_at),
            "loadBalancers": self.load_balancers, "serviceRegistries": [], "placementConstraints": [],
            "placementStrategy": [], "schedulingStrategy": "REPLICA",
            "deploymentController": {"type": "ECS"}, "enableECSManagedTags": False,
            "propagateTags": "NONE", "enableExecuteCommand": False,
            "networkConfiguration": self.network_configuration,
            "healthCheckGracePeriodSeconds": self.grace_seconds,
            "createdBy": f"arn:aws:iam::{ACCOUNT}:user/suite",
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        })

    def render_seen(self, now):
        """What DescribeServices shows, which may lag behind."""
        if self.stale is not None and now < self.stale_until:
            return self.stale
        self.stale = None
        return self.render()


class Container:
    def __init__(self, region, task, definition):
        self.definition = definition
        self.name = definition["name"]
        self.arn = arn(region, f"container/{task.cluster.name}/{task.id}/{uuid.uuid4()}")
        self.task = task
        self.runtime_id = None
        self.last_status = "PENDING"
        self.exit_code = None
        self.reason = None
        self.health = "UNKNOWN"
        self.image_digest = None

    @property
    def essential(self):
        return self.definition.get("essential", True)

    def render(self):
        return without_none({
            "containerArn": self.arn, "taskArn": self.task.arn, "name": self.name,
            "image": self.definition["image"], "imageDigest": self.image_digest, "runtimeId": self.runtime_id,
            "lastStatus": self.last_status, "exitCode": self.exit_code, "reason": self.reason,
            "healthStatus": self.health, "networkBindings": [],
            "networkInterfaces": [{"attachmentId": self.task.id, "privateIpv4Address": self.task.address}],
            "cpu": str(self.definition.get("cpu", 0)),
            "memory": str(self.definition["memory"]) if "memory" in self.definition else None,
        })


class Task:
    def __init__(self, region, service, deployment, now):
        self.id = uuid.uuid4().hex
        self.address = "10." + ".".join(str(int(self.id[i:i + 2], 16)) for i in (0, 2, 4))
        self.service = service
        self.cluster = service.cluster
        self.deployment = deployment
        self.arn = arn(region, f"task/{self.cluster.name}/{self.id}")
        self.definition = deployment.definition
        self.containers = [Container(region, self, c) for c in self.definition.containers]
        self.last_status = "PROVISIONING"
        self.desired_status = "RUNNING"
        self.created_at = now
        self.started_at = self.pulled_at = self.stopping_at = self.stopped_at = None
        self.stop_code = None
        self.stopped_reason = None
        self.version = 1
        self.well_since = None  # as long as it counts as healthy
        self.proved = False     # it has been well for the time that the scheduler asks for
        self.busy = False       # a worker starts or stops it now

    def become(self, status, now):
        self.last_status = status
        self.version += 1
        if status == "RUNNING":
            self.started_at = now
        elif status == "STOPPED":
            self.stopped_at = now

    def stop(self, now, code, reason):
        """Wants it stopped; the first reason stays."""
        if self.desired_status == "STOPPED":
            return
        self.desired_status = "STOPPED"
        self.stopping_at = now
        self.stop_code = code
        self.stopped_reason = reason
        self.version += 1

    @property
    def health(self):
        checked = [c.health for c in self.containers if c.essential and "healthCheck" in c.definition]
        if not checked:
            return "UNKNOWN"
        for worst in ("UNHEALTHY", "UNKNOWN"):
            if worst in checked:
                return worst
        return "HEALTHY"

    @property
    def well(self):
        """Counts as healthy for deployments: it runs and no check of its own says or may say otherwise."""
        checked = any(c.essential and "healthCheck" in c.definition for c in self.containers)
        return (self.last_status == "RUNNING" and self.desired_status == "RUNNING"
                and (self.health == "HEALTHY" if checked else True))

    def render(self):
        spec = self.definition.spec
        return without_none({
            "taskArn": self.arn, "clusterArn": self.cluster.arn, "taskDefinitionArn": self.definition.arn,
            "containers": [c.render() for c in self.containers], "lastStatus": self.last_status,
            "desiredStatus": self.desired_status, "healthStatus": self.health,
            "cpu": spec.get("cpu", "256"), "memory": spec.get("memory", "512"),
            "createdAt": stamp(self.created_at), "startedAt": stamp(self.started_at),
            "pullStartedAt": stamp(self.pulled_at), "pullStoppedAt": stamp(self.pulled_at),
            "stoppingAt": stamp(self.stopping_at), "stoppedAt": stamp(self.stopped_at),
            "executionStoppedAt": stamp(self.stopped_at),
            "stopCode": self.stop_code, "stoppedReason": self.stopped_reason,
            "startedBy": self.deployment.id, "group": f"service:{self.service.name}",
            "launchType": self.service.launch_type, "platformVersion": "1.4.0", "platformFamily": "Linux",
            "connectivity": "CONNECTED", "version": self.version, "availabilityZone": "eu-central-1a",
            "attachments": [], "attributes": [], "overrides": {"containerOverrides": []}, "tags": [],
        })


class State:
    """Everything of one account in one region. `lock` guards it and all that is reached from it."""

    def __init__(self, region, lock):
        self.region = region
        self.lock = lock
        self.clusters = {}
        self.families = {}  # family → [TaskDefinition], by revision
        self.tasks = {}     # id → Task, stopped ones for an hour
        self.targets = {}   # resource id → scalable target as registered

    def definition(self, name):
        """Finds family, family:revision or an ARN; None where there is none. A family gives its newest active."""
        short = name.split("task-definition/", 1)[-1]
        family, _, revision = short.partition(":")
        known = self.families.get(family, [])
        if revision:
            return next((d for d in known if str(d.revision) == revision), None)
        return next((d for d in reversed(known) if d.status == "ACTIVE"), None)

    def forget_old_tasks(self, now, keep_seconds=3600):
        for task_id in [i for i, t in self.tasks.items()
                        if t.stopped_at is not None and now - t.stopped_at > keep_seconds]:
            del self.tasks[task_id]


def now():
    return time.time()
