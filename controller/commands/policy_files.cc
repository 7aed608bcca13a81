// SPDX-License-Identifier: Apache-2.0
#include "controller/commands/policy_files.h"

#include "controller/cli/input.h"

#include "pkg/apis/codec.h"
#include "pkg/apis/core/v1/types.h"
#include "pkg/apis/salve/v1alpha1/validation.h"
#include "pkg/base/json_access.h"

namespace salve::commands {
namespace {

namespace v1 = apis::salve::v1alpha1;

constexpr char kNameLabel[] = "kubernetes.io/metadata.name";

template <class T>
StatusOr<T> ReadValid(const cli::InputObject& input) {
  auto object = apis::DecodeStrict<T>(input.value);
  if (!object.ok()) return object.status().Annotate(input.where);
  const Status valid = apis::ToStatus(apis::Validate(*object));
  if (!valid.ok()) return valid.Annotate(input.where);
  return object;
}

// Keeps the files' objects apart by name.
class Reader {
 public:
  Status Add(const cli::InputObject& input) {
    const std::string kind = GetString(input.value, {"kind"});
    const std::string version = GetString(input.value, {"apiVersion"});
    if (kind == v1::HealingPolicy::kInfo.kind) return AddPolicy(input);
    if (kind == v1::HealingGuardrail::kInfo.kind) return AddGuardrail(input);
    if (kind == "Namespace" && version == "v1") {
      SALVE_ASSIGN_OR_RETURN(const auto ns, apis::Decode<apis::core::v1::Namespace>(input.value));
      labels_[ns.metadata.name] = ns.metadata.labels;
      return Status::Ok();
    }
    if (kind.empty()) return InvalidArgumentError(input.where + ": kind: required");
    if (version.rfind(std::string(v1::kGroup) + "/", 0) == 0) {
      return InvalidArgumentError(input.where + ": expected a HealingPolicy or HealingGuardrail, " +
                                  "found kind \"" + kind + "\"");
    }
    files_.unused.push_back(input.where + ": " + kind);
    return Status::Ok();
  }

  PolicyFiles Finish() && {
    for (const v1::HealingPolicy& policy : files_.policies) {
      const std::string& ns = policy.metadata.ns;
      files_.namespace_labels[ns] = labels_[ns];
      files_.namespace_labels[ns][kNameLabel] = ns;
    }
    return std::move(files_);
  }

 private:
  Status Once(const std::string& what, const std::string& where) {
    const auto [it, fresh] = places_.try_emplace(what, where);
    if (fresh) return Status::Ok();
    return InvalidArgumentError(where + ": " + what + " is in " + it->second + " already");
  }

  Status AddPolicy(const cli::InputObject& input) {
    SALVE_ASSIGN_OR_RETURN(v1::HealingPolicy policy, ReadValid<v1::HealingPolicy>(input));
    if (policy.metadata.ns.empty()) policy.metadata.ns = "default";
    SALVE_RETURN_IF_ERROR(
        Once("policy " + policy.metadata.ns + "/" + policy.metadata.name, input.where));
    files_.policies.push_back(std::move(policy));
    return Status::Ok();
  }

  Status AddGuardrail(const cli::InputObject& input) {
    SALVE_ASSIGN_OR_RETURN(v1::HealingGuardrail guardrail, ReadValid<v1::HealingGuardrail>(input));
    SALVE_RETURN_IF_ERROR(Once("guardrail " + guardrail.metadata.name, input.where));
    files_.guardrails.push_back(std::move(guardrail));
    return Status::Ok();
  }

  PolicyFiles files_;
  std::map<std::string, std::map<std::string, std::string>> labels_;
  std::map<std::string, std::string> places_;
};

}  // namespace

StatusOr<PolicyFiles> ReadPolicyFiles(const std::string& path) {
  std::vector<Status> errors;
  const std::vector<cli::InputObject> inputs = cli::ReadObjects(path, errors);
  if (!errors.empty()) return errors.front();
  Reader reader;
  for (const cli::InputObject& input : inputs) SALVE_RETURN_IF_ERROR(reader.Add(input));
  PolicyFiles files = std::move(reader).Finish();
  if (files.policies.empty()) {
    return InvalidArgumentError(path + ": there is no HealingPolicy in it");
  }
  return files;
}

}  // namespace salve::commands
