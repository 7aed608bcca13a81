# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What a cluster needs in its directory before its components start: addresses, certificates,
# users and configuration files. For hack/kube-up; source after kube.sh.

readonly KUBE_USERS=(alice bob carol salve-controller)

# kube_set_up DIR: writes all of it; what exists is kept, but for ports that somebody else has now.
kube_set_up() {
  kube_dir=$1
  mkdir -p "$kube_dir/pki" "$kube_dir/log" "$kube_dir/run"
  chmod 700 "$kube_dir/pki"
  set_up_addresses
  kube_open "$kube_dir"
  set_up_certificates
  set_up_users
  write_audit_policy
}

set_up_addresses() {
  local file="$kube_dir/cluster.env"
  [ -s "$file" ] || choose_networks >"$file"
  local ports names=(ETCD ETCD_PEER API CONTROLLER_MANAGER SCHEDULER KUBELET KUBELET_HEALTH) i
  mapfile -t ports < <(sed -n 's/^KUBE_.*_PORT=//p' "$file")
  # While nothing of the cluster runs, another program may take a port.
  if [ "${#ports[@]}" -eq "${#names[@]}" ] && { kube_running "$kube_dir" || free_ports 0 "${ports[@]}"; }; then
    return 0
  fi
  mapfile -t ports < <(free_ports "${#names[@]}")
  [ "${#ports[@]}" -eq "${#names[@]}" ] || die 1 "found no ${#names[@]} free ports on 127.0.0.1"
  {
    sed '/_PORT=/d' "$file"
    for i in "${!names[@]}"; do printf 'KUBE_%s_PORT=%s\n' "${names[i]}" "${ports[i]}"; done
  } >"$file.new"
  mv "$file.new" "$file"
}

# free_ports COUNT [PORT…]: prints COUNT free TCP ports of 127.0.0.1; fails where a PORT is not free. They
# are below the range of outgoing connections, so that none of those takes one between a stop and
# the next start.
free_ports() {
  python3 - "$@" <<'PY'
import random, socket, sys

count, held = int(sys.argv[1]), []

def take(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        s.bind(("127.0.0.1", port))
        s.listen()
    except OSError:
        return False
    held.append(s)
    return True

if not all(take(int(port)) for port in sys.argv[2:]):
    sys.exit(1)
for port in random.sample(range(20000, 30000), 10000):
    if count == 0:
        break
    if take(port):
        print(port)
        count -= 1
PY
}

# choose_networks: a name for the cluster, and two neighbouring networks that no route of the machine uses.
choose_networks() {
  local id second third
  id=$(openssl rand -hex 3)
  for _ in {1..50}; do
    second=$((64 + RANDOM % 128)) third=$((RANDOM % 128 * 2))
    # Without iproute2 there is no node either, and the networks are only numbers.
    [ -z "$(ip -4 route show root "10.$second.$third.0/23" 2>/dev/null)" ] || continue
    cat <<ENV
KUBE_ID=$id
KUBE_BRIDGE=salve-$id
KUBE_POD_SUBNET=10.$second.$third.0/24
KUBE_GATEWAY=10.$second.$third.1
KUBE_SERVICE_SUBNET=10.$second.$((third + 1)).0/24
KUBE_SERVICE_ADDRESS=10.$second.$((third + 1)).1
KUBE_DNS_ADDRESS=10.$second.$((third + 1)).10
ENV
    return 0
  done
  die 1 "found no free network below 10.0.0.0/8; see ip route"
}

set_up_certificates() {
  local pki="$kube_dir/pki"
  if [ ! -s "$pki/ca.crt" ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
      -subj /CN=salve-test-ca -addext 'keyUsage=critical,digitalSignature,keyCertSign,cRLSign' \
      -keyout "$pki/ca.key" -out "$pki/ca.crt.new" 2>"$pki/ca.log" ||
      die 1 "openssl could not make a CA; see $pki/ca.log"
    mv "$pki/ca.crt.new" "$pki/ca.crt"
  fi
  if [ ! -s "$pki/service-accounts.pub" ]; then
    if ! openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$pki/service-accounts.key" ||
      ! openssl pkey -in "$pki/service-accounts.key" -pubout -out "$pki/service-accounts.pub"; then
      die 1 "openssl could not make the key of the service accounts in $pki"
    fi 2>>"$pki/ca.log"
  fi
  kube_certificate apiserver /CN=kube-apiserver serverAuth "$(printf '%s' \
    "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc," \
    "DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:$KUBE_SERVICE_ADDRESS,IP:$KUBE_GATEWAY")"
  kube_certificate kubelet /CN=localhost serverAuth DNS:localhost,IP:127.0.0.1
  kube_certificate kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
}

# set_up_users: tokens.csv (token,name,uid,"groups") and a kubeconfig for each line of it.
set_up_users() {
  local file="$kube_dir/tokens.csv" user token uid
  if [ ! -s "$file" ]; then
    (
      umask 077
      {
        printf '%s,admin,admin,"system:masters"\n' "$(openssl rand -hex 16)"
        printf '%s,system:kube-controller-manager,controller-manager\n' "$(openssl rand -hex 16)"
        printf '%s,system:kube-scheduler,scheduler\n' "$(openssl rand -hex 16)"
        printf '%s,system:node:localhost,kubelet,"system:nodes"\n' "$(openssl rand -hex 16)"
        for user in "${KUBE_USERS[@]}"; do
          printf '%s,%s,%s\n' "$(openssl rand -hex 16)" "$user" "$user"
        done
      } >"$file.new"
    )
    mv "$file.new" "$file"
  fi
  while IFS=, read -r token _ uid _; do
    kube_write_kubeconfig "$uid" "token: $token"
  done <"$file"
}

# write_audit_policy: what is written to Salve's kinds, and by whom, in full; of everything else the
# metadata, by which suites count requests. Secrets stay out of the log that way.
write_audit_policy() {
  cat >"$kube_dir/audit-policy.yaml" <<'YAML'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: RequestResponse
  verbs: [create, update, patch, delete, deletecollection]
  resources:
  - group: salve.dev
- level: Metadata
YAML
}
