# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What senders post, right and wrong, to the real binary.

# listening NAME ALERT: a policy that only looks on.
listening() {
  policy "$1" <<YAML
  mode: ${3:-Observe}
  target: {docker: {container: $id-tiny}}
  triggers:
  - {name: alarm, alert: {matchers: ['alertname="$2"']}}
  ladder:
  - {name: restart, action: {restart: {}}}
YAML
}
tiny() { container "$id-tiny" --network none salve-test/tiny:1 sleep 1000000; }
alertmanager_and_curl() {
  printf 'whsec_%s\n' "$(head -c 24 /dev/urandom | base64)" >"$dir/key"
  receivers <<YAML
- {name: am, kind: alertmanager, authentication: {bearer: [{file: $dir/token}]}}
- {name: shop, kind: alertmanager, authentication: {bearer: [{file: $dir/token}]}, allowedNamespaces: [shop]}
- {name: curl, kind: self-heal, authentication: {hmac: [{file: $dir/key}]}}
- {name: few, kind: logfire, authentication: {bearer: [{file: $dir/token}]}, burst: 2, requestsPerHour: 1}
YAML
}

bad_deliveries() {
  tiny
  alertmanager_and_curl
  listening redis RedisDown
  eventually healthy redis
  same "nobody" 401 "$(alert firing RedisDown | post am)"
  same "a wrong token" 403 "$(alert firing RedisDown | post am -H 'Authorization: Bearer wrong')"
  same "a page" 415 "$(alert firing RedisDown | media=text/html post am -H "$(bearer)")"
  same "something packed" 415 "$(alert firing RedisDown | gzip | post am -H "$(bearer)" -H 'Content-Encoding: gzip')"
  same "a truncated one" 400 "$(alert firing RedisDown | head -c 60 | post am -H "$(bearer)")"
  same "another shape" 400 "$(echo '{"alerts": [{"labels": 3}]}' | post am -H "$(bearer)")"
  says "$(cat "$dir/answer")" '.alerts[0]'
  same "a deep one" 400 "$(head -c 200000 /dev/zero | tr '\0' '[' | post am -H "$(bearer)")"
  same "the same key twice" 400 "$(echo '{"alerts": [], "alerts": []}' | post am -H "$(bearer)")"
  same "no UTF-8" 400 "$(printf '{"a": "\xff"}' | post am -H "$(bearer)")"
  same "100 MB" 413 "$(head -c 100000000 /dev/zero | post am -H "$(bearer)" -H 'Expect:' || true)"
  same "nobody's receiver" 404 "$(alert firing RedisDown | post nobody -H "$(bearer)")"
  same "a signature that is none" 403 \
    "$(echo '{}' | post curl -H 'webhook-id: 1' -H "webhook-timestamp: $(date +%s)" -H 'webhook-signature: v1,AAAA')"
  same "one" 202 "$(echo '{"name": "x"}' | post few -H "$(bearer)")"
  same "two" 202 "$(echo '{"name": "x"}' | post few -H "$(bearer)")"
  same "too many" 429 "$(echo '{"name": "x"}' | post few -H "$(bearer)" -D "$dir/head")"
  says "$(tr -d '\r' <"$dir/head")" Retry-After: 'X-RateLimit-Remaining: 0'
  same "what policies have of all that" "" "$(get healingpolicy/redis .status.signals)"
  same "one that is right, with fields that nobody knows" 202 \
    "$(alert firing RedisDown | sed 's/^{/{"new":[1],/' | post am -H "$(bearer)")"
  same "what the policy has" Firing "$(signal_state redis)"
  ! grep -q -e "$(cat "$dir/token")" -e 'Bearer wrong' "$dir/salve.log" || fail "a secret is in the log"
}
case_ "a delivery that is not as it must be is refused for what it is, and leaves nothing behind" bad_deliveries

