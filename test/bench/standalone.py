#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what `salve standalone` costs and how fast it acts, on a real Docker engine.

    standalone.py --salve BINARY [--containers 100] [--ill 20] [--minutes 1] [--json FILE]

Needs DOCKER_HOST (or the usual socket) and the image salve-test/tiny:1 (hack/images). Starts its own
containers (name salve-bench-*) and removes them. Prints a table; exits 0 whatever the figures are: a
benchmark informs, it does not judge.
"""
import argparse
import base64
import datetime
import http.server
import json
import os
import platform
import random
import re
import shutil
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

LABEL = "salve-bench=true"
IMAGE = "salve-test/tiny:1"
SINGLES = 10  # containers that fall ill one after the other


def docker(*args, check=True):
    return subprocess.run(["docker", *args], check=check, capture_output=True, text=True).stdout


class Salve:
    """One `salve standalone` in a temporary directory."""

    def __init__(self, binary, *arguments):
        self.dir = tempfile.mkdtemp(prefix="salve-bench-")
        self.log = open(os.path.join(self.dir, "log"), "w", encoding="utf-8")
        self.data = os.path.join(self.dir, "data")
        started = time.monotonic()
        self.process = subprocess.Popen(
            [binary, "standalone", "--data-dir", self.data, "--listen", "127.0.0.1:0",
             "--http-listen", "127.0.0.1:0", *arguments], stdout=self.log, stderr=self.log)
        self.ready_after = self._wait_ready(started)
        self.env = dict(os.environ, KUBECONFIG=os.path.join(self.data, "kubeconfig"))
        self.binary = binary

    def _wait_ready(self, started):
        address = os.path.join(self.data, "http-address")
        while time.monotonic() - started < 30:
            if self.process.poll() is not None:
                break
            try:
                with open(address, encoding="utf-8") as f:
                    url = f"http://{f.read().strip()}/ready"
                with urllib.request.urlopen(url, timeout=1) as answer:
                    if answer.status == 200:
                        return time.monotonic() - started
            except OSError:
                pass
            time.sleep(0.001)
        sys.exit(f"salve is not ready; see {self.dir}/log")

    def run(self, *args):
        return subprocess.run([self.binary, *args], env=self.env, check=True, capture_output=True,
                              text=True).stdout

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def pss_mb(self):
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="utf-8") as f:
            for line in f:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) / 1024
        return 0.0

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def revision(self):
        """The store's revision: one up with each write of any kind."""
        with open(self.env["KUBECONFIG"], encoding="utf-8") as f:
            config = f.read()
        field = lambda name: re.search(rf"\b{name}:\s*\"?([^\s\"]+)", config).group(1)
        ca = base64.b64decode(field("certificate-authority-data")).decode()
        request = urllib.request.Request(
            field("server") + "/apis/salve.dev/v1alpha1/healingpolicies",
            headers={"Authorization": "Bearer " + field("token")})
        with urllib.request.urlopen(request, context=ssl.create_default_context(cadata=ca)) as answer:
            return int(json.load(answer)["metadata"]["resourceVersion"])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


