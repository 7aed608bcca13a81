#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: [KUBE_DIR=DIR] [SALVE=path] [HELM=path] [KUBECTL=path] test/manifests/run.sh [pattern]
#
# Renders the chart and the kustomizations in every way that is documented and looks at the result
# (cases_render.sh). Where KUBE_DIR is the directory of a cluster that hack/kube-up started
# (--no-node is enough), also installs them there and tries the rights and the admission policies with
# real users (cases_cluster.sh); what is installed is taken away again, with Salve's
# CustomResourceDefinitions: not a cluster that somebody uses. With SALVE, the binary, one of them runs
# it there with the rights of the chart. Runs the cases whose name contains the
# pattern; prints "N passed, N failed, N skipped".
#
# Exit: 0 all passed; 1 some failed; 77 all that ran passed, and those for a cluster did not run.
set -uo pipefail
# "policy p | ok kc apply -f -" leaves its output where `says` finds it.
shopt -s lastpipe

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$root/test/says.sh"
HELM=${HELM:-$("$root/hack/helm")} || exit 77
KUBECTL=${KUBECTL:-$("$root/hack/kubectl")} || exit 77
pattern=${1:-}
chart=$root/manifests/helm/salve
work=$(mktemp -d)
# Helm's own files are not to be mixed with a person's.
export HELM_CACHE_HOME=$work/helm HELM_CONFIG_HOME=$work/helm HELM_DATA_HOME=$work/helm
passed=0
failed=0
skipped=0
# shellcheck disable=SC2034  # the cases use it
patience=240 # seconds; until then what a case waits for is not broken but late
trap 'rm -rf "$work"' EXIT

# template [OPTION…]: the chart rendered, for picks.
template() {
  ok "$HELM" template salve "$chart" --namespace salve-system "$@"
}

# picks FILTER: what jq makes of the objects of the last output, one at a time. A kubectl without a
# server turns YAML into JSON.
picks() {
  out=$(printf '%s\n' "$out" |
    KUBECONFIG=/dev/null "$KUBECTL" patch --local -f - --type=merge -p '{}' -o json | jq -c -r "$1") ||
    fail "jq: $1"
}

# case_ SENTENCE FUNCTION
case_() {
  case "$1" in *"$pattern"*) ;; *) return ;; esac
  if ("$2") 2>"$work/case.err"; then
    passed=$((passed + 1))
    echo "ok      $1"
  else
    failed=$((failed + 1))
    echo "FAILED  $1"
    sed 's/^/        /' "$work/case.err"
  fi
}

# shellcheck source=test/manifests/cases_render.sh
. "$here/cases_render.sh"
if [ -n "${KUBE_DIR:-}" ]; then
  # shellcheck source=test/manifests/cases_cluster.sh
  . "$here/cases_cluster.sh"
  if [ -z "${SALVE:-}" ]; then
    skipped=1
    echo "skipped: the case that runs the controller (SALVE is not set)"
  fi
else
  skipped=$(grep -c '^ *case_ ' "$here/cases_cluster.sh")
  echo "skipped: the $skipped cases that need a cluster (KUBE_DIR is not set; see hack/kube-up)"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] || exit 1
[ "$skipped" -eq 0 ] || exit 77
