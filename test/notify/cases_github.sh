# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154,SC2034
#
# GitHub, as github_server.py plays it: what it refuses, GitHub refuses.

github_token=ghp_onlyForTests0421
export GITHUB_TOKEN_OF_TESTS=$github_token

# github [ARGUMENT…]: a repository acme/shop in $dir/github, whose API's address is left in $url.
github() {
  start_server "$dir/github" github_server.py --repository acme/shop "$@"
  url=http://127.0.0.1:$port
}
with_token() { github --token "$github_token"; }
# to_github NAME FIELDS: an entry of the list of sinks.
to_github() { printf -- '- {name: %s, github: {repository: acme/shop, url: "%s", %s}}\n' "$1" "$url" "$2"; }
token_of_tests="token: {env: GITHUB_TOKEN_OF_TESTS}"

# repo FILTER: what jq makes of what is in the repository. asked OPERATION [STATUS]: how often that was asked.
repo() { jq -r "$1" "$dir/github/state.json" 2>/dev/null; }
asked() { grep -c "^$1 ${2:-}" "$dir/github/seen" 2>/dev/null || true; }
was_asked() { [ "$(asked "$@")" -gt 0 ]; }
person_does() { must curl -fsS -X POST --data "${2:-}" "$url/_/$1"; }
as_described() {
  local file
  for file in rejected disgrace; do
    [ ! -e "$dir/github/$file" ] || fail "GitHub would not have it: $(cat "$dir/github/$file")"
  done
}
# note_on INCIDENT STAGE: what the incident says of that message to the sink "repo".
note_on() {
  k get "$1" -o json |
    jq -r --arg stage "$2" '.status.notifications[]? | select(.sink == "repo" and .stage == $stage) | .message // ""'
}
note_says() { case "$(note_on "$1" "$2")" in *"$3"*) ;; *) return 1 ;; esac; }

# liar NAME WORDS: a patient whose health check says WORDS while it is ill.
# shellcheck disable=SC2016  # the container expands it
liar() {
  printf '%s\n' "$2" >"$dir/words"
  container "$1" --network none --label "ward=$id" --env "WORDS=$(cat "$dir/words")" \
    --health-cmd 'test ! -e /tmp/ill || { printf "%s" "$WORDS"; exit 1; }' --health-interval 500ms --health-retries 1 \
    --health-timeout 60s salve-test/tiny:1 sh -c 'rm -f /tmp/ill; trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done'
  eventually health_is healthy "$1"
}

issue_of_its_own() {
  with_token
  to_github repo "$token_of_tests, issue: {}, dispatch: {}" | sinks
  liar "$id-a" 'File "app/cart.py", line 42, in total: @acme/admins fixes #1 https://github.com/a/b/issues/2 <img src=x> ``` <!-- salve:message x -->'
  heal --config "$dir/salve.yaml"
  patients_policy Auto '{sink: repo, stages: [Detected, Executed, Resolved]}'
  same "whether its sinks can be used" True "$(condition healingpolicy/ward SinksUsable)"
  make_ill "$id-a"
  await_incident ward
  outcome "$incident" AutoHealed
  eventually is "Sent 1" notes "$incident" repo Resolved
  same "issues" 1 "$(repo '.issues | length')"
  same "its labels" ai-fix "$(repo '.issues[0].labels | map(.name) | join(",")')"
  same "how it ended" "closed completed" "$(repo '.issues[0] | .state + " " + .state_reason')"
  same "comments" 2 "$(repo '.issues[0].comments | length')"
  says "$(repo '.issues[0].body')" "<!-- salve:incident salve_" "What is ill" "salve why ${incident##*/}"
  says "$(repo '.issues[0].comments[0].body')" "docker restart"
  says "$(repo '.issues[0].comments[1].body')" "AutoHealed" "It took"
  # Text from outside is there and calls nobody, refers to nothing and is no markup.
  local prose
  prose=$(repo '.issues[0] | [.title, .body, .comments[].body] | join("\n")' | awk '/^```/ { code = !code } !code')
  says "$prose" "acme/admins"
  local sign
  for sign in '@acme' '#1' '://' '<img' '<!-- salve:message x'; do
    case "$prose" in *"$sign"*) fail "\"$sign\" is in what GitHub got" ;; esac
  done
  same "events" "error-detected Detected,error-detected Executed" \
    "$(repo '.dispatches | map(.event_type + " " + .client_payload.stage) | join(",")')"
  same "the place in the code" "app/cart.py:42" "$(repo '.dispatches[0].client_payload | "\(.file):\(.line)"')"
  same "the incident" "default/${incident##*/}" "$(repo '.dispatches[0].client_payload.incident')"
  says "$(note_on "$incident" Detected)" "issue #1 opened: https://github.com/acme/shop/issues/1" "event error-detected sent"
  says "$(note_on "$incident" Resolved)" "issue #1 commented and closed as completed"
  as_described
  ! grep -rqF "$github_token" "$dir/salve.log" "$dir/github" || fail "the token is where it must not be"
  [ -z "${SALVE_TRANSCRIPT:-}" ] || {
    repo '.issues[0] | .title, "", .body, (.comments[] | "----", .body)'
    echo ----
    repo '.dispatches[0]'
    note_on "$incident" Detected
    note_on "$incident" Resolved
  } >"$SALVE_TRANSCRIPT"
}
case_ "an incident is one issue at GitHub, told of and closed, and an event that names file and line" issue_of_its_own

