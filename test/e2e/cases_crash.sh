# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Salve itself dies at the worst moment.

# Asked to end it goes on until /tmp/go is there, so that a restart takes as long as the case wants.
stubborn() {
  container "$1" --network none --health-cmd 'test ! -e /tmp/ill' --health-interval 500ms --health-retries 1 \
    --health-timeout 60s salve-test/tiny:1 sh -c \
    'rm -f /tmp/ill /tmp/go; trap "while [ ! -e /tmp/go ]; do sleep 0.2; done; exit 0" TERM; while :; do sleep 1; done'
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
  - {name: restart, action: {restart: {stopTimeoutSeconds: 600}}, maxAttempts: 1, timeoutSeconds: 900}
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
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
  must runs "$id-a"
  cp "$dir/salve.log" "$dir/salve-first.log"
  heal
  # Salve asks how far it is, while it is under way.
  eventually grep -q 'still stopping' "$dir/salve.log"
  must docker exec "$id-a" touch /tmp/go
  outcome "$incident" AutoHealed
  same "attempts" "$attempt" "$(get "$incident" '.status.attempts[*].id')"
  same "restarts that the engine saw" 1 "$(count_of "$since" "$id-a" restart)"
  same "actions that the budget counts" 1 "$(get healingpolicy/stubborn '.status.actions[*].attemptId' | wc -w)"
  eventually healthy stubborn
}
case_ "salve killed in the middle of a restart and started again does not restart twice" killed_during_restart
