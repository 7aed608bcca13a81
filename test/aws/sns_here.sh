# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Amazon SNS for a case: Salve finds the host of SNS where it always is, its own view of /etc/hosts says that
# it is on this machine, and its authority is one that it trusts. Source it after test/e2e/lib.sh.

sns_tool=$SALVE_ROOT/test/aws/sns.py

# sns_here: from here on, and until the case ends, `heal` starts such a Salve; the keys are in $dir/sns.
sns_here() {
  [ "$(id -u)" = 0 ] || skip "an /etc/hosts of its own for a process needs root"
  # An address of this case alone: the port cannot be chosen.
  local home=127.77.$((BASHPID / 250 % 250)).$((BASHPID % 250 + 1))
  mkdir "$dir/sns"
  must "$sns_tool" keys "$dir/sns"
  "$sns_tool" serve "$dir/sns" "$home" 2>"$dir/sns/log" &
  # shellcheck disable=SC2064  # the id is expanded now on purpose
  trap "kill $! 2>/dev/null" EXIT
  disown $!
  eventually test -e "$dir/sns/asked"
  { cat /etc/hosts; echo "$home sns.eu-central-1.amazonaws.com"; } >"$dir/hosts"
  cat >"$dir/salve" <<SH
#!/bin/sh
[ "\$1" = standalone ] || exec "$salve" "\$@"
exec unshare --mount sh -c 'mount --bind "$dir/hosts" /etc/hosts && exec "\$@"' sh "$salve" "\$@"
SH
  chmod +x "$dir/salve"
  salve=$dir/salve
}
