# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# The scripted ECS itself, seen by the AWS CLI: what the other cases stand on.

starts_tasks() {
  ecs
  definition web "echo hello; $idle"
  must a ecs create-service --cluster demo --service-name web --task-definition web --desired-count 2
  must a ecs wait services-stable --cluster demo --services web
  eventually is "1 2 0 COMPLETED" shape web
  local task ran
  read -r task _ <<<"$(tasks web)"
  same "task" "RUNNING RUNNING service:web" "$(a ecs describe-tasks --cluster demo --tasks "$task" \
    --query 'tasks[0].[lastStatus, desiredStatus, group]' --output text | tr '\t' ' ')"
  ran=$(of_task "$task" 'containers[0].runtimeId')
  same "the container of the engine" true "$(docker inspect --format '{{.State.Running}}' "$ran")"
  eventually said web "(service web) has reached a steady state."
  says "$(events_of web)" "(service web) has started 2 tasks: (task ${task##*/})"
  eventually is "hello hello" hellos
}
hellos() {
  a logs filter-log-events --log-group-name /demo --filter-pattern hello --query 'events[].message' --output text |
    tr '\t' ' '
}
case_ "ecs server: a service's tasks are containers of the engine, and awscli waits until it is stable" starts_tasks

rolls_out() {
  ecs
  definition web "$idle"
  service web 2
  local first second
  first=$(of_service web 'deployments[0].id')
  definition web "echo two; $idle"
  # By the answer itself: a moment later the old one may be gone.
  same "deployments" "PRIMARY ACTIVE" "$(a ecs update-service --cluster demo --service web --task-definition web:2 \
    --query 'service.deployments[].status' --output text | tr '\t' ' ')"
  must a ecs wait services-stable --cluster demo --services web
  same "task definition" web:2 "$(revision web)"
  second=$(of_service web 'deployments[0].id')
  [ "$first" != "$second" ] || fail "a new task definition made no new deployment"
  must a ecs update-service --cluster demo --service web --force-new-deployment
  [ "$second" != "$(of_service web 'deployments[0].id')" ] || fail "forceNewDeployment made no new deployment"
  eventually steady web 2
  says "$(of_task "$(tasks web STOPPED | cut -d ' ' -f 1)" stoppedReason)" "Scaling activity initiated by (deployment ecs-svc/"
  must a ecs update-service --cluster demo --service web --desired-count 1
  same "deployments after another count" 1 "$(shape web | cut -d ' ' -f 1)"
  eventually steady web 1
  must a ecs update-service --cluster demo --service web --desired-count 0
  eventually steady web 0
}
case_ "ecs server: a new task definition and a forced deployment replace the tasks, another count does not" rolls_out

# error WANTED COMMAND…: the call fails, and says that.
error() {
  local wanted=$1 said
  shift
  said=$("$@" 2>&1) && fail "succeeds: $*"
  says "$said" "$wanted"
}

# The task of $1 that has ended, once there is one.
ended() { task=$(tasks "$1" STOPPED | cut -d ' ' -f 1) && [ -n "$task" ] && is STOPPED of_task "$task" lastStatus; }

task_ends() {
  ecs
  definition web "$idle"
  service web 1
  local task
  docker kill "$(of_task "$(tasks web)" 'containers[0].runtimeId')" >/dev/null
  eventually ended web
  same "why" "EssentialContainerExited Essential container in task exited 137" \
    "$(of_task "$task" stopCode stoppedReason 'containers[0].exitCode')"
  eventually steady web 1
  must a ecs stop-task --cluster demo --task "$(tasks web)" --reason "by hand"
  eventually has_stopped_by_hand
  eventually steady web 1
}
has_stopped_by_hand() {
  local name
  for name in $(tasks web STOPPED); do
    [ "$(of_task "$name" stopCode stoppedReason lastStatus)" != "UserInitiated by hand STOPPED" ] || return 0
  done
  return 1
}
case_ "ecs server: a task that ends says with which code, and another takes its place" task_ends

