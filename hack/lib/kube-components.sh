# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2054  # `command` is for kube_start; socat's options have commas
#
# How each component of the cluster is called and how it says that it is ready. Sourced by kube.sh; the
# cluster is the one that kube_open opened.

# kube_command COMPONENT: sets the array `command`.
kube_command() {
  kube_programs=${kube_programs:-$("$SALVE_ROOT/hack/kube-build")}
  case "$1" in
    etcd) command_etcd ;;
    kube-apiserver) command_apiserver ;;
    kube-controller-manager) command_controller_manager ;;
    kube-scheduler) command_scheduler ;;
    containerd) command=(containerd --config "$kube_dir/containerd/config.toml") ;;
    kubelet) command_kubelet ;;
    service-address)
      # Pods reach the API at the address of the service `kubernetes`, as in every cluster; there is
      # no kube-proxy, which would change the machine's firewall.
      command=(socat TCP-LISTEN:443,bind="$KUBE_SERVICE_ADDRESS",reuseaddr,fork TCP:127.0.0.1:"$KUBE_API_PORT")
      ;;
    *) die 2 "there is no component $1" ;;
  esac
}

command_etcd() {
  local client="http://127.0.0.1:$KUBE_ETCD_PORT" peer="http://127.0.0.1:$KUBE_ETCD_PEER_PORT"
  command=("$kube_programs/etcd" --name salve --data-dir "$kube_dir/etcd"
    --listen-client-urls "$client" --advertise-client-urls "$client"
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "salve=$peer"
    # Data survives the end of the process, not a power cut.
    --unsafe-no-fsync)
}

command_apiserver() {
  local pki="$kube_dir/pki"
  command=("$kube_programs/kube-apiserver"
    --bind-address=127.0.0.1 --secure-port="$KUBE_API_PORT" --advertise-address="$KUBE_GATEWAY"
    --etcd-servers="http://127.0.0.1:$KUBE_ETCD_PORT"
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key"
    --client-ca-file="$pki/ca.crt" --token-auth-file="$kube_dir/tokens.csv"
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true
    --service-cluster-ip-range="$KUBE_SERVICE_SUBNET"
    --service-account-issuer=https://kubernetes.default.svc
    --service-account-key-file="$pki/service-accounts.pub"
    --service-account-signing-key-file="$pki/service-accounts.key"
    --kubelet-client-certificate="$pki/kubelet-client.crt" --kubelet-client-key="$pki/kubelet-client.key"
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=Hostname
    --audit-policy-file="$kube_dir/audit-policy.yaml" --audit-log-path="$kube_dir/audit.log"
    --audit-log-maxsize=2048 --audit-log-maxbackup=1)
}

command_controller_manager() {
  local pki="$kube_dir/pki"
  command=("$kube_programs/kube-controller-manager"
    --bind-address=127.0.0.1 --secure-port="$KUBE_CONTROLLER_MANAGER_PORT"
    --kubeconfig="$kube_dir/controller-manager.kubeconfig" --leader-elect=false
    --use-service-account-credentials=true --root-ca-file="$pki/ca.crt"
    --service-account-private-key-file="$pki/service-accounts.key"
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key"
    # The default of 20 a second makes a suite with a thousand objects wait for this, not for Salve.
    --kube-api-qps=200 --kube-api-burst=400)
}

command_scheduler() {
  command=("$kube_programs/kube-scheduler"
    --bind-address=127.0.0.1 --secure-port="$KUBE_SCHEDULER_PORT"
    --kubeconfig="$kube_dir/scheduler.kubeconfig" --leader-elect=false
    --kube-api-qps=200 --kube-api-burst=400)
}

command_kubelet() {
  command=("$kube_programs/kubelet" --config="$kube_dir/kubelet.yaml"
    --kubeconfig="$kube_dir/kubelet.kubeconfig" --hostname-override=localhost
    --node-ip="$KUBE_GATEWAY" --root-dir="$kube_dir/kubelet" --cert-dir="$kube_dir/kubelet/pki")
}

# kube_ready COMPONENT: true where it answers that it is ready. The controller manager's answer
# comes before its work: it has begun when the first service account is there.
kube_ready() {
  local pki="$kube_dir/pki"
  case "$1" in
    etcd) kube_get "http://127.0.0.1:$KUBE_ETCD_PORT/readyz" ;;
    kube-apiserver) kube_get --cacert "$pki/ca.crt" "https://127.0.0.1:$KUBE_API_PORT/readyz" ;;
    kube-controller-manager) kube_kubectl get serviceaccount default --namespace default ;;
    kube-scheduler) kube_get --insecure "https://127.0.0.1:$KUBE_SCHEDULER_PORT/readyz" ;;
    containerd) kube_ctr version ;;
    kubelet) kube_node_is_ready ;;
    service-address) kube_get --cacert "$pki/ca.crt" "https://$KUBE_SERVICE_ADDRESS/readyz" ;;
  esac
}

# kube_get ARGUMENT…: an HTTP request to this machine; true where the answer is 2xx.
kube_get() { curl --silent --fail --output /dev/null --noproxy '*' --max-time 30 "$@"; }

kube_node_is_ready() {
  [ "$(kube_kubectl get node localhost -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]
}
