# SPDX-License-Identifier: Apache-2.0
"""The two servers that are compared: salve's embedded one, and a real Kubernetes without a node."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

from lib.case import GROUP
from lib.objects import approval
from lib.wire import Server, read_kubeconfig, temporary_directory

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
USERS = ("alice", "bob", "carol")
START_SECONDS = 240  # reached only where something is broken

# Only what the cases speak of; the others would write into the cases' namespaces. hack/kube-up
# waits for a service account as the sign of life.
CONTROLLERS = ("garbage-collector-controller,namespace-controller,serviceaccount-controller,"
               "serviceaccount-token-controller")


class StartError(Exception):
    """A server could not be started; the text says what to do."""


def _wait_until(what, seconds, ready, still_alive):
    deadline = time.monotonic() + seconds
    while not ready():
        if not still_alive() or time.monotonic() > deadline:
            raise StartError(f"{what} did not become ready within {seconds} s")
        time.sleep(0.02)


class Embedded:
    """`salve standalone --api-only` in a directory of its own."""

    def __init__(self, binary):
        self._binary = binary
        self._dir = temporary_directory("conf-ours")
        self._data = os.path.join(self._dir, "data")
        self._process = None

    def start(self):
        with open(os.path.join(self._dir, "log"), "wb") as log:
            self._process = subprocess.Popen(
                [self._binary, "standalone", "--api-only", "--data-dir", self._data,
                 "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        kubeconfig = os.path.join(self._data, "kubeconfig")
        try:
            _wait_until(f"{self._binary}", START_SECONDS,
                        lambda: os.path.exists(kubeconfig) and os.path.getsize(kubeconfig) > 0,
                        lambda: self._process.poll() is None)
        except StartError as error:
            with open(os.path.join(self._dir, "log"), encoding="utf-8") as log:
                raise StartError(f"{error}; it said:\n{log.read()}") from error
        url, ca, _ = read_kubeconfig(kubeconfig)
        tokens = {user: self._token(user) for user in USERS}
        tokens["admin"] = self._token("admin", "system:masters")
        server = Server("ours", url, ca, tokens)
        _wait_until("the embedded server", START_SECONDS,
                    lambda: server.request("GET", "/api/v1/namespaces").code == 200,
                    lambda: self._process.poll() is None)
        return server

    def _token(self, user, group=None):
        command = [self._binary, "token", "create", "--data-dir", self._data, "--user", user,
                   "-o", "jsonpath={.token}"]
        if group:
            command += ["--group", group]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def stop(self):
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._dir, ignore_errors=True)


class Real:
    """The control plane of hack/kube-up --no-node in a directory of its own."""

    def __init__(self):
        self._dir = temporary_directory("conf-k8s")

    def start(self):
        environment = dict(os.environ,
                           SALVE_KUBE_ARGS_kube_controller_manager="--controllers=" + CONTROLLERS)
        done = subprocess.run([os.path.join(ROOT, "hack", "kube-up"), "--no-node", self._dir],
                              env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise StartError(f"hack/kube-up failed:\n{done.stdout}{done.stderr}")
        return real_server(self._dir)

    def learn_kinds(self):
        """The garbage collector looks for new kinds every half a minute, and when it starts."""
        script = """
            set -euo pipefail
            kube_programs=$(hack/kube-build)
            . hack/lib/common.sh
            . hack/lib/kube.sh
            kube_open "$1"
            kube_stop "$1" kube-controller-manager
            kube_start "$1" kube-controller-manager
            kube_wait_ready "$1" kube-controller-manager"""
        environment = dict(os.environ,
                           SALVE_KUBE_ARGS_kube_controller_manager="--controllers=" + CONTROLLERS)
        done = subprocess.run(["bash", "-c", script, "bash", self._dir], cwd=ROOT, env=environment,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise StartError(f"the controller manager could not be started again:\n{done.stderr}")

    def stop(self):
        subprocess.run([os.path.join(ROOT, "hack", "kube-down"), "--purge", self._dir], check=False,
                       capture_output=True)
        shutil.rmtree(self._dir, ignore_errors=True)


class Given:
    """A server that runs already, by its kubeconfig. Users other than admin need a tokens.csv of
    hack/kube-up or salve beside it."""

    def __init__(self, name, kubeconfig):
        self._name = name
        self._kubeconfig = kubeconfig

    def start(self):
        url, ca, token = read_kubeconfig(self._kubeconfig)
        tokens = _tokens_beside(self._kubeconfig)
        tokens["admin"] = token
        return Server(self._name, url, ca, tokens)

    def learn_kinds(self):
        pass

    def stop(self):
        pass


def _tokens_beside(kubeconfig):
    tokens = {}
    path = os.path.join(os.path.dirname(os.path.abspath(kubeconfig)), "tokens.csv")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                token, user = line.split(",")[:2]
                tokens[user] = token
    return tokens


def real_server(directory):
    return Given("theirs", os.path.join(directory, "admin.kubeconfig")).start()


def apply_crds(server, text_of_files):
    """Makes the kinds known, and returns when they are served. The documents as the server read
    them, by name."""
    collection = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    known = {}
    for text in text_of_files:
        answer = server.request("POST", collection, body=text.encode(),
                                headers={"Content-Type": "application/yaml"})
        if answer.code not in (201, 409):
            raise StartError(f"a CRD was refused: {answer.body.decode()}")
    deadline = time.monotonic() + START_SECONDS
    while True:
        items = [item for item in server.request("GET", collection).json["items"]
                 if item["spec"]["group"] == "salve.dev"]
        known = {item["metadata"]["name"]: item for item in items}
        served = [item for item in items if any(
            c["type"] == "Established" and c["status"] == "True"
            for c in item["status"].get("conditions") or [])]
        names = [item["spec"]["names"]["plural"] for item in served]
        if len(served) == len(text_of_files) and all(
                server.request("GET", f"/apis/salve.dev/v1alpha1/{name}").code == 200
                for name in names) and _described(server, names):
            return known
        if time.monotonic() > deadline:
            raise StartError(f"the kinds are not served after {START_SECONDS} s: {sorted(known)}")
        time.sleep(0.05)


# Of manifests/admission what the embedded server has, too: its rules for policies need guardrails,
# which are there for the whole cluster.
ADMISSION = ("incidentapprovals.salve.dev", "incidents.salve.dev")


def apply_admission(server, text):
    """Returns when the rules of manifests/admission are in force."""
    for document in text.split("\n---\n"):
        kind = re.search(r"^kind: (\w+)$", document, re.MULTILINE)
        name = re.search(r"^  name: (\S+)$", document, re.MULTILINE)
        if not kind or name[1] not in ADMISSION:
            continue
        plural = {"ValidatingAdmissionPolicy": "validatingadmissionpolicies",
                  "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings"}[kind[1]]
        answer = server.request("POST", f"/apis/admissionregistration.k8s.io/v1/{plural}",
                                body=document.encode(), headers={"Content-Type": "application/yaml"})
        if answer.code not in (201, 409):
            raise StartError(f"an admission policy was refused: {answer.body.decode()}")
    deadline = time.monotonic() + START_SECONDS
    somebody_else = json.dumps(approval("a", {"approver": "somebody else"})).encode()
    while server.request("POST", f"{GROUP}/namespaces/default/incidentapprovals?dryRun=All", body=somebody_else,
                         headers={"Content-Type": "application/json"}).code != 403:
        if time.monotonic() > deadline:
            raise StartError(f"the admission policies are not in force after {START_SECONDS} s")
        time.sleep(0.1)


def _described(server, names):
    """Discovery and OpenAPI follow the CRDs a moment later."""
    document = server.request("GET", "/openapi/v3/apis/salve.dev/v1alpha1")
    resources = server.request("GET", "/apis/salve.dev/v1alpha1")
    if document.code != 200 or resources.code != 200:
        return False
    listed = {item["name"] for item in resources.json["resources"]}
    paths = "\n".join(document.json.get("paths", {}))
    return all(name in listed and f"/{name}" in paths for name in names)
