# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# A channel of Slack, as far as Salve sees it: test/notify/sink_server.py takes what an incoming webhook takes.

# slack_here: the other side, whose address is in $dir/slack-url; what came is in $dir/slack/received.
slack_here() {
  mkdir "$dir/slack"
  "$here/../notify/sink_server.py" "$dir/slack" >"$dir/slack/log" 2>&1 &
  echo $! >"$dir/slack.pid"
  disown $!
  # shellcheck disable=SC2064  # the id is expanded now on purpose
  trap "kill $(cat "$dir/slack.pid") 2>/dev/null" EXIT
  eventually test -s "$dir/slack/port"
  echo "http://127.0.0.1:$(cat "$dir/slack/port")/ok" >"$dir/slack-url"
}
slack_has() { [ "$(grep -c . "$dir/slack/received" 2>/dev/null)" -ge "$1" ]; }
# slack_block N TITLE: the text of the block under that title in the Nth message.
slack_block() {
  sed -n "$1p" "$dir/slack/received" |
    jq -r --arg title "*$2*" '.body.blocks[].text.text | select(startswith($title)) | ltrimstr($title) | ltrimstr("\n")'
}

slack_asks() {
  slack_here
  printf 'apiVersion: config.salve.dev/v1alpha1\nkind: ControllerConfiguration\nsinks:\n- {name: chat, slack: {url: {file: %s}}}\n' \
    "$dir/slack-url" >"$dir/salve.yaml"
  # What a stranger could have written.
  patient "$id-one" --health-cmd 'test ! -e /tmp/ill || { echo "<!channel> <https://example.com|click> & more"; exit 1; }'
  heal --config "$dir/salve.yaml"
  policy one <<YAML
  mode: Approve
  target: {docker: {container: $id-one}}
  ladder: [{name: restart, action: {restart: {}}}]
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}
  notifications: [{sink: chat, stages: [Proposed, Resolved]}]
YAML
  eventually healthy one
  make_ill "$id-one"
  await_incident one
  eventually slack_has 1
  same "the header" "Approval needed: restart $id-one (docker container)" "$(jq -r '.body.blocks[0].text.text' "$dir/slack/received")"
  says "$(slack_block 1 Evidence)" '&lt;!channel&gt; &lt;https://example.com|click&gt; &amp; more'
  same "texts that Slack would take for more than text" "" "$(jq -r '.body | .. | strings' "$dir/slack/received" | grep -F -e '<!' -e '<http')"
  same "whether links are unfurled" "false false" "$(jq -r '.body | "\(.unfurl_links) \(.unfurl_media)"' "$dir/slack/received")"
  local typed
  typed=$(slack_block 1 "To approve" | tr -d '`')
  case "$typed" in "salve approve ${incident##*/} -n default --digest "*) ;; *) fail "no command to approve: $typed" ;; esac
  # shellcheck disable=SC2086  # words
  must "$salve" ${typed#salve } --yes
  outcome "$incident" HealedAfterApproval
  eventually slack_has 2
  says "$(slack_block 2 Outcome)" HealedAfterApproval
  says "$(slack_block 2 "What Salve did")" "approved by admin"
}
case_ "Slack is told what is asked and how it ended, in text that cannot call anybody; who types the command approves" slack_asks
