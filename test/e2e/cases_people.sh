# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What people may decide, and what they may not.

# asks [APPROVALS]: a patient under mode Approve, ill; $incident waits for a person. $since is before anything was done.
asks() {
  patient "$id-a"
  heal
  policy careful <<YAML
  mode: Approve
  target: {docker: {container: $id-a}}
  ladder: [{name: restart, action: {restart: {}}}]
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
  approval: {minApprovals: ${1:-1}}
YAML
  eventually healthy careful
  since=$(mark)
  make_ill "$id-a"
  await_incident careful
  eventually in_phase "$incident" AwaitingApproval
}

rejected() {
  asks
  must decide "$incident" Reject
  outcome "$incident" Rejected
  same "attempts" "" "$(get "$incident" '.status.attempts[*].id')"
  same "what was done" "" "$(actions "$since" "$id-a")"
  same "incidents" 1 "$(incidents careful | wc -l)"
}
case_ "a proposal that a person rejects ends as Rejected and nothing is done" rejected

not_anybody() {
  asks 2
  local digest said wrong=0000000000000000000000000000000000000000000000000000000000000000
  digest=$(get "$incident" .status.proposal.digest)
  person vera salve:viewers
  person paul salve:viewers salve:approvers
  person quinn salve:viewers salve:approvers

  said=$(as vera decide "$incident" Approve "$digest" vera) && fail "a viewer approved"
  says "$said" orbidden
  said=$(as paul decide "$incident" Approve "$digest" quinn) && fail "somebody approved in another's name"
  says "$said" orbidden approver
  # The word for it looks first whether the proposal is still what the person saw.
  says "$("$salve" approve "${incident##*/}" --digest "${wrong:0:12}" --yes 2>&1 || echo "exit $?")" \
    "has changed" "exit 5"
  same "approvals that are stored" "" "$(k get incidentapprovals -o name 2>/dev/null)"

  # A stale digest is a thing that the server cannot know and the controller must; nor do two approvals of
  # one person make two people.
  must as quinn decide "$incident" Approve "$wrong" quinn
  must as paul decide "$incident" Approve "$digest" paul
  must as paul decide "$incident" Approve "$digest" paul
  eventually approved_by '["paul"]'
  same "phase" AwaitingApproval "$(get "$incident" .status.phase)"
  same "done so far" "" "$(actions "$since" "$id-a")"

  must as quinn decide "$incident" Approve "$digest" quinn
  outcome "$incident" HealedAfterApproval
  says "$(get "$incident" '.status.attempts[0].approvedBy')" paul quinn
  same "restarts" 1 "$(count_of "$since" "$id-a" restart)"
}
approved_by() { is "$1" get "$incident" .status.proposal.approvers; }
case_ "only the right people, in their own names, for what is proposed now, can approve" not_anybody

asked_for_by_hand() {
  patient "$id-a"
  heal
  policy careful <<YAML
  mode: Observe
  target: {docker: {container: $id-a}}
  ladder: [{name: restart, action: {restart: {}}}]
YAML
  eventually healthy careful
  local since
  since=$(mark)
  by_hand wish-of-a-healthy-one
  outcome incident/wish-of-a-healthy-one SelfResolved
  make_ill "$id-a"
  eventually unhealthy careful
  by_hand wish
  blocked incident/wish Mode Observe
  same "all gates are evaluated" 18 "$(get incident/wish '.status.gates[*].name' | wc -w)"
  same "what was done" "" "$(actions "$since" "$id-a")"
  sed -i 's/mode: Observe/mode: Auto/' "$dir/policy-careful.yaml"
  must k apply -f "$dir/policy-careful.yaml"
  must k wait --for=condition=Resolved incidents --all "--timeout=${patience}s"
  same "restarts, however many asked" 1 "$(count_of "$since" "$id-a" restart)"
}
by_hand() {
  cat >"$dir/$1.yaml" <<YAML
apiVersion: salve.dev/v1alpha1
kind: Incident
metadata: {name: $1, namespace: default}
spec:
  policyRef: {name: careful}
  target: {backend: docker, kind: Container, name: $id-a}
  trigger: {source: Manual, name: admin, message: please have a look}
YAML
  must k apply -f "$dir/$1.yaml"
}
case_ "an incident that a person makes goes through the same gates" asked_for_by_hand
