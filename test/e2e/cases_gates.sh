# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What holds Salve back, and what lets it go on.

# simple NAME CONTAINER [MODE] <<EOF: a policy that restarts; the standard input adds to it.
simple() {
  policy "$1" < <(
    printf '  mode: %s\n  target: {docker: {container: %s}}\n  ladder: [{name: restart, action: {restart: {}}}]\n' \
      "${3:-Auto}" "$2"
    printf '  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}\n'
    cat
  )
}

observe() {
  patient "$id-a"
  heal
  simple watched "$id-a" Observe </dev/null
  eventually healthy watched
  local since
  since=$(mark)
  make_ill "$id-a"
  await_incident watched
  blocked "$incident" Mode Observe
  same "what would have been done" restart "$(get "$incident" .status.proposal.step)"
  must docker exec "$id-a" rm /tmp/ill
  outcome "$incident" SelfResolved
  same "what was done" "" "$(actions "$since" "$id-a")"
}
case_ "mode Observe shows what it would do and never acts" observe

dry_run() {
  patient "$id-a"
  heal
  simple rehearsal "$id-a" DryRun </dev/null
  eventually healthy rehearsal
  local since
  since=$(mark)
  make_ill "$id-a"
  await_incident rehearsal
  outcome "$incident" DryRun
  says "$(get "$incident" .status.proposal.preview.command)" "$id-a"
  same "what was done" "" "$(actions "$since" "$id-a")"
  same "incidents" 1 "$(incidents rehearsal | wc -l)"
}
case_ "mode DryRun proposes, does nothing and ends as DryRun" dry_run

kill_switch() {
  patient "$id-a"
  SELF_HEAL_ENABLED=false heal
  simple unplugged "$id-a" </dev/null
  eventually healthy unplugged
  local since
  since=$(mark)
  make_ill "$id-a"
  await_incident unplugged
  blocked "$incident" KillSwitch Disabled
  same "all other gates are shown too" 18 "$(get "$incident" '.status.gates[*].name' | wc -w)"
  same "what was done" "" "$(actions "$since" "$id-a")"
  stop_salve "$dir"
  heal
  outcome "$incident" AutoHealed
}
case_ "SELF_HEAL_ENABLED=false holds everything until it is taken away" kill_switch

paused_until() {
  simple paused "$id-a" <<YAML
  pauses: [{name: upgrade, reason: new disks, until: "$1"}]
YAML
}
in_utc() { date -u -d "$1" +%Y-%m-%dT%H:%M:%SZ; }

pause() {
  patient "$id-a"
  heal
  local since until
  until=$(in_utc '+2 hours')
  paused_until "$until"
  eventually is True condition healingpolicy/paused Paused
  since=$(mark)
  make_ill "$id-a"
  await_incident paused
  blocked "$incident" Paused PausedByPolicy
  same "until when" "$until" "$(get "$incident" '.status.gates[?(@.name=="Paused")].until')"
  says "$(get "$incident" '.status.gates[?(@.name=="Paused")].message')" upgrade "new disks"
  same "done during the pause" "" "$(actions "$since" "$id-a")"
  # Nobody takes it away: it ends by itself, and not before its time.
  until=$(in_utc '+6 seconds')
  paused_until "$until"
  outcome "$incident" AutoHealed
  local acted
  acted=$(get "$incident" '.status.attempts[0].startedAt')
  # To the second; the rest of the text is a fraction on the one side only.
  [[ ! ${acted:0:19} < ${until:0:19} ]] || fail "it acted at $acted, before the pause ended at $until"
  eventually is False condition healingpolicy/paused Paused
}
case_ "a pause holds an incident with its reason and lets it go by itself" pause

break_glass() {
  patient "$id-a"
  heal
  simple frozen "$id-a" <<YAML
  guardrails:
    windows: [{name: freeze, kind: Deny, cron: "* * * * *", durationSeconds: 3600, timeZone: Europe/Berlin, breakGlass: true}]
YAML
  local since
  since=$(mark)
  make_ill "$id-a"
  await_incident frozen
  blocked "$incident" Window WindowClosedBreakGlass
  same "done in the window" "" "$(actions "$since" "$id-a")"
  must decide "$incident" Approve
  outcome "$incident" HealedAfterApproval
  same "restarts" 1 "$(count_of "$since" "$id-a" restart)"
}
case_ "a freeze window holds an incident, and a person who breaks the glass lets it go" break_glass

closed_window() {
  patient "$id-a"
  heal
  simple frozen "$id-a" <<YAML
  guardrails:
    windows: [{kind: Deny, cron: "* * * * *", durationSeconds: 3600}]
YAML
  local since
  since=$(mark)
  make_ill "$id-a"
  await_incident frozen
  blocked "$incident" Window WindowClosed
  decide "$incident" Approve >"$dir/approved"
  # The edit makes it look again: with the approval there, the window alone still holds it.
  must k get "$incident"
  same "done in the window" "" "$(actions "$since" "$id-a")"
  simple frozen "$id-a" <<YAML
  guardrails: {windows: []}
YAML
  must k wait --for=condition=Resolved "$incident" "--timeout=${patience}s"
  same "restarts after the window is taken away" 1 "$(count_of "$since" "$id-a" restart)"
}
case_ "a window without break-glass holds even what is approved, until it is taken away" closed_window

