# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What holds an action back, and what happens to an incident when its policy goes.

storm() {
  space
  local name
  for name in one two three four; do deployment "$name" 1; done
  must k label deployments --all tier=web
  policy_yaml all "$ns" >"$dir/policy.yaml" <<YAML
  mode: Auto
  target: {kubernetes: {selector: {matchLabels: {tier: web}}}}
  guardrails: {maxUnhealthy: "40%", maxUnhealthyFloor: 2, maxActions: {count: 100}}
YAML
  must k apply -f "$dir/policy.yaml"
  eventually healthy all
  for name in one two three four; do has_served "$name" 10; done
  # All at once, as a bad base image would do it. The policy is held while it happens.
  must k patch healingpolicy all --type=merge -p '{"spec": {"pauses": [{"name": "until-all-are-ill"}]}}'
  must k set image deployment --all c=salve-test/none:9
  eventually is 4 count_incidents all
  must k patch healingpolicy all --type=merge -p '{"spec": {"pauses": null}}'
  eventually is True condition healingpolicy/all StormActive
  local one
  for one in $(incidents all); do blocked "$one" Storm Storm; done
  same "what was changed" "" "$(changes)"
}
count_incidents() { incidents "$1" | wc -l; }
case_ "a whole namespace that falls ill at once is a storm: nothing is done" storm

window() {
  space
  deployment web 1
  heals web '  guardrails:
    windows: [{name: freeze, kind: Deny, cron: "* * * * *", durationSeconds: 3600, breakGlass: true}]'
  must k set image deployment/web c=salve-test/none:9
  await_incident web
  blocked "$incident" Window WindowClosedBreakGlass
  says "$("$salve" why "$incident" -n "$ns" 2>&1)" "freeze"
  same "what was changed" "" "$(changes)"
  must decide "$incident" Approve
  outcome "$incident" HealedAfterApproval
  same "what was changed" "patch deployments/web 200" "$(changes)"
}
case_ "a freeze window holds a rollback until a person breaks the glass" window

policy_goes() {
  space
  deployment web 1
  heals web '  pauses: [{name: held, reason: "a person looks first"}]'
  must k set image deployment/web c=salve-test/none:9
  await_incident web
  blocked "$incident" Paused PausedByPolicy
  must k delete healingpolicy web
  outcome "$incident" Cancelled
  same "what was changed" "" "$(changes)"
}
case_ "deleting a policy cancels its incident" policy_goes

namespace_goes() {
  space
  deployment web 1
  heals web '  pauses: [{name: held}]'
  must k set image deployment/web c=salve-test/none:9
  await_incident web
  must "$kubectl" delete namespace "$id" "--timeout=${patience}s"
}
case_ "deleting a namespace in the middle of an incident does not hang" namespace_goes

# The right and the wrong people, by the cluster's own rules.
approvals() {
  space
  deployment web 1
  deployment other 1
  local carefully='  ladder: [{name: undo, action: {rolloutUndo: {}}}]
  guardrails: {maxAutoRisk: Low}'
  heals web "$carefully"
  heals other "$carefully"
  must k create role approve-web --verb=approve --resource=healingpolicies.salve.dev --resource-name=web
  must k create role people --verb=get,list,create --resource=incidentapprovals.salve.dev,incidents.salve.dev,healingpolicies.salve.dev
  must k create rolebinding alice --role=approve-web --user=alice
  local person
  for person in alice bob; do must k create rolebinding "people-$person" --role=people --user="$person"; done
  must k set image deployment/web c=salve-test/none:9
  must k set image deployment/other c=salve-test/none:9
  await_incident other
  local other=$incident
  await_incident web
  eventually in_phase "$incident" AwaitingApproval
  eventually in_phase "$other" AwaitingApproval
  says "$(by bob "$incident" "" bob)" "may not approve"
  says "$(by alice "$other" "" alice)" "may not approve"
  says "$(by alice "$incident" "" bob)" "must be the name of who sends the request"
  must k create clusterrolebinding "$id" --clusterrole=cluster-admin --user=salve-controller --dry-run=server
  same "approvals" "" "$(k get incidentapprovals -o name)"
  # Of what she saw before it changed.
  local stale
  stale=$(sha256sum <<<stale | cut -d ' ' -f 1)
  must by alice "$incident" "$stale" alice
  eventually why_says "$incident" "another proposal"
  same "what was changed" "" "$(changes)"
  must by alice "$incident" "" alice
  outcome "$incident" HealedAfterApproval
  same "who approved" alice "$(get "$incident" '.status.attempts[0].approvedBy')"
  same "what was changed" "patch deployments/web 200" "$(changes)"
  must "$kubectl" -n "$ns" delete healingpolicy other
}
why_says() { "$salve" why "$1" -n "$ns" 2>&1 | grep -F "$2"; }
by() {
  local -x KUBECONFIG=$cluster/$1.kubeconfig
  shift
  decide "$1" Approve "$2" "$3"
}
case_ "the right person can approve the right proposal, and nobody else anything" approvals
