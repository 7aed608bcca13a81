# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Metrics of CloudWatch as probes: a moto keeps them, the AWS CLI writes them.

# load VALUE: the metric Load of the shop, as of two seconds ago.
load() {
  must moto cloudwatch put-metric-data --namespace Shop --metric-name Load --dimensions Service=tiny --value "$1" \
    --timestamp "$(date -u -d '2 seconds ago' +%Y-%m-%dT%H:%M:%SZ)"
}

# Another incident of that policy may be about the container while the other policy restarts it.
silence_is_unmeasurable() {
  local each
  for each in $(incidents silent); do
    is Unmeasurable get "$each" .status.diagnosis.cause && return
  done
  return 1
}

metric_probe() {
  needs_salve
  "$SALVE_ROOT/hack/moto-up" "$dir/moto" || skip "there is no moto, and it could not be installed"
  trap '"$SALVE_ROOT/hack/moto-down" "$dir/moto"' EXIT
  local endpoint
  endpoint=$(sed -n 's/^AWS_ENDPOINT_URL=//p' "$dir/moto/moto.env")
  container "$id-tiny" --network none salve-test/tiny:1 sleep 1000000
  cat >"$dir/metrics.yaml" <<YAML
apiVersion: config.salve.dev/v1alpha1
kind: ControllerConfiguration
backends:
- {name: docker, docker: {host: "$DOCKER_HOST"}}
- {name: aws, ecs: {region: eu-west-1, endpoint: "$endpoint", allowedNamespaces: [default]}}
YAML
  AWS_ACCESS_KEY_ID=$salve_key AWS_SECRET_ACCESS_KEY=$salve_secret heal --config "$dir/metrics.yaml"
  load 1
  policy tiny <<YAML
  mode: Auto
  target: {docker: {container: $id-tiny}}
  probes:
  - {name: load, cloudWatch: {namespace: Shop, metricName: Load, dimensions: {Service: tiny}, statistic: Maximum,
     metricPeriodSeconds: 1, maximum: 5}, periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 2, successThreshold: 1}
  ladder:
  - {name: restart, action: {restart: {}}, timeoutSeconds: 60}
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 2, failureLimit: 50}
YAML
  policy silent <<YAML
  mode: Observe
  target: {docker: {container: $id-tiny}}
  probes:
  - {name: nothing, cloudWatch: {namespace: Shop, metricName: Nothing, maximum: 5}, periodSeconds: 2}
  ladder:
  - {name: restart, action: {restart: {}}}
YAML
  eventually healthy tiny
  eventually is Unknown condition healingpolicy/silent TargetHealthy
  eventually condition_says silent "CloudWatch has no data for Average of Shop Nothing"
  load 9
  await_incident tiny
  same "what opened it" "Probe load" "$(get "$incident" .spec.trigger.source) $(get "$incident" .spec.trigger.name)"
  says "$(get "$incident" .spec.trigger.message)" "Maximum of Shop Load is 9, above 5"
  load 1
  outcome "$incident" AutoHealed
  eventually healthy tiny
  eventually silence_is_unmeasurable
}
case_ "a metric of CloudWatch is a probe, and verifies; one without data is neither health nor illness" metric_probe
