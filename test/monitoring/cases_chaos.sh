# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Chaos Toolkit breaks what Prometheus watches; nobody tells Salve but Alertmanager. The experiments are in chaos/.

# chaos_redis NAME: a Redis below a process that stays when it dies, and forgets everything at a restart.
chaos_redis() {
  local port
  port=$(free_port)
  # shellcheck disable=SC2016  # of the container's shell
  container "$1" --network host --stop-timeout 1 --label "chaos=$id" --env "PORT=$port" --entrypoint sh salve-test/redis:7 -c '
    trap "exit 0" TERM
    redis-server --bind 127.0.0.1 --port "$PORT" --save "" --enable-debug-command yes & echo $! >/tmp/server.pid
    while :; do sleep 3600 & wait $!; done'
  [ -n "${exporter_port:-}" ] || exporter "$port"
  watched+=$(watched_redis "$1" "$port")$'\n'
}

# chaos_policy: restarts whichever of them an alert names.
chaos_policy() {
  policy ward <<YAML
  mode: Auto
  target: {docker: {labels: {chaos: $id}}}
  triggers:
  - name: redis-down
    alert: {receiver: alertmanager, matchers: ['alertname="RedisDown"', 'severity="critical"'], targetLabel: container}
  ladder:
  - {name: restart, action: {restart: {}}, timeoutSeconds: 60}
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 2}
  guardrails: {maxUnhealthy: "100%", maxActions: {count: 100, windowSeconds: 3600}, cooldownSeconds: 0, maxConcurrent: 50}
YAML
  eventually healthy ward
}

# experiment NAME: runs it over the containers "$@"; it ends when all of them answer and no alert is left.
experiment() {
  local name=$1
  shift
  CHAOS_CONTAINERS="$*" CHAOS_PROMETHEUS=127.0.0.1:$prometheus_port CHAOS_ALERTMANAGER=127.0.0.1:$alertmanager_port \
    CHAOS_PATIENCE=$patience PATH=$here/chaos:$PATH HOME=$dir \
    "$chaos" --no-version-check --log-file "$dir/chaos.log" run --journal-path "$dir/journal.json" "$here/chaos/$name.json" \
    >"$dir/chaos.out" 2>&1 || fail "the experiment failed: $(tail -n 30 "$dir/chaos.out")"
  same "how the experiment ended" "completed false" "$(jq -r '"\(.status) \(.deviated)"' "$dir/journal.json")"
  same "what went wrong in it" "" "$(jq -r '.run[] | select(.status != "succeeded" or .output.status != 0) | .activity.name, .output' "$dir/journal.json")"
}

# chaos_chain EXPERIMENT COUNT: from the fault, by all programs, to the end of the alert.
chaos_chain() {
  local names=() name since
  chaos=$("$here/chaos/toolkit") || skip "there is no Chaos Toolkit"
  watched=
  for name in $(seq "$2"); do
    chaos_redis "$id-redis-$name"
    names+=("$id-redis-$name")
  done
  alertmanager_receiver
  monitoring "$address" alertname
  chaos_policy
  since=$(mark) || fail "the engine's events stay away"
  experiment "$1" "${names[@]}"
  eventually is "$2" resolved_incidents
  same "their ends" "AutoHealed" "$(k get incidents -o 'jsonpath={range .items[*]}{.status.outcome}{"\n"}{end}' | sort -u)"
  same "what opened them" "Alert redis-down" \
    "$(k get incidents -o 'jsonpath={range .items[*]}{.spec.trigger.source} {.spec.trigger.name}{"\n"}{end}' | sort -u)"
  for name in "${names[@]}"; do same "restarts of $name" 1 "$(count_of "$since" "$name" restart)"; done
  same "incidents" "$2" "$(k get incidents -o name | grep -c .)"
  eventually is Cleared signal_states
}
resolved_incidents() { k get incidents -o 'jsonpath={range .items[*]}{.status.phase}{"\n"}{end}' | grep -c '^Resolved$'; }
signal_states() { k get healingpolicy/ward -o 'jsonpath={range .status.signals[*]}{.state}{"\n"}{end}' | sort -u; }

chaos_kill() { chaos_chain kill 1; }
case_ "a Redis that Chaos Toolkit kills in its container is restarted by way of Prometheus and Alertmanager" chaos_kill

chaos_starve() { chaos_chain starve 1; }
case_ "a Redis that Chaos Toolkit starves of memory is restarted by way of Prometheus and Alertmanager" chaos_starve

chaos_freeze() {
  chaos_chain freeze 10
  # Each told both ends.
  [ "$(curl -fs "http://$address/metrics" | sed -n 's/^salve_alerts_total{matched="true",receiver="alertmanager"} //p')" -ge 20 ] ||
    fail "fewer than twenty alerts came: $(curl -fs "http://$address/metrics" | grep ^salve_alerts_total)"
}
case_alone "ten alerts of ten Redis that stop to answer at once are ten incidents, each healed by one restart" chaos_freeze
