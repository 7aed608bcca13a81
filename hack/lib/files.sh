# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Which files the checks look at. Source after common.sh; run from SALVE_ROOT.

# project_files PATHSPEC…: tracked files and new ones that .gitignore does not name, those that
# exist, separated by NUL.
project_files() {
  git ls-files -z --cached --others --exclude-standard -- "$@" | sort -zu |
    while IFS= read -r -d '' file; do
      [ ! -f "$file" ] || printf '%s\0' "$file"
    done
}
