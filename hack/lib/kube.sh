# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What suites do with the cluster that hack/kube-up DIR started: stop and start its components, load
# images, add users, wait. Source after common.sh. Functions end the script where they fail, with
# the last lines of the component's log.
#
#   components   etcd kube-apiserver kube-controller-manager kube-scheduler, and with the node:
#                containerd kubelet service-address
#   DIR/admin.kubeconfig, DIR/USER.kubeconfig   USER: alice bob carol salve-controller
#   DIR/audit.log      one JSON object a line; DIR/log/COMPONENT.log
#   DIR/cluster.env    ports and addresses, as KUBE_… variables (kube_open reads it)

kube_dir= # the cluster that is meant, set by kube_open
. "$SALVE_ROOT/hack/lib/processes.sh"
. "$SALVE_ROOT/hack/lib/kube-components.sh"

# kube_open DIR: makes DIR the cluster that is meant: sets kube_dir and the KUBE_… variables of
# DIR/cluster.env. Every function below that takes a DIR does it first.
kube_open() {
  [ -r "$1/cluster.env" ] || die 1 "$1/cluster.env is missing; run hack/kube-up $1 first"
  kube_dir=$(cd "$1" && pwd)
  # shellcheck source=/dev/null
  . "$kube_dir/cluster.env"
}

# kube_running DIR: true where any component runs.
kube_running() {
  local file
  for file in "$1"/run/*.pid; do
    ! pid_of "$file" >/dev/null || return 0
  done
  return 1
}

# kube_pid DIR COMPONENT: prints the component's process id; false where it does not run.
kube_pid() { pid_of "$1/run/$2.pid"; }

# kube_stop DIR COMPONENT [SECONDS]: ends it with SIGTERM, after SECONDS (5) with SIGKILL. The API server
# stops listening at once, but then waits for others' watches, a minute if it may.
# For other ways to end or halt it: kill -SIGNAL "$(kube_pid DIR COMPONENT)".
kube_stop() { stop_pid "$1/run/$2.pid" "${3:-5}"; }

# kube_start DIR COMPONENT: starts it where it does not run, as hack/kube-up does, and returns at
# once; see kube_wait_ready. After a restart of the API server or of etcd the other components try again
# in growing intervals: allow a minute until they act. More arguments for it: SALVE_KUBE_ARGS_<COMPONENT with _ for ->, e.g.
# SALVE_KUBE_ARGS_kube_apiserver="--max-requests-inflight=20".
kube_start() {
  local command=() more="SALVE_KUBE_ARGS_${2//-/_}" extra=()
  kube_open "$1"
  ! kube_pid "$kube_dir" "$2" >/dev/null || return 0
  kube_command "$2" # sets command
  read -ra extra <<<"${!more:-}"
  mkdir -p "$kube_dir/run" "$kube_dir/log"
  spawn "$kube_dir/run/$2.pid" "$kube_dir/log/$2.log" "${command[@]}" "${extra[@]}"
}

# kube_fail COMPONENT MESSAGE: the end of the component's log, and what is wrong.
kube_fail() {
  tail -n 20 "$kube_dir/log/$1.log" >&2 || true
  die 1 "$2 (the last lines of $kube_dir/log/$1.log are above)"
}

# kube_wait_ready DIR COMPONENT: waits until the component answers that it is ready; fails at once where it
# ends, and after SALVE_KUBE_SECONDS (240).
kube_wait_ready() {
  local seconds=${SALVE_KUBE_SECONDS:-240}
  kube_open "$1"
  # Settled and not ended is ready.
  ! wait_until "$seconds" kube_settled "$2" || ! kube_pid "$kube_dir" "$2" >/dev/null || return 0
  kube_pid "$kube_dir" "$2" >/dev/null ||
    kube_fail "$2" "$2 ended; if what it kept is damaged, hack/kube-down --purge $1 removes that"
  kube_fail "$2" "$2 is not ready after $seconds s; SALVE_KUBE_SECONDS gives a slow machine more time"
}

# kube_settled COMPONENT: true when waiting longer changes nothing: it is ready, or it has ended.
kube_settled() { kube_ready "$1" || ! kube_pid "$kube_dir" "$1"; }

# kube_kubectl ARGUMENT…: kubectl as admin of the cluster that was opened last.
kube_kubectl() {
  [ -n "${kube_kubectl_path:-}" ] || kube_kubectl_path=$("$SALVE_ROOT/hack/kubectl")
  "$kube_kubectl_path" --kubeconfig "$kube_dir/admin.kubeconfig" --request-timeout=60s "$@"
}

# kube_ctr ARGUMENT…: ctr on the containers and images of the cluster that was opened last.
kube_ctr() {
  timeout 240 ctr --address "$kube_dir/containerd/containerd.sock" --namespace k8s.io "$@"
}

# kube_load_image DIR TARBALL: makes the images of a tarball (docker save, or OCI; also gzipped)
# known to the node, for pods with imagePullPolicy: Never. hack/kube-up loads it again after a
# restart of the cluster; it is kept in DIR/images.
kube_load_image() {
  local kept
  kube_open "$1"
  [ -s "$2" ] || die 1 "there is no image tarball $2"
  kept="$kube_dir/images/${2##*/}"
  kept=${kept%.gz}
  mkdir -p "$kube_dir/images"
  if [ ! "$2" -ef "$kept" ]; then
    if gzip -t "$2" 2>/dev/null; then gzip -dc "$2" >"$kept.new"; else cp "$2" "$kept.new"; fi
    mv "$kept.new" "$kept"
  fi
  kube_import "$kept"
}

