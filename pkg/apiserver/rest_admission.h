// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_REST_ADMISSION_H_
#define SALVE_PKG_APISERVER_REST_ADMISSION_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pkg/apiserver/auth.h"
#include "pkg/apiserver/discovery_resource.h"

namespace salve::apiserver {

enum class Operation { kCreate, kUpdate, kDelete };

// A write that is well-formed and authorized, about to be stored.
struct AdmissionRequest {
  Operation operation = Operation::kCreate;
  const ServedResource& resource;
  std::string subresource;
  std::string ns;
  std::string name;
  const Json* object = nullptr;  // null for kDelete
  const Json* old = nullptr;     // null for kCreate
  const Identity& user;
};

// A rule that no schema can express. Pure and thread-safe.
class AdmissionPlugin {
 public:
  virtual ~AdmissionPlugin() = default;
  // The refusal, or nullopt.
  virtual std::optional<ApiError> Validate(const AdmissionRequest& request) const = 0;
};

// What Salve's typed validation knows beyond the schema: patterns, cron lines, time zones,
// references between parts.
std::unique_ptr<AdmissionPlugin> MakeSalveKindsPlugin();
// Who may approve what (design: Approval). On a cluster the same rules are a
// ValidatingAdmissionPolicy.
std::unique_ptr<AdmissionPlugin> MakeApprovalPlugin();
// Keeps the namespaces that the server itself needs.
std::unique_ptr<AdmissionPlugin> MakeNamespacePlugin();

inline constexpr const char* kPermanentNamespaces[] = {"default", "kube-system", "salve-system"};

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_REST_ADMISSION_H_
