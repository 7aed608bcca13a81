// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_CREDENTIAL_SOURCE_H_
#define SALVE_PKG_AWS_CREDENTIAL_SOURCE_H_

#include <memory>
#include <string>

#include "pkg/aws/credentials.h"
#include "pkg/aws/platform.h"
#include "pkg/base/status.h"

// The places where credentials come from, one class each, and what keeps them fresh.
namespace salve::aws {

// One place. Called by one thread at a time.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // For people: "instance metadata".
  virtual std::string name() const = 0;
  // NotConfigured() if there is nothing here; any other error if there is, but it failed.
  virtual StatusOr<Credentials> Fetch(const WaitOptions& wait) = 0;
};

// kNotFound with a reason of its own: a file or a role that was not found is something else.
Status NotConfigured(std::string why);
bool IsNotConfigured(const Status& status);

// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
std::unique_ptr<CredentialSource> MakeEnvironmentSource(const Platform& platform);
// AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME. `region` may be "": then the
// error says what to set.
std::unique_ptr<CredentialSource> MakeWebIdentitySource(const std::string& region,
                                                        const Platform& platform);
// The shared files. `profile` "" = $AWS_PROFILE, else "default".
std::unique_ptr<CredentialSource> MakeProfileSource(const std::string& profile,
                                                    const std::string& region,
                                                    const Platform& platform);
// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, …_FULL_URI, with AWS_CONTAINER_AUTHORIZATION_TOKEN or
// …_TOKEN_FILE. Plain http only to this machine and to the addresses of ECS and EKS.
std::unique_ptr<CredentialSource> MakeContainerSource(const Platform& platform);
// IMDSv2: each request has a second. AWS_EC2_METADATA_DISABLED, AWS_EC2_METADATA_SERVICE_ENDPOINT,
// …_ENDPOINT_MODE. Version 1, which needs no token, is never used.
std::unique_ptr<CredentialSource> MakeInstanceMetadataSource(const Platform& platform);

// Keeps what `source` gives, as credential_chain.h says.
std::unique_ptr<CredentialsProvider> MakeRefreshingProvider(
    std::unique_ptr<CredentialSource> source, Clock& clock);

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_CREDENTIAL_SOURCE_H_
