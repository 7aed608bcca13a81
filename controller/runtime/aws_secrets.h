// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_AWS_SECRETS_H_
#define SALVE_CONTROLLER_RUNTIME_AWS_SECRETS_H_

#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "controller/runtime/aws_account.h"

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/apis/salve/v1alpha1/common.h"
#include "pkg/aws/platform.h"
#include "pkg/aws/secrets_source.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/status.h"

namespace salve::runtime {

// Parameters of Systems Manager and secrets of Secrets Manager that the configuration and, below
// the prefix that it opens, policies refer to. Remembered for secrets.aws.refreshSeconds.
// Thread-safe. Errors name the reference, the call and the missing right, never a value.
class AwsSecrets {
 public:
  // nullptr where the configuration neither has secrets.aws nor refers to any. kInvalidArgument
  // names the field (no region is to be found, an ARN of another region). Nothing is read yet. What
  // `platform` points to outlives it.
  static StatusOr<std::shared_ptr<AwsSecrets>> Make(
      const apis::config::v1alpha1::ControllerConfiguration& configuration,
      const aws::Platform& platform);

  // What the configuration refers to. Waits for AWS for up to ten seconds.
  StatusOr<std::string> Read(const apis::config::v1alpha1::SecretReference& reference);
  // What a policy of namespace `ns` refers to; kPermissionDenied for what is not open to it. Waits
  // as Read does.
  StatusOr<std::string> ReadForPolicy(const apis::salve::v1alpha1::SecretSource& source,
                                      const std::string& ns);
  // It was refused by whom it was for: the next read asks anew, now and then. Returns at once.
  void Doubt(const apis::salve::v1alpha1::SecretSource& source);
  // Ends waiting reads, and every later one at once.
  void Stop() { stop_.request_stop(); }

 private:
  AwsSecrets(std::string policy_prefix, AwsAccount account, Clock& clock)
      : policy_prefix_(std::move(policy_prefix)), account_(std::move(account)), clock_(clock) {}
  Status Connect(const apis::config::v1alpha1::AwsSecretsConfiguration& configuration,
                 const aws::Platform& platform);
  Status CheckRegion(const apis::config::v1alpha1::SecretReference& reference) const;
  Status CheckOpen(const std::string& what, const std::string& name, const std::string& ns) const;
  aws::WaitOptions Wait() const;

  const std::string policy_prefix_;
  const AwsAccount account_;
  Clock& clock_;
  std::unique_ptr<aws::JsonClient> ssm_;
  std::unique_ptr<aws::JsonClient> secrets_manager_;
  std::unique_ptr<aws::SecretsSource> source_;
  std::stop_source stop_;
};

// What a policy that refers to a secret in AWS is told where there are no AwsSecrets.
Status AwsSecretsNotOpen(const apis::salve::v1alpha1::SecretSource& source);

// Every reference of the configuration to a secret in AWS, each once.
std::vector<apis::config::v1alpha1::SecretReference> AwsReferences(
    const apis::config::v1alpha1::ControllerConfiguration& configuration);

// The secrets in AWS that the configuration refers to, read ahead by a thread of its own: who
// checks a delivery or sends a message must not wait for AWS. Thread-safe.
class KeptAwsSecrets {
 public:
  // Reads each again after `refresh`, one that cannot be read sooner. `clock` outlives it.
  KeptAwsSecrets(std::shared_ptr<AwsSecrets> secrets,
                 std::vector<apis::config::v1alpha1::SecretReference> references, Duration refresh,
                 Clock& clock);
  ~KeptAwsSecrets();  // Stop()

  void Start();
  // Returns when the thread has ended. Safe to call twice.
  void Stop();

  // As it was read last; kUnavailable while it is read for the first time. Returns at once.
  StatusOr<std::string> Read(const apis::config::v1alpha1::SecretReference& reference) const;

 private:
  struct Kept {
    apis::config::v1alpha1::SecretReference reference;
    StatusOr<std::string> value;
  };

  void Run(const std::stop_token& stop);
  bool ReadAll();

  const std::shared_ptr<AwsSecrets> secrets_;
  const Duration refresh_;
  Clock& clock_;
  mutable Mutex mu_;
  std::vector<Kept> kept_ SALVE_GUARDED_BY(mu_);
  std::jthread thread_;
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_AWS_SECRETS_H_
