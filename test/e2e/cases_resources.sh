# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Policies as files, bad policies, and taking things away.

observer() { # NAME [NAMESPACE]: a valid policy that only watches
  policy_yaml "$1" "${2:-default}" <<YAML
  mode: Observe
  target: {docker: {container: $id-none}}
YAML
}
there() { k get "healingpolicy/$1" -o name; }
not_there() { ! there "$1"; }

manifests() {
  mkdir -p "$dir/manifests/deeper"
  observer first >"$dir/manifests/first.yaml"
  observer second >"$dir/manifests/deeper/second.yaml"
  observer broken | sed 's/mode: Observe/mood: Observe/' >"$dir/manifests/broken.yaml"
  heal --manifests "$dir/manifests"
  eventually there first
  eventually there second
  eventually grep -q 'broken\.yaml.*mood' "$dir/salve.log"
  there broken >/dev/null && fail "the broken policy was stored"

  observer broken >"$dir/manifests/broken.yaml"
  eventually there broken
  sed -i 's/mode: Observe/mode: Approve/' "$dir/manifests/first.yaml"
  eventually is Approve get healingpolicy/first .spec.mode
  rm "$dir/manifests/deeper/second.yaml"
  eventually not_there second
  must there first
  must there broken
}
case_ "--manifests reports a broken file, applies the others, follows changes and removals" manifests

# refused WHAT PATH <<EOF: applying the policy fails and names the path; nothing is stored.
refused() {
  local said
  policy_yaml bad >"$dir/bad.yaml"
  said=$(k apply -f "$dir/bad.yaml" 2>&1) && fail "$1 was accepted: $said"
  [[ $said == *"$2"* ]] || fail "$1: expected to read \"$2\" in:"$'\n'"$said"
  there bad >/dev/null 2>&1 && fail "$1 was refused and stored nevertheless"
  return 0
}

bad_input() {
  heal
  local target="target: {docker: {container: $id-none}}"
  refused "an unknown field" spec.probing <<<"  $target
  probing: []"
  refused "a wrong type" spec.guardrails.cooldownSeconds <<<"  $target
  guardrails: {cooldownSeconds: soon}"
  refused "a bad regular expression" 'spec.diagnosis.rules[0].when.logs' <<<"  $target
  ladder: [{name: restart, action: {restart: {}}}]
  diagnosis: {rules: [{name: r, when: {logs: '(['}, cause: Bad, step: restart}]}"
  refused "a bad cron line" 'spec.guardrails.windows[0].cron' <<<"  $target
  guardrails: {windows: [{kind: Deny, cron: '0 25 * * *', durationSeconds: 60}]}"
  refused "a bad time zone" 'spec.guardrails.windows[0].timeZone' <<<"  $target
  guardrails: {windows: [{kind: Deny, cron: '0 5 * * *', durationSeconds: 60, timeZone: Mars/Olympus}]}"
  refused "two members of a union" 'spec.ladder[0].action' <<<"  $target
  ladder: [{name: both, action: {restart: {}, start: {}}}]"
  refused "a step without an action" 'spec.ladder[0]' <<<"  $target
  ladder: [{name: none}]"
  refused "two ways to name the target" spec.target.docker <<<"  target: {docker: {container: a, labels: {b: c}}}"
  refused "no target" spec.target <<<"  mode: Auto"
  refused "two steps of one name" 'spec.ladder[1]' <<<"  $target
  ladder: [{name: restart, action: {restart: {}}}, {name: restart, action: {start: {}}}]"
  refused "a rule that names no step" spec.diagnosis.rules <<<"  $target
  ladder: [{name: restart, action: {restart: {}}}]
  diagnosis: {rules: [{name: r, when: {logs: x}, cause: Bad, step: reboot}]}"
  refused "a mode that does not exist" spec.mode <<<"  $target
  mode: Sometimes"
  same "what is stored" "" "$(k get healingpolicies,incidents -A -o name 2>/dev/null)"
}
case_ "a bad policy is refused with the path of its field, and nothing is stored" bad_input

missing_target() {
  patient "$id-a"
  heal
  observer lost >"$dir/lost.yaml"
  must k apply -f "$dir/lost.yaml"
  policy found <<YAML
  mode: Auto
  target: {docker: {container: $id-a}}
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
YAML
  eventually is TargetNotFound condition healingpolicy/lost TargetFound reason
  eventually healthy found
  make_ill "$id-a"
  await_incident found
  outcome "$incident" AutoHealed
}
case_ "a policy without a target says so, and the others go on" missing_target

deleted_policy() {
  patient "$id-a"
  heal
  must k apply -f - <<<'{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}'
  local ns since
  since=$(mark)
  for ns in default team; do
    policy_yaml going "$ns" >"$dir/going-$ns.yaml" <<YAML
  mode: Approve
  target: {docker: {container: $id-a}}
  ladder: [{name: restart, action: {restart: {}}}]
YAML
    must k apply -f "$dir/going-$ns.yaml"
  done
  make_ill "$id-a"
  await_incident going
  eventually in_phase "$incident" AwaitingApproval
  remove healingpolicy going
  # Its incident ends as Cancelled, or goes with its owner after that.
  eventually cancelled_or_gone "$incident"
  eventually team_waits
  remove namespace team
  same "what was done" "" "$(actions "$since" "$id-a")"
}
cancelled_or_gone() { is Cancelled get "$1" .status.outcome || ! k get "$1" -o name; }
team_waits() { is AwaitingApproval k get incidents -n team -o 'jsonpath={.items[*].status.phase}'; }
case_ "deleting a policy cancels its incident, and deleting a namespace does not hang" deleted_policy

says_why() {
  patient "$id-a"
  heal
  policy careful <<YAML
  mode: Approve
  target: {docker: {container: $id-a}}
  ladder: [{name: restart, action: {restart: {}}}]
  pauses: [{name: upgrade, reason: new disks}]
YAML
  eventually healthy careful
  says "$("$salve" why careful 2>&1)" "no open incident" "new disks"
  make_ill "$id-a"
  await_incident careful
  blocked "$incident" Paused PausedByPolicy
  says "$("$salve" why "${incident##*/}" 2>&1)" Paused upgrade "new disks" "salve resume" restart
  # Without a server: what was saved explains itself.
  k get "$incident" -o yaml >"$dir/saved.yaml"
  says "$(KUBECONFIG=/nowhere "$salve" why -f - <"$dir/saved.yaml" 2>&1)" Paused "salve resume"
  says "$("$salve" report "${incident##*/}" 2>&1)" "# " "$id-a"
}
case_ "salve why explains a blocked incident down to what would unblock it" says_why

round_trip() {
  heal
  observer kept >"$dir/kept.yaml"
  must k apply -f "$dir/kept.yaml"
  must "$salve" backup --data-dir "$dir/data" -o "$dir/backup"
  "$salve" export >"$dir/export.yaml" 2>"$dir/export.err" || fail "export: $(cat "$dir/export.err")"
  grep -q 'resourceVersion\|uid:' "$dir/export.yaml" && fail "the export carries fields of the server"
  remove healingpolicy kept

  must k apply -f "$dir/export.yaml"
  must there kept
  local uid
  uid=$(get healingpolicy/kept .metadata.uid)
  stop_salve "$dir"
  rm -rf "$dir/data"
  must "$salve" restore --data-dir "$dir/data" "$dir/backup"
  heal
  must there kept
  [ "$(get healingpolicy/kept .metadata.uid)" != "$uid" ] || fail "this is not what the backup held"
}
case_ "a backup is restored and an export is applied again" round_trip
