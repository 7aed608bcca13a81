// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_AWS_ACCOUNT_H_
#define SALVE_CONTROLLER_RUNTIME_AWS_ACCOUNT_H_

#include <memory>
#include <string>

#include "pkg/aws/credentials.h"
#include "pkg/aws/platform.h"
#include "pkg/base/status.h"

namespace salve::runtime {

// A part of the configuration that names an account; "" = what the surroundings say.
struct AwsAccountOptions {
  std::string region_field;  // how the configuration calls the region, for messages
  std::string region;
  std::string profile;
  std::string role_arn;  // assumed with the surroundings' credentials
};

struct AwsAccount {
  std::string region;
  std::shared_ptr<aws::CredentialsProvider> credentials;
};

// kInvalidArgument names the field: no region is to be found. Credentials are looked for when they
// are used. What `platform` points to outlives the account.
StatusOr<AwsAccount> MakeAwsAccount(const AwsAccountOptions& options,
                                    const aws::Platform& platform);

// The machine's own, on another clock and other randomness. Both outlive it.
aws::Platform AwsPlatform(Clock& clock, Random& random);

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_AWS_ACCOUNT_H_
