# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# What the cases on a cluster are written in, besides test/e2e/lib.sh. A case runs in a subshell; its
# namespace is $id, its directory $dir. The controller is one for all, as a user with the rights of
# the manifests.

# install_salve: what an administrator applies, and rights for the controller's user.
install_salve() {
  must k apply --server-side -f "$SALVE_ROOT/crds"
  eventually established crd/healingpolicies.salve.dev crd/incidents.salve.dev crd/incidentapprovals.salve.dev \
    crd/healingguardrails.salve.dev
  must k apply -k "$SALVE_ROOT/manifests/admission"
  k create namespace salve-system --dry-run=client -o yaml | must k apply -f -
  must k apply -f "$SALVE_ROOT/manifests/base/rbac.yaml"
  local role
  for role in salve-controller salve-controller-actions; do
    k create clusterrolebinding "suite-$role" "--clusterrole=$role" --user=salve-controller --dry-run=client \
      -o yaml | must k apply -f -
  done
  k -n salve-system create rolebinding suite-salve-controller --role=salve-controller --user=salve-controller \
    --dry-run=client -o yaml | must k apply -f -
}

# kubectl gives up on a definition that has no conditions yet, instead of waiting for them.
established() { k wait --for=condition=Established --timeout=10s "$@" >/dev/null 2>&1; }

# start_controller NAME [ARGUMENT…]: as a process beside the cluster; returns when it is ready, leading or
# standing by. One that ends because it lost the lead is started again, as a kubelet would.
start_controller() {
  local name=$1
  shift
  keep_controller "$name" "$@" &
  wait_until "$patience" controller_ready "$name" ||
    { tail -n 20 "$work/$name.log" >&2 && die 1 "salve controller did not become ready (its log is above)"; }
}
keep_controller() {
  local name=$1 status=7
  shift
  while [ "$status" = 7 ]; do
    rm -f "$work/$name.address"
    "$salve" controller --kubeconfig "$cluster/salve-controller.kubeconfig" --http-listen 127.0.0.1:0 \
      --http-address-file "$work/$name.address" "$@" >>"$work/$name.log" 2>&1 &
    echo $! >"$work/$name.pid"
    status=0
    wait $! || status=$?
  done 2>/dev/null # the shell has nothing to say about how it ended
}
controller_ready() {
  [ -s "$work/$1.address" ] && "$salve" healthz --url "http://$(cat "$work/$1.address")/ready"
}

# kill_controller NAME: SIGKILL, as a crash would.
kill_controller() {
  local pid
  pid=$(cat "$work/$1.pid")
  kill -KILL "$pid"
  eventually process_gone "$pid"
}

# k of lib.sh, in the case's namespace where there is one.
k() {
  timeout $((patience + 10)) "$kubectl" ${ns:+-n "$ns"} "$@"
}

# space: a namespace for the case.
space() {
  ns=
  must k create namespace "$id"
  ns=$id
}

clear_case() {
  "$kubectl" delete namespace "$id" --wait=false --ignore-not-found >/dev/null 2>&1 || true
}

# deployment NAME REPLICAS [FIELDS [SCRIPT]]: pods that answer HTTP on 8080 and end at once when asked. FIELDS goes
# into the container (a flow mapping's inside, beginning with a comma); SCRIPT is what it runs.
deployment() {
  # Not as process 1, which would take no signal from inside.
  local script=${4:-httpd -f -p 8080 -h / & wait}
  cat >"$dir/deployment-$1.yaml" <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: $1, labels: {app: $1}}
spec:
  replicas: $2
  selector: {matchLabels: {app: $1}}
  template:
    metadata: {labels: {app: $1}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: c, image: "salve-test/busybox:1", imagePullPolicy: Never, command: [sh, -c, '$script']${3:-}}
YAML
  must k apply -f "$dir/deployment-$1.yaml"
  must k rollout status "deployment/$1" --timeout="${patience}s"
}

# has_served NAME SECONDS: waits until its pods have been ready for so long. Salve goes back to a revision that
# served for 10 seconds, and holds a release guilty that did not serve for 30.
has_served() { eventually served_since "$1" "$2"; }
served_since() {
  local ready
  for ready in $(k get pods -l "app=$1" \
    -o 'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].lastTransitionTime}{"\n"}{end}'); do
    [ $(($(date +%s) - $(date -d "$ready" +%s))) -gt "$2" ] || return 1
  done
}

# heals NAME [FIELDS]: a policy in mode Auto for the Deployment of that name. FIELDS are lines of its spec.
heals() {
  { printf '  mode: Auto\n  target: {kubernetes: {kind: Deployment, name: %s}}\n' "$1"
    printf '  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 2}\n'
    printf '%s\n' "${2:-}"; } | { policy_yaml "$1" "$ns" >"$dir/policy-$1.yaml"; }
  must k apply -f "$dir/policy-$1.yaml"
  eventually healthy "$1"
  has_served "$1" 10
}

image_of() { k get "deployment/$1" -o 'jsonpath={.spec.template.spec.containers[0].image}'; }
pods_of() { k get pods -l "app=$1" -o 'jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}' | sort; }
available() { is "$2" k get "deployment/$1" -o 'jsonpath={.status.availableReplicas}'; }
rolled_out() { k rollout status "deployment/$1" --timeout=1s; }

# changes [VERB]: the requests by which the controller changed something in the case's namespace, by the API
# server's own record: "patch deployments/web", a line each. What Salve writes of its own does not count.
changes() {
  python3 - "$cluster/audit.log" "$ns" <<'PY'
import json, sys
for line in open(sys.argv[1]):
    try:
        e = json.loads(line)
    except ValueError:
        continue
    ref = e.get("objectRef", {})
    if (e.get("stage") == "ResponseComplete" and e["user"]["username"] == "salve-controller"
            and ref.get("namespace") == sys.argv[2] and e["verb"] in ("create", "update", "patch", "delete")
            and ref.get("apiGroup", "") not in ("salve.dev", "coordination.k8s.io", "events.k8s.io")
            and ref.get("resource") != "events"):
        sub = "/" + ref["subresource"] if ref.get("subresource") else ""
        print(e["verb"], ref["resource"] + sub + "/" + ref.get("name", ""), e.get("responseStatus", {}).get("code"))
PY
}

# evidence of a case that failed.
evidence() {
  ns=$id
  echo "--- resources"
  k get healingpolicies,incidents,deployments,replicasets,pods -o wide 2>&1 | cut -c 1-220
  k get incidents -o 'jsonpath={range .items[*]}{.metadata.name}: {.status.phase} {.status.outcome} {.status.summary}{"\n"}{range .status.gates[?(@.result=="Block")]}   {.name} {.reason}: {.message}{"\n"}{end}{end}' 2>&1
  k get healingpolicies -o 'jsonpath={range .items[*]}{range .status.targets[*]}{.name} {.state}: {.indicators}{"\n"}{end}{range .status.conditions[*]}   {.type}={.status} {.reason} {.message}{"\n"}{end}{end}' 2>&1 | cut -c 1-600
  echo "--- what the controller changed"
  changes
  echo "--- the controller about it"
  grep -hF "$id" "$work"/*.log | tail -n 15 | cut -c 1-500
}
