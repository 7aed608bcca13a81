# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# AWS that answers late, badly or not at all, and Salve dying in the middle: never two deployments for one
# attempt. The server's record of calls is the witness.

# one_deployment: exactly one forced deployment was made, and the incident of `worker` ended well.
one_deployment() {
  outcome "$incident" AutoHealed
  same "deployments that ECS made for Salve" 1 "$(count_calls operation=UpdateService applied=yes)"
  eventually steady worker 2
}

throttled() {
  needs_salve
  ecs
  workers
  heal_ecs
  heals worker
  fault throttle DescribeServices 4
  fault throttle ListTasks 3
  fault throttle DescribeTasks 2
  fault 500 FilterLogEvents 1
  fault throttle UpdateService 2
  publish_fix
  await_incident worker
  one_deployment
  [ "$(count_calls code=ThrottlingException)" -ge 8 ] || fail "it was hardly throttled: $(count_calls code=ThrottlingException)"
}
case_ "throttled calls and server errors delay the healing and do not double it" throttled

answer_lost() {
  needs_salve
  ecs
  workers
  heal_ecs
  heals worker
  fault lost UpdateService
  publish_fix
  await_incident worker
  one_deployment
}
case_ "a deployment whose answer is lost is recognised, not repeated" answer_lost

not_sent() {
  needs_salve
  ecs
  workers
  heal_ecs
  heals worker '  ladder: [{name: redeploy, action: {forceNewDeployment: {}}, maxAttempts: 2, timeoutSeconds: 60}]'
  fault cut UpdateService
  publish_fix
  await_incident worker
  one_deployment
}
case_ "a call that never arrived is known to have done nothing: the next attempt makes the deployment" not_sent

seen_late() {
  needs_salve
  ecs
  workers
  heal_ecs
  heals worker
  control '{"do": "visibility", "seconds": 30}'
  fault lost UpdateService
  publish_fix
  await_incident worker
  one_deployment
}
case_ "a deployment that ECS shows only after 30 seconds, and whose answer is lost, is one deployment" seen_late

has_called() { [ "$(count_calls operation="$1" applied=yes)" -ge 1 ]; }

killed_after() {
  needs_salve
  ecs
  workers
  heal_ecs
  heals worker
  fault stall UpdateService # made, and never answered
  publish_fix
  eventually has_called UpdateService
  await_incident worker
  local attempt
  attempt=$(get "$incident" '.status.attempts[0].id')
  [ -n "$attempt" ] || fail "ECS acts and the attempt is not written down"
  kill_salve
  cp "$dir/salve.log" "$dir/salve-first.log"
  heal_ecs
  one_deployment
  same "attempts" "$attempt" "$(get "$incident" '.status.attempts[*].id')"
  same "actions that the budget counts" 1 "$(get healingpolicy/worker '.status.actions[*].attemptId' | wc -w)"
}
case_ "salve killed after ECS made the deployment and before the result: it is found, not made again" killed_after

killed_and_late() {
  needs_salve
  ecs
  workers
  heal_ecs
  heals worker
  control '{"do": "visibility", "seconds": 30}'
  fault stall UpdateService
  publish_fix
  eventually has_called UpdateService
  await_incident worker
  kill_salve
  heal_ecs
  one_deployment
}
case_ "salve killed there, and ECS shows the deployment only after 30 seconds: still one" killed_and_late

being_called() { [ "$(count_calls operation="$1")" -ge 1 ]; }

killed_before() {
  needs_salve
  ecs
  workers
  heal_ecs
  heals worker
  fault hang UpdateService # never answered, nothing done
  publish_fix
  await_incident worker
  eventually in_phase "$incident" Executing
  eventually has_attempt
  kill_salve
  control '{"do": "clear"}'
  heal_ecs
  eventually is_settled
  [ "$(count_calls operation=UpdateService applied=yes)" -le 1 ] ||
    fail "$(count_calls operation=UpdateService applied=yes) deployments for one attempt"
}
is_settled() { in_phase "$incident" Resolved || in_phase "$incident" Escalated; }
has_attempt() { [ -n "$(get "$incident" '.status.attempts[0].id')" ]; }
case_ "salve killed before ECS did anything: at most one deployment comes of it" killed_before

expired_credentials() {
  needs_salve
  ecs
  workers
  configure
  control '{"do": "session_seconds", "seconds": 3600}'
  AWS_CONTAINER_CREDENTIALS_FULL_URI="http://$ecs/_credentials" AWS_CONTAINER_AUTHORIZATION_TOKEN=suite-token \
    heal --config "$dir/salve.yaml"
  heals worker
  control '{"do": "expire"}'
  publish_fix
  await_incident worker
  one_deployment
  [ "$(count_calls code=ExpiredTokenException)" -ge 1 ] || fail "nothing was refused as expired"
  ! grep -qF suite-token "$dir/salve.log" || fail "the authorization token is in the log"
}
case_ "credentials that expire in the middle are fetched again" expired_credentials

clock_off() {
  needs_salve
  ecs
  workers
  control '{"do": "skew", "seconds": 1200}'
  heal_ecs
  heals worker
  control '{"do": "skew", "seconds": 0}'
}
case_ "a clock that is off by 20 minutes is corrected by what the server says" clock_off
