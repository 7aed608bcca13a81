// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/start_environment.h"

#include <algorithm>
#include <utility>

#include "controller/runtime/aws_account.h"
#include "controller/runtime/dotenv.h"

#include "pkg/aws/secrets_source.h"
#include "pkg/base/environment.h"
#include "pkg/base/log.h"

namespace salve::runtime {
namespace {

using aws::Json;

constexpr char kSecretName[] = "AWS_SECRETS_NAME";
constexpr char kFile[] = ".env";
constexpr std::size_t kMaxFileBytes = 256u << 10;
constexpr std::chrono::seconds kReadTimeout{30};

StatusOr<std::map<std::string, std::string>> VariablesOf(const std::string& what,
                                                         const std::string& text) {
  const Json object = Json::parse(text, nullptr, false);
  if (!object.is_object()) {
    return InvalidArgumentError(what +
                                " is no JSON object of variables, like {\"NAME\": \"value\"}");
  }
  if (object.size() > kMaxVariables) return InvalidArgumentError(what + " has over 1000 members");
  std::map<std::string, std::string> variables;
  for (const auto& [name, value] : object.items()) {
    if (!IsVariableName(name)) {
      return InvalidArgumentError(what +
                                  " has a member whose name is not of letters, digits and _");
    }
    if (!value.is_string() && !value.is_number() && !value.is_boolean()) {
      return InvalidArgumentError("member " + name + " of " + what +
                                  " is neither a text nor a number nor a truth value");
    }
    variables[name] = value.is_string() ? value.get<std::string>() : value.dump();
    if (variables[name].find('\0') != std::string::npos) {
      return InvalidArgumentError("member " + name + " of " + what + " has a NUL in it");
    }
  }
  return variables;
}

StatusOr<StartEnvironment> FromSecretsManager(const std::string& name,
                                              const aws::Platform& platform) {
  SALVE_ASSIGN_OR_RETURN(const AwsAccount account,
                         MakeAwsAccount({"AWS_REGION", "", "", ""}, platform));
  aws::EndpointOptions endpoint;
  endpoint.region = account.region;
  const auto client = [&](const aws::Service& service) {
    return aws::MakeJsonClient(service, endpoint, *account.credentials, {}, platform);
  };
  SALVE_ASSIGN_OR_RETURN(const auto ssm, client(aws::kSsm));
  SALVE_ASSIGN_OR_RETURN(const auto secrets_manager, client(aws::kSecretsManager));
  aws::SecretsSource source(*ssm, *secrets_manager, {}, *platform.clock);
  SALVE_ASSIGN_OR_RETURN(const std::string text,
                         source.Secret(name, "", {platform.clock->Monotonic() + kReadTimeout, {}}));
  StartEnvironment found;
  found.source = "Secrets Manager secret \"" + name + "\"";
  SALVE_ASSIGN_OR_RETURN(found.variables, VariablesOf(found.source, text));
  found.source += " in " + account.region;
  return found;
}

}  // namespace

StatusOr<StartEnvironment> ReadStartEnvironment(const aws::Platform& platform,
                                                const std::string& file) {
  if (const auto name = aws::EnvValue(platform.env, kSecretName)) {
    auto found = FromSecretsManager(*name, platform);
    return found.ok() ? std::move(found) : found.status().Annotate(kSecretName);
  }
  const StatusOr<std::string> text = platform.files->Read(file, kMaxFileBytes);
  if (text.code() == Code::kNotFound) return StartEnvironment{};
  if (!text.ok()) return text.status();
  StartEnvironment found;
  found.source = "file " + file;
  SALVE_ASSIGN_OR_RETURN(found.variables, ParseDotenv(file, *text));
  return found;
}

Status AdoptStartEnvironment() {
  SALVE_ASSIGN_OR_RETURN(StartEnvironment found,
                         ReadStartEnvironment(aws::SystemPlatform(), kFile));
  if (found.source.empty()) {
    Log(Severity::kInfo, "environment", {{"source", "process"}});
    return Status::Ok();
  }
  const auto overridden =
      std::count_if(found.variables.begin(), found.variables.end(),
                    [](const auto& one) { return Variable(one.first).has_value(); });
  Log(Severity::kInfo, "environment",
      {{"source", found.source},
       {"variables", found.variables.size()},
       {"set_by_process", overridden}});
  SetVariableDefaults(std::move(found.variables));
  return Status::Ok();
}

}  // namespace salve::runtime
