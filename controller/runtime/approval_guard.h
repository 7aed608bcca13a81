// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_APPROVAL_GUARD_H_
#define SALVE_CONTROLLER_RUNTIME_APPROVAL_GUARD_H_

#include <optional>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/client/rest_client.h"
#include "pkg/reconcilers/shell.h"

namespace salve::runtime {

// Whether the API server is the one of `salve standalone`, which serves Salve's kinds and no
// workloads.
StatusOr<bool> IsEmbeddedServer(client::RestClient& client);

// Whether the API server ties an approval to the person who made it: on a cluster by the
// ValidatingAdmissionPolicy and binding of manifests/admission, in Salve's embedded server by
// itself. Looks at the objects themselves, at most once in kRemembered; whatever cannot be seen
// counts as missing. Thread-safe; Look() may ask the server.
class ApprovalGuard {
 public:
  static constexpr Duration kRemembered = std::chrono::seconds(10);
  // Of both the policy and its binding.
  static constexpr char kName[] = "incidentapprovals.salve.dev";

  // Both outlive it.
  ApprovalGuard(client::RestClient& client, Clock& clock) : client_(client), clock_(clock) {}

  reconcilers::ApprovalTrust Look();
  // For people: what the last look found. Asks nobody.
  std::string State();

 private:
  reconcilers::ApprovalTrust Ask();
  StatusOr<std::string> OwnName();
  Status PolicyIsThere();

  client::RestClient& client_;
  Clock& clock_;
  Mutex mu_;
  std::optional<reconcilers::ApprovalTrust> known_ SALVE_GUARDED_BY(mu_);
  MonoTime known_at_ SALVE_GUARDED_BY(mu_){};
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_APPROVAL_GUARD_H_
