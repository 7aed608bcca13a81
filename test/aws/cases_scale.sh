# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Many services in one account, which counts the calls of all of them together.

many_policies() {
  patience=$((patience + 240))
  needs_salve
  ecs
  must ask RegisterTaskDefinition '{"family": "idle", "cpu": "256", "memory": "512",
    "containerDefinitions": [{"name": "app", "image": "simulated/running"}]}'
  control '{"do": "populate", "cluster": "demo", "prefix": "s", "count": 1000, "definition": "idle"}'
  heal_ecs
  local i before
  for i in $(seq 1000); do
    printf -- '---\napiVersion: salve.dev/v1alpha1\nkind: HealingPolicy\nmetadata: {name: s%s, namespace: default}\n' "$i"
    printf 'spec: {target: {ecs: {backend: aws, cluster: demo, service: s%s}}}\n' "$i"
  done >"$dir/policies.yaml"
  timeout 1200 "$kubectl" apply -f "$dir/policies.yaml" >/dev/null || fail "the policies could not be applied"
  eventually all_healthy
  # The account allows 20 reads a second and bursts of 100.
  same "throttled calls" 0 "$(count_calls code=ThrottlingException)"
  before=$(calls | tail -n 1 | cut -d ' ' -f 1)
  local made ticks pid
  pid=$(cat "$dir/salve.pid")
  ticks=$(cpu_ticks "$pid")
  local begin=$SECONDS seconds
  sleep 30 # what is measured is a rate
  # Every service is looked at, ten with each call; in how long is the machine's affair.
  eventually looked_at_all "$before"
  seconds=$((SECONDS - begin))
  made=$(count_calls "after=$before")
  ticks=$(($(cpu_ticks "$pid") - ticks))
  echo "1000 steady services, $seconds s: $made calls, $((ticks * 1000 / $(getconf CLK_TCK))) ms of CPU," \
    "$(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup") KiB" | tee "$dir/figures"
  # Of the second that went by while they were counted, too.
  [ "$made" -le $((15 * (SECONDS - begin + 1))) ] || fail "$made calls in $seconds s: more than 15 a second"
}
looked_at_all() { [ "$(count_calls "after=$1")" -ge 100 ]; }
# cpu_ticks PID: what it has used so far.
cpu_ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }
all_healthy() {
  [ "$(k get healingpolicies -o 'jsonpath={range .items[*]}{.status.conditions[?(@.type=="TargetHealthy")].status}{"\n"}{end}' | grep -c True)" = 1000 ]
}
case_ "a thousand services of one account stay within its rate of calls" many_policies
