// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/approval_guard.h"

#include <algorithm>
#include <utility>

#include "pkg/base/json_access.h"
#include "pkg/base/log.h"
#include "pkg/client/wire.h"

namespace salve::runtime {
namespace {

using client::Json;
using client::ResourceInfo;

constexpr char kInstall[] = "; install it: kubectl apply -k manifests/admission";

ResourceInfo Admission(const char* plural, const char* kind) {
  return {"admissionregistration.k8s.io", "v1", plural, kind, /*namespaced=*/false};
}

bool Contains(const Json* list, const std::string& word) {
  return list != nullptr && list->is_array() &&
         std::any_of(list->begin(), list->end(),
                     [&](const Json& one) { return one == word || one == "*"; });
}

// Some validation's expression has this in it.
bool Checks(const Json& policy, const std::string& text) {
  const Json* validations = Find(policy, {"spec", "validations"});
  if (validations == nullptr || !validations->is_array()) return false;
  return std::any_of(validations->begin(), validations->end(), [&](const Json& one) {
    const Json* expression = Find(one, {"expression"});
    return expression != nullptr && expression->is_string() &&
           expression->get<std::string>().find(text) != std::string::npos;
  });
}

bool CoversApprovals(const Json& policy) {
  const Json* rules = Find(policy, {"spec", "matchConstraints", "resourceRules"});
  if (rules == nullptr || !rules->is_array()) return false;
  return std::any_of(rules->begin(), rules->end(), [](const Json& rule) {
    return Contains(Find(rule, {"resources"}), "incidentapprovals") &&
           Contains(Find(rule, {"operations"}), "CREATE");
  });
}

// What makes an otherwise present policy worthless; "" if nothing does.
std::string Flaw(const Json& policy) {
  const Json* failure = Find(policy, {"spec", "failurePolicy"});
  if (failure != nullptr && *failure != "Fail") return "its failurePolicy is not Fail";
  const Json* conditions = Find(policy, {"spec", "matchConditions"});
  if (conditions != nullptr && !conditions->empty()) return "its matchConditions leave some out";
  if (!CoversApprovals(policy)) return "it does not cover the creation of incidentapprovals";
  if (!Checks(policy, "request.userInfo.username")) return "it does not compare the approver";
  if (!Checks(policy, "'approve'")) return "it does not check the verb approve";
  return "";
}

std::string FlawOfBinding(const Json& binding) {
  const Json* name = Find(binding, {"spec", "policyName"});
  if (name == nullptr || *name != ApprovalGuard::kName) return "it binds another policy";
  if (!Contains(Find(binding, {"spec", "validationActions"}), "Deny")) return "it does not deny";
  const Json* match = Find(binding, {"spec", "matchResources"});
  if (match == nullptr || !match->is_object()) return "";
  for (const auto& [key, value] : match->items()) {
    if (key != "matchPolicy" && !value.empty()) return "its matchResources leave some out";
  }
  return "";
}

}  // namespace

StatusOr<bool> IsEmbeddedServer(client::RestClient& client) {
  http::Request request;
  request.target = "/version";
  SALVE_ASSIGN_OR_RETURN(const http::Response answer, client.Send(std::move(request)));
  SALVE_ASSIGN_OR_RETURN(const Json version, client::ParseJson(answer.body));
  const Json* embedded = Find(version, {"embeddedIn"});
  return embedded != nullptr && *embedded == "salve";
}

reconcilers::ApprovalTrust ApprovalGuard::Look() {
  const MonoTime now = clock_.Monotonic();
  {
    MutexLock lock(mu_);
    if (known_ && now - known_at_ < kRemembered) return *known_;
  }
  reconcilers::ApprovalTrust trust = Ask();
  MutexLock lock(mu_);
  const bool news = !known_ || known_->enforced.ok() != trust.enforced.ok();
  if (news && !trust.enforced.ok()) {
    Log(Severity::kWarning, "approvals are not honoured", {{"reason", trust.enforced.message()}});
  }
  known_ = trust;
  known_at_ = now;
  return trust;
}

std::string ApprovalGuard::State() {
  MutexLock lock(mu_);
  if (!known_) return "not looked at yet";
  return known_->enforced.ok() ? "honoured" : "not honoured: " + known_->enforced.message();
}

reconcilers::ApprovalTrust ApprovalGuard::Ask() {
  reconcilers::ApprovalTrust trust;
  StatusOr<std::string> name = OwnName();
  if (!name.ok()) {
    trust.enforced = name.status().Annotate("asking the API server for the own name");
    return trust;
  }
  trust.controller_identity = std::move(name).value();
  const StatusOr<bool> embedded = IsEmbeddedServer(client_);
  trust.enforced = !embedded.ok()
                       ? embedded.status().Annotate("asking the API server for its version")
                   : *embedded ? Status::Ok()
                               : PolicyIsThere();
  return trust;
}

StatusOr<std::string> ApprovalGuard::OwnName() {
  const ResourceInfo reviews = {"authentication.k8s.io", "v1", "selfsubjectreviews",
                                "SelfSubjectReview", false};
  SALVE_ASSIGN_OR_RETURN(
      const Json review,
      client_.Create(reviews,
                     {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}},
                     {}));
  const Json* name = Find(review, {"status", "userInfo", "username"});
  if (name == nullptr || !name->is_string() || name->get<std::string>().empty()) {
    return InternalError("the answer has no status.userInfo.username");
  }
  return name->get<std::string>();
}

Status ApprovalGuard::PolicyIsThere() {
  const std::string what = "ValidatingAdmissionPolicy " + std::string(kName);
  const auto policy = client_.Get(
      Admission("validatingadmissionpolicies", "ValidatingAdmissionPolicy"), {"", kName});
  if (policy.code() == Code::kNotFound) return NotFoundError(what + " is missing" + kInstall);
  if (!policy.ok()) return policy.status().Annotate("reading " + what);
  if (const std::string flaw = Flaw(*policy); !flaw.empty()) {
    return InvalidArgumentError(what + " is of no use: " + flaw + kInstall);
  }
  const auto binding = client_.Get(
      Admission("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding"),
      {"", kName});
  const std::string bound = "ValidatingAdmissionPolicyBinding " + std::string(kName);
  if (binding.code() == Code::kNotFound) return NotFoundError(bound + " is missing" + kInstall);
  if (!binding.ok()) return binding.status().Annotate("reading " + bound);
  if (const std::string flaw = FlawOfBinding(*binding); !flaw.empty()) {
    return InvalidArgumentError(bound + " is of no use: " + flaw + kInstall);
  }
  return Status::Ok();
}

}  // namespace salve::runtime
