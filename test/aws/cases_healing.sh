# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Services that fall ill, and what Salve does about it.

# A worker whose image says which build it is. Once /shared/expired is there, build 1 ends with an error, as
# does every task that runs it.
readonly worker='trap \"exit 0\" TERM; while :; do if [ -e /shared/expired ] && grep -q 1 /build; then echo FATAL certificate has expired; exit 4; fi; sleep 0.3 & wait $!; done'

# build NUMBER TAG: an image like the tiny one that says so.
build() {
  local container
  container=$(docker create --network none --label "$suite_label" salve-test/tiny:1 true)
  echo "$1" >"$dir/build"
  docker cp "$dir/build" "$container:/build" >/dev/null
  docker commit "$container" "$2" >/dev/null
  docker rm "$container" >/dev/null
}
no_images() { docker rmi --force "salve-test/$id:live" >/dev/null 2>&1; }

# workers: a service `worker` of two tasks of build 1 under the tag live.
workers() {
  build 1 "salve-test/$id:live"
  trap no_images EXIT
  definition worker "$worker" "" "salve-test/$id:live"
  service worker 2
}
# publish: what the tag means from now on, and what build 1 cannot live with.
publish_fix() {
  build 2 "salve-test/$id:live"
  touch "$dir/shared/expired"
}

tasks_die() {
  needs_salve
  ecs
  workers
  heal_ecs
  heals worker
  local before
  before=$(of_service worker 'deployments[0].id')
  publish_fix
  await_incident worker
  outcome "$incident" AutoHealed
  same "what was changed" "UpdateService 200 service=worker forceNewDeployment=True" "$(changes)"
  eventually steady worker 2
  [ "$before" != "$(of_service worker 'deployments[0].id')" ] || fail "there is no new deployment"
  says "$(k describe "$incident")" "certificate has expired" "--force-new-deployment" AutoHealed
  eventually healthy worker
}
case_ "a service whose tasks die is deployed anew, with the line that says why, and verified" tasks_die

no_help() {
  # shellcheck disable=SC2034  # heals uses it
  local proof_seconds=60
  needs_salve
  ecs
  workers
  heal_ecs
  heals worker
  touch "$dir/shared/expired" # and nobody publishes another build
  await_incident worker
  eventually in_phase "$incident" Escalated
  same "what was changed" "UpdateService 200 service=worker forceNewDeployment=True" "$(changes)"
}
case_ "a new deployment whose tasks die as well is no success: a person is told" no_help

rule_from_logs() {
  needs_salve
  ecs
  workers
  heal_ecs
  heals worker '  diagnosis:
    rules: [{name: expired, when: {logs: "certificate has expired"}, cause: CertificateExpired, confidence: 0.95, step: redeploy}]
  ladder:
  - {name: stop, action: {stopTask: {}}}
  - {name: redeploy, action: {forceNewDeployment: {}}, maxAttempts: 1, timeoutSeconds: 60}'
  publish_fix
  await_incident worker
  outcome "$incident" AutoHealed
  same "cause" CertificateExpired "$(get "$incident" .status.diagnosis.cause)"
  same "what was changed" "UpdateService 200 service=worker forceNewDeployment=True" "$(changes)"
}
case_ "a policy's own rule over the lines in CloudWatch chooses the step" rule_from_logs

without_logs() {
  needs_salve
  ecs
  workers
  heal_ecs
  heals worker
  fault denied FilterLogEvents -1
  publish_fix
  await_incident worker
  outcome "$incident" AutoHealed
  says "$(k describe "$incident")" "logs:FilterLogEvents"
}
case_ "without the right to read logs it is healed all the same, and the incident says which right is missing" without_logs

bad_image() {
  needs_salve
  ecs
  definition web "$idle"
  service web 2
  heal_ecs
  heals web
  local before
  before=$(tasks web)
  definition web "$idle" "" salve-test/none:9
  update web '"taskDefinition": "web:2"'
  await_incident web
  outcome "$incident" AutoHealed
  says "$(changes)" "UpdateService 200 service=web taskDefinition=" "web:1"
  same "number of changes" 1 "$(changes | wc -l)"
  eventually steady web 2
  same "task definition" web:1 "$(revision web)"
  same "cause" BadRelease "$(get "$incident" .status.diagnosis.cause)"
  says "$(k describe "$incident")" CannotPullContainerError "--task-definition web:1"
  # Those that served were never stopped: going back keeps what still runs of the old deployment or replaces it.
  [ -n "$before" ] && eventually healthy web
}
case_ "a revision whose image cannot be pulled is rolled back" bad_image

bad_command() {
  needs_salve
  ecs
  definition web "$idle"
  service web 2
  heal_ecs
  heals web
  definition web "echo unknown option --frobnicate; exit 2"
  update web '"taskDefinition": "web:2"'
  await_incident web
  outcome "$incident" AutoHealed
  eventually steady web 2
  same "task definition" web:1 "$(revision web)"
  same "number of changes" 1 "$(changes | wc -l)"
  says "$(k describe "$incident")" "exit code 2" "--task-definition web:1"
}
case_ "a revision that crashes is rolled back" bad_command

