#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What the canary runs: a page that answers 200, and 500 once CANARY_PERIOD_SECONDS have passed since its
# start, until it is started again. It needs a busybox with sh and httpd, no right, and a /tmp of its own.
#
#   CANARY_PERIOD_SECONDS   for how long it is well (default 300)
#   CANARY_LISTEN           [ADDRESS:]PORT (default 8080)
set -eu

rm -rf /tmp/salve-canary
mkdir -p /tmp/salve-canary/cgi-bin
read -r up _ </proc/uptime
ill_at=$((${up%.*} + ${CANARY_PERIOD_SECONDS:-300}))
cat >/tmp/salve-canary/cgi-bin/health <<CGI
#!/bin/sh
read -r up _ </proc/uptime
if [ "\${up%.*}" -lt $ill_at ]; then
  printf 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nwell\n'
else
  printf 'HTTP/1.0 500 Internal Server Error\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nill until it is restarted\n'
fi
CGI
chmod 755 /tmp/salve-canary/cgi-bin/health

# Not by exec: the first process of a container is not ended by a signal that it does not handle.
httpd -f -p "${CANARY_LISTEN:-8080}" -h /tmp/salve-canary &
trap 'kill $!; exit 0' TERM INT
wait $!
