# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Background programs with pid files, and how to find and end what carries a path. Source after
# common.sh.

# start_time PID: when the process started, in the kernel's ticks; with the id it names one
# process for as long as the machine runs, whatever the id is used for later.
start_time() {
  # The second field may hold spaces and parentheses; what follows the last one does not.
  sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

# process_gone PID: true where no such process runs; a zombie does not.
process_gone() {
  local state
  state=$(awk '/^State:/ { print $2 }' "/proc/$1/status" 2>/dev/null) || return 0
  [ -z "$state" ] || [ "$state" = Z ]
}

# spawn PIDFILE LOG COMMAND…: starts COMMAND in a session of its own, with its output at the end
# of LOG, and returns when PIDFILE is written: its process id and its start time.
spawn() {
  local pidfile=$1 log=$2
  shift 2
  rm -f "$pidfile"
  # The shell writes the file and then becomes the program, with the same id and start time.
  # shellcheck disable=SC2016  # the inner shell expands its own arguments
  setsid sh -c 'file=$1; shift
    echo "$$ $(sed "s/.*) //" "/proc/$$/stat" | cut -d " " -f 20)" >"$file.new"
    mv "$file.new" "$file"; exec "$@"' sh "$pidfile" "$@" >>"$log" 2>&1 </dev/null &
  disown # or the shell reports its end in the middle of other output
  wait_until 60 test -s "$pidfile" || die 1 "could not start $1; see $log"
}

# pid_of PIDFILE: prints the id of the process that spawn wrote down; false where it has ended.
pid_of() {
  local pid started
  [ -s "$1" ] && read -r pid started <"$1" || return 1
  [ "$(start_time "$pid")" = "$started" ] && ! process_gone "$pid" || return 1
  printf '%s\n' "$pid"
}

# stop_pid PIDFILE SECONDS: asks the process to end, and kills it after SECONDS. A stopped one
# (SIGSTOP) is continued, or it would not hear.
stop_pid() {
  local pid
  if pid=$(pid_of "$1"); then
    kill -TERM "$pid" 2>/dev/null || true
    kill -CONT "$pid" 2>/dev/null || true
    if ! wait_until "$2" process_gone "$pid"; then
      kill -KILL "$pid" 2>/dev/null || true
      wait_until 60 process_gone "$pid" || die 1 "could not stop process $pid of $1"
    fi
  fi
  rm -f "$1"
}

# carriers WORD: the processes that have WORD as one whole argument. Give it a path or a name that
# no other program's process carries.
carriers() {
  local files file pid
  # The grep finds itself too; it is over, and so out of /proc, before the loop begins.
  files=$(grep -slzxF -- "$1" /proc/[0-9]*/cmdline || true)
  for file in $files; do
    pid=${file#/proc/}
    pid=${pid%/cmdline}
    [ ! -d "/proc/$pid" ] || printf '%s\n' "$pid"
  done
}

# no_carriers WORD: true where no process carries WORD.
no_carriers() { [ -z "$(carriers "$1")" ]; }

# kill_carriers WORD [SECONDS]: kills the processes that carry WORD, and waits for their end (60 s).
kill_carriers() {
  local pids
  pids=$(carriers "$1")
  [ -n "$pids" ] || return 0
  # shellcheck disable=SC2086  # one argument for each process id
  as_root kill -KILL $pids 2>/dev/null || true
  wait_until "${2:-60}" no_carriers "$1" || die 1 "could not stop the processes with $1: $(carriers "$1" | xargs)"
}

# unmount_below DIR: unmounts everything below DIR, the innermost first.
unmount_below() {
  local mount
  # mountinfo writes a space in a path as \040.
  awk -v prefix="$1/" '{ gsub(/\\040/, " ", $5) } index($5, prefix) == 1 { print $5 }' \
    /proc/self/mountinfo | sort -r | while IFS= read -r mount; do
    as_root umount -l "$mount" || die 1 "could not unmount $mount"
  done
}
