# shellcheck shell=bash disable=SC2154,SC2016
# SPDX-License-Identifier: Apache-2.0
# The cases of run.sh that need no cluster.

# --- the chart ------------------------------------------------------------------------------------------

lint() {
  ok "$HELM" lint --strict "$chart" --namespace salve-system
  says "0 chart(s) failed"
}
case_ "helm lint finds nothing" lint

# option KIND FILTER OPTION…: rendered with the OPTIONs, an object of KIND has FILTER (jq) true.
option() {
  local kind=$1 filter=$2
  shift 2
  template "$@"
  picks "select(.kind == \"$kind\") | $filter | select(. == true)"
  [ -n "$out" ] || fail "no $kind has $filter"$'\n'"    with: $*"
}

readonly pod='.spec.template.spec'
readonly container="$pod.containers[0]"

options_of_the_pod() {
  option Deployment '.spec.replicas == 5' --set replicas=5
  option Deployment "$container.image == \"example/salve:9\"" --set image.repository=example/salve --set-string image.tag=9
  option Deployment "$container.imagePullPolicy == \"Never\"" --set image.pullPolicy=Never
  option Deployment "$pod.imagePullSecrets[0].name == \"regcred\"" --set 'image.pullSecrets[0].name=regcred'
  option Deployment "$container.env[1].value == \"false\"" --set selfHealEnabled=false
  option Deployment "($container.args | index(\"--log-level=debug\")) != null" --set logLevel=debug
  option Deployment "$container.env[2].name == \"SALVE_SECRET_A\"" --set 'extraEnv[0].name=SALVE_SECRET_A,extraEnv[0].value=b'
  option Deployment "($container.args | index(\"--http-listen=[::]:9090\")) != null" --set http.port=9090 --set-string 'http.address=[::]'
  option Deployment "$container.ports[0].containerPort == 9090" --set http.port=9090
  option Deployment "$container.resources.limits.memory == \"1Gi\"" --set resources.limits.memory=1Gi
  option Deployment "$pod.terminationGracePeriodSeconds == 60" --set terminationGracePeriodSeconds=60
  option Deployment "$pod.priorityClassName == \"high\"" --set priorityClassName=high
  option Deployment '.spec.template.metadata.labels.team == "a"' --set podLabels.team=a
  option Deployment '.spec.template.metadata.annotations.team == "a"' --set podAnnotations.team=a
  option Deployment "$pod.nodeSelector.disk == \"ssd\"" --set nodeSelector.disk=ssd
  option Deployment "$pod.tolerations[0].key == \"infra\"" --set 'tolerations[0].key=infra,tolerations[0].operator=Exists'
  option Deployment "$pod.affinity.nodeAffinity != null" --set-json 'affinity={"nodeAffinity":{}}'
  option Deployment "$pod.topologySpreadConstraints[0].whenUnsatisfiable == \"DoNotSchedule\"" --set topologySpread.hosts=DoNotSchedule
  option Deployment "$pod.topologySpreadConstraints[1].whenUnsatisfiable == \"DoNotSchedule\"" --set topologySpread.zones=DoNotSchedule
}
case_ "every option of the pod has its effect" options_of_the_pod

