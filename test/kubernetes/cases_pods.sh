# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Pods that are ill while their template is what it was.

ready_if_it_answers=', readinessProbe: {httpGet: {path: /etc/passwd, port: 8080}, periodSeconds: 1, timeoutSeconds: 3, failureThreshold: 2}'

hung_pod() {
  space
  deployment web 3 "$ready_if_it_answers"
  heals web '  guardrails: {minAvailable: 2}'
  has_served web 30
  local victim
  local -a others
  victim=$(pods_of web | head -n 1)
  mapfile -t others < <(pods_of web | tail -n 2)
  # shellcheck disable=SC2016  # the pod's shell expands it
  must k exec "$victim" -- sh -c 'kill -STOP $(pidof httpd)'
  eventually available web 2
  await_incident web
  outcome "$incident" AutoHealed
  same "cause" HungPod "$(get "$incident" .status.diagnosis.cause)"
  same "what was changed" "delete pods/$victim 200" "$(changes)"
  eventually available web 3
  says "$(pods_of web)" "${others[@]}"
}
case_ "of three pods the one that hangs is replaced, and only that" hung_pod

# shellcheck disable=SC2016  # the pod's shell expands it
takes_what_it_is_told='head -c "${MB}m" /dev/zero | tail >/tmp/all || exit 137; httpd -f -p 8080 & wait'

out_of_memory() {
  space
  must k create configmap load --from-literal=megabytes=1
  deployment web 1 ', resources: {limits: {memory: 24Mi}}, env: [{name: MB, valueFrom: {configMapKeyRef: {name: load, key: megabytes}}}]' \
    "$takes_what_it_is_told"
  heals web '  ladder: [{name: more, action: {setResources: {memoryPercent: 200, maxMemoryBytes: 268435456}}}]
  guardrails: {maxAutoRisk: Low}'
  has_served web 30
  # The load grows beyond the limit, the template stays.
  k create configmap load --from-literal=megabytes=40 --dry-run=client -o yaml | must k apply -f -
  # shellcheck disable=SC2016
  must k exec "$(pods_of web)" -- sh -c 'kill -KILL $(pidof httpd)'
  await_incident web
  eventually in_phase "$incident" AwaitingApproval
  same "cause" MemoryLimit "$(get "$incident" .status.diagnosis.cause)"
  says "$(get "$incident" .status.proposal.preview.command)" "set resources deployment/web -c c --limits=memory=72Mi"
  same "what was changed before a person agreed" "" "$(changes)"
  must decide "$incident" Approve
  outcome "$incident" HealedAfterApproval
  same "who approved" admin "$(get "$incident" '.status.attempts[0].approvedBy')"
  same "limit" 72Mi "$(k get deployment/web -o 'jsonpath={.spec.template.spec.containers[0].resources.limits.memory}')"
  eventually healthy web
  same "what was changed" "patch deployments/web 200" "$(changes)"
}
case_ "a service that outgrew its memory gets more once a person agrees" out_of_memory

scaled_to_zero() {
  space
  deployment web 1
  heals web
  must k scale deployment/web --replicas=0
  eventually is "" pods_of web
  eventually healthy web
  same "incidents" "" "$(incidents web)"
  same "what was changed" "" "$(changes)"
}
case_ "a service that a person scaled to zero stays there" scaled_to_zero

config_changed() {
  space
  must k create configmap settings --from-literal=mode=good
  deployment web 2 ', env: [{name: MODE, valueFrom: {configMapKeyRef: {name: settings, key: mode}}}]'
  heals web
  has_served web 30
  # The template does not change; what it refers to is gone, and a pod is lost.
  must k delete configmap settings
  must k delete pod "$(pods_of web | head -n 1)" --wait=false
  await_incident web
  eventually in_phase "$incident" Escalated
  same "cause" ConfigurationMissing "$(get "$incident" .status.diagnosis.cause)"
  same "what was changed" "" "$(changes)"
}
case_ "a ConfigMap that is gone is for a person: neither the release nor the pods that run are touched" config_changed

quota() {
  space
  deployment web 2
  heals web
  has_served web 30
  must k create quota none --hard=pods=1
  must k delete pod "$(pods_of web | head -n 1)" --wait=false
  await_incident web
  eventually in_phase "$incident" Escalated
  same "cause" CreateForbidden "$(get "$incident" .status.diagnosis.cause)"
  same "what was changed" "" "$(changes)"
}
case_ "a quota that is used up is for a person: no pod that runs is taken away" quota
