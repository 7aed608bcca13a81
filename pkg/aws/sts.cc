// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/sts.h"

#include <utility>

#include "pkg/aws/credential_answer.h"
#include "pkg/aws/json_client.h"
#include "pkg/aws/text.h"
#include "pkg/base/json_access.h"

namespace salve::aws {
namespace {

constexpr AnswerNames kNames{"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"};
constexpr Operation kAssumeRole{"AssumeRole", Repeat::kSafe, true};
constexpr Operation kWithWebIdentity{"AssumeRoleWithWebIdentity", Repeat::kSafe, false};

std::string What(const RoleRequest& role) { return "assuming " + Quotable(role.role_arn, 200); }

Json Parameters(const RoleRequest& role, const Platform& platform) {
  Json out{{"RoleArn", role.role_arn},
           {"RoleSessionName",
            role.session_name.empty() ? "salve-" + platform.random->Hex(16) : role.session_name},
           {"DurationSeconds", role.duration_seconds}};
  if (!role.external_id.empty()) out["ExternalId"] = role.external_id;
  return out;
}

StatusOr<Credentials> Call(const RoleRequest& role, const Operation& operation, const Json& body,
                           const Credentials& signer, const WaitOptions& wait,
                           const Platform& platform) {
  if (role.region.empty()) {
    return InvalidArgumentError(What(role) +
                                ": no region is known whose STS could be asked; set AWS_REGION");
  }
  const std::unique_ptr<CredentialsProvider> provider = MakeStaticCredentials(signer);
  EndpointOptions endpoint;
  endpoint.region = role.region;
  const auto client = MakeJsonClient(kSts, endpoint, *provider, {}, platform);
  if (!client.ok()) return client.status().Annotate(What(role));
  CallOptions options;
  options.deadline = wait.deadline;
  options.stop = wait.stop;
  const StatusOr<Json> answer = (*client)->Call(operation, body, options);
  if (!answer.ok()) return answer.status().Annotate(What(role));
  const Json* credentials = Find(*answer, {"Credentials"});
  return ReadCredentials(What(role), credentials == nullptr ? Json() : *credentials, kNames);
}

}  // namespace

StatusOr<Credentials> AssumeRole(const RoleRequest& role, const Credentials& signer,
                                 const WaitOptions& wait, const Platform& platform) {
  return Call(role, kAssumeRole, Parameters(role, platform), signer, wait, platform);
}

StatusOr<Credentials> AssumeRoleWithWebIdentity(const RoleRequest& role,
                                                const std::string& token_file,
                                                const WaitOptions& wait, const Platform& platform) {
  StatusOr<std::string> token = ReadToken(token_file, platform);
  if (!token.ok()) return token.status().Annotate(What(role) + " with a web identity token");
  Json body = Parameters(role, platform);
  body["WebIdentityToken"] = *token;
  // Not a signer: what an error of STS must not repeat.
  Credentials hidden;
  hidden.session_token = *token;
  return Call(role, kWithWebIdentity, body, hidden, wait, platform);
}

}  // namespace salve::aws