cannot_pull() {
  ecs
  definition web "$idle"
  service web 2
  definition web "$idle" "" salve-test/none:9
  update web '"taskDefinition": "web:2"'
  eventually said web "is unable to consistently start tasks successfully"
  local task
  eventually ended web
  says "$(of_task "$task" stopCode stoppedReason 'containers[0].reason')" TaskFailedToStart \
    "CannotPullContainerError" "salve-test/none:9"
  same "those before serve" "2 IN_PROGRESS" "$(of_service web runningCount 'deployments[0].rolloutState')"
  [ "$(of_service web 'deployments[0].failedTasks')" -ge 3 ] || fail "failedTasks does not grow"
}
case_ "ecs server: an image that is not there fails the new tasks and leaves the old ones" cannot_pull

breaker() {
  ecs
  definition web "$idle"
  service web 1 ', "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}}'
  definition web "echo no such option; exit 3"
  update web '"taskDefinition": "web:2"'
  eventually said web "deployment failed: tasks failed to start."
  says "$(events_of web)" "(service web) rolling back to deployment ecs-svc/"
  eventually steady web 1
  same "task definition" web:1 "$(revision web)"
  must a ecs update-service --cluster demo --service web --task-definition web:2 \
    --deployment-configuration 'deploymentCircuitBreaker={enable=true,rollback=false}'
  eventually is "FAILED" of_service web 'deployments[0].rolloutState'
  same "why" "ECS deployment circuit breaker: tasks failed to start." \
    "$(of_service web 'deployments[0].rolloutStateReason')"
  same "those before serve" "2 1 0 FAILED" "$(shape web)"
}
case_ "ecs server: the circuit breaker fails a deployment after three tasks, and rolls back if it is to" breaker

out_of_memory() {
  ecs
  definition greedy "exec dd if=/dev/zero of=/dev/null bs=200M count=1" ', "memory": 16'
  must ask CreateService '{"cluster": "demo", "serviceName": "greedy", "taskDefinition": "greedy", "desiredCount": 1}'
  local task
  eventually ended greedy
  says "$(of_task "$task" 'containers[0].reason' 'containers[0].exitCode')" OutOfMemoryError 137
}
case_ "ecs server: a container beyond its memory is an OutOfMemoryError" out_of_memory

checks_health() {
  ecs
  definition web "rm -f /tmp/ill; $idle" \
    ', "healthCheck": {"command": ["CMD-SHELL", "test ! -e /tmp/ill"], "interval": 1, "retries": 1, "timeout": 60}'
  service web 1
  local task sick
  sick=$(tasks web)
  eventually is HEALTHY of_task "$sick" healthStatus
  must docker exec "$(of_task "$sick" 'containers[0].runtimeId')" touch /tmp/ill
  eventually ended web
  same "which" "$sick" "$task"
  same "why" "ServiceSchedulerInitiated Task failed container health checks" \
    "$(of_task "$task" stopCode stoppedReason)"
  eventually steady web 1
  says "$(events_of web)" "(task ${sick##*/}) failed container health checks."
  control '{"do": "failing_targets", "services": ["web"]}'
  eventually stopped_by_elb
}
stopped_by_elb() {
  local name
  for name in $(tasks web STOPPED); do
    of_task "$name" stoppedReason | grep -q "Task failed ELB health checks in (target-group" && return 0
  done
  return 1
}
case_ "ecs server: tasks that fail their own or the load balancer's health check are replaced" checks_health

same_image() {
  ecs
  docker tag salve-test/tiny:1 "salve-test/$id:live"
  trap 'docker rmi --no-prune "salve-test/$id:live" >/dev/null 2>&1' EXIT
  definition web "$idle" "" "salve-test/$id:live"
  service web 1
  local first
  first=$(of_task "$(tasks web)" 'containers[0].imageDigest')
  docker tag salve-test/redis:7 "salve-test/$id:live"
  must ask StopTask "{\"cluster\": \"demo\", \"task\": \"$(tasks web)\"}"
  eventually steady_with web "$first"
  update web '"forceNewDeployment": true'
  eventually steady web 1
  [ "$(of_task "$(tasks web)" 'containers[0].imageDigest')" != "$first" ] || fail "a new deployment runs the old image"
}
steady_with() { steady "$1" 1 && is "$2" of_task "$(tasks "$1")" 'containers[0].imageDigest'; }
case_ "ecs server: all tasks of a deployment run one image, a new deployment looks at the tag again" same_image

