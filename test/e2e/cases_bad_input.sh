# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What Salve is given is wrong, missing, too big or gone: it says so, loses nothing, and everybody else is
# healed as ever.

# refuses_to_start CODE TEXT… -- [ARGUMENT…]: ends at once with that status and one line that says all TEXT.
refuses_to_start() {
  local code=$1 wanted=() said status=0
  shift
  while [ "$1" != -- ]; do wanted+=("$1"); shift; done
  shift
  local addresses=()
  [[ " $* " == *" --listen "* ]] || addresses+=(--listen 127.0.0.1:0)
  [[ " $* " == *" --http-listen "* ]] || addresses+=(--http-listen 127.0.0.1:0)
  said=$(timeout "$patience" "$salve" standalone "${addresses[@]}" "$@" 2>&1) || status=$?
  same "exit status with $* ($said)" "$code" "$status"
  says "$said" "${wanted[@]}"
  same "lines for $*" 1 "$(grep -vc '^{' <<<"$said")"
}

bad_start() {
  heal
  local used=$dir/data address
  address=$(cat "$used/http-address")
  refuses_to_start 1 "in use by process $(cat "$dir/salve.pid")" -- --data-dir "$used"
  refuses_to_start 1 --http-listen "$address" "in use" -- --data-dir "$dir/other" --http-listen "$address"
  touch "$dir/file"
  refuses_to_start 1 --data-dir "$dir/file/below" -- --data-dir "$dir/file/below"
  refuses_to_start 2 --listen nonsense -- --data-dir "$dir/other" --listen nonsense
  refuses_to_start 1 "$dir/none.yaml" "No such file" -- --data-dir "$dir/other" --config "$dir/none.yaml"
  printf 'apiVersion: config.salve.dev/v1alpha1\nkind: ControllerConfiguration\nprobs: {}\n' >"$dir/bad.yaml"
  refuses_to_start 2 "$dir/bad.yaml:3: probs" -- --data-dir "$dir/other" --config "$dir/bad.yaml"
  stop_salve "$dir"

  # Databases that are none of ours are left as they are.
  local file
  for file in truncated foreign; do cp -r "$used" "$dir/$file"; done
  head -c 5000 "$used/salve.db" >"$dir/truncated/salve.db"
  printf 'a letter to somebody, long enough to be read %.0s' {1..50} >"$dir/foreign/salve.db"
  local before
  before=$(cat "$dir"/{truncated,foreign}/salve.db | sha256sum)
  refuses_to_start 2 "$dir/truncated/salve.db" "restore a backup" -- --data-dir "$dir/truncated"
  refuses_to_start 2 "$dir/foreign/salve.db" "not an SQLite database" -- --data-dir "$dir/foreign"
  same "databases that were refused" "$before" "$(cat "$dir"/{truncated,foreign}/salve.db | sha256sum)"
  # And the one that was used first is still good.
  heal
  must k get healingpolicies
}
case_ "what cannot be started says why in one line, names the flag, and overwrites nothing" bad_start

# One policy for each thing that can go wrong, and one that must not notice.
hostile_targets() {
  patient "$id-well"
  container "$id-web" --network host salve-test/tiny:1 sh -c 'sleep 1000000'
  local endless silent redis
  endless=$(free_port) silent=$(free_port) redis=$(free_port)
  python3 "$SALVE_ROOT/test/e2e/hostile_server.py" "$endless" "$silent" &
  local server=$!
  trap 'kill '$server' 2>/dev/null || true' EXIT
  container "$id-locked" --network host salve-test/redis:7 redis-server --bind 127.0.0.1 --port "$redis" \
    --requirepass secret-of-the-test --save ""
  heal
  local quick='periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 1'
  probe_policy() { policy "$1" <<<"  target: {docker: {container: $2}}
  mode: Auto
  ladder: [{name: restart, action: {restart: {}}}]
  probes: [{name: p, $3, $quick}]"; }
  probe_policy endless "$id-web" "http: {url: 'http://127.0.0.1:$endless/', bodyMatch: healthy}"
  probe_policy silent "$id-web" "http: {url: 'http://127.0.0.1:$silent/'}"
  probe_policy locked "$id-locked" "redis: {address: '127.0.0.1:$redis'}"
  probe_policy nobody "$id-nobody" "tcp: {address: '127.0.0.1:$redis'}"
  policy well <<<"  target: {docker: {container: $id-well}}
  mode: Auto
  ladder: [{name: restart, action: {restart: {}}}]
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}"
  eventually healthy well
  eventually target_says locked "Authentication required"
  eventually target_says silent "no answer within"
  eventually is TargetNotFound condition healingpolicy/nobody Ready reason
  eventually measured endless
  # The one that is as it should be is healed meanwhile.
  make_ill "$id-well"
  await_incident well
  outcome "$incident" AutoHealed
  # A body without end was not kept.
  local kilobytes
  kilobytes=$(awk '/^VmHWM:/ { print $2 }' "/proc/$(cat "$dir/salve.pid")/status")
  [ "$kilobytes" -lt 150000 ] || fail "it needed $kilobytes KiB at its height"
  must "$salve" healthz --url "http://$(cat "$dir/data/http-address")/health"
}
target_says() {
  case "$(condition "healingpolicy/$1" TargetHealthy message)" in *"$2"*) true ;; *) false ;; esac
}
measured() { [ -n "$(get "healingpolicy/$1" '.status.targets[*].message')" ]; }
case_ "a body without end, a server that says nothing, a password that is missing and a target that is not there disturb nobody else" hostile_targets