# kube_import TARBALL: loads it into containerd.
kube_import() {
  kube_ctr images import "$1" >>"$kube_dir/log/import.log" 2>&1 ||
    kube_fail import "$1 could not be loaded into containerd"
}

# kube_user DIR NAME [GROUP…]: makes DIR/NAME.kubeconfig for a user with a client certificate of
# the cluster, at once and without a restart. Prints the file.
kube_user() {
  local name=$2 subject="/CN=$2" group
  kube_open "$1"
  shift 2
  for group in "$@"; do subject="/O=$group$subject"; done
  kube_certificate "user-$name" "$subject" clientAuth
  kube_write_kubeconfig "$name" "client-certificate-data: $(base64 -w 0 "$kube_dir/pki/user-$name.crt")" \
    "client-key-data: $(base64 -w 0 "$kube_dir/pki/user-$name.key")"
  printf '%s\n' "$kube_dir/$name.kubeconfig"
}

# kube_certificate NAME SUBJECT USAGE [SUBJECTALTNAME]: DIR/pki/NAME.crt and .key of the cluster's CA.
kube_certificate() {
  local pki="$kube_dir/pki"
  [ ! -s "$pki/$1.crt" ] || return 0
  {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" \
      -keyout "$pki/$1.key" -out "$pki/$1.csr" &&
      openssl x509 -req -in "$pki/$1.csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -CAcreateserial -days 3650 \
        -extfile <(printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n%s' "$3" "${4:+subjectAltName=$4}") \
        -out "$pki/$1.crt.new"
  } >"$pki/$1.log" 2>&1 || {
    tail -n 5 "$pki/$1.log" >&2
    die 1 "openssl could not make the certificate $1 in $pki"
  }
  mv "$pki/$1.crt.new" "$pki/$1.crt"
  rm -f "$pki/$1.csr" "$pki/$1.log"
}

# kube_write_kubeconfig NAME CREDENTIAL…: DIR/NAME.kubeconfig; each CREDENTIAL is a line of its user.
kube_write_kubeconfig() {
  local file="$kube_dir/$1.kubeconfig"
  (
    umask 077
    cat <<YAML
apiVersion: v1
kind: Config
current-context: $1
contexts:
- name: $1
  context: {cluster: salve-test, user: $1}
clusters:
- name: salve-test
  cluster:
    server: https://127.0.0.1:$KUBE_API_PORT
    certificate-authority-data: $(base64 -w 0 "$kube_dir/pki/ca.crt")
users:
- name: $1
  user:
$(shift; printf '    %s\n' "$@")
YAML
  ) >"$file.new"
  mv "$file.new" "$file"
}
