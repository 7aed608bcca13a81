# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# How the programs of Kubernetes are built from their Go modules. Source after common.sh.
# hack/kubectl and hack/kube-build use the same module and the same flags, so that what one of
# them compiled the other takes from Go's build cache.

readonly KUBE_VERSION=1.36.3
readonly KUBE_MINIMUM_GO=1.26

# kube_find_go: prints the path of a Go that can build this release; false where there is none.
kube_find_go() {
  local candidate have
  for candidate in "$(command -v go || true)" /usr/local/go/bin/go; do
    [ -x "$candidate" ] || continue
    have=$(GOTOOLCHAIN=local "$candidate" env GOVERSION 2>/dev/null | sed 's/^go//')
    if version_at_least "$have" "$KUBE_MINIMUM_GO"; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  return 1
}

# kube_write_module GO DIR: a module whose dependencies are those of Kubernetes itself. Kubernetes
# names its own libraries as v0.0.0 with a replacement in its source tree; outside of that tree
# they are the published v0.<minor>.<patch> of the same release.
kube_write_module() {
  local go=$1 dir=$2 origin
  origin=$(cd "$dir" && GOTOOLCHAIN=local GOWORK=off retried "$go" mod download -json "k8s.io/kubernetes@v$KUBE_VERSION" |
    sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p') || true
  [ -n "$origin" ] || die 1 "the Go module k8s.io/kubernetes@v$KUBE_VERSION could not be downloaded"
  sed -e 's|^module .*|module kube-build|' \
    -e "s|=> \./staging/src/\(k8s\.io/[a-z-]*\)|=> \1 v0.${KUBE_VERSION#1.}|" \
    "$origin/go.mod" >"$dir/go.mod"
  printf '\nrequire k8s.io/kubernetes v%s\n' "$KUBE_VERSION" >>"$dir/go.mod"
  cp "$origin/go.sum" "$dir/go.sum"
  chmod u+w "$dir/go.sum"
}

# kube_go_build GO DIR JOBS OUTPUT PACKAGE…: builds the PACKAGEs in the module of DIR, as static
# programs that say which release they are. OUTPUT is a file, or a directory for several.
kube_go_build() {
  local go=$1 dir=$2 jobs=$3 output=$4 at=k8s.io/component-base/version minor=${KUBE_VERSION#1.}
  shift 4
  # -mod=mod: the sums of the replaced modules are added on the way, checked by the sum database. Modules are
  # downloaded on the way, too; what was compiled before one could not be had is not compiled again.
  (
    export CGO_ENABLED=0 GOTOOLCHAIN=local GOWORK=off
    cd "$dir" && retried nice -n 19 "$go" build -mod=mod -trimpath -p "$jobs" \
      -ldflags "-s -w -X $at.gitVersion=v$KUBE_VERSION -X $at.gitMajor=1 -X $at.gitMinor=${minor%.*} -X $at.gitTreeState=clean" \
      -o "$output" "$@"
  ) >"$dir/log" 2>&1 || {
    tail -n 30 "$dir/log" >&2
    die 1 "building $* failed (its last lines are above)"
  }
}
