#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: test/e2e/run.sh [--list] [PATTERN]
#
# The whole way: real services in a real Docker engine are broken, the real binary heals them, a real
# kubectl watches. Runs the cases whose sentence contains PATTERN, some side by side, and prints
# "N passed, N failed".
#
#   SALVE                the binary (default build/release/bin/salve)
#   SALVE_KUBECTL        the kubectl to use (default: one of at least 1.36 if it is there, else the binary)
#   DOCKER_HOST          the engine; where none answers one is started for the run
#   SALVE_E2E_JOBS       cases side by side (default 4)
#   SALVE_E2E_PATIENCE   seconds after which a condition counts as broken (default 240)
#   SALVE_REQUIRE=all    a case whose environment is missing has failed
#   SALVE_E2E_KEEP       a directory in which logs and data of the cases stay
#
# Exit: 0 all passed; 1 some failed; 2 usage or nothing to run; 77 there is no Docker engine.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../../hack/lib/common.sh"
. "$SALVE_ROOT/hack/lib/docker.sh"
. "$SALVE_ROOT/hack/lib/salve.sh"
. "$here/lib.sh"
. "$here/runner.sh"

for file in "$here"/cases_*.sh; do
  # shellcheck source=/dev/null
  . "$file"
done

choose_cases "$@"

salve=$(realpath -m "${SALVE:-$SALVE_ROOT/build/release/bin/salve}")
[ -x "$salve" ] || die 2 "$salve is not there; run make build first, or set SALVE"
kubectl=${SALVE_KUBECTL:-$(best_kubectl "$salve")}
jobs=${SALVE_E2E_JOBS:-4}
# Short: the path of a socket of an engine is made of it.
work=$(mktemp -d /tmp/salve-e2e.XXXXXX)
suite_label=salve.dev/e2e=${work##*.}
unset KUBECONFIG SELF_HEAL_ENABLED
export LC_ALL=C

# Ends what is still there of this run and of nobody else: its salves, its containers, its engines.
cleanup() {
  local status=$? pid_file left
  trap - EXIT INT TERM
  for pid in $(builtin jobs -p); do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  for pid_file in "$work"/*/salve.pid; do
    [ ! -s "$pid_file" ] || kill -KILL "$(cat "$pid_file")" 2>/dev/null || true
  done
  for left in "$work"/*/engine; do [ ! -d "$left" ] || "$SALVE_ROOT/hack/docker-down" "$left" || true; done
  if [ -n "${DOCKER_HOST:-}" ]; then
    left=$(docker ps --all --quiet --filter "label=$suite_label" 2>/dev/null || true)
    # shellcheck disable=SC2086  # several ids
    [ -z "$left" ] || docker rm --force --volumes $left >/dev/null 2>&1 || true
  fi
  [ ! -d "$work/engine" ] || "$SALVE_ROOT/hack/docker-down" "$work/engine" || true
  if [ -n "${SALVE_E2E_KEEP:-}" ]; then
    mkdir -p "$SALVE_E2E_KEEP"
    rm -rf "$work/engine" "$work"/*/engine
    cp -r "$work"/. "$SALVE_E2E_KEEP"/
  fi
  rm -rf "$work"
  exit $status
}
trap cleanup EXIT
trap 'exit 130' INT TERM

if [ -z "${DOCKER_HOST:-}" ] || ! engine_answers "$DOCKER_HOST"; then
  "$SALVE_ROOT/hack/docker-up" "$work/engine" >/dev/null || exit 77
  use_engine "$work/engine"
fi
export DOCKER_HOST
"$SALVE_ROOT/hack/images" || exit 77

witness=$work/events
# From a moment on that has passed: nothing is missed while it connects.
docker events --since "$(date +%s)" --filter type=container --filter "label=$suite_label" \
  --format '{{.Action}} {{.Actor.Attributes.name}}' >"$witness" 2>/dev/null &

after_case() {
  stop_salve "$dir"
  docker ps --all --quiet --filter "name=^/?$id-" | xargs -r docker rm --force --volumes >/dev/null 2>&1 || true
}

run_cases
