// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_COORDINATION_V1_TYPES_H_
#define SALVE_PKG_APIS_COORDINATION_V1_TYPES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "pkg/apis/meta/v1/types.h"

// The parts of Kubernetes' coordination/v1 that Salve uses. Plain values.
namespace salve::apis::coordination::v1 {

struct LeaseSpec {
  std::string holder_identity;  // "" = free
  std::optional<std::int64_t> lease_duration_seconds;
  std::string acquire_time;
  std::string renew_time;
  std::int64_t lease_transitions = 0;
};

struct Lease {
  static const meta::v1::ResourceInfo kInfo;
  meta::v1::ObjectMeta metadata;
  LeaseSpec spec;
};

}  // namespace salve::apis::coordination::v1

#endif  // SALVE_PKG_APIS_COORDINATION_V1_TYPES_H_
