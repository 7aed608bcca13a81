# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# How scripts find the Docker engine that hack/docker-up wrote down. Source after common.sh.

# engine_answers HOST: true where a Docker engine answers at HOST within thirty seconds; one that is not there fails at once.
engine_answers() {
  DOCKER_HOST=$1 timeout 30 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

# use_engine DIR: exports what DIR/docker.env says (DOCKER_HOST and, for TLS, two more).
use_engine() {
  local env_file=$1/docker.env
  [ -r "$env_file" ] || die 1 "$env_file is missing; run hack/docker-up $1 first"
  set -a
  # shellcheck source=/dev/null
  . "$env_file"
  set +a
  engine_answers "$DOCKER_HOST" ||
    die 1 "no Docker engine answers at $DOCKER_HOST; run hack/docker-up $1 again"
}
