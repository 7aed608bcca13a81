# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# The controller or the API server goes away in the middle. These disturb everybody else.

leader_killed() {
  space
  local name
  for name in one two three; do deployment "$name" 2 && heals "$name"; done
  start_controller second
  for name in one two three; do must k set image "deployment/$name" c=salve-test/none:9; done
  eventually acted_once
  kill_controller first
  for name in one two three; do
    await_incident "$name"
    outcome "$incident" AutoHealed
    same "attempts on $name" 1 "$(get "$incident" '.status.attempts[*].id' | wc -w)"
  done
  same "what was changed, by both together" \
    $'patch deployments/one 200\npatch deployments/three 200\npatch deployments/two 200' "$(changes | sort)"
}
acted_once() { [ -n "$(changes)" ]; }
case_alone "a leader that is killed in the middle is followed by the other, and no rollout is undone twice" leader_killed

api_server_away() {
  space
  deployment web 2
  heals web
  must k set image deployment/web c=salve-test/none:9
  await_incident web
  kube_stop "$cluster" kube-apiserver
  kube_start "$cluster" kube-apiserver
  kube_wait_ready "$cluster" kube-apiserver
  outcome "$incident" AutoHealed
  same "what was changed" "patch deployments/web 200" "$(changes)"
}
case_alone "an API server that restarts in the middle of an incident changes nothing about its end" api_server_away