issue_cut() {
  with_token
  to_github repo "$token_of_tests, issue: {labels: [ai-fix, salve]}" | sinks
  patient "$id-a" --label "ward=$id"
  in_mode github "mute issues/create"
  heal --config "$dir/salve.yaml"
  patients_policy Approve '{sink: repo, stages: [Proposed, Resolved]}'
  make_ill "$id-a"
  await_incident ward
  # It is open and nobody has been told: the next process has to find it.
  eventually was_asked issues/create mute
  kill_salve
  same "what is known of it" 1 "$(repo '.issues | length')"
  in_mode github ok
  heal --config "$dir/salve.yaml"
  eventually is "Sent 1" notes "$incident" repo Proposed
  says "$(note_on "$incident" Proposed)" "issue #1 had been opened"
  in_mode github "mute issues/create-comment"
  says "$(decide "$incident" Approve)" created
  outcome "$incident" HealedAfterApproval
  eventually was_asked issues/create-comment mute
  kill_salve
  in_mode github "mute issues/update"
  heal --config "$dir/salve.yaml"
  eventually was_asked issues/update mute
  kill_salve
  in_mode github ok
  heal --config "$dir/salve.yaml"
  eventually is "Sent 1" notes "$incident" repo Resolved
  same "issues and comments" "1 1 closed" "$(repo '"\(.issues | length) \(.issues[0].comments | length) \(.issues[0].state)"')"
  says "$(note_on "$incident" Resolved)" "issue #1 commented, had been closed"
  as_described
}
case_ "an issue at GitHub is there once although Salve is killed after opening, commenting and closing it" issue_cut

request_cut() {
  with_token
  to_github repo "$token_of_tests, pullRequest: {directory: docs/incidents, labels: [salve, post-mortem]}" | sinks
  patient "$id-a" --label "ward=$id"
  in_mode github "mute git/create-ref"
  heal --config "$dir/salve.yaml"
  patients_policy Approve '{sink: repo, stages: [Proposed, Resolved]}'
  make_ill "$id-a"
  await_incident ward
  eventually was_asked git/create-ref mute
  local step
  for step in repos/create-or-update-file-contents pulls/create issues/add-labels; do
    kill_salve
    in_mode github "mute $step"
    heal --config "$dir/salve.yaml"
    eventually was_asked "$step" mute
  done
  kill_salve
  in_mode github ok
  heal --config "$dir/salve.yaml"
  eventually is "Sent 1" notes "$incident" repo Proposed
  same "pull requests" 1 "$(repo '.issues | length')"
  same "its labels" "salve,post-mortem" "$(repo '.issues[0].labels | map(.name) | join(",")')"
  same "branches" 2 "$(repo '.refs | length')"
  local branch
  branch=$(repo '.issues[0].head.ref')
  says "$branch" "salve/${incident##*/}-"
  same "commits" 1 "$(asked repos/create-or-update-file-contents)"
  says "$(repo ".files[\"heads/$branch\"][\"docs/incidents/${branch#salve/}.md\"]" | base64 -d)" "Salve wants to run" "docker restart"
  same "what is in main" README.md "$(repo '.files["heads/main"] | keys | join(",")')"
  person_does merge/1
  says "$(decide "$incident" Approve)" created
  outcome "$incident" HealedAfterApproval
  eventually is "Sent 1" notes "$incident" repo Resolved
  says "$(note_on "$incident" Resolved)" "pull request #1 commented, merged after "
  same "comments" 1 "$(repo '.issues[0].comments | length')"
  as_described
}
case_ "a pull request at GitHub whose making is cut at every step is gone on with and there once" request_cut

