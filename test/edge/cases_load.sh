# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Many alerts, and the end of the process in the middle of them.

# fifty_policies: each listens to a problem of its own and only looks on.
fifty_policies() {
  local n
  for n in $(seq 50); do
    cat <<YAML
---
apiVersion: salve.dev/v1alpha1
kind: HealingPolicy
metadata: {name: problem-$n, namespace: default}
spec:
  mode: Observe
  target: {docker: {container: $id-tiny}}
  triggers:
  - {name: alarm, alert: {matchers: ['problem="$n"']}}
  ladder:
  - {name: restart, action: {restart: {}}}
YAML
  done >"$dir/policies.yaml"
  must k apply -f "$dir/policies.yaml"
}
load_receiver() {
  receivers <<YAML
- {name: am, kind: alertmanager, authentication: {bearer: [{file: $dir/token}]}, burst: 1000000, requestsPerHour: 36000000}
YAML
}
incident_count() { k get incidents -o name | grep -c .; }

ten_thousand() {
  tiny
  load_receiver
  fifty_policies
  eventually healthy problem-50
  "$here/load.py" --address "$address" --token "$(cat "$dir/token")" --alerts 2000 --problems 50 >"$dir/warm" ||
    fail "the first alerts were not taken in: $(cat "$dir/warm")"
  local before after
  before=$(resident)
  "$here/load.py" --address "$address" --token "$(cat "$dir/token")" --alerts 10000 --problems 50 >"$dir/load" ||
    fail "not all were taken in: $(cat "$dir/load")"
  cat "$dir/load"
  [ "$(sed -n 's/^seconds: \([0-9]*\).*/\1/p' "$dir/load")" -le 60 ] || fail "it took too long: $(cat "$dir/load")"
  eventually is 50 incident_count
  after=$(resident)
  echo "resident: $before kB, after 10,000 more $after kB"
  [ $((after - before)) -le 16384 ] || fail "memory grew from $before to $after kB"
  same "incidents" 50 "$(incident_count)"
}
case_alone "10,000 alerts of 50 problems within a minute are 50 incidents, and memory stays flat" ten_thousand

killed_in_the_middle() {
  tiny
  load_receiver
  fifty_policies
  eventually healthy problem-50
  "$here/load.py" --address "$address" --token "$(cat "$dir/token")" --alerts 1000000 --problems 50 \
    --accepted "$dir/accepted" --until-broken >"$dir/load" 2>&1 &
  local loader=$!
  eventually some_accepted 20
  kill_salve
  wait "$loader"
  heal_again
  local lost=0 problem
  k get healingpolicies -o json >"$dir/policies.json"
  while read -r problem; do
    jq -e --arg n "$problem" '[.items[].status.signals[]? | select(.labels.problem == $n and .state == "Firing")] | length == 1' \
      "$dir/policies.json" >/dev/null || lost=$((lost + 1))
  done < <(sort -u "$dir/accepted")
  same "alerts that were answered 202 and are not there, or are there twice" 0 "$lost"
  "$here/load.py" --address "$address" --token "$(cat "$dir/token")" --alerts 500 --problems 50 >"$dir/load2" ||
    fail "not all were taken in after the restart: $(cat "$dir/load2")"
  eventually is 50 incident_count
  same "policies with more than one incident" "" \
    "$(k get incidents -o 'jsonpath={range .items[*]}{.spec.policyRef.name}{"\n"}{end}' | sort | uniq -d)"
}
some_accepted() { [ "$(sort -u "$dir/accepted" 2>/dev/null | grep -c .)" -ge "$1" ]; }
case_alone "a Salve killed in the middle of alerts loses none that it accepted, and doubles none" killed_in_the_middle

slow_senders() {
  load_receiver
  "$here/load.py" --address "$address" --token "$(cat "$dir/token")" --slow 1000 --alerts 300 --problems 10 \
    >"$dir/load" || fail "healthy senders suffer: $(cat "$dir/load")"
  cat "$dir/load"
  # How fast is for test/bench to say. Held up by those who never finish it would be their deadline of 10 s for
  # each; a machine that stands still for a moment holds up few.
  [ "$(sed -n 's/^p50 ms: \([0-9]*\).*/\1/p' "$dir/load")" -lt 3000 ] || fail "held up: $(cat "$dir/load")"
}
case_alone "a thousand senders that never finish do not slow down the others" slow_senders
