# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# The monitoring programs of a case, beside test/e2e/lib.sh and test/edge/lib.sh: each runs in the background with
# its files in $dir and its process id in $dir/NAME.pid. $programs is the directory that hack/monitoring printed.

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
  wait_until 120 process_gone "$pid" || true
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
  exporter "$port"
  watched=$(watched_redis "$id-redis" "$port")
  eventually redis_is_up 1
}
redis_is_up() { curl -fs "http://127.0.0.1:$exporter_port/metrics" | grep -q "^redis_up $1\$"; }

# exporter PORT: of the Redis there, and of any other that it is asked about.
exporter() {
  exporter_port=$(free_port)
  program exporter "$programs/prometheus-redis-exporter" -redis.addr "redis://127.0.0.1:$1" \
    -web.listen-address "127.0.0.1:$exporter_port" -connection-timeout 300ms
}
# watched_redis CONTAINER PORT: as Prometheus scrapes it; a list of them belongs in $watched.
watched_redis() {
  printf -- '  - {targets: ["127.0.0.1:%s"], labels: {container: %s, __param_target: "redis://127.0.0.1:%s"}}\n' \
    "$exporter_port" "$1" "$2"
}

# hang_redis: it accepts connections and answers nobody; only a restart helps. Docker sees nothing of it.
hang_redis() {
  docker exec --detach "$id-redis" redis-cli -p "$port" debug sleep 3600 || fail "Redis cannot be made to hang"
}

# monitoring ADDRESS [GROUP_BY]: Prometheus, which asks the exporter about those in $watched, and Alertmanager, which
# posts to Salve's ADDRESS with the token in $dir/token, all alerts of a group at once.
monitoring() {
  local address=$1 group_by=${2:-alertname, container}
  prometheus_port=$(free_port)
  alertmanager_port=$(free_port)
  cat >"$dir/rules.yaml" <<YAML
groups:
- name: redis
  rules:
  - alert: RedisDown
    expr: redis_up{job="redis"} == 0 or up{job="redis"} == 0
    for: 2s
    labels: {severity: critical}
    annotations: {summary: "Redis does not answer its exporter"}
YAML
  cat >"$dir/prometheus.yaml" <<YAML
global: {scrape_interval: 1s, scrape_timeout: 900ms, evaluation_interval: 1s}
rule_files: [$dir/rules.yaml]
alerting: {alertmanagers: [{static_configs: [{targets: ["127.0.0.1:$alertmanager_port"]}]}]}
scrape_configs:
- job_name: redis
  metrics_path: /scrape
  static_configs:
$watched
YAML
  cat >"$dir/alertmanager.yaml" <<YAML
route: {receiver: salve, group_by: [$group_by], group_wait: 1s, group_interval: 2s, repeat_interval: 5m}
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
