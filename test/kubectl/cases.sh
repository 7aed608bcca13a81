# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
# The cases of run.sh. Each runs in a namespace of its own, $ns.

# --- what the server is ---------------------------------------------------------------------------------

version_and_discovery() {
  ok kc version -o json && says '"serverVersion"'
  ok kc api-resources --api-group=salve.dev
  says "healingpolicies" && says "healpol" && says "incidentapprovals" && says "hguard"
  ok kc api-versions && says "salve.dev/v1alpha1"
  ok kc get healing -n "$ns"
  ok kc cluster-info
}
case_ "version, api-resources, api-versions, cluster-info and the category healing work" version_and_discovery

explain() {
  ok kc explain healingpolicy.spec.mode && says "Observe"
  ok kc explain incident --recursive && says "policyRef" && says "conditions"
  ok kc explain hguard.spec && says "FIELDS"
  ok kc explain iapp.spec.decision
  ok kc explain configmap.data
}
case_ "explain describes every kind, also recursively" explain

# --- reading --------------------------------------------------------------------------------------------

get_forms() {
  policy p1 | ok kc apply -n "$ns" -f -
  ok kc get healpol -n "$ns" && says "NAME" && says "MODE" && says "p1" && says "Observe"
  ok kc get healpol p1 -n "$ns" -o wide && says "p1"
  ok kc get healpol p1 -n "$ns" -o name && is "healingpolicy.salve.dev/p1"
  ok kc get healpol p1 -n "$ns" -o yaml && says "mode: Observe" && says "apiVersion: salve.dev/v1alpha1"
  ok kc get healpol -n "$ns" -o json && says '"kind": "List"' && says '"name": "p1"'
  ok kc get healpol p1 -n "$ns" -o "jsonpath={.spec.target.docker.container}" && is "p1"
  ok kc get healpol -n "$ns" -o custom-columns=N:.metadata.name,M:.spec.mode --no-headers
  says "p1" && says "Observe"
  ok kc get healpol,inc -n "$ns" && says "healingpolicy.salve.dev/p1"
  ok kc get healpol -n "$ns" --sort-by=.metadata.name && says "p1"
  ok kc get healpol p1 -n "$ns" --subresource=status
  ok kc get healpol -n "$ns" --show-labels && says "app=p1"
  ok kc get -n "$ns" -o "template={{range .items}}{{.metadata.name}}{{end}}" healpol && is "p1"
}
case_ "get prints tables, wide, yaml, json, name, jsonpath, custom columns and templates" get_forms

get_everywhere() {
  policy p1 | ok kc apply -n "$ns" -f -
  ok kc get healpol -A && says "NAMESPACE" && says "$ns"
  ok kc get healpol -A -o name && says "healingpolicy.salve.dev/p1"
}
case_ "get -A shows the namespace of each object" get_everywhere

selectors() {
  for name in a b c; do policy "$name" | kc apply -n "$ns" -f - >/dev/null; done
  policy d Auto | ok kc apply -n "$ns" -f -
  ok kc get healpol -n "$ns" -l app=b -o name && is "healingpolicy.salve.dev/b"
  ok kc get healpol -n "$ns" -l 'app in (a,c)' -o name
  is $'healingpolicy.salve.dev/a\nhealingpolicy.salve.dev/c'
  ok kc get healpol -n "$ns" -l 'app,app notin (a,b,c)' -o name && is "healingpolicy.salve.dev/d"
  ok kc get healpol -n "$ns" --field-selector spec.mode=Auto -o name && is "healingpolicy.salve.dev/d"
  ok kc get healpol -n "$ns" --field-selector metadata.name!=d,spec.mode=Observe -o name
  is $'healingpolicy.salve.dev/a\nhealingpolicy.salve.dev/b\nhealingpolicy.salve.dev/c'
  refused kc get healpol -n "$ns" --field-selector spec.nonsense=x && says "field label not supported"
  refused kc get healpol -n "$ns" -l 'app=(' && says "unable to parse"
}
case_ "label and field selectors select, and bad ones are refused" selectors

paging() {
  for i in 1 2 3 4 5; do kc create configmap "c$i" -n "$ns" >/dev/null; done
  ok kc get cm -n "$ns" --chunk-size=2 -o name
  is $'configmap/c1\nconfigmap/c2\nconfigmap/c3\nconfigmap/c4\nconfigmap/c5'
  ok kc get --raw "/api/v1/namespaces/$ns/configmaps?limit=2"
  says '"remainingItemCount":3' && says '"continue":'
}
case_ "long lists come page by page" paging

