# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Alarms of CloudWatch, by Amazon SNS.
# shellcheck source=test/aws/sns_here.sh
. "$SALVE_ROOT/test/aws/sns_here.sh"

# publish TYPE MESSAGE [FIELD=VALUE…]: prints how Salve answered.
publish() { "$sns_tool" send "$dir/sns" "http://$(cat "$dir/data/http-address")/api/v1/webhooks/cloudwatch" "$@"; }
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