# follow_pull_request [LINE…]: Salve, configured with these lines besides, has told of an incident by a pull request
# that is open at GitHub.
follow_pull_request() {
  with_token
  { to_github repo "$token_of_tests, pullRequest: {}" | sinks && printf '%s\n' "$@" >>"$dir/salve.yaml"; }
  patient "$id-a" --label "ward=$id"
  heal --config "$dir/salve.yaml"
  patients_policy Auto '{sink: repo, stages: [Detected]}'
  make_ill "$id-a"
  await_incident ward
  outcome "$incident" AutoHealed
  eventually is "Sent 1" notes "$incident" repo Detected
  says "$(note_on "$incident" Detected)" "pull request #1 made: https://github.com/acme/shop/pull/1"
}
# pulls_counted STATE: how many pull requests of that state Salve has counted since its start.
pulls_counted() {
  curl -fs "http://$(cat "$dir/data/http-address")/metrics" |
    sed -n "s/^salve_github_pull_requests_total{state=\"$1\"} //p"
}
note_matches() { grep -qE "$3" <<<"$(note_on "$1" "$2")"; }

request_followed() {
  follow_pull_request
  eventually is 1 pulls_counted opened
  # Asked again, GitHub need not say again what it has said.
  eventually was_asked pulls/get 304
  same "what it was asked first" "pulls/get 200" "$(grep -m 1 '^pulls/get' "$dir/github/seen")"
  kill_salve
  person_does merge/1
  heal --config "$dir/salve.yaml"
  eventually note_matches "$incident" Detected \
    '^pull request #1 made, merged at 20[-0-9]*T[:0-9]*Z, after [0-9]+[smh0-9]*: https://github.com/acme/shop/pull/1$'
  eventually is 1 pulls_counted merged
  same "how long it took is counted" 1 "$(curl -fs "http://$(cat "$dir/data/http-address")/metrics" |
    sed -n 's/^salve_github_pull_request_merge_seconds_count //p')"
  same "opened, of the process that did not" 0 "$(pulls_counted opened)"
  # What is over is not looked at, nor counted, again.
  local asked_before
  asked_before=$(asked pulls/get)
  kill_salve
  heal --config "$dir/salve.yaml"
  patient "$id-b" --label "ward=$id"
  eventually is "2/2 healthy" get healingpolicy/ward .status.health
  same "merged, of the process after" 0 "$(pulls_counted merged)"
  same "looks at what is over" "$asked_before" "$(asked pulls/get)"
  as_described
}
case_ "what becomes of a pull request at GitHub is found out, noted on its incident and counted once, across kills" request_followed

# tell_closed KEY BRANCH: GitHub's own delivery about pull request 1, signed with KEY. Prints status and answer.
tell_closed() {
  jq -nc --arg branch "$2" '{action: "closed", number: 1, repository: {full_name: "acme/shop"}, pull_request: {number: 1,
    state: "closed", merged: false, merged_at: null, created_at: "2026-11-01T09:00:00Z", closed_at: "2026-11-01T12:00:00Z",
    head: {ref: $branch}}}' >"$dir/delivery"
  curl -s -w '%{http_code} ' -o "$dir/told" -X POST "http://$(cat "$dir/data/http-address")/api/v1/webhooks/hub" \
    -H 'Content-Type: application/json' -H 'X-GitHub-Event: pull_request' -H "X-GitHub-Delivery: $RANDOM$RANDOM" \
    -H "X-Hub-Signature-256: sha256=$(openssl dgst -sha256 -hmac "$1" -hex <"$dir/delivery" | sed 's/.* //')" \
    --data-binary "@$dir/delivery"
  cat "$dir/told"
}