get_missing() {
  refused kc get healpol nobody -n "$ns"
  says 'Error from server (NotFound): healingpolicies.salve.dev "nobody" not found'
  refused kc get nonsense -n "$ns" && says "doesn't have a resource type"
}
case_ "what does not exist is NotFound in kubectl's words" get_missing

describe() {
  policy p1 | ok kc apply -n "$ns" -f -
  local uid
  uid=$(kc get healpol p1 -n "$ns" -o 'jsonpath={.metadata.uid}')
  cat <<EOF | ok kc create -f -
apiVersion: v1
kind: Event
metadata: {name: p1.1, namespace: $ns}
involvedObject: {apiVersion: salve.dev/v1alpha1, kind: HealingPolicy, name: p1, namespace: $ns, uid: $uid}
reason: Proposed
message: restart of p1 proposed
type: Normal
EOF
  ok kc describe healpol p1 -n "$ns"
  says "Name:         p1" && says "restart of p1 proposed" && says "Mode:"
  ok kc events -n "$ns" --for healpol/p1 && says "restart of p1 proposed"
  ok kc events -n "$ns" && says "HealingPolicy/p1"
  ok kc get events -n "$ns" && says "Proposed"
  policy p2 | ok kc apply -n "$ns" -f -
  ok kc describe healpol p2 -n "$ns" && says "Events:" && says "<none>"
  ok kc describe namespace "$ns" && says "Active"
  ok kc describe cm -n "$ns"
}
case_ "describe shows the object with its own events and no others'" describe

# --- writing --------------------------------------------------------------------------------------------

# What writes the whole object loses where the controller has just written its status.
replaced() { policy "$1" "$2" | kc replace -n "$ns" -f -; }

create_and_replace() {
  policy p1 | ok kc create -n "$ns" -f - && says "created"
  policy p1 | refused kc create -n "$ns" -f - && says "AlreadyExists"
  eventually "$patience" replaced p1 Auto && says "replaced"
  ok kc get healpol p1 -n "$ns" -o 'jsonpath={.spec.mode}/{.metadata.generation}' && is "Auto/2"
  policy p1 DryRun | ok kc replace --force -n "$ns" -f -
  ok kc get healpol p1 -n "$ns" -o 'jsonpath={.spec.mode}/{.metadata.generation}' && is "DryRun/1"
  policy p1 | ok kc create -n "$ns" --dry-run=client -f -
}
case_ "create and replace store, count generations, and refuse a second create" create_and_replace

apply_cycle() {
  policy p1 | ok kc apply -n "$ns" -f - && says "created"
  policy p1 | ok kc apply -n "$ns" -f - && says "unchanged"
  policy p1 Auto | ok kc apply -n "$ns" -f - && says "configured"
  ok kc get healpol p1 -n "$ns" -o 'jsonpath={.spec.mode}' && is "Auto"
  policy p1 Auto | ok kc apply -n "$ns" --server-side=false -f - && says "unchanged"
  policy p1 | ok kc apply -n "$ns" --dry-run=server -f - && says "server dry run"
  ok kc get healpol p1 -n "$ns" -o 'jsonpath={.spec.mode}' && is "Auto"
  ok kc apply view-last-applied healpol/p1 -n "$ns" && says "mode: Auto"
}
case_ "apply creates, configures and leaves unchanged; a dry run stores nothing" apply_cycle

apply_prune() {
  policy p1 >"$work/p.yaml"
  echo --- >>"$work/p.yaml"
  policy p2 >>"$work/p.yaml"
  sed -i 's/labels: {app: p[12]}/labels: {set: mine}/' "$work/p.yaml"
  ok kc apply -n "$ns" -f "$work/p.yaml"
  policy p1 | sed 's/labels: {app: p1}/labels: {set: mine}/' >"$work/p.yaml"
  ok kc apply -n "$ns" -f "$work/p.yaml" --prune -l set=mine \
    --prune-allowlist=salve.dev/v1alpha1/HealingPolicy
  says "p2 pruned"
  ok kc get healpol -n "$ns" -o name && is "healingpolicy.salve.dev/p1"
}
case_ "apply --prune removes what is no longer in the files" apply_prune

