// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/secrets_source.h"

#include <atomic>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/aws/credential_chain.h"
#include "pkg/aws/testing/fake_platform.h"
#include "pkg/base/redact.h"

namespace salve::aws {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SecretsSourceTest : public ::testing::Test {
 protected:
  SecretsSourceTest() {
    options_.max_attempts = 1;
    EndpointOptions endpoint;
    endpoint.region = "eu-west-1";
    ssm_ = *MakeJsonClient(kSsm, endpoint, *provider_, options_, world_.platform());
    manager_ = *MakeJsonClient(kSecretsManager, endpoint, *provider_, options_, world_.platform());
    secrets_ = std::make_unique<SecretsSource>(*ssm_, *manager_, secret_options_, world_.clock());
  }
  void Answers(int status, const std::string& body) {
    world_.Serve([=](const std::string&, const http::Request&, const http::CallOptions&) {
      return StatusOr<http::Response>(JsonAnswer(status, body));
    });
  }
  void Parameter(const std::string& value) {
    Answers(200, R"({"Parameter":{"Name":"/p","Value":")" + value + "\"}}");
  }

  FakePlatform world_;
  std::unique_ptr<CredentialsProvider> provider_ =
      MakeStaticCredentials({"AKID", "the-secret-key", "", std::nullopt});
  ClientOptions options_;
  SecretsOptions secret_options_;
  std::unique_ptr<JsonClient> ssm_;
  std::unique_ptr<JsonClient> manager_;
  std::unique_ptr<SecretsSource> secrets_;
};

TEST_F(SecretsSourceTest, AParameterIsReadDecryptedOnceAndAgainAfterItsTime) {
  Parameter("first-value");
  EXPECT_EQ(secrets_->Parameter("/p", {}).value_or("?"), "first-value");
  EXPECT_EQ(secrets_->Parameter("/p", {}).value_or("?"), "first-value");
  ASSERT_EQ(world_.sent().size(), 1U);
  EXPECT_EQ(world_.sent()[0].request.body, R"({"Name":"/p","WithDecryption":true})");
  Parameter("second-value");
  world_.clock().Advance(std::chrono::minutes(4));
  EXPECT_EQ(secrets_->Parameter("/p", {}).value_or("?"), "first-value");
  world_.clock().Advance(std::chrono::minutes(1));
  EXPECT_EQ(secrets_->Parameter("/p", {}).value_or("?"), "second-value");
}

TEST_F(SecretsSourceTest, MembersOfOneSecretCostOneRead) {
  Answers(200, R"({"SecretString":"{\"user\":\"u\",\"password\":\"pw-in-json\",\"port\":6380,)"
               R"(\"more\":{}}"})");
  EXPECT_EQ(secrets_->Secret("db", "password", {}).value_or("?"), "pw-in-json");
  EXPECT_EQ(secrets_->Secret("db", "port", {}).value_or("?"), "6380");
  EXPECT_EQ(world_.sent().size(), 1U);
  for (const std::string key : {"more", "none"}) {
    const Status status = secrets_->Secret("db", key, {}).status();
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    EXPECT_THAT(status.message(),
                AllOf(HasSubstr("\"db\""), HasSubstr(key), Not(HasSubstr("pw-in-json"))));
  }
  EXPECT_EQ(Redact("it is pw-in-json"), "it is [REDACTED]");
}

TEST_F(SecretsSourceTest, ABinarySecretAndOneThatIsNoJsonAreRefusedByName) {
  Answers(200, R"({"Name":"cert","SecretBinary":"AAECAw=="})");
  const Status binary = secrets_->Secret("cert", "", {}).status();
  EXPECT_EQ(binary.code(), Code::kInvalidArgument);
  EXPECT_EQ(binary.message(),
            "Secrets Manager secret \"cert\" is binary; Salve reads texts: store it as a string");
  Answers(200, R"({"SecretString":"plain-text-secret"})");
  const Status text = secrets_->Secret("plain", "key", {}).status();
  EXPECT_THAT(text.message(),
              AllOf(HasSubstr("\"plain\" is no JSON object"), Not(HasSubstr("plain-text-secret"))));
  EXPECT_EQ(secrets_->Secret("plain", "", {}).value_or("?"), "plain-text-secret");
}

TEST_F(SecretsSourceTest, AnOutageIsBridgedWithTheLastValueForAnHour) {
  Parameter("last-value");
  ASSERT_TRUE(secrets_->Parameter("/p", {}).ok());
  Answers(503, "");
  world_.clock().Advance(std::chrono::minutes(6));
  const std::size_t before = world_.sent().size();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(secrets_->Parameter("/p", {}).value_or("?"), "last-value");
  }
  EXPECT_EQ(world_.sent().size() - before, 1U) << "an outage does not hold up every use";
  world_.clock().Advance(std::chrono::minutes(60));
  EXPECT_EQ(secrets_->Parameter("/p", {}).code(), Code::kUnavailable);
}

TEST_F(SecretsSourceTest, ASecretThatIsGoneOrForbiddenIsSoAtOnce) {
  Parameter("old-value");
  ASSERT_TRUE(secrets_->Parameter("/p", {}).ok());
  world_.clock().Advance(std::chrono::minutes(6));
  Answers(400, R"({"__type":"ParameterNotFound","message":""})");
  const Status gone = secrets_->Parameter("/p", {}).status();
  EXPECT_EQ(gone.code(), Code::kNotFound);
  EXPECT_THAT(gone.message(), HasSubstr("SSM parameter \"/p\""));
  Answers(400, R"({"__type":"AccessDeniedException","message":"no"})");
  world_.clock().Advance(std::chrono::seconds(10));
  const Status denied = secrets_->Parameter("/p", {}).status();
  EXPECT_EQ(denied.code(), Code::kPermissionDenied);
  EXPECT_THAT(denied.message(),
              HasSubstr("grant ssm:GetParameter on arn:aws:ssm:eu-west-1:ACCOUNT:parameter/p"));
  EXPECT_EQ(Redact(denied.message()), denied.message()) << "a log hides nothing of it";
}