request_told() {
  export HUB_KEY_OF_TESTS=hub-key-only-for-tests
  local branch i
  follow_pull_request "receivers: [{name: hub, kind: github, authentication: {hmac: [{env: HUB_KEY_OF_TESTS}]}}]"
  # Nothing is to be found out by asking from here on.
  in_mode github "fail pulls/get"
  branch=$(repo '.issues[0].head.ref')
  says "$(tell_closed "$HUB_KEY_OF_TESTS-wrong" "$branch")" "403 "
  says "$(tell_closed "$HUB_KEY_OF_TESTS" main)" "202 " '"accepted":0'
  same "what is noted by then" "pull request #1 made: https://github.com/acme/shop/pull/1" "$(note_on "$incident" Detected)"
  says "$(tell_closed "$HUB_KEY_OF_TESTS" "$branch")" "202 " '"followed":1'
  # It was on the incident before GitHub was told so.
  same "what is noted" \
    "pull request #1 made, rejected at 2026-11-01T12:00:00Z, after 3h: https://github.com/acme/shop/pull/1" \
    "$(note_on "$incident" Detected)"
  for i in 1 2 3; do says "$(tell_closed "$HUB_KEY_OF_TESTS" "$branch")" "202 "; done
  same "rejected" 1 "$(pulls_counted rejected)"
  same "merged" 0 "$(pulls_counted merged)"
}
case_ "what GitHub tells of a pull request is on its incident before it is accepted, and believed only if signed" request_told

github_limits() {
  with_token
  to_github repo "$token_of_tests, issue: {closeOnResolved: false}" | sinks
  patient "$id-a" --label "ward=$id"
  in_mode github "$1 issues/create"
  heal --config "$dir/salve.yaml"
  patients_policy Auto '{sink: repo, stages: [Detected, Resolved]}'
  make_ill "$id-a"
  await_incident ward
  outcome "$incident" AutoHealed # which waits for nothing
  eventually was_asked issues/create 403
  eventually note_says "$incident" Detected "rate limit"
  says "$(notes "$incident" repo Detected)" "Pending"
  eventually is "Sent 1" notes "$incident" repo Resolved
  same "attempts at the first" "Sent 2" "$(notes "$incident" repo Detected)"
  same "what was asked too early" 1 "$(asked '.*' 403)"
  same "the issue, as configured" open "$(repo '.issues[0].state')"
  as_described
}
hourly_limit() { github_limits limit; }
case_ "GitHub's limit of an hour is waited for, and healing waits for nothing" hourly_limit
secondary_limit() { github_limits secondary; }
case_ "GitHub's secondary limit is waited for as long as it says" secondary_limit

refused_by_github() {
  with_token
  to_github repo "$token_of_tests, issue: {}" | sinks
  patient "$id-a" --label "ward=$id"
  in_mode github "hide *"
  heal --config "$dir/salve.yaml"
  patients_policy Observe '{sink: repo, stages: [Detected]}'
  make_ill "$id-a"
  await_incident ward
  eventually note_says "$incident" Detected "acme/shop: looking for the incident's issue: GitHub answered 404: Not Found"
  says "$(note_on "$incident" Detected)" "the token may not see it" "permission Issues: read and write"
  case "$(notes "$incident" repo Detected)" in Pending*) ;; *) fail "a right can still be given: $(notes "$incident" repo Detected)" ;; esac
  in_mode github "unauthorized *"
  eventually note_says "$incident" Detected "401: Bad credentials; the token or the App's key is wrong"
  in_mode github "invalid issues/create"
  eventually note_says "$incident" Detected "422: Validation Failed; is not to our taste"
  says "$(notes "$incident" repo Detected)" "Failed"
  eventually is 1 count_events NotificationFailed
  same "issues" "" "$(repo '.issues[]')"
}
count_events() { k get events -o json 2>/dev/null | jq --arg reason "$1" '[.items[] | select(.reason == $reason)] | length'; }
case_ "what GitHub refuses is said on the incident, with what to do" refused_by_github

