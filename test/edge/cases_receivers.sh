# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# All that can be wrong about a delivery, for each kind of receiver: deliveries.py says what.
# shellcheck source=test/aws/sns_here.sh
. "$SALVE_ROOT/test/aws/sns_here.sh"

# edge_listens NAME…: policies that take whatever alert comes to that receiver, and only look on.
edge_listens() {
  local name
  for name in "$@"; do
    policy "$name" <<YAML
  mode: Observe
  target: {docker: {container: $id-tiny}}
  triggers:
  - {name: any, alert: {receiver: $name, matchers: ['alertname=~".+"']}}
  ladder:
  - {name: restart, action: {restart: {}}}
YAML
    eventually healthy "$name"
  done
}

# edge_receiver KIND AUTHENTICATION: it, and one like it with a small plan.
edge_receiver() {
  printf -- '- {name: %s, kind: %s, %s, burst: 100000}\n' "$1" "$1" "$2"
  printf -- '- {name: few-%s, kind: %s, %s, burst: 2, requestsPerHour: 1}\n' "$1" "$1" "$2"
}
# edge_signals KIND FILTER: what jq makes of each signal of its policies.
edge_signals() {
  k get healingpolicies -o json |
    jq -r --arg a "$1" ".items[] | select(.metadata.name == \$a or .metadata.name == \"few-\" + \$a) | .status.signals[]? | $2" | sort
}

# edge_matrix KIND SECRET OCCURRENCES: the deliveries, and what is known afterwards; a repeat counts that often.
edge_matrix() {
  "$here/deliveries.py" --address "$address" --kind "$1" --receiver "$1" --secret "$2" --few "few-$1" --log "$dir/salve.log" \
    >"$dir/known-$1" 2>"$dir/said-$1" || fail "$(cat "$dir/said-$1")"
  cat "$dir/said-$1"
  # Nothing of what was refused, and of what was accepted nothing twice.
  same "the alerts that are known of $1" "$(cat "$dir/known-$1")" "$(edge_signals "$1" '.labels.workflow // .labels.alertname')"
  same "those of them that do not fire" "" "$(edge_signals "$1" 'select(.state != "Firing") | .labels.alertname')"
  same "how often one counts that came three times" "$3" "$(edge_signals "$1" 'select([.labels[]] | index("replayed")) | .occurrences')"
}

every_kind() {
  tiny
  printf 'whsec_%s\n' "$(head -c 24 /dev/urandom | base64)" >"$dir/whsec"
  openssl rand -hex 24 >"$dir/plain"
  openssl rand -hex 24 >"$dir/token"
  local kind
  {
    edge_receiver alertmanager "authentication: {bearer: [{file: $dir/token}]}"
    edge_receiver self-heal "authentication: {hmac: [{file: $dir/whsec}]}"
    for kind in logfire github sentry; do edge_receiver $kind "authentication: {hmac: [{file: $dir/plain}]}"; done
  } >"$dir/list"
  receivers <"$dir/list"
  for kind in alertmanager self-heal logfire github sentry; do edge_listens $kind few-$kind; done
  local before
  before=$(resident)
  edge_matrix alertmanager "$(cat "$dir/token")" 1
  edge_matrix self-heal "$(cat "$dir/whsec")" 1
  edge_matrix logfire "$(cat "$dir/plain")" 1
  edge_matrix github "$(cat "$dir/plain")" 1
  edge_matrix sentry "$(cat "$dir/plain")" 1
  echo "resident: $before kB before, $(resident) kB after"
  # Ten bodies of 100 MB, and as many that unpack to 50 MB: had one been kept it would be seen.
  [ $(($(resident) - before)) -le 40960 ] || fail "memory grew from $before kB to $(resident) kB"
  says "$(curl -fs "http://$address/metrics")" 'salve_signals_received_total{receiver="github",result="malformed"}' \
    'salve_signals_received_total{receiver="few-sentry",result="limited"} 1' \
    'salve_signals_received_total{receiver="logfire",result="repeated"} 2'
}
case_ "for each kind of receiver, what is wrong about a delivery is refused for what it is, logged without secrets, and leaves nothing" every_kind

kind_sns() {
  tiny
  sns_here
  edge_receiver sns 'topicARNs: ["arn:aws:sns:eu-central-1:123456789012:alarms"]' >"$dir/list"
  export SSL_CERT_FILE=$dir/sns/ca.pem
  receivers <"$dir/list"
  edge_listens sns few-sns
  edge_matrix sns "$dir/sns" 1
  same "what was asked of Amazon" "/SimpleNotificationService-0123456789abcdef.pem" "$(cat "$dir/sns/asked")"
}
case_ "the same of messages that Amazon SNS signs; its certificate is fetched once" kind_sns
