# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154,SC2016
# The record of what was decided and done: whole, in order, once, and what somebody does to it shows.

audit() { "$salve" audit "$@" --data-dir "${audit_data:-$dir/data}"; }

# audit_lines FILTER…: the records as JSON, one a line.
audit_lines() { audit query -o json "$@"; }

# audit_sound: the chain is whole.
audit_sound() {
  local said
  said=$(audit verify 2>&1) || fail "the journal is not sound:"$'\n'"$said"
}

# audit_has INCIDENT EVENT [RESULT]: such a record is there.
audit_has() {
  audit_lines --incident "${1##*/}" --event "$2" 2>/dev/null | jq -se --arg result "${3:-}" \
    'any(.[]; $result == "" or .result == $result)' >/dev/null
}

# Mode Approve, one container; $incident waits for a person.
audit_story() {
  patient "$id-a"
  heal
  person paul salve:viewers salve:approvers
  policy watched <<YAML
  mode: Approve
  target: {docker: {container: $id-a}}
  ladder: [{name: restart, action: {restart: {}}}]
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
YAML
  eventually healthy watched
  make_ill "$id-a"
  await_incident watched
  eventually in_phase "$incident" AwaitingApproval
  must as paul decide "$incident" Approve "$(get "$incident" .status.proposal.digest)" paul
  outcome "$incident" HealedAfterApproval
  eventually audit_has "$incident" Resolved HealedAfterApproval
}

