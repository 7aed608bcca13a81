// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "pkg/apis/salve/v1alpha1/validation_internal.h"
#include "pkg/apis/syntax.h"

namespace salve::apis::internal {

namespace v1alpha1 = salve::v1alpha1;

namespace {

bool Has(const std::vector<v1alpha1::Schedule>& schedules, const char* action) {
  return std::any_of(schedules.begin(), schedules.end(),
                     [&](const v1alpha1::Schedule& one) { return one.action == action; });
}

}  // namespace

void ValidateSchedules(const v1alpha1::HealingPolicySpec& spec, FieldErrors& errors) {
  const std::vector<v1alpha1::Schedule>& schedules = spec.schedules;
  if (schedules.empty()) return;
  if (spec.target.kubernetes) {
    const std::string& kind = spec.target.kubernetes->kind;
    if (kind == "DaemonSet" || kind == "Pod") {
      errors.push_back(ForbiddenField(
          "spec.schedules",
          "a " + kind + " has no number of replicas; Deployments and StatefulSets can be scaled"));
    }
  }
  const bool sleeps = Has(schedules, v1alpha1::kScheduleScaleToZero);
  for (std::size_t i = 0; i < schedules.size(); ++i) {
    const std::string path = At("spec.schedules", i);
    ValidateCron(schedules[i].cron, schedules[i].time_zone, path, errors);
    if (schedules[i].action == v1alpha1::kScheduleRestore && !sleeps) {
      errors.push_back(InvalidField(path + ".action", Quoted(schedules[i].action),
                                    "there is nothing to go back from: no schedule of the policy "
                                    "says ScaleToZero"));
    }
  }
}

}  // namespace salve::apis::internal
