# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Salve itself dies at the worst moment.

# Stands still when asked to end, so that a restart takes as long as its stop timeout.
stubborn() {
  container "$1" --network none --health-cmd 'test ! -e /tmp/ill' --health-interval 500ms --health-retries 1 \
    --health-timeout 5s salve-test/tiny:1 sh -c 'rm -f /tmp/ill; trap "" TERM; while :; do sleep 1; done'
  eventually health_is healthy "$1"
}
being_stopped() { actions "$since" "$1" kill | grep -q kill; }

killed_during_restart() {
  stubborn "$id-a"
  heal
  policy stubborn <<YAML
  mode: Auto
  target: {docker: {container: $id-a}}
  ladder:
  - {name: restart, action: {restart: {stopTimeoutSeconds: 8}}, maxAttempts: 1, timeoutSeconds: 60}
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 60, consecutiveSuccesses: 1}
YAML
  eventually healthy stubborn
  local since
  since=$(mark)
  make_ill "$id-a"
  eventually being_stopped "$id-a"
  await_incident stubborn
  local attempt
  attempt=$(get "$incident" '.status.attempts[0].id')
  [ -n "$attempt" ] || fail "the engine acts and the attempt is not written down"
  kill_salve
  runs "$id-a" || fail "too late: the restart is over already"
  cp "$dir/salve.log" "$dir/salve-first.log"
  heal
  outcome "$incident" AutoHealed
  same "attempts" "$attempt" "$(get "$incident" '.status.attempts[*].id')"
  same "restarts that the engine saw" 1 "$(count_of "$since" "$id-a" restart)"
  same "actions that the budget counts" 1 "$(get healingpolicy/stubborn '.status.actions[*].attemptId' | wc -w)"
  eventually healthy stubborn
}
case_ "salve killed in the middle of a restart and started again does not restart twice" killed_during_restart