budget() {
  local since
  patient "$id-a" --label "e2e-set=$id"
  patient "$id-b" --label "e2e-set=$id"
  heal
  policy thrifty <<YAML
  mode: Auto
  target: {docker: {labels: {e2e-set: $id}}}
  ladder: [{name: restart, action: {restart: {}}}]
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
  guardrails: {maxActions: {count: 1, windowSeconds: 3600}, cooldownSeconds: 0}
YAML
  eventually healthy thrifty
  since=$(mark)
  make_ill "$id-a"
  await_incident thrifty
  outcome "$incident" AutoHealed
  eventually is 0 get healingpolicy/thrifty .status.budget.remaining
  local first=$incident
  make_ill "$id-b"
  await_another thrifty "$first"
  blocked "$incident" Budget BudgetExhausted
  says "$(get "$incident" '.status.gates[?(@.name=="Budget")].message')" "1 of 1"
  [ -n "$(get "$incident" '.status.gates[?(@.name=="Budget")].until')" ] || fail "it does not say until when"
  # The memory is the policy's: it outlives the incident that spent it, and Salve itself.
  remove "$first"
  kill_salve
  heal
  blocked "$incident" Budget BudgetExhausted
  same "done to the second" "" "$(actions "$since" "$id-b")"
  same "restarts of the first" 1 "$(count_of "$since" "$id-a" restart)"
}
case_ "a spent budget blocks the next incident, also after its incident is deleted and salve crashed" budget

dependency() {
  local since
  patient "$id-db"
  patient "$id-web"
  heal
  simple db "$id-db" Observe </dev/null
  simple web "$id-web" <<YAML
  dependsOn: [{policy: db}]
YAML
  eventually healthy db
  eventually healthy web
  since=$(mark)
  make_ill "$id-db"
  eventually unhealthy db
  make_ill "$id-web"
  await_incident web
  # No fault of its own: it is not even asked what to do about it.
  eventually is DependencyDown get "$incident" .status.diagnosis.cause
  eventually in_phase "$incident" Blocked
  says "$(get "$incident" .status.diagnosis.message)" "policy db"
  same "done while the database is down" "" "$(actions "$since" "$id-web")"
  must docker exec "$id-db" rm /tmp/ill
  outcome "$incident" AutoHealed
  same "restarts of web" 1 "$(count_of "$since" "$id-web" restart)"
  same "done to the database" "" "$(actions "$since" "$id-db")"
}
case_ "what depends on something ill is held until that is well" dependency

guardrail_status() { k get hguard "$1" -o "jsonpath={$2}"; }

guardrail() {
  patient "$id-a"
  heal
  simple ruled "$id-a" </dev/null
  eventually healthy ruled
  must k apply -f - <<EOF2
apiVersion: salve.dev/v1alpha1
kind: HealingGuardrail
metadata: {name: no-restarts}
spec: {allowedActions: [start]}
EOF2
  eventually is 1 guardrail_status no-restarts .status.policiesSelected
  eventually is True guardrail_status no-restarts '.status.conditions[?(@.type=="Ready")].status'
  local since
  since=$(mark)
  make_ill "$id-a"
  await_incident ruled
  blocked "$incident" AllowedAction ActionNotAllowed
  eventually has_blocked no-restarts
  says "$(guardrail_status no-restarts .status.lastBlocked)" "${incident#*/}" AllowedAction
  same "what was done" "" "$(actions "$since" "$id-a")"
  must k delete hguard no-restarts
  outcome "$incident" AutoHealed
}
has_blocked() { [ -n "$(guardrail_status "$1" .status.lastBlocked)" ]; }
case_ "a guardrail forbids an action, shows what it blocked, and without it the incident is healed" guardrail

probe_networks() {
  patient "$id-a"
  heal
  must k apply -f - <<EOF2
apiVersion: salve.dev/v1alpha1
kind: HealingGuardrail
metadata: {name: own-network}
spec: {probes: {allowedCIDRs: [192.0.2.0/24]}}
EOF2
  eventually is 0 guardrail_status own-network .status.policiesSelected
  simple curious "$id-a" <<EOF2
  probes: [{name: port, tcp: {address: "127.0.0.1:1"}, periodSeconds: 1, timeoutSeconds: 1}]
EOF2
  await_incident curious
  eventually says_refused "$incident"
}
says_refused() {
  case "$(get "$1" '.status.gates[?(@.name=="SignalStillActive")].message')" in
    *"not within probes.allowedCIDRs of guardrail own-network"*) true ;;
    *) false ;;
  esac
}
case_ "a guardrail keeps probes within its networks, and the policy says so" probe_networks
