# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154

# patients_policy MODE SINKS [LADDER]: a policy for the case's patients, restarted when ill.
patients_policy() {
  policy ward <<YAML
  mode: $1
  target: {docker: {labels: {ward: $id}}}
  ladder: [{name: restart, action: {restart: {}}}]
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
  guardrails: {maxUnhealthy: "100%", maxActions: {count: 100, windowSeconds: 3600}, cooldownSeconds: 0, maxConcurrent: 50}
  notifications: [$2]
YAML
  eventually healthy ward
}

redis_says() { docker exec "$id-redis" redis-cli -p "$port_of_redis" "$@" 2>&1; }
redis_answers() { is PONG redis_says ping; }

# The command that the message names, word for word, as a person would copy it.
type_what_it_says() {
  local command
  command=$(grep -A 1 "^$2\$" <<<"$1" | tail -n 1 | sed 's/^ *//')
  case "$command" in "salve $3 "*" --digest "*) ;; *) fail "no command under \"$2\" in:"$'\n'"$1" ;; esac
  # shellcheck disable=SC2086  # words
  "$salve" ${command#salve } --yes >"$dir/typed" 2>&1 || fail "typing \"$command\" failed: $(cat "$dir/typed")"
}

asked_and_told() {
  hook web && relay
  { webhook web "$url/ok"
    echo "- {name: mail, email: {server: 'localhost:$port', from: salve@example.com, to: [ops@example.com], user: salve, password: {env: MAIL_PASSWORD}}}"
  } | sinks
  port_of_redis=$(free_port)
  container "$id-redis" --network host salve-test/redis:7 redis-server --bind 127.0.0.1 --port "$port_of_redis" --save ""
  eventually redis_answers
  export SSL_CERT_FILE=$dir/relay.crt
  heal --config "$dir/salve.yaml"
  policy redis <<YAML
  mode: Approve
  target: {docker: {container: $id-redis}}
  probes: [{name: ping, redis: {address: "127.0.0.1:$port_of_redis"}, periodSeconds: 3, timeoutSeconds: 3}]
  diagnosis: {builtinPacks: false, rules: [{name: gone, when: {conditions: [Exited]}, cause: RedisDown, confidence: 0.95, step: restart}]}
  ladder: [{name: restart, action: {restart: {}}, expected: Redis answers again}]
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
  notifications: [{sink: web, stages: [Proposed, Resolved]}, {sink: mail, stages: [Proposed, Resolved]}]
YAML
  eventually healthy redis
  same "whether its sinks can be used" True "$(condition healingpolicy/redis SinksUsable)"
  redis_says shutdown nosave >/dev/null
  await_incident redis
  eventually has_got web Proposed
  eventually has_mails 1
  local text digest
  digest=$(get "$incident" .status.proposal.digest)
  text=$(mail_text 1)
  says "$text" "Subject: [Salve] Approval needed: restart $id-redis" "docker restart" "RedisDown" "Redis answers again" \
    "salve approve ${incident##*/} -n default --digest ${digest:0:12}" "salve why ${incident##*/}"
  same "what both were told" "$(text_of web Proposed)" "$(sed '1,/^$/d' <<<"$text")"
  type_what_it_says "$text" "To approve" approve
  outcome "$incident" HealedAfterApproval
  eventually has_got web Resolved
  eventually has_mails 2
  says "$(text_of web Resolved)" "Resolved, HealedAfterApproval" "approved by admin" "It took"
  same "the thread of the mails" "$(mail_text 1 | grep ^References)" "$(mail_text 2 | grep ^References)"
  same "signatures" good "$(signatures web)"
  same "messages" "2 2" "$(got web) $(mails)"
  eventually is "Sent 1" notes "$incident" mail Resolved
  no_disgrace
  eventually counted 'salve_notifications_total{result="sent",sink="web"} 2'
  eventually counted 'salve_notifications_total{result="sent",sink="mail"} 2'
  [ -z "${SALVE_TRANSCRIPT:-}" ] || { mail_text 1; echo ----; mail_text 2; echo ----; cat "$dir/typed"; } >"$SALVE_TRANSCRIPT"
}
# counted TEXT: a line of /metrics is that.
counted() { curl -fs "http://$(cat "$dir/data/http-address")/metrics" | grep -xF "$1"; }
case_ "who is asked gets the command that approves, by webhook and by mail, and hears the end" asked_and_told