github_tried() {
  with_token
  { to_github repo "$token_of_tests, issue: {}, dispatch: {}, pullRequest: {}"
    to_github branchless "$token_of_tests, pullRequest: {base: develop}"
    to_github stranger "token: {env: HOOK_SECRET}, issue: {}"
    printf -- '- {name: nowhere, github: {repository: acme/shop, url: "http://127.0.0.1:1", %s, issue: {}}}\n' "$token_of_tests"
    printf -- '- {name: other, github: {repository: acme/other, url: "%s", %s, issue: {}}}\n' "$url" "$token_of_tests"
  } | sinks
  tries_github() {
    local status=0 said
    said=$("$salve" notify test "$1" --config "$dir/salve.yaml" 2>&1) || status=$?
    same "exit code for $1 ($said)" "$2" "$status"
    shift 2
    says "$said" "$@"
    case "$said" in *"$github_token"* | *$'\033'*) fail "what must not be said: $said" ;; esac
  }
  tries_github repo 0 "open issues labelled ai-fix" "propose files in incidents/ for main" "send error-detected events" "nothing was made"
  same "what was made" "" "$(repo '.issues[], .dispatches[]')"
  tries_github branchless 3 "looking for branch develop" 404
  tries_github stranger 4 "401: Bad credentials"
  tries_github other 3 "acme/other" 404
  tries_github nowhere 6 "127.0.0.1:1"
  local mode
  while read -r mode; do
    in_mode github "${mode%% *} *"
    # shellcheck disable=SC2086  # words
    tries_github repo ${mode#* }
  done <<'MODES'
fail 6 500
forbid 4 issues=write
hide 3 404
disabled 1 410
conflict 5 409
redirect 6 followed
gone 6 broke
nonsense 6 JSON
flood 6 longer
limit 1 limit
MODES
  eventually test -s "$dir/github/flooded"
  [ "$(cat "$dir/github/flooded")" -lt 67108864 ] || fail "$(cat "$dir/github/flooded") bytes of an answer were taken"
  as_described
}
case_ "salve notify test says what could be done at GitHub, or why not, and makes nothing" github_tried

github_app() {
  must openssl genrsa -out "$dir/app.pem" 2048
  must openssl genrsa -out "$dir/wrong.pem" 2048
  must openssl rsa -in "$dir/app.pem" -pubout -out "$dir/app.pub"
  github --app 12 --installation 34 --key "$dir/app.pub" --app-permissions '{"metadata": "read", "issues": "write"}'
  local app="id: 12, installation: 34"
  { to_github repo "app: {$app, privateKey: {file: $dir/app.pem}}, issue: {}"
    to_github wrong "app: {$app, privateKey: {file: $dir/wrong.pem}}, issue: {}"
    to_github lesser "app: {$app, privateKey: {file: $dir/app.pem}}, dispatch: {}"
    to_github none "app: {$app, privateKey: {file: $dir/app.pub}}, issue: {}"
  } | sinks
  says "$("$salve" notify test repo --config "$dir/salve.yaml" 2>&1)" "reaches acme/shop as an App"
  says "$("$salve" notify test wrong --config "$dir/salve.yaml" 2>&1)" "logging in as the App" "401"
  says "$("$salve" notify test lesser --config "$dir/salve.yaml" 2>&1)" "permissions requested are not granted"
  says "$("$salve" notify test none --config "$dir/salve.yaml" 2>&1)" "privateKey: not an RSA private key"
  : >"$dir/github/seen"
  patient "$id-a" --label "ward=$id"
  # Its token is taken back between two messages: one more is asked for, once.
  heal --config "$dir/salve.yaml"
  patients_policy Approve '{sink: repo, stages: [Proposed, Resolved]}'
  make_ill "$id-a"
  await_incident ward
  eventually is "Sent 1" notes "$incident" repo Proposed
  person_does revoke/0
  says "$(decide "$incident" Approve)" created
  outcome "$incident" HealedAfterApproval
  eventually is "Sent 1" notes "$incident" repo Resolved
  same "log-ins" 2 "$(asked apps/create-installation-access-token 201)"
  same "the issue" closed "$(repo '.issues[0].state')"
  as_described
  ! grep -qE 'ghs_|PRIVATE KEY|eyJ' "$dir/salve.log" || fail "a token or a key is in the log"
}
case_ "a GitHub App logs in by its key, with the rights that it needs and a token that is renewed" github_app

