#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: test/kubernetes/run.sh [--list] [PATTERN]
#
# Faults in real pods on a real cluster of one node, healed by `salve controller`, watched with a real
# kubectl; the API server's audit log is the witness of what was done. Runs the cases whose sentence
# contains PATTERN, some side by side, each in a namespace of its own, and prints "N passed, N failed".
#
#   SALVE                the binary (default build/release/bin/salve)
#   SALVE_KUBE           a directory in which hack/kube-up has a cluster running (default: one is
#                        started for the run)
#   SALVE_E2E_JOBS       cases side by side (default 4)
#   SALVE_E2E_PATIENCE   seconds after which a condition counts as broken (default 240)
#   SALVE_REQUIRE=all    a case whose environment is missing has failed
#   SALVE_E2E_KEEP       a directory in which logs and data of the cases stay
#
# Exit: 0 all passed; 1 some failed; 2 usage or nothing to run; 77 no cluster can be started here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../../hack/lib/common.sh"
. "$SALVE_ROOT/hack/lib/salve.sh"
. "$SALVE_ROOT/hack/lib/kube.sh"
. "$here/../e2e/lib.sh"
. "$here/../e2e/runner.sh"
. "$here/lib.sh"

for file in "$here"/cases_*.sh; do
  # shellcheck source=/dev/null
  . "$file"
done
choose_cases "$@"

salve=$(realpath -m "${SALVE:-$SALVE_ROOT/build/release/bin/salve}")
[ -x "$salve" ] || die 2 "$salve is not there; run make build first, or set SALVE"
kubectl=$("$SALVE_ROOT/hack/kubectl") || exit 77
jobs=${SALVE_E2E_JOBS:-4}
# Short: the path of a socket of the node is made of it.
work=$(mktemp -d /tmp/salve-k8s.XXXXXX)
unset KUBECONFIG SELF_HEAL_ENABLED
export LC_ALL=C

# Ends what this run has started, and nothing else.
cleanup() {
  local status=$?
  trap - EXIT INT TERM
  for pid in $(builtin jobs -p); do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  for pid in "$work"/*.pid; do [ ! -s "$pid" ] || kill -KILL "$(cat "$pid")" 2>/dev/null || true; done
  if [ -n "${SALVE_E2E_KEEP:-}" ]; then
    mkdir -p "$SALVE_E2E_KEEP"
    cp -r "$work"/*.log "$work"/[0-9]* "$SALVE_E2E_KEEP"/ 2>/dev/null || true
    cp "$cluster/audit.log" "$SALVE_E2E_KEEP"/ 2>/dev/null || true
  fi
  [ -n "${SALVE_KUBE:-}" ] || "$SALVE_ROOT/hack/kube-down" "$cluster" >/dev/null 2>&1 || true
  rm -rf "$work"
  exit $status
}
trap cleanup EXIT
trap 'exit 130' INT TERM

cluster=${SALVE_KUBE:-$work/kube}
[ -n "${SALVE_KUBE:-}" ] || "$SALVE_ROOT/hack/kube-up" "$cluster" || exit 77
export KUBECONFIG=$cluster/admin.kubeconfig
install_salve
start_controller first

after_case() { clear_case; }

run_cases