dead_sinks() {
  hook dead && in_mode dead hang
  webhook dead "$url/x" | sinks
  hook live
  { webhook live "$url/ok"; echo "- {name: nowhere, webhook: {url: 'http://127.0.0.1:1/'}}"; } >>"$dir/salve.yaml"
  patient "$id-a" --label "ward=$id"
  heal --config "$dir/salve.yaml"
  patients_policy Auto '{sink: dead, stages: [Detected, Executed, Resolved]}, {sink: nowhere}, {sink: live, stages: [Detected, Executed, Resolved]}'
  make_ill "$id-a"
  await_incident ward
  # Its first message is waiting for an answer all the time, and nobody waits for it.
  eventually sees dead 1
  outcome "$incident" AutoHealed
  case "$(notes "$incident" dead Detected)" in Pending*) ;; *) fail "the dead sink was told of Detected" ;; esac
  eventually has_got live Resolved
  same "the story, as the live one got it" "Detected Executed Resolved" "$(jq -r .body.data.stage "$dir/live/received" | xargs)"
  in_mode dead ok
  eventually has_got dead Resolved
  same "the story, as it came in the end" "Detected Executed Resolved" "$(jq -r .body.data.stage "$dir/dead/received" | xargs)"
  case "$(notes "$incident" nowhere Resolved)" in Pending*) ;; *) fail "the message to nowhere: $(notes "$incident" nowhere Resolved)" ;; esac
}
sees() { [ "$(wc -l <"$dir/$1/seen" 2>/dev/null || echo 0)" -ge "$2" ]; }
case_ "a sink that hangs delays neither healing nor others, and gets its messages when it is back" dead_sinks

pending() { case "$(notes "$@")" in Pending*) ;; *) return 1 ;; esac; }

killed_between() {
  hook web && in_mode web mute
  webhook web "$url/ok" | sinks
  patient "$id-a" --label "ward=$id"
  heal --config "$dir/salve.yaml"
  patients_policy Approve '{sink: web, stages: [Proposed, Resolved]}'
  make_ill "$id-a"
  await_incident ward
  # It has come and the answer has not gone: nobody can know.
  eventually has_got web Proposed
  eventually pending "$incident" web Proposed
  kill_salve
  in_mode web ok
  heal --config "$dir/salve.yaml"
  eventually is "Sent 1" notes "$incident" web Proposed
  same "the ids of both deliveries" 1 "$(jq -r 'select(.body.data.stage == "Proposed") | .id' "$dir/web/received" | sort -u | wc -l)"
  # One of each process, or more where the first had the time to try again.
  has_got web Proposed 2 || fail "it came $(got web Proposed) times"
  type_what_it_says "$(text_of web Proposed)" "To approve" approve
  outcome "$incident" HealedAfterApproval
  eventually has_got web Resolved
}
case_ "a message whose delivery was cut by SIGKILL comes again with the same id" killed_between

killed_anywhere() {
  hook web && webhook web "$url/ok" | sinks
  patient "$id-a" --label "ward=$id"
  heal --config "$dir/salve.yaml"
  patients_policy Auto '{sink: web, stages: [Detected, Executed, Resolved]}'
  make_ill "$id-a"
  local i
  for i in 1 2 3; do
    has_incident ward || wait_until 5 has_incident ward || true
    kill_salve
    heal --config "$dir/salve.yaml"
  done
  await_incident ward
  must k wait --for=condition=Resolved "$incident" "--timeout=${patience}s"
  eventually has_got web Resolved
  # Each stage that the incident reached was told, at least once, in order.
  local stage
  for stage in Detected Resolved; do has_got web $stage || fail "$stage was not told"; done
  [ -z "$(get "$incident" '.status.attempts[0].executedAt')" ] || has_got web Executed || fail "Executed was not told"
  same "signatures" good "$(signatures web)"
}
case_ "however often Salve is killed, every stage is told" killed_anywhere

storm() {
  patience=$((patience + 60)) # a summary goes out a minute after the message before it
  hook web && webhook web "$url/ok" | sinks
  local i
  for i in $(seq 14); do
    container "$id-$i" --network none --label "ward=$id" --health-cmd 'test ! -e /tmp/ill' --health-interval 1s \
      --health-retries 1 salve-test/tiny:1 sh -c 'trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done'
  done
  for i in $(seq 14); do eventually health_is healthy "$id-$i"; done
  heal --config "$dir/salve.yaml"
  patients_policy Approve '{sink: web, stages: [Proposed]}'
  for i in $(seq 14); do make_ill "$id-$i"; done
  eventually told_of_all 14
  local count
  count=$(got web Proposed)
  [ "$count" -le 7 ] || fail "$count messages about 14 incidents"
  says "$(jq -r '.body.data.text' "$dir/web/received")" "more incidents of policy ward wait for approval" "salve get incidents -n default"
  k get incidents -o json >"$dir/incidents.json"
  says "$(jq -r '.items[].status.notifications[].message' "$dir/incidents.json")" "in a summary with"
}
told_of_all() {
  [ "$(k get incidents -o json | jq '[.items[].status.notifications[]? | select(.stage == "Proposed" and .state == "Sent")] | length')" -ge "$1" ]
}
case_ "a storm of incidents is told in a handful of messages" storm

