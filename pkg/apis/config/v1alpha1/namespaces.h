// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_CONFIG_V1ALPHA1_NAMESPACES_H_
#define SALVE_PKG_APIS_CONFIG_V1ALPHA1_NAMESPACES_H_

#include <algorithm>
#include <string>
#include <vector>

namespace salve::apis::config::v1alpha1 {

// Whether a list `allowedNamespaces` opens something to policies of `ns`; "*" opens it to all.
inline bool OpensTo(const std::vector<std::string>& allowed, const std::string& ns) {
  return std::any_of(allowed.begin(), allowed.end(),
                     [&](const std::string& one) { return one == "*" || one == ns; });
}

}  // namespace salve::apis::config::v1alpha1

#endif  // SALVE_PKG_APIS_CONFIG_V1ALPHA1_NAMESPACES_H_
