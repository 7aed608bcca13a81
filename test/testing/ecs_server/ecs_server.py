#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A scripted Amazon ECS for tests, whose tasks are real containers on a local Docker engine.

It speaks AWS JSON 1.1 for ECS, CloudWatch Logs and Application Auto Scaling, and the query protocol for Elastic
Load Balancing (one address for all), checks signatures, and goes through the states that ECS documents. GET /_credentials is a container's credential
endpoint; POST /_control is for tests (see control.py). Ends at SIGTERM and removes its containers.
"""
import argparse
import os
import pathlib
import signal
import sys
import threading

from balancers import BalancerOperations
from calls_server import make_http_server
from control import Control
from docker_engine import Engine
from faults import Calls, Faults, Rates
from identities import Identities
from logs import Logs
from model import State
from operations import Operations, ScalingOperations
from runner import Runner
from runtimes import DockerRuntime, Runtimes
from scheduler import Scheduler, Timing


class Server:
    """The parts, put together. Closing ends the tasks."""

    def __init__(self, options):
        state_dir = pathlib.Path(options.state)
        state_dir.mkdir(parents=True, exist_ok=True)
        docker = DockerRuntime(Engine(options.docker), options.label) if options.docker else None
        self.region = options.region
        self.skew = 0.0
        self.state = State(options.region, threading.RLock())
        self.logs = Logs(options.region)
        self.faults = Faults()
        self.rates = Rates()
        self.identities = Identities()
        self.calls = Calls(state_dir / "calls.jsonl")
        self.operations = Operations(self.state)
        self.scaling = ScalingOperations(self.state)
        self.control = Control(self)
        self.ending = threading.Event()
        self._runner = Runner(self.state, Runtimes(docker), self.logs, options.stop_seconds)
        self.scheduler = Scheduler(self.state, self._runner, Timing(options.tick, options.settle))
        self.balancers = BalancerOperations(self.state, self.scheduler)

    def close(self):
        self.ending.set()
        self.scheduler.stop()
        self._runner.close()
        self.calls.close()


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="ADDRESS:PORT")
    parser.add_argument("--docker", metavar="unix:///PATH", help="without it only images simulated/… run")
    parser.add_argument("--state", required=True, metavar="DIR", help="where calls.jsonl goes")
    parser.add_argument("--ready-file", metavar="FILE", help="gets ADDRESS:PORT when the server listens")
    parser.add_argument("--label", default=f"run-{os.getpid()}",
                        help="value of the label salve.dev/ecs-server of all its containers")
    parser.add_argument("--region", default="eu-central-1")
    parser.add_argument("--tick", type=float, default=0.2, metavar="SECONDS")
    parser.add_argument("--settle", type=float, default=1.0, metavar="SECONDS",
                        help="how long a task must run well to count as started")
    parser.add_argument("--stop-seconds", type=int, default=2,
                        help="between SIGTERM and SIGKILL where the task definition does not say")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    server = Server(options)
    http_server = make_http_server(options.listen, server)
    address = "%s:%d" % http_server.server_address[:2]
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    server.scheduler.start()
    threading.Thread(target=http_server.serve_forever, daemon=True).start()
    if options.ready_file:
        ready = pathlib.Path(options.ready_file)
        partial = ready.with_name(ready.name + ".new")
        partial.write_text(address + "\n", encoding="utf-8")
        partial.rename(ready)
    print(f"listening on {address}", file=sys.stderr, flush=True)
    end.wait()
    http_server.shutdown()
    server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