server_side_apply() {
  policy p1 | ok kc apply --server-side -n "$ns" -f - && says "serverside-applied"
  # What changes nothing is no new version; shown on what no controller writes to.
  local settings='{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"s"},"data":{"a":"b"}}'
  echo "$settings" | ok kc apply --server-side -n "$ns" -f - && says "serverside-applied"
  kc get configmap s -n "$ns" -o 'jsonpath={.metadata.resourceVersion}' >"$work/rv"
  echo "$settings" | ok kc apply --server-side -n "$ns" -f - && says "serverside-applied"
  ok kc get configmap s -n "$ns" -o 'jsonpath={.metadata.resourceVersion}' && is "$(cat "$work/rv")"
  policy p1 | ok kc diff --server-side -n "$ns" -f -
  policy p1 Auto | refused kc diff --server-side -n "$ns" -f - && says "mode: Auto"
  ok kc get healpol p1 -n "$ns" -o yaml --show-managed-fields && says "f:mode" && says "operation: Apply"
  ok kc get healpol p1 -n "$ns" -o yaml
  case "$out" in *managedFields*) fail "managedFields without being asked for" ;; esac
}
case_ "server-side apply creates, changes nothing twice, and diffs" server_side_apply

server_side_conflicts() {
  policy p1 | ok kc apply --server-side -n "$ns" -f -
  policy p1 Auto | refused kc apply --server-side --field-manager=other -n "$ns" -f -
  says 'conflict with "kubectl": .spec.mode'
  policy p1 Auto | ok kc apply --server-side --field-manager=other --force-conflicts -n "$ns" -f -
  ok kc get healpol p1 -n "$ns" -o 'jsonpath={.spec.mode}' && is "Auto"
  policy p1 | refused kc apply --server-side -n "$ns" -f - && says 'conflict with "other": .spec.mode'
  ok kc patch healpol p1 -n "$ns" --type=merge -p '{"spec":{"mode":"DryRun"}}'
  policy p1 Auto | refused kc apply --server-side --field-manager=other -n "$ns" -f -
  says 'conflict with "kubectl-patch" using salve.dev/v1alpha1: .spec.mode'
}
case_ "two managers of one field conflict until one of them forces" server_side_conflicts

server_side_migration() {
  policy p1 | ok kc apply -n "$ns" -f -
  policy p1 Auto | ok kc apply --server-side -n "$ns" -f - && says "serverside-applied"
  ok kc get healpol p1 -n "$ns" -o 'jsonpath={.spec.mode}' && is "Auto"
  ok kc get healpol p1 -n "$ns" -o 'jsonpath={.metadata.managedFields[*].manager}' --show-managed-fields
  says "kubectl"
  case "$out" in *client-side*) fail "the client-side entry is still there" ;; esac
  policy p1 | ok kc apply --server-side -n "$ns" -f -
  ok kc create configmap c1 -n "$ns" --from-literal=a=1 --dry-run=client -o yaml
  printf '%s' "$out" | ok kc apply --server-side -n "$ns" -f -
}
case_ "what was applied by the client moves to server-side apply" server_side_migration

diff_() {
  policy p1 | ok kc apply -n "$ns" -f -
  policy p1 | ok kc diff -n "$ns" -f -
  policy p1 Auto >"$work/p.yaml"
  run kc diff -n "$ns" -f "$work/p.yaml"
  [ "$rc" -eq 1 ] || fail "diff should exit 1, not $rc: $out"
  says "-  mode: Observe" && says "+  mode: Auto"
  ok kc get healpol p1 -n "$ns" -o 'jsonpath={.spec.mode}' && is "Observe"
}
case_ "diff shows what would change and changes nothing" diff_

edit() {
  policy p1 | ok kc apply -n "$ns" -f -
  EDITOR="sed -i s/Observe/Approve/" ok kc edit healpol p1 -n "$ns" && says "edited"
  ok kc get healpol p1 -n "$ns" -o 'jsonpath={.spec.mode}' && is "Approve"
  kc create configmap c1 -n "$ns" --from-literal=a=one >/dev/null
  EDITOR="sed -i s/one/two/" ok kc edit cm c1 -n "$ns" && says "edited"
  ok kc get cm c1 -n "$ns" -o 'jsonpath={.data.a}' && is "two"
}
case_ "edit changes custom and built-in kinds" edit

