// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_STS_H_
#define SALVE_PKG_AWS_STS_H_

#include <string>

#include "pkg/aws/credentials.h"
#include "pkg/aws/platform.h"
#include "pkg/base/status.h"

// Roles, by the Security Token Service.
namespace salve::aws {

struct RoleRequest {
  std::string region;  // whose STS is asked
  std::string role_arn;
  std::string session_name;  // "" = "salve-" and random digits
  std::string external_id;
  int duration_seconds = 3600;
};

// Errors: those of JsonClient::Call, with the role's name.
StatusOr<Credentials> AssumeRole(const RoleRequest& role, const Credentials& signer,
                                 const WaitOptions& wait, const Platform& platform);
// With the token in `token_file` in the place of a signature.
StatusOr<Credentials> AssumeRoleWithWebIdentity(const RoleRequest& role,
                                                const std::string& token_file,
                                                const WaitOptions& wait, const Platform& platform);

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_STS_H_
