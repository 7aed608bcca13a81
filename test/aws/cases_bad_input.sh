# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Names that lead nowhere and rights that are missing: a condition that says what, and everybody else goes on.

# condition_says POLICY TEXT…: one of the policy's conditions, or of its targets, reads so.
condition_says() {
  local text want
  text=$(get "healingpolicy/$1" '.status')
  shift
  for want in "$@"; do case "$text" in *"$want"*) ;; *) return 1 ;; esac; done
}

# neighbour: a service beside it that falls ill and is healed.
neighbour() {
  publish_fix
  await_incident worker
  outcome "$incident" AutoHealed
}

# nowhere NAME TARGET: a policy for that target.
nowhere() {
  policy "$1" <<YAML
  mode: Auto
  target: {ecs: $2}
YAML
}

missing_things() {
  needs_salve
  ecs
  workers
  heal_ecs
  heals worker
  nowhere no-service '{backend: aws, cluster: demo, service: none}'
  nowhere no-cluster '{backend: aws, cluster: nowhere, service: web}'
  nowhere elsewhere '{backend: aws, cluster: demo, service: "arn:aws:ecs:us-east-1:123456789012:service/demo/web"}'
  definition gone "$idle"
  service gone 1
  nowhere gone '{backend: aws, cluster: demo, service: gone}'
  eventually is True condition healingpolicy/gone TargetFound
  must ask DeleteService '{"cluster": "demo", "service": "gone", "force": true}'
  eventually is False condition healingpolicy/no-service TargetFound
  eventually condition_says no-service none demo
  eventually condition_says no-cluster nowhere
  eventually condition_says elsewhere us-east-1 eu-central-1
  eventually is False condition healingpolicy/gone TargetFound
  neighbour
}
case_ "a missing service, cluster or region is said on its policy, and another service is healed" missing_things

denied_observing() {
  needs_salve
  ecs
  workers
  heal_ecs
  heals worker
  definition other "$idle"
  service other 1
  must ask CreateCluster '{"clusterName": "closed"}'
  must ask CreateService '{"cluster": "closed", "serviceName": "web", "taskDefinition": "other", "desiredCount": 1}'
  # The policy of docs/iam-policy.md is for the cluster demo.
  nowhere closed '{backend: aws, cluster: closed, service: web}'
  eventually condition_says closed ecs:DescribeServices
  neighbour
}
case_ "a service that Salve may not see names the right that is missing, and another one is healed" denied_observing

denied_acting() {
  needs_salve
  ecs
  workers
  heal_ecs
  heals worker
  fault denied UpdateService -1
  publish_fix
  await_incident worker
  eventually incident_says "ecs:UpdateService"
  same "what was changed" "" "$(changes)"
}
incident_says() { k describe "$incident" | grep -qF "$1"; }
case_ "an action that Salve may not take names the right that is missing" denied_acting

denied_evidence() {
  needs_salve
  ecs
  definition web "$idle"
  # The old task goes before the new one comes: what is missing is seen without a look at the tasks.
  service web 1 ', "deploymentConfiguration": {"maximumPercent": 100, "minimumHealthyPercent": 0}'
  heal_ecs
  heals web
  local call
  for call in ListTasks DescribeTasks; do fault denied "$call" -1; done
  definition web "exit 1"
  update web '"taskDefinition": "web:2"'
  await_incident web
  eventually incident_says ecs:ListTasks
}
case_ "an incident of a service whose tasks Salve may not see names the right that is missing" denied_evidence

no_credentials() {
  needs_salve
  ecs
  configure
  heal --config "$dir/salve.yaml"
  nowhere web '{backend: aws, cluster: demo, service: web}'
  eventually condition_says web AWS_ACCESS_KEY_ID
}
case_ "without credentials the policy says where they were looked for" no_credentials

wrong_key() {
  needs_salve
  ecs
  configure
  AWS_ACCESS_KEY_ID=$salve_key AWS_SECRET_ACCESS_KEY=this-is-not-the-secret heal --config "$dir/salve.yaml"
  nowhere web '{backend: aws, cluster: demo, service: web}'
  eventually condition_says web InvalidSignatureException
  ! grep -qF this-is-not-the-secret "$dir/salve.log" || fail "the secret is in the log"
}
case_ "a wrong secret key is said by AWS's name for it, and is in no log" wrong_key

wrong_region() {
  needs_salve
  ecs
  workers
  configure
  # An address of the one region under the name of another, as a private endpoint may be written down.
  cat >>"$dir/salve.yaml" <<YAML
- name: far
  ecs: {region: us-east-1, endpoint: "http://$ecs", pollSeconds: 1}
YAML
  heal_ecs
  heals worker
  nowhere web '{backend: far, cluster: demo, service: worker}'
  eventually condition_says web "scoped to a valid region" us-east-1
  neighbour
}
case_ "a backend whose region is not that of its endpoint says so, and the other backend's service is healed" wrong_region