answers_errors() {
  ecs
  definition web "$idle"
  service web 1
  error "(ClusterNotFoundException)" a ecs describe-services --cluster nowhere --services web
  same "missing service" "MISSING" "$(a ecs describe-services --cluster demo --services none --query 'failures[].reason' --output text)"
  error "(InvalidParameterException)" a ecs describe-services --cluster demo --services $(seq 11)
  error "(ServiceNotFoundException)" a ecs update-service --cluster demo --service none --desired-count 1
  error "(ServiceNotFoundException)" a ecs list-tasks --cluster demo --service-name none
  error "(ClientException)" a ecs update-service --cluster demo --service web --task-definition web:9
  error "(ClientException)" a ecs describe-task-definition --task-definition none
  error "(InvalidParameterException)" a ecs stop-task --cluster demo --task 0123
  error "(InvalidParameterException)" a ecs delete-service --cluster demo --service web
  error "(ResourceNotFoundException)" a logs filter-log-events --log-group-name /none
  same "missing task" "MISSING" "$(a ecs describe-tasks --cluster demo --tasks 0123 --query 'failures[].reason' --output text)"
  must a ecs deregister-task-definition --task-definition web:1
  same "deregistered" INACTIVE "$(a ecs describe-task-definition --task-definition web:1 --query taskDefinition.status --output text)"
  error "(ClientException)" a ecs update-service --cluster demo --service web --task-definition web:1
  must a ecs delete-service --cluster demo --service web --force
  eventually is INACTIVE of_service web status
  error "(ServiceNotActiveException)" a ecs update-service --cluster demo --service web --desired-count 1
}
case_ "ecs server: its errors are those that ECS documents" answers_errors

