// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/rest_admission.h"

#include <utility>

namespace salve::apiserver {
namespace {

constexpr char kSalveGroup[] = "salve.dev";

std::string SpecText(const Json& object, const char* key) {
  const auto spec = object.find("spec");
  if (spec == object.end() || !spec->is_object()) return {};
  const auto value = spec->find(key);
  return value != spec->end() && value->is_string() ? value->get<std::string>() : std::string();
}

ApiError Denied(const AdmissionRequest& request, const std::string& why) {
  const std::string message =
      "ValidatingAdmissionPolicy 'incidentapprovals.salve.dev' with binding "
      "'incidentapprovals.salve.dev' denied request: " +
      why;
  Json body = Forbidden(request.resource.info, request.name, message).body();
  body["details"]["causes"] = Json::array({{{"message", message}}});
  return ApiError(std::move(body));
}

class ApprovalPlugin final : public AdmissionPlugin {
 public:
  std::optional<ApiError> Validate(const AdmissionRequest& request) const override {
    const ResourceInfo& info = request.resource.info;
    if (info.group != kSalveGroup || info.plural != "incidentapprovals") return std::nullopt;
    switch (request.operation) {
      case Operation::kCreate:
        return ValidateCreate(request);
      case Operation::kUpdate:
        if (request.object->value("spec", Json()) != request.old->value("spec", Json())) {
          return Denied(request, "an approval cannot be changed: delete it and create a new one");
        }
        return std::nullopt;
      case Operation::kDelete:
        return std::nullopt;
    }
    return std::nullopt;
  }

 private:
  static std::optional<ApiError> ValidateCreate(const AdmissionRequest& request) {
    if (IsController(request.user)) {
      return Denied(request, "the controller may not approve what it proposes itself");
    }
    const std::string approver = SpecText(*request.object, "approver");
    if (approver != request.user.user) {
      return Denied(request, "spec.approver must be the name of who sends the request: \"" +
                                 request.user.user + "\", not \"" + approver + "\"");
    }
    const std::string policy = SpecText(*request.object, "policyName");
    Attributes wanted;
    wanted.verb = "approve";
    wanted.group = kSalveGroup;
    wanted.resource = "healingpolicies";
    wanted.ns = request.ns;
    wanted.name = policy;
    if (!Allowed(request.user, wanted)) {
      return Denied(request, "\"" + request.user.user +
                                 "\" may not approve for the healingpolicy \"" + policy +
                                 "\" in the namespace \"" + request.ns + "\"");
    }
    return std::nullopt;
  }
};

class NamespacePlugin final : public AdmissionPlugin {
 public:
  std::optional<ApiError> Validate(const AdmissionRequest& request) const override {
    const ResourceInfo& info = request.resource.info;
    if (request.operation != Operation::kDelete || !info.group.empty() ||
        info.plural != "namespaces") {
      return std::nullopt;
    }
    for (const char* name : kPermanentNamespaces) {
      if (request.name == name) {
        return Forbidden(info, request.name, "this namespace may not be deleted");
      }
    }
    return std::nullopt;
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> MakeApprovalPlugin() { return std::make_unique<ApprovalPlugin>(); }

std::unique_ptr<AdmissionPlugin> MakeNamespacePlugin() {
  return std::make_unique<NamespacePlugin>();
}

}  // namespace salve::apiserver
