# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Workloads that are scaled to zero at night.

# cron_in MINUTES: the cron line of the minute that begins so much later, and at least 30 seconds from now.
cron_in() {
  local at=$((($(date +%s) + 30) / 60 * 60 + 60 * $1))
  date -u -d "@$at" '+%-M %-H * * *'
}
tick() { get "healingpolicy/$1" ".status.scheduled[0].$2"; }
no_pods() { [ -z "$(pods_of "$1")" ]; }
replicas() { k get "deployment/$1" -o 'jsonpath={.spec.replicas}'; }

night_of_three() {
  patience=$((patience + 180))
  space
  deployment web 3
  heals web "  schedules:
  - {name: night, cron: \"$(cron_in 1)\", timeZone: UTC, action: ScaleToZero}
  - {name: morning, cron: \"$(cron_in 3)\", timeZone: UTC, action: Restore}"
  eventually no_pods web
  same "replicas at night" 0 "$(replicas web)"
  eventually is Done tick web state
  same "what there was before" 3 "$(tick web count)"
  eventually is Asleep condition healingpolicy/web TargetHealthy reason
  eventually available web 3
  eventually is morning tick web schedule
  eventually is Done tick web state
  eventually healthy web
  same "what was changed" "patch deployments/web 200
patch deployments/web 200" "$(changes)"
  same "incidents" "Schedule Schedule" "$(k get incidents -o 'jsonpath={.items[*].spec.trigger.source}')"
}
case_ "a Deployment of three is scaled to zero at night, is not ill meanwhile, and has three again in the morning" night_of_three
