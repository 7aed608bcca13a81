# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Alarms of CloudWatch, by Amazon SNS. Salve finds the host of SNS where it always is: its own view of
# /etc/hosts says that it is here, and its authority is one that it trusts.

sns_here() {
  [ "$(id -u)" = 0 ] || skip "an /etc/hosts of its own for a process needs root"
  mkdir "$dir/sns"
  must "$here/sns.py" keys "$dir/sns"
  # An address of this case alone: the port cannot be chosen.
  sns_address=127.77.$((BASHPID / 250 % 250)).$((BASHPID % 250 + 1))
  "$here/sns.py" serve "$dir/sns" "$sns_address" 2>"$dir/sns/log" &
  sns_pid=$!
  trap 'kill "$sns_pid" 2>/dev/null' EXIT
  eventually test -e "$dir/sns/asked"
  { cat /etc/hosts; echo "$sns_address sns.eu-central-1.amazonaws.com"; } >"$dir/hosts"
  cat >"$dir/salve" <<SH
#!/bin/sh
[ "\$1" = standalone ] || exec "$salve" "\$@"
exec unshare --mount sh -c 'mount --bind "$dir/hosts" /etc/hosts && exec "\$@"' sh "$salve" "\$@"
SH
  chmod +x "$dir/salve"
  salve=$dir/salve
}
# publish TYPE MESSAGE [FIELD=VALUE…]: prints how Salve answered.
publish() { "$here/sns.py" send "$dir/sns" "http://$(cat "$dir/data/http-address")/api/v1/webhooks/cloudwatch" "$@"; }
# alarm STATE: what CloudWatch publishes when the alarm enters it.
alarm() {
  printf '{"AlarmName": "web-errors", "AlarmDescription": "5xx of web", "AWSAccountId": "123456789012",
    "NewStateValue": "%s", "OldStateValue": "OK", "NewStateReason": "Threshold Crossed: 3 datapoints", "Region": "EU (Frankfurt)",
    "StateChangeTime": "%s", "Trigger": {"MetricName": "HTTPCode_Target_5XX_Count", "Namespace": "AWS/ApplicationELB",
    "Dimensions": [{"name": "LoadBalancer", "value": "app/web/1"}]}}' "$1" "$(date -u +%Y-%m-%dT%H:%M:%S.000+0000)"
}

alarm_by_sns() {
  needs_salve
  sns_here
  ecs
  configure
  cat >>"$dir/salve.yaml" <<YAML
receivers:
- {name: cloudwatch, kind: sns, topicARNs: ["arn:aws:sns:eu-central-1:123456789012:alarms"]}
YAML
  definition web "$idle"
  service web 2
  SSL_CERT_FILE=$dir/sns/ca.pem heal_ecs
  heals web "  triggers: [{name: errors, alert: {receiver: cloudwatch, matchers: ['alertname=\"web-errors\"', 'namespace=\"AWS/ApplicationELB\"']}}]
  ladder: [{name: redeploy, action: {forceNewDeployment: {}}, timeoutSeconds: 60}]"
  same "a subscription" 202 "$(publish SubscriptionConfirmation "You have chosen to subscribe.")"
  must grep -q 'Action=ConfirmSubscription' "$dir/sns/asked"
  # Nothing but what SNS has signed, of the topic that is listed.
  same "a message that was changed on the way" 403 "$(publish Notification "$(alarm ALARM)" "Message=$(alarm OK)")"
  same "a message of another topic" 403 "$(publish Notification "$(alarm ALARM)" TopicArn=arn:aws:sns:eu-central-1:123456789012:other)"
  same "a certificate from elsewhere" 403 "$(publish Notification "$(alarm ALARM)" SigningCertURL=https://example.com/SimpleNotificationService-1.pem)"
  same "incidents so far" "" "$(incidents web)"
  same "the alarm" 202 "$(publish Notification "$(alarm ALARM)")"
  await_incident web
  same "trigger" Alert "$(get "$incident" .spec.trigger.source)"
  eventually is 1 count_changes
  # Its new tasks have made the errors end: CloudWatch says so.
  eventually steady web 2
  same "its end" 202 "$(publish Notification "$(alarm OK)")"
  outcome "$incident" AutoHealed
  same "what was changed on ECS" "UpdateService" "$(changes | cut -d ' ' -f 1)"
  same "certificates that were fetched" 1 "$(grep -c pem "$dir/sns/asked")"
}
count_changes() { changes | wc -l; }
case_ "an alarm that SNS has signed is an incident: the service is deployed anew, verified when the alarm ends" alarm_by_sns
