# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Secrets that are in AWS: a moto that all these cases share, with users that it judges by their rights.

# secrets_account: its address goes to $moto, the keys of a user to what `user` prints.
secrets_account() {
  with_lock "$work/secrets.lock" make_secrets_account || skip "there is no moto, and it could not be installed"
  moto=$(sed -n 's/^AWS_ENDPOINT_URL=//p' "$work/secrets/moto.env")
}
make_secrets_account() {
  [ ! -s "$work/secrets/users" ] || return 0
  local python
  "$SALVE_ROOT/hack/moto-up" "$work/secrets" || return
  python=$(sed -n 's/^SALVE_MOTO_PYTHON=//p' "$work/secrets/moto.env")
  "$here/iam_check.py" secrets-policy | "$python" "$here/make-secrets-account" \
    "$(sed -n 's/^AWS_ENDPOINT_URL=//p' "$work/secrets/moto.env")" >"$work/secrets/users.new" || return
  mv "$work/secrets/users.new" "$work/secrets/users"
}
# with_keys_of USER COMMAND…: with these keys, and nothing else of AWS's, in its environment.
with_keys_of() {
  local user=$1 key secret
  shift
  read -r _ key secret < <(grep "^$user " "$work/secrets/users")
  AWS_ACCESS_KEY_ID=$key AWS_SECRET_ACCESS_KEY=$secret "$@"
}
# admin ARGUMENT…: the AWS CLI with the rights to everything.
admin() {
  AWS_DEFAULT_REGION=eu-west-1 AWS_ENDPOINT_URL=$moto AWS_PAGER='' must with_keys_of admin timeout $((patience + 10)) "$aws_cli" "$@"
}
parameter() { admin ssm put-parameter --overwrite --type SecureString --name "$1" --value "$2"; }

# secrets_configuration [REFRESH_SECONDS [LINES]]: a file that opens /salve/policies of that account.
secrets_configuration() {
  cat >"$dir/salve.conf" <<YAML
apiVersion: config.salve.dev/v1alpha1
kind: ControllerConfiguration
backends:
- {name: docker, docker: {host: "$DOCKER_HOST"}}
secrets:
  aws: {region: eu-west-1, endpoint: "$moto", policyPrefix: /salve/policies, refreshSeconds: ${1:-300}}
${2:-}
YAML
}

# locked_redis PASSWORD: a Redis on $port that wants it, and has room for 20 MB.
locked_redis() {
  port=$(free_port)
  container "$id-redis" --network host --memory 100m salve-test/redis:7 redis-server --bind 127.0.0.1 \
    --port "$port" --maxmemory 20mb --maxmemory-policy noeviction --save "" --requirepass "$1"
  eventually is PONG locked_redis_says "$1" ping
}
locked_redis_says() {
  local password=$1
  shift
  docker exec --env REDISCLI_AUTH="$password" "$id-redis" redis-cli -p "$port" "$@" 2>&1
}
# secret_policy NAME PASSWORD_REFERENCE
secret_policy() {
  policy "$1" <<YAML
  mode: Auto
  target: {docker: {container: $id-redis}}
  probes:
  - {name: memory, redis: {address: "127.0.0.1:$port", password: {$2}}, periodSeconds: 2, timeoutSeconds: 2,
     unhealthyBelow: 70, healthyAbove: 80, failureThreshold: 2, successThreshold: 1}
  ladder:
  - {name: flush, action: {redisFlushAll: {}}}
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 2}
  guardrails: {maxAutoRisk: High}
YAML
}
secret_said() {
  case "$(condition "healingpolicy/$1" TargetHealthy message)" in *"$2"*) true ;; *) false ;; esac
}
# not_logged VALUE…: nothing that Salve wrote down holds it.
not_logged() {
  local value
  for value in "$@"; do
    ! grep -rqF -e "$value" "$dir/salve.log" || fail "the log holds the secret $value"
    ! k get healingpolicies,incidents -o yaml | grep -qF -e "$value" || fail "a resource holds the secret $value"
  done
}

heals_with_parameter() {
  needs_salve
  secrets_account
  locked_redis "$id-in-ssm"
  parameter "/salve/policies/default/$id" "$id-in-ssm"
  secrets_configuration
  with_keys_of salve heal --config "$dir/salve.conf"
  secret_policy redis "ssm: {name: /salve/policies/default/$id}"
  eventually healthy redis
  seq 30 | sed 's/.*/setrange fill:& 1048576 x/' |
    docker exec --env REDISCLI_AUTH="$id-in-ssm" -i "$id-redis" redis-cli -p "$port" >/dev/null 2>&1
  await_incident redis
  outcome "$incident" AutoHealed
  same "what a client hears now" OK "$(locked_redis_says "$id-in-ssm" set a b)"
  not_logged "$id-in-ssm"
}
case_ "a full Redis whose password is a parameter of Systems Manager is measured and healed" heals_with_parameter

