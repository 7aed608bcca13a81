# shellcheck shell=bash disable=SC2154,SC2317
# SPDX-License-Identifier: Apache-2.0
# The cases of run.sh on a real API server. They follow on each other: installed once, tried, taken away.

readonly account=system:serviceaccount:salve-system:salve-controller
export KUBECONFIG=$KUBE_DIR/admin.kubeconfig
# What a person has configured for his own clusters stays out of it.
export HELM_NAMESPACE=salve-system
ns=manifests-test

# kc ARGUMENT…: kubectl as the administrator. as USER ARGUMENT…: as alice or bob, with the user's own token.
kc() { timeout $((patience + 10)) "$KUBECTL" --cache-dir "$work/cache" "$@"; }
as() {
  local user=$1
  shift
  timeout $((patience + 10)) "$KUBECTL" --cache-dir "$work/cache-$user" --kubeconfig "$KUBE_DIR/$user.kubeconfig" "$@"
}
# as_controller ARGUMENT…: with a token of its service account.
as_controller() {
  local token
  token=$(kc -n salve-system create token salve-controller) || fail "no token for the service account"
  timeout $((patience + 10)) "$KUBECTL" --cache-dir "$work/cache-controller" --kubeconfig /dev/null \
    --server "$(kc config view --raw -o 'jsonpath={.clusters[0].cluster.server}')" \
    --certificate-authority <(kc config view --raw -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}' | base64 -d) \
    --token "$token" "$@"
}

# approval POLICY APPROVER [DECISION]: an IncidentApproval of the name given by the server.
approval() {
  cat <<YAML
apiVersion: salve.dev/v1alpha1
kind: IncidentApproval
metadata: {generateName: one-, namespace: $ns}
spec:
  incidentName: one
  incidentUID: 6f1c3a52-0d0e-4c7e-9d0b-0c8a3f5d7e21
  policyName: $1
  proposalDigest: "$(printf '%064d' 0)"
  decision: ${3:-Approve}
  approver: $2
YAML
}

# asks [FIELDS]: an Incident as a person writes it, with further FIELDS of its spec.
asks() {
  cat <<YAML
apiVersion: salve.dev/v1alpha1
kind: Incident
metadata: {generateName: one-, namespace: $ns}
spec:
  policyRef: {name: a${2:-}}
  target: {backend: kubernetes, kind: Deployment, name: web${3:-}}
${1:-}
YAML
}

# policy NAME [MODE [MAXAUTORISK]]
policy() {
  cat <<YAML
apiVersion: salve.dev/v1alpha1
kind: HealingPolicy
metadata: {name: $1, namespace: $ns}
spec:
  mode: ${2:-Observe}
  target: {kubernetes: {kind: Deployment, name: web}}
  guardrails: {maxAutoRisk: ${3:-Medium}}
YAML
}

everything_of_salve() {
  kc get namespaces,clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings \
    -l app.kubernetes.io/name=salve -o name
  kc get all,configmaps,secrets,serviceaccounts,roles,rolebindings,poddisruptionbudgets,networkpolicies -A \
    -l app.kubernetes.io/name=salve -o name
  kc get secrets -A -l owner=helm -o name
}

nothing_of_salve() {
  local left
  left=$(everything_of_salve)
  echo "$left"
  [ -z "$left" ]
}

clear_up() {
  "$HELM" uninstall salve >/dev/null 2>&1
  kc delete --ignore-not-found --wait=false -k "$root/manifests/base" >/dev/null 2>&1
  kc delete --ignore-not-found namespace "$ns" salve-system >/dev/null 2>&1
  kc delete --ignore-not-found clusterrole/manifests-test-a clusterrolebinding/"$ns"-{admin,all} >/dev/null 2>&1
  rm -rf "$work"
}
kc get --raw /readyz >/dev/null || { echo "the cluster of $KUBE_DIR does not answer" >&2; exit 1; }
trap clear_up EXIT

# --- helm -----------------------------------------------------------------------------------------------

install() {
  ok kc create namespace salve-system
  ok kc label namespace salve-system pod-security.kubernetes.io/enforce=restricted pod-security.kubernetes.io/warn=restricted
  # The dry run of a server that does not know Salve's kinds yet.
  ok "$HELM" install salve "$chart" --dry-run=server
  ok "$HELM" install salve "$chart"
  says_not "would violate PodSecurity"
  ok kc wait --for=condition=Established crd/healingpolicies.salve.dev crd/healingguardrails.salve.dev \
    crd/incidents.salve.dev crd/incidentapprovals.salve.dev "--timeout=${patience}s"
  ok kc create namespace "$ns"
}
case_ "helm install works on a cluster that knows nothing of Salve" install

