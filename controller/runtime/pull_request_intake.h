// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_PULL_REQUEST_INTAKE_H_
#define SALVE_CONTROLLER_RUNTIME_PULL_REQUEST_INTAKE_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/edge/alert_payloads.h"
#include "pkg/reconcilers/shell.h"

namespace salve::runtime {

// What GitHub tells of pull requests that Salve has made: noted on the incident that tells of it.
// Thread-safe.
class PullRequestIntake {
 public:
  // `shell` and `updater` outlive it. Which repository a sink writes to is taken from
  // `configuration`.
  PullRequestIntake(reconcilers::Shell& shell,
                    reconcilers::StatusUpdater<apis::salve::v1alpha1::Incident>& updater,
                    const apis::config::v1alpha1::ControllerConfiguration& configuration);

  // How many incidents it was noted on; those of namespaces that are not open are left alone. OK
  // means that it is stored.
  StatusOr<std::int64_t> Take(const edge::PullRequestNews& news,
                              const std::function<bool(const std::string& ns)>& open) const;

 private:
  reconcilers::Shell& shell_;
  reconcilers::StatusUpdater<apis::salve::v1alpha1::Incident>& updater_;
  std::map<std::string, std::vector<std::string>> sinks_;  // by repository, in lower case
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_PULL_REQUEST_INTAKE_H_
