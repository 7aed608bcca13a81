// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_CONFIGURATION_SECRETS_H_
#define SALVE_CONTROLLER_RUNTIME_CONFIGURATION_SECRETS_H_

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
  // `files` outlives it.
  explicit ConfigurationSecrets(FileSource& files) : files_(files) {}

  // Errors name the variable or the file, never what is in it.
  StatusOr<std::string> Read(const apis::config::v1alpha1::SecretReference& reference);

 private:
  FileSource& files_;
  Mutex mu_;
  std::map<std::string, std::string> registered_ SALVE_GUARDED_BY(mu_);  // by reference
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_CONFIGURATION_SECRETS_H_
