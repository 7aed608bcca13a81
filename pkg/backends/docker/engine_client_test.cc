// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/docker/engine_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/http/testing/scripted_transport.h"

namespace salve::backends::docker {
namespace {

using ::testing::HasSubstr;

class EngineClientTest : public ::testing::Test {
 protected:
  EngineClientTest() {
    auto transport = std::make_unique<http::ScriptedTransport>(
        [this](const http::Request& request, const http::CallOptions&) -> StatusOr<http::Response> {
          if (request.target == "/version") return http::Response{200, {}, version};
          return next;
        });
    wire = transport.get();
    client = std::make_unique<EngineClient>(std::move(transport), clock);
  }
  Status Inspect(const std::string& name) {
    return client->Call(Endpoint::kInspect, name, {}, nullptr, {}).status();
  }

  SimulatedClock clock{WallTime(std::chrono::hours(24 * 365 * 50))};
  std::string version = R"({"ApiVersion":"1.41","MinAPIVersion":"1.12"})";
  StatusOr<http::Response> next = http::Response{200, {}, "{}"};
  http::ScriptedTransport* wire = nullptr;
  std::unique_ptr<EngineClient> client;
};

TEST_F(EngineClientTest, TheVersionIsTheNewestThatBothKnowAndAskedForOnce) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"ApiVersion":"1.41","MinAPIVersion":"1.12"})", "1.41"},
      {R"({"ApiVersion":"1.48","MinAPIVersion":"1.24"})", "1.43"},
      {R"({"ApiVersion":"1.52","MinAPIVersion":"1.44"})", "1.44"},
      {R"({"ApiVersion":"1.24"})", "1.24"}};
  for (const auto& [answer, expected] : cases) {
    version = answer;
    client->Forget();
    ASSERT_TRUE(client->Negotiate({}).ok());
    EXPECT_EQ(client->api_version(), expected);
  }
  const std::size_t asked = wire->requests().size();
  ASSERT_TRUE(Inspect("web").ok());
  ASSERT_TRUE(Inspect("web").ok());
  EXPECT_EQ(wire->requests().size(), asked + 2);
}

TEST_F(EngineClientTest, AVersionThatIsTooOldOrNoneIsRefused) {
  for (const char* answer :
       {R"({"ApiVersion":"1.23"})", R"({"ApiVersion":"2.0"})", "{}", "<html>"}) {
    version = answer;
    EXPECT_EQ(client->Negotiate({}).code(), Code::kUnimplemented) << answer;
  }
}

TEST_F(EngineClientTest, NothingButNamesAndIdsGetsIntoAPath) {
  for (const char* name :
       {"", "../info", "a/b", "a?all=1", "a%2fb", "-a", ".a", "a b", "a\r\nX: y"}) {
    EXPECT_EQ(Inspect(name).code(), Code::kInvalidArgument) << name;
  }
  for (const http::Request& request : wire->requests()) EXPECT_EQ(request.target, "/version");
}

TEST_F(EngineClientTest, TheEnginesErrorsKeepTheirMessageAndGetACode) {
  const std::vector<std::pair<int, Code>> cases = {
      {400, Code::kInvalidArgument}, {403, Code::kPermissionDenied}, {404, Code::kNotFound},
      {409, Code::kConflict},        {500, Code::kInternal},         {503, Code::kUnavailable}};
  for (const auto& [status, code] : cases) {
    next = http::Response{status, {}, R"({"message":"because \u001b[31m so"})"};
    EXPECT_EQ(Inspect("web").code(), code);
    EXPECT_THAT(Inspect("web").message(), HasSubstr("because  [31m so"));
  }
  next = http::Response{500, {}, std::string(100000, 'x')};
  EXPECT_LT(Inspect("web").message().size(), 1000u);
}

TEST_F(EngineClientTest, AnAnswerThatIsTooLargeOrNoJsonIsTheEnginesFault) {
  next = InvalidArgumentError("body limit exceeded");
  EXPECT_EQ(Inspect("web").code(), Code::kInternal);
  next = http::Response{200, {}, "<html>"};
  EXPECT_EQ(Inspect("web").code(), Code::kInternal);
}

TEST_F(EngineClientTest, ACommandWhoseCreationFailedWasNotStartedAndOneWhoseOutputBrokeMayHave) {
  next = AbortedError("connection reset");
  EXPECT_EQ(client->Exec("web", {{"true"}, {}, ""}, {}).code(), Code::kUnavailable);
  next = http::Response{201, {}, R"({"Id":"e1"})"};
  // The same answer as output stream: no frames.
  EXPECT_EQ(client->Exec("web", {{"true"}, {}, ""}, {}).code(), Code::kInternal);
}

}  // namespace
}  // namespace salve::backends::docker
