# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What the controller asked of the API server in all other cases, held against the rights that the manifests give it.

rights() {
  local granted=$dir/granted.json wide=--used
  k get clusterroles,roles -A -l app.kubernetes.io/name=salve -o json >"$granted" || fail "the roles cannot be read"
  # Which rights are needed only tells who has run everything.
  [ -n "$pattern" ] || wide=--all
  must python3 "$here/rights.py" "$wide" "$granted" "$cluster/audit.log"
}
case_alone "the controller was refused nothing, and has no right that no case needed" rights
