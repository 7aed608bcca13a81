// SPDX-License-Identifier: Apache-2.0
// The client over real sockets: what a service receives must be what was signed, whatever the HTTP
// library does to a request on its way.
#include <memory>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/aws/json_client.h"
#include "pkg/aws/sigv4.h"
#include "pkg/base/hash.h"
#include "pkg/base/time_format.h"
#include "pkg/http/server.h"
#include "pkg/http/testing/function_handler.h"
#include "pkg/http/transports.h"

namespace salve::aws {
namespace {

using ::testing::HasSubstr;

const Credentials kKeys{"AKIDEXAMPLE", "the-secret-key", "a/session+token==", std::nullopt};

// "x" of "…, Name=x, …".
std::string Part(const std::string& authorization, const std::string& name) {
  const std::size_t at = authorization.find(name + "=");
  if (at == std::string::npos) return "";
  const std::size_t start = at + name.size() + 1;
  return authorization.substr(start, authorization.find(',', start) - start);
}

// Checks a received request as a service does: from its bytes alone. "" = the signature fits.
std::string Verify(const http::Request& received, const std::string& service) {
  const std::string authorization(received.headers.Get("Authorization").value_or(""));
  http::Request request = received;
  request.headers = {};
  std::stringstream names(Part(authorization, "SignedHeaders"));
  for (std::string name; std::getline(names, name, ';');) {
    for (const std::string_view value : received.headers.All(name)) {
      request.headers.Add(name, std::string(value));
    }
  }
  const std::string date(received.headers.Get("X-Amz-Date").value_or(""));
  SigningOptions options;
  options.region = "eu-west-1";
  options.service = service;
  const auto now = ParseTime(date.substr(0, 4) + "-" + date.substr(4, 2) + "-" + date.substr(6, 5) +
                             ":" + date.substr(11, 2) + ":" + date.substr(13));
  if (!now) return "no X-Amz-Date: " + date;
  options.now = *now;
  const auto canonical = CanonicalRequest(request, Sha256Hex(received.body), true);
  if (!canonical.ok()) return canonical.status().message();
  const std::string expected = Signature(kKeys, options, StringToSign(options, *canonical));
  return expected == Part(authorization, "Signature") ? "" : "does not fit:\n" + *canonical;
}

class WireTest : public ::testing::Test {
 protected:
  WireTest()
      : handler_(http::FunctionHandler::Answering(
            [this](const http::Request& request) { return answer_(request); })) {
    auto server = http::Server::Start({}, handler_);
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::unique_ptr<JsonClient> Client(const Service& service, const std::string& prefix = "") {
    EndpointOptions endpoint;
    endpoint.region = "eu-west-1";
    endpoint.url = "http://127.0.0.1:" + std::to_string(server_->port()) + prefix;
    auto client = MakeJsonClient(service, endpoint, *provider_, options_, SystemPlatform());
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  std::function<http::Response(const http::Request&)> answer_;
  http::FunctionHandler handler_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<CredentialsProvider> provider_ = MakeStaticCredentials(kKeys);
  ClientOptions options_;
};

TEST_F(WireTest, WhatArrivesIsWhatWasSigned) {
  std::string verdict = "nothing came";
  answer_ = [&](const http::Request& request) {
    verdict = Verify(request, "ecs");
    return http::Response{200, {}, R"({"ok":true})"};
  };
  const Json body{{"services", {"wéb", "b c", "d\"e"}}, {"text", std::string(100'000, 'x')}};
  const auto answer = Client(kEcs)->Call({"DescribeServices", Repeat::kSafe, true}, body, {});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(verdict, "");
  ASSERT_TRUE(
      Client(kEcs, "/own/path/")->Call({"X", Repeat::kSafe, true}, Json::object(), {}).ok());
  EXPECT_EQ(verdict, "");
}

TEST_F(WireTest, WhatArrivesIsWhatWasSignedInTheQueryProtocolToo) {
  std::string verdict = "nothing came";
  std::string type;
  answer_ = [&](const http::Request& request) {
    verdict = Verify(request, "sns");
    type = request.headers.Get("Content-Type").value_or("");
    return http::Response{200, {}, "<PublishResponse><PublishResult/></PublishResponse>"};
  };
  const auto answer =
      Client(kSns)->Call({"Publish", Repeat::kAtMostOnce, true}, {{"Message", "a&b = ü +"}}, {});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(verdict, "");
  EXPECT_EQ(type, "application/x-www-form-urlencoded; charset=utf-8");
}

TEST_F(WireTest, AnAnswerOverTheCapIsRefused) {
  options_.max_body_bytes = 1000;
  answer_ = [](const http::Request&) {
    return http::Response{200, {}, R"({"a":")" + std::string(5000, 'x') + "\"}"};
  };
  const Status status =
      Client(kEcs)->Call({"ListTasks", Repeat::kSafe, true}, Json::object(), {}).status();
  EXPECT_EQ(status.code(), Code::kInternal);
  EXPECT_THAT(status.message(), HasSubstr("larger than 1000 bytes"));
}

}  // namespace
}  // namespace salve::aws
