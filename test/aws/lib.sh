# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# What the cases of run-ecs are written in, besides test/e2e/lib.sh. A case runs in a subshell; $dir and $id as
# there. Its account has one region, eu-central-1, and one cluster, demo, unless it makes another.

# The keys that the server knows: the suite's own and Salve's. They are the examples of AWS's manual.
readonly suite_key=AKIAIOSFODNN7EXAMPLE suite_secret=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
readonly salve_key=AKIAI44QH8DHBEXAMPLE salve_secret=je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY

# clear_aws_environment: nothing of whoever runs this reaches the cases.
clear_aws_environment() {
  local name
  for name in $(compgen -e AWS_); do unset "$name"; done
  export AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=/nonexistent/config \
    AWS_SHARED_CREDENTIALS_FILE=/nonexistent/credentials
}

remove_containers() {
  [ -n "${DOCKER_HOST:-}" ] || return 0
  docker ps --all --quiet --filter "$1" 2>/dev/null | xargs -r docker rm --force --volumes >/dev/null 2>&1 || true
}

# --- the server ---------------------------------------------------------------------------------------

# ecs [ARGUMENT…]: starts this case's server; its address goes to $ecs. There is a cluster demo and a log
# group /demo.
ecs() {
  python3 "$SALVE_ROOT/test/testing/ecs_server/ecs_server.py" --docker "$DOCKER_HOST" --state "$dir/ecs" \
    --ready-file "$dir/ecs.address" --label "$id" "$@" 2>>"$dir/ecs.log" &
  echo $! >"$dir/ecs.pid"
  eventually test -s "$dir/ecs.address"
  ecs=$(cat "$dir/ecs.address")
  must ask CreateCluster '{"clusterName": "demo"}'
  must ask logs:CreateLogGroup '{"logGroupName": "/demo"}'
}

stop_ecs() {
  local pid
  pid=$(cat "$dir/ecs.pid" 2>/dev/null) || return 0
  kill -TERM "$pid" 2>/dev/null || true
  wait_until 30 process_gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
  rm -f "$dir/ecs.pid"
  remove_containers "label=salve.dev/ecs-server=$id"
}

# ask [SERVICE:]OPERATION JSON [PATH…]: a call with the suite's key, see ask.py.
ask() { ASK_KEY=$suite_key ASK_SECRET=$suite_secret python3 "$here/ask.py" "$ecs" "$@"; }

# a ARGUMENT…: the AWS CLI with the suite's key; without retries of its own, an error is an error.
a() {
  AWS_ACCESS_KEY_ID=${key:-$suite_key} AWS_SECRET_ACCESS_KEY=${secret:-$suite_secret} AWS_MAX_ATTEMPTS=${attempts:-1} \
    AWS_DEFAULT_REGION=${region:-eu-central-1} AWS_ENDPOINT_URL="http://$ecs" AWS_PAGER='' \
    timeout $((patience + 10)) "$aws_cli" "$@"
}
# as_salve ARGUMENT…: with Salve's key.
as_salve() { key=$salve_key secret=$salve_secret a "$@"; }

# control JSON: tells the server something, see control.py.
control() { must python3 "$here/ask.py" "$ecs" control "$1"; }
# fault HOW OPERATION [COUNT]: Salve's next COUNT calls (1; -1: all) of that operation suffer so.
fault() { control "{\"do\": \"fail\", \"how\": \"$1\", \"operation\": \"$2\", \"count\": ${3:-1}}"; }
# calls [WORD=VALUE…]: what Salve called, a line each.
calls() { python3 "$here/ask.py" "$ecs" calls "$@"; }
count_calls() { calls "$@" | grep -c . || true; }
# changes: the calls of Salve that changed something, without their numbers.
changes() {
  calls applied=yes | grep -E ' (UpdateService|StopTask|RegisterTaskDefinition|CreateService|DeleteService) ' |
    cut -d ' ' -f 3- || true
}

# --- services -----------------------------------------------------------------------------------------

# definition FAMILY SCRIPT [FIELDS [IMAGE]]: registers a revision whose one container `app` runs SCRIPT; FIELDS
# are more of the container's, beginning with a comma. The case's directory $dir/shared is /shared in it: what
# a whole service shares.
definition() {
  mkdir -p "$dir/shared"
  must ask RegisterTaskDefinition "{\"family\": \"$1\", \"networkMode\": \"none\", \"cpu\": \"256\", \"memory\": \"512\",
    \"executionRoleArn\": \"arn:aws:iam::123456789012:role/demo\",
    \"volumes\": [{\"name\": \"shared\", \"host\": {\"sourcePath\": \"$dir/shared\"}}],
    \"containerDefinitions\": [{\"name\": \"app\", \"image\": \"${4:-salve-test/tiny:1}\", \"memory\": 64,
      \"command\": [\"sh\", \"-c\", \"$2\"], \"mountPoints\": [{\"sourceVolume\": \"shared\", \"containerPath\": \"/shared\"}],
      \"logConfiguration\": {\"logDriver\": \"awslogs\", \"options\": {\"awslogs-group\": \"/demo\",
        \"awslogs-region\": \"eu-central-1\", \"awslogs-stream-prefix\": \"$1\"}}${3:-}}]}"
}
# A process that ends at once when it is asked to.
# shellcheck disable=SC2034  # the cases use it
readonly idle='trap \"exit 0\" TERM; while :; do sleep 3600 & wait $!; done'

