# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# The controller as a process of its own, several of them, and a configuration that changes under them.

# api: only the API server, in $dir/data, and a kubeconfig with the controller's rights.
api() {
  trap stop_controllers EXIT
  heal --api-only
  person ctl salve:controllers
}

# controller NAME [ARGUMENT…]: starts one and waits until it is ready, leading or standing by.
controller() {
  local name=$1
  shift
  rm -f "$dir/$name.address"
  "$salve" controller --kubeconfig "$dir/kubeconfig-ctl" --http-listen 127.0.0.1:0 \
    --http-address-file "$dir/$name.address" "$@" >>"$dir/$name.log" 2>&1 &
  echo $! >"$dir/$name.ctl"
  eventually answers_ready "$name"
}
answers_ready() { [ -s "$dir/$1.address" ] && "$salve" healthz --url "http://$(cat "$dir/$1.address")/ready"; }

stop_controllers() {
  local file
  for file in "$dir"/*.ctl; do [ ! -s "$file" ] || kill -TERM "$(cat "$file")" 2>/dev/null || true; done
  for file in "$dir"/*.ctl; do
    [ ! -s "$file" ] || wait_until "$patience" process_gone "$(cat "$file")" || kill -KILL "$(cat "$file")" || true
  done
}

leads() { grep -q '"msg":"leading"' "$dir/$1.log"; }
stands_by() { grep -q '"msg":"standing by' "$dir/$1.log"; }
lease_holder() { k get leases -n salve-system salve-controller -o 'jsonpath={.spec.holderIdentity}'; }

# http_get ADDRESS PATH: the answer, head and body. Nothing but bash is needed.
http_get() {
  exec 9<>"/dev/tcp/${1%:*}/${1##*:}" || return 1
  printf 'GET %s HTTP/1.1\r\nHost: salve\r\nConnection: close\r\n\r\n' "$2" >&9
  cat <&9
  exec 9>&-
}
# metric ADDRESS TEXT: a line of /metrics begins with TEXT.
metric() { http_get "$1" /metrics | grep -q "^$2"; }

# follow ADDRESS: the live stream of incidents, with the administrator's token, goes to $dir/stream.
follow() {
  local token
  token=$(sed -n 's/.*token: //p' "$dir/data/kubeconfig")
  exec 8<>"/dev/tcp/${1%:*}/${1##*:}" || fail "nobody listens at $1"
  printf 'GET /api/v1/timeline HTTP/1.1\r\nHost: salve\r\nAuthorization: Bearer %s\r\nAccept: text/event-stream\r\n\r\n' \
    "$token" >&8
  cat <&8 >"$dir/stream" &
  exec 8>&-
  eventually grep -q '^event: synced' "$dir/stream"
}

restarts_it() { # NAME CONTAINER
  policy "$1" <<YAML
  mode: Auto
  target: {docker: {container: $2}}
  ladder: [{name: restart, action: {restart: {stopTimeoutSeconds: 8}}, maxAttempts: 1, timeoutSeconds: 60}]
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
  guardrails: {cooldownSeconds: 0}
YAML
}

beside_the_api() {
  patient "$id-a"
  api
  restarts_it beside "$id-a"
  same "conditions without a controller" "" "$(get healingpolicy/beside '.status.conditions[*].type')"
  controller one
  eventually healthy beside
  local since
  since=$(mark)
  make_ill "$id-a"
  await_incident beside
  outcome "$incident" AutoHealed
  same "restarts" 1 "$(count_of "$since" "$id-a" restart)"

  # What the controller may not do by its rights, it may not do under another name either.
  says "$(as ctl decide "$incident" Approve 0000000000000000000000000000000000000000000000000000000000000000 ctl)" orbidden

  # Its end gives the lead back.
  [ -n "$(lease_holder)" ] || fail "nobody holds the leader's lease"
  stop_controllers
  same "holder of the lease after the end" "" "$(lease_holder)"
}
case_ "salve controller heals through the API of a salve standalone --api-only" beside_the_api

leader_dies() {
  container "$id-a" --network none --health-cmd 'test ! -e /tmp/ill' --health-interval 500ms --health-retries 1 \
    --health-timeout 60s salve-test/tiny:1 sh -c 'rm -f /tmp/ill; trap "" TERM; while :; do sleep 1; done'
  eventually health_is healthy "$id-a"
  patient "$id-b"
  api
  restarts_it slow "$id-a"
  restarts_it quick "$id-b"
  controller one
  eventually leads one
  controller two
  eventually stands_by two
  eventually healthy slow
  eventually healthy quick
  says "$(http_get "$(cat "$dir/two.address")" /ready)" '"status":"ready"' "standing by for $(lease_holder)"

  # It dies in the middle of a restart.
  local since pid
  since=$(mark)
  make_ill "$id-a"
  eventually is_stopping "$since" "$id-a"
  await_incident slow
  pid=$(cat "$dir/one.ctl")
  ! leads two || fail "two led at once"
  disown "$pid" 2>/dev/null
  kill -KILL "$pid"
  make_ill "$id-b"
  eventually leads two
  outcome "$incident" AutoHealed
  same "attempts" 1 "$(get "$incident" '.status.attempts[*].id' | wc -w)"
  await_incident quick
  outcome "$incident" AutoHealed
  same "restarts of the slow one" 1 "$(count_of "$since" "$id-a" restart)"
  same "restarts of the quick one" 1 "$(count_of "$since" "$id-b" restart)"
}
is_stopping() { actions "$1" "$2" kill | grep -q kill; }
case_ "of two controllers one leads, and when it is killed the other goes on and nothing is done twice" leader_dies

stopped_leader() {
  patient "$id-a"
  api
  restarts_it paused "$id-a"
  controller one
  eventually leads one
  controller two
  eventually stands_by two
  eventually healthy paused
  local since pid status=0
  since=$(mark)
  pid=$(cat "$dir/one.ctl")
  kill -STOP "$pid"
  make_ill "$id-a"
  eventually leads two
  await_incident paused
  outcome "$incident" AutoHealed
  kill -CONT "$pid"
  wait "$pid" || status=$?
  same "exit code of who lost the lead" 7 "$status"
  same "restarts" 1 "$(count_of "$since" "$id-a" restart)"
  same "incidents" 1 "$(incidents paused | wc -l)"
}
case_ "a leader that was stopped and goes on does nothing more and ends with its own exit code" stopped_leader

api_server_away() {
  patient "$id-a"
  # A port that no outgoing connection gets meanwhile.
  SALVE_LISTEN=127.0.0.1:$(free_port) api
  restarts_it away "$id-a"
  local address
  address=$(sed -n 's|.*server: https://||p' "$dir/data/kubeconfig")
  stop_salve "$dir"
  "$salve" controller --kubeconfig "$dir/kubeconfig-ctl" --http-listen 127.0.0.1:0 \
    --http-address-file "$dir/one.address" >"$dir/one.log" 2>&1 &
  echo $! >"$dir/one.ctl"
  eventually grep -q 'cannot start yet' "$dir/one.log"
  ! answers_ready one 2>/dev/null || fail "ready without an API server"
  "$salve" healthz --url "http://$(cat "$dir/one.address")/health" || fail "not alive"
  "$salve" standalone --api-only --data-dir "$dir/data" --listen "$address" --http-listen 127.0.0.1:0 >>"$dir/salve.log" 2>&1 &
  echo $! >"$dir/salve.pid"
  eventually answers_ready one
  eventually healthy away
}
case_ "a controller that starts before its API server waits for it" api_server_away

# configuration NAMESPACE [MORE]: what $dir/etc/salve.yaml says, changed as a mounted ConfigMap is: by a symlink.
configuration() {
  local version=$dir/etc/$RANDOM$RANDOM
  mkdir -p "$version"
  printf 'apiVersion: config.salve.dev/v1alpha1\nkind: ControllerConfiguration\nbackends:\n- name: docker\n  docker: {allowedNamespaces: [%s]}\n%s' \
    "$1" "${2:-}" >"$version/salve.yaml"
  ln -sfn "$version" "$dir/etc/new"
  mv -T "$dir/etc/new" "$dir/etc/current"
}

# changes_under PID: the same for both ways to run; metrics at $edge, log lines in $log.
changes_under() {
  local pid=$1 since broken
  eventually is BackendNotAllowed condition healingpolicy/open TargetFound reason
  follow "$edge"
  configuration default
  eventually healthy open
  eventually metric "$edge" 'salve_configuration_reloads_total{result="success"} 1'
  since=$(mark)
  make_ill "$id-a"
  await_incident open
  outcome "$incident" AutoHealed
  same "restarts" 1 "$(count_of "$since" "$id-a" restart)"
  # Who followed the timeline before is still there.
  eventually grep -q '"incidentPhase":"Resolved"' "$dir/stream"

  # A broken one changes nothing, and says where it is broken.
  broken=$dir/etc/current/salve.yaml
  configuration default $'probez: {}\n'
  eventually metric "$edge" 'salve_configuration_valid 0'
  eventually grep -q 'configuration is refused' "$log"
  says "$(grep 'configuration is refused' "$log")" "$broken:6" probez
  eventually answers_at "$edge"
  healthy open || fail "the old configuration did not stay"
  same "errors logged" 1 "$(grep -c 'configuration is refused' "$log")"

  # And the end of it, on SIGHUP this time.
  configuration other
  kill -HUP "$pid"
  eventually is BackendNotAllowed condition healingpolicy/open TargetFound reason
  eventually metric "$edge" 'salve_configuration_valid 1'
  process_gone "$pid" && fail "the process was restarted"
  eventually answers_at "$edge"
}
answers_at() { "$salve" healthz --url "http://$1/ready"; }

config_of_standalone() {
  patient "$id-a"
  configuration other
  heal --config "$dir/etc/current/salve.yaml"
  restarts_it open "$id-a"
  local edge log=$dir/salve.log
  edge=$(cat "$dir/data/http-address")
  changes_under "$(cat "$dir/salve.pid")"
}
case_ "salve standalone takes a changed configuration over, and keeps the old one where the new one is broken" config_of_standalone

config_of_controller() {
  patient "$id-a"
  api
  configuration other
  restarts_it open "$id-a"
  controller one --config "$dir/etc/current/salve.yaml"
  eventually leads one
  local edge log=$dir/one.log
  edge=$(cat "$dir/one.address")
  changes_under "$(cat "$dir/one.ctl")"
  same "times that it took the lead" 1 "$(grep -c '"msg":"leading"' "$log")"
}
case_ "salve controller takes a changed configuration over and keeps the lead" config_of_controller
