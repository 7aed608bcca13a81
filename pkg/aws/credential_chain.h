// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_CREDENTIAL_CHAIN_H_
#define SALVE_PKG_AWS_CREDENTIAL_CHAIN_H_

#include <memory>
#include <string>

#include "pkg/aws/credentials.h"
#include "pkg/aws/platform.h"
#include "pkg/base/status.h"

namespace salve::aws {

struct ChainOptions {
  std::string profile;  // "" = $AWS_PROFILE, else "default"
  std::string region;   // for STS; "" = what ResolveRegion() finds
};

// Credentials from the first of these that is configured (if options.profile names a profile, from
// that one alone):
//   1. environment         AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
//   2. web identity        AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN (IAM roles for EKS pods)
//   3. the profile         of the shared config and credentials files: role_arn with source_profile
//                          or credential_source, web identity, SSO (`aws sso login`), static keys
//   4. container endpoint  AWS_CONTAINER_CREDENTIALS_RELATIVE_URI (ECS) or …_FULL_URI (EKS pod
//                          identity)
//   5. instance metadata   IMDSv2, unless AWS_EC2_METADATA_DISABLED
// One that is configured but fails ends the search with its error: another identity than the
// configured one is never used in its place. The one that gave the first credentials gives all
// later ones. `credential_process` is refused (kUnimplemented): Salve runs no program that a file
// names. So are mfa_serial and an expired SSO session, which need a person.
//
// They are fetched again ahead of their expiry: from 15 minutes before, one caller at a time tries
// (at most once a minute) while the others go on with the old ones; from 5 minutes before, all wait
// for one fetch. If it fails, the old ones serve until they expire. Keys without an expiry are read
// again every minute, so that a rotated file is noticed.
std::unique_ptr<CredentialsProvider> MakeCredentialChain(const ChainOptions& options,
                                                         const Platform& platform);

// AWS_REGION, AWS_DEFAULT_REGION, the profile's `region`. kNotFound names all three;
// kInvalidArgument for a value that is no region.
StatusOr<std::string> ResolveRegion(const std::string& profile, const Platform& platform);

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_CREDENTIAL_CHAIN_H_
