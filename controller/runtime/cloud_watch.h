// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_CLOUD_WATCH_H_
#define SALVE_CONTROLLER_RUNTIME_CLOUD_WATCH_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "controller/runtime/metric_caller.h"

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/aws/json_client.h"
#include "pkg/aws/platform.h"
#include "pkg/base/mutex.h"
#include "pkg/probes/metric_reader.h"

namespace salve::runtime {

// CloudWatch of the accounts that the configuration has as ecs backends, with their credentials and
// endpoints. Thread-safe.
class CloudWatch final : public probes::MetricReader {
 public:
  // Whether policies of a namespace may use a backend.
  using MayUse = std::function<bool(const std::string& backend, const std::string& ns)>;

  // Regions of all backends together that are asked; each has a thread of its own.
  static constexpr std::size_t kMostRegions = 32;

  // What `platform` points to outlives it.
  CloudWatch(const apis::config::v1alpha1::ControllerConfiguration& configuration, MayUse may_use,
             aws::Platform platform);
  ~CloudWatch() override;

  void Read(const std::string& ns, const apis::salve::v1alpha1::CloudWatchProbe& probe,
            MonoTime deadline, Done done) override;

 private:
  struct Account;
  StatusOr<MetricCaller*> CallerFor(const std::string& ns, const std::string& backend,
                                    const std::string& region);
  StatusOr<std::unique_ptr<Account>> Open(const apis::config::v1alpha1::EcsBackend& ecs,
                                          const std::string& region) const;

  const MayUse may_use_;
  const aws::Platform platform_;
  const std::map<std::string, apis::config::v1alpha1::EcsBackend> backends_;  // by name

  Mutex mu_;
  // By backend and region as a probe names it.
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Account>> accounts_
      SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_CLOUD_WATCH_H_