options_beside_the_pod() {
  option Service '.metadata.name == "heal"' --set fullnameOverride=heal
  option Service '.metadata.annotations.a == "b"' --set service.annotations.a=b
  option ServiceAccount '.metadata.annotations.a == "b"' --set serviceAccount.annotations.a=b
  option Deployment "$pod.serviceAccountName == \"mine\"" --set serviceAccount.create=false,serviceAccount.name=mine
  option PodDisruptionBudget '.spec.maxUnavailable == "50%"' --set podDisruptionBudget.maxUnavailable=50%
  option NetworkPolicy ".spec.ingress[0].from[0].namespaceSelector != null" --set-json 'networkPolicy.ingressFrom=[{"namespaceSelector":{}}]'
  option NetworkPolicy ".spec.egress[1].to[0].ipBlock.cidr == \"10.0.0.1/32\"" --set 'networkPolicy.apiServer.cidrs={10.0.0.1/32}'
  option NetworkPolicy ".spec.egress[1].ports[0].port == 8443" --set 'networkPolicy.apiServer.ports={8443}'
  option NetworkPolicy "(.spec.egress | length) == 2" --set-json networkPolicy.probes=[]
  option ServiceMonitor '.spec.endpoints[0].interval == "5s"' --set serviceMonitor.enabled=true,serviceMonitor.interval=5s
  option ServiceMonitor '.metadata.labels.release == "p"' --set serviceMonitor.enabled=true,serviceMonitor.labels.release=p
  option ServiceMonitor '.spec.endpoints[0].honorLabels' --set serviceMonitor.enabled=true
  option ServiceMonitor '.spec.endpoints[0] | .scheme == "https" and .tlsConfig.serverName == "a"' --set serviceMonitor.enabled=true,http.tls.secretName=web,serviceMonitor.tlsConfig.serverName=a
  option PrometheusRule '.metadata.labels.release == "p"' --set monitoring.rules.enabled=true,monitoring.rules.labels.release=p
  option PrometheusRule '[.spec.groups[].rules[].annotations.runbook_url | startswith("https://wiki/x#salve")] | all' --set monitoring.rules.enabled=true,monitoring.rules.runbooks=https://wiki/x
  option PrometheusRule '[.spec.groups[].rules[] | select(.alert == "SalveDown") | .expr | contains("job=~\".*heal.*\"")] == [true]' --set monitoring.rules.enabled=true,fullnameOverride=heal
  option ConfigMap '(.data["salve.json"] // "{}" | fromjson | .uid) == "salve" and .metadata.labels.show == "yes"' --set monitoring.dashboard.enabled=true,monitoring.dashboard.labels.show=yes
  option ConfigMap '(.data["config.yaml"] | contains("- shop"))' --set 'config.backends[0].name=kubernetes,config.backends[0].kubernetes.allowedNamespaces={shop}'
  option ValidatingAdmissionPolicyBinding '.spec.validationActions == ["Deny"] and .metadata.name == "healingpolicies.salve.dev"' --set admission.guardrails=Deny
}
case_ "every option of the other objects has its effect" options_beside_the_pod

tls() {
  template
  picks 'select(.kind == "Deployment" or .kind == "Pod") | tostring | select(contains("http-tls") or contains("HTTPS"))'
  is ""
  option Deployment "($container.args | index(\"--http-tls-key-file=/var/run/salve/http-tls/tls.key\")) != null" --set http.tls.secretName=web
  option Deployment "$container | .livenessProbe.httpGet.scheme == \"HTTPS\" and .readinessProbe.httpGet.scheme == \"HTTPS\"" --set http.tls.secretName=web
  option Deployment "$pod.volumes[1].secret.secretName == \"web\" and $container.volumeMounts[1].readOnly" --set http.tls.secretName=web
  option Pod '.spec | .containers[0].args[1] | startswith("--url=https://salve.")' --set http.tls.secretName=web
  option Pod '.spec.volumes[0].secret.items == [{key: "root.pem", path: "root.pem"}]' --set http.tls.secretName=web,http.tls.authorityKey=root.pem
  option Pod '.spec.volumes == null and .spec.containers[0].volumeMounts == null' --set http.tls.secretName=web,http.tls.authorityKey=
}
case_ "with a Secret for it the HTTP port speaks TLS, and only then" tls

