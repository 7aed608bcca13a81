# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# What the cases of run.sh are written in. Sourced after hack/lib/*.sh. A case runs in a subshell with
#   $dir     a directory of its own        $id      a prefix for the names of its containers
#   $salve   the binary                    $kubectl a real kubectl, else the binary
# and ends with `fail` or by reaching its last line. Nothing here waits for time to pass: `eventually`
# polls a condition, and its deadline matters only where something is broken.

patience=${SALVE_E2E_PATIENCE:-240} # seconds; until then a condition is not broken but late

# skip REASON: ends a case whose environment is missing.
skip() {
  printf '%s\n' "$*" >&2
  exit 77
}

# fail MESSAGE…: ends the case. In a $(…) it only ends that: what can fail leaves its result in a variable.
fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# eventually COMMAND…: the command becomes true.
eventually() {
  wait_until "$patience" "$@" || fail "did not come true in $patience s: $*"
}

# is WANTED COMMAND…: the command prints exactly that.
is() {
  local wanted=$1
  shift
  [ "$("$@")" = "$wanted" ]
}

# must COMMAND…: succeeds, or the case ends with what it said.
must() {
  local said
  said=$("$@" 2>&1) || fail "failed: $*"$'\n'"$said"
}

# same WHAT WANTED HAVE
same() { [ "$2" = "$3" ] || fail "$1: expected \"$2\", found \"$3\""; }

# says TEXT WANTED…: each of WANTED occurs in TEXT.
says() {
  local text=$1 wanted
  shift
  for wanted in "$@"; do
    case "$text" in *"$wanted"*) ;; *) fail "expected to read \"$wanted\" in:"$'\n'"$text" ;; esac
  done
}

# --- salve --------------------------------------------------------------------------------------------

# heal [ARGUMENT…]: starts this case's own salve, with $dir/data, and points kubectl at it.
heal() {
  export SALVE_START_SECONDS=$patience SALVE_STOP_SECONDS=$patience
  start_salve "$salve" "$dir" "$@"
  export KUBECONFIG="$dir/data/kubeconfig"
}

# kill_salve: SIGKILL, as a crash would; returns when the process is gone.
kill_salve() {
  local pid
  pid=$(cat "$dir/salve.pid")
  # Its end is ours: the shell has nothing to say about it.
  disown "$pid" 2>/dev/null
  kill -KILL "$pid"
  eventually process_gone "$pid"
}

k() { timeout $((patience + 10)) "$kubectl" "$@"; }

# policy NAME <<EOF…: applies a HealingPolicy whose spec is the standard input, indented by two.
policy() {
  policy_yaml "$1" >"$dir/policy-$1.yaml"
  must k apply -f "$dir/policy-$1.yaml"
}

policy_yaml() {
  printf 'apiVersion: salve.dev/v1alpha1\nkind: HealingPolicy\nmetadata: {name: %s, namespace: %s}\nspec:\n' \
    "$1" "${2:-default}"
  cat
}

# remove RESOURCE…: deletes and comes back when it is gone. The binary wants to be told that nobody is asked.
remove() {
  local sure=--wait
  case "$(k delete --help 2>&1)" in *--yes*) sure=--yes ;; esac
  must k delete "$sure" "$@"
  eventually gone "$@"
}
gone() { ! k get "$@" -o name; }

# get RESOURCE/NAME PATH: one field, nothing where it is not set.
get() { k get "$1" -o "jsonpath={$2}" 2>/dev/null; }

# incidents POLICY: the names of its incidents, oldest first.
incidents() { k get incidents --field-selector "spec.policyRef.name=$1" -o name 2>/dev/null; }
has_incident() { [ -n "$(incidents "$1")" ]; }

# await_incident POLICY: waits for one and leaves the newest in $incident.
await_incident() {
  eventually has_incident "$1"
  incident=$(incidents "$1" | tail -n 1)
}

# await_another POLICY KNOWN: waits for an incident besides those, and leaves it in $incident.
await_another() {
  eventually has_another "$1" "$2"
  incident=$(incidents "$1" | grep -vxF "$2" | tail -n 1)
}
has_another() { incidents "$1" | grep -qvxF "$2"; }

in_phase() { is "$2" get "$1" .status.phase; }

# outcome INCIDENT WANTED: waits for the end and compares.
outcome() {
  must k wait --for=condition=Resolved "$1" "--timeout=${patience}s"
  same "outcome of $1" "$2" "$(get "$1" .status.outcome)"
}

# blocked INCIDENT GATE REASON: waits until that gate blocks for that reason.
blocked() { eventually gate_says "$1" "$2" "Block $3"; }
gate_says() { is "$3" gate "$1" "$2"; }
gate() { k get "$1" -o "jsonpath={range .status.gates[?(@.name==\"$2\")]}{.result} {.reason}{end}" 2>/dev/null; }
condition() { get "$1" ".status.conditions[?(@.type==\"$2\")].${3:-status}"; }

# told_event WORD: an event with that reason is there; who writes events does so on the side.
told_event() { case " $(k get events -o 'jsonpath={.items[*].reason}' 2>/dev/null) " in *" $1 "*) ;; *) return 1 ;; esac; }

healthy() { is True condition "healingpolicy/$1" TargetHealthy; }
unhealthy() { is False condition "healingpolicy/$1" TargetHealthy; }