rotates() {
  needs_salve
  secrets_account
  locked_redis "$id-first"
  admin secretsmanager create-secret --name "/salve/policies/default/$id" --secret-string "{\"password\": \"$id-first\"}"
  # Long enough that only a refusal makes Salve ask again.
  secrets_configuration 86400
  with_keys_of salve heal --config "$dir/salve.conf"
  secret_policy redis "secretsManager: {id: /salve/policies/default/$id, key: password}"
  eventually healthy redis
  local before
  before=$(cat "$dir/salve.pid")
  must locked_redis_says "$id-first" config set requirepass "$id-second"
  eventually secret_said redis WRONGPASS
  admin secretsmanager put-secret-value --secret-id "/salve/policies/default/$id" --secret-string "{\"password\": \"$id-second\"}"
  eventually healthy redis
  same "process" "$before" "$(cat "$dir/salve.pid")"
  not_logged "$id-first" "$id-second"
}
case_ "a password that is rotated in Secrets Manager is read anew where the old one is refused, without a restart" rotates

bad_secrets() {
  needs_salve
  secrets_account
  patient "$id-well"
  locked_redis "$id-password"
  admin secretsmanager create-secret --name "/salve/policies/default/$id-binary" --secret-binary "AAECAwQFBgc="
  admin secretsmanager create-secret --name "/salve/policies/default/$id-text" --secret-string "$id-no-json"
  parameter "/salve/policies/shop/$id" "$id-of-the-shop"
  secrets_configuration
  with_keys_of salve heal --config "$dir/salve.conf"
  policy well <<<"  target: {docker: {container: $id-well}}
  mode: Auto
  ladder: [{name: restart, action: {restart: {}}}]
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 1}"
  secret_policy missing "ssm: {name: /salve/policies/default/$id-none}"
  secret_policy binary "secretsManager: {id: /salve/policies/default/$id-binary}"
  secret_policy text "secretsManager: {id: /salve/policies/default/$id-text, key: password}"
  secret_policy others "ssm: {name: /salve/policies/shop/$id}"
  eventually healthy well
  eventually secret_said missing "SSM parameter \"/salve/policies/default/$id-none\" cannot be read: ssm:GetParameter"
  eventually secret_said binary "Secrets Manager secret \"/salve/policies/default/$id-binary\" is binary"
  eventually secret_said text "is no JSON object"
  eventually secret_said others "only names that begin with /salve/policies/default/ are (secrets.aws.policyPrefix"
  # A name that goes up never gets as far.
  policy_yaml up <<<"  target: {docker: {container: $id-redis}}
  probes: [{name: p, redis: {address: '127.0.0.1:$port', password: {ssm: {name: /salve/policies/default/../shop/$id}}}}]" >"$dir/up.yaml"
  says "$(k apply -f "$dir/up.yaml" 2>&1)" "spec.probes[0].redis.password.ssm.name"
  make_ill "$id-well"
  await_incident well
  outcome "$incident" AutoHealed
  not_logged "$id-no-json" "$id-of-the-shop"
}
case_ "a secret that is missing, binary, no JSON or another namespace's is named with the call, and disturbs no other policy" bad_secrets

denied_secrets() {
  needs_salve
  secrets_account
  locked_redis "$id-password"
  parameter "/salve/policies/default/$id" "$id-password"
  admin secretsmanager create-secret --name "/salve/policies/default/$id" --secret-string "$id-password"
  secrets_configuration
  with_keys_of nobody heal --config "$dir/salve.conf"
  secret_policy parameter "ssm: {name: /salve/policies/default/$id}"
  secret_policy secret "secretsManager: {id: /salve/policies/default/$id}"
  eventually secret_said parameter "grant ssm:GetParameter on arn:aws:ssm:eu-west-1:ACCOUNT:parameter/salve/policies/default/$id"
  eventually secret_said secret "grant secretsmanager:GetSecretValue on arn:aws:secretsmanager:eu-west-1:ACCOUNT:secret:/salve/policies/default/$id-??????"
  stop_salve "$dir"
  # And without any credentials at all.
  heal --config "$dir/salve.conf"
  eventually secret_said parameter "no AWS credentials"
}
case_ "without the right to read a secret the policy names the right, and without credentials what was tried" denied_secrets