patches() {
  policy p1 | ok kc apply -n "$ns" -f -
  ok kc patch healpol p1 -n "$ns" --type=merge -p '{"spec":{"mode":"Auto"}}' && says "patched"
  ok kc get healpol p1 -n "$ns" -o 'jsonpath={.spec.mode}' && is "Auto"
  ok kc patch healpol p1 -n "$ns" --type=merge -p '{"spec":{"mode":"Auto"}}' && says "no change"
  ok kc patch healpol p1 -n "$ns" --type=json -p '[{"op":"replace","path":"/spec/mode","value":"DryRun"}]'
  ok kc get healpol p1 -n "$ns" -o 'jsonpath={.spec.mode}' && is "DryRun"
  refused kc patch healpol p1 -n "$ns" --type=json -p '[{"op":"test","path":"/spec/mode","value":"Auto"}]'
  refused kc patch healpol p1 -n "$ns" -p '{"spec":{"mode":"Auto"}}' && says "the body of the request was in an unknown format"
  kc create configmap c1 -n "$ns" --from-literal=a=b >/dev/null
  ok kc patch cm c1 -n "$ns" -p '{"data":{"c":"d"}}'
  ok kc get cm c1 -n "$ns" -o 'jsonpath={.data}' && is '{"a":"b","c":"d"}'
}
case_ "patch works with merge, json and (for built-in kinds) strategic patches" patches

# The controller, too, writes this status, until it has found that the incident's policy is not there.
status_patched() {
  kc patch inc i1 -n "$ns" --subresource=status --type=merge \
    -p '{"status":{"phase":"Escalated"},"spec":{"severity":"Critical"}}' &&
    [ "$(kc get inc i1 -n "$ns" -o 'jsonpath={.status.phase}')" = Escalated ]
}
status_is_apart() {
  incident i1 | ok kc create -n "$ns" -f -
  eventually "$patience" status_patched
  ok kc get inc i1 -n "$ns" -o 'jsonpath={.spec.severity}/{.metadata.generation}'
  case "$out" in *Critical* | *[!1]) fail "a status patch changed the spec: $out" ;; esac
  ok kc patch inc i1 -n "$ns" --type=merge -p '{"status":{"phase":"Verifying"}}'
  ok kc get inc i1 -n "$ns" -o 'jsonpath={.status.phase}' && says_not "Verifying"
}
case_ "the status subresource changes the status and nothing else, and only it does" status_is_apart

label_and_annotate() {
  policy p1 | ok kc apply -n "$ns" -f -
  ok kc label healpol p1 -n "$ns" tier=gold && says "labeled"
  ok kc label healpol p1 -n "$ns" tier=iron --overwrite
  ok kc get healpol -n "$ns" -l tier=iron -o name && is "healingpolicy.salve.dev/p1"
  ok kc label healpol p1 -n "$ns" tier-
  ok kc get healpol -n "$ns" -l tier -o name && is ""
  ok kc annotate healpol p1 -n "$ns" why="because of reasons"
  ok kc get healpol p1 -n "$ns" -o 'jsonpath={.metadata.annotations.why}' && is "because of reasons"
  ok kc label namespace "$ns" team=shop
  refused kc label healpol p1 -n "$ns" 'bad value=x'
  ok kc get healpol p1 -n "$ns" -o 'jsonpath={.metadata.generation}' && is "1"
}
case_ "label and annotate set, overwrite and remove without a new generation" label_and_annotate

conflicts() {
  policy p1 | ok kc apply -n "$ns" -f -
  kc get healpol p1 -n "$ns" -o yaml >"$work/p.yaml"
  ok kc label healpol p1 -n "$ns" a=b
  sed -i 's/mode: Observe/mode: Auto/' "$work/p.yaml"
  refused kc replace -n "$ns" -f "$work/p.yaml"
  says "the object has been modified; please apply your changes to the latest version"
}
case_ "a replace with an old resourceVersion is a conflict" conflicts