structural() {
  local name
  for name in healingguardrails healingpolicies incidentapprovals incidents; do
    ok kc get crd "$name.salve.dev" -o 'jsonpath={.status.conditions[?(@.type=="NonStructuralSchema")].message}'
    is ""
    ok kc get crd "$name.salve.dev" -o 'jsonpath={.status.conditions[?(@.type=="NamesAccepted")].status}'
    is True
  done
}
case_ "the API server has nothing to say against the CustomResourceDefinitions" structural

type_checked() {
  local name
  for name in incidentapprovals incidents healingpolicies; do
    eventually "$patience" kc wait "validatingadmissionpolicy/$name.salve.dev" --timeout=1s \
      --for=jsonpath='{.status.observedGeneration}'=1
    ok kc get "validatingadmissionpolicy/$name.salve.dev" -o 'jsonpath={.status.typeChecking.expressionWarnings}'
    is ""
  done
}
case_ "the expressions of the admission policies fit the types of the kinds" type_checked

pods_are_admitted() {
  # The restricted namespace admits the pod itself, too; a Deployment is only warned about.
  ok kc -n salve-system get deployment salve-controller -o json
  out=$(printf '%s' "$out" | jq '{apiVersion: "v1", kind: "Pod", metadata: {name: "try", labels: .spec.template.metadata.labels}, spec: .spec.template.spec}')
  ok kc -n salve-system create --dry-run=server -f - <<<"$out"
}
case_ "the namespace may enforce Pod Security restricted" pods_are_admitted

# --- the controller itself ------------------------------------------------------------------------------

# leads: /ready answers 200, and the lead is this process's; one that stands by is ready, too.
leads() {
  local said
  said=$(curl --silent --fail --noproxy '*' --max-time 30 "http://$(cat "$work/address")/ready") || return 1
  [[ $said == *'"leader":"this process"'* ]]
}

runs() {
  local controller lines token
  token=$(kc -n salve-system create token salve-controller) || fail "no token for the service account"
  kc config view --raw -o json |
    jq --arg token "$token" '.users[0].user = {token: $token}' >"$work/controller.kubeconfig"
  kc -n salve-system get configmap salve-controller -o 'jsonpath={.data.config\.yaml}' >"$work/config.yaml"
  # The API server learns of rights by a watch.
  eventually "$patience" kc auth can-i list healingpolicies.salve.dev --as "$account" -A
  eventually "$patience" kc auth can-i create leases.coordination.k8s.io --as "$account" -n salve-system
  lines=$(wc -l <"$KUBE_DIR/audit.log")
  "$SALVE" controller --kubeconfig "$work/controller.kubeconfig" --config "$work/config.yaml" \
    --http-listen 127.0.0.1:0 --http-address-file "$work/address" >"$work/controller.log" 2>&1 &
  controller=$!
  trap 'kill "$controller" 2>/dev/null' EXIT
  (eventually "$patience" leads) || fail "not ready: $(tail -n 5 "$work/controller.log")"
  kill "$controller"
  wait "$controller" || fail "exit $? after SIGTERM: $(tail -n 5 "$work/controller.log")"
  out=$(tail -n "+$((lines + 1))" "$KUBE_DIR/audit.log" |
    jq -r --arg who "$account" 'select(.user.username == $who and .responseStatus.code == 403) | .verb + " " + .requestURI')
  is ""
}
[ -z "${SALVE:-}" ] ||
  case_ "with its rights and its configuration the controller becomes ready, and nothing is refused to it" runs

# --- rights ---------------------------------------------------------------------------------------------

# asked USER VERB RESOURCE[:SUBRESOURCE] [NAMESPACE]: yes or no, without the warnings.
asked() {
  local sub=()
  case "$3" in *:*) sub=(--subresource "${3#*:}") ;; esac
  kc auth can-i "$2" "${3%%:*}" "${sub[@]}" --as "$1" -n "${4:-$ns}" 2>/dev/null | head -n 1
}
can() { [ "$(asked "$@")" = yes ] || fail "should be allowed: $*"; }
can_not() { [[ "$(asked "$@")" = no* ]] || fail "should not be allowed: $*"; }

