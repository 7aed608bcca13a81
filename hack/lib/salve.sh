# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# How scripts start and stop `salve standalone`. Source after common.sh.

. "$SALVE_ROOT/hack/lib/processes.sh"

# start_salve BINARY DIR [ARGUMENT…]: runs BINARY standalone with its data under DIR/data and waits until it
# is ready, SALVE_START_SECONDS (120) at most; one that has ended is not waited for. SALVE_LISTEN is the
# address of its API (a port that is free). Writes DIR/salve.pid and DIR/salve.log; the kubeconfig is
# DIR/data/kubeconfig.
start_salve() {
  local binary=$1 dir=$2
  shift 2
  mkdir -p "$dir"
  # That of an earlier start: who listens there now is somebody else.
  rm -f "$dir/data/http-address"
  "$binary" standalone --data-dir "$dir/data" --listen "${SALVE_LISTEN:-127.0.0.1:0}" \
    --http-listen 127.0.0.1:0 "$@" \
    >"$dir/salve.log" 2>&1 &
  echo $! >"$dir/salve.pid"
  # Settled and not ended is ready.
  if ! wait_until "${SALVE_START_SECONDS:-120}" salve_settled "$binary" "$dir" || process_gone "$(cat "$dir/salve.pid")"; then
    tail -n 20 "$dir/salve.log" >&2
    die 1 "salve standalone ended, or is not ready after ${SALVE_START_SECONDS:-120} s; its log is $dir/salve.log"
  fi
}

# salve_ready BINARY DIR: true when the instance in DIR runs and answers ready.
salve_ready() {
  kill -0 "$(cat "$2/salve.pid")" 2>/dev/null && [ -s "$2/data/http-address" ] &&
    "$1" healthz --url "http://$(cat "$2/data/http-address")/ready"
}

# salve_settled BINARY DIR: true when waiting longer changes nothing: it is ready, or it has ended.
salve_settled() { salve_ready "$1" "$2" || process_gone "$(cat "$2/salve.pid")"; }

# stop_salve DIR: ends it with SIGTERM and waits for the end, SALVE_STOP_SECONDS (60) at most; then it is killed.
stop_salve() {
  local pid seconds=${SALVE_STOP_SECONDS:-60}
  pid=$(cat "$1/salve.pid" 2>/dev/null) || return 0
  kill -TERM "$pid" 2>/dev/null || true
  if ! wait_until "$seconds" process_gone "$pid"; then
    say "salve ($pid) did not end in $seconds s, killing it"
    kill -KILL "$pid" 2>/dev/null || true
    # Until it is gone nobody else can open its database.
    wait_until 60 process_gone "$pid" || say "salve ($pid) is still there"
  fi
  rm -f "$1/salve.pid"
}

# best_kubectl BINARY: a kubectl of at least 1.36 where one is there already, else `BINARY` itself, which
# speaks the same words.
best_kubectl() {
  local path
  if path=$("$SALVE_ROOT/hack/kubectl" --if-there 2>/dev/null); then echo "$path"; else echo "$1"; fi
}