bad_sinks() {
  hook web
  { local mode
    for mode in ok fail bad limit redirect gone flood hang; do webhook $mode "$url/$mode"; done
    echo "- {name: nowhere, webhook: {url: 'http://127.0.0.1:1/'}}"
    echo "- {name: secretless, slack: {url: {env: NOT_SET_ANYWHERE}}}"
  } | sinks
  tries() {
    local status=0 said
    said=$("$salve" notify test "$1" --config "$dir/salve.yaml" 2>&1) || status=$?
    same "exit code for $1" "$2" "$status"
    shift 2
    says "$said" "$@"
  }
  tries ok 0 "taken with 204"
  tries fail 6 "answered 500"
  case "$("$salve" notify test fail --config "$dir/salve.yaml" 2>&1)" in *$'\033'*) fail "an escape sequence came through" ;; esac
  tries bad 1 "answered 400" "will not take this message"
  tries limit 1 "answered 429"
  tries redirect 6 "a redirect: that is not followed"
  tries gone 6 "the connection broke"
  tries hang 124 "no answer in time"
  tries nowhere 6 "127.0.0.1:1"
  tries secretless 3 NOT_SET_ANYWHERE
  tries unheard-of 3 "no notification sink named" "it has ok, fail"
  # It took the message: what it says then, and how much of it, is its own affair.
  tries flood 0 "taken with 200"
  eventually test -s "$dir/web/flooded"
  [ "$(cat "$dir/web/flooded")" -lt 33554432 ] || fail "$(cat "$dir/web/flooded") bytes of an answer were taken"
  same "what a redirect would have stolen" 0 "$(jq -r 'select(.path | startswith("/stolen")) | .id' "$dir/web/received" | wc -l)"
  printf 'sinks: [{name: a, email: {server: "x:25", from: "a@b", to: ["c@d\\r\\nBcc: e@f"], startTLS: false, user: u, password: {env: P}}}]\n' |
    cat <(printf 'apiVersion: config.salve.dev/v1alpha1\nkind: ControllerConfiguration\n') - >"$dir/salve.yaml"
  tries a 2 "salve.yaml:3:" "to[0]" "a password is never sent without TLS"
}
case_ "sinks that answer 500, 429 or a gigabyte, hang, redirect or are not there are told apart" bad_sinks

relays() {
  relay
  local server="server: 'localhost:$port', from: salve@example.com, to: [ops@example.com]"
  sinks <<YAML
- {name: good, email: {$server, user: salve, password: {env: MAIL_PASSWORD}}}
- {name: wrong, email: {$server, user: salve, password: {env: HOOK_SECRET}}}
- {name: nobody, email: {$server}}
- {name: other-name, email: {server: '127.0.0.1:$port', from: salve@example.com, to: [ops@example.com]}}
- {name: plain, email: {$server, startTLS: false}}
YAML
  t() { "$salve" notify test "$1" --config "$dir/salve.yaml" 2>&1; }
  says "$(t good)" "SSL certificate" && same "mails to a relay that nobody vouches for" 0 "$(mails)"
  export SSL_CERT_FILE=$dir/relay.crt
  says "$(t good)" "queued as 1"
  says "$(t other-name)" "SSL"
  says "$(t wrong)" "535"
  says "$(t nobody)" "530"
  says "$(t plain)" "530"
  rm -f "$dir/relay/disgrace" # that one was configured to
  in_mode relay later && says "$(t good)" "451"
  in_mode relay never && says "$(t good)" "554"
  in_mode relay hang && says "$(t good)" "imed out"
  in_mode relay fine && says "$(t good)" "queued as 2"
  no_disgrace
  # Not in what was said, and not in what was written down.
  ! grep -r "$mail_password" "$dir/relay" || fail "the password is where it must not be"
}
case_ "mail goes over verified TLS with the right password, or not at all" relays

closed_sinks() {
  hook web
  { webhook web "$url/ok" ", allowedNamespaces: [shop]"; webhook open "$url/ok"; } | sinks
  patient "$id-a" --label "ward=$id"
  heal --config "$dir/salve.yaml"
  patients_policy Observe '{sink: web}, {sink: none}, {sink: open}'
  same "whether its sinks can be used" False "$(condition healingpolicy/ward SinksUsable)"
  says "$(condition healingpolicy/ward SinksUsable message)" '"web" is not open to namespace "default"' 'no notification sink named "none"'
  make_ill "$id-a"
  eventually has_got web Blocked
  await_incident ward
  same "who was told" open "$(get "$incident" '.status.notifications[*].sink')"
  says "$(text_of web Blocked)" "Salve does nothing because" "Mode"
  # Opened, it hears of what is still going on.
  sed -i 's/allowedNamespaces: \[shop\]/allowedNamespaces: ["*"]/' "$dir/salve.yaml"
  eventually is 2 got web Blocked
}
case_ "a sink that is not open to a namespace is not used, and the policy says so" closed_sinks