controller_rights() {
  local verb
  eventually "$patience" can "$account" list healingpolicies.salve.dev
  eventually "$patience" can "$account" create leases.coordination.k8s.io salve-system
  for verb in list watch get; do
    can "$account" "$verb" healingpolicies.salve.dev
    can "$account" "$verb" deployments.apps
    can "$account" "$verb" pods
  done
  can "$account" update incidents.salve.dev:status
  can "$account" create incidents.salve.dev
  can "$account" patch deployments.apps
  can "$account" create pods:eviction
  can "$account" get pods:log
  can "$account" create leases.coordination.k8s.io salve-system
  can "$account" get validatingadmissionpolicies.admissionregistration.k8s.io/incidentapprovals.salve.dev
}
case_ "the controller may do what it needs" controller_rights

controller_has_no_right() {
  local resource verb
  for verb in create update patch delete; do
    for resource in healingpolicies.salve.dev healingguardrails.salve.dev incidentapprovals.salve.dev \
      clusterroles.rbac.authorization.k8s.io roles.rbac.authorization.k8s.io configmaps secrets namespaces \
      validatingadmissionpolicies.admissionregistration.k8s.io; do
      can_not "$account" "$verb" "$resource"
    done
  done
  for verb in get list watch; do can_not "$account" "$verb" secrets; done
  can_not "$account" approve healingpolicies.salve.dev
  can_not "$account" update incidents.salve.dev
  can_not "$account" create leases.coordination.k8s.io
  can_not "$account" create pods
  can_not "$account" create pods:exec
  can_not "$account" delete deployments.apps
  can_not "$account" impersonate users
}
case_ "the controller may not approve, write policies or guardrails, read Secrets, or give rights" controller_has_no_right

rights_of_people() {
  ok kc -n "$ns" create rolebinding viewer --clusterrole=view --user=vera
  ok kc -n "$ns" create rolebinding editor --clusterrole=edit --user=eddy
  ok kc -n "$ns" create rolebinding owner --clusterrole=admin --user=oona
  ok kc create clusterrolebinding "$ns-admin" --clusterrole=salve-admin --user=ada
  eventually "$patience" kc auth can-i get healingpolicies.salve.dev --as vera -n "$ns"
  eventually "$patience" kc auth can-i create healingpolicies.salve.dev --as eddy -n "$ns"
  eventually "$patience" kc auth can-i create healingpolicies.salve.dev --as oona -n "$ns"
  eventually "$patience" kc auth can-i create healingguardrails.salve.dev --as ada
  can vera get incidents.salve.dev
  can_not vera create incidents.salve.dev
  can_not vera get incidents.salve.dev default
  for user in eddy oona; do
    can "$user" create incidents.salve.dev
    can "$user" delete healingpolicies.salve.dev
    can_not "$user" approve healingpolicies.salve.dev
    can_not "$user" create incidentapprovals.salve.dev
    can_not "$user" update incidents.salve.dev:status
    can_not "$user" update healingpolicies.salve.dev:status
    can_not "$user" create healingguardrails.salve.dev
  done
  can ada create healingguardrails.salve.dev
  can_not ada approve healingpolicies.salve.dev
  # Who owns the namespace cannot give himself the right to approve either.
  refused kc -n "$ns" create rolebinding mine --clusterrole=salve-approver --user=oona --as oona
  says "forbidden"
  ok kc delete clusterrolebinding "$ns-admin"
}
case_ "view, edit and admin of the cluster have Salve's rights, and none of them approves" rights_of_people

# --- approvals ------------------------------------------------------------------------------------------

approvals() {
  local name
  for name in a b; do policy "$name" | ok kc apply -f -; done
  kc create -f - >/dev/null <<YAML || fail "the role could not be made"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: manifests-test-a}
rules:
- {apiGroups: [salve.dev], resources: [incidentapprovals], verbs: [create, get, list, update, patch]}
- {apiGroups: [salve.dev], resources: [healingpolicies], resourceNames: [a], verbs: [get, approve]}
YAML
  ok kc -n "$ns" create rolebinding alice --clusterrole=manifests-test-a --user=alice
  # Bob may write the objects, and approve nothing.
  ok kc -n "$ns" create role writer --verb=create --resource=incidentapprovals.salve.dev
  ok kc -n "$ns" create rolebinding bob --role=writer --user=bob
  eventually "$patience" as bob auth can-i create incidentapprovals.salve.dev -n "$ns"
  eventually "$patience" as alice auth can-i approve healingpolicies.salve.dev/a -n "$ns"
  approval a alice >"$work/approval"
  ok as alice create -f "$work/approval"
  says created
}
case_ "who holds the verb approve on the policy approves" approvals

# denied USER TEXT: the IncidentApproval on standard input is refused to USER by our admission policy, with TEXT.
denied() {
  cat >"$work/denied"
  refused as "$1" create -f "$work/denied"
  says "ValidatingAdmissionPolicy 'incidentapprovals.salve.dev' with binding 'incidentapprovals.salve.dev' denied request: $2"
}