# workflow_step NAME: the shell of that step of the ready workflow.
workflow_step() {
  awk -v name="- name: $1" 'index($0, name) { found = 1 } found && /^        run: \|/ { on = 1; next }
    on && /^          / { print substr($0, 11); next } on { exit }' "$SALVE_ROOT/manifests/github/salve-heal.yml"
}

# shellcheck disable=SC2016  # what must not be expanded
ready_workflow() {
  mkdir -p "$dir/repository/.salve" "$dir/runner" "$dir/bin"
  cd "$dir/repository" || fail "no directory"
  export RUNNER_TEMP=$dir/runner GITHUB_OUTPUT=$dir/runner/output GITHUB_RUN_ID=77 HOME=$dir
  must git init --quiet --initial-branch main .
  must git init --quiet --bare "$dir/origin.git"
  must git remote add origin "$dir/origin.git"
  printf '#!/bin/sh\njq -r .error "$1" >seen.txt\n' >.salve/heal && chmod +x .salve/heal
  printf '#!/bin/sh\necho "$@" >>"%s/gh"\n' "$dir" >"$dir/bin/gh" && chmod +x "$dir/bin/gh"
  must git add --all
  must git -c user.name=a -c user.email=a@example.com commit --quiet --message first
  workflow_step Fix >"$dir/fix"
  workflow_step Propose >"$dir/propose"
  local words='$(touch ../pwned) `touch ../pwned` "; touch ../pwned; echo "'
  must env EVENT=repository_dispatch PAYLOAD="$(jq -n --arg error "$words" '{error: $error}')" INPUTS=null TITLE= BODY= bash -e "$dir/fix"
  same "whether it changed something" changed=yes "$(cat "$GITHUB_OUTPUT")"
  must git reset --quiet --hard
  must env PATH="$dir/bin:$PATH" BASE=main ISSUE= INCIDENT="$words" bash -e "$dir/propose"
  same "what the fix was told" "$words" "$(git -C "$dir/origin.git" show salve/heal-77:seen.txt)"
  says "$(cat "$dir/gh")" "pr create --base main --head salve/heal-77"
  [ ! -e "$dir/pwned" ] || fail "words of an error were run"
  # By way of an issue: its title and its text.
  must git switch --quiet main
  must env EVENT=issues PAYLOAD=null INPUTS=null TITLE="$words" BODY="$words" bash -e "$dir/fix"
  same "the text" "$words" "$(jq -r .summary "$RUNNER_TEMP/error.json")"
  [ ! -e "$dir/pwned" ] || fail "words of an issue were run"
  # A fix that would change what makes fixes.
  must git reset --quiet --hard
  printf '#!/bin/sh\necho evil >.salve/heal\n' >.salve/heal
  must git add --all
  git diff --cached --binary >"$RUNNER_TEMP/heal.patch"
  must git reset --quiet --hard
  ! PATH="$dir/bin:$PATH" GITHUB_RUN_ID=78 BASE=main ISSUE='' INCIDENT='' bash -e "$dir/propose" >"$dir/refused" 2>&1 || fail "it was proposed"
  says "$(cat "$dir/refused")" "neither workflows nor what makes fixes"
}
case_ "the ready workflow of GitHub runs no words of an error and proposes no change to itself" ready_workflow