typed_writes() {
  ok kc create configmap c1 -n "$ns" --from-literal=a=b && says "created"
  ok kc create secret generic s1 -n "$ns" --from-literal=password=hunter2
  ok kc get secret s1 -n "$ns" -o 'jsonpath={.data.password}' && is "aHVudGVyMg=="
  ok kc get secret s1 -n "$ns" && says "Opaque"
  ok kc get cm -n "$ns" && says "c1"
  ok kc create namespace "$ns-2" && ok kc delete namespace "$ns-2"
}
case_ "create configmap, secret and namespace, which kubectl sends as protobuf" typed_writes

# --- refusals -------------------------------------------------------------------------------------------

bad_objects() {
  policy p1 Wild | refused kc apply -n "$ns" -f -
  says 'The HealingPolicy "p1" is invalid' && says 'spec.mode: Unsupported value: "Wild"'
  policy p1 | sed 's/mode: Observe/mode: 7/' | refused kc apply -n "$ns" -f - && says "spec.mode"
  policy p1 | sed 's/mode: Observe/colour: red/' | refused kc apply -n "$ns" -f -
  says 'unknown field "spec.colour"'
  policy p1 | sed 's/mode: Observe/colour: red/' | ok kc apply -n "$ns" --validate=warn -f -
  says 'Warning: unknown field "spec.colour"'
  policy Bad_Name | refused kc apply -n "$ns" -f - && says "RFC 1123 subdomain"
  policy p2 | refused kc apply -n nonsuch -f - && says 'namespaces "nonsuch" not found'
  ok kc get healpol -n "$ns" -o name && is "healingpolicy.salve.dev/p1"
}
case_ "bad objects are refused with the field's path and not stored" bad_objects

unions() {
  policy p1 | sed 's/container: p1/container: p1, labels: {a: b}/' | refused kc apply -n "$ns" -f -
  says "spec.target.docker"
  refused kc get healpol p1 -n "$ns"
}
case_ "two members of a union are refused by the CEL rule" unions

immutable_incident() {
  incident i1 | ok kc create -n "$ns" -f -
  refused kc patch inc i1 -n "$ns" --type=merge -p '{"spec":{"target":{"name":"other"}}}'
  says "is invalid"
  ok kc patch inc i1 -n "$ns" --type=merge -p '{"spec":{"cancel":true}}'
}
case_ "the spec of an incident can only be cancelled" immutable_incident

# --- waiting and watching -------------------------------------------------------------------------------

wait_condition() {
  incident i1 | ok kc create -n "$ns" -f -
  kc wait inc/i1 -n "$ns" --for=condition=Resolved "--timeout=${patience}s" >"$work/wait.out" 2>&1 &
  local waiter=$!
  ok kc patch inc i1 -n "$ns" --subresource=status --type=merge -p '{"status":{"conditions":[
    {"type":"Resolved","status":"True","reason":"Test","message":"","observedGeneration":1,
     "lastTransitionTime":"2026-01-01T00:00:00Z"}]}}'
  wait "$waiter" || fail "wait failed: $(cat "$work/wait.out")"
  ok kc wait inc/i1 -n "$ns" --for=condition=Resolved "--timeout=${patience}s" && says "condition met"
  refused kc wait inc/i1 -n "$ns" --for=condition=Executed --timeout=1s && says "timed out"
  ok kc wait inc/i1 -n "$ns" '--for=jsonpath={.spec.policyRef.name}=p1' "--timeout=${patience}s"
}
case_ "wait returns when the condition comes true, and times out when not" wait_condition

wait_delete() {
  policy p1 | ok kc apply -n "$ns" -f -
  kc wait healpol/p1 -n "$ns" --for=delete "--timeout=${patience}s" >"$work/wait.out" 2>&1 &
  local waiter=$!
  ok kc delete healpol p1 -n "$ns" && says "deleted"
  wait "$waiter" || fail "wait failed: $(cat "$work/wait.out")"
  kc wait healpol/p2 -n "$ns" --for=create "--timeout=${patience}s" >"$work/wait.out" 2>&1 &
  waiter=$!
  policy p2 | ok kc apply -n "$ns" -f -
  wait "$waiter" || fail "wait for create failed: $(cat "$work/wait.out")"
}
case_ "wait for deletion and for creation" wait_delete

