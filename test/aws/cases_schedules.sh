# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Services that are scaled to zero at night.

# cron_in MINUTES: the cron line of the minute that begins so much later, and at least 30 seconds from now.
cron_in() {
  local at=$((($(date +%s) + 30) / 60 * 60 + 60 * $1))
  date -u -d "@$at" '+%-M %-H * * *'
}
tick() { get "healingpolicy/$1" ".status.scheduled[0].$2"; }
no_tasks() { [ -z "$(tasks "$1")" ]; }

night_of_three() {
  patience=$((patience + 180))
  needs_salve
  ecs
  definition web "$idle"
  service web 3
  heal_ecs
  heals web "  schedules:
  - {name: night, cron: \"$(cron_in 1)\", timeZone: UTC, action: ScaleToZero}
  - {name: morning, cron: \"$(cron_in 3)\", timeZone: UTC, action: Restore}"
  eventually no_tasks web
  same "desired count at night" 0 "$(of_service web desiredCount)"
  eventually is Done tick web state
  same "what there was before" 3 "$(tick web count)"
  eventually is Asleep condition healingpolicy/web TargetHealthy reason
  # Salve's end in the night loses nothing.
  kill_salve
  heal_ecs
  eventually steady web 3
  eventually is morning tick web schedule
  eventually is Done tick web state
  eventually healthy web
  same "what was changed" "UpdateService 200 service=web desiredCount=0
UpdateService 200 service=web desiredCount=3" "$(changes)"
  same "incidents" "Schedule Schedule" "$(k get incidents -o 'jsonpath={.items[*].spec.trigger.source}')"
}
case_ "a service of three tasks is scaled to zero at night, is not ill meanwhile, and has three again in the morning" night_of_three