# What a person writes who has alerts, messages, and a journal to keep.
edge_values='{"config": {
  "receivers": [
    {"name": "alertmanager", "kind": "alertmanager", "authentication": {"bearer": [{"file": "/var/run/salve/config/salve-tokens/alertmanager"}]}},
    {"name": "alarms", "kind": "sns", "topicARNs": ["arn:aws:sns:eu-central-1:123456789012:alarms"], "burst": 10}],
  "sinks": [
    {"name": "chat", "slack": {"url": {"file": "/var/run/salve/config/salve-tokens/slack"}}, "allowedNamespaces": ["shop"]},
    {"name": "oncall", "pagerduty": {"routingKey": {"env": "PAGERDUTY_KEY"}}, "messagesPerMinute": 60},
    {"name": "mail", "email": {"server": "relay:587", "from": "a@b.c", "to": ["d@e.f"], "user": "salve", "password": {"env": "MAIL"}}},
    {"name": "hook", "webhook": {"url": "https://tools.example.com/salve", "secret": {"env": "HOOK"}}},
    {"name": "teams", "teams": {"url": {"env": "TEAMS"}}},
    {"name": "repo", "github": {"repository": "acme/shop", "token": {"env": "GITHUB"}, "issue": {}}}]},
  "secrets": {"config": ["salve-tokens"]},
  "audit": {"volume": {"persistentVolumeClaim": {"claimName": "salve-audit"}}, "retentionDays": 365},
  "networkPolicy": {"sinks": [{"ports": [{"protocol": "TCP", "port": 587}]}]}}'

receivers_and_sinks() {
  printf '%s' "$edge_values" >"$work/edge.json"
  local values=(--values "$work/edge.json") file
  option ConfigMap '.data["config.yaml"] | contains("kind: alertmanager") and contains("topicARNs") and contains("routingKey")' "${values[@]}"
  option Deployment "$pod.volumes[1] == {name: \"config-salve-tokens\", secret: {secretName: \"salve-tokens\", defaultMode: 288}}" "${values[@]}"
  option Deployment "$container.volumeMounts[1] == {name: \"config-salve-tokens\", mountPath: \"/var/run/salve/config/salve-tokens\", readOnly: true}" "${values[@]}"
  # What only the configuration may use is not among what policies may.
  option Deployment "[$container.args[] | startswith(\"--secret-dir\")] | any | not" "${values[@]}"
  option NetworkPolicy '.spec.egress[-1].ports[0].port == 587' "${values[@]}"
  # What the chart writes is a configuration to the program that reads it.
  [ -n "${SALVE:-}" ] || return 0
  template "${values[@]}"
  picks 'select(.kind == "ConfigMap") | .data["config.yaml"]'
  printf '%s\n' "$out" >"$work/config.yaml"
  for file in MAIL GITHUB HOOK; do export "$file=x"; done
  out=$("$SALVE" notify test nobody --config "$work/config.yaml" 2>&1) || true
  says "nobody" "oncall"
}
case_ "receivers and sinks go into the configuration, their secrets beside it as files, and messages out" receivers_and_sinks

audit_journal() {
  template
  picks 'select(.kind == "Deployment") | tostring | select(contains("audit"))'
  is ""
  printf '%s' "$edge_values" >"$work/edge.json"
  local values=(--values "$work/edge.json")
  option Deployment "($container.args | index(\"--audit-directory=/var/lib/salve/audit\", \"--audit-retention-days=365\")) != null" "${values[@]}"
  option Deployment "$pod.volumes[-1] == {name: \"audit\", persistentVolumeClaim: {claimName: \"salve-audit\"}}" "${values[@]}"
  option Deployment "$container.volumeMounts[-1] == {name: \"audit\", mountPath: \"/var/lib/salve/audit\", subPathExpr: \"\$(POD_NAME)\"}" "${values[@]}"
  option Deployment "[$container.env[] | select(.name == \"POD_NAME\")] | length == 1" "${values[@]}"
}
case_ "with a volume for it the audit journal is kept there, each pod's by itself" audit_journal