labels_and_secrets() {
  tiny
  alertmanager_and_curl
  listening redis RedisDown
  eventually healthy redis
  python3 - >"$dir/labels.json" <<'PY'
import json
labels = {"alertname": "RedisDown", **{f"l{i}": "x" * 20 for i in range(10000)}}
print(json.dumps({"version": "4", "alerts": [{"status": "firing", "labels": labels, "annotations": {}, "startsAt": "2026-01-01T00:00:00Z"}]}))
PY
  same "10,000 labels" 202 "$(post am -H "$(bearer)" <"$dir/labels.json")"
  same "the receiver, among the labels that are kept" am "$(get healingpolicy/redis '.status.signals[0].labels.__receiver__')"
  # The next secret counts as soon as it is in its file; the process is the same.
  echo "rotated-token-1" >"$dir/token.new"
  local old
  old=$(bearer)
  mv "$dir/token.new" "$dir/token"
  same "the old token" 403 "$(alert firing RedisDown | post am -H "$old")"
  same "the new token" 202 "$(alert firing RedisDown | post am -H "$(bearer)")"
}
case_ "an alert with ten thousand labels is taken in and kept small; a rotated secret counts at once" labels_and_secrets

signed_once() {
  tiny
  alertmanager_and_curl
  listening redis RedisDown
  eventually healthy redis
  local body='{"labels": {"alertname": "RedisDown"}, "message": "by hand"}' at signature
  at=$(date +%s)
  signature=$(printf 'm-1.%s.%s' "$at" "$body" |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$(sed s/whsec_// "$dir/key" | base64 -d | od -An -tx1 | tr -d ' \n')" -binary | base64)
  local headers=(-H 'webhook-id: m-1' -H "webhook-timestamp: $at" -H "webhook-signature: v1,$signature")
  same "a signed one" 202 "$(printf %s "$body" | post curl "${headers[@]}")"
  same "again" 202 "$(printf %s "$body" | post curl "${headers[@]}")"
  says "$(cat "$dir/answer")" '"repeated":true'
  same "how often it counts" 1 "$(get healingpolicy/redis '.status.signals[0].occurrences')"
}
case_ "a delivery signed as Standard Webhooks has it counts once, however often it is sent" signed_once

late_and_again() {
  tiny
  alertmanager_and_curl
  listening redis RedisDown
  eventually healthy redis
  local t1=2026-01-01T10:00:00Z t2=2026-01-01T10:05:00Z t3=2026-01-01T10:10:00Z
  same "an end before its beginning" 202 "$(alert resolved RedisDown $t1 $t2 | post am -H "$(bearer)")"
  same "the beginning, late" 202 "$(alert firing RedisDown $t1 | post am -H "$(bearer)")"
  same "what it is" Cleared "$(signal_state redis)"
  kill_salve
  heal_again
  same "the beginning, once more" 202 "$(alert firing RedisDown $t1 | post am -H "$(bearer)")"
  same "what it is after a restart" Cleared "$(signal_state redis)"
  same "the next time" 202 "$(alert firing RedisDown $t3 | post am -H "$(bearer)")"
  await_incident redis
  same "the end of the time before" 202 "$(alert resolved RedisDown $t1 $t2 | post am -H "$(bearer)")"
  same "what it is then" Firing "$(signal_state redis)"
}
case_ "late and repeated deliveries change nothing, also after a restart" late_and_again

unmatched() {
  tiny
  alertmanager_and_curl
  listening redis RedisDown
  eventually healthy redis
  same "one that nobody wants" 202 "$(alert firing DiskFull | post am -H "$(bearer)")"
  says "$(cat "$dir/answer")" '"unmatched":1'
  same "one for policies of another namespace" 202 "$(alert firing RedisDown | post shop -H "$(bearer)")"
  says "$(cat "$dir/answer")" '"unmatched":1'
  same "what the policy has" "" "$(get healingpolicy/redis .status.signals)"
  says "$("$salve" signals)" '<none>' DiskFull
  says "$("$salve" signals -o json)" '"alertname": "DiskFull"'
  says "$(curl -fs "http://$address/metrics")" 'salve_alerts_total{matched="false",receiver="am"} 1'
}
case_ "an alert that no policy matches is counted and shown" unmatched
