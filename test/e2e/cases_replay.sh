# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What was recorded of a real run, replayed: as it was, under other policies, and against an expectation.

replay_policy() { # MODE [LINE]: of $id-a, that listens to an alert as well
  policy_yaml replayed <<YAML
  mode: $1
  target: {docker: {container: $id-a}}
  triggers: [{name: sick, alert: {receiver: hook, matchers: ['alertname="Sick"'], targetLabel: container}}]
  ladder: [{name: restart, action: {restart: {}}, maxAttempts: 3}]
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
  guardrails: {cooldownSeconds: 0, maxActions: {count: 10, windowSeconds: 3600}}
  ${2:-}
YAML
}

replay_post() { # ALERTNAME CONTAINER: one alert to the receiver "hook"
  curl -sS -o "$dir/answer" -w '%{http_code}' -X POST \
    -H "Authorization: Bearer $(cat "$dir/token")" -H 'Content-Type: application/json' \
    --data "{\"labels\": {\"alertname\": \"$1\", \"container\": \"$2\"}, \"message\": \"$1 on $2\"}" \
    "http://$(cat "$dir/data/http-address")/api/v1/webhooks/hook"
}

# replay_run: two illnesses are healed, one told by an alert and one seen by the engine, and an alert comes in
# that nobody wants. Leaves $dir/{incidents.json,signals.json,history.jsonl} and the policy in $dir/policies.
replay_run() {
  local since first
  patient "$id-a"
  printf 'only-the-two-of-us-know-this' >"$dir/token"
  cat >"$dir/config.yaml" <<YAML
apiVersion: config.salve.dev/v1alpha1
kind: ControllerConfiguration
receivers: [{name: hook, kind: self-heal, authentication: {bearer: [{file: $dir/token}]}}]
YAML
  heal --config "$dir/config.yaml"
  mkdir "$dir/policies"
  replay_policy Auto >"$dir/policies/replayed.yaml"
  must s apply -f "$dir/policies/replayed.yaml"
  eventually healthy replayed
  since=$(mark)
  same "answer to the alert" 202 "$(replay_post Sick "$id-a")"
  await_incident replayed
  first=$incident
  outcome "$first" AutoHealed
  eventually healthy replayed
  make_ill "$id-a"
  await_another replayed "$first"
  outcome "$incident" AutoHealed
  same "answer to the other alert" 202 "$(replay_post DiskFull "$id-a")"
  same "restarts" 2 "$(count_of "$since" "$id-a" restart)"
  must s get incidents -A -o json
  s get incidents -A -o json >"$dir/incidents.json"
  s signals -A -o json >"$dir/signals.json"
  stop_salve "$dir"
  # Beside its log on stderr the file has what it said on stdout.
  grep '^{' "$dir/salve.log" >"$dir/history.jsonl"
}