first_release() {
  needs_salve
  ecs
  heal_ecs
  definition web "exit 1"
  must ask CreateService '{"cluster": "demo", "serviceName": "web", "taskDefinition": "web", "desiredCount": 1}'
  heals web "" ill
  await_incident web
  eventually in_phase "$incident" Escalated
  same "what was changed" "" "$(changes)"
}
case_ "a first revision that crashes has none before it: a person is told, nothing is done" first_release

grows() {
  needs_salve
  ecs
  # Twenty MiB at once, from the moment that it is asked to on.
  definition cache 'trap \"exit 0\" TERM; while :; do if [ -e /shared/grow ]; then dd if=/dev/zero of=/dev/null bs=20M count=1 2>/dev/null || exit 137; fi; sleep 1 & wait $!; done' ', "memory": 16'
  service cache 1
  heal_ecs
  heals cache
  touch "$dir/shared/grow"
  await_incident cache
  outcome "$incident" AutoHealed
  says "$(changes)" "RegisterTaskDefinition 200 family=cache" "UpdateService 200 service=cache taskDefinition="
  same "number of changes" 2 "$(changes | wc -l)"
  same "memory" 24 "$(ask DescribeTaskDefinition '{"taskDefinition": "cache:2"}' 'taskDefinition.containerDefinitions[0].memory')"
  eventually steady cache 1
}
case_ "a service killed at its memory limit gets a revision with more" grows

stops_task() {
  needs_salve
  ecs
  definition web "rm -f /tmp/ill; echo the queue hangs; $idle" \
    ', "healthCheck": {"command": ["CMD-SHELL", "test ! -e /tmp/ill"], "interval": 1, "retries": 1, "timeout": 60}'
  # ECS is to overlook health checks for an hour: the service is steady all the time.
  service web 1 ', "healthCheckGracePeriodSeconds": 3600'
  local sick
  heal_ecs
  heals web '  ladder: [{name: stop, action: {stopTask: {}}, maxAttempts: 1, timeoutSeconds: 60}]
  diagnosis: {rules: [{name: hangs, when: {logs: "the queue hangs"}, cause: Hangs, confidence: 0.97, step: stop}]}'
  sick=$(tasks web)
  eventually has_called DescribeTasks
  must docker exec "$(of_task "$sick" 'containers[0].runtimeId')" touch /tmp/ill
  await_incident web
  outcome "$incident" AutoHealed
  same "what was changed" "StopTask 200 task=$sick" "$(changes)"
  says "$(of_task "$sick" stoppedReason)" "salve attempt"
}
case_ "a task that hangs while ECS is to overlook it is stopped, and ECS says by whom" stops_task

ill_target() {
  needs_salve
  ecs
  local group=arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/0123456789abcdef sick
  definition web "echo the queue hangs; $idle"
  service web 1 ", \"healthCheckGracePeriodSeconds\": 3600, \"loadBalancers\": [{\"targetGroupArn\": \"$group\",
    \"containerName\": \"app\", \"containerPort\": 8080}]"
  heal_ecs
  heals web '  ladder: [{name: stop, action: {stopTask: {}}, maxAttempts: 1, timeoutSeconds: 60}]
  diagnosis: {rules: [{name: hangs, when: {logs: "the queue hangs"}, cause: Hangs, confidence: 0.97, step: stop}]}'
  sick=$(tasks web)
  eventually has_called DescribeTargetHealth
  control '{"do": "failing_targets", "services": ["web"]}'
  same "what the AWS CLI sees" unhealthy \
    "$(a elbv2 describe-target-health --target-group-arn "$group" --query 'TargetHealthDescriptions[0].TargetHealth.State' --output text)"
  await_incident web
  says "$(get "$incident" .spec.trigger.message)" "Health checks failed with these codes: [503]"
  outcome "$incident" AutoHealed
  same "what was changed" "StopTask 200 task=$sick" "$(changes)"
}
case_ "a task that its load balancer sends nothing to is stopped" ill_target

known_before() {
  needs_salve
  ecs
  definition web "$idle"
  service web 1
  # Complete for a moment, and then each task dies: ECS shows nothing any more of what served before.
  definition web "sleep 3; exit 1"
  update web '"taskDefinition": "web:2"'
  eventually is "1 web:2" shown_deployments web
  heal_ecs
  heals web "" ill
  await_incident web
  outcome "$incident" AutoHealed
  same "task definition" web:1 "$(revision web)"
  has_called ListServiceDeployments || fail "the deployments of before were not asked for"
  a ecs list-service-deployments --cluster demo --service web --query 'serviceDeployments[0].status' --output text >/dev/null ||
    fail "the AWS CLI cannot see them"
}
shown_deployments() {
  ask DescribeServices "{\"cluster\": \"demo\", \"services\": [\"$1\"]}" '#services[0].deployments' \
    'services[0].taskDefinition' | sed 's| .*/| |'
}
case_ "a Salve that has never seen a service well goes back to the revision that ECS remembers" known_before

