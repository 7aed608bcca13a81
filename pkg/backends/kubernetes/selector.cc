// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/kubernetes/selector.h"

#include <algorithm>

namespace salve::backends::kubernetes {

using apis::salve::v1alpha1::LabelSelector;
using apis::salve::v1alpha1::LabelSelectorRequirement;

bool Selects(const LabelSelector& selector, const std::map<std::string, std::string>& labels) {
  const auto equal = [&](const auto& wanted) {
    const auto it = labels.find(wanted.first);
    return it != labels.end() && it->second == wanted.second;
  };
  const auto holds = [&](const LabelSelectorRequirement& term) {
    const auto it = labels.find(term.key);
    const bool present = it != labels.end();
    const bool listed = present && std::find(term.values.begin(), term.values.end(), it->second) !=
                                       term.values.end();
    if (term.op == "In") return listed;
    if (term.op == "NotIn") return !listed;
    if (term.op == "Exists") return present;
    return term.op == "DoesNotExist" && !present;
  };
  return std::all_of(selector.match_labels.begin(), selector.match_labels.end(), equal) &&
         std::all_of(selector.match_expressions.begin(), selector.match_expressions.end(), holds);
}

}  // namespace salve::backends::kubernetes