wrong_policy() { approval b alice | denied alice "\"alice\" may not approve for the healingpolicy \"b\" in the namespace \"$ns\""; }
case_ "for another policy the approval is refused" wrong_policy

wrong_name() { approval a carol | denied alice 'spec.approver must be the name of who sends the request: "alice", not "carol"'; }
case_ "with another person's name it is refused" wrong_name

no_right() { approval a bob | denied bob "\"bob\" may not approve for the healingpolicy \"a\" in the namespace \"$ns\""; }
case_ "without the verb approve it is refused, also to who may create approvals" no_right

rejecting() { approval a bob Reject | denied bob '"bob" may not approve'; }
case_ "rejecting needs the same right" rejecting

not_even_create() {
  approval a carol >"$work/denied"
  refused as carol create -f "$work/denied"
  says "cannot create resource \"incidentapprovals\""
}
case_ "who may not create approvals does not get so far" not_even_create

controller_approves() {
  approval a "$account" >"$work/denied"
  refused as_controller create -f "$work/denied"
  says "cannot create resource \"incidentapprovals\""
  # Even if somebody gives it every right.
  ok kc create clusterrolebinding "$ns-all" --clusterrole=cluster-admin --serviceaccount=salve-system:salve-controller
  eventually "$patience" kc auth can-i approve healingpolicies.salve.dev --as "$account" -n "$ns"
  refused as_controller create -f "$work/denied"
  says "the controller may not approve what it proposes itself"
  ok kc delete clusterrolebinding "$ns-all"
  refused kc create -f "$work/denied" --as carol --as-group salve:controllers --as-group system:masters
  says "the controller may not approve what it proposes itself"
}
case_ "the controller's own account is refused, whatever rights it has" controller_approves

immutable() {
  approval a alice | sed 's/generateName: one-/name: fixed/' >"$work/approval"
  ok as alice create -f "$work/approval"
  refused as alice -n "$ns" patch incidentapproval fixed --type merge -p '{"spec": {"decision": "Reject"}}'
  says "an approval is immutable"
  ok as alice -n "$ns" patch incidentapproval fixed --type merge -p '{"metadata": {"labels": {"a": "b"}}}'
}
case_ "an approval cannot be changed" immutable

# --- incidents of people --------------------------------------------------------------------------------

asking() {
  ok kc -n "$ns" create role asks --verb=create --resource=incidents.salve.dev
  ok kc -n "$ns" create rolebinding asks --role=asks --user=alice --user=bob
  eventually "$patience" as bob auth can-i create incidents.salve.dev -n "$ns"
  asks >"$work/incident"
  ok as alice create -f "$work/incident"
  asks '  trigger: {source: Manual, name: alice, message: it is slow}' >"$work/incident"
  ok as alice create -f "$work/incident"
  asks '' '' ", namespace: $ns" >"$work/incident"
  ok as alice create -f "$work/incident"
}
case_ "a person who may create incidents asks for healing" asking

forged() {
  local field
  for field in 'errorLogs: ["OOM command not allowed"]' "fingerprint: '$(printf '%064d' 0)'" \
    'metricsSnapshot: [{name: memory.used_bytes, value: 1}]' 'affectedSystem: bank' \
    'trigger: {source: Probe}' 'trigger: {name: carol}'; do
    asks "  $field" >"$work/incident"
    refused as alice create -f "$work/incident"
    says "ValidatingAdmissionPolicy 'incidents.salve.dev' with binding 'incidents.salve.dev' denied request"
  done
  asks '' ', uid: 6f1c3a52-0d0e-4c7e-9d0b-0c8a3f5d7e21' >"$work/incident"
  refused as alice create -f "$work/incident"
  says "filled in by Salve"
}
case_ "what Salve observes cannot be said by a person" forged

elsewhere() {
  asks '' '' ', namespace: kube-system' >"$work/incident"
  refused as alice create -f "$work/incident"
  says "spec.target.namespace must be that of the incident: \"$ns\""
}
case_ "a target in another namespace is refused" elsewhere

of_a_policy_unseen() {
  asks >"$work/incident"
  refused as bob create -f "$work/incident"
  says "\"bob\" may not read the healingpolicy \"a\""
}
case_ "healing is asked for only under a policy that one may read" of_a_policy_unseen

by_salve() {
  asks '  errorLogs: [x]' >"$work/incident"
  ok as_controller create -f "$work/incident"
}
case_ "the controller writes what it observed" by_salve

# --- policies and guardrails ----------------------------------------------------------------------------

