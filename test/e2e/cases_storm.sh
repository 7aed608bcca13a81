# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Salve dies again and again while many containers are ill. The engine's events are the witness of what was
# done, the incidents of what was meant, the policy of what was paid for.

kills=${SALVE_E2E_KILLS:-10} # `make soak` asks for 200
crowd=20

storm_policy() {
  policy storm <<YAML
  mode: Auto
  target: {docker: {labels: {storm: "$id"}}}
  ladder:
  - {name: restart, action: {restart: {stopTimeoutSeconds: 2}}, maxAttempts: 10, timeoutSeconds: 60}
  verification: {initialDelaySeconds: 0, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
  guardrails:
    maxActions: {count: 1000, windowSeconds: 3600}
    cooldownSeconds: 0
    maxConcurrent: 20
    maxUnhealthy: "100%"
    breaker: {consecutiveFailures: 100, ineffectiveFixes: 100, openSeconds: 1}
    retry: {minHealthySeconds: 0}
  history: {keepIncidents: 1000}
YAML
}

all_of_them_well() { is "$crowd/$crowd healthy" get healingpolicy/storm .status.health; }
nothing_open() { [ "$(get healingpolicy/storm .status.openIncidentCount)" = 0 ]; }

# The moment is a line of the log: each write, each step of an incident leaves one.
has_logged() { [ "$(wc -l <"$dir/salve.log")" -ge "$1" ]; }

# attempts_of: "TARGET ATTEMPT" a line, of all incidents.
attempts_of() {
  k get incidents -o 'jsonpath={range .items[*]}{.spec.target.name}{range .status.attempts[*]}{" "}{.id}{end}{"\n"}{end}' |
    awk '{ for (i = 2; i <= NF; i++) print $1, $i }'
}

kill_storm() {
  local i round since
  for ((i = 1; i <= crowd; i++)); do
    container "$id-$i" --network none --label "storm=$id" --health-cmd 'test ! -e /tmp/ill' --health-interval 500ms \
      --health-retries 1 --health-timeout 60s salve-test/tiny:1 \
      sh -c 'rm -f /tmp/ill; trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done'
  done
  heal
  storm_policy
  eventually all_of_them_well
  since=$(mark)
  for ((round = 1; round <= kills; round++)); do
    i=0
    while [ "$i" -lt 5 ]; do
      # One that is being restarted just now cannot be made ill; there are others.
      docker exec "$id-$((RANDOM % crowd + 1))" touch /tmp/ill >/dev/null 2>&1 && i=$((i + 1))
    done
    eventually has_logged $(($(wc -l <"$dir/salve.log") + RANDOM % 12 + 1))
    kill_salve
    heal
  done
  eventually all_of_them_well
  eventually nothing_open
  attempts_of >"$dir/attempts"
  mark >/dev/null || fail "the engine's events stay away"
  tail -n "+$since" "$witness" | awk -v id="$id-" '$1 == "restart" && index($2, id) == 1 { print $2 }' >"$dir/restarts"

  [ -s "$dir/restarts" ] || fail "nothing was restarted: the storm was none"
  same "attempts of one name" "" "$(cut -d ' ' -f 2 "$dir/attempts" | sort | uniq -d)"
  for ((i = 1; i <= crowd; i++)); do
    local did meant
    did=$(grep -cx "$id-$i" "$dir/restarts" || true)
    meant=$(grep -c "^$id-$i " "$dir/attempts" || true)
    [ "$did" -le "$meant" ] || fail "$id-$i: the engine saw $did restarts, and only $meant were meant"
  done
  local meant paid
  meant=$(wc -l <"$dir/attempts")
  paid=$(get healingpolicy/storm '.status.actions[*].attemptId' | wc -w)
  [ "$meant" -le "$paid" ] || fail "$meant attempts were made, and only $paid were taken from the budget"
  echo "kills: $kills, restarts: $(wc -l <"$dir/restarts"), attempts: $meant, taken from the budget: $paid"
}
case_alone "salve killed at random moments of a storm over $crowd containers never restarts one more often than it meant to" kill_storm