deregistered() {
  needs_salve
  ecs
  definition web "$idle"
  service web 1
  heal_ecs
  heals web
  must ask DeregisterTaskDefinition '{"taskDefinition": "web:1"}'
  definition web "exit 1"
  update web '"taskDefinition": "web:2"'
  await_incident web
  eventually in_phase "$incident" Escalated
  same "what was changed" "" "$(changes)"
  says "$(k describe "$incident")" "web:1"
}
case_ "a revision that was deregistered is not gone back to" deregistered

denied_quietly() {
  needs_salve
  ecs
  local group=arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/other/0123456789abcdef call
  definition other "$idle"
  service other 1 ", \"loadBalancers\": [{\"targetGroupArn\": \"$group\", \"containerName\": \"app\", \"containerPort\": 80}]"
  workers
  for call in DescribeTargetHealth DescribeScalableTargets DescribeTaskDefinition ListServiceDeployments \
    DescribeServiceRevisions; do
    fault denied "$call" -1
  done
  heal_ecs
  heals other
  heals worker
  neighbour
  same "incidents of the other" "" "$(incidents other)"
}
case_ "without the rights that only tell more services are watched and healed all the same" denied_quietly

# denied_step CALL RIGHT ACTION: a step whose call is refused.
denied_step() {
  needs_salve
  ecs
  workers
  fault denied "$1" -1
  heal_ecs
  heals worker "  ladder: [{name: step, action: {$3}, maxAttempts: 1, timeoutSeconds: 60}]
  diagnosis: {rules: [{name: expired, when: {logs: \"certificate has expired\"}, cause: Expired, confidence: 0.97, step: step}]}"
  touch "$dir/shared/expired"
  await_incident worker
  eventually incident_says "$2"
  same "what was changed" "" "$(changes)"
}
denied_registering() { denied_step RegisterTaskDefinition ecs:RegisterTaskDefinition 'updateTaskResources: {memoryBytes: 134217728}'; }
case_ "a revision that Salve may not register names the right that is missing" denied_registering
denied_listing() { denied_step ListTaskDefinitions ecs:ListTaskDefinitions 'updateTaskResources: {memoryBytes: 134217728}'; }
case_ "revisions that Salve may not list name the right that is missing" denied_listing

denied_stopping() {
  needs_salve
  ecs
  definition web "rm -f /tmp/ill; echo the queue hangs; $idle" \
    ', "healthCheck": {"command": ["CMD-SHELL", "test ! -e /tmp/ill"], "interval": 1, "retries": 1, "timeout": 60}'
  service web 1 ', "healthCheckGracePeriodSeconds": 3600'
  fault denied StopTask -1
  heal_ecs
  heals web '  ladder: [{name: stop, action: {stopTask: {}}, maxAttempts: 1, timeoutSeconds: 60}]
  diagnosis: {rules: [{name: hangs, when: {logs: "the queue hangs"}, cause: Hangs, confidence: 0.97, step: stop}]}'
  eventually has_called DescribeTasks
  must docker exec "$(of_task "$(tasks web)" 'containers[0].runtimeId')" touch /tmp/ill
  await_incident web
  eventually incident_says "ecs:StopTask"
  same "what was changed" "" "$(changes)"
}
case_ "a task that Salve may not stop names the right that is missing" denied_stopping

malformed() {
  needs_salve
  ecs
  heal_ecs
  local target
  for target in 'arn:aws:ecs:eu-central-1:12:service/demo/web' 'arn:aws:s3:::bucket' 'we b'; do
    policy_yaml bad <<YAML >"$dir/bad.yaml"
  mode: Auto
  target: {ecs: {backend: aws, cluster: demo, service: "$target"}}
YAML
    ! k apply -f "$dir/bad.yaml" >"$dir/refused" 2>&1 || fail "$target was taken for a service"
    says "$(cat "$dir/refused")" spec.target.ecs.service
  done
}
case_ "an ARN that is none is refused when the policy is applied, with the field" malformed

no_log_group() {
  needs_salve
  ecs
  definition web "$idle"
  service web 1
  heal_ecs
  heals web
  must ask logs:DeleteLogGroup '{"logGroupName": "/demo"}'
  # Without it no new task can start.
  must docker kill "$(of_task "$(tasks web)" 'containers[0].runtimeId')"
  await_incident web
  eventually in_phase "$incident" Escalated
  same "cause" ConfigurationMissing "$(get "$incident" .status.diagnosis.cause)"
  says "$(k describe "$incident")" "The specified log group does not exist"
  same "what was changed" "" "$(changes)"
}
case_ "a log group that is gone keeps tasks from starting: a person is told which, nothing is done" no_log_group