# service NAME COUNT [FIELDS]: a service of the newest revision of the family of its name; returns when stable.
# FIELDS are more of CreateService's, beginning with a comma.
service() {
  must ask CreateService "{\"cluster\": \"demo\", \"serviceName\": \"$1\", \"taskDefinition\": \"$1\", \"desiredCount\": $2${3:-}}"
  eventually steady "$1" "$2"
}
# update NAME FIELDS: UpdateService as somebody else than Salve.
update() { must ask UpdateService "{\"cluster\": \"demo\", \"service\": \"$1\", $2}"; }
# of_service NAME PATH…: what DescribeServices shows there.
of_service() {
  local name=$1
  shift
  ask DescribeServices "{\"cluster\": \"demo\", \"services\": [\"$name\"]}" "${@/#/services[0].}"
}
steady() { is "1 $2 0 COMPLETED" shape "$1"; }
# shape NAME: number of deployments, running, pending, the primary's rollout state.
shape() {
  ask DescribeServices "{\"cluster\": \"demo\", \"services\": [\"$1\"]}" '#services[0].deployments' \
    'services[0].runningCount' 'services[0].pendingCount' 'services[0].deployments[0].rolloutState'
}
revision() { of_service "$1" taskDefinition | sed 's|.*/||'; }
tasks() {
  ask ListTasks "{\"cluster\": \"demo\", \"serviceName\": \"$1\", \"desiredStatus\": \"${2:-RUNNING}\"}" 'taskArns[]'
}
# of_task ARN PATH…
of_task() {
  local task=$1
  shift
  ask DescribeTasks "{\"cluster\": \"demo\", \"tasks\": [\"$task\"]}" "${@/#/tasks[0].}"
}
events_of() { of_service "$1" 'events[].message'; }
said() { events_of "$1" | grep -qF "$2"; }

# --- salve on it --------------------------------------------------------------------------------------

# needs_salve: a case about the product, which cannot run without it.
needs_salve() {
  [ -x "$salve" ] || skip "$salve is not there; build the target salve, or set SALVE"
}

# configure: the file that names this case's account as the backend `aws`, and the engine. From now on the
# server enforces docs/iam-policy.md for Salve.
configure() {
  control "{\"do\": \"policy\", \"policy\": $("$here/iam_check.py" policy)}"
  cat >"$dir/salve.yaml" <<YAML
apiVersion: config.salve.dev/v1alpha1
kind: ControllerConfiguration
backends:
- {name: docker, docker: {host: "$DOCKER_HOST"}}
- name: aws
  ecs: {region: eu-central-1, endpoint: "http://$ecs", pollSeconds: 1}
YAML
}

# heal_ecs [ARGUMENT…]: starts salve with Salve's key and that file.
heal_ecs() {
  [ -s "$dir/salve.yaml" ] || configure
  AWS_ACCESS_KEY_ID=$salve_key AWS_SECRET_ACCESS_KEY=$salve_secret heal --config "$dir/salve.yaml" "$@"
}

# heals NAME [FIELDS]: a policy in mode Auto for the service of that name; FIELDS are lines of its spec. Where
# nothing proves a fix, $proof_seconds are the time after which it counts as none.
heals() {
  {
    printf '  mode: Auto\n  target: {ecs: {backend: aws, cluster: demo, service: %s}}\n' "$1"
    printf '  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: %s, consecutiveSuccesses: 2}\n' "${proof_seconds:-240}"
    printf '%s\n' "${2:-}"
  } | policy "$1"
  [ "${3:-}" = ill ] || eventually healthy "$1"
}

evidence() {
  local name
  if salve_ready "$salve" "$dir" >/dev/null 2>&1; then
    echo "--- resources"
    export KUBECONFIG="$dir/data/kubeconfig"
    k get healingpolicies,incidents -A 2>&1 | cut -c 1-200
    k get incidents -A \
      -o 'jsonpath={range .items[*]}{.metadata.name}: {.status.phase} {.status.outcome} {.status.summary}{"\n"}{range .status.gates[?(@.result=="Block")]}   {.name} {.reason}: {.message}{"\n"}{end}{end}' 2>&1
    k get healingpolicies -o 'jsonpath={range .items[*]}{range .status.targets[*]}{.name} {.state}: {.indicators}{"\n"}{end}{range .status.conditions[*]}   {.type}={.status} {.reason} {.message}{"\n"}{end}{end}' 2>&1 | cut -c 1-600
  fi
  if [ -s "$dir/ecs.address" ] && [ -s "$dir/ecs.pid" ]; then
    ecs=$(cat "$dir/ecs.address")
    echo "--- services"
    for name in $(ask ListServices '{"cluster": "demo"}' 'serviceArns[]'); do
      echo "${name##*/}: $(shape "${name##*/}"), $(of_service "$name" 'deployments[].taskDefinition' 'deployments[].id')"
      of_service "$name" 'events[].message' | cut -c 1-600
    done
    echo "--- what Salve called last, and what it changed"
    calls | tail -n 12
    changes
  fi
  [ ! -s "$dir/ecs.log" ] || { echo "--- the ECS server's log"; tail -n 20 "$dir/ecs.log"; }
  if [ -s "$dir/salve.log" ]; then
    echo "--- the last lines of salve's log"
    tail -n 15 "$dir/salve.log" | cut -c 1-400
  fi
}
