#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: [SALVE=path/to/salve] [SALVE_ARGS="--more options"] [KUBECTL=path/to/kubectl]
#        test/kubectl/run.sh [pattern]
#
# Drives a real kubectl (>= 1.36) against the embedded API server, every command that docs promise. Runs
# the cases in cases.sh whose name contains the pattern; prints "N passed, N failed". Exit: 0 all passed,
# 1 some failed, 2 the server did not start.
set -uo pipefail
# "policy p1 | ok kc apply -f -" leaves its output where `says` finds it.
shopt -s lastpipe

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$root/test/says.sh"
SALVE=${SALVE:-$root/build/release/bin/salve}
KUBECTL=${KUBECTL:-$("$root/hack/kubectl")}
pattern=${1:-}
read -ra server_args <<<"${SALVE_ARGS:-}"

work=$(mktemp -d)
data=$work/data
server=
passed=0
failed=0
patience=240 # seconds; until then what a case waits for is not broken but late

start_server() {
  (cd "$root" && exec "$SALVE" standalone --data-dir "$data" --listen 127.0.0.1:0 \
    "${server_args[@]}") >"$work/server.out" 2>"$work/server.err" &
  server=$!
  echo "$server" >"$work/server.pid"
  local deadline=$((SECONDS + patience))
  # The kubeconfig of an earlier start is there at once: the server has to answer, too.
  until [ -s "$data/kubeconfig" ] && kc get --raw /readyz >/dev/null 2>&1; do
    if ! kill -0 "$server" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
      echo "the server did not start:" >&2
      cat "$work/server.err" >&2
      exit 2
    fi
    sleep 0.05
  done
}

stop_server() {
  [ -n "$server" ] || return 0
  kill "${1:--TERM}" "$server" 2>/dev/null
  # The braces catch the shell's own word about a killed job.
  { wait "$server"; } 2>/dev/null
  server=
}

cleanup() {
  # The last one may have been started in the subshell of a case.
  server=$(cat "$work/server.pid" 2>/dev/null)
  stop_server -KILL
  rm -rf "$work"
}
trap cleanup EXIT

# kubectl as the administrator.
kc() { timeout $((patience + 10)) "$KUBECTL" --kubeconfig "$data/kubeconfig" --cache-dir "$work/cache" "$@"; }

# --- what the cases say ---------------------------------------------------------------------------------

# A namespace of its own for each case.
fresh_namespace() {
  ns=case-$((passed + failed))
  kc create namespace "$ns" >/dev/null
}

policy() { # NAME [MODE]: a small valid HealingPolicy
  cat <<EOF
apiVersion: salve.dev/v1alpha1
kind: HealingPolicy
metadata:
  name: $1
  labels: {app: $1}
spec:
  mode: ${2:-Observe}
  target: {docker: {container: $1}}
EOF
}

incident() { # NAME: a small valid Incident
  cat <<EOF
apiVersion: salve.dev/v1alpha1
kind: Incident
metadata:
  name: $1
spec:
  policyRef: {name: p1}
  target: {backend: docker, kind: Container, name: c1}
EOF
}

# case_ is called by cases.sh: "sentence" function.
case_() {
  local sentence=$1 body=$2
  case "$sentence" in *"$pattern"*) ;; *) return ;; esac
  fresh_namespace
  if ("$body") 2>"$work/case.err"; then
    passed=$((passed + 1))
    echo "ok      $sentence"
  else
    failed=$((failed + 1))
    echo "FAILED  $sentence"
    sed 's/^/        /' "$work/case.err"
  fi
}

start_server
# shellcheck source=test/kubectl/cases.sh
. "$here/cases.sh"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
