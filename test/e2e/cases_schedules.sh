# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Nights and mornings: what is stopped and started at set times.

stopped() { is false docker inspect --format '{{.State.Running}}' "$1"; }
# tick POLICY FIELD: of the one target that its schedules are about.
tick() { get "healingpolicy/$1" ".status.scheduled[0].$2"; }

# sleepy NAME CONTAINER NIGHT MORNING [MODE]: a policy that stops the container and starts it again.
sleepy() {
  policy "$1" <<YAML
  mode: ${5:-Auto}
  target: {docker: {container: $2}}
  ladder: [{name: restart, action: {restart: {}}}]
  guardrails: {cooldownSeconds: 1}
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
  schedules:
  - {name: night, cron: "$3", timeZone: UTC, action: ScaleToZero}
  - {name: morning, cron: "$4", timeZone: UTC, action: Restore}
YAML
}

# With cron lines of their own for in_time: NAME CONTAINER [MODE], and of the night that is over.
night_soon() { sleepy "$1" "$2" "$cron" "$no_morning" "${3:-Auto}"; }
morning_soon() { sleepy "$1" "$2" "$night" "$cron"; }

night_and_morning() {
  patience=$((patience + 120))
  patient "$id-a"
  heal
  sleepy nights "$id-a" "$no_night" "$no_morning"
  eventually healthy nights
  local since cron night
  since=$(mark)
  says "$(get healingpolicy/nights .status.nextSchedule)" "night (ScaleToZero) at "
  in_time night_soon nights "$id-a"
  night=$cron
  eventually stopped "$id-a"
  eventually is Done tick nights state
  eventually is Asleep condition healingpolicy/nights TargetHealthy reason
  says "$(k describe healingpolicy nights)" "asleep by schedule night until" "(schedule morning)"
  same "unhealthy" 0 "$(get healingpolicy/nights .status.targetsUnhealthy)"
  same "what there was before" 1 "$(tick nights count)"
  # Salve's end in the night loses nothing.
  kill_salve
  heal
  in_time morning_soon nights "$id-a"
  eventually runs "$id-a"
  eventually is morning tick nights schedule
  eventually is Done tick nights state
  eventually healthy nights
  same "what the engine did" "kill die stop start" "$(actions "$since" "$id-a" | xargs)"
  same "incidents" "Schedule Schedule" "$(k get incidents -o 'jsonpath={.items[*].spec.trigger.source}')"
  same "outcomes" "AutoHealed AutoHealed" "$(k get incidents -o 'jsonpath={.items[*].status.outcome}')"
  local word
  for word in ScheduleDue ScaledToZero Restored; do eventually told_event "$word"; done
}
case_ "a container is stopped at night, is not ill meanwhile, and is started in the morning" night_and_morning

woken_by_hand() {
  patience=$((patience + 120))
  patient "$id-a"
  heal
  local cron
  in_time night_soon owls "$id-a"
  eventually stopped "$id-a"
  eventually is Done tick owls state
  must docker start "$id-a"
  eventually healthy owls
  local since
  since=$(mark)
  make_ill "$id-a"
  await_another owls "$(incidents owls)"
  outcome "$incident" AutoHealed
  says "$(actions "$since" "$id-a" | xargs)" restart
  same "the night acts once" Done "$(tick owls state)"
}
case_ "who wakes a sleeping container by hand has one like any other: it is not stopped again, and is healed" woken_by_hand

asked_first() {
  patience=$((patience + 120))
  patient "$id-a"
  heal
  local since cron
  since=$(mark)
  in_time night_soon careful "$id-a" Approve
  await_incident careful
  eventually in_phase "$incident" AwaitingApproval
  says "$(get "$incident" .status.proposal.preview.command)" "docker stop"
  same "what was done unasked" "" "$(actions "$since" "$id-a")"
  says "$(decide "$incident" Approve)" created
  outcome "$incident" HealedAfterApproval
  eventually stopped "$id-a"
}
case_ "in mode Approve a person is asked before a container is put to sleep" asked_first

# schedule_refused WANTED… <<EOF: a policy with that spec is not taken, and all of that is said.
schedule_refused() {
  local said
  said=$(policy_yaml wrong | k apply -f - 2>&1) && fail "it was taken: $said"
  says "$said" "$@"
}

bad_schedules() {
  heal
  schedule_refused 'schedules[0].action' Nap <<'YAML'
  target: {docker: {container: none}}
  schedules: [{name: noon, cron: "0 12 * * *", action: Nap}]
YAML
  schedule_refused 'schedules[0].cron' 'schedules[1].timeZone' Europe/Nowhere <<'YAML'
  target: {docker: {container: none}}
  schedules:
  - {name: night, cron: "0 25 * * *", action: ScaleToZero}
  - {name: morning, cron: "0 9 * * *", timeZone: Europe/Nowhere, action: Restore}
YAML
  schedule_refused 'schedules[0].action' ScaleToZero <<'YAML'
  target: {docker: {container: none}}
  schedules: [{name: morning, cron: "0 9 * * *", action: Restore}]
YAML
  schedule_refused spec.schedules DaemonSet <<'YAML'
  target: {kubernetes: {kind: DaemonSet, name: agents}}
  schedules: [{name: night, cron: "0 18 * * *", action: ScaleToZero}]
YAML
}
case_ "a schedule that cannot be understood is refused with the path of its field" bad_schedules
