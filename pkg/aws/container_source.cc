// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>

#include "pkg/aws/credential_answer.h"
#include "pkg/aws/credential_source.h"
#include "pkg/aws/endpoint.h"
#include "pkg/aws/text.h"
#include "pkg/http/url.h"

namespace salve::aws {
namespace {

constexpr AnswerNames kNames{"AccessKeyId", "SecretAccessKey", "Token", "Expiration"};
constexpr Duration kTimeout = std::chrono::seconds(2);
constexpr const char* kEcsAgent = "http://169.254.170.2";
// ECS's agent, EKS's pod identity agent, the same over IPv6.
constexpr std::array<std::string_view, 3> kAgents = {"169.254.170.2", "169.254.170.23",
                                                     "fd00:ec2::23"};

// Where to ask, and with what.
struct Question {
  std::string base_url;
  http::Request request;
};

class ContainerSource final : public CredentialSource {
 public:
  explicit ContainerSource(const Platform& platform) : platform_(platform) {}

  std::string name() const override { return "container endpoint"; }

  StatusOr<Credentials> Fetch(const WaitOptions& wait) override {
    SALVE_ASSIGN_OR_RETURN(Question question, MakeQuestion());
    const std::string what = "container credentials from " + question.base_url;
    SALVE_RETURN_IF_ERROR(AddToken(question.request));
    question.request.headers.Set("Accept", "application/json");
    SALVE_ASSIGN_OR_RETURN(
        const http::Response response,
        Ask(what, question.base_url, std::move(question.request), kTimeout, wait, platform_));
    if (response.status != 200) return AnswerError(what, response);
    return ReadCredentials(what, nlohmann::json::parse(response.body, nullptr, false), kNames);
  }

 private:
  StatusOr<Question> MakeQuestion() const {
    Question out;
    if (const auto uri = EnvValue(platform_.env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")) {
      if (!uri->starts_with('/')) {
        return InvalidArgumentError(
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with \"/\"");
      }
      out.base_url = kEcsAgent;
      out.request.target = *uri;
      return out;
    }
    const auto uri = EnvValue(platform_.env, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (!uri) {
      return NotConfigured(
          "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI are not "
          "set");
    }
    const StatusOr<http::Url> url = http::ParseUrl(*uri);
    if (!url.ok()) return url.status().Annotate("AWS_CONTAINER_CREDENTIALS_FULL_URI is no URL");
    SALVE_RETURN_IF_ERROR(CheckHost(*url));
    out.base_url = http::BaseUrl(*url);
    out.request.target = url->path.empty() ? "/" : url->path;
    return out;
  }

  // Whoever can set the variable must not get the token, nor hand out keys, over the network in
  // clear.
  static Status CheckHost(const http::Url& url) {
    if (url.scheme == "https") return {};
    const bool agent = std::find(kAgents.begin(), kAgents.end(), url.host) != kAgents.end();
    if (url.scheme == "http" && (agent || IsLoopbackHost(url.host))) return {};
    return InvalidArgumentError("AWS_CONTAINER_CREDENTIALS_FULL_URI is refused: " + url.scheme +
                                " to " + Quotable(url.host, 80) +
                                ", but plain http is only for this machine and for the "
                                "agents of ECS and EKS (169.254.170.2, 169.254.170.23, "
                                "fd00:ec2::23)");
  }

  Status AddToken(http::Request& request) const {
    if (const auto path = EnvValue(platform_.env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
      StatusOr<std::string> token = ReadToken(*path, platform_);
      if (!token.ok())
        return token.status().Annotate("the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE fails");
      request.headers.Set("Authorization", *std::move(token));
      return {};
    }
    if (auto token = EnvValue(platform_.env, "AWS_CONTAINER_AUTHORIZATION_TOKEN")) {
      if (token->find_first_of("\r\n") != std::string::npos) {
        return InvalidArgumentError("AWS_CONTAINER_AUTHORIZATION_TOKEN has a line break");
      }
      request.headers.Set("Authorization", *std::move(token));
    }
    return {};
  }

  const Platform platform_;
};

}  // namespace

std::unique_ptr<CredentialSource> MakeContainerSource(const Platform& platform) {
  return std::make_unique<ContainerSource>(platform);
}

}  // namespace salve::aws
