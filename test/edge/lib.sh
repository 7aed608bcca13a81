# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# A Salve that takes alerts, and what its senders do, beside test/e2e/lib.sh. The suite monitoring uses it, too.

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

# resident: kB of memory that Salve holds now.
resident() { awk '/^VmRSS/ { print $2 }' "/proc/$(cat "$dir/salve.pid")/status"; }
