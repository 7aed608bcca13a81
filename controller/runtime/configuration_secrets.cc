// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/configuration_secrets.h"

#include <utility>

#include "pkg/base/environment.h"
#include "pkg/base/redact.h"

namespace salve::runtime {
namespace {

constexpr std::size_t kMaxSecretBytes = 64u << 10;

}  // namespace

void ConfigurationSecrets::SetFromAws(FromAws from_aws) {
  MutexLock lock(mu_);
  from_aws_ = std::move(from_aws);
}

StatusOr<std::string> ConfigurationSecrets::ReadValue(
    const apis::config::v1alpha1::SecretReference& reference) {
  if (!reference.env.empty()) {
    auto value = Variable(reference.env);
    if (!value) return NotFoundError("environment variable " + reference.env + " is not set");
    return *std::move(value);
  }
  if (!reference.file.empty()) return files_.Read(reference.file, kMaxSecretBytes);
  FromAws from_aws;
  {
    MutexLock lock(mu_);
    from_aws = from_aws_;
  }
  if (from_aws == nullptr) return UnavailableError("secrets in AWS are not read at the moment");
  return from_aws(reference);
}

StatusOr<std::string> ConfigurationSecrets::Read(
    const apis::config::v1alpha1::SecretReference& reference) {
  SALVE_ASSIGN_OR_RETURN(std::string value, ReadValue(reference));
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
  // What comes from AWS is registered where it is fetched.
  if (reference.ssm || reference.secrets_manager) return value;
  MutexLock lock(mu_);
  std::string& known = registered_[reference.env + "=" + reference.file];
  if (known != value) {
    RegisterSecret(value);
    known = value;
  }
  return value;
}

}  // namespace salve::runtime
