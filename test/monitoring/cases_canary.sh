# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# The canary as it is installed (manifests/canary), with a period of seconds: healed again and again, missed
# when Salve cannot heal it, and not missed when Salve may not.

readonly canary_files=$SALVE_ROOT/manifests/canary
readonly canary_period=8 # seconds

# canary_install: the container and the policy of the manifests, told apart from those of other cases.
canary_install() {
  canary_port=$(free_port)
  must env "CANARY_NAME=$id-canary" "CANARY_LISTEN=127.0.0.1:$canary_port" CANARY_IMAGE=salve-test/tiny:1 \
    "CANARY_PERIOD_SECONDS=$canary_period" "$canary_files/docker/run" --label "$suite_label"
  sed -e "s/container: salve-canary/container: $id-canary/" -e "s/127.0.0.1:18099/127.0.0.1:$canary_port/" \
    -e "s/canary-period-seconds: \"300\"/canary-period-seconds: \"$canary_period\"/" \
    -e 's/periodSeconds: 5/periodSeconds: 2/' -e 's/count: 20/count: 500/' "$canary_files/docker/policy.yaml" >"$dir/canary.yaml"
  must k apply -f "$dir/canary.yaml"
}

canary_prometheus_knows() { [ "$(query_value 'max(salve_canary_last_success_timestamp_seconds)')" -gt 0 ]; }
canary_healed() { [ "$(canary_ended AutoHealed)" -ge "$1" ]; }
canary_ended() { self_metric "salve_canary_incidents_total{outcome=\"$1\"}"; }
# canary_says FIGURE: that time in seconds, as Salve has it now. canary_knows FIGURE TIME: no earlier than that.
canary_says() { self_metric "salve_canary_$1_timestamp_seconds{namespace=\"default\",policy=\"salve-canary\"}"; }
canary_knows() { [ "$(canary_says "$1")" -ge "$2" ]; }
# canary_real: what is counted of everything that is no canary.
canary_real() {
  self_get /metrics |
    grep -E '^(agent_(alerts_received_total|remediations_[a-z]+_total|decision_confidence_count)|salve_(policies|policy_.*|incidents_(open|closed_total)|incident_stage_duration_seconds_count))[ {]' |
    awk '$NF != 0'
}
# canary_overdue: by its last healing, whatever is expected of it.
canary_overdue() {
  [ "$(query_value "time() - max(salve_canary_last_success_timestamp_seconds) > bool $((3 * canary_period + 5))")" = 1 ]
}
canary_blocked_by() {
  local newest
  newest=$(incidents salve-canary | tail -n 1)
  [ -n "$newest" ] && gate_says "$newest" "$1" "Block $2"
}

canary_life() {
  local before
  # The rule's minute of grace is not what is tried here, its two periods are.
  sed -e 's/^    for: .*/    for: 1s/' -e 's/(salve_canary_period_seconds) + 60/(salve_canary_period_seconds) + 5/' \
    "$self_manifests/rules.yaml" >"$dir/rules.yaml"
  grep -q 'period_seconds) + 5' "$dir/rules.yaml" || fail "the rule is another one than is tried here"
  self_secure
  self_prometheus "$dir/rules.yaml"
  canary_install
  # Healed three times in a row, by the real action, and seen among the canaries alone.
  eventually canary_healed 3
  same "how often it was healed, and what else was" "" "$(canary_real)"
  same "ends that are no healing" 0 "$(canary_ended Escalated)"
  eventually canary_prometheus_knows
  # Another process knows of it what the one before knew.
  before=$(canary_says last_success)
  kill_salve
  self_start
  eventually canary_knows last_success "$before"
  eventually canary_healed 1
  eventually alert_is_silent SalveCanaryFailing

  # A guardrail takes the only action away: everything turns, and nothing is healed.
  cat >"$dir/guardrail.yaml" <<YAML
apiVersion: salve.dev/v1alpha1
kind: HealingGuardrail
metadata: {name: no-restarts}
spec: {protectedTargets: ["docker/$id-canary"]}
YAML
  must k apply -f "$dir/guardrail.yaml"
  eventually alert_fires SalveCanaryFailing
  same "whose" "default/salve-canary" "$(jq -r '.labels.namespace + "/" + .labels.policy' "$dir/alert")"
  says "$(jq -r .annotations.summary "$dir/alert")" "The canary default/salve-canary has not been healed for"
  remove healingguardrail/no-restarts
  eventually alert_is_silent SalveCanaryFailing

  # A pause is neither success nor failure, however long it lasts, and what it held back is not missed after it.
  must k patch healingpolicy salve-canary --type merge -p '{"spec":{"pauses":[{"name":"tried","reason":"a case"}]}}'
  eventually canary_blocked_by Paused PausedByPolicy
  eventually canary_overdue
  alert_is_silent SalveCanaryFailing || fail "the alert fires although Salve is paused"
  same "since when a healing is awaited while it is paused" "" "$(canary_says awaited_since)"
  before=$(date +%s)
  must k patch healingpolicy salve-canary --type merge -p '{"spec":{"pauses":[]}}'
  eventually canary_knows awaited_since "$before"
  before=$(canary_ended AutoHealed)
  eventually canary_healed $((before + 1))
  eventually alert_is_silent SalveCanaryFailing
}
case_ "a canary is healed again and again, missed where Salve cannot heal it, and not where it is paused" canary_life