ends_with_its_deployment() {
  needs_salve
  ecs
  build 1 "salve-test/$id:live"
  trap no_images EXIT
  definition worker "$worker" ', "healthCheck": {"command": ["CMD-SHELL", "test ! -e /shared/expired || test -e /shared/go"],
    "interval": 1, "retries": 100}' "salve-test/$id:live"
  service worker 2
  heal_ecs
  heals worker
  publish_fix
  await_incident worker
  eventually in_phase "$incident" Verifying
  # All new tasks run; the deployment goes on, since their health checks have not passed yet.
  eventually is "2 IN_PROGRESS" of_service worker runningCount 'deployments[0].rolloutState'
  local before
  before=$(calls | tail -n 1 | cut -d ' ' -f 1)
  eventually looked_again 12 "$before"
  in_phase "$incident" Verifying || fail "it was called verified while its deployment was under way"
  touch "$dir/shared/go"
  outcome "$incident" AutoHealed
  eventually steady worker 2
}
looked_again() { [ "$(count_calls operation=DescribeServices "after=$2")" -ge "$1" ]; }
case_ "an attempt is not verified before its deployment is complete" ends_with_its_deployment

# autoscaled COUNT: workers whose autoscaler allows 1 to 4 fall ill; the policy's medicine is COUNT of them.
autoscaled() {
  needs_salve
  ecs
  workers
  must ask scaling:RegisterScalableTarget '{"ServiceNamespace": "ecs", "ResourceId": "service/demo/worker",
    "ScalableDimension": "ecs:service:DesiredCount", "MinCapacity": 1, "MaxCapacity": 4}'
  heal_ecs
  heals worker "  ladder: [{name: more, action: {setDesiredCount: {count: $1}}, maxAttempts: 1, timeoutSeconds: 60}]
  diagnosis: {rules: [{name: few, when: {logs: \"certificate has expired\"}, cause: TooFew, confidence: 0.9, step: more}]}"
  touch "$dir/shared/expired"
  await_incident worker
}

outside_bounds() {
  autoscaled 9
  eventually incident_says "outside of its autoscaler's bounds, 1 to 4"
  same "what was changed" "" "$(changes)"
}
case_ "a number of tasks outside of the autoscaler's bounds is refused, with the bounds" outside_bounds

within_bounds() {
  autoscaled 3
  eventually is 3 of_service worker desiredCount
  has_called DescribeScalableTargets || fail "the autoscaler's bounds were not asked for"
  same "what was changed" "UpdateService 200 service=worker desiredCount=3" "$(changes | head -n 1)"
}
case_ "the number of tasks is changed within the bounds of the service's autoscaler" within_bounds

unwell_task() {
  needs_salve
  ecs
  definition web "$idle"
  service web 2
  heal_ecs
  heals web
  must docker kill "$(of_task "$(tasks web | cut -d ' ' -f 1)" 'containers[0].runtimeId')"
  eventually steady web 2
  eventually healthy web
  same "incidents" "" "$(incidents web)"
  same "what was changed" "" "$(changes)"
}
case_ "one lost task is ECS's to replace: nothing is done" unwell_task

no_room() {
  needs_salve
  ecs
  definition web "$idle"
  service web 1
  heal_ecs
  heals web
  control '{"do": "unplaceable", "services": ["web"]}'
  update web '"desiredCount": 3'
  eventually said web "was unable to place a task because no container instance met all of its requirements"
  await_incident web
  eventually in_phase "$incident" Escalated
  same "what was changed" "" "$(changes)"
}
case_ "where no instance has room a person is told, nothing is done" no_room

own_breaker() {
  needs_salve
  ecs
  definition web "$idle"
  service web 1 ', "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}}'
  heal_ecs
  heals web
  definition web "exit 1"
  update web '"taskDefinition": "web:2"'
  eventually said web "rolling back to deployment"
  eventually steady web 1
  eventually healthy web
  same "what was changed" "" "$(changes)"
  same "task definition" web:1 "$(revision web)"
}
case_ "a service with a circuit breaker of its own is left to it" own_breaker

others_deploy() {
  needs_salve
  ecs
  workers
  heal_ecs
  heals worker
  # Somebody deploys, slowly: the new tasks are well only when /shared/go is there.
  definition worker "$idle" ', "healthCheck": {"command": ["CMD-SHELL", "test -e /shared/go"], "interval": 1, "retries": 100}'
  update worker '"taskDefinition": "worker:2"'
  eventually is True condition healingpolicy/worker TargetHealthy
  eventually is_rolling worker
  same "what was changed" "" "$(changes)"
  same "incidents" "" "$(incidents worker)"
  touch "$dir/shared/go"
  eventually steady worker 2
  eventually healthy worker
  same "what was changed at the end" "" "$(changes)"
}
is_rolling() { is "2 IN_PROGRESS" of_service "$1" runningCount 'deployments[0].rolloutState' ||
  is "4 IN_PROGRESS" of_service "$1" runningCount 'deployments[0].rolloutState'; }
case_ "a deployment of somebody else that is under way is left alone" others_deploy
