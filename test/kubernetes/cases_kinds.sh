# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Workloads that are no Deployments, and what else a policy says of them.

# workload KIND NAME [FIELDS]: pods as those of `deployment`; FIELDS are lines of its spec.
workload() {
  cat >"$dir/$2.yaml" <<YAML
apiVersion: apps/v1
kind: $1
metadata: {name: $2}
spec:
${3:-}
  selector: {matchLabels: {app: $2}}
  template:
    metadata: {labels: {app: $2}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: c, image: "salve-test/busybox:1", imagePullPolicy: Never, command: [sh, -c, 'httpd -f -p 8080 -h / & wait']}
YAML
  must k apply -f "$dir/$2.yaml"
  must k rollout status "$1/$2" --timeout="${patience}s"
  policy_yaml "$2" "$ns" >"$dir/policy-$2.yaml" <<YAML
  mode: Auto
  target: {kubernetes: {kind: $1, name: $2}}
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 2}
YAML
  must k apply -f "$dir/policy-$2.yaml"
  eventually healthy "$2"
  has_served "$2" 10
}
ready_pods() { is "$2" k get pods -l "app=$1" -o 'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{end}'; }

stateful_release() {
  space
  workload StatefulSet db $'  replicas: 2\n  serviceName: db'
  must k set image statefulset/db c=salve-test/none:9
  await_incident db
  outcome "$incident" AutoHealed
  same "cause" BadRelease "$(get "$incident" .status.diagnosis.cause)"
  must k rollout status statefulset/db --timeout="${patience}s"
  eventually ready_pods db TrueTrue
  # Left alone, a StatefulSet waits for the pod of the bad release for ever.
  same "what was changed" $'patch statefulsets/db 200\ndelete pods/db-1 200' "$(changes)"
}
case_ "a bad release of a StatefulSet is rolled back, and the pod that it waits for is let go" stateful_release

daemon_release() {
  space
  workload DaemonSet agent
  # Its one pod goes before the new one comes: nothing of the old revision is left to look at.
  has_served agent 40
  must k set image daemonset/agent c=salve-test/none:9
  await_incident agent
  outcome "$incident" AutoHealed
  same "cause" BadRelease "$(get "$incident" .status.diagnosis.cause)"
  must k rollout status daemonset/agent --timeout="${patience}s"
  eventually ready_pods agent True
  same "what was changed" "patch daemonsets/agent 200" "$(changes)"
}
case_ "a bad release of a DaemonSet is rolled back" daemon_release

evicted() {
  space
  deployment web 2 "$ready_if_it_answers"
  heals web '  ladder: [{name: evict, action: {evictPod: {}}}]'
  has_served web 30
  local victim
  victim=$(pods_of web | head -n 1)
  # shellcheck disable=SC2016  # the pod's shell expands it
  must k exec "$victim" -- sh -c 'kill -STOP $(pidof httpd)'
  await_incident web
  outcome "$incident" AutoHealed
  same "what was changed" "create pods/eviction/$victim 201" "$(changes)"
  eventually available web 2
}
case_ "a pod that hangs is evicted, where the policy says so" evicted

guardrail() {
  space
  must k label namespace "$id" "suite=$id"
  deployment web 1
  heals web
  must k apply -f - <<YAML
apiVersion: salve.dev/v1alpha1
kind: HealingGuardrail
metadata: {name: $id}
spec: {namespaceSelector: {matchLabels: {suite: $id}}, allowedActions: [deletePod]}
YAML
  eventually is 1 guardrail_says .status.policiesSelected
  must k set image deployment/web c=salve-test/none:9
  await_incident web
  blocked "$incident" AllowedAction ActionNotAllowed
  eventually has_blocked
  says "$(guardrail_says .status.lastBlocked)" "${incident#*/}" AllowedAction
  same "what was changed" "" "$(changes)"
  must k delete hguard "$id"
  outcome "$incident" AutoHealed
}
guardrail_says() { k get hguard "$id" -o "jsonpath={$1}"; }
has_blocked() { [ -n "$(guardrail_says .status.lastBlocked)" ]; }
case_ "a guardrail of the cluster forbids a rollback, and without it the incident is healed" guardrail

history() {
  space
  deployment web 1
  heals web $'  history: {keepIncidents: 1}\n  guardrails: {cooldownSeconds: 0, retry: {minHealthySeconds: 1}}'
  must k set image deployment/web c=salve-test/none:9
  await_incident web
  outcome "$incident" AutoHealed
  local first=$incident
  eventually healthy web
  has_served web 10
  must k set image deployment/web c=salve-test/none:8
  await_another web "$first"
  outcome "$incident" AutoHealed
  eventually is "$incident" incidents web
}
case_ "of incidents that are over as many stay as the policy says" history
