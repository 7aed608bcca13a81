// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "pkg/apis/salve/v1alpha1/common.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema.h"

namespace salve::apis::salve::v1alpha1 {

std::string ActionName(const Action& action) {
  for (const Field& field : SchemaOf<Action>().fields) {
    if (field.type->get(field.get(&action)) != nullptr) return field.name;
  }
  return "";
}

const std::vector<std::string>& ActionNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Field& field : SchemaOf<Action>().fields) all.push_back(field.name);
    std::sort(all.begin(), all.end());
    return all;
  }();
  return names;
}

}  // namespace salve::apis::salve::v1alpha1
