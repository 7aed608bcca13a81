# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Releases that are bad, and rollouts that are somebody's business.

bad_image() {
  space
  deployment web 2
  heals web
  local before
  before=$(pods_of web)
  must k set image deployment/web c=salve-test/none:9
  await_incident web
  outcome "$incident" AutoHealed
  same "cause" BadRelease "$(get "$incident" .status.diagnosis.cause)"
  same "image" salve-test/busybox:1 "$(image_of web)"
  eventually rolled_out web
  same "pods that served before and still do" "$before" "$(pods_of web)"
  eventually healthy web
  same "what was changed" "patch deployments/web 200" "$(changes)"
  says "$(k describe "$incident")" "rollout undo deployment/web" "BadRelease" "AutoHealed"
}
case_ "a release whose image does not exist is rolled back, and the pods that serve are not touched" bad_image

crashing_release() {
  space
  deployment web 2
  heals web
  has_served web 30 # the rollout goes on for as long as the new pods run: the old ones go
  must k patch deployment web --type=json -p \
    '[{"op":"replace","path":"/spec/template/spec/containers/0/command","value":["sh","-c","echo fatal: no such option; exit 1"]}]'
  await_incident web
  outcome "$incident" AutoHealed
  same "cause" BadRelease "$(get "$incident" .status.diagnosis.cause)"
  eventually rolled_out web
  says "$(k get deployment/web -o 'jsonpath={.spec.template.spec.containers[0].command}')" httpd
  same "what was changed" "patch deployments/web 200" "$(changes)"
}
case_ "a release that crashes is rolled back and stays so" crashing_release

first_release() {
  space
  cat >"$dir/web.yaml" <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: c, image: "salve-test/busybox:1", imagePullPolicy: Never, command: [sh, -c, "exit 1"]}]
YAML
  policy_yaml web "$ns" >"$dir/policy.yaml" <<YAML
  mode: Auto
  target: {kubernetes: {name: web}}
YAML
  must k apply -f "$dir/policy.yaml" -f "$dir/web.yaml"
  await_incident web
  eventually in_phase "$incident" Escalated
  same "cause" BadRelease "$(get "$incident" .status.diagnosis.cause)"
  same "what was changed" "" "$(changes)"
}
case_ "a first release that crashes has no good one before it: a person is told, nothing is done" first_release

slow_rollout() {
  space
  deployment web 2
  heals web
  # Each new pod is ready six seconds after it began: slow, and within the time that a rollout has.
  must k patch deployment web -p '{"spec": {"template": {"spec": {"containers": [{"name": "c", "readinessProbe":
    {"exec": {"command": ["true"]}, "initialDelaySeconds": 6, "periodSeconds": 1}}]}}}}'
  must k rollout status deployment/web --timeout="${patience}s"
  eventually healthy web
  same "incidents" "" "$(incidents web)"
  same "what was changed" "" "$(changes)"
}
case_ "a good release that is slow is left alone" slow_rollout

gated() { k get pods -l "app=$1" -o 'jsonpath={range .items[?(@.spec.schedulingGates)]}pod/{.metadata.name}{"\n"}{end}'; }
has_gated() { [ "$(gated "$1" | wc -l)" = 1 ]; }
has_replica_sets() { is "$2" count_replica_sets "$1"; }
count_replica_sets() { k get replicasets -l "app=$1" -o name | wc -l; }

paused_rollout() {
  space
  deployment web 2
  heals web
  # Its pod is held back until the rollout is paused, or Salve might be quicker than the person.
  must k patch deployment web -p '{"spec": {"template": {"spec": {"schedulingGates": [{"name": "salve.dev/suite"}],
    "containers": [{"name": "c", "image": "salve-test/none:9"}]}}}}'
  eventually has_replica_sets web 2
  eventually has_gated web
  must k rollout pause deployment/web
  must k patch "$(gated web)" --type=json -p '[{"op": "remove", "path": "/spec/schedulingGates"}]'
  eventually unhealthy web
  says "$(condition healingpolicy/web TargetHealthy message)" ErrImageNeverPull
  same "incidents" "" "$(incidents web)"
  same "what was changed" "" "$(changes)"
  must k rollout resume deployment/web
  await_incident web
  outcome "$incident" AutoHealed
  same "image" salve-test/busybox:1 "$(image_of web)"
}
case_ "a rollout that a person paused is left to them, and rolled back once they let it go on" paused_rollout

gitops() {
  space
  deployment web 2
  must k annotate deployment/web argocd.argoproj.io/tracking-id=shop:apps/Deployment:shop/web
  heals web
  must k set image deployment/web c=salve-test/none:9
  await_incident web
  eventually in_phase "$incident" Escalated
  says "$(get "$incident" .status.diagnosis.message)" "source of truth"
  same "what was changed" "" "$(changes)"
}
case_ "a bad release that comes from a repository goes to a person" gitops