TEST_F(SecretsSourceTest, AFailureIsRememberedForAMomentSoThatUsesCostNoCalls) {
  Answers(400, R"({"__type":"ParameterNotFound","message":""})");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(secrets_->Parameter("/p", {}).code(), Code::kNotFound);
  EXPECT_EQ(world_.sent().size(), 1U);
  Parameter("made-meanwhile");
  world_.clock().Advance(std::chrono::seconds(9));
  EXPECT_EQ(secrets_->Parameter("/p", {}).code(), Code::kNotFound);
  world_.clock().Advance(std::chrono::seconds(1));
  EXPECT_EQ(secrets_->Parameter("/p", {}).value_or("?"), "made-meanwhile");
}

TEST_F(SecretsSourceTest, ADoubtedValueIsReadAnewOnceAndNotRightAfterItWasRead) {
  Parameter("old-value");
  ASSERT_TRUE(secrets_->Parameter("/p", {}).ok());
  Parameter("new-value");
  secrets_->DoubtParameter("/p");
  secrets_->DoubtParameter("/unknown");
  EXPECT_EQ(secrets_->Parameter("/p", {}).value_or("?"), "old-value") << "read a moment ago";
  world_.clock().Advance(std::chrono::seconds(10));
  EXPECT_EQ(secrets_->Parameter("/p", {}).value_or("?"), "old-value") << "nobody doubts it now";
  secrets_->DoubtParameter("/p");
  EXPECT_EQ(secrets_->Parameter("/p", {}).value_or("?"), "new-value");
  EXPECT_EQ(secrets_->Parameter("/p", {}).value_or("?"), "new-value");
  EXPECT_EQ(world_.sent().size(), 2U);
}

TEST_F(SecretsSourceTest, TheKeysRightIsNamedWhereTheKeyIsRefused) {
  Answers(400, R"({"__type":"AccessDeniedException","message":"User: x is not authorized to )"
               R"(perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:1:key/k"})");
  const Status denied = secrets_->Parameter("/p", {}).status();
  EXPECT_EQ(denied.code(), Code::kPermissionDenied);
  EXPECT_THAT(denied.message(), HasSubstr("grant kms:Decrypt on the key that encrypts it"));
  Answers(400, R"({"__type":"DecryptionFailure","message":"no"})");
  EXPECT_THAT(secrets_->Secret("s", "", {}).status().message(), HasSubstr("grant kms:Decrypt"));
}

TEST_F(SecretsSourceTest, WithoutCredentialsNothingIsSaidToBeMissing) {
  provider_ = MakeCredentialChain({"", "eu-west-1"}, world_.platform());
  world_.env["AWS_EC2_METADATA_DISABLED"] = "true";
  EndpointOptions endpoint;
  endpoint.region = "eu-west-1";
  ssm_ = *MakeJsonClient(kSsm, endpoint, *provider_, options_, world_.platform());
  SecretsSource secrets(*ssm_, *manager_, secret_options_, world_.clock());
  const Status status = secrets.Parameter("/p", {}).status();
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("AWS_ACCESS_KEY_ID is not set"));
}

TEST_F(SecretsSourceTest, TheOneUnusedForLongestMakesRoom) {
  secret_options_.max_entries = 2;
  SecretsSource secrets(*ssm_, *manager_, secret_options_, world_.clock());
  Parameter("some-value");
  for (const std::string name : {"/a", "/b", "/a", "/c", "/a"}) {
    world_.clock().Advance(std::chrono::seconds(1));
    ASSERT_TRUE(secrets.Parameter(name, {}).ok());
  }
  EXPECT_EQ(world_.sent().size(), 3U) << "/b was dropped, /a was not";
  ASSERT_TRUE(secrets.Parameter("/b", {}).ok());
  EXPECT_EQ(world_.sent().size(), 4U);
}

TEST_F(SecretsSourceTest, ManyReadersShareOneFetch) {
  std::atomic<int> asked{0};
  world_.Serve([&](const std::string&, const http::Request&, const http::CallOptions&) {
    ++asked;
    std::this_thread::yield();
    return StatusOr<http::Response>(JsonAnswer(200, R"({"Parameter":{"Value":"shared-value"}})"));
  });
  std::vector<std::thread> readers;
  std::atomic<int> right{0};
  for (int i = 0; i < 16; ++i) {
    readers.emplace_back(
        [&] { right += secrets_->Parameter("/p", {}).value_or("?") == "shared-value" ? 1 : 0; });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(right, 16);
  EXPECT_EQ(asked, 1);
}

TEST_F(SecretsSourceTest, NamesAreCheckedBeforeAnythingIsSent) {
  EXPECT_EQ(secrets_->Parameter("", {}).code(), Code::kInvalidArgument);
  EXPECT_EQ(secrets_->Secret(std::string(2049, 'x'), "", {}).code(), Code::kInvalidArgument);
  EXPECT_TRUE(world_.sent().empty());
}

}  // namespace
}  // namespace salve::aws
