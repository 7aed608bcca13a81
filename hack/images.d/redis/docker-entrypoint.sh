#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Only options or a configuration file mean `redis-server` with them. Redis runs as user redis.
set -eu
case "${1:-}" in
  -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "${1:-}" = redis-server ] && [ "$(id -u)" = 0 ]; then
  chown -R redis:redis .
  exec setpriv --reuid=redis --regid=redis --clear-groups -- "$@"
fi
exec "$@"
