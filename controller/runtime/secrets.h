// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_SECRETS_H_
#define SALVE_CONTROLLER_RUNTIME_SECRETS_H_

#include <memory>
#include <string>
#include <utility>

#include "controller/runtime/aws_secrets.h"

#include "pkg/client/client.h"
#include "pkg/probes/prober.h"

namespace salve::runtime {

// The sources that need no API server; the rules below hold for it too. Thread-safe.
class LocalSecretReader final : public probes::SecretReader {
 public:
  // An empty `file_root` refuses all files, no `aws` everything in AWS.
  explicit LocalSecretReader(std::string file_root, std::shared_ptr<AwsSecrets> aws = nullptr)
      : file_root_(std::move(file_root)), aws_(std::move(aws)) {}
  // kInvalidArgument for a reference to a Secret.
  StatusOr<std::string> Read(const apis::salve::v1alpha1::SecretSource& source,
                             const std::string& ns) override;
  void Refused(const apis::salve::v1alpha1::SecretSource& source) override;

 private:
  StatusOr<std::string> ReadFile(const std::string& path) const;

  const std::string file_root_;
  const std::shared_ptr<AwsSecrets> aws_;
};

// Reads the secrets that policies refer to, at each use, so that a rotation needs no restart; those
// in AWS are remembered for a while, and read anew where they were refused.
// Thread-safe.
//
// A policy's author must not be able to send the controller's own secrets to an address of his
// choice, so:
//   env     only variables whose name begins with SALVE_SECRET_ or SALVE_DEMO_
//   file    only files below `file_root` (links are followed before the check), at most 64 kB
//   secret  only Secrets of the policy's own namespace
//   AWS     only names below secrets.aws.policyPrefix and the policy's own namespace
// A line end after the value is left out. Values are registered for redaction in logs.
class PolicySecretReader final : public probes::SecretReader {
 public:
  // `client` outlives it. An empty `file_root` refuses all files, no `aws` everything in AWS.
  PolicySecretReader(client::Client& client, std::string file_root,
                     std::shared_ptr<AwsSecrets> aws = nullptr);
  StatusOr<std::string> Read(const apis::salve::v1alpha1::SecretSource& source,
                             const std::string& ns) override;
  void Refused(const apis::salve::v1alpha1::SecretSource& source) override {
    local_.Refused(source);
  }

 private:
  StatusOr<std::string> ReadSecret(const std::string& ns, const std::string& name,
                                   const std::string& key);

  client::Client& client_;
  LocalSecretReader local_;
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_SECRETS_H_
