# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Who watches Salve: its alerts and its dashboard on a real Prometheus, and TLS on the port that it watches.

readonly self_manifests=$SALVE_ROOT/manifests/monitoring

# self_certificate NAME: a fresh pair for 127.0.0.1, its own authority, as $dir/NAME.{crt,key}.
self_certificate() {
  must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$dir/$1.key" -out "$dir/$1.crt"
}

# self_install NAME: that pair becomes what Salve's files hold, the key first.
self_install() {
  cp "$dir/$1.key" "$dir/tls.key.new" && mv "$dir/tls.key.new" "$dir/tls.key"
  cp "$dir/$1.crt" "$dir/tls.crt.new" && mv "$dir/tls.crt.new" "$dir/tls.crt"
}

# self_start [ARGUMENT…]: Salve with TLS on $http_port, trusted by way of $dir/first.crt.
self_start() {
  "$salve" standalone --data-dir "$dir/data" --listen 127.0.0.1:0 --http-listen "127.0.0.1:$http_port" \
    --http-tls-cert-file "$dir/tls.crt" --http-tls-key-file "$dir/tls.key" "$@" >>"$dir/salve.log" 2>&1 &
  echo $! >"$dir/salve.pid"
  eventually self_ready
  export KUBECONFIG=$dir/data/kubeconfig
}
self_ready() { "$salve" healthz --url "https://127.0.0.1:$http_port/ready" --certificate-authority "$dir/first.crt"; }
self_secure() {
  http_port=$(free_port)
  self_certificate first
  self_install first
  self_start "$@"
}
self_get() { curl -fs --cacert "$dir/${2:-first}.crt" "https://127.0.0.1:$http_port$1"; }
self_metric() { self_get /metrics "${2:-first}" | sed -n "s/^$1 //p"; }

# self_prometheus RULES: scrapes Salve once a second, with those rules.
self_prometheus() {
  prometheus_port=$(free_port)
  cat >"$dir/prometheus.yaml" <<YAML
global: {scrape_interval: 1s, scrape_timeout: 900ms, evaluation_interval: 1s}
rule_files: [$1]
scrape_configs:
- job_name: salve
  honor_labels: true
  scheme: https
  tls_config: {ca_file: $dir/first.crt}
  static_configs: [{targets: ["127.0.0.1:$http_port"]}]
YAML
  program prometheus "$programs/prometheus" --config.file "$dir/prometheus.yaml" --storage.tsdb.path "$dir/tsdb" \
    --web.listen-address "127.0.0.1:$prometheus_port" --log.level warn
  eventually answers "http://127.0.0.1:$prometheus_port/-/ready"
}
prometheus_says() { curl -fs "http://127.0.0.1:$prometheus_port/api/v1/$1"; }
alert_fires() {
  prometheus_says alerts | jq -e --arg name "$1" \
    '.data.alerts[] | select(.labels.alertname == $name and .state == "firing")' >"$dir/alert"
}
alerts_now() { prometheus_says alerts | jq -r '.data.alerts[].labels.alertname'; }
alert_is_silent() { prometheus_says alerts | jq -e --arg name "$1" '[.data.alerts[] | select(.labels.alertname == $name)] == []'; }

# --- as code --------------------------------------------------------------------------------------------

rules_as_code() {
  local name missing=""
  cp "$self_manifests/rules.yaml" "$SALVE_ROOT/test/monitoring/rules_test.yaml" "$dir"
  must "$programs/promtool" check rules "$dir/rules.yaml"
  must "$programs/promtool" test rules "$dir/rules_test.yaml"
  while IFS= read -r name; do
    grep -q "name: $name fires" "$dir/rules_test.yaml" || missing+=" $name(fires)"
    [ "$name" = SalveWatchdog ] || grep -q "name: \"$name is silent" "$dir/rules_test.yaml" || missing+=" $name(silent)"
    grep -q "^### $name\$" "$SALVE_ROOT/docs/guides/monitoring.md" || missing+=" $name(guide)"
  done < <(sed -n 's/^  - alert: //p' "$dir/rules.yaml")
  same "alerts without a test or a runbook" "" "$missing"
}
case_ "each alert about Salve fires when it should, is silent when it should, and has a runbook" rules_as_code

