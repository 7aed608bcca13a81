// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_GATED_BACKEND_H_
#define SALVE_CONTROLLER_RUNTIME_GATED_BACKEND_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pkg/backends/backend.h"
#include "pkg/engine/leader.h"

namespace salve::runtime {

// A backend that acts only while this process leads. The intent of an attempt was written under the
// lead, and then the process may have stood still for long: whoever leads now has the attempt in
// hand. Everything but Execute is the inner one's. Thread-safe as that is.
class GatedBackend final : public backends::Backend {
 public:
  using TargetRef = apis::salve::v1alpha1::TargetRef;

  // `elector` outlives it.
  GatedBackend(std::unique_ptr<backends::Backend> inner, const engine::LeaderElector& elector)
      : inner_(std::move(inner)), elector_(elector) {}

  StatusOr<healing::ActionResult> Execute(const backends::ActionRequest& request) override {
    if (!elector_.IsLeader()) {
      return UnavailableError("not done, because this process does not lead");
    }
    return inner_->Execute(request);
  }

  const std::string& name() const override { return inner_->name(); }
  Status Available() const override { return inner_->Available(); }
  StatusOr<std::vector<TargetRef>> Resolve(const apis::salve::v1alpha1::Target& target,
                                           const std::string& ns) const override {
    return inner_->Resolve(target, ns);
  }
  StatusOr<healing::TargetObservation> Cached(const TargetRef& ref) const override {
    return inner_->Cached(ref);
  }
  StatusOr<healing::TargetObservation> Observe(const TargetRef& ref,
                                               const backends::CallContext& context) override {
    return inner_->Observe(ref, context);
  }
  StatusOr<std::vector<std::string>> Logs(const TargetRef& ref, int max_lines,
                                          const backends::CallContext& context) override {
    return inner_->Logs(ref, max_lines, context);
  }
  StatusOr<healing::ActionPlan> Plan(const apis::salve::v1alpha1::Action& action,
                                     const TargetRef& ref,
                                     const backends::CallContext& context) override {
    return inner_->Plan(action, ref, context);
  }
  StatusOr<healing::ActionResult> Outcome(const backends::ActionRequest& request) override {
    return inner_->Outcome(request);
  }
  StatusOr<healing::ActionResult> RunProbe(const TargetRef& ref,
                                           const std::vector<std::string>& argv,
                                           const backends::CallContext& context) override {
    return inner_->RunProbe(ref, argv, context);
  }
  void OnChange(std::function<void(const TargetRef&)> callback) override {
    inner_->OnChange(std::move(callback));
  }
  Status Start() override { return inner_->Start(); }
  void Stop() override { inner_->Stop(); }

 private:
  const std::unique_ptr<backends::Backend> inner_;
  const engine::LeaderElector& elector_;
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_GATED_BACKEND_H_
