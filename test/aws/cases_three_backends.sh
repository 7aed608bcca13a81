# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# One policy text. Only `target` differs: a container, a service of ECS, a Deployment of Kubernetes.

# The fault: one that runs and hangs, until it is started anew. Its own health check says so.
readonly hangs_when_told='rm -f /tmp/ill; trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done'

# one_policy NAME NAMESPACE TARGET
one_policy() {
  policy_yaml "$1" "$2" >"$dir/policy-$1.yaml" <<YAML
  target: $3
  mode: Auto
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 2}
  guardrails: {maxActions: {count: 3, windowSeconds: 3600}}
YAML
  must k apply -f "$dir/policy-$1.yaml"
}

on_docker() {
  container "$id-web" --network none --health-cmd 'test ! -e /tmp/ill' --health-interval 1s --health-retries 1 \
    --health-timeout 60s salve-test/tiny:1 sh -c "$hangs_when_told"
  one_policy on-docker default "{docker: {container: $id-web}}"
}

# In the time that ECS is to overlook health checks it replaces nothing by itself. A task is lost and replaced
# first: Salve looks at the tasks of a service that is steady only for some minutes after that.
on_ecs() {
  definition web "${hangs_when_told//\"/\\\"}" \
    ', "healthCheck": {"command": ["CMD-SHELL", "test ! -e /tmp/ill"], "interval": 1, "retries": 1, "timeout": 60}'
  service web 2 ', "healthCheckGracePeriodSeconds": 3600'
  must docker kill "$(of_task "$(tasks web | cut -d ' ' -f 1)" 'containers[0].runtimeId')"
  eventually lost_one
  eventually steady web 2
  one_policy on-ecs default "{ecs: {backend: aws, cluster: demo, service: web}}"
}

lost_one() { [ -n "$(tasks web STOPPED)" ]; }

# In the cluster of $suite_kubeconfig, whose node is this machine.
kc() { KUBECONFIG=$suite_kubeconfig timeout $((patience + 10)) "$("$SALVE_ROOT/hack/kubectl")" "$@"; }
on_kubernetes() {
  must kc create namespace "$id"
  kc apply -f - >/dev/null <<YAML || fail "no Deployment"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: $id}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: app
        image: salve-test/busybox:1
        imagePullPolicy: Never
        command: [sh, -c, '$hangs_when_told']
        readinessProbe: {exec: {command: [sh, -c, "test ! -e /tmp/ill"]}, periodSeconds: 1}
YAML
  must kc -n "$id" rollout status deployment/web --timeout="${patience}s"
  k get namespace "$id" >/dev/null 2>&1 || must k create namespace "$id"
  one_policy on-kubernetes "$id" "{kubernetes: {backend: cluster, kind: Deployment, name: web}}"
}

make_one_ill() {
  local pod
  must docker exec "$id-web" touch /tmp/ill
  must docker exec "$(of_task "$(tasks web | cut -d ' ' -f 1)" 'containers[0].runtimeId')" touch /tmp/ill
  [ -n "$suite_kubeconfig" ] || return 0
  pod=$(kc -n "$id" get pods -l app=web -o 'jsonpath={.items[0].metadata.name}')
  must kc -n "$id" exec "$pod" -- touch /tmp/ill
}

healed() { # POLICY NAMESPACE
  local incident
  eventually has_incident_in "$1" "$2"
  incident=$(k -n "$2" get incidents --field-selector "spec.policyRef.name=$1" -o name | tail -n 1)
  must k -n "$2" wait --for=condition=Resolved "$incident" "--timeout=${patience}s"
  same "outcome of $1" AutoHealed "$(k -n "$2" get "$incident" -o 'jsonpath={.status.outcome}')"
}
has_incident_in() { [ -n "$(k -n "$2" get incidents --field-selector "spec.policyRef.name=$1" -o name 2>/dev/null)" ]; }
healthy_in() { is True k -n "$2" get "healingpolicy/$1" -o 'jsonpath={.status.conditions[?(@.type=="TargetHealthy")].status}'; }

three_backends() {
  needs_salve
  ecs
  configure
  [ -z "$suite_kubeconfig" ] ||
    echo "- {name: cluster, kubernetes: {kubeconfig: \"$suite_kubeconfig\"}}" >>"$dir/salve.yaml"
  heal_ecs
  local where=(on-docker on-ecs) policy space
  on_docker
  on_ecs
  if [ -n "$suite_kubeconfig" ]; then
    trap 'kc delete namespace "$id" --wait=false >/dev/null 2>&1' EXIT
    on_kubernetes
    where+=(on-kubernetes)
  fi
  for policy in "${where[@]}"; do
    space=default
    [ "$policy" != on-kubernetes ] || space=$id
    eventually healthy_in "$policy" "$space"
    # All but the target is the same text.
    same "text of $policy" "$(grep -v -e target: -e metadata: "$dir/policy-on-docker.yaml")" \
      "$(grep -v -e target: -e metadata: "$dir/policy-$policy.yaml")"
  done
  local started
  started=$(docker inspect --format '{{.State.StartedAt}}' "$id-web")
  make_one_ill
  healed on-docker default
  healed on-ecs default
  [ -z "$suite_kubeconfig" ] || healed on-kubernetes "$id"
  [ "$started" != "$(docker inspect --format '{{.State.StartedAt}}' "$id-web")" ] || fail "the container was not started anew"
  # The task or all of them: ECS had just replaced one.
  same "number of changes on ECS" 1 "$(changes | wc -l)"
  eventually steady web 2
}
case_ "one policy, only its target differs: the same fault is healed on Docker and on ECS, and on Kubernetes where a cluster is given" three_backends
