# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154,SC2034
#
# What the cases of this suite add to those of test/e2e: the other sides of the sinks.

hook_secret=whsec_c2FsdmUtdGVzdC1vbmx5LW5vdC1zZWNyZXQ=
mail_password=only-for-tests-0421
export HOOK_SECRET=$hook_secret MAIL_PASSWORD=$mail_password

# start_server DIR SCRIPT [ARGUMENT…]: runs it with DIR and leaves its port in $port.
start_server() {
  local where=$1 script=$2
  shift 2
  mkdir -p "$where"
  python3 "$here/$script" "$where" "$@" >"$where/log" 2>&1 &
  echo $! >"$where/server.pid"
  disown $!
  wait_until "$patience" test -s "$where/port" || fail "$script did not start: $(cat "$where/log")"
  port=$(cat "$where/port")
}

stop_servers() {
  local file
  for file in "$dir"/*/server.pid; do
    [ ! -s "$file" ] || kill "$(cat "$file")" 2>/dev/null || true
  done
}

# hook NAME: an HTTP sink in $dir/NAME, whose address is left in $url.
hook() {
  start_server "$dir/$1" sink_server.py --secret "$hook_secret"
  url=http://127.0.0.1:$port
}
# relay: a mail relay with TLS and a log-in in $dir/relay, whose port is left in $port.
relay() {
  must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout "$dir/relay.key" -out "$dir/relay.crt"
  start_server "$dir/relay" smtp_server.py --cert "$dir/relay.crt" --key "$dir/relay.key" --user salve \
    --password "$mail_password"
}

# sinks <<EOF…: the configuration $dir/salve.yaml, whose list of sinks is the standard input.
sinks() {
  { printf 'apiVersion: config.salve.dev/v1alpha1\nkind: ControllerConfiguration\nsinks:\n' && cat; } >"$dir/salve.yaml"
}
webhook() { printf -- '- {name: %s, webhook: {url: "%s", secret: {env: HOOK_SECRET}}%s}\n' "$1" "$2" "${3:-}"; }

# says_in_mode WHERE MODE: the server in $dir/WHERE answers like that from now on.
in_mode() { printf '%s\n' "$2" >"$dir/$1/mode.new" && mv "$dir/$1/mode.new" "$dir/$1/mode"; }

# got WHERE [STAGE]: how many messages the HTTP sink has taken, of that stage.
got() { jq -r --arg stage "${2:-}" 'select($stage == "" or .body.data.stage == $stage) | .id' "$dir/$1/received" 2>/dev/null | wc -l; }
has_got() { [ "$(got "$1" "$2")" -ge "${3:-1}" ]; }
# text_of WHERE STAGE: the text of the newest message of that stage.
text_of() { jq -rs --arg stage "$2" 'map(select(.body.data.stage == $stage)) | last | .body.data.text' "$dir/$1/received"; }
signatures() { jq -r .signature "$dir/$1/received" | sort -u; }

# mails: how many there are. mail_text N: the Nth as a person reads it, headers first.
mails() { find "$dir/relay/mail" -name '*.eml' 2>/dev/null | wc -l; }
has_mails() { [ "$(mails)" -ge "$1" ]; }
mail_text() {
  python3 - "$dir/relay/mail/$1.eml" <<'PYTHON'
import email, email.policy, sys
mail = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
for name in ("From", "To", "Subject", "Message-ID", "References"):
    print(f"{name}: {mail[name]}")
print()
print(mail.get_content(), end="")
PYTHON
}
no_disgrace() { [ ! -e "$dir/relay/disgrace" ] || fail "the relay saw what must not be: $(cat "$dir/relay/disgrace")"; }

# notes INCIDENT SINK STAGE: state and attempts of that message, as the incident has them.
notes() { k get "$1" -o json | jq -r --arg sink "$2" --arg stage "$3" '.status.notifications[]? | select(.sink == $sink and .stage == $stage) | "\(.state) \(.attempts // 0)"'; }
