# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Services that are really full, and really answer again afterwards.

redis_says() { docker exec "$id-redis" redis-cli -p "$port" "$@" 2>&1; }
redis_answers() { is PONG redis_says ping; }
# More than fits, a megabyte at a time; the last answers are the server's refusals.
fill_redis() {
  local said
  said=$(seq 30 | sed 's/.*/setrange fill:& 1048576 x/' | docker exec -i "$id-redis" redis-cli -p "$port" 2>&1)
  says "$said" "OOM command not allowed when used memory > 'maxmemory'"
}

redis_policy() {
  policy redis <<YAML
  mode: Auto
  target: {docker: {container: $id-redis}}
  probes:
  - {name: memory, redis: {address: "127.0.0.1:$port"}, periodSeconds: 3, timeoutSeconds: 3,
     unhealthyBelow: 70, healthyAbove: 80, failureThreshold: 2, successThreshold: 1}
  ladder:
  - {name: flush, action: {redisFlushAll: {}}, expected: "memory use below 20 %", onVerificationFailed: Next}
  - {name: restart, action: {restart: {}}}
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 2}
  guardrails: {maxAutoRisk: Medium}
YAML
}

full_redis() {
  port=$(free_port)
  container "$id-redis" --network host --memory 100m salve-test/redis:7 redis-server --bind 127.0.0.1 \
    --port "$port" --maxmemory 20mb --maxmemory-policy noeviction --save ""
  eventually redis_answers
  heal
  redis_policy
  eventually healthy redis
  fill_redis
  await_incident redis
  eventually in_phase "$incident" AwaitingApproval
  same "the risk of losing data" High "$(get "$incident" .status.proposal.risk.level)"
  says "$(get "$incident" .status.proposal.preview.command)" FLUSHALL
  says "$(redis_says set a b)" "OOM command not allowed"
  # Whoever waits is told, not whoever asks again.
  k wait --for=condition=Resolved "$incident" "--timeout=${patience}s" >"$dir/waited" 2>&1 &
  local waiter=$!
  must decide "$incident" Approve
  wait "$waiter" || fail "kubectl wait did not return with success: $(cat "$dir/waited")"
  outcome "$incident" HealedAfterApproval
  same "who approved" admin "$(get "$incident" '.status.attempts[0].approvedBy')"
  same "what a client hears now" OK "$(redis_says set a b)"
  eventually healthy redis
  same "attempts" flush "$(get "$incident" '.status.attempts[*].step')"
}
case_ "a full Redis is flushed once a person agrees, and takes writes again" full_redis

postgres_says() {
  docker exec --env PGPASSWORD="$SALVE_SECRET_E2E" "$id-postgres" \
    psql -h 127.0.0.1 -p "$port" -U postgres -Atc "$1" 2>&1
}
postgres_answers() { is 1 postgres_says 'select 1'; }
# What the clients of fill_postgres heard stays in their file: salve may heal the fault before anybody else can look.
fill_postgres() {
  # shellcheck disable=SC2016  # the container's shell expands it
  must docker exec --detach --user postgres "$id-postgres" sh -c \
    'for i in $(seq 30); do (sleep 600 | psql -h /var/run/postgresql -p "$0" -U postgres 2>>/tmp/refused) & done; wait' \
    "$port"
}
postgres_was_full() { docker exec "$id-postgres" grep -q "too many clients already" /tmp/refused; }

full_postgres() {
  port=$(free_port)
  export SALVE_SECRET_E2E=e2e-$RANDOM$RANDOM
  container "$id-postgres" --network host --memory 256m --env POSTGRES_PASSWORD="$SALVE_SECRET_E2E" \
    --env POSTGRES_INITDB_ARGS=--no-sync salve-test/postgres:15 postgres -c listen_addresses=127.0.0.1 \
    -c port="$port" -c max_connections=20 -c superuser_reserved_connections=3 -c fsync=off
  eventually postgres_answers
  heal
  policy postgres <<YAML
  mode: Auto
  target: {docker: {container: $id-postgres}}
  probes:
  - name: connections
    postgres: {address: "127.0.0.1:$port", user: postgres, password: {env: SALVE_SECRET_E2E}}
    periodSeconds: 3
    timeoutSeconds: 3
    failureThreshold: 2
    successThreshold: 1
  ladder:
  - {name: end-idle, action: {postgresTerminateConnections: {idleSeconds: 1}}, onVerificationFailed: Next}
  - {name: restart, action: {restart: {}}, risk: High}
  verification: {initialDelaySeconds: 1, intervalSeconds: 1, timeoutSeconds: 240, consecutiveSuccesses: 2}
  guardrails: {maxAutoRisk: Medium}
YAML
  eventually healthy postgres
  # Thirty clients that connect over the socket and then say nothing.
  fill_postgres
  eventually postgres_was_full
  await_incident postgres
  outcome "$incident" AutoHealed
  same "what healed it" end-idle "$(get "$incident" '.status.attempts[*].step')"
  same "a client that connects now" 1 "$(postgres_says 'select 1')"
  eventually healthy postgres
}
case_ "a PostgreSQL out of connections is healed without asking, and a client connects again" full_postgres
