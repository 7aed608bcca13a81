// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_SSO_H_
#define SALVE_PKG_AWS_SSO_H_

#include <string>

#include "pkg/aws/config_file.h"
#include "pkg/aws/credentials.h"
#include "pkg/aws/platform.h"
#include "pkg/base/status.h"

namespace salve::aws {

// Credentials of a profile with sso_account_id and sso_role_name (and sso_session, or sso_start_url
// and sso_region), by the access token that `aws sso login` left in ~/.aws/sso/cache. The token is
// only read: renewing it would make the one that the person's own tools keep invalid. Errors say
// which setting is missing, or to log in again (kUnauthenticated).
StatusOr<Credentials> SsoCredentials(const std::string& profile, const SharedConfig& config,
                                     const WaitOptions& wait, const Platform& platform);

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_SSO_H_