# What the dashboard asks, with its variable as it is at first.
# shellcheck disable=SC2016  # the variable is Grafana's
dashboard_queries() {
  jq -r '.panels[].targets[]?.expr' "$self_manifests/dashboard.json" | sed 's/\$job/.*salve.*/g'
}

# self_life: what makes every series appear: a delivery, a message, an incident that is healed.
self_life() {
  echo "self-$RANDOM$RANDOM$RANDOM" >"$dir/token"
  cat >"$dir/salve.yaml" <<YAML
apiVersion: config.salve.dev/v1alpha1
kind: ControllerConfiguration
receivers: [{name: alertmanager, kind: alertmanager, authentication: {bearer: [{file: $dir/token}]}}]
sinks: [{name: nowhere, webhook: {url: "http://127.0.0.1:1/"}}]
YAML
  patient "$id-a"
  self_secure --config "$dir/salve.yaml"
  policy web <<YAML
  mode: Auto
  target: {docker: {container: $id-a}}
  ladder: [{name: restart, action: {restart: {}}}]
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
  notifications: [{sink: nowhere}]
YAML
  eventually healthy web
  same "a delivery" 202 "$(alert firing Nobodys | curl -s -o "$dir/answer" -w '%{http_code}' --cacert "$dir/first.crt" \
    -X POST "https://127.0.0.1:$http_port/api/v1/webhooks/alertmanager" -H "$(bearer)" \
    -H 'Content-Type: application/json' --data-binary @-)"
  make_ill "$id-a"
  await_incident web
  outcome "$incident" AutoHealed
}

dashboard_on_prometheus() {
  local query name known unknown=""
  self_life
  self_prometheus "$self_manifests/rules.yaml"
  eventually alert_fires SalveWatchdog
  prometheus_says rules | jq -r '.data.groups[].rules[].query' >"$dir/queries"
  same "rules that are loaded" "$(grep -c '^  - alert:' "$self_manifests/rules.yaml")" "$(wc -l <"$dir/queries")"
  dashboard_queries >>"$dir/queries"
  [ "$(wc -l <"$dir/queries")" -gt 50 ] || fail "the queries were not found"
  while IFS= read -r query; do
    same "what Prometheus says of $query" success \
      "$(curl -s --data-urlencode "query=$query" "http://127.0.0.1:$prometheus_port/api/v1/query" | jq -r '.status + (.error // "")' | sed 's/^error/error /')"
  done <"$dir/queries"
  known=$(self_get /metrics | sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p')
  while IFS= read -r name; do
    grep -qx "$name" <<<"$known" || unknown+=" $name"
  done < <(grep -oE '\b(salve|agent|workqueue|controller_runtime|leader_election|process)_[a-z_]+' "$dir/queries" |
    sed -E 's/_(bucket|sum|count)$//' | sort -u)
  same "metrics that are asked for and that nobody has" "" "$unknown"
  # The panels about now hold what is so, once that has been scraped.
  eventually is 0 query_value 'sum(max by (namespace, policy, phase) (salve_incidents_open)) or vector(0)'
  eventually is 1 query_value 'salve_policy_targets{namespace="default",policy="web",state="all"}'
  eventually is 1 query_value 'salve_incidents_closed_total{outcome="AutoHealed"}'
  eventually is 1 query_value 'max(salve_ready)'
}
query_value() {
  curl -fs --data-urlencode "query=$1" "http://127.0.0.1:$prometheus_port/api/v1/query" | jq -r '.data.result[0].value[1]'
}
case_ "what the rules and the dashboard ask is answered by a real Prometheus, and named as Salve names it" dashboard_on_prometheus

# --- for real -------------------------------------------------------------------------------------------

alerts_for_real() {
  # The waiting times of the alerts are not what is tried here.
  sed 's/^    for: .*/    for: 1s/' "$self_manifests/rules.yaml" >"$dir/rules.yaml"
  container "$id-a" --network none --health-cmd 'test ! -e /tmp/ill' --health-interval 500ms --health-retries 1 \
    --health-timeout 60s salve-test/tiny:1 sh -c 'trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done'
  eventually health_is healthy "$id-a"
  self_secure
  self_prometheus "$dir/rules.yaml"
  policy web <<YAML
  mode: Auto
  target: {docker: {container: $id-a}}
  ladder: [{name: restart, action: {restart: {}}}]
  guardrails: {breaker: {consecutiveFailures: 1}}
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 5, consecutiveSuccesses: 2}
YAML
  eventually healthy web
  eventually alert_fires SalveWatchdog
  eventually alert_is_silent SalveHeartbeatMissing
  eventually is SalveWatchdog alerts_now # and nothing else, of a Salve that is well
  # It stays ill through a restart: the attempt fails, and the breaker opens.
  make_ill "$id-a"
  eventually is True condition healingpolicy/web BreakerOpen
  eventually alert_fires SalveBreakerOpen
  same "whose" "default/web" "$(jq -r '.labels.namespace + "/" + .labels.policy' "$dir/alert")"
  says "$(jq -r .annotations.summary "$dir/alert")" "The breaker of the policy default/web is open"
  eventually alert_fires SalveIncidentNeedsAPerson
  kill_salve
  eventually alert_fires SalveDown
  eventually alert_fires SalveHeartbeatMissing
  eventually alert_is_silent SalveBreakerOpen
  self_start
  eventually alert_is_silent SalveDown
  eventually alert_is_silent SalveHeartbeatMissing
  eventually alert_fires SalveBreakerOpen
}
case_ "an open breaker, an incident that needs a person and a Salve that was killed are alerted, and the end of it too" alerts_for_real