watch_output() {
  policy p1 | ok kc apply -n "$ns" -f -
  timeout "$((3 * patience))" "$KUBECTL" --kubeconfig "$data/kubeconfig" --cache-dir "$work/cache" get healpol -n "$ns" -w \
    >"$work/watch.out" 2>&1 &
  local watcher=$!
  eventually "$patience" grep -q p1 "$work/watch.out"
  ok kc patch healpol p1 -n "$ns" --type=merge -p '{"spec":{"mode":"Auto"}}'
  policy p2 | ok kc apply -n "$ns" -f -
  eventually "$patience" grep -q p2 "$work/watch.out"
  kill "$watcher" 2>/dev/null || true
  out=$(cat "$work/watch.out")
  says "Auto"
  [ "$(grep -c NAME "$work/watch.out")" -eq 1 ] || fail "headers more than once: $out"
}
case_ "get -w prints changes as they come" watch_output

watch_events_raw() {
  ok kc create configmap c0 -n "$ns"
  ok kc label cm c0 -n "$ns" keep=yes
  kc get cm -n "$ns" -l keep=yes -o json -w --output-watch-events >"$work/watch.out" 2>&1 &
  local watcher=$!
  # The list is over: whatever comes now the watch goes on from there.
  eventually "$patience" watched 'ADDED c0'
  ok kc create configmap c1 -n "$ns"
  ok kc label cm c1 -n "$ns" keep=yes
  ok kc label cm c1 -n "$ns" keep-
  eventually "$patience" watched $'ADDED c0\nADDED c1\nDELETED c1'
  kill "$watcher" 2>/dev/null || true
}
# watched STORY: the watch has printed these events and no others, whole.
watched() { [ "$(jq -r '.type + " " + .object.metadata.name' "$work/watch.out" 2>&1)" = "$1" ]; }
case_ "a watch with a selector sees objects come into the selection and leave it" watch_events_raw

# --- deleting -------------------------------------------------------------------------------------------

deletes() {
  for name in a b c; do policy "$name" | kc apply -n "$ns" -f - >/dev/null; done
  ok kc delete healpol a -n "$ns" && says "deleted"
  ok kc delete healpol -n "$ns" -l app=b
  ok kc delete healpol --all -n "$ns"
  ok kc get healpol -n "$ns" -o name && is ""
  refused kc delete healpol a -n "$ns" && says "NotFound"
  ok kc delete healpol a -n "$ns" --ignore-not-found
  policy d | ok kc apply -n "$ns" -f -
  ok kc delete healpol d -n "$ns" --dry-run=server && says "dry run"
  ok kc get healpol d -n "$ns"
  policy d | ok kc delete -n "$ns" -f -
}
case_ "delete by name, selector, file and all; a dry run deletes nothing" deletes

finalizers() {
  policy p1 | ok kc apply -n "$ns" -f -
  ok kc patch healpol p1 -n "$ns" --type=merge -p '{"metadata":{"finalizers":["example.com/hold"]}}'
  ok kc delete healpol p1 -n "$ns" --wait=false
  ok kc get healpol p1 -n "$ns" -o 'jsonpath={.metadata.deletionTimestamp}'
  [ -n "$out" ] || fail "no deletionTimestamp"
  kc wait healpol/p1 -n "$ns" --for=delete "--timeout=${patience}s" >"$work/wait.out" 2>&1 &
  local waiter=$!
  ok kc patch healpol p1 -n "$ns" --type=json -p '[{"op":"remove","path":"/metadata/finalizers"}]'
  wait "$waiter" || fail "wait failed: $(cat "$work/wait.out")"
  refused kc get healpol p1 -n "$ns"
}
case_ "a finalizer holds an object until it is removed" finalizers

owners() {
  policy p1 | ok kc apply -n "$ns" -f -
  local uid
  uid=$(kc get healpol p1 -n "$ns" -o 'jsonpath={.metadata.uid}')
  for how in background foreground orphan; do
    kc create configmap "$how" -n "$ns" >/dev/null
    kc patch cm "$how" -n "$ns" -p "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"salve.dev/v1alpha1\",\"kind\":\"HealingPolicy\",\"name\":\"p1\",\"uid\":\"$uid\",\"blockOwnerDeletion\":true}]}}" >/dev/null
  done
  ok kc patch cm orphan -n "$ns" --type=merge -p '{"metadata":{"ownerReferences":null}}'
  ok kc delete healpol p1 -n "$ns" --cascade=foreground
  ok kc get cm -n "$ns" -o name && is "configmap/orphan"
}
case_ "what an object owns goes with it" owners

