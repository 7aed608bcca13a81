// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_CORE_V1_TYPES_H_
#define SALVE_PKG_APIS_CORE_V1_TYPES_H_

#include "pkg/apis/meta/v1/types.h"

// The parts of Kubernetes' core/v1 that Salve reads. Plain values.
namespace salve::apis::core::v1 {

struct Namespace {
  static const meta::v1::ResourceInfo kInfo;
  meta::v1::ObjectMeta metadata;
};

}  // namespace salve::apis::core::v1

#endif  // SALVE_PKG_APIS_CORE_V1_TYPES_H_