# --- TLS ------------------------------------------------------------------------------------------------

# self_handshake OPTION…: what version openssl and Salve agree on; nothing without a handshake.
self_handshake() {
  openssl s_client -connect "127.0.0.1:$http_port" -CAfile "$dir/first.crt" -verify_return_error "$@" </dev/null 2>"$dir/handshake" |
    sed -n 's/^New, \(TLSv[0-9.]*\), Cipher is .*/\1/p' | head -n 1
}
self_subject() {
  openssl s_client -connect "127.0.0.1:$http_port" </dev/null 2>/dev/null | openssl x509 -noout -subject | sed 's/.*CN = *//'
}

tls_versions() {
  self_secure
  same "1.3" TLSv1.3 "$(self_handshake -tls1_3)"
  same "1.2" TLSv1.2 "$(self_handshake -tls1_2)"
  # A client that would.
  same "1.1" "" "$(self_handshake -tls1_1 -cipher 'DEFAULT@SECLEVEL=0')"
  same "1.0" "" "$(self_handshake -tls1 -cipher 'DEFAULT@SECLEVEL=0')"
  says "$(cat "$dir/handshake")" "alert protocol version"
  says "$(curl -s -o "$dir/answer" -w '%{http_code} %{errormsg}' "http://127.0.0.1:$http_port/health" || true)" 000
  says "$(self_get /health)" healthy
  ! curl -fs "https://127.0.0.1:$http_port/health" 2>/dev/null || fail "a client without the authority was satisfied"
  says "$("$salve" signals --certificate-authority "$dir/first.crt" 2>&1)" "No alert has come in"
  says "$("$salve" healthz --url "https://127.0.0.1:$http_port/health" 2>&1 || true)" "certificate"
}
case_ "the HTTP port speaks TLS 1.2 and 1.3, nothing older and nothing plain" tls_versions

# self_ask PATH: one request on the connection that is open on descriptor 7.
self_ask() { printf 'GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n' "$1" >&7; }
kept_answers() { [ "$(grep -c '"status":"healthy"' "$dir/kept")" -ge "$1" ]; }

