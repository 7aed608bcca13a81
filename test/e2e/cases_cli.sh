# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Every word of the command line, as a person or a script types it.

s() { timeout "$patience" "$salve" "$@"; }

# exits CODE COMMAND…: the command ends with that code; what it printed is in $out, what it complained in $err.
exits() {
  local wanted=$1 code=0
  shift
  "$@" >"$dir/out.txt" 2>"$dir/err.txt" || code=$?
  out=$(cat "$dir/out.txt") err=$(cat "$dir/err.txt")
  [ "$code" = "$wanted" ] || fail "exit code $code, not $wanted: $*"$'\n'"$out"$'\n'"$err"
}

# bare_names: those in $out, a line each as -o name prints them, in order.
bare_names() { sed 's|.*/||' "$dir/out.txt" | sort | xargs; }

# json FILTER: of the last $out; it must be JSON. jq comes with hack/install-deps.
json() { jq -er "$1" <<<"$out" || fail "no $1 in:"$'\n'"$out"; }

cli_quiet_policy() { # NAME [NAMESPACE [LABEL]]: a valid one that never acts
  cat <<YAML
apiVersion: salve.dev/v1alpha1
kind: HealingPolicy
metadata: {name: $1, namespace: ${2:-default}, labels: {team: ${3:-none}}}
spec:
  mode: Observe
  target: {docker: {container: $id-none}}
YAML
}

cli_guardrail() { # NAME
  printf 'apiVersion: salve.dev/v1alpha1\nkind: HealingGuardrail\nmetadata: {name: %s}\nspec: {maxMode: Approve}\n' "$1"
}

cli_namespace() { must s apply -f - <<<"{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"$1\"}}"; }

