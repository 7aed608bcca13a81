// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_KUBERNETES_SELECTOR_H_
#define SALVE_PKG_BACKENDS_KUBERNETES_SELECTOR_H_

#include <map>
#include <string>

#include "pkg/apis/salve/v1alpha1/common.h"

namespace salve::backends::kubernetes {

// As metav1.LabelSelector: all terms must hold; an unknown operator holds for nothing.
bool Selects(const apis::salve::v1alpha1::LabelSelector& selector,
             const std::map<std::string, std::string>& labels);

}  // namespace salve::backends::kubernetes

#endif  // SALVE_PKG_BACKENDS_KUBERNETES_SELECTOR_H_
