# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154,SC2034
#
# Runs cases side by side and counts them: what the run.sh of a suite is made of. Sourced after
# hack/lib/common.sh and lib.sh, by a script that sets
#   $work    a directory that is removed at the end      $jobs  cases at a time
# and may define `after_case`, which clears away what the case in $dir and $id left.

# case_ SENTENCE FUNCTION: called by the files of cases.
sentences=() functions=()
declare -A alone=()
case_() {
  sentences+=("$1")
  functions+=("$2")
}

# case_alone SENTENCE FUNCTION: one that disturbs what the others share. It runs after them, by itself.
case_alone() {
  case_ "$@"
  alone[$((${#sentences[@]} - 1))]=yes
}

# choose_cases [ARGUMENT…]: --help, --list or a pattern, which goes to $pattern.
choose_cases() {
  case "${1:-}" in
    -h | --help) usage; exit 0 ;;
    --list) printf '%s\n' "${sentences[@]}"; exit 0 ;;
    -*) usage >&2; exit 2 ;;
    *) pattern=${1:-} ;;
  esac
}

# run_case NUMBER: runs it in a subshell and leaves $work/N/{verdict,why}.
run_case() {
  local number=$1 begin=$SECONDS verdict=PASS status=0
  dir=$work/$number
  # In lower case: names of incidents are made of it.
  id=e2e-$(tr '[:upper:]' '[:lower:]' <<<"${work##*.}")-$number
  mkdir -p "$dir"
  (
    set +e
    trap - EXIT
    "${functions[$number]}"
  ) >"$dir/out" 2>"$dir/why" || status=$?
  case $status in
    0) ;;
    77) verdict=SKIP ;;
    *) verdict=FAIL && { cat "$dir/out"; evidence || true; } >>"$dir/why" 2>&1 ;;
  esac
  after_case
  printf '%s %4ds  %s\n' "$verdict" $((SECONDS - begin)) "${sentences[$number]}" >"$dir/verdict.new"
  mv "$dir/verdict.new" "$dir/verdict"
}

passed=0 failed=0 skipped=0
# report NUMBER: prints its verdict.
report() {
  cat "$work/$1/verdict"
  case "$(cat "$work/$1/verdict")" in
    PASS*) passed=$((passed + 1)) && return ;;
    SKIP*) skipped=$((skipped + 1)) ;;
    *) failed=$((failed + 1)) ;;
  esac
  sed 's/^/      | /' "$work/$1/why"
}

# reap: waits until one of the running cases has ended and prints it.
declare -A running=()
reap() {
  local ended number
  wait -n -p ended "${!running[@]}" || true
  number=${running[$ended]}
  unset "running[$ended]"
  [ -s "$work/$number/verdict" ] ||
    { mkdir -p "$work/$number"; echo "FAIL    ?s  ${sentences[$number]}" >"$work/$number/verdict"; : >>"$work/$number/why"; }
  report "$number"
}

# run_cases: all whose sentence contains $pattern. Prints "N passed, N failed"; false if any has.
run_cases() {
  local begin=$SECONDS number chosen=() last=()
  for number in "${!sentences[@]}"; do
    case "${sentences[$number]}" in *"$pattern"*) ;; *) continue ;; esac
    if [ -n "${alone[$number]:-}" ]; then last+=("$number"); else chosen+=("$number"); fi
  done
  for number in ${chosen[@]+"${chosen[@]}"}; do
    [ "${#running[@]}" -lt "$jobs" ] || reap
    run_case "$number" &
    running[$!]=$number
  done
  while [ "${#running[@]}" -gt 0 ]; do reap; done
  for number in ${last[@]+"${last[@]}"}; do
    run_case "$number" &
    running[$!]=$number
    reap
  done
  [ $((passed + failed + skipped)) -gt 0 ] || die 2 "no case's sentence contains \"$pattern\""
  echo "$((SECONDS - begin)) seconds, $skipped skipped"
  [ "${SALVE_REQUIRE:-}" != all ] || failed=$((failed + skipped))
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}
