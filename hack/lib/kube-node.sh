# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154  # kube.sh sets kube_dir
#
# The node of the cluster: what containerd and kubelet need around them, and how it is all taken
# away again. For hack/kube-up and hack/kube-down, as root; source after kube.sh.
#
# Everything is below DIR or carries the cluster's KUBE_ID, so that a kubelet, containerd or Docker engine
# that runs on the machine for other purposes, and a second cluster, are not touched.

# node_set_up: configuration files, network and cgroups of the node.
node_set_up() {
  local cni candidate
  for candidate in /usr/lib/cni /opt/cni/bin; do
    [ ! -x "$candidate/bridge" ] || cni=$candidate
  done
  [ -n "${cni:-}" ] || die 3 "the CNI plugins are not installed; run hack/install-deps --kubernetes"
  mkdir -p "$kube_dir/containerd" "$kube_dir/kubelet" "$kube_dir/cni/conf"
  write_containerd_config "$cni"
  write_cni_config
  write_kubelet_config
  save_sysctls
  make_bridge
  make_cgroups
}

write_containerd_config() {
  cat >"$kube_dir/containerd/config.toml" <<TOML
version = 2
root = "$kube_dir/containerd/data"
state = "$kube_dir/containerd/state"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]

[grpc]
  address = "$kube_dir/containerd/containerd.sock"

[plugins."io.containerd.internal.v1.opt"]
  path = "$kube_dir/containerd/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "salve-test/pause:1"
  # Without CAP_SYS_RESOURCE nothing can be made less likely to be killed than its parent.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$1"
    conf_dir = "$kube_dir/cni/conf"
TOML
}

write_cni_config() {
  cat >"$kube_dir/cni/conf/10-bridge.conflist" <<JSON
{
  "cniVersion": "0.4.0",
  "name": "$KUBE_BRIDGE",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "$KUBE_BRIDGE",
      "isGateway": true,
      "ipam": {
        "type": "host-local",
        "dataDir": "$kube_dir/cni/addresses",
        "ranges": [[{"subnet": "$KUBE_POD_SUBNET", "gateway": "$KUBE_GATEWAY"}]],
        "routes": [{"dst": "0.0.0.0/0"}]
      }
    }
  ]
}
JSON
}

write_kubelet_config() {
  cat >"$kube_dir/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 127.0.0.1
port: $KUBE_KUBELET_PORT
healthzBindAddress: 127.0.0.1
healthzPort: $KUBE_KUBELET_HEALTH_PORT
tlsCertFile: $kube_dir/pki/kubelet.crt
tlsPrivateKeyFile: $kube_dir/pki/kubelet.key
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: $kube_dir/pki/ca.crt}
authorization: {mode: Webhook}
containerRuntimeEndpoint: unix://$kube_dir/containerd/containerd.sock
clusterDNS: [$KUBE_DNS_ADDRESS]
clusterDomain: cluster.local
podLogsDir: $kube_dir/pod-logs
volumePluginDir: $kube_dir/kubelet/volume-plugins
# Runs as it is on developers' and CI's machines: either cgroup version, no systemd, swap or not.
cgroupDriver: cgroupfs
cgroupRoot: /salve-$KUBE_ID
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
# The machine's firewall is not ours.
makeIPTablesUtilChains: false
# A full disk of a developer is no reason to evict pods or to delete images that cannot be pulled again.
imageGCHighThresholdPercent: 100
evictionHard:
  memory.available: 100Mi
  nodefs.available: 1%
  nodefs.inodesFree: 1%
  imagefs.available: 1%
  imagefs.inodesFree: 1%
YAML
}

# save_sysctls: kubelet and the bridge plugin set these for good; node_down sets them back.
save_sysctls() {
  local file="$kube_dir/run/sysctls" name
  [ ! -e "$file" ] || return 0
  for name in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops \
    kernel/keys/root_maxkeys kernel/keys/root_maxbytes net/ipv4/ip_forward; do
    [ ! -r "/proc/sys/$name" ] || echo "$name $(cat "/proc/sys/$name")"
  done >"$file.new"
  mv "$file.new" "$file"
}

restore_sysctls() {
  local file="$kube_dir/run/sysctls" name value
  [ -e "$file" ] || return 0
  while read -r name value; do
    [ "$(cat "/proc/sys/$name")" = "$value" ] || echo "$value" >"/proc/sys/$name" ||
      die 1 "could not set /proc/sys/$name back to $value"
  done <"$file"
  rm -f "$file"
}