class Events:
    """The engine's own record of when containers turned ill and when they were restarted."""

    def __init__(self):
        self.lines = []
        self.process = subprocess.Popen(
            ["docker", "events", "--format", "{{json .}}", "--filter", f"label={LABEL}",
             "--filter", "type=container"], stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            self.lines.append((event["timeNano"] / 1e9, event["Action"],
                               event["Actor"]["Attributes"]["name"]))

    def latencies(self):
        """Seconds from `unhealthy` to the first sign of the restart (kill), per container."""
        ill, out = {}, []
        for at, action, name in sorted(self.lines):
            if action == "health_status: unhealthy":
                ill.setdefault(name, at)
            elif action in ("kill", "die") and name in ill:
                out.append(at - ill.pop(name))
        return out

    def count(self, action):
        return sum(1 for _, a, _ in self.lines if a == action)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Containers:
    """`healthy` that stay so; `ill` that turn unhealthy when fall_ill says so and well with a restart.

    A file in a directory that all of them see makes one ill: no exec that the engine would have to run
    beside its health checks. Their intervals are long enough to leave the machine mostly idle.
    """

    def __init__(self, healthy, ill):
        self.dir = tempfile.mkdtemp(prefix="salve-bench-ill-")
        names = [f"salve-bench-{i}" for i in range(healthy + ill)]
        for i, name in enumerate(names):
            docker("run", "-d", "--name", name, "--network", "none", "--label", LABEL,
                   "--volume", f"{self.dir}:/ill", "--stop-timeout", "1",
                   "--health-cmd", f"test ! -e /ill/{name}",
                   "--health-interval", "3s" if i >= healthy else "300s", "--health-retries", "1",
                   "--init=false", IMAGE, "sh", "-c", f"rm -f /ill/{name}; exec sleep 1000000")
        self.ill = names[healthy:]

    def fall_ill(self, name):
        with open(os.path.join(self.dir, name), "w", encoding="utf-8"):
            pass

    def remove(self):
        remove_containers()
        shutil.rmtree(self.dir, ignore_errors=True)


def remove_containers():
    names = docker("ps", "-aq", "--filter", f"label={LABEL}").split()
    if names:
        docker("rm", "-f", *names, check=False)


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


class Flippable(http.server.BaseHTTPRequestHandler):
    """Answers 200 or 500, as `status` says."""
    status = 200

    def do_GET(self):  # noqa: N802, the name is the library's
        self.send_response(Flippable.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


def measure_detection(binary, figures):
    """From the moment a service begins to answer 500 to the incident, with a probe once a second."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Flippable)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    docker("run", "-d", "--name", "salve-bench-http", "--network", "none", "--label", LABEL, IMAGE,
           "sleep", "1000000")
    salve = Salve(binary)
    policy = os.path.join(salve.dir, "policy.yaml")
    with open(policy, "w", encoding="utf-8") as f:
        f.write(f"""apiVersion: salve.dev/v1alpha1
kind: HealingPolicy
metadata: {{name: web}}
spec:
  mode: Observe
  target: {{docker: {{container: salve-bench-http}}}}
  probes: [{{name: web, http: {{url: "http://127.0.0.1:{server.server_port}/"}}, periodSeconds: 1,
            timeoutSeconds: 1, failureThreshold: 1, successThreshold: 1}}]
""")
    salve.run("apply", "-f", policy)

    def incidents():
        return json.loads(salve.run("get", "incidents", "-o", "json"))["items"]

    def resolved(items):
        return all(i.get("status", {}).get("phase") == "Resolved" for i in items)
    took = []
    try:
        wait_for(lambda: "1/1" in salve.run("get", "healingpolicy", "web"), 20)
        for i in range(8):
            time.sleep(random.random())
            Flippable.status, began = 500, time.time()
            wait_for(lambda n=i: len(incidents()) > n, 10)
            at = max(item["metadata"]["creationTimestamp"] + "|" + item["status"]["detectedAt"]
                     for item in incidents()).split("|")[1]
            stamp = datetime.datetime.fromisoformat(at.replace("Z", "+00:00"))
            took.append(1000 * (stamp.timestamp() - began))
            Flippable.status = 200
            wait_for(lambda: resolved(incidents()), 40)
    finally:
        salve.stop()
        server.shutdown()
    figures["fault to incident, probe once a second, ms: max of 8"] = round(max(took), 1)


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, round(p * (len(values) - 1)))] if values else float("nan")


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((l.split(":")[1].strip() for l in f if l.startswith("model name")), "?")
    return f"{os.cpu_count()} × {model}, Linux {platform.release()}"


def measure(options):
    figures = {"machine": machine()}
    starts = []
    for _ in range(7):
        salve = Salve(options.salve)
        starts.append(salve.ready_after * 1000)
        salve.stop()
    figures["start to ready, ms (median of 7)"] = round(statistics.median(starts), 1)

    salve = Salve(options.salve)
    time.sleep(10)
    figures["idle PSS, no policy, MB"] = round(salve.pss_mb(), 1)
    salve.stop()

    remove_containers()
    measure_detection(options.salve, figures)
    remove_containers()
    # Each falls ill once: a second illness soon after the first is not a restart's business any more.
    containers = Containers(options.containers - options.ill - SINGLES, options.ill + SINGLES)
    single_names, names = containers.ill[:SINGLES], containers.ill[SINGLES:]
    salve = Salve(options.salve, "--docker-label", LABEL)
    events = Events()
    try:
        # Health checks of the engine settle first: what they cost is not Salve's.
        wait_for(lambda: "starting" not in docker("ps", "--filter", f"label={LABEL}"), 60)
        time.sleep(15)
        cpu, revision, began = salve.cpu_seconds(), salve.revision(), time.monotonic()
        time.sleep(60 * options.minutes)
        minutes = (time.monotonic() - began) / 60
        figures[f"idle PSS, {options.containers} containers, MB"] = round(salve.pss_mb(), 1)
        figures[f"CPU-seconds a minute, {options.containers} containers"] = round(
            (salve.cpu_seconds() - cpu) / minutes, 3)
        figures["writes while nothing changed"] = salve.revision() - revision
        figures["threads"] = salve.threads()

        for name in single_names:
            containers.fall_ill(name)
            wait_for(lambda n=name: any(e[1] == "die" and e[2] == n for e in events.lines), 20)
        single = [1000 * v for v in events.latencies()]
        figures["unhealthy to acted on, ms, one at a time: p50"] = round(percentile(single, .5), 1)
        figures["unhealthy to acted on, ms, one at a time: p95"] = round(percentile(single, .95), 1)

        events.lines.clear()
        for name in names:
            containers.fall_ill(name)
        wait_for(lambda: len(events.latencies()) >= len(names), 60)
        together = [1000 * v for v in events.latencies()]
        figures[f"unhealthy to acted on, ms, {options.ill} together: p50"] = round(percentile(together, .5), 1)
        figures[f"unhealthy to acted on, ms, {options.ill} together: p95"] = round(percentile(together, .95), 1)
        figures[f"containers acted on, of {options.ill}"] = len(together)
    finally:
        events.stop()
        salve.stop()
        containers.remove()
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--salve", required=True)
    parser.add_argument("--containers", type=int, default=100)
    parser.add_argument("--ill", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--json")
    options = parser.parse_args()
    figures = measure(options)
    for name, value in figures.items():
        print(f"{name:55} {value}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump(figures, f, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main()