# A line of a hundred megabytes in the log of what is to be diagnosed.
endless_line() {
  container "$id-loud" --network none --health-cmd 'test ! -e /tmp/ill' --health-interval 500ms --health-retries 1 \
    salve-test/tiny:1 sh -c 'rm -f /tmp/ill; head -c 100000000 /dev/zero | tr "\0" x; echo; exec sleep 1000000'
  eventually health_is healthy "$id-loud"
  heal
  policy loud <<<"  target: {docker: {container: $id-loud}}
  mode: Auto
  ladder: [{name: restart, action: {restart: {stopTimeoutSeconds: 1}}}]
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}"
  eventually healthy loud
  make_ill "$id-loud"
  await_incident loud
  outcome "$incident" AutoHealed
  [ "$(get "$incident" .status | wc -c)" -lt 100000 ] || fail "the incident keeps the line"
}
case_ "a log line of 100 MB does not keep anything from being healed" endless_line

# The disk is full: what is acknowledged is stored, what is not is said; afterwards it goes on.
full_disk() {
  mkdir -p "$dir/data"
  mount -t tmpfs -o size=3m tmpfs "$dir/data" 2>/dev/null || skip "no tmpfs can be mounted here"
  trap 'stop_salve "$dir"; umount -l "$dir/data" 2>/dev/null || true' EXIT
  patient "$id-a"
  heal
  policy small <<<"  target: {docker: {container: $id-a}}
  mode: Auto
  ladder: [{name: restart, action: {restart: {}}}]
  guardrails: {cooldownSeconds: 0}
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}"
  eventually healthy small
  head -c 4000000 /dev/zero >"$dir/data/ballast" 2>/dev/null || true
  local said i stored=0
  for i in $(seq 200); do
    said=$(printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%s}\ndata: {x: "%s"}\n' "$i" \
      "$(head -c 20000 /dev/zero | tr '\0' x)" | k create -f - 2>&1) || break
    stored=$i
  done
  [ "$stored" -lt 200 ] || fail "the disk was never full"
  says "$said" "full"
  kill -0 "$(cat "$dir/salve.pid")" || fail "salve ended"
  local since
  since=$(mark)
  make_ill "$id-a"
  same "what it does without being able to write it down" "" "$(sleepless "$id-a" && actions "$since" "$id-a")"
  rm "$dir/data/ballast"
  await_incident small
  outcome "$incident" AutoHealed
  for i in $(seq "$stored"); do must k get configmap "c$i" -o name; done
}
# Salve has seen it and tried to write.
sleepless() { wait_until "$patience" grep -q "$1\|full\|no space" "$dir/salve.log"; }
case_ "on a full disk nothing is acknowledged that is not stored, nothing is done, and it goes on when there is room" full_disk

# Stopped for a while as by a debugger or a frozen machine: nothing is done twice afterwards.
frozen() {
  patient "$id-a"
  heal
  policy frozen <<<"  target: {docker: {container: $id-a}}
  mode: Auto
  ladder: [{name: restart, action: {restart: {}}}]
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}"
  eventually healthy frozen
  local since
  since=$(mark)
  kill -STOP "$(cat "$dir/salve.pid")"
  make_ill "$id-a"
  eventually health_is unhealthy "$id-a"
  must docker restart -t 0 "$id-a"
  eventually health_is healthy "$id-a"
  make_ill "$id-a"
  eventually health_is unhealthy "$id-a"
  kill -CONT "$(cat "$dir/salve.pid")"
  await_incident frozen
  outcome "$incident" AutoHealed
  same "restarts: one of a person, one of salve" 2 "$(count_of "$since" "$id-a" restart)"
}
case_ "a process that was frozen acts on what is, not on what was" frozen