# in_time COMMAND…: runs COMMAND, which gives $cron to a policy: the cron line of the next minute that begins in
# 20 seconds or more. Where the minute had begun before COMMAND was done, once more with another.
in_time() {
  local at=0
  while [ "$(date +%s)" -ge "$at" ]; do
    at=$((($(date +%s) + 20) / 60 * 60 + 60))
    # shellcheck disable=SC2034  # COMMAND uses it
    cron=$(date -u -d "@$at" '+%-M %-H * * *')
    "$@"
  done
}
# Cron lines of nights and mornings that no run of a suite meets: 1 January, just after midnight and later.
# shellcheck disable=SC2034  # the cases use them
readonly no_night='0 0 1 1 *' no_morning='0 1 1 1 *'

# --- people -------------------------------------------------------------------------------------------

# decide INCIDENT Approve|Reject [DIGEST [APPROVER]]: an IncidentApproval as a person creates it. Prints
# what the server says; its status is the server's.
decide() {
  local incident=$1 name digest=${3:-} me=${4:-admin}
  name=${incident##*/}
  [ -n "$digest" ] || digest=$(get "$incident" .status.proposal.digest)
  cat >"$dir/approval.yaml" <<YAML
apiVersion: salve.dev/v1alpha1
kind: IncidentApproval
metadata: {name: "${name:0:200}-$RANDOM$RANDOM", namespace: "${ns:-default}"}
spec:
  incidentName: $name
  incidentUID: $(get "$incident" .metadata.uid)
  policyName: $(get "$incident" .spec.policyRef.name)
  proposalDigest: "$digest"
  decision: $2
  approver: $me
  reason: the end-to-end tests say so
YAML
  k apply -f "$dir/approval.yaml" 2>&1
}

# person USER GROUP…: gives USER a token; `as` uses it.
person() {
  local user=$1 group token arguments=()
  shift
  for group in "$@"; do arguments+=(--group "$group"); done
  token=$("$salve" token create --user "$user" --data-dir "$dir/data" "${arguments[@]}" 2>&1) ||
    fail "no token for $user: $token"
  token=$(grep -o 'salve_[0-9a-f]*_[0-9a-f]*' <<<"$token") || fail "no token for $user"
  sed "s|token:.*|token: $token|" "$dir/data/kubeconfig" >"$dir/kubeconfig-$user"
  # A running server reads the table of tokens once a second.
  eventually as "$user" k get healingpolicies
}

# as USER COMMAND…: runs the command as that person.
as() {
  local KUBECONFIG="$dir/kubeconfig-$1"
  shift
  "$@"
}

# --- containers ---------------------------------------------------------------------------------------

# Every container of the suite carries $suite_label, by which the end finds what is left.
container() {
  local name=$1
  shift
  must docker run --detach --name "$name" --label "$suite_label" "$@"
}

# patient NAME [ARGUMENT…]: a container whose health check fails while /tmp/ill exists. It ends at once when
# asked to, and is well again after a restart.
patient() {
  local name=$1
  shift
  container "$name" --network none --health-cmd 'test ! -e /tmp/ill' --health-interval 500ms --health-retries 1 \
    --health-timeout 60s "$@" salve-test/tiny:1 sh -c 'rm -f /tmp/ill; trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done'
  eventually health_is healthy "$name"
}
health_is() { is "$1" docker inspect --format '{{.State.Health.Status}}' "$2"; }
runs() { is true docker inspect --format '{{.State.Running}}' "$1"; }
make_ill() { must docker exec "$1" touch /tmp/ill; }

# What the engine did is read from its stream of events, which run.sh keeps in $witness ("ACTION NAME" a
# line): asked afterwards the engine remembers 256 events, and health checks alone make more than that.

# mark: a place in that stream after all that has happened until now: behind an event made for it, the
# renaming of a container that never runs.
mark() {
  local name=$id-mark-$RANDOM$RANDOM
  if [ ! -s "$dir/marker" ]; then
    docker create --name "$name" --network none --label "$suite_label" salve-test/tiny:1 true >"$dir/marker"
    name=$name-renamed
  fi
  docker rename "$(cat "$dir/marker")" "$name"
  wait_until "$patience" grep -q "^rename $name\$" "$witness" || return 1
  grep -n "^rename $name\$" "$witness" | cut -d : -f 1
}

# actions SINCE NAME [ACTION]: what the engine did with the container since then, oldest first.
actions() {
  mark >/dev/null || fail "the engine's events stay away"
  tail -n "+$1" "$witness" | awk -v name="$2" -v action="${3:-}" \
    '$2 == name && (action == "" || $1 == action) && $1 !~ /^(exec_|health_status)/ { print $1 }'
}
count_of() { actions "$@" | grep -c . || true; }

# free_port: a TCP port of the loopback that nobody listens on now.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

# --- what a failed case leaves to read ----------------------------------------------------------------

evidence() {
  if salve_ready "$salve" "$dir" >/dev/null 2>&1; then
    echo "--- resources"
    KUBECONFIG="$dir/data/kubeconfig" k get healingpolicies,incidents,incidentapprovals -A 2>&1 | cut -c 1-200
    KUBECONFIG="$dir/data/kubeconfig" k get incidents -A \
      -o 'jsonpath={range .items[*]}{.metadata.name}: {.status.phase} {.status.outcome} {.status.summary}{"\n"}{range .status.gates[?(@.result=="Block")]}   {.name} {.reason}: {.message}{"\n"}{end}{end}' 2>&1
  fi
  echo "--- containers"
  docker ps --all --filter "name=^/?$id-" --format '{{.Names}}  {{.Status}}' 2>&1
  if [ -s "$dir/salve.log" ]; then
    echo "--- the last lines of salve's log"
    tail -n 15 "$dir/salve.log" | cut -c 1-400
  fi
}