orphans() {
  policy p1 | ok kc apply -n "$ns" -f -
  local uid
  uid=$(kc get healpol p1 -n "$ns" -o 'jsonpath={.metadata.uid}')
  ok kc create configmap child -n "$ns"
  ok kc patch cm child -n "$ns" -p "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"salve.dev/v1alpha1\",\"kind\":\"HealingPolicy\",\"name\":\"p1\",\"uid\":\"$uid\"}]}}"
  ok kc delete healpol p1 -n "$ns" --cascade=orphan
  ok kc get cm child -n "$ns" -o 'jsonpath={.metadata.ownerReferences}' && is ""
}
case_ "--cascade=orphan leaves what the object owned" orphans

namespace_deletion() {
  ok kc create namespace "$ns-gone"
  policy p1 | ok kc apply -n "$ns-gone" -f -
  ok kc create configmap c1 -n "$ns-gone"
  incident i1 | ok kc create -n "$ns-gone" -f -
  ok kc delete namespace "$ns-gone" "--timeout=${patience}s" && says "deleted"
  refused kc get namespace "$ns-gone"
  ok kc create namespace "$ns-gone"
  ok kc get cm,healpol,inc -n "$ns-gone" -o name && is ""
  refused kc delete namespace default && says "may not be deleted"
}
case_ "deleting a namespace empties it and ends" namespace_deletion

# --- who may what ---------------------------------------------------------------------------------------

who() {
  ok kc auth whoami && says "admin" && says "salve:admins"
  ok kc auth can-i create healpol -n "$ns" && is "yes"
  ok kc auth can-i '*' '*' && is "yes"
  ok kc auth can-i --list -n "$ns" && says "[*]"
  refused timeout "$patience" "$KUBECTL" --kubeconfig "$data/kubeconfig" --cache-dir "$work/cache" --token=wrong get ns
}
case_ "auth whoami and can-i answer, a wrong token is refused" who

approval_rule() {
  incident i1 | ok kc create -n "$ns" -f -
  local uid digest
  uid=$(kc get inc i1 -n "$ns" -o 'jsonpath={.metadata.uid}')
  digest=$(printf 'x' | sha256sum | cut -d' ' -f1)
  approval() {
    cat <<EOF
apiVersion: salve.dev/v1alpha1
kind: IncidentApproval
metadata: {name: $1}
spec: {incidentName: i1, incidentUID: $uid, policyName: p1, proposalDigest: $digest, decision: Approve, approver: $2}
EOF
  }
  approval a1 somebody-else | refused kc create -n "$ns" -f -
  says "is forbidden: ValidatingAdmissionPolicy 'incidentapprovals.salve.dev' with binding 'incidentapprovals.salve.dev' denied request"
  approval a1 admin | ok kc create -n "$ns" -f -
  refused kc patch iapp a1 -n "$ns" --type=merge -p '{"spec":{"decision":"Reject"}}'
}
case_ "an approval carries the name of who sends it and cannot be changed" approval_rule

# --- lasting --------------------------------------------------------------------------------------------

restart() {
  policy p1 | ok kc apply -n "$ns" -f -
  ok kc create configmap before -n "$ns"
  local version uid
  uid=$(kc get healpol p1 -n "$ns" -o 'jsonpath={.metadata.uid}')
  # Of what no controller writes to: a policy's status may change on either side of the kill.
  version=$(kc get configmap before -n "$ns" -o 'jsonpath={.metadata.resourceVersion}')
  stop_server -KILL
  start_server
  ok kc get healpol p1 -n "$ns" -o 'jsonpath={.metadata.uid}' && is "$uid"
  ok kc get configmap before -n "$ns" -o 'jsonpath={.metadata.resourceVersion}' && is "$version"
  ok kc create configmap after -n "$ns"
  eventually "$patience" resumed "$version"
}
# resumed VERSION: a watch from there has what came after it. Its second may be over before it is asked for.
resumed() {
  local seen
  seen=$(kc get --raw "/api/v1/namespaces/$ns/configmaps?watch=1&resourceVersion=$1&timeoutSeconds=1") || return 1
  [[ $seen == *'"ADDED"'*'"after"'* ]]
}
case_ "after kill -9 everything is there and watches resume from the old version" restart
