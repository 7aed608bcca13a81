#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures how fast Salve takes alerts in, and what they cost, next to Alertmanager's own API in the same run.

    receivers.py --salve BINARY --client BINARY [--monitoring DIR] [--rounds 3] [--alerts 100000] [--json FILE]

--client is test/bench/deliveries.cc, built (target bench_deliveries). An answer of Salve means that the alert is
written to the disk; Alertmanager keeps its alerts in memory. The two take turns. --alerts is for memory: how many are
taken in before it is looked at again. Needs a Docker engine and the image salve-test/tiny:1. Without --monitoring
(the directory that hack/monitoring prints) nothing is compared. Exits 0 whatever the figures are.
"""
import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

from standalone import IMAGE, LABEL, Salve, docker, machine, remove_containers, wait_for

PROBLEMS = 50
CONNECTIONS = (10, 100)
# What comes, how many a second (0: as fast as they are answered), and how many in a round.
SCENES = (("changes", 0, 4000), ("changes", 100, 1000), ("repeats", 0, 10000))
TOKEN = "only-for-the-benchmark"

POLICY = """---
apiVersion: salve.dev/v1alpha1
kind: HealingPolicy
metadata: {{name: problem-{0}, namespace: default}}
spec:
  mode: Observe
  target: {{docker: {{container: salve-bench-alerts}}}}
  triggers: [{{name: alarm, alert: {{matchers: ['problem="{0}"']}}}}]
  ladder: [{{name: restart, action: {{restart: {{}}}}}}]
"""


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Receiver:
    """A Salve that listens for 50 problems, each with an incident that stays open while others come and go."""
    name = "salve"

    def __init__(self, binary):
        files = tempfile.mkdtemp(prefix="salve-bench-alerts-")
        with open(f"{files}/token", "w", encoding="utf-8") as f:
            f.write(TOKEN)
        with open(f"{files}/salve.yaml", "w", encoding="utf-8") as f:
            f.write("apiVersion: config.salve.dev/v1alpha1\nkind: ControllerConfiguration\nreceivers:\n"
                    f"- {{name: am, kind: alertmanager, authentication: {{bearer: [{{file: {files}/token}}]}}, "
                    "burst: 1000000, requestsPerHour: 36000000}\n")
        docker("run", "-d", "--name", "salve-bench-alerts", "--network", "none", "--label", LABEL, IMAGE, "sleep", "1000000")
        self.salve = Salve(binary, "--config", f"{files}/salve.yaml")
        with open(f"{files}/policies.yaml", "w", encoding="utf-8") as f:
            f.write("".join(POLICY.format(n + 1) for n in range(PROBLEMS)))
        self.salve.run("apply", "-f", f"{files}/policies.yaml")
        wait_for(lambda: self.salve.run("get", "healingpolicies").count("1/1 healthy") == PROBLEMS, 120)
        with open(f"{self.salve.data}/http-address", encoding="utf-8") as f:
            self.address = f.read().strip()
        self.begin()
        wait_for(lambda: self.salve.run("get", "incidents", "-o", "name").count("incident") == PROBLEMS, 120)
        self.pid = self.salve.process.pid

    def begin(self):
        alerts = [{"status": "firing", "labels": {"alertname": "Load", "problem": str(n + 1), "instance": "first"},
                   "annotations": {}, "startsAt": "2026-01-01T00:00:00Z"} for n in range(PROBLEMS)]
        request = urllib.request.Request(f"http://{self.address}/api/v1/webhooks/am",
                                         json.dumps({"version": "4", "alerts": alerts}).encode(),
                                         {"Content-Type": "application/json", "Authorization": "Bearer " + TOKEN})
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()

    def stop(self):
        self.salve.stop()
        remove_containers()


class Alertmanager:
    name = "alertmanager"

    def __init__(self, programs):
        files = tempfile.mkdtemp(prefix="salve-bench-am-")
        with open(f"{files}/config.yaml", "w", encoding="utf-8") as f:
            f.write("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % one.getsockname()[1]
        with open(f"{files}/log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [f"{programs}/prometheus-alertmanager", "--config.file", f"{files}/config.yaml", "--storage.path",
                 f"{files}/data", "--web.listen-address", self.address, "--cluster.listen-address="], stdout=log, stderr=log)
        self.pid = self.process.pid
        wait_for(self.ready, 60)

    def ready(self):
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def deliver(client, to, connections, alerts, what="changes", rate=0):
    """One round: what the client measured, and the CPU that the other side used for it."""
    before = cpu_seconds(to.pid)
    said = subprocess.run([client, to.name, to.address, str(connections), str(alerts), what, str(rate), TOKEN],
                          capture_output=True, text=True)
    round_ = json.loads(said.stdout)
    if said.returncode != 0:
        print(f"{to.name}: not all were taken: {said.stdout}")
    round_["cpu"] = 1000 * (cpu_seconds(to.pid) - before) / round_["alerts"]
    round_["rate"] = round_["alerts"] / round_["seconds"]
    return round_


def scene_of(what, rate, connections):
    return f"{what}, {connections} connections, " + (f"{rate} a second" if rate else "as fast as they are answered")


def compare(options, sides, figures):
    """Each scene in turns with each side; of the rounds the median."""
    for side in sides:
        deliver(options.client, side, 10, 500)  # nobody's first steps count
    for what, rate, alerts in SCENES:
        for connections in CONNECTIONS:
            rounds = {side.name: [] for side in sides}
            for _ in range(options.rounds):
                for side in sides:
                    rounds[side.name].append(deliver(options.client, side, connections, alerts, what, rate))
            figures["scenes"][scene_of(what, rate, connections)] = {
                name: {key: statistics.median(one[key] for one in results) for key in ("p50", "p99", "rate", "cpu")}
                for name, results in rounds.items()}


def count_writes(options, receiver, figures):
    """That an answer means a write: the store's revision, one up with each, over a round."""
    before = receiver.salve.revision()
    deliver(options.client, receiver, 10, 1000)
    figures["writes to the store for 1,000 changes"] = receiver.salve.revision() - before


def measure_memory(options, receiver, figures):
    """Memory after a tenth of the alerts and after all of them."""
    part = max(options.alerts // 10, 100)
    kept = []
    for _ in range(10):
        deliver(options.client, receiver, 50, part)
        kept.append(receiver.salve.pss_mb())
    figures["alerts taken in for memory"] = 10 * part
    figures["PSS after a tenth of them, MB"] = round(kept[0], 1)
    figures["PSS after all of them, MB"] = round(kept[-1], 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--salve", required=True)
    parser.add_argument("--client", required=True)
    parser.add_argument("--monitoring")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--json")
    options = parser.parse_args()
    figures = {"machine": machine(), "load": round(os.getloadavg()[0], 1), "scenes": {}}
    remove_containers()
    sides = [Receiver(options.salve)]
    try:
        if options.monitoring:
            sides.append(Alertmanager(options.monitoring))
        compare(options, sides, figures)
        count_writes(options, sides[0], figures)
        measure_memory(options, sides[0], figures)
    finally:
        for side in sides:
            side.stop()
    for name, value in figures.items():
        if name != "scenes":
            print(f"{name:60} {value}")
    for scene, sides_ in figures["scenes"].items():
        for name, one in sides_.items():
            print(f"{scene:60} {name:13} " + "  ".join(f"{key} {value:.2f}" for key, value in one.items()))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump(figures, f, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main()
