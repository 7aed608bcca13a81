# SPDX-License-Identifier: Apache-2.0
"""What runs the containers of tasks: a Docker engine, or nothing but a table for images named simulated/….

A runtime's calls may block; the scheduler makes them on worker threads. `states` gives what has become of
every container in one call.
"""
import hashlib
import threading
import time

from docker_engine import EngineError

LABEL = "salve.dev/ecs-server"


NOT_FOUND = ("CannotPullContainerError: pull image manifest has been retried 1 time(s): "
             "failed to resolve ref {image}: {image}: not found")


class CannotPull(Exception):
    pass


class CannotStart(Exception):
    pass


class State:
    """What has become of one container. `health` is "", "starting", "healthy" or "unhealthy"."""

    def __init__(self, running, health="", exit_code=None, oom=False):
        self.running = running
        self.health = health
        self.exit_code = exit_code
        self.oom = oom


def _memory(definition):
    return (definition.get("memory") or 0) * 1024 * 1024


def _binds(definition, volumes):
    """Mounts of the host's directories, as tasks on instances of one's own may have them."""
    sources = {v["name"]: v["host"]["sourcePath"] for v in volumes if v.get("host", {}).get("sourcePath")}
    return [f"{sources[m['sourceVolume']]}:{m['containerPath']}{':ro' if m.get('readOnly') else ''}"
            for m in definition.get("mountPoints", []) if m["sourceVolume"] in sources]


def _health_check(definition):
    check = definition.get("healthCheck")
    if not check:
        return None
    nano = 1_000_000_000
    return {"Test": check["command"], "Interval": int(check.get("interval", 30) * nano),
            "Timeout": int(check.get("timeout", 5) * nano), "Retries": check.get("retries", 3),
            "StartPeriod": int(check.get("startPeriod", 0) * nano)}


class DockerRuntime:
    """Containers labelled LABEL=<label>, so that `remove_all` and whoever cleans up find them."""

    def __init__(self, engine, label):
        self._engine = engine
        self._label = label

    def pull(self, image):
        """The image's digest. There is no registry: an image is where the engine has it."""
        try:
            digest = self._engine.image_id(image)
        except EngineError as problem:
            raise CannotPull(f"CannotPullContainerError: {problem}") from problem
        if digest is None:
            raise CannotPull(NOT_FOUND.format(image=image))
        return digest

    def create(self, name, definition, digest, task_spec, labels):
        network = task_spec.get("networkMode", "none")
        memory = _memory(definition)
        spec = {
            "Image": digest,
            "Cmd": definition.get("command") or None,
            "Entrypoint": definition.get("entryPoint") or None,
            "User": definition.get("user", ""),
            "WorkingDir": definition.get("workingDirectory", ""),
            "Env": [f"{e['name']}={e['value']}" for e in definition.get("environment", [])],
            "Labels": {**labels, LABEL: self._label, **definition.get("dockerLabels", {})},
            "Healthcheck": _health_check(definition),
            "HostConfig": {
                "NetworkMode": "host" if network in ("host", "awsvpc") else "none",
                "Binds": _binds(definition, task_spec.get("volumes", [])),
                "Memory": memory,
                "MemorySwap": memory,
                "ReadonlyRootfs": definition.get("readonlyRootFilesystem", False),
                "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
            },
        }
        try:
            return self._engine.create(name, spec)
        except EngineError as problem:
            raise CannotStart(f"CannotCreateContainerError: {problem}") from problem

    def start(self, container):
        try:
            self._engine.start(container)
        except EngineError as problem:
            raise CannotStart(f"CannotStartContainerError: {problem}") from problem

    def stop(self, container, seconds):
        self._engine.stop(container, seconds)

    def remove(self, container):
        self._engine.remove(container)

    def states(self, known):
        """States of the containers in `known` by id; None for one that is not there, or not yet started."""
        known = set(known)
        found = {}
        for row in self._engine.list(f"{LABEL}={self._label}"):
            container = row["Id"]
            if container not in known:
                continue
            if row["State"] in ("running", "paused"):
                health = next((h for h in ("unhealthy", "healthy", "starting")
                               if f"({h})" in row["Status"] or f"health: {h}" in row["Status"]), "")
                found[container] = State(True, health)
            elif row["State"] in ("exited", "dead"):
                found[container] = self._ended(container)
        return {c: found.get(c) for c in known}

    def _ended(self, container):
        state = self._engine.inspect(container)["State"]
        return State(False, "", state["ExitCode"], state["OOMKilled"])

    def logs(self, container):
        try:
            yield from self._engine.follow_logs(container)
        except EngineError:
            return

    def remove_all(self):
        for row in self._engine.list(f"{LABEL}={self._label}"):
            self._engine.remove(row["Id"])


class SimulatedRuntime:
    """No process at all: for hundreds of services, where only the API is of interest.

    simulated/running runs until it is stopped; simulated/exits-N ends at once with code N;
    simulated/unhealthy runs and fails its health check; simulated/missing is not there.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._next = 0
        self._states = {}

    def pull(self, image):
        if image.startswith("simulated/missing"):
            raise CannotPull(NOT_FOUND.format(image=image))
        return "sha256:" + hashlib.sha256(image.encode()).hexdigest()

    def create(self, name, definition, digest, task_spec, labels):
        kind = definition["image"].split("/", 1)[1].split(":")[0]
        with self._lock:
            self._next += 1
            container = f"simulated-{self._next:054d}"
            health = "" if "healthCheck" not in definition else "healthy"
            if kind == "unhealthy":
                health = "unhealthy"
            ended = int(kind[len("exits-"):]) if kind.startswith("exits-") else None
            self._states[container] = State(ended is None, health, ended)
            return container

    def start(self, container):
        pass

    def stop(self, container, seconds):
        with self._lock:
            state = self._states.get(container)
            if state is not None and state.running:
                self._states[container] = State(False, "", 143)

    def remove(self, container):
        with self._lock:
            self._states.pop(container, None)

    def states(self, known):
        with self._lock:
            return {c: self._states.get(c) for c in known}

    def logs(self, container):
        yield time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime()), "simulated"

    def remove_all(self):
        with self._lock:
            self._states.clear()


class Runtimes:
    """Chooses by the image's name; ids tell afterwards."""

    def __init__(self, docker):
        self._docker = docker
        self._simulated = SimulatedRuntime()

    def for_image(self, image):
        if image.startswith("simulated/"):
            return self._simulated
        if self._docker is None:
            raise CannotPull("CannotPullContainerError: this server was started without --docker")
        return self._docker

    def for_container(self, container):
        return self._simulated if container.startswith("simulated-") else self._docker

    def states(self, known):
        simulated = [c for c in known if c.startswith("simulated-")]
        real = [c for c in known if not c.startswith("simulated-")]
        states = self._simulated.states(simulated) if simulated else {}
        if real:
            states.update(self._docker.states(real))
        return states

    def remove_all(self):
        if self._docker is not None:
            self._docker.remove_all()
        self._simulated.remove_all()
