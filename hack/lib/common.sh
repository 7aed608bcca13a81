# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What every script under hack/ shares. Source it, do not run it:
#     . "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# It only defines functions and the two variables below; it starts and writes nothing.

# Results go to stdout, everything said to a person goes to stderr.
SALVE_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
SALVE_CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/salve"
export SALVE_ROOT SALVE_CACHE

# say MESSAGE…: one line of progress.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# die CODE MESSAGE…: says what failed and what to do, and ends the script with CODE.
die() {
  local code=$1
  shift
  printf '%s: error: %s\n' "${0##*/}" "$*" >&2
  exit "$code"
}

# usage: prints the comment block at the head of the running script, which is its manual.
usage() {
  awk 'NR == 1 || /SPDX-License-Identifier/ { next }
       /^#/ { sub(/^# ?/, ""); if ($0 != "") said = 1; if (said) print; next }
       { exit }' "$0"
}

# need PROGRAM HINT: ends the script with code 3 where PROGRAM is not installed.
need() {
  command -v "$1" >/dev/null 2>&1 || die 3 "$1 is not installed; $2"
}

# wait_until SECONDS COMMAND…: polls COMMAND five times a second; false when SECONDS have passed.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || return 1
    sleep 0.2
  done
}

# retried COMMAND…: runs COMMAND, and once more after 5, 20 and 60 seconds where it failed: a registry that is
# busy answers a moment later. Prints what the last run printed; its progress and errors go where they go.
retried() {
  local pause printed
  for pause in 5 20 60 ""; do
    if printed=$("$@"); then
      [ -z "$printed" ] || printf '%s\n' "$printed"
      return 0
    fi
    [ -n "$pause" ] || return 1
    say "once more in $pause s, since this failed: $*"
    sleep "$pause"
  done
}

# with_lock FILE COMMAND…: runs COMMAND while no other process holds FILE's lock. COMMAND does not
# inherit the lock's descriptor, or a background process of its own would keep the lock for ever.
with_lock() {
  local file=$1
  shift
  # A script called by the holder works under the holder's lock.
  if [ "${SALVE_LOCK_HELD:-}" = "$file" ]; then
    "$@"
    return
  fi
  mkdir -p "$(dirname "$file")"
  (
    exec 9>"$file"
    flock 9
    (
      exec 9>&-
      export SALVE_LOCK_HELD=$file
      "$@"
    )
  )
}

# version_at_least HAVE WANT: true where HAVE sorts at or after WANT.
version_at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# as_root COMMAND…: runs COMMAND as root, through sudo where the caller is not root.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  else
    die 3 "this needs root (${1##*/}) and there is no sudo; run it as root"
  fi
}