tls_reload() {
  self_secure
  self_certificate second
  same "in force" first "$(self_subject)"
  # A connection from before, on which there is more to ask afterwards.
  mkfifo "$dir/pipe"
  openssl s_client -quiet -connect "127.0.0.1:$http_port" <"$dir/pipe" >"$dir/kept" 2>/dev/null &
  echo $! >"$dir/kept.pid"
  exec 7>"$dir/pipe"
  self_ask /health
  eventually kept_answers 1
  self_install second
  eventually is second self_subject
  eventually is 1 self_metric 'salve_tls_certificate_reloads_total{result="success"}' second
  self_ask /health
  eventually kept_answers 2
  exec 7>&-
  # A key that belongs to another certificate: the old pair stays, and it is said.
  cp "$dir/first.key" "$dir/tls.key"
  eventually is 0 self_metric salve_tls_certificate_valid second
  same "refused" 1 "$(self_metric 'salve_tls_certificate_reloads_total{result="failure"}' second)"
  same "in force" second "$(self_subject)"
  eventually grep -qF "the new certificate is refused, the old one stays" "$dir/salve.log"
  says "$(cat "$dir/salve.log")" "the private key does not belong to the certificate" "$dir/tls.key"
  rm "$dir/tls.crt"
  eventually is 2 self_metric 'salve_tls_certificate_reloads_total{result="failure"}' second
  self_install first
  eventually is 1 self_metric salve_tls_certificate_valid
  same "in force" first "$(self_subject)"
  # Another end of its life is seen at once.
  eventually is "$(date -d "$(openssl x509 -in "$dir/first.crt" -noout -enddate | sed 's/notAfter=//')" +%s)" self_end_of_life
}
self_end_of_life() { self_metric salve_tls_certificate_not_after_timestamp_seconds | awk '{ printf "%d", $1 }'; }
case_ "a new certificate is taken over without a restart and drops nobody; one that does not work is not" tls_reload

# self_refused STATUS TEXT… -- ARGUMENT…: does not start, and says why.
self_refused() {
  local wanted=() said status=0
  while [ "$1" != -- ]; do wanted+=("$1") && shift; done
  shift
  said=$(timeout 240 "$salve" standalone --data-dir "$dir/refused" --listen 127.0.0.1:0 --http-listen 127.0.0.1:0 "$@" 2>&1 >/dev/null) ||
    status=$?
  same "exit status with $*" 2 "$status"
  says "$said" "${wanted[@]}"
}
tls_refused() {
  self_certificate first
  self_certificate second
  openssl ec -in "$dir/first.key" -aes128 -passout pass:secret -out "$dir/locked.key" 2>/dev/null
  self_refused "--http-tls-cert-file needs --http-tls-key-file" -- --http-tls-cert-file "$dir/first.crt"
  self_refused "--http-tls-cert-file" "$dir/nothing.crt" "No such file" -- \
    --http-tls-cert-file "$dir/nothing.crt" --http-tls-key-file "$dir/first.key"
  self_refused "$dir/second.key" "the private key does not belong to the certificate" -- \
    --http-tls-cert-file "$dir/first.crt" --http-tls-key-file "$dir/second.key"
  self_refused "$dir/first.key" "the certificate chain is not usable PEM" -- \
    --http-tls-cert-file "$dir/first.key" --http-tls-key-file "$dir/first.key"
  # Nobody is there to be asked for its password.
  self_refused "$dir/locked.key" "the private key is not usable PEM" -- \
    --http-tls-cert-file "$dir/first.crt" --http-tls-key-file "$dir/locked.key"
}
case_ "TLS that cannot work ends the start with the file and the reason" tls_refused

half_handshakes() {
  local kind slowest
  self_secure
  for kind in silent started trickle; do
    "$SALVE_ROOT/test/monitoring/half_handshakes.py" --address "127.0.0.1:$http_port" --connections 300 --kind $kind \
      >"$dir/half" 2>&1 &
    echo $! >"$dir/half.pid"
    eventually grep -q opened "$dir/half"
    # Somebody else is served meanwhile, with a handshake for each request.
    slowest=$(for _ in $(seq 50); do
      curl -fs -o /dev/null -w '%{time_total}\n' --cacert "$dir/first.crt" "https://127.0.0.1:$http_port/health" || echo 99
    done | sort -n | tail -n 1)
    awk -v t="$slowest" 'BEGIN { exit !(t < 8) }' || fail "$kind: the slowest of 50 healthy requests took $slowest s"
    eventually process_gone "$(cat "$dir/half.pid")"
    rm "$dir/half.pid"
    # 256 of one address are let in, before any handshake, and none of them for longer than 10 s.
    says "$(cat "$dir/half")" "turned away 44, cut 256"
    awk '/^turned/ { exit !($7 >= 9 && $7 < 30) }' "$dir/half" || fail "$kind: $(tail -n 1 "$dir/half")"
  done
}
case_ "handshakes that are never finished are counted for their address, cut in time, and hold nobody up" half_handshakes