# ill_patient [MODE [APPROVALS]]: a patient under policy careful, ill; its incident is in $incident and
# without the type in $name. What was done is counted from $since.
cli_ill_patient() {
  patient "$id-a"
  heal
  policy careful <<YAML
  mode: ${1:-Approve}
  target: {docker: {container: $id-a}}
  ladder: [{name: restart, action: {restart: {}}}]
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
  approval: {minApprovals: ${2:-1}}
YAML
  eventually healthy careful
  since=$(mark)
  make_ill "$id-a"
  await_incident careful
  name=${incident##*/}
}

# --- reading --------------------------------------------------------------------------------------------

cli_gets() {
  heal
  cli_namespace team
  cli_quiet_policy one default red | must s apply -f -
  cli_quiet_policy two default blue | must s apply -f -
  cli_quiet_policy three team red | must s apply -f -

  exits 0 s get healpol
  says "$out" NAME one two
  [[ $out != *three* ]] || fail "a policy of another namespace is shown"
  [[ $(head -n 1 <<<"$out") == NAME* ]] || fail "the header is missing"
  exits 0 s get healpol --no-headers
  same "lines without a header" 2 "$(wc -l <<<"$out")"
  local narrow
  exits 0 s get healingpolicies
  narrow=$(head -n 1 <<<"$out" | wc -w)
  exits 0 s get healingpolicies -o wide
  [ "$(head -n 1 <<<"$out" | wc -w)" -gt "$narrow" ] || fail "-o wide shows no more: $out"
  exits 0 s get healpol -A -o name
  same "names in all namespaces" "one three two" "$(bare_names)"
  exits 0 s get healpol -A -l team=red -o name
  same "by label" "one three" "$(bare_names)"
  exits 0 s get healpol --field-selector metadata.name=two -o name
  same "by field" healingpolicy.salve.dev/two "$out"
  exits 0 s get healpol/one -o json
  same "one object" one "$(json .metadata.name)"
  exits 0 s get healpol -o json
  same "a list" "List 2" "$(json '"\(.kind) \(.items | length)"')"
  exits 0 s get healpol two -o yaml
  says "$out" "kind: HealingPolicy" "mode: Observe"
  exits 0 s get healpol two -o 'jsonpath={.spec.mode} {.metadata.labels.team}'
  same "jsonpath" "Observe blue" "$out"
  exits 0 s get healing,ns -A -o name
  says "$out" namespace/team healingpolicy.salve.dev/one
  exits 0 s get inc
  says "$err" "No resources found in default namespace"
  exits 3 s get healpol missing
  says "$err" missing "not found"
  exits 2 s get healpols
  says "$err" "no resource type \"healpols\""
  exits 2 s get healpol -o xml
  says "$err" jsonpath=

  # -w: what is there, then each change until nobody reads.
  timeout "$((3 * patience))" "$salve" get healpol -w -o name >"$dir/watched" 2>&1 &
  local watcher=$!
  eventually grep -q two "$dir/watched"
  cli_quiet_policy four | must s apply -f -
  eventually grep -q four "$dir/watched"
  kill "$watcher"
}
case_ "the command line: get shows tables, names, JSON, YAML, a template, and changes as they come" cli_gets

cli_describes() {
  cli_ill_patient
  cli_guardrail careful-people | must s apply -f -
  eventually in_phase "$incident" AwaitingApproval
  must decide "$incident" Reject
  outcome "$incident" Rejected
  eventually told_event Proposed
  exits 0 s describe healingpolicy careful
  says "$out" "healingpolicy.salve.dev/careful" "mode: Approve" events:
  exits 0 s describe incident "$name"
  # The events were not read at all once.
  says "$out" "$id-a" Proposed "docker restart $id-a" MESSAGE
  exits 0 s describe healingguardrails
  says "$out" "healingguardrail.salve.dev/careful-people" "maxMode: Approve"
  exits 0 s describe incidentapprovals
  says "$out" "decision: Reject" "approver: admin"
  exits 0 s describe "incident/$name" -o json
  same "the object" "$name" "$(json .object.metadata.name)"
  [ "$(json '.events | length')" -gt 0 ] || fail "no events in $out"
  exits 3 s describe incident missing
}
case_ "the command line: describe shows each kind with its events" cli_describes

cli_explains() {
  cli_ill_patient
  cli_namespace team
  must s pause careful --for 1h --reason "new disks"
  must s patch healingpolicy careful -p '{"spec": {"pauses": [{"name": "upgrade"}], "guardrails": {"maxActions": {"count": 1}}}}'
  blocked "$incident" Paused PausedByPolicy
  # An incident, a policy and a target are all words for it.
  local word
  for word in "$name" "incident/$name" careful healingpolicy/careful default/careful "$id-a"; do
    exits 0 s why "$word"
    says "$out" "$name" "BLOCK  Paused" "To go on:" "salve resume careful --name upgrade" \
      "salve approve $name --digest "
    [[ $out != *$'\033'* ]] || fail "colours for a file"
  done
  exits 0 s why "$name" -o json
  same "the gates that block" "Paused Approval" "$(json '[.incident.gates[] | select(.result == "Block").name] | join(" ")')"
  same "what is next" "Paused Approval" "$(json '[.next[].gate] | join(" ")')"
  exits 0 s why "$name" -o yaml
  says "$out" "command: salve resume careful --name upgrade"
  # The commands that it prints are the ones that help, typed as they stand.
  exits 0 s why "$name" -n default -o 'jsonpath={.next[0].command}'
  mkdir "$dir/bin" && ln -s "$salve" "$dir/bin/salve"
  PATH=$dir/bin:$PATH must bash -c "$out"
  eventually in_phase "$incident" AwaitingApproval
  exits 0 s why "$name" -o 'jsonpath={.next[0].command}'
  PATH=$dir/bin:$PATH must bash -c "$out --yes"
  outcome "$incident" HealedAfterApproval
  exits 0 s why careful
  says "$out" "no open incident" "last incident: $name, HealedAfterApproval"
  exits 0 s why "$name"
  [[ $out != *"To go on"* ]] || fail "something is left to do: $out"
  exits 3 s why nothing-of-this-name
  says "$err" "no incident, policy or target"
  exits 3 s why careful -n team
  exits 2 s why
  exits 2 s why a/b/c

  # A target that was never ill is found through its policy; a policy in its own file says what it waits for.
  cli_quiet_policy watcher | must s apply -f -
  exits 0 s why watcher
  says "$out" "Observe" "salve patch healingpolicy watcher"
  exits 0 s get "$incident" -o yaml
  KUBECONFIG=/nowhere exits 0 s why -f - <<<"$out"
  says "$out" "$name: Resolved"
}
case_ "the command line: why leads from a blocked incident to the command that unblocks it" cli_explains

cli_reports() {
  cli_ill_patient Auto
  outcome "$incident" AutoHealed
  exits 0 s report "$name"
  says "$out" "# Incident " "## Diagnosis" "## What was done" "docker restart $id-a" "## Timeline"
  exits 0 s report "$name" -o json
  same "outcome" AutoHealed "$(json .outcome)"
  same "attempts" restart "$(json '.attempts[0].step')"
  [ "$(json '.timeline | length')" -gt 3 ] || fail "a short timeline: $out"
  exits 0 s report careful
  says "$out" "$id-a"
  exits 3 s report missing

  exits 0 s timeline "$name"
  says "$out" thinking command executing verifying complete
  [[ $out != *$'\033'* ]] || fail "colours for a file"
  exits 0 s timeline -A -o json
  same "one object a line" "$name" "$(jq -rs '.[0].incident' <<<"$out")"
  exits 3 s timeline missing
  # Of one incident it ends when that is over.
  exits 0 s timeline -f "$name"
  says "$out" complete
  exits 0 s get incidents -o json
  KUBECONFIG=/nowhere exits 0 s timeline --filename - <<<"$out"
  says "$out" complete

  timeout "$((3 * patience))" "$salve" timeline -f >"$dir/followed" 2>&1 &
  local follower=$!
  eventually grep -q complete "$dir/followed"
  make_ill "$id-a"
  eventually grep -q "${name%-1}-2" "$dir/followed"
  kill "$follower"
}
case_ "the command line: report and timeline tell what happened, and timeline -f what happens" cli_reports

# --- changing -------------------------------------------------------------------------------------------

cli_applies() {
  heal
  mkdir "$dir/files"
  cli_quiet_policy one >"$dir/files/one.yaml"
  cli_quiet_policy two >"$dir/files/two.yaml"
  exits 0 s apply -f "$dir/files" --dry-run server
  says "$out" "one created (server dry run)"
  same "what a dry run leaves" "" "$(s get healpol -o name 2>/dev/null)"
  exits 0 s apply -f "$dir/files"
  says "$out" "healingpolicy.salve.dev/one created" "healingpolicy.salve.dev/two created"
  exits 0 s apply -f "$dir/files"
  says "$out" "one unchanged" "two unchanged"
  sed -i 's/Observe/Approve/' "$dir/files/one.yaml"
  exits 0 s apply -f "$dir/files/one.yaml" -o json
  same "what is there then" Approve "$(json .spec.mode)"
  # A bad document does not keep the others from being applied.
  cli_quiet_policy bad | sed 's/mode:/mood:/' >"$dir/files/bad.yaml"
  sed -i 's/Approve/Auto/' "$dir/files/one.yaml"
  exits 1 s apply -f "$dir/files"
  says "$err" "bad.yaml:1" spec.mood
  says "$out" "one configured"
  exits 3 s apply -f "$dir/nowhere.yaml"
  exits 1 s apply -f - <<<"{}"
  exits 2 s apply

  exits 0 s patch healpol one -p 'spec: {mode: Observe}' -o name
  same "the name" healingpolicy.salve.dev/one "$out"
  same "what the patch did" Observe "$(get healpol/one .spec.mode)"
  exits 1 s patch healpol one -p '{"spec": {"mode": "Sometimes"}}'
  says "$err" spec.mode
  exits 0 s patch healpol/one --type json -p '[{"op": "replace", "path": "/spec/mode", "value": "Approve"}]'
  exits 2 s patch healpol one -p '[1'

  exits 0 s wait --for=jsonpath='{.spec.mode}'=Approve healpol/one --timeout "${patience}s"
  says "$out" "one condition met"
  exits 0 s wait --for=condition=TargetFound=False healpol/one --timeout "${patience}s" -o json
  same "what was waited for" one "$(json .name)"
  exits 124 s wait --for=condition=TargetFound healpol/one --timeout 1s
  says "$err" "timed out" TargetFound
  exits 124 s wait --for=condition=TargetFound healpol/one --timeout 0
  exits 3 s wait --for=condition=Ready healpol/missing --timeout "${patience}s"
  exits 2 s wait --for=sunshine healpol/one

  exits 2 s delete healpol one
  says "$err" --yes
  must there one
  exits 0 s delete healpol one --yes --timeout "${patience}s"
  says "$out" 'healingpolicy.salve.dev "one" deleted'
  there one >/dev/null 2>&1 && fail "delete came back before the end"
  exits 3 s delete healpol one --yes
  exits 0 s delete healpol one --yes --ignore-not-found
  exits 2 s delete healpol --yes
  # An object that something holds back: the time is not enough, and that is no success.
  must s patch healpol two -p '{"metadata": {"finalizers": ["example.com/hold"]}}'
  exits 124 s delete healpol two --yes --timeout 1s
  says "$err" "timed out"
  must there two
  exits 0 s delete healpol two --yes --wait=false
  must s patch healpol two -p '{"metadata": {"finalizers": []}}'
  exits 0 s wait --for=delete healpol/two --timeout "${patience}s"
}
case_ "the command line: apply, patch, wait and delete do what their exit codes say" cli_applies

cli_moves() {
  heal
  cli_namespace team
  cli_quiet_policy one | must s apply -f -
  cli_quiet_policy two team | must s apply -f -
  cli_guardrail all | must s apply -f -
  exits 0 s export -A
  says "$out" "kind: Namespace" "name: team" "kind: HealingGuardrail"
  [[ $out != *resourceVersion* && $out != *"uid:"* ]] || fail "fields of the server: $out"
  printf '%s\n' "$out" >"$dir/export.yaml"
  exits 0 s export -A -o json
  same "objects" 4 "$(json '.items | length')"
  exits 0 s export
  [[ $out != *"namespace: team"* ]] || fail "more than this namespace"

  # Into another one that is empty.
  stop_salve "$dir"
  rm -rf "$dir/data"
  heal
  exits 0 s apply -f "$dir/export.yaml"
  says "$out" "one created" "two created" "all created"
  same "the same again" "one two" "$(s get healpol -A -o name | sed 's|.*/||' | sort | xargs)"
  exits 0 s export -A
  same "an export of it" "$(cat "$dir/export.yaml")" "$out"
}
case_ "the command line: what export prints can be applied to an empty server, namespaces and all" cli_moves

cli_pauses() {
  heal
  cli_namespace team
  cli_quiet_policy one | must s apply -f -
  cli_quiet_policy two | must s apply -f -
  cli_quiet_policy three team | must s apply -f -
  exits 0 s pause one --for 1h --reason "moving the data"
  says "$out" "one paused until 2"
  same "its pause" "cli-admin moving the data" "$(get healpol/one '.spec.pauses[0].name') $(get healpol/one '.spec.pauses[0].reason')"
  eventually is True condition healingpolicy/one Paused
  same "the other's" "" "$(get healpol/two .spec.pauses)"
  exits 0 s resume one
  says "$out" "one resumed"
  same "its pause" "[]" "$(get healpol/one .spec.pauses | sed 's/^$/[]/')"

  exits 0 s pause --all -o json
  same "policies of the namespace" 2 "$(json '.items | length')"
  same "the other namespace's" "" "$(k get healpol/three -n team -o 'jsonpath={.spec.pauses}')"
  exits 0 s pause -A
  says "$out" "three -n team paused until salve resume"
  exits 0 s resume team/three
  exits 0 s resume -A
  same "pauses that are left" "" "$(k get healpol -A -o 'jsonpath={.items[*].spec.pauses[*].name}')"

  # What stands in the policy is not ours to take away by itself, and nobody is told that it is over.
  must s patch healpol one -p '{"spec": {"pauses": [{"name": "upgrade", "reason": "new disks"}]}}'
  exits 1 s resume one
  says "$err" "still paused" upgrade "new disks" --name
  exits 0 s resume one --name upgrade
  exits 2 s pause
  says "$err" --all
  exits 2 s pause one --all
  exits 2 s pause one --for later
  exits 3 s pause missing
  exits 3 s pause --all -n nobody
}
case_ "the command line: pause and resume one policy, a namespace, or all" cli_pauses

cli_decides() {
  cli_ill_patient Approve 2
  eventually in_phase "$incident" AwaitingApproval
  person paul salve:viewers salve:approvers
  person vera salve:viewers
  exits 2 s approve "$name"
  says "$err" --yes
  exits 4 as vera s approve "$name" --yes
  exits 5 s approve "$name" --digest 00000000 --yes
  says "$err" "has changed"
  exits 2 s approve "$name" --digest 123 --yes
  exits 3 s approve missing --yes
  exits 2 s approve healingpolicy/careful --yes
  exits 0 s approve "incident/$name" --yes --reason "read it"
  says "$out" "docker restart $id-a" "approved by admin; 1 more must approve it"
  exits 0 as paul s reject "default/$name" --yes --reason "not now" -o json
  same "the decision" "Reject paul not now" "$(json '"\(.spec.decision) \(.spec.approver) \(.spec.reason)"')"
  outcome "$incident" Rejected
  exits 5 s approve "$name" --yes
  says "$err" "is over (Rejected)"
  exits 5 s cancel "$name" --yes
  says "$err" "is over already (Rejected)"
  same "what was done" "" "$(actions "$since" "$id-a")"
}
case_ "the command line: approve and reject show what is decided, and say who is missing" cli_decides

cli_cancels() {
  cli_ill_patient
  eventually in_phase "$incident" AwaitingApproval
  exits 2 s cancel "$name"
  says "$err" --yes
  exits 0 s cancel "$name" --yes
  says "$out" "will end after what is running"
  outcome "$incident" Cancelled
  same "what was done" "" "$(actions "$since" "$id-a")"
  exits 3 s cancel missing --yes
}
case_ "the command line: cancel ends an incident and nothing is done" cli_cancels

# --- looking ahead --------------------------------------------------------------------------------------

cli_versions() { k get healingpolicies,incidents,incidentapprovals,events,leases -A -o 'jsonpath={range .items[*]}{.kind}/{.metadata.name}={.metadata.resourceVersion} {end}'; }

cli_simulation_writes_nothing() {
  local before
  before=$(cli_versions)
  s simulate -f "$dir/wish.yaml" && is "$before" cli_versions
}

cli_simulates() {
  patient "$id-a"
  patient "$id-b"
  heal
  cli_quiet_policy bystander | must s apply -f -
  eventually is False condition healingpolicy/bystander TargetFound
  make_ill "$id-a"
  policy_yaml wish >"$dir/wish.yaml" <<YAML
  mode: Auto
  target: {docker: {container: $id-a}}
  ladder: [{name: restart, action: {restart: {}}}]
  guardrails: {maxAutoRisk: Low}
YAML
  eventually health_is unhealthy "$id-a"
  local since
  since=$(mark)
  # No server is asked.
  KUBECONFIG=/nowhere exits 0 s simulate -f "$dir/wish.yaml"
  says "$out" "$id-a: ill" "docker restart $id-a" "Gates: " "BLOCK  Approval" "pass   Budget"
  KUBECONFIG=/nowhere exits 0 s simulate -f "$dir/wish.yaml" -o json
  same "gates" 18 "$(json '.[0].status.gates | length')"
  # Salve itself may still have something to write: only a simulation that writes does so each time.
  eventually cli_simulation_writes_nothing
  sed -i "s/$id-a/$id-b/" "$dir/wish.yaml"
  exits 0 s simulate -f - <"$dir/wish.yaml"
  says "$out" "$id-b: healthy, nothing would be done"
  same "what was done" "" "$(actions "$since" "$id-a")"
  sed -i "s/$id-b/$id-none/" "$dir/wish.yaml"
  exits 3 s simulate -f "$dir/wish.yaml"
  sed -i "s/mode/mood/" "$dir/wish.yaml"
  exits 1 s simulate -f "$dir/wish.yaml"
  says "$err" spec.mood
}
case_ "the command line: simulate shows every gate and neither writes nor does anything" cli_simulates

cli_preflights() {
  heal
  local port data=(--data-dir "$dir/new/data") free=(--listen 127.0.0.1:0 --http-listen 127.0.0.1:0)
  exits 0 s preflight "${data[@]}" "${free[@]}"
  says "$out" "docker engine" "data directory" "API port" "HTTP port" clock "knows us as admin"
  [ ! -e "$dir/new" ] || fail "preflight has made the data directory"
  exits 0 env -u KUBECONFIG HOME="$dir" "$salve" preflight "${data[@]}" "${free[@]}"
  says "$out" "none yet"
  # The address of the Salve that runs is taken.
  port=$(cat "$dir/data/http-address")
  exits 1 s preflight "${data[@]}" --listen 127.0.0.1:0 --http-listen "$port" -o json
  same "what failed" "HTTP port" "$(json '[.[] | select(.ok | not).check] | join(" ")')"
  DOCKER_HOST=unix://$dir/no.sock exits 1 s preflight "${data[@]}" "${free[@]}"
  says "$out" "FAILED" "no engine answers at unix://$dir/no.sock"
  exits 1 s preflight --data-dir /proc/salve "${free[@]}"
  says "$out" "/proc is not writable"
  : >"$dir/file"
  exits 1 s preflight --data-dir "$dir/file" "${free[@]}"
  says "$out" "is no directory"
  exits 1 s preflight "${data[@]}" "${free[@]}" --config "$dir/nowhere.yaml"
  # A server that does not answer is a warning, unless it was asked for by name.
  stop_salve "$dir"
  exits 0 s preflight "${data[@]}" "${free[@]}"
  says "$out" warning
  exits 1 s preflight "${data[@]}" "${free[@]}" --kubeconfig "$dir/data/kubeconfig"
}
case_ "the command line: preflight finds what would keep Salve from running, and changes nothing" cli_preflights

# --- breaking -------------------------------------------------------------------------------------------

cli_injects_signals() {
  container "$id-no" --network none salve-test/tiny:1 sleep 3600
  container "$id-a" --network none --label salve.dev/inject=allowed salve-test/tiny:1 sleep 3600
  local fault
  for fault in crash hang redis-memory redis-clients postgres-connections; do
    exits 4 s inject "$fault" --container "$id-no"
    says "$err" "salve.dev/inject"
  done
  must runs "$id-no"
  exits 0 s inject hang --container "$id-a"
  says "$out" SIGSTOP
  eventually is T cli_state_of "$id-a"
  exits 0 s inject hang --container "$id-a" --undo
  eventually is S cli_state_of "$id-a"
  exits 0 s inject crash --container "$id-a" -o json
  same "the fault" "crash $id-a" "$(json '"\(.fault) \(.container)"')"
  eventually cli_stopped "$id-a"
  same "its exit code" 137 "$(docker inspect --format '{{.State.ExitCode}}' "$id-a")"
  exits 0 s inject crash --container "$id-a" --undo
  must runs "$id-a"
  exits 3 s inject crash --container "$id-missing"
  exits 2 s inject flood --container "$id-a"
  DOCKER_HOST=unix://$dir/no.sock exits 6 s inject crash --container "$id-a"
}
cli_state_of() { docker top "$1" -o pid,stat | awk 'END { print substr($2, 1, 1) }'; }
cli_stopped() { is false docker inspect --format '{{.State.Running}}' "$1"; }
case_ "the command line: inject crashes and hangs what is labelled for it, and nothing else" cli_injects_signals

cli_injects_redis() {
  port=$(free_port)
  container "$id-redis" --network host --memory 100m --label salve.dev/inject=allowed salve-test/redis:7 \
    redis-server --bind 127.0.0.1 --port "$port" --maxmemory 20mb --maxmemory-policy noeviction --save ""
  eventually redis_answers
  exits 0 s inject redis-memory --container "$id-redis"
  says "$out" "OOM command not allowed"
  says "$(redis_says set a b)" "OOM command not allowed"
  exits 0 s inject redis-memory --container "$id-redis" --undo
  same "a write afterwards" OK "$(redis_says set a b)"
  exits 0 s inject redis-clients --container "$id-redis"
  says "$out" "max number of clients reached"
  says "$(redis_says ping)" "max number of clients reached"
  exits 0 s inject redis-clients --container "$id-redis" --undo
  eventually redis_answers
  says "$(redis_says config get maxclients)" 10000
}
case_ "the command line: inject fills a Redis and takes all its clients" cli_injects_redis

cli_injects_postgres() {
  port=$(free_port)
  export SALVE_SECRET_E2E=e2e-$RANDOM$RANDOM
  container "$id-postgres" --network host --memory 256m --env POSTGRES_PASSWORD="$SALVE_SECRET_E2E" \
    --label salve.dev/inject=allowed --env POSTGRES_INITDB_ARGS=--no-sync salve-test/postgres:15 postgres \
    -c listen_addresses=127.0.0.1 -c port="$port" -c max_connections=20 -c superuser_reserved_connections=3 -c fsync=off
  eventually postgres_answers
  exits 0 s inject postgres-connections --container "$id-postgres"
  says "$out" "FATAL:  "
  postgres_answers && fail "PostgreSQL still answers"
  exits 0 s inject postgres-connections --container "$id-postgres" --undo
  eventually postgres_answers
}
case_ "the command line: inject takes all connections of a PostgreSQL" cli_injects_postgres

# --- around it ------------------------------------------------------------------------------------------

cli_small_words() {
  exits 0 s version
  [[ $out == "salve "[0-9]* ]] || fail "version: $out"
  exits 0 s version -o json
  same "version" "$(s version)" "salve $(json .version)"
  says "$(json '.apiVersions | join(" ")')" salve.dev/v1alpha1
  exits 0 s --version

  exits 0 s rules redis
  says "$out" RULE CAUSE redis/oom
  exits 0 s rules --test
  says "$out" " 0 failed"
  exits 0 s rules redis -o json
  [ "$(json length)" -gt 1 ] || fail "few rules: $out"
  exits 3 s rules no-such-pack

  heal
  local address
  address=$(cat "$dir/data/http-address")
  exits 0 s healthz --url "http://$address/ready"
  same "what it says" "" "$out$err"
  exits 0 s healthz --url "http://$address/health" -o json
  same "status" 200 "$(json .status)"
  exits 1 s healthz --url "http://$address/nowhere"
  exits 6 s healthz --url http://127.0.0.1:1/health
  exits 2 s healthz --url "no address"

  local data=(--data-dir "$dir/data") token
  exits 0 s token create --user vera --group salve:viewers --ttl 1h "${data[@]}" -o json
  token=$(json .token)
  sed "s|token:.*|token: $token|" "$dir/data/kubeconfig" >"$dir/kubeconfig-vera"
  eventually as vera s get healpol
  cli_quiet_policy one | must s apply -f -
  exits 4 as vera s pause one
  exits 0 s token list "${data[@]}"
  says "$out" vera salve:viewers
  [[ $out != *"$token"* ]] || fail "the list shows secrets"
  exits 0 s token list "${data[@]}" -o json
  exits 0 s token revoke "$(json '.[] | select(.user == "vera").id')" "${data[@]}"
  eventually cli_unknown_person vera
  exits 4 as vera s get healpol
  exits 3 s token revoke 00000000 "${data[@]}"
  exits 2 s token

  # The way to the server: no kubeconfig, no file, no server.
  exits 1 env -u KUBECONFIG HOME="$dir" "$salve" get healpol
  says "$err" "no kubeconfig" --kubeconfig "\$KUBECONFIG" "$dir/.kube/config" /var/lib/salve/kubeconfig "To go on"
  mkdir "$dir/.salve" && cp "$dir/data/kubeconfig" "$dir/.salve/"
  exits 1 env -u KUBECONFIG HOME="$dir" "$salve" get healpol
  says "$err" "export KUBECONFIG=$dir/.salve/kubeconfig"
  exits 1 s get healpol --kubeconfig "$dir/nowhere"
  says "$err" "cannot read the kubeconfig $dir/nowhere"
  stop_salve "$dir"
  exits 6 s get healpol
  says "$err" 127.0.0.1
}
cli_unknown_person() { [[ $(as "$1" s get healpol 2>&1) == *nauthorized* ]]; }
case_ "the command line: version, rules, healthz, token, and a server that is not there" cli_small_words

# completes WORD…: what bash offers for the last of them.
cli_completes() {
  bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _salve; printf "%s\n" "${COMPREPLY[@]}"' \
    bash "$dir/completion.bash" "$@"
}
cli_completion() {
  local shell
  for shell in bash zsh fish; do
    s completion "$shell" >"$dir/completion.$shell" || fail "salve completion $shell"
    ! command -v "$shell" >/dev/null || must "$shell" -n "$dir/completion.$shell"
  done
  same "timel" timeline "$(cli_completes salve timel)"
  same "a command below" revoke "$(cli_completes salve token re)"
  same "its options" "--group" "$(cli_completes salve token create --user x --gr)"
  same "options behind words" "--field-selector" "$(cli_completes salve get incidents --fie)"
  says "$(cli_completes salve '')" get why standalone
  same "no options of others" "" "$(cd / && completes salve version --fie)"
  exits 2 s completion tcsh
}
case_ "the command line: completion scripts are valid and complete" cli_completion

cli_as_plugin() {
  [ "$kubectl" != "$salve" ] || skip "no kubectl of at least 1.36 is there (hack/kubectl)"
  mkdir "$dir/bin"
  ln -s "$salve" "$dir/bin/kubectl-salve"
  cli_ill_patient
  eventually in_phase "$incident" AwaitingApproval
  export PATH=$dir/bin:$PATH
  exits 0 k salve why "$name"
  says "$out" "BLOCK  Approval" "salve approve $name"
  exits 0 k salve approve "$name" --yes
  outcome "$incident" HealedAfterApproval
  exits 0 k salve why careful -o json
  same "policy" careful "$(json .policy.name)"
  exits 2 k salve get --wrong
  says "$err" "kubectl salve get"
}
case_ "the command line: kubectl salve is the same program" cli_as_plugin

# on_terminal COMMAND…: with a terminal for stdin and stdout; yes is typed if something is asked.
cli_on_terminal() { script --quiet --return --command "$*" /dev/null <<<"y" 2>&1; }
cli_terminals() {
  command -v script >/dev/null || skip "script(1) is not there"
  cli_ill_patient
  eventually in_phase "$incident" AwaitingApproval
  local said red=$'\033[31m'
  said=$(cli_on_terminal "$salve" why "$name")
  says "$said" "$red"
  said=$(NO_COLOR=1 cli_on_terminal "$salve" why "$name")
  [[ $said != *$'\033'* ]] || fail "colours under NO_COLOR"
  said=$(cli_on_terminal "$salve" timeline "$name")
  says "$said" $'\033[36m'
  said=$(cli_on_terminal "$salve" why "$name" -o json)
  [[ $said != *$'\033'* ]] || fail "colours in JSON"
  # On a terminal a person is asked instead of being told of --yes.
  said=$(cli_on_terminal "$salve" approve "$name")
  says "$said" "Approve this? [y/N]" "approved by admin"
  outcome "$incident" HealedAfterApproval
}
case_ "the command line: colours and questions appear on a terminal only" cli_terminals