make_bridge() {
  if ! ip link show "$KUBE_BRIDGE" >/dev/null 2>&1; then
    ip link add "$KUBE_BRIDGE" type bridge || die 1 "could not add the network bridge $KUBE_BRIDGE (ip link add)"
  fi
  # An address of its own: otherwise it takes one from whichever pod comes or goes, and the
  # pods' neighbour tables are wrong for a while.
  ip link set "$KUBE_BRIDGE" address "0a:58:${KUBE_ID:0:2}:${KUBE_ID:2:2}:${KUBE_ID:4:2}:01" up
  ip address replace "$KUBE_GATEWAY/24" dev "$KUBE_BRIDGE"
  ip address replace "$KUBE_SERVICE_ADDRESS/32" dev "$KUBE_BRIDGE"
}

# cgroup_mounts: "TYPE DIRECTORY" of every cgroup hierarchy of the machine.
cgroup_mounts() {
  sed -n 's/^[0-9]* [0-9]* [^ ]* [^ ]* \([^ ]*\) .* - \(cgroup2\{0,1\}\) .*/\2 \1/p' /proc/self/mountinfo
}

# make_cgroups: kubelet wants its root cgroup to exist and removes pods below it that it does not know.
make_cgroups() {
  local type mount file
  while read -r type mount; do
    mkdir -p "$mount/salve-$KUBE_ID" 2>/dev/null || continue
    if [ "$type" = cgroup2 ]; then
      sed 's/[^ ]\{1,\}/+&/g' "$mount/cgroup.controllers" >"$mount/cgroup.subtree_control" 2>/dev/null || true
      continue
    fi
    # A new cpuset has no processors and no memory, and nothing can run in it.
    for file in cpuset.cpus cpuset.mems; do
      [ ! -e "$mount/$file" ] || cat "$mount/$file" >"$mount/salve-$KUBE_ID/$file"
    done
  done < <(cgroup_mounts)
}

# node_down: ends the pods of the node and removes what it made outside of DIR, and what is of no
# use to the next start. containerd and kubelet do not run any more.
node_down() {
  local file
  kill_pods
  # Killed shims leave their sockets, which have names by which nobody finds them again.
  while IFS= read -r file; do
    file=$(cat "$file")
    rm -f "${file#unix://}"
  done < <(find "$kube_dir/containerd/state" -name address -type f 2>/dev/null)
  unmount_below "$kube_dir"
  ! ip link show "$KUBE_BRIDGE" >/dev/null 2>&1 || ip link delete "$KUBE_BRIDGE"
  remove_cgroups
  restore_sysctls
  # What the CNI library remembers of each pod, in one directory for the whole machine.
  for file in "$kube_dir"/containerd/data/io.containerd.grpc.v1.cri/sandboxes/*; do
    rm -f "/var/lib/cni/results/"*"-${file##*/}-"*
  done
  [ ! -d /var/log/containers ] || find /var/log/containers -lname "$kube_dir/*" -delete
  # The containers are gone, and with them the use of their volumes, logs and addresses. Images
  # are loaded again from DIR/images.
  rm -rf "$kube_dir/containerd" "$kube_dir/kubelet" "$kube_dir/pod-logs" "$kube_dir/cni"
}

# kill_pods: all processes of the pods, by their cgroup, and then their shims.
kill_pods() {
  wait_until 120 no_processes_in_cgroups ||
    die 1 "the processes of the pods in the cgroups salve-$KUBE_ID could not be killed"
  kill_carriers "$kube_dir/containerd/containerd.sock"
}

# no_processes_in_cgroups: kills what runs in the cluster's cgroups; true where nothing did.
no_processes_in_cgroups() {
  local pids mount
  pids=$(while read -r _ mount; do
    find "$mount/salve-$KUBE_ID" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done < <(cgroup_mounts) | sort -u)
  [ -n "$pids" ] || return 0
  # shellcheck disable=SC2086  # one argument for each process id
  kill -KILL $pids 2>/dev/null || true
  return 1
}

remove_cgroups() {
  local mount
  while read -r _ mount; do
    [ ! -d "$mount/salve-$KUBE_ID" ] || find "$mount/salve-$KUBE_ID" -depth -type d -exec rmdir {} + 2>/dev/null ||
      die 1 "could not remove the cgroup $mount/salve-$KUBE_ID"
  done < <(cgroup_mounts)
}