checks_signatures() {
  ecs
  secret=wrong error "(InvalidSignatureException)" a ecs list-clusters
  key=AKIAUNKNOWN error "(UnrecognizedClientException)" a ecs list-clusters
  region=eu-west-1 error "Credential should be scoped to a valid region" a ecs list-clusters
  AWS_SESSION_TOKEN=made-up error "(UnrecognizedClientException)" a ecs list-clusters
  local container="AWS_CONTAINER_CREDENTIALS_FULL_URI=http://$ecs/_credentials"
  # shellcheck disable=SC2317  # must and error call it
  by_session() {
    env "$container" AWS_CONTAINER_AUTHORIZATION_TOKEN="${1:-suite-token}" AWS_DEFAULT_REGION=eu-central-1 \
      AWS_ENDPOINT_URL="http://$ecs" AWS_MAX_ATTEMPTS=1 timeout $((patience + 10)) "$aws_cli" ecs list-clusters
  }
  must by_session
  error "Error" by_session wrong
  control '{"do": "session_seconds", "seconds": -1}'
  error "" by_session
  control '{"do": "skew", "seconds": 1200}'
  error "Signature expired" a ecs list-clusters
  control '{"do": "skew", "seconds": -1200}'
  error "Signature not yet current" a ecs list-clusters
  control '{"do": "skew", "seconds": 0}'
  local status
  status=$(python3 - "http://$ecs/" <<'PY'
import sys, urllib.error, urllib.request
call = urllib.request.Request(sys.argv[1], b"{}", {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters"})
try:
    print(urllib.request.urlopen(call, timeout=10).status)
except urllib.error.HTTPError as problem:
    print(problem.code, problem.headers["x-amzn-ErrorType"])
PY
)
  same "without a signature" "403 MissingAuthenticationTokenException" "$status"
}
case_ "ecs server: a wrong key, secret, token, region or clock is refused as AWS refuses it" checks_signatures

makes_faults() {
  ecs
  definition web "$idle"
  service web 1
  local said
  fault throttle DescribeServices 2
  said=$(as_salve ecs describe-services --cluster demo --services web 2>&1) && fail "is not throttled"
  says "$said" "(ThrottlingException)" "Rate exceeded"
  same "the suite's own calls" ACTIVE "$(of_service web status)"
  attempts=3 must as_salve ecs describe-services --cluster demo --services web
  fault denied UpdateService
  said=$(as_salve ecs update-service --cluster demo --service web --desired-count 2 2>&1) && fail "is not denied"
  says "$said" "(AccessDeniedException)" "user/salve is not authorized to perform: ecs:UpdateService on resource: arn:aws:ecs:eu-central-1:123456789012:service/demo/web"
  fault lost UpdateService
  said=$(as_salve ecs update-service --cluster demo --service web --desired-count 2 2>&1) && fail "the answer is not lost"
  same "done all the same" 2 "$(of_service web desiredCount)"
  same "what the witness saw" "UpdateService 200 service=web desiredCount=2" "$(changes)"
  control '{"do": "visibility", "seconds": 3}'
  local count=2
  eventually shown_late
  eventually is "$count" of_service web desiredCount
}
# shown_late: the service has another $count, and what is shown first is the one before. Who looks too late for
# that looks again after another change.
shown_late() {
  count=$((3 - count))
  update web "\"desiredCount\": $count"
  is $((3 - count)) of_service web desiredCount
}
case_ "ecs server: throttling, refusals, lost answers and late visibility come as they are asked for" makes_faults

keeps_logs() {
  ecs
  definition talk "for i in 1 2 3 4 5 6 7; do echo line \$i; done; echo ERROR disk full; $idle"
  service talk 1
  lines() { a logs filter-log-events --log-group-name /demo "$@" --query 'events[].message' --output text | tr '\t\n' '  '; }
  eventually is "line 1 line 2 line 3 line 4 line 5 line 6 line 7 ERROR disk full " lines
  control '{"do": "logs", "page_limit": 3, "empty_pages": 1}'
  same "page by page" "line 1 line 2 line 3 line 4 line 5 line 6 line 7 ERROR disk full " "$(lines | sed 's/None //g')"
  control '{"do": "logs"}'
  same "by words" "ERROR disk full " "$(lines --filter-pattern '"disk full"')"
  same "none" "" "$(lines --start-time $(($(date +%s) * 1000 + 60000)) | tr -d ' ')"
  same "stream" "talk/app/$(tasks talk | sed 's|.*/||')" \
    "$(a logs describe-log-streams --log-group-name /demo --query 'logStreams[].logStreamName' --output text)"
  must a logs delete-log-group --log-group-name /demo
  update talk '"forceNewDeployment": true'
  local task
  eventually ended talk
  says "$(of_task "$task" stoppedReason)" "ResourceInitializationError" "The specified log group does not exist"
}
case_ "ecs server: what containers say is found again by time, words and pages" keeps_logs

enforces_policies() {
  ecs
  definition web "$idle"
  service web 1
  control '{"do": "policy", "policy": {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "ecs:DescribeServices", "Resource": "arn:aws:ecs:eu-central-1:123456789012:service/demo/*"},
    {"Effect": "Allow", "Action": "ecs:ListTasks", "Resource": "*",
     "Condition": {"ArnEquals": {"ecs:cluster": "arn:aws:ecs:eu-central-1:123456789012:cluster/demo"}}}]}}'
  must as_salve ecs describe-services --cluster demo --services web
  must as_salve ecs list-tasks --cluster demo
  local said
  said=$(as_salve ecs update-service --cluster demo --service web --desired-count 2 2>&1) && fail "is not denied"
  says "$said" "(AccessDeniedException)" "ecs:UpdateService"
  must a ecs create-cluster --cluster-name other
  said=$(as_salve ecs list-tasks --cluster other 2>&1) && fail "another cluster is not denied"
  says "$said" "(AccessDeniedException)" "ecs:ListTasks"
}
case_ "ecs server: a policy of IAM is enforced by action, resource and cluster" enforces_policies

many_services() {
  ecs
  must ask RegisterTaskDefinition '{"family": "idle", "cpu": "256", "memory": "512",
    "containerDefinitions": [{"name": "app", "image": "simulated/running"}]}'
  local i
  for i in $(seq 12); do
    must ask CreateService "{\"cluster\": \"demo\", \"serviceName\": \"s$i\", \"taskDefinition\": \"idle\", \"desiredCount\": 3}"
  done
  must a ecs wait services-stable --cluster demo --services s1 s2 s3 s4 s5 s6 s7 s8 s9 s10
  same "services" 12 "$(a ecs list-services --cluster demo --page-size 5 --query 'length(serviceArns)' --output text | awk '{ n += $1 } END { print n }')"
  same "containers of the engine" "" "$(docker ps --quiet --filter "label=salve.dev/ecs-server=$id")"
}
case_ "ecs server: simulated tasks need no container" many_services
