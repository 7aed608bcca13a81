# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# From a Redis that hangs to the alert's end, through programs that are not ours.

alert_policy() {
  policy redis <<YAML
  mode: ${1:-Auto}
  target: {docker: {container: $id-redis}}
  triggers:
  - name: redis-down
    alert: {receiver: alertmanager, matchers: ['alertname="RedisDown"', 'severity=~"critical|page"'], targetLabel: container}
  ladder:
  - {name: restart, action: {restart: {}}, timeoutSeconds: 60}
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 2}
YAML
}

alertmanager_receiver() {
  receivers <<YAML
- {name: alertmanager, kind: alertmanager, authentication: {bearer: [{file: $dir/token}]}}
YAML
}

whole_chain() {
  redis_with_exporter
  alertmanager_receiver
  monitoring "$address"
  alert_policy
  eventually healthy redis
  local since
  since=$(mark) || fail "the engine's events stay away"
  hang_redis
  await_incident redis
  same "what opened it" "Alert redis-down" "$(get "$incident" .spec.trigger.source) $(get "$incident" .spec.trigger.name)"
  same "how bad it is" Critical "$(get "$incident" .spec.severity)"
  outcome "$incident" AutoHealed
  same "restarts" 1 "$(count_of "$since" "$id-redis" restart)"
  eventually redis_is_up 1
  same "the alert, as the policy has it" Cleared "$(signal_state redis)"
  eventually healthy redis
  same "incidents" 1 "$(incidents redis | grep -c .)"
  says "$("$salve" signals)" redis-down RedisDown Cleared
}
case_ "an alert of a hanging Redis leads to a restart, and to the end once Alertmanager says that it is resolved" whole_chain

resolved_while_waiting() {
  redis_with_exporter
  alertmanager_receiver
  monitoring "$address"
  alert_policy Approve
  eventually healthy redis
  local since
  since=$(mark) || fail "the engine's events stay away"
  hang_redis
  await_incident redis
  eventually in_phase "$incident" AwaitingApproval
  # Somebody else was faster.
  must docker restart "$id-redis"
  outcome "$incident" SelfResolved
  same "restarts, of which none is Salve's" 1 "$(count_of "$since" "$id-redis" restart)"
}
case_ "an alert that is resolved while its incident waits for a person ends it, and nothing is done" resolved_while_waiting

salve_was_down() {
  redis_with_exporter
  alertmanager_receiver
  monitoring "$address"
  alert_policy
  eventually healthy redis
  kill_salve
  hang_redis
  # Alertmanager has met a closed door more than once.
  eventually notifications_failed 2
  heal_again
  await_incident redis
  outcome "$incident" AutoHealed
  same "incidents" 1 "$(incidents redis | grep -c .)"
}
notifications_failed() {
  local failed
  failed=$(curl -fs "http://127.0.0.1:$alertmanager_port/metrics" |
    awk '/^alertmanager_notification_requests_failed_total\{.*webhook/ { print $2 }')
  [ "${failed%.*}" -ge "$1" ]
}
case_ "Alertmanager tries again while Salve is down, and the alert is healed once it is back" salve_was_down

prometheus_probe() {
  redis_with_exporter
  receivers <<YAML
- {name: curl, kind: self-heal, authentication: {bearer: [{file: $dir/token}]}}
YAML
  monitoring "$address"
  eventually has_result 'redis_up{job="redis"}'
  policy redis <<YAML
  mode: Auto
  target: {docker: {container: $id-redis}}
  probes:
  - {name: up, prometheus: {url: "http://127.0.0.1:$prometheus_port", query: 'redis_up{job="redis"}', minimum: 1},
     periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 2, successThreshold: 1}
  # Over a range: it has answered at all in the last ten minutes.
  - {name: mostly, prometheus: {url: "http://127.0.0.1:$prometheus_port", query: 'redis_up{job="redis"}', minimum: 0.01,
     range: {seconds: 600, stepSeconds: 1, judge: Average}}, periodSeconds: 1, timeoutSeconds: 1}
  ladder:
  - {name: restart, action: {restart: {}}, timeoutSeconds: 60}
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 2, failureLimit: 100}
YAML
  eventually healthy redis
  hang_redis
  await_incident redis
  same "what opened it" "Probe up" "$(get "$incident" .spec.trigger.source) $(get "$incident" .spec.trigger.name)"
  says "$(get "$incident" .spec.trigger.message)" "is 0, below 1"
  outcome "$incident" AutoHealed
  eventually healthy redis
  # A range remembers what a moment does not: each point of it has to be good.
  policy memory <<YAML
  mode: Observe
  target: {docker: {container: $id-redis}}
  probes:
  - {name: always, prometheus: {url: "http://127.0.0.1:$prometheus_port", query: 'redis_up{job="redis"}', minimum: 1,
     range: {seconds: 900, stepSeconds: 1, judge: Every}}, periodSeconds: 1, timeoutSeconds: 1}
YAML
  eventually is False condition healingpolicy/memory TargetHealthy
  says "$(get healingpolicy/memory .status.targets[0].message)" "is 0, below 1"
  # Without the one that is asked nothing is known: neither health nor illness.
  stop_program prometheus
  eventually is Unknown condition healingpolicy/redis TargetHealthy
  same "incidents" 1 "$(incidents redis | grep -c .)"
}
has_result() {
  curl -fs --data-urlencode "query=$1" "http://127.0.0.1:$prometheus_port/api/v1/query" | jq -e '.data.result | length > 0'
}
case_ "a Prometheus query is a probe, and verifies; a Prometheus that is gone means not known" prometheus_probe
