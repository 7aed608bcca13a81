# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# The monitoring programs of a case, beside test/e2e/lib.sh: each runs in the background with its files in
# $dir and its process id in $dir/NAME.pid. $programs is the directory that hack/monitoring printed.

# program NAME COMMAND…: starts it.
program() {
  local name=$1
  shift
  "$@" >"$dir/$name.log" 2>&1 &
  echo $! >"$dir/$name.pid"
}

# stop_program NAME
stop_program() {
  local pid
  pid=$(cat "$dir/$1.pid" 2>/dev/null) || return 0
  kill -KILL "$pid" 2>/dev/null || true
  wait_until 15 process_gone "$pid" || true
  rm -f "$dir/$1.pid"
}
stop_programs() {
  local name
  for name in prometheus alertmanager exporter; do stop_program "$name"; done
}

answers() { curl -fs -o /dev/null "$1"; }

# redis_with_exporter: a Redis that can be made to hang, and its exporter.
redis_with_exporter() {
  port=$(free_port)
  container "$id-redis" --network host --stop-timeout 1 salve-test/redis:7 redis-server --bind 127.0.0.1 \
    --port "$port" --save "" --enable-debug-command yes
  exporter_port=$(free_port)
  program exporter "$programs/prometheus-redis-exporter" -redis.addr "redis://127.0.0.1:$port" \
    -web.listen-address "127.0.0.1:$exporter_port" -connection-timeout 300ms
  eventually redis_is_up 1
}
redis_is_up() { curl -fs "http://127.0.0.1:$exporter_port/metrics" | grep -q "^redis_up $1\$"; }

# hang_redis: it accepts connections and answers nobody; only a restart helps. Docker sees nothing of it.
hang_redis() {
  docker exec --detach "$id-redis" redis-cli -p "$port" debug sleep 3600 || fail "Redis cannot be made to hang"
}

# monitoring: Prometheus, which watches the exporter, and Alertmanager, which posts to Salve's $address with
# the token in $dir/token.
monitoring() {
  local address=$1
  prometheus_port=$(free_port)
  alertmanager_port=$(free_port)
  cat >"$dir/rules.yaml" <<YAML
groups:
- name: redis
  rules:
  - alert: RedisDown
    expr: redis_up{job="redis"} == 0 or up{job="redis"} == 0
    for: 2s
    labels: {severity: critical, container: $id-redis}
    annotations: {summary: "Redis does not answer its exporter"}
YAML
  cat >"$dir/prometheus.yaml" <<YAML
global: {scrape_interval: 1s, scrape_timeout: 900ms, evaluation_interval: 1s}
rule_files: [$dir/rules.yaml]
alerting: {alertmanagers: [{static_configs: [{targets: ["127.0.0.1:$alertmanager_port"]}]}]}
scrape_configs:
- {job_name: redis, static_configs: [{targets: ["127.0.0.1:$exporter_port"]}]}
YAML
  cat >"$dir/alertmanager.yaml" <<YAML
route: {receiver: salve, group_by: [alertname, container], group_wait: 1s, group_interval: 2s, repeat_interval: 5m}
receivers:
- name: salve
  webhook_configs:
  - url: http://$address/api/v1/webhooks/alertmanager
    send_resolved: true
    http_config: {authorization: {type: Bearer, credentials_file: $dir/token}}
YAML
  program alertmanager "$programs/prometheus-alertmanager" --config.file "$dir/alertmanager.yaml" \
    --storage.path "$dir/am" --web.listen-address "127.0.0.1:$alertmanager_port" --cluster.listen-address= \
    --log.level debug
  program prometheus "$programs/prometheus" --config.file "$dir/prometheus.yaml" \
    --storage.tsdb.path "$dir/tsdb" --web.listen-address "127.0.0.1:$prometheus_port" \
    --rules.alert.resend-delay 2s --log.level warn
  eventually answers "http://127.0.0.1:$alertmanager_port/-/ready"
  eventually answers "http://127.0.0.1:$prometheus_port/-/ready"
}

# receivers <<EOF…: starts Salve with these receivers and a token for them.
receivers() {
  [ -s "$dir/token" ] || echo "monitoring-$RANDOM$RANDOM$RANDOM" >"$dir/token"
  {
    printf 'apiVersion: config.salve.dev/v1alpha1\nkind: ControllerConfiguration\nreceivers:\n'
    cat
  } >"$dir/salve.yaml"
  heal --config "$dir/salve.yaml"
  address=$(cat "$dir/data/http-address")
}

# heal_again: the same one after its end, at the same address.
heal_again() {
  export SALVE_START_SECONDS=$patience
  start_salve_at "$address"
}
start_salve_at() {
  "$salve" standalone --data-dir "$dir/data" --listen 127.0.0.1:0 --http-listen "$1" --config "$dir/salve.yaml" \
    >>"$dir/salve.log" 2>&1 &
  echo $! >"$dir/salve.pid"
  eventually salve_ready "$salve" "$dir"
}

# post NAME [CURL-ARGUMENT…]: a delivery whose body is the standard input; prints the status, leaves the answer
# in $dir/answer.
post() {
  local name=$1
  shift
  curl -s -o "$dir/answer" -w '%{http_code}' -X POST "http://$address/api/v1/webhooks/$name" \
    -H "Content-Type: ${media:-application/json}" --data-binary @- "$@"
}
bearer() { printf 'Authorization: Bearer %s' "$(cat "$dir/token")"; }

# alert firing|resolved NAME [STARTS [ENDS]]: as Alertmanager posts it.
alert() {
  local starts=${3:-$(date -u +%Y-%m-%dT%H:%M:%SZ)} ends=${4:-0001-01-01T00:00:00Z}
  printf '{"version":"4","status":"%s","receiver":"salve","truncatedAlerts":0,"alerts":[{"status":"%s","labels":{"alertname":"%s"},"annotations":{"summary":"%s"},"startsAt":"%s","endsAt":"%s"}]}' \
    "$1" "$1" "$2" "$2 is so" "$starts" "$ends"
}

signal_state() { get "healingpolicy/$1" '.status.signals[0].state'; }