audit_whole_story() {
  audit_story
  local name=${incident##*/}
  same "the story" \
    "Detected Diagnosed Proposed GatesEvaluated:AwaitingApproval Decided:Approve Executing Executed:Applied Verified:Successful Resolved:HealedAfterApproval" \
    "$(audit_lines --incident "$name" | jq -rs 'map(.event + if .result then ":" + .result else "" end) | join(" ")')"
  same "who decided" paul "$(audit_lines --approver paul --event Decided | jq -r .approver)"
  same "who licensed the action" "paul restart docker/Container/$id-a all passed" \
    "$(audit_lines --incident "$name" --event Executing | jq -r '[.approver, .action, .target, .gates] | join(" ")')"
  says "$(audit_lines --incident "$name" --event Proposed)" '"confidence":' "$(get "$incident" '.status.attempts[0].digest')"
  says "$(audit query --target "$id-a")" "APPROVER" "HealedAfterApproval"
  says "$(audit export --format csv --incident "$name" | head -n 1)" "seq,time,at,event,incident"
  same "rows of the CSV" 10 "$(audit export --format csv --incident "$name" | wc -l)"

  # A person keeps the policy from acting, and lets it go on.
  must "$salve" pause watched --reason "moving house"
  eventually audit_says "Paused"
  must "$salve" resume watched
  eventually audit_says "Approve"
  same "what the policy was" "Approve Paused Approve" \
    "$(audit_lines --policy watched --event PolicySet | jq -rs 'map(.result) | join(" ")')"
  audit_sound
  eventually audit_head_is_shown
}
audit_head_is_shown() {
  metric "$(cat "$dir/data/http-address")" "salve_audit_head_sequence $(audit verify -o json | jq -r '.head | split(":")[0]')"
}
audit_says() { is "$1" audit_newest_policy_set; }
audit_newest_policy_set() { audit_lines --policy watched --event PolicySet | tail -n 1 | jq -r .result; }
case_ "the audit journal tells the whole story of a heal, with who approved it and who paused the policy" audit_whole_story

# tampered WANTED: verify finds it in a copy on which `sed -i` was used like that.
tampered() {
  local wanted=$1 said
  shift
  rm -rf "$dir/copy" && mkdir "$dir/copy" && cp -r "$dir/data/audit" "$dir/copy/audit"
  local file
  file=$(echo "$dir"/copy/audit/audit-*.jsonl)
  "$@" "$file"
  said=$(audit_data="$dir/copy" audit verify ${head_elsewhere:+--expect-head "$head_elsewhere"} 2>&1) &&
    fail "verify finds nothing wrong after: $*"
  says "$said" "$wanted"
  # What is left can be read all the same.
  audit_data="$dir/copy" audit query >/dev/null || fail "query refuses what is readable after: $*"
}

audit_tampered() {
  audit_story
  audit_sound
  local file line head_elsewhere=
  file=$(basename "$(echo "$dir"/data/audit/audit-*.jsonl)")
  line=$(grep -n '"event":"Decided"' "$dir/data/audit/$file" | cut -d : -f 1)
  tampered "$file:$line: was changed" sed -i "${line}s/paul/rita/"
  tampered "$file:$line: the records $line to $line before it are missing" sed -i "${line}d"
  tampered "$file:$line: is no record" sed -i "${line}s/^/\x1b[2J/"
  tampered "$file:1: begins with number 2" sed -i 1d
  # What was cut off at the end is missed only by who knows how far it went.
  head_elsewhere=$(audit verify -o json | jq -r .head)
  tampered "is not in it" sed -i '$d'
  tampered "is not the line of the expected head" sed -i '$s/HealedAfterApproval/AutoHealed/'
  must audit verify --expect-head "$head_elsewhere"
  same "exit code without a journal" 3 "$(audit_data="$dir/nowhere" audit verify >/dev/null 2>&1; echo $?)"
}
case_ "what somebody changes in, removes from or cuts off the audit journal is found" audit_tampered

audit_kills=${SALVE_E2E_KILLS:-6}
audit_crowd=5

audit_killed() {
  local i round
  for ((i = 1; i <= audit_crowd; i++)); do patient "$id-$i" --label "audit=$id"; done
  heal
  policy journal <<YAML
  mode: Auto
  target: {docker: {labels: {audit: "$id"}}}
  ladder: [{name: restart, action: {restart: {stopTimeoutSeconds: 2}}, maxAttempts: 10, timeoutSeconds: 60}]
  verification: {initialDelaySeconds: 0, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
  guardrails:
    maxActions: {count: 1000, windowSeconds: 3600}
    cooldownSeconds: 0
    maxConcurrent: 5
    maxUnhealthy: "100%"
    breaker: {consecutiveFailures: 100, ineffectiveFixes: 100, openSeconds: 1}
    retry: {minHealthySeconds: 0}
  history: {keepIncidents: 1000}
YAML
  eventually is "$audit_crowd/$audit_crowd healthy" get healingpolicy/journal .status.health
  for ((round = 1; round <= audit_kills; round++)); do
    for i in 1 2 3; do docker exec "$id-$((RANDOM % audit_crowd + 1))" touch /tmp/ill >/dev/null 2>&1; done
    # The moment is a record that is being written.
    eventually audit_goes_on $(($(audit_count) + RANDOM % 6))
    kill_salve
    heal
  done
  eventually is "$audit_crowd/$audit_crowd healthy" get healingpolicy/journal .status.health
  eventually is 0 get healingpolicy/journal .status.openIncidentCount
  audit_sound
  eventually audit_agrees
  [ "$(wc -l <"$dir/told")" -ge 8 ] || fail "hardly anything happened: $(cat "$dir/told")"
  same "told twice" "" "$(sort "$dir/told" | uniq -d)"
  echo "kills: $audit_kills, records: $(audit_count), set aside: $(find "$dir/data/audit" -name 'torn-*' | wc -l)"
}
# audit_agrees: what the resources say, and what the journal says, in the same words ($dir/{is,told}).
audit_agrees() {
  k get incidents -o json >"$dir/incidents.json"
  jq -r '.items[] | .metadata.name as $n | (.status.attempts // [])[] | [$n, "Executing", .id, ""], [$n, "Executed", .id, .result.outcome]
         | @tsv' "$dir/incidents.json" >"$dir/is"
  jq -r '.items[] | [.metadata.name, "Detected", "", ""], [.metadata.name, "Resolved", "", .status.outcome] | @tsv' \
    "$dir/incidents.json" >>"$dir/is"
  audit_lines | jq -r 'select(.event | IN("Executing", "Executed", "Detected", "Resolved"))
         | [(.incident | split("/")[1]), .event, (.detail.attempt // ""), (.result // "")] | @tsv' >"$dir/told"
  diff <(sort "$dir/is") <(sort "$dir/told") >"$dir/differs"
}
audit_count() { cat "$dir"/data/audit/audit-*.jsonl 2>/dev/null | wc -l; }
# audit_goes_on N: more than N records are there. Those that were made ill may have been one and the same, or
# well again before anybody looked: where nothing is left to do, one more is made ill.
audit_goes_on() {
  [ "$(audit_count)" -le "$1" ] && [ "$(get healingpolicy/journal .status.openIncidentCount)" = 0 ] &&
    docker exec "$id-$((RANDOM % audit_crowd + 1))" touch /tmp/ill
  [ "$(audit_count)" -gt "$1" ]
}
case_ "salve killed again and again while it heals: each decision is in the audit journal, once" audit_killed

audit_in_the_way() {
  patient "$id-a"
  mkdir -p "$dir/data"
  echo "no directory" >"$dir/data/audit"
  heal
  restarts_it unheard "$id-a"
  eventually healthy unheard
  make_ill "$id-a"
  await_incident unheard
  outcome "$incident" AutoHealed
  local address
  address=$(cat "$dir/data/http-address")
  eventually metric "$address" "salve_audit_writable 0"
  says "$(http_get "$address" /ready)" '"audit":"not written'
  rm "$dir/data/audit"
  eventually audit_has "$incident" Resolved AutoHealed
  same "the action in it" 1 "$(audit_lines --incident "${incident##*/}" --event Executing | wc -l)"
  eventually metric "$address" "salve_audit_writable 1"
  audit_sound
}
case_ "an audit journal that cannot be written delays no healing and is completed afterwards" audit_in_the_way

audit_of_two() {
  patient "$id-a"
  api
  restarts_it both "$id-a"
  controller one --audit-directory "$dir/audit-one"
  eventually leads one
  controller two --audit-directory "$dir/audit-two"
  eventually stands_by two
  eventually healthy both
  make_ill "$id-a"
  await_incident both
  outcome "$incident" AutoHealed
  [ ! -e "$dir/audit-two" ] || fail "one that stands by keeps a record"
  local ctl
  ctl=$(cat "$dir/one.ctl")
  # Its end is ours: the shell has nothing to say about it.
  disown "$ctl"
  kill -KILL "$ctl"
  eventually leads two
  # It tells of what the first one had done: that stands on the resources.
  eventually audit_of_successor
  same "the action in the second journal" 1 \
    "$("$salve" audit query --directory "$dir/audit-two" --event Executing -o json | wc -l)"
  must "$salve" audit verify --directory "$dir/audit-one"
  must "$salve" audit verify --directory "$dir/audit-two"
  says "$(timeout "$patience" "$salve" controller --kubeconfig "$dir/kubeconfig-ctl" --audit-retention-days 7 2>&1)" \
    "--audit-retention-days: 7 is not between 30"
}
audit_of_successor() {
  "$salve" audit query --directory "$dir/audit-two" --incident "${incident##*/}" --event Resolved -o json | grep -q AutoHealed
}
case_ "of two controllers only the leader keeps an audit journal, and its successor's tells all that is on the resources" audit_of_two
