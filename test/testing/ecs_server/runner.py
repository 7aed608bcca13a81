# SPDX-License-Identifier: Apache-2.0
"""Starts and stops the containers of tasks on worker threads, and carries their lines to the logs."""
import concurrent.futures
import sys
import threading
import traceback

import logs as log_store
import model
from runtimes import CannotPull, CannotStart

WORKERS = 8
LAST_LINES_SECONDS = 5  # for reading what an ended container said, before it is removed
NO_LOG_GROUP = ("ResourceInitializationError: failed to validate logger args: create stream has been retried "
                "1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified "
                "log group does not exist. : exit status 1")


class Runner:
    def __init__(self, state, runtimes, logs, stop_seconds):
        self._state = state
        self._runtimes = runtimes
        self._logs = logs
        self._stop_seconds = stop_seconds
        self._followers = {}  # container → the thread that reads its lines
        self._pool = concurrent.futures.ThreadPoolExecutor(WORKERS, "runner")

    def states(self, containers):
        """What has become of the containers; those that nothing is known of now are left out."""
        try:
            return self._runtimes.states(containers)
        except Exception as problem:  # the engine may be away for a moment: asked again at the next tick
            print(f"the engine does not say what runs: {problem}", file=sys.stderr)
            return {}

    def close(self):
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._runtimes.remove_all()

    def start_task(self, task, done):
        """Calls done(task, failure) with the lock held when the task runs, or cannot."""
        task.busy = True
        self._pool.submit(self._guarded, self._start, task, done)

    def stop_task(self, task, done):
        """Calls done(task) with the lock held when all its containers have ended."""
        task.busy = True
        self._pool.submit(self._guarded, self._stop, task, done)

    @staticmethod
    def _guarded(work, task, done):
        try:
            work(task, done)
        except Exception:
            traceback.print_exc()
            task.busy = False

    def _start(self, task, done):
        failure = None
        for container in task.containers:
            try:
                self._start_container(task, container)
            except (CannotPull, CannotStart) as problem:
                failure = container.reason = str(problem)
                break
        with self._state.lock:
            task.busy = False
            done(task, failure)

    def _start_container(self, task, container):
        definition = container.definition
        group, stream = self._log_target(task, definition)
        runtime = self._runtimes.for_image(definition["image"])
        with self._state.lock:
            digest = task.deployment.images.get(definition["image"])
        if digest is None:
            digest = runtime.pull(definition["image"])
            with self._state.lock:
                digest = task.deployment.images.setdefault(definition["image"], digest)
        task.pulled_at = model.now()
        labels = {"com.amazonaws.ecs.task-arn": task.arn, "com.amazonaws.ecs.cluster": task.cluster.name,
                  "com.amazonaws.ecs.container-name": container.name,
                  "com.amazonaws.ecs.service": task.service.name}
        name = f"ecs-{task.cluster.name}-{task.service.name}-{container.name}-{task.id[:12]}"
        container.runtime_id = runtime.create(name, definition, digest, task.definition.spec, labels)
        container.image_digest = digest
        runtime.start(container.runtime_id)
        if group is not None:
            follower = threading.Thread(target=self._follow, args=(runtime, container.runtime_id, group, stream),
                                        name=f"logs-{task.id[:12]}", daemon=True)
            self._followers[container.runtime_id] = follower
            follower.start()

    def _log_target(self, task, definition):
        """(group, stream) of the container's awslogs, (None, None) where it keeps none."""
        configuration = definition.get("logConfiguration") or {}
        if configuration.get("logDriver") != "awslogs":
            return None, None
        options = configuration.get("options", {})
        group = options.get("awslogs-group", "")
        if not self._logs.has_group(group):
            if options.get("awslogs-create-group") != "true":
                raise CannotStart(NO_LOG_GROUP)
            self._logs.create_group({"logGroupName": group})
        return group, f"{options.get('awslogs-stream-prefix', 'ecs')}/{definition['name']}/{task.id}"

    def _follow(self, runtime, container, group, stream):
        for stamp, line in runtime.logs(container):
            self._logs.add(group, stream, log_store.to_milliseconds(stamp), line)

    def _stop(self, task, done):
        for container in task.containers:
            if container.runtime_id is None:
                continue
            runtime = self._runtimes.for_container(container.runtime_id)
            if container.last_status == "RUNNING":
                runtime.stop(container.runtime_id, container.definition.get("stopTimeout", self._stop_seconds))
                state = runtime.states([container.runtime_id])[container.runtime_id]
                if state is not None and container.exit_code is None:
                    container.exit_code = state.exit_code
        with self._state.lock:
            task.busy = False
            done(task)
        for container in task.containers:
            if container.runtime_id is not None:
                self._pool.submit(self._remove, container.runtime_id)

    def _remove(self, container):
        follower = self._followers.pop(container, None)
        if follower is not None:
            follower.join(LAST_LINES_SECONDS)
        try:
            self._runtimes.for_container(container).remove(container)
        except Exception as problem:  # what stays is found by its label
            print(f"container {container[:12]} stays: {problem}", file=sys.stderr)
