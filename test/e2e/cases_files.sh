# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Files that a container was started with, and that are others now.

# files_heal: a salve that may watch what is below $dir/srv.
files_heal() {
  mkdir -p "$dir/srv/migrations"
  printf 'GREETING=hello\n' >"$dir/srv/shop.env"
  printf 'create table a ();\n' >"$dir/srv/migrations/1.sql"
  cat >"$dir/config.yaml" <<YAML
apiVersion: config.salve.dev/v1alpha1
kind: ControllerConfiguration
files: {roots: ["$dir/srv"]}
YAML
  heal --config "$dir/config.yaml"
}

files_policy() { # MODE [LINE]
  policy shop <<YAML
  mode: $1
  target: {docker: {container: $id-a}}
  triggers:
  - {name: config, fileChange: {paths: ["$dir/srv/shop.env", "$dir/srv/migrations"], debounceSeconds: 1}}
  ladder: [{name: restart, action: {restart: {}}, maxAttempts: 1}]
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
  guardrails: {cooldownSeconds: 0, maxActions: {count: 10, windowSeconds: 3600}}
  ${2:-}
YAML
}
files_state() { get healingpolicy/shop '.status.files[0].state'; }
files_watched() { condition healingpolicy/shop FilesWatched "${1:-status}"; }
# restart_says CODE TEXT ARGUMENT…: what `salve restart` answers.
restart_says() {
  local code=$1 text=$2
  shift 2
  exits "$code" s restart --service shop "$@"
  says "$out$err" "$text"
}

files_changed() {
  local since first
  patient "$id-a"
  files_heal
  files_policy Auto
  eventually is Current files_state
  same "watched" True "$(files_watched)"
  restart_says 0 "nothing has changed" --check-only
  since=$(mark)
  printf 'GREETING=salve\n' >"$dir/srv/shop.env"
  await_incident shop
  outcome "$incident" AutoHealed
  first=$incident
  same "what opened it" "File config" "$(get "$incident" .spec.trigger.source) $(get "$incident" .spec.trigger.name)"
  same "cause" ConfigurationChanged "$(get "$incident" .status.diagnosis.cause)"
  says "$(get "$incident" .status.diagnosis.message)" "env_changed" "$dir/srv/shop.env"
  says "$(s why "${incident##*/}" 2>&1)" ConfigurationChanged env_changed
  eventually is Current files_state
  same "restarts" 1 "$(count_of "$since" "$id-a" restart)"
  # Contents stand nowhere but in the files.
  if k get healingpolicy,incident,event -o yaml | grep -q GREETING; then fail "a file's content is in a resource"; fi
  if grep -q GREETING "$dir/salve.log"; then fail "a file's content is in the log"; fi
  # Another migration is another change, and no relapse.
  printf 'create table b ();\n' >"$dir/srv/migrations/2.sql"
  await_another shop "$first"
  outcome "$incident" AutoHealed
  says "$(get "$incident" .spec.trigger.message)" migrations_changed "$dir/srv/migrations/2.sql"
  same "restarts" 2 "$(count_of "$since" "$id-a" restart)"
}
case_ "a changed environment file is healed by one restart, and a new migration by another" files_changed

files_back() {
  local since
  patient "$id-a"
  files_heal
  files_policy Approve
  eventually is Current files_state
  since=$(mark)
  printf 'GREETING=salve\n' >"$dir/srv/shop.env"
  await_incident shop
  eventually in_phase "$incident" AwaitingApproval
  printf 'GREETING=hello\n' >"$dir/srv/shop.env"
  outcome "$incident" SelfResolved
  same "what was done" "" "$(actions "$since" "$id-a")"
}
case_ "a file that is as it was before anybody approved ends its incident" files_back

files_killed() {
  local since
  patient "$id-a"
  files_heal
  files_policy Approve
  eventually is Current files_state
  since=$(mark)
  kill_salve
  printf 'GREETING=salve\n' >"$dir/srv/shop.env"
  heal --config "$dir/config.yaml"
  await_incident shop
  eventually in_phase "$incident" AwaitingApproval
  kill_salve
  heal --config "$dir/config.yaml"
  must decide "$incident" Approve
  outcome "$incident" HealedAfterApproval
  eventually is Current files_state
  same "incidents" 1 "$(incidents shop | grep -c .)"
  same "restarts" 1 "$(count_of "$since" "$id-a" restart)"
}
case_ "a change that comes while Salve is dead is found, and no SIGKILL forgets or doubles it" files_killed

files_closed() {
  patient "$id-a"
  heal
  mkdir -p "$dir/srv" "$dir/secret"
  files_policy Auto
  eventually is FilesNotConfigured files_watched reason
  says "$(files_watched message)" files.roots
  restart_says 1 files.roots --check-only
  stop_salve "$dir"
  # A link may not lead out of what is open, nor may a path begin elsewhere.
  files_heal
  printf 'secret\n' >"$dir/secret/key"
  ln -sf "$dir/secret/key" "$dir/srv/shop.env"
  eventually is FilesNotReadable files_watched reason
  says "$(files_watched message)" "leads out of files.roots"
  ln -sfn "$dir/srv" "$dir/srv/migrations/up"
  rm "$dir/srv/shop.env"
  mkfifo "$dir/srv/shop.env"
  eventually files_said "neither a file nor a directory"
}
files_said() { case "$(files_watched message)" in *"$1"*) ;; *) return 1 ;; esac; }
case_ "what no root opens is not watched, and the policy says so" files_closed

files_restart() {
  local since
  patient "$id-a"
  files_heal
  files_policy Approve
  eventually is Current files_state
  since=$(mark)
  restart_says 0 "Nothing has changed"
  exits 3 s restart --service nobody
  says "$err" "no policy and no target"
  restart_says 2 "goes with neither" --check-only --force
  printf 'GREETING=salve\n' >"$dir/srv/shop.env"
  eventually is Changed files_state
  restart_says 9 "env_changed: $dir/srv/shop.env" --check-only --verbose
  says "$out" "started with" "->"
  exits 9 s restart --service "$id-a" --check-only -o json
  same "as JSON" Changed "$(jq -r '.[0].state // .state' <<<"$out")"
  restart_says 0 "ConfigurationChanged" --dry-run --config "$dir/config.yaml"
  says "$out" Approval
  restart_says 10 "AwaitingApproval"
  same "what was done so far" "" "$(actions "$since" "$id-a")"
  await_incident shop
  must decide "$incident" Approve
  outcome "$incident" HealedAfterApproval
  eventually is Current files_state
  restart_says 0 "Nothing has changed"
  same "restarts" 1 "$(count_of "$since" "$id-a" restart)"
}
case_ "salve restart says what has changed, and goes through the same gates" files_restart

files_forced() {
  local since
  patient "$id-a"
  files_heal
  files_policy Auto
  eventually is Current files_state
  since=$(mark)
  restart_says 0 "ended as AutoHealed" --force --timeout "${patience}s"
  says "$out" "restart_requested: by admin"
  same "restarts" 1 "$(count_of "$since" "$id-a" restart)"
  files_policy Approve
  eventually is "mode Approve" condition healingpolicy/shop RemediationAllowed message
  restart_says 10 "AwaitingApproval" --force --timeout "${patience}s"
  same "restarts" 1 "$(count_of "$since" "$id-a" restart)"
}
case_ "a restart that somebody forces on a well container is done once, and not without the approval it needs" files_forced
