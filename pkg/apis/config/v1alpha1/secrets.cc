// SPDX-License-Identifier: Apache-2.0
// The part of the configuration that says where secrets are.
#include <algorithm>

#include "pkg/apis/config/v1alpha1/tables.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"
#include "pkg/apis/syntax.h"
#include "pkg/base/pattern.h"

namespace salve::apis {

using config::v1alpha1::AwsSecretsConfiguration;
using config::v1alpha1::SecretReference;
using config::v1alpha1::SecretsConfiguration;
using config::v1alpha1::SecretsManagerReference;
using config::v1alpha1::SsmReference;

SALVE_APIS_TABLE(SsmReference,
                 Describe("SsmReference",
                          {
                              F<&SsmReference::name>("name",
                                                     "Its name, with :3 or :label for a version, "
                                                     "or its ARN.")
                                  .Required()
                                  .MinLength(1)
                                  .MaxLength(2048),
                          }));

SALVE_APIS_TABLE(SecretsManagerReference,
                 Describe("SecretsManagerReference",
                          {
                              F<&SecretsManagerReference::id>("id", "Its name or its ARN.")
                                  .Required()
                                  .MinLength(1)
                                  .MaxLength(2048),
                              F<&SecretsManagerReference::key>(
                                  "key",
                                  "Member of a secret that is a JSON object; default the whole "
                                  "secret.")
                                  .MinLength(1)
                                  .MaxLength(253),
                          }));

SALVE_APIS_TABLE(
    SecretReference,
    Describe("SecretReference",
             {
                 F<&SecretReference::env>("env", "Name of an environment variable of Salve's own.")
                     .Matching("^[A-Za-z_][A-Za-z0-9_]*$"),
                 F<&SecretReference::file>("file",
                                           "Absolute path of a file; read anew when it changes."),
                 F<&SecretReference::ssm>("ssm", "A parameter of AWS Systems Manager."),
                 F<&SecretReference::secrets_manager>("secretsManager",
                                                      "A secret of AWS Secrets Manager."),
             }));

SALVE_APIS_TABLE(
    AwsSecretsConfiguration,
    Describe(
        "AwsSecretsConfiguration",
        {
            F<&AwsSecretsConfiguration::backend>(
                "backend", "An ecs backend whose region and credentials are used."),
            F<&AwsSecretsConfiguration::region>(
                "region", "Default AWS_REGION, else AWS_DEFAULT_REGION, else the profile's own.")
                .Matching("^[a-z]{2}(-[a-z]+)+-[0-9]+$"),
            F<&AwsSecretsConfiguration::profile>(
                "profile", "Of the shared files; default AWS_PROFILE, else default."),
            F<&AwsSecretsConfiguration::role_arn>("roleARN",
                                                  "A role to assume with those credentials.")
                .Matching("^arn:aws[a-z-]*:iam::[0-9]{12}:role/\\S+$"),
            F<&AwsSecretsConfiguration::endpoint>(
                "endpoint", "Instead of the region's own; plain http only on this machine."),
            F<&AwsSecretsConfiguration::policy_prefix>(
                "policyPrefix",
                "Policies may refer to what begins with it, a slash, their namespace and a slash; "
                "default to nothing.")
                .MaxLength(256)
                .Matching("^(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+$"),
            F<&AwsSecretsConfiguration::refresh_seconds>(
                "refreshSeconds", "How long a value is used before it is read again.")
                .Default()
                .Range(1, 86'400),
        }));

SALVE_APIS_TABLE(SecretsConfiguration,
                 Describe("SecretsConfiguration",
                          {
                              F<&SecretsConfiguration::aws>(
                                  "aws", "Parameters and secrets of Amazon Web Services."),
                          }));

namespace config::v1alpha1 {
namespace {

// Parts of a path do not begin with a dot: neither ".." nor "//" names anything.
const std::string kParts =
    "[A-Za-z0-9_+=@-][A-Za-z0-9_+=.@-]*(/[A-Za-z0-9_+=@-][A-Za-z0-9_+=.@-]*)*";
const std::string kParameter = "(arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter/|/)?" + kParts +
                               "(:[A-Za-z0-9_.-]{1,100})?";
const std::string kSecret =
    "(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:)?/?" + kParts;

void CheckName(const std::string& name, const std::string& pattern, const std::string& path,
               const std::string& what, FieldErrors& errors) {
  const auto compiled = Pattern::Compile(pattern);
  if (compiled.ok() && compiled->MatchesAll(name)) return;
  errors.push_back(InvalidField(path, Quoted(name), "must be " + what));
}

}  // namespace

void CheckSecret(const SecretReference& secret, const std::string& path, FieldErrors& errors) {
  const int members = (secret.env.empty() ? 0 : 1) + (secret.file.empty() ? 0 : 1) +
                      (secret.ssm ? 1 : 0) + (secret.secrets_manager ? 1 : 0);
  if (members != 1) {
    errors.push_back(members == 0
                         ? RequiredField(path, "one of env, file, ssm, secretsManager")
                         : ForbiddenField(path, "exactly one of env, file, ssm, secretsManager"));
    return;
  }
  if (!secret.file.empty() && secret.file.front() != '/') {
    errors.push_back(InvalidField(path + ".file", Quoted(secret.file), "must be an absolute path"));
  }
  if (secret.ssm) {
    CheckName(secret.ssm->name, kParameter, path + ".ssm.name",
              "a parameter's name, like /salve/redis, or its ARN", errors);
  }
  if (secret.secrets_manager) {
    CheckName(secret.secrets_manager->id, kSecret, path + ".secretsManager.id",
              "a secret's name, like salve/redis, or its ARN", errors);
  }
}

void CheckAwsSecrets(const AwsSecretsConfiguration& aws,
                     const std::vector<BackendConfiguration>& backends, FieldErrors& errors) {
  const std::string path = "secrets.aws";
  if (!aws.endpoint.empty()) {
    const std::string why = CheckHttpUrl(aws.endpoint);
    if (!why.empty()) errors.push_back(InvalidField(path + ".endpoint", Quoted(aws.endpoint), why));
  }
  if (aws.backend.empty()) return;
  const bool there = std::any_of(
      backends.begin(), backends.end(),
      [&](const BackendConfiguration& one) { return one.name == aws.backend && one.ecs; });
  if (!there) {
    errors.push_back(InvalidField(path + ".backend", Quoted(aws.backend),
                                  "there is no ecs backend of that name"));
  }
  const std::pair<const std::string&, const char*> own[] = {
      {aws.region, ".region"}, {aws.profile, ".profile"}, {aws.role_arn, ".roleARN"}};
  for (const auto& [value, field] : own) {
    if (!value.empty()) {
      errors.push_back(ForbiddenField(path + field, "the backend's is used where one is named"));
    }
  }
}

}  // namespace config::v1alpha1
}  // namespace salve::apis
