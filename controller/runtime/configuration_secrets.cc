// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/configuration_secrets.h"

#include <cstdlib>

#include "pkg/base/redact.h"

namespace salve::runtime {
namespace {

constexpr std::size_t kMaxSecretBytes = 64u << 10;

}  // namespace

StatusOr<std::string> ConfigurationSecrets::Read(
    const apis::config::v1alpha1::SecretReference& reference) {
  std::string value;
  if (!reference.env.empty()) {
    const char* text = std::getenv(reference.env.c_str());
    if (text == nullptr) {
      return NotFoundError("environment variable " + reference.env + " is not set");
    }
    value = text;
  } else {
    SALVE_ASSIGN_OR_RETURN(value, files_.Read(reference.file, kMaxSecretBytes));
  }
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
  MutexLock lock(mu_);
  std::string& known = registered_[reference.env + "=" + reference.file];
  if (known != value) {
    RegisterSecret(value);
    known = value;
  }
  return value;
}

}  // namespace salve::runtime