# tells TEXT: creating a policy in mode Auto brings a warning with TEXT. tells_nothing: it brings none.
tells() {
  local said
  said=$(policy try Auto | kc create --dry-run=server -f - 2>&1) && [[ $said == *"$1"* ]]
}
tells_nothing() {
  local said
  said=$(policy try Auto | kc create --dry-run=server -f - 2>&1) && [[ $said != *Warning* ]]
}

warned() {
  kc apply -f - >/dev/null <<YAML || fail "the guardrail could not be made"
apiVersion: salve.dev/v1alpha1
kind: HealingGuardrail
metadata: {name: $ns}
spec:
  namespaceSelector:
    matchLabels: {kubernetes.io/metadata.name: $ns}
    matchExpressions: [{key: environment, operator: DoesNotExist}]
  maxMode: Approve
  maxAutoRisk: Low
YAML
  # The API server learns of it by a watch.
  eventually "$patience" tells "spec.mode Auto counts as Approve: HealingGuardrail \"$ns\""
  policy loose Auto >"$work/policy"
  ok kc apply -f "$work/policy"
  says "spec.guardrails.maxAutoRisk Medium counts as Low: HealingGuardrail \"$ns\""
  policy tight Approve | ok kc apply -f -
  says_not Warning
}
case_ "whoever applies a policy that is looser than a guardrail is told" warned

not_selected() {
  ok kc label namespace "$ns" environment=test
  eventually "$patience" tells_nothing
  ok kc label namespace "$ns" environment-
}
case_ "a guardrail that does not select the namespace says nothing" not_selected

denies() { ! policy try Auto | kc create --dry-run=server -f -; }

guardrails_deny() {
  ok "$HELM" upgrade salve "$chart" --set admission.guardrails=Deny
  eventually "$patience" denies
  says "denied request: spec.mode Auto counts as Approve: HealingGuardrail \"$ns\""
  policy try Approve Low | ok kc create --dry-run=server -f -
  ok kc delete healingguardrail "$ns"
}
case_ "with admission.guardrails=Deny a looser policy is refused" guardrails_deny

samples() {
  ok kc create namespace shop
  ok kc apply --dry-run=server --server-side -k "$root/manifests/samples/kubernetes"
  says_not Warning
  says healingpolicy.salve.dev/web
  ok kc delete namespace shop
}
case_ "the samples are accepted as they are" samples

# --- keeping it up to date, and taking it away ----------------------------------------------------------

upgrade() {
  ok kc apply --server-side --force-conflicts -f "$root/crds"
  ok "$HELM" upgrade salve "$chart" --set replicas=3 --set admission.guardrails=Off
  ok kc -n salve-system get deployment salve-controller -o 'jsonpath={.spec.replicas}' && is 3
  refused kc get validatingadmissionpolicy healingpolicies.salve.dev
  ok kc -n "$ns" get healingpolicy a b
  ok kc -n "$ns" get incidents -o name && says incident.salve.dev/
}
case_ "helm upgrade keeps policies and incidents" upgrade

uninstall() {
  ok "$HELM" uninstall salve
  # What a Deployment made goes after it.
  eventually "$patience" nothing_of_salve
  ok kc -n "$ns" get healingpolicy a
  ok kc delete namespace salve-system
}
case_ "helm uninstall leaves the CustomResourceDefinitions with their objects, and nothing else" uninstall

# The generation where there is one: statuses change by themselves.
versions() {
  kc get -k "$root/manifests/overlays/production" \
    -o 'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation}{"\n"}{end}'
}

server_side() {
  ok kc apply --server-side --force-conflicts -k "$root/manifests/overlays/production"
  local before
  before=$(versions)
  ok kc apply --server-side -k "$root/manifests/overlays/production"
  out=$(versions)
  is "$before"
  # Exit 1 would be a difference; a status that somebody writes in between is one, too.
  eventually "$patience" kc diff --server-side -k "$root/manifests/overlays/production"
  is ""
}
case_ "kubectl apply --server-side -k of the production overlay, twice, changes nothing the second time" server_side

# What is in the namespace goes with it, so that some of it may be gone when its turn comes.
one_apply() {
  ok kc delete --ignore-not-found -k "$root/manifests/overlays/production"
  eventually "$patience" gone
  ok kc apply --server-side -k "$root/manifests/overlays/development"
  ok kc -n salve-system get deployment salve-controller -o 'jsonpath={.spec.template.spec.containers[0].image}' && is salve:dev
  ok kc delete --ignore-not-found -k "$root/manifests/overlays/development"
}
gone() { ! kc get namespace salve-system; }
case_ "the development overlay is installed and taken away by one command each" one_apply