options_that_leave_out() {
  local pair
  for pair in serviceAccount.create=false,serviceAccount.name=mine:ServiceAccount \
    podDisruptionBudget.enabled=false:PodDisruptionBudget networkPolicy.enabled=false:NetworkPolicy \
    admission.approvals=false:incidentapprovals.salve.dev admission.incidents=false:incidents.salve.dev \
    admission.guardrails=Off:healingpolicies.salve.dev rbac.actions.enabled=false:salve-controller-actions \
    rbac.aggregate=false:aggregate-to; do
    template --set "${pair%:*}"
    picks '[.kind, .metadata.name, .metadata.labels] | tostring'
    # The account is also the subject of bindings.
    case "$out" in *"\"${pair#*:}"[\",]* | *"${pair#*:}-"*) fail "${pair#*:} is there in spite of ${pair%:*}" ;; esac
  done
}
case_ "what an option turns off is not there" options_that_leave_out

actions_in_some_namespaces() {
  template --set 'rbac.actions.namespaces={shop,bank}'
  picks 'select(.roleRef.name == "salve-controller-actions") | .kind + " " + (.metadata.namespace // "")'
  is $'RoleBinding shop\nRoleBinding bank'
}
case_ "the rights to act can be given in some namespaces only" actions_in_some_namespaces

secrets() {
  template
  picks 'select(.rules != null) | .rules[] | select(.resources | index("secrets")) | .verbs'
  is ""
  template --set 'secrets.namespaces={shop,bank}'
  picks 'select((.rules // []) | tostring | contains("secrets")) | .kind + " " + .metadata.namespace + " " + (.rules[0].verbs | join(","))'
  is $'Role shop get\nRole bank get'
  option Deployment "$container.volumeMounts[1].mountPath == \"/var/run/salve/secrets/redis\"" --set 'secrets.files={redis}'
  option Deployment "$pod.volumes[1].secret.secretName == \"redis\"" --set 'secrets.files={redis}'
  option Deployment "($container.args | index(\"--secret-dir=/var/run/salve/secrets\")) != null" --set 'secrets.files={redis}'
}
case_ "Secrets are read only where they were opened" secrets

bad_values() {
  local bad
  for bad in replicas=-1 replicas=two replica=2 image.pullPolicy=Sometimes image.repository= logLevel=loud \
    config.backend=x config.exec.allowed=x 'config.probes.allowedCIDRs={anywhere}' config.backends[0].name=X \
    admission.guardrails=Maybe admission.approval=true http.port=70000 terminationGracePeriodSeconds=5 \
    rbac.actions.namespaces=shop 'secrets.namespaces={Shop}' serviceAccount.create=false \
    http.tls.secretName=Web_tls http.tls.cert=x monitoring.rules.runbooks=ftp://x monitoring.alerts=true \
    'config.receivers[0].name=a' config.receivers[0].name=a,config.receivers[0].kind=nagios \
    config.receivers[0].name=a,config.receivers[0].kind=sns config.receivers[0].name=a,config.receivers[0].kind=sentry \
    config.receivers[0].name=a,config.receivers[0].kind=sentry,config.receivers[0].authentication.hmac[0]=the-secret-itself \
    config.receivers[0].name=a,config.receivers[0].kind=sentry,config.receivers[0].authentication.hmac[0].file=relative \
    config.sinks[0].name=a config.sinks[0].name=a,config.sinks[0].slack.url=https://hooks.slack.com/x \
    config.sinks[0].name=a,config.sinks[0].pager.url.env=X 'secrets.config={Tokens}' audit.retentionDays=7 audit.volume=yes \
    audit.directory=/x topologySpread.hosts=Never serviceMonitor.interval=often networkPolicy.apiServer.ports=[] podlabels.a=b; do
    refused "$HELM" template salve "$chart" --namespace salve-system --set "$bad"
    says "values don't meet the specifications of the schema"
  done
}
case_ "a value that is unknown or makes no sense is refused by the schema" bad_values

documented() {
  local key keys
  # The names of values.yaml, two levels deep: each stands in the guide or is used by a case above.
  keys=$(awk '/^[a-zA-Z]+:/ { sub(/:.*/, ""); print }' "$chart/values.yaml")
  for key in $keys; do
    grep -q "\`$key" "$root/docs/guides/kubernetes.md" || fail "docs/guides/kubernetes.md does not mention \`$key\`"
    grep -q "$key" "${BASH_SOURCE[0]}" || fail "no case uses $key"
  done
}
case_ "every value is in the guide and in a case" documented

other_namespace() {
  ok "$HELM" template salve "$chart" --namespace shop
  says "system:serviceaccount:shop:salve-controller"
  says_not salve-system
}
case_ "the chart goes into any namespace, and the leases with it" other_namespace

# --- what is safe about it ------------------------------------------------------------------------------

no_wildcards() {
  template --set 'secrets.namespaces={shop}'
  picks 'select(.rules != null) | .rules[] | select((.verbs + .apiGroups + .resources) | index("*"))'
  is ""
}
case_ "no right is given by a wildcard" no_wildcards

what_the_controller_may() {
  template
  picks 'select(.kind == "ClusterRole" and (.metadata.name | startswith("salve-controller"))) | .rules[] |
    .resources[] as $r | .verbs[] as $v | select($v | IN("get", "list", "watch") | not) | $v + " " + $r'
  out=$(printf '%s\n' "$out" | sort)
  is "create events
create incidents
create pods/eviction
delete incidents
delete pods
patch daemonsets
patch deployments
patch events
patch statefulsets
update healingguardrails/status
update healingpolicies/status
update incidents/status"
}
case_ "what the controller may write is this and nothing else" what_the_controller_may

restricted() {
  local filter='.spec.template.spec // .spec | select(.containers != null) |
    [.securityContext.runAsNonRoot, .securityContext.seccompProfile.type, .automountServiceAccountToken,
     (.containers[] | .securityContext | [.allowPrivilegeEscalation, .readOnlyRootFilesystem, .capabilities.drop[0]])]'
  template
  picks "select(.kind == \"Deployment\") | $filter"
  is '[true,"RuntimeDefault",true,[false,true,"ALL"]]'
  template
  picks "select(.kind == \"Pod\") | $filter"
  is '[true,"RuntimeDefault",false,[false,true,"ALL"]]'
}
case_ "the pods ask for nothing that Pod Security restricted forbids, and write nowhere" restricted

fail_closed() {
  template
  picks 'select(.kind == "ValidatingAdmissionPolicy") | .metadata.name + " " + .spec.failurePolicy'
  is $'incidentapprovals.salve.dev Fail\nincidents.salve.dev Fail\nhealingpolicies.salve.dev Fail'
}
case_ "the admission policies fail closed" fail_closed

# --- kustomize ------------------------------------------------------------------------------------------

kustomizations() {
  local overlay
  for overlay in base overlays/production overlays/development; do
    ok "$KUBECTL" kustomize "$root/manifests/$overlay"
    picks '.kind'
    says CustomResourceDefinition
    says ValidatingAdmissionPolicyBinding
    says Deployment
  done
  ok "$KUBECTL" kustomize "$root/manifests/admission"
  picks '.kind'
  says_not Deployment
}
case_ "the base and the overlays are built" kustomizations

development_overlay() {
  ok "$KUBECTL" kustomize "$root/manifests/overlays/development"
  says_not "kind: PodDisruptionBudget"
  says_not "kind: NetworkPolicy"
  picks 'select(.kind == "Deployment") | .spec | [.replicas, .template.spec.containers[0].image, (.template.spec.containers[0].args | index("--log-level=debug") != null)]'
  is '[1,"salve:dev",true]'
}
case_ "the development overlay has one replica that says much" development_overlay

production_overlay() {
  ok "$KUBECTL" kustomize "$root/manifests/overlays/production"
  picks 'select(.kind == "Deployment") | .spec | [.replicas, .template.spec.topologySpreadConstraints[0].whenUnsatisfiable]'
  is '[2,"DoNotSchedule"]'
}
case_ "the production overlay never has both replicas on one node" production_overlay

same_as_the_chart() {
  local of_chart
  template --skip-tests
  picks '.kind + "/" + .metadata.name'
  of_chart=$(printf '%s\n' "$out" | sort)
  ok "$KUBECTL" kustomize "$root/manifests/base"
  picks 'select(.kind | IN("Namespace", "CustomResourceDefinition") | not) | .kind + "/" + .metadata.name'
  out=$(printf '%s\n' "$out" | sort)
  is "$of_chart"
}
case_ "the base has the objects of the chart" same_as_the_chart

fresh() { ok env SALVE_HELM="$HELM" "$root/hack/verify-manifests"; }
case_ "what is made from the chart and from crds/ is up to date" fresh
