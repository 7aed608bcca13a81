# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What cases about commands are written in: run one, and say what its output must be. Source it.

out=
rc=0

# fail MESSAGE: ends the case, which runs in a subshell.
fail() {
  echo "$*" >&2
  exit 1
}

# run COMMAND…: its output in $out, its exit code in $rc.
run() {
  out=$("$@" 2>&1)
  rc=$?
}

# ok COMMAND…: must succeed.
ok() {
  run "$@"
  [ "$rc" -eq 0 ] || fail "exit $rc of: $*"$'\n'"$out"
}

# refused COMMAND…: must fail.
refused() {
  run "$@"
  [ "$rc" -ne 0 ] || fail "should have failed: $*"$'\n'"$out"
}

# says TEXT: the last output contains it.
says() {
  case "$out" in *"$1"*) ;; *) fail "expected to read: $1"$'\n'"    but read: $out" ;; esac
}

# says_not TEXT: the last output does not contain it.
says_not() {
  case "$out" in *"$1"*) fail "did not expect to read: $1"$'\n'"    in: $out" ;; esac
}

# is TEXT: the last output is exactly that.
is() { [ "$out" = "$1" ] || fail "expected exactly: $1"$'\n'"    but read: $out"; }

# eventually SECONDS COMMAND…: succeeds before the time is over.
eventually() {
  local deadline=$((SECONDS + $1))
  shift
  until run "$@" && [ "$rc" -eq 0 ]; do
    [ "$SECONDS" -lt "$deadline" ] || fail "did not come true: $*"$'\n'"$out"
    sleep 0.1
  done
}