replay() { KUBECONFIG=/nowhere DOCKER_HOST=unix:///nowhere s replay --policies "$dir/policies" --config "$dir/config.yaml" "$@"; }

replay_as_it_was() {
  replay_run
  exits 0 replay --incidents "$dir/incidents.json" -o json
  same "incidents" 2 "$(json '.incidents | length')"
  same "actions" 2 "$(json '.policies[0].actions')"
  same "outcomes then and now" "AutoHealed AutoHealed AutoHealed AutoHealed" \
    "$(json '[.incidents[] | .outcome, .recordedOutcome] | join(" ")')"
  same "causes as they were found" "$(jq -r '[.items[].status.diagnosis.cause] | sort | join(" ")' "$dir/incidents.json")" \
    "$(json '[.incidents[].cause] | sort | join(" ")')"
  # The log alone has the alerts, also the one that no policy wanted.
  exits 0 replay --history "$dir/history.jsonl" -o json
  same "incidents of the log" "Alert/sick" "$(json '[.incidents[].trigger] | join(" ")')"
  same "unmatched" DiskFull "$(json '.unmatched[0].name')"
  # All there is together: what is recorded twice happens once.
  exits 0 replay --history "$dir/history.jsonl" --history "$dir/signals.json" --incidents "$dir/incidents.json" -o wide
  says "$out" "Taken for granted:" "Acts: restart (restart, risk Medium)" "Closes: AutoHealed" "DiskFull"
  same "incidents of all" 2 "$(grep -c 'Matches: ' <<<"$out")"
}
case_ "a real run is replayed from its incidents and from its log, and comes to the same" replay_as_it_was

replay_expects() {
  replay_run
  exits 0 replay --incidents "$dir/incidents.json" --write-expectation "$dir/expected.json"
  exits 0 replay --incidents "$dir/incidents.json" --expect "$dir/expected.json"
  # Somebody tightens the policy, and with a guardrail somebody else does.
  replay_policy Approve >"$dir/policies/replayed.yaml"
  exits 8 replay --incidents "$dir/incidents.json" --expect "$dir/expected.json"
  says "$err" "not as $dir/expected.json expects" "Acts: restart" "+ " "NeedsApproval: restart (restart, risk Medium) by 1 person"
  replay_policy Auto >"$dir/policies/replayed.yaml"
  exits 0 replay --incidents "$dir/incidents.json" --expect "$dir/expected.json"
  printf 'apiVersion: salve.dev/v1alpha1\nkind: HealingGuardrail\nmetadata: {name: careful}\nspec: {maxActions: {count: 1, windowSeconds: 86400}}\n' \
    >"$dir/policies/guardrail.yaml"
  exits 8 replay --incidents "$dir/incidents.json" --expect "$dir/expected.json" -o json
  says "$err" "Budget (BudgetExhausted until" "guardrail careful"
  same "the differences are in the report" 1 "$(json '.differences | length')"
  # Before a policy is enabled: what it would do if it were.
  rm "$dir/policies/guardrail.yaml"
  replay_policy Observe >"$dir/policies/replayed.yaml"
  exits 8 replay --incidents "$dir/incidents.json" --expect "$dir/expected.json"
  exits 0 replay --incidents "$dir/incidents.json" --expect "$dir/expected.json" --mode Auto
}
case_ "a replay holds its expectation, and breaks it where a policy or a guardrail has changed" replay_expects

replay_alerts() { # the payloads of an Alertmanager, a line each
  local minute
  for minute in "$@"; do
    printf '{"version":"4","receivedAt":"2026-11-02T10:%s:00Z","alerts":[{"status":"firing","labels":{"alertname":"Sick","container":"%s"},"startsAt":"2026-11-02T10:%s:00Z"}]}\n' \
      "$minute" "$id-a" "$minute"
  done
}

replay_bad_input() {
  mkdir "$dir/policies"
  replay_policy Auto >"$dir/policies/replayed.yaml"
  printf 'apiVersion: config.salve.dev/v1alpha1\nkind: ControllerConfiguration\n' >"$dir/config.yaml"
  replay_alerts 00 >"$dir/good.jsonl"
  local log=(--receiver hook --alertmanager-log)
  exits 0 replay "${log[@]}" "$dir/good.jsonl"
  exits 0 replay "${log[@]}" - <"$dir/good.jsonl"
  # The command line.
  exits 2 replay
  says "$err" "--history, --alertmanager-log or --incidents"
  exits 2 replay "${log[@]}" "$dir/good.jsonl" --from yesterday
  exits 2 replay "${log[@]}" "$dir/good.jsonl" --expect a --write-expectation b
  exits 2 replay "${log[@]}" "$dir/good.jsonl" -o name
  exits 3 replay --incidents "$dir/missing.json"
  exits 1 replay --incidents "$dir"
  # The record.
  : >"$dir/empty"
  exits 1 replay --history "$dir/empty"
  says "$err" "nothing to replay"
  { cat "$dir/good.jsonl" && printf '{"alerts": [\n'; } >"$dir/torn.jsonl"
  exits 1 replay "${log[@]}" "$dir/torn.jsonl"
  says "$err" "$dir/torn.jsonl:2: the object that begins here has no end"
  printf '{"kind": "Pod"}' >"$dir/pod.json"
  exits 1 replay --incidents "$dir/pod.json"
  says "$err" "$dir/pod.json:1: expected an Incident, found a Pod"
  head -c 100000 /dev/urandom >"$dir/noise"
  exits 1 replay --history "$dir/noise"
  head -c 100000 /dev/zero | tr '\0' '[' >"$dir/deep"
  exits 1 replay --history "$dir/deep"
  printf '{"kind": "x"}' >"$dir/expected.json"
  exits 1 replay "${log[@]}" "$dir/good.jsonl" --expect "$dir/expected.json"
  says "$err" "$dir/expected.json:1: expected apiVersion"
  # The policies.
  sed -i 's/mode:/mood:/' "$dir/policies/replayed.yaml"
  exits 1 replay "${log[@]}" "$dir/good.jsonl"
  says "$err" "$dir/policies/replayed.yaml:1: " spec.mood
  printf 'apiVersion: salve.dev/v1alpha1\nkind: Incident\n' >"$dir/policies/replayed.yaml"
  exits 1 replay "${log[@]}" "$dir/good.jsonl"
  says "$err" "expected a HealingPolicy or HealingGuardrail"
}
case_ "replay names what is wrong with its input, and where" replay_bad_input

replay_much() {
  mkdir "$dir/policies"
  replay_policy Auto >"$dir/policies/replayed.yaml"
  printf 'apiVersion: config.salve.dev/v1alpha1\nkind: ControllerConfiguration\n' >"$dir/config.yaml"
  # 100 MB: a log in which alerts are rare, as logs are.
  local detail
  detail=$(printf 'x%.0s' {1..900})
  { yes "{\"time\":\"2026-11-02T10:00:00.000000Z\",\"level\":\"info\",\"msg\":\"delivery\",\"detail\":\"$detail\"}" |
    head -c 104857600 | head -n -1
    replay_alerts 00 01 02; } >"$dir/much.jsonl"
  local said
  said=$( (ulimit -v 1000000 && timeout "$patience" "$salve" replay --policies "$dir/policies" --receiver hook \
    --history "$dir/much.jsonl" -o json) 2>&1) || fail "$said"
  same "incidents" 3 "$(jq '.incidents | length' <<<"$said")"
  # An endless object is not waited for.
  out=$( { printf '{"a": "' && yes | tr -d '\n'; } 2>/dev/null | replay --history - 2>&1) && fail "it was taken"
  says "$out" "<stdin>:1: the object that begins here is larger than 4 MB"
}
case_ "replay reads 100 MB in bounded memory" replay_much