receiver_secret() {
  needs_salve
  secrets_account
  parameter "/salve/$id/token" "$id-old-token"
  secrets_configuration 1 "receivers:
- name: alerts
  kind: alertmanager
  authentication: {bearer: [{ssm: {name: /salve/$id/token}}]}"
  with_keys_of salve heal --config "$dir/salve.conf"
  eventually is 202 deliver "$id-old-token"
  parameter "/salve/$id/token" "$id-new-token"
  eventually is 202 deliver "$id-new-token"
  same "the old one" 403 "$(deliver "$id-old-token")"
  not_logged "$id-old-token" "$id-new-token"
}
deliver() {
  curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $1" -H 'Content-Type: application/json' \
    -d '{"version": "4", "status": "firing", "alerts": [{"status": "firing", "labels": {"alertname": "X"}, "startsAt": "2026-01-01T00:00:00Z"}]}' \
    "http://$(cat "$dir/data/http-address")/api/v1/webhooks/alerts"
}
case_ "a receiver's token in Systems Manager counts, and a new one without a restart" receiver_secret

# --- the process's own variables -----------------------------------------------------------------------

start_environment() {
  needs_salve
  secrets_account
  locked_redis "$id-from-secret"
  admin secretsmanager create-secret --name "$id/environment" --secret-string \
    "{\"SALVE_SECRET_REDIS\": \"$id-from-secret\", \"SALVE_SECRET_OTHER\": \"$id-other\", \"DOCKER_HOST\": \"$DOCKER_HOST\"}"
  cd "$dir" || fail "no $dir"
  echo "SALVE_SECRET_REDIS=$id-from-file" >.env
  export AWS_REGION=eu-west-1
  (
    unset DOCKER_HOST
    export SALVE_SECRET_OTHER=$id-mine
    AWS_ENDPOINT_URL=$moto AWS_SECRETS_NAME=$id/environment with_keys_of salve heal
  ) || fail "salve did not start"
  export KUBECONFIG="$dir/data/kubeconfig"
  says "$(grep '"msg":"environment"' salve.log)" "Secrets Manager secret \\\"$id/environment\\\" in eu-west-1" '"variables":3' \
    '"set_by_process":1'
  secret_policy redis "env: SALVE_SECRET_REDIS"
  eventually healthy redis
  not_logged "$id-from-secret" "$id-other" "$id-from-file" "$id-mine"
  stop_salve "$dir"
  # Without the name, the file counts.
  heal
  says "$(grep '"msg":"environment"' salve.log)" '"source":"file .env"' '"variables":1'
  eventually secret_said redis WRONGPASS
}
case_ "AWS_SECRETS_NAME gives the variables that the process does not have, else .env does, and the log says which" start_environment

# does_not_start STATUS WANTED…: salve ends so, with that on stderr.
does_not_start() {
  local wanted=$1 status=0 said
  shift
  said=$(timeout "$patience" "$salve" standalone --data-dir "$dir/none" --listen 127.0.0.1:0 --http-listen 127.0.0.1:0 2>&1) || status=$?
  same "exit" "$wanted" "$status"
  says "$said" "$@"
  [ ! -e "$dir/none" ] || fail "it made its data directory"
}

no_start_environment() {
  needs_salve
  secrets_account
  admin secretsmanager create-secret --name "$id/text" --secret-string "$id-no-json"
  cd "$dir" || fail "no $dir"
  export AWS_REGION=eu-west-1 AWS_ENDPOINT_URL=$moto AWS_MAX_ATTEMPTS=1
  AWS_SECRETS_NAME=$id/none with_keys_of salve does_not_start 1 "AWS_SECRETS_NAME: Secrets Manager secret \"$id/none\" cannot be read" \
    secretsmanager:GetSecretValue ResourceNotFoundException
  AWS_SECRETS_NAME=$id/text with_keys_of nobody does_not_start 1 "grant secretsmanager:GetSecretValue on"
  AWS_SECRETS_NAME=$id/text with_keys_of salve does_not_start 2 "is no JSON object of variables"
  unset AWS_ENDPOINT_URL
  printf 'GOOD=1\nthis is %s-no-variable\n' "$id" >.env
  does_not_start 2 ".env:2: it is not NAME=value"
}
case_ "a start whose variables cannot be read fails with a sentence, before anything is touched" no_start_environment
