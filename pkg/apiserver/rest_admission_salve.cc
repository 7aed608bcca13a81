// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/codec.h"
#include "pkg/apis/salve/v1alpha1/validation.h"
#include "pkg/apiserver/rest_admission.h"

namespace salve::apiserver {
namespace {

namespace v1alpha1 = apis::salve::v1alpha1;

constexpr std::size_t kMaxCauses = 100;

template <class Kind>
apis::FieldErrors Check(const Json& object) {
  const auto typed = apis::Decode<Kind>(object);
  if (!typed.ok()) return {{"", apis::kFieldValueInvalid, typed.status().message()}};
  return apis::Validate(*typed);
}

// An update that does not touch the spec is not asked: what was stored under older rules, or with
// time zones that this machine no longer has, must still lose its finalizers.
bool SameSpec(const AdmissionRequest& request) {
  return request.old != nullptr &&
         request.object->value("spec", Json()) == request.old->value("spec", Json());
}

// What an object of ours is made of beyond its schema. The schema has been checked before.
class SalveKindsPlugin final : public AdmissionPlugin {
 public:
  std::optional<ApiError> Validate(const AdmissionRequest& request) const override {
    const ResourceInfo& info = request.resource.info;
    // The status is the controller's, and read leniently.
    if (info.group != v1alpha1::kGroup || info.version != v1alpha1::kVersion ||
        request.object == nullptr || !request.subresource.empty() || SameSpec(request)) {
      return std::nullopt;
    }
    std::vector<Cause> causes;
    for (const apis::FieldError& error : Errors(info.plural, *request.object)) {
      if (error.field.starts_with("status")) continue;
      if (causes.size() == kMaxCauses) break;
      causes.push_back({error.reason, error.message, error.field});
    }
    if (causes.empty()) return std::nullopt;
    return Invalid(info, request.name, causes);
  }

 private:
  static apis::FieldErrors Errors(const std::string& plural, const Json& object) {
    if (plural == "healingpolicies") return Check<v1alpha1::HealingPolicy>(object);
    if (plural == "incidents") return Check<v1alpha1::Incident>(object);
    if (plural == "incidentapprovals") return Check<v1alpha1::IncidentApproval>(object);
    if (plural == "healingguardrails") return Check<v1alpha1::HealingGuardrail>(object);
    return {};
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeSalveKindsPlugin() {
  return std::make_unique<SalveKindsPlugin>();
}

}  // namespace salve::apiserver
