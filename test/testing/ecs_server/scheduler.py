# SPDX-License-Identifier: Apache-2.0
"""Moves services towards what is wanted of them, a step a tick, as the ECS service scheduler documents it.

Every method with a leading underscore is called with the state's lock held.
"""
import threading

import model

STARTING = ("PROVISIONING", "PENDING", "ACTIVATING")
FAILED_CHECK = "Task failed container health checks"
IMPAIRED = ("is unable to consistently start tasks successfully. For more information, see the "
            "Troubleshooting section of the Amazon ECS Developer Guide.")
MOST_STARTS = 10     # tasks of one service a tick
IMPAIRED_AFTER = 3   # failures in a row


class Timing:
    """Times in seconds, which tests shorten."""

    def __init__(self, tick=0.2, settle=1.0, first_back_off=1.0, longest_back_off=10.0):
        self.tick = tick
        # How long a task must be well before it counts: for draining others, and as a task that has started.
        self.settle = settle
        self.first_back_off = first_back_off
        self.longest_back_off = longest_back_off


class Scheduler:
    def __init__(self, state, runner, timing):
        self._state = state
        self._runner = runner
        self._timing = timing
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduler")
        # Names of services whose tasks the load balancer calls unhealthy, as tests ask for.
        self.failing_targets = set()
        # Name of a service → why no task of it can be placed.
        self.unplaceable = {}

    def start(self):
        self._thread.start()

    def stop(self):
        self._end.set()
        self._thread.join()

    def _run(self):
        while not self._end.wait(self._timing.tick):
            with self._state.lock:
                containers = [c.runtime_id for t in self._state.tasks.values() if t.last_status == "RUNNING"
                              for c in t.containers if c.runtime_id and c.last_status == "RUNNING"]
            found = self._runner.states(containers)
            with self._state.lock:
                self._tick(model.now(), found)

    def _tick(self, now, found):
        for task in list(self._state.tasks.values()):
            self._move_task(task, found, now)
        for cluster in self._state.clusters.values():
            for service in cluster.services.values():
                if service.status != "INACTIVE":
                    self._move_service(service, now)
        self._state.forget_old_tasks(now)

    # --- tasks ---------------------------------------------------------------------------------------

    def _move_task(self, task, found, now):
        if task.last_status == "STOPPED" or task.busy:
            return
        if task.desired_status == "STOPPED":
            if task.last_status == "RUNNING":
                task.become("DEACTIVATING", now)
            else:
                task.become("STOPPING", now)
                self._runner.stop_task(task, self._stopped)
        elif task.last_status == "PROVISIONING":
            task.become("PENDING", now)
        elif task.last_status == "PENDING":
            self._runner.start_task(task, self._started)
        elif task.last_status == "RUNNING":
            self._watch(task, found, now)

    def _started(self, task, failure):
        """A worker has started the task, or could not. `failure` is a sentence or None."""
        now = model.now()
        if failure is None:
            for container in task.containers:
                container.last_status = "RUNNING"
            task.become("RUNNING", now)
        else:
            task.stop(now, "TaskFailedToStart", failure)

    def _stopped(self, task):
        now = model.now()
        for container in task.containers:
            container.last_status = "STOPPED"
        task.become("STOPPED", now)
        service = task.service
        if task in service.tasks:
            service.tasks.remove(task)
        if task.stop_code in ("TaskFailedToStart", "EssentialContainerExited") or self._failed_check(task):
            self._count_failure(task, now)

    @staticmethod
    def _failed_check(task):
        return (task.stopped_reason or "").startswith(("Task failed ELB", FAILED_CHECK))

    def _count_failure(self, task, now):
        deployment = task.deployment
        if deployment.rollout_state == "IN_PROGRESS" and deployment.status == "PRIMARY":
            deployment.failed_tasks += 1
            deployment.updated_at = now
        if task.proved and not self._failed_check(task):
            return  # it had been well; the next one may start at once
        deployment.failures += 1
        wait = self._timing.first_back_off * 2 ** min(deployment.failures - 1, 10)
        deployment.retry_at = now + min(wait, self._timing.longest_back_off)
        if deployment.failures % IMPAIRED_AFTER == 0 and deployment.status == "PRIMARY":
            task.service.say(now, IMPAIRED)

    def _watch(self, task, found, now):
        for container in task.containers:
            if container.last_status != "RUNNING" or container.runtime_id not in found:
                continue
            state = found[container.runtime_id]
            if state is None or not state.running:
                self._container_ended(task, container, state, now)
            else:
                container.health = {"healthy": "HEALTHY", "unhealthy": "UNHEALTHY"}.get(state.health, "UNKNOWN")
        if task.desired_status != "RUNNING":
            return
        in_grace = now - task.started_at < task.service.grace_seconds
        if task.health == "UNHEALTHY" and not in_grace:
            task.service.say(now, f"(task {task.id}) failed container health checks.")
            task.stop(now, "ServiceSchedulerInitiated", FAILED_CHECK)
        elif task.service.name in self.failing_targets and task.proved and not in_grace:
            group = model.arn(self._state.region, f"targetgroup/{task.service.name}/0123456789abcdef",
                              "elasticloadbalancing")
            task.service.say(now, f"(port 8080) is unhealthy in (target-group {group}) due to "
                             "(reason Health checks failed with these codes: [503]).")
            task.stop(now, "ServiceSchedulerInitiated", f"Task failed ELB health checks in (target-group {group})")
        self._note_wellness(task, now)

    def _note_wellness(self, task, now):
        if not task.well:
            task.well_since = None
        elif task.well_since is None:
            task.well_since = now
        if task.well_since is not None and now - task.well_since >= self._timing.settle and not task.proved:
            task.proved = True
            task.deployment.failures = 0
            task.deployment.failed_tasks = 0

    @staticmethod
    def _container_ended(task, container, state, now):
        container.last_status = "STOPPED"
        if state is not None:
            container.exit_code = state.exit_code
            if state.oom:
                container.reason = "OutOfMemoryError: Container killed due to memory usage"
        if container.essential:
            task.stop(now, "EssentialContainerExited", "Essential container in task exited")

    # --- services ------------------------------------------------------------------------------------

    def _move_service(self, service, now):
        self._trip_breaker(service, now)
        self._stop_tasks(service, now)
        self._start_tasks(service, now)
        self._settle(service, now)
        self._drop_deployments(service)
        if service.status == "DRAINING" and not service.tasks:
            service.status = "INACTIVE"
            service.deployments = service.deployments[:1]

    @staticmethod
    def _trip_breaker(service, now):
        breaker, primary = service.configuration["deploymentCircuitBreaker"], service.primary
        if (not breaker["enable"] or primary.rollout_state != "IN_PROGRESS"
                or primary.failed_tasks < service.failure_threshold):
            return
        primary.moved(now, "FAILED", "ECS deployment circuit breaker: tasks failed to start.")
        service.say(now, f"(deployment {primary.id}) deployment failed: tasks failed to start.")
        if not breaker["rollback"] or primary.rolls_back or service.last_completed is None:
            return
        before = next((d for d in service.deployments[1:]
                       if d.definition is service.last_completed and d.rollout_state == "COMPLETED"), None)
        if before is None:
            before = model.Deployment(service, service.last_completed, now)
        else:
            service.deployments.remove(before)
        before.rolls_back = True
        before.status, primary.status = "PRIMARY", "ACTIVE"
        before.moved(now, "IN_PROGRESS",
                     f"ECS deployment circuit breaker: rolling back to deploymentId {before.id}.")
        service.deployments.insert(0, before)
        service.say(now, f"rolling back to deployment {before.id}.")

    def _stop_tasks(self, service, now):
        primary = service.primary
        wanted = [t for t in service.tasks if t.desired_status == "RUNNING"]
        proved = sum(t.proved and t.well for t in wanted)
        stopping = []
        for task in wanted:
            if task.deployment is primary:
                continue
            if not (task.proved and task.well):
                stopping.append(task)
            elif proved - 1 >= service.least_healthy:
                proved -= 1
                stopping.append(task)
        mine = [t for t in wanted if t.deployment is primary]
        stopping += mine[:max(0, len(mine) - service.desired_count)]
        for task in stopping:
            task.stop(now, "ServiceSchedulerInitiated",
                      f"Scaling activity initiated by (deployment {primary.id})")
        if stopping:
            names = " ".join(f"(task {t.id})" for t in stopping)
            service.say(now, f"has stopped {len(stopping)} running tasks: {names}.")

    def _start_tasks(self, service, now):
        primary = service.primary
        if primary.rollout_state == "FAILED" or now < primary.retry_at or service.status != "ACTIVE":
            return
        wanted = [t for t in service.tasks if t.desired_status == "RUNNING"]
        missing = service.desired_count - sum(t.deployment is primary for t in wanted)
        room = service.most_tasks - len(wanted)
        number = max(0, min(missing, room, MOST_STARTS))
        if number and service.name in self.unplaceable:
            service.say(now, self.unplaceable[service.name])
            primary.retry_at = now + self._timing.longest_back_off
            return
        started = []
        for _ in range(number):
            task = model.Task(self._state.region, service, primary, now)
            service.tasks.append(task)
            self._state.tasks[task.id] = task
            started.append(task)
        if started:
            names = " ".join(f"(task {t.id})" for t in started)
            service.say(now, f"has started {len(started)} tasks: {names}.")

    @staticmethod
    def _settle(service, now):
        primary = service.primary
        steady = (len(service.tasks) == service.desired_count and primary.rollout_state != "FAILED"
                  and all(t.deployment is primary and t.proved and t.well for t in service.tasks))
        if steady and primary.rollout_state == "IN_PROGRESS":
            primary.moved(now, "COMPLETED", f"ECS deployment {primary.id} completed.")
            service.last_completed = primary.definition
            service.say(now, f"(deployment {primary.id}) deployment completed.")
        if steady and not service.steady:
            service.say(now, "has reached a steady state.")
        service.steady = steady

    @staticmethod
    def _drop_deployments(service):
        done = service.primary.rollout_state == "COMPLETED"
        service.deployments = [
            d for i, d in enumerate(service.deployments)
            if i == 0 or any(t.deployment is d for t in service.tasks)
            or (not done and (d.rollout_state == "FAILED" or service.primary.rollout_state == "FAILED"))]
