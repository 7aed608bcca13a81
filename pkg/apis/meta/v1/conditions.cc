// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "pkg/apis/meta/v1/types.h"

namespace salve::apis::meta::v1 {
namespace {

bool SameButTime(const Condition& a, const Condition& b) {
  return a.status == b.status && a.observed_generation == b.observed_generation &&
         a.reason == b.reason && a.message == b.message;
}

}  // namespace

const Condition* FindCondition(const std::vector<Condition>& conditions, const std::string& type) {
  const auto it = std::find_if(conditions.begin(), conditions.end(),
                               [&](const Condition& c) { return c.type == type; });
  return it == conditions.end() ? nullptr : &*it;
}

bool IsConditionTrue(const std::vector<Condition>& conditions, const std::string& type) {
  const Condition* condition = FindCondition(conditions, type);
  return condition != nullptr && condition->status == "True";
}

bool SetCondition(std::vector<Condition>& conditions, Condition condition, const std::string& now) {
  const auto it = std::find_if(conditions.begin(), conditions.end(),
                               [&](const Condition& c) { return c.type == condition.type; });
  if (it == conditions.end()) {
    condition.last_transition_time = now;
    conditions.push_back(std::move(condition));
    return true;
  }
  if (SameButTime(*it, condition)) return false;
  condition.last_transition_time =
      it->status == condition.status && !it->last_transition_time.empty() ? it->last_transition_time
                                                                          : now;
  *it = std::move(condition);
  return true;
}

}  // namespace salve::apis::meta::v1
