# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Containers that are ill, die or are stopped. The engine's own events are the witness.

carries_label() { docker ps --all --quiet --filter "label=$1" | grep -q .; }

label_heals() {
  ! carries_label autoheal=true || skip "this engine has containers with autoheal=true that are not ours"
  patient "$id-a" --label autoheal=true
  heal --docker-label autoheal=true
  eventually healthy autoheal-true
  says "$(k get healingpolicies)" autoheal-true
  local since
  since=$(mark)
  make_ill "$id-a"
  await_incident autoheal-true
  outcome "$incident" AutoHealed
  same "restarts" 1 "$(count_of "$since" "$id-a" restart)"
  eventually health_is healthy "$id-a"

  # The policy is the user's: what he changes stays changed, also over a restart.
  k get healingpolicy autoheal-true -o yaml | sed 's/^  mode: Auto$/  mode: Observe/' >"$dir/edited.yaml"
  must k apply -f "$dir/edited.yaml"
  stop_salve "$dir"
  heal --docker-label autoheal=true
  same "the mode after a restart" Observe "$(get healingpolicy/autoheal-true .spec.mode)"
  since=$(mark)
  make_ill "$id-a"
  await_another autoheal-true "$incident"
  blocked "$incident" Mode Observe
  same "what was done under Observe" "" "$(actions "$since" "$id-a")"
}
case_ "--docker-label restarts an unhealthy container under a policy that can be seen and edited" label_heals

# Decided by the rules built in: no ladder is written.
crash_policy() {
  policy crash <<YAML
  mode: Auto
  target: {docker: {container: $id-a}}
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
YAML
}

killed() {
  container "$id-a" --network none --restart no salve-test/tiny:1 sleep 100000
  heal
  crash_policy
  eventually healthy crash
  local since
  since=$(mark)
  as_root kill -KILL "$(docker inspect --format '{{.State.Pid}}' "$id-a")"
  await_incident crash
  outcome "$incident" AutoHealed
  same "cause" Crashed "$(get "$incident" .status.diagnosis.cause)"
  same "what the engine saw" "die start" "$(actions "$since" "$id-a" | xargs)"
}
case_ "a container whose process dies of kill -9 is started again" killed

stopped_by_hand() {
  container "$id-a" --network none --restart no --init salve-test/tiny:1 sleep 100000
  container "$id-b" --network none --restart no --label "e2e-other=$id" salve-test/tiny:1 sleep 100000
  heal --docker-label "e2e-other=$id"
  crash_policy
  eventually healthy crash
  local since
  since=$(mark)
  must docker stop --time "$patience" "$id-a"
  eventually unhealthy crash
  # What happens after it is healed: time enough has passed for this one, too.
  as_root kill -KILL "$(docker inspect --format '{{.State.Pid}}' "$id-b")"
  eventually was_started "$since" "$id-b"
  same "what the engine saw" "kill die stop" "$(actions "$since" "$id-a" | xargs)"
  same "attempts" "" "$(k get incidents --field-selector spec.policyRef.name=crash -o 'jsonpath={.items[*].status.attempts[*].id}')"
  says "$(get healingpolicy/crash '.status.targets[0].message')" stopped
  must docker start "$id-a"
  eventually healthy crash
}
was_started() { [ "$(count_of "$1" "$2" start)" -gt 0 ]; }
case_ "a container that a person stops is left alone" stopped_by_hand

five_at_once() {
  local n since label="e2e-five=$id"
  for n in 1 2 3 4 5; do patient "$id-$n" --label "$label"; done
  heal --docker-label "$label"
  eventually all_healthy "$label" 5
  since=$(mark)
  for n in 1 2 3 4 5; do make_ill "$id-$n"; done
  eventually all_resolved 5
  for n in 1 2 3 4 5; do
    same "restarts of $id-$n" 1 "$(count_of "$since" "$id-$n" restart)"
    health_is healthy "$id-$n" || fail "$id-$n is not healthy"
  done
  same "outcomes" "AutoHealed AutoHealed AutoHealed AutoHealed AutoHealed" \
    "$(k get incidents -o 'jsonpath={.items[*].status.outcome}')"
}
all_healthy() { is "$2/$2 healthy" k get healingpolicies -o 'jsonpath={.items[*].status.health}'; }
all_resolved() {
  [ "$(k get incidents -o 'jsonpath={.items[*].status.outcome}' | wc -w)" -ge "$1" ]
}
case_ "five containers that fall ill together are all restarted, each exactly once" five_at_once

engine_away() {
  "$SALVE_ROOT/hack/docker-up" --own "$dir/engine" >/dev/null 2>"$dir/engine.err" ||
    skip "no second engine can be started here: $(tail -n 1 "$dir/engine.err")"
  use_engine "$dir/engine"
  must "$SALVE_ROOT/hack/images" "$dir/engine" tiny
  patient "$id-a" --restart always
  heal
  policy away <<YAML
  mode: Auto
  target: {docker: {container: $id-a}}
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
YAML
  eventually healthy away
  must "$SALVE_ROOT/hack/docker-down" "$dir/engine"
  eventually is BackendUnavailable condition healingpolicy/away TargetFound reason
  must k get healingpolicies
  must "$SALVE_ROOT/hack/docker-up" --own "$dir/engine"
  eventually is True condition healingpolicy/away TargetFound
  eventually health_is healthy "$id-a"
  eventually healthy away
  local earlier
  earlier=$(incidents away)
  make_ill "$id-a"
  await_another away "$earlier"
  outcome "$incident" AutoHealed
  docker rm --force "$id-a" >/dev/null 2>&1
  "$SALVE_ROOT/hack/docker-down" "$dir/engine" >/dev/null 2>&1
}
case_ "while the engine is away it says BackendUnavailable, and heals when the engine is back" engine_away
