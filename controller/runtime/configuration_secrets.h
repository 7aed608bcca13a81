// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_CONFIGURATION_SECRETS_H_
#define SALVE_CONTROLLER_RUNTIME_CONFIGURATION_SECRETS_H_

#include <functional>
#include <map>
#include <string>

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/base/file_source.h"
#include "pkg/base/mutex.h"
#include "pkg/base/status.h"

namespace salve::runtime {

// Reads the secrets that the administrator's configuration refers to, at each use, so that a
// rotated file counts at once. Unlike a policy's author, the administrator may name any variable
// and any file. A line end after the value is left out. Values are registered for redaction in
// logs. Thread-safe.
class ConfigurationSecrets {
 public:
  // Reads a reference to AWS, at most as slowly as the caller can bear.
  using FromAws =
      std::function<StatusOr<std::string>(const apis::config::v1alpha1::SecretReference&)>;

  // `files` outlives it. Without `from_aws` references to AWS are refused.
  explicit ConfigurationSecrets(FileSource& files, FromAws from_aws = nullptr)
      : files_(files), from_aws_(std::move(from_aws)) {}

  // From now on; nullptr: not any more.
  void SetFromAws(FromAws from_aws);

  // Errors name the variable, the file or what is in AWS, never what is in it.
  StatusOr<std::string> Read(const apis::config::v1alpha1::SecretReference& reference);

 private:
  StatusOr<std::string> ReadValue(const apis::config::v1alpha1::SecretReference& reference);

  FileSource& files_;
  Mutex mu_;
  FromAws from_aws_ SALVE_GUARDED_BY(mu_);
  std::map<std::string, std::string> registered_ SALVE_GUARDED_BY(mu_);  // by variable or file
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_CONFIGURATION_SECRETS_H_
