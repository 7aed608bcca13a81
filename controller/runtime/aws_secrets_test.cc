// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/aws_secrets.h"

#include <thread>

#include "controller/runtime/configuration_secrets.h"
#include "controller/runtime/secrets.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/aws/testing/fake_platform.h"

namespace salve::runtime {
namespace {

using apis::config::v1alpha1::ControllerConfiguration;
using apis::config::v1alpha1::SecretReference;
using apis::salve::v1alpha1::SecretSource;
using ::testing::AllOf;
using ::testing::HasSubstr;

SecretSource Parameter(const std::string& name) {
  SecretSource source;
  source.ssm = {name};
  return source;
}

SecretSource Secret(const std::string& id, const std::string& key = "") {
  SecretSource source;
  source.secrets_manager = {id, key};
  return source;
}

class AwsSecretsTest : public ::testing::Test {
 protected:
  AwsSecretsTest() {
    configuration_.secrets.aws.region = "eu-west-1";
    configuration_.secrets.aws.policy_prefix = "/salve/policies";
    world_.env = {{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "the-secret-key"}};
    Serve("value-of-a-parameter");
  }
  void Serve(const std::string& value) {
    world_.Serve([=](const std::string&, const http::Request&, const http::CallOptions&) {
      return StatusOr<http::Response>(
          aws::JsonAnswer(200, R"({"Parameter":{"Value":")" + value + "\"}}"));
    });
  }
  std::shared_ptr<AwsSecrets> Make() {
    auto made = AwsSecrets::Make(configuration_, world_.platform());
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? *made : nullptr;
  }

  aws::FakePlatform world_;
  ControllerConfiguration configuration_;
};

TEST_F(AwsSecretsTest, APolicyReadsOnlyWhatIsBelowThePrefixAndItsNamespace) {
  const auto secrets = Make();
  EXPECT_EQ(secrets->ReadForPolicy(Parameter("/salve/policies/shop/redis"), "shop").value_or("?"),
            "value-of-a-parameter");
  const std::size_t before = world_.sent().size();
  for (const char* name :
       {"/salve/policies/other/redis", "/salve/policies/shop/", "/salve/policies/shop",
        "/salve/policies/shopping/redis", "/salve/policies/shop/../other/redis",
        "/salve/policies/shop//redis", "/salve/token", "shop/redis",
        "arn:aws:ssm:eu-west-1:123456789012:parameter/salve/policies/shop/redis"}) {
    for (const SecretSource& source : {Parameter(name), Secret(name)}) {
      const Status status = secrets->ReadForPolicy(source, "shop").status();
      EXPECT_EQ(status.code(), Code::kPermissionDenied) << name;
      EXPECT_THAT(status.message(), AllOf(HasSubstr(name), HasSubstr("secrets.aws.policyPrefix"),
                                          HasSubstr("/salve/policies/shop/")));
    }
  }
  EXPECT_EQ(world_.sent().size(), before) << "nothing is asked for what is not open";
}

TEST_F(AwsSecretsTest, WithoutAPrefixNothingIsOpenToPolicies) {
  configuration_.secrets.aws.policy_prefix.clear();
  const auto secrets = Make();
  LocalSecretReader with("", secrets);
  LocalSecretReader without("");
  for (LocalSecretReader* reader : {&with, &without}) {
    const Status status = reader->Read(Parameter("/salve/x"), "shop").status();
    EXPECT_EQ(status.code(), Code::kPermissionDenied);
    EXPECT_EQ(status.message(),
              "SSM parameter \"/salve/x\" is not open to policies: the configuration has no "
              "secrets.aws.policyPrefix");
  }
  EXPECT_TRUE(world_.sent().empty());
}

TEST_F(AwsSecretsTest, NothingIsMadeWhereNothingRefersToAws) {
  const auto made = AwsSecrets::Make(ControllerConfiguration{}, world_.platform());
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(*made, nullptr);
}

TEST_F(AwsSecretsTest, ARegionThatIsNotToBeFoundAndAnArnOfAnotherAreErrorsThatNameTheField) {
  configuration_.secrets.aws.region.clear();
  EXPECT_THAT(AwsSecrets::Make(configuration_, world_.platform()).status().message(),
              HasSubstr("secrets.aws.region is not set"));
  configuration_.secrets.aws.region = "eu-west-1";
  auto& receiver = configuration_.receivers.emplace_back();
  receiver.authentication.bearer.emplace_back().ssm = {
      "arn:aws:ssm:us-east-1:123456789012:parameter/x"};
  EXPECT_THAT(AwsSecrets::Make(configuration_, world_.platform()).status().message(),
              HasSubstr("is in us-east-1, but secrets are read in eu-west-1"));
}

TEST_F(AwsSecretsTest, TheRegionAndRoleOfABackendServeWhereOneIsNamed) {
  configuration_.secrets.aws.region.clear();
  configuration_.secrets.aws.backend = "account";
  auto& backend = configuration_.backends.emplace_back();
  backend.name = "account";
  backend.ecs.emplace().region = "eu-north-1";
  ASSERT_TRUE(Make()->ReadForPolicy(Parameter("/salve/policies/a/b"), "a").ok());
  ASSERT_FALSE(world_.sent().empty());
  EXPECT_EQ(world_.sent().back().to, "https://ssm.eu-north-1.amazonaws.com");
}

TEST_F(AwsSecretsTest, ARefusedPasswordIsReadAnewWithoutARestart) {
  LocalSecretReader reader("", Make());
  const SecretSource source = Parameter("/salve/policies/shop/redis");
  ASSERT_EQ(reader.Read(source, "shop").value_or("?"), "value-of-a-parameter");
  Serve("rotated-value");
  world_.clock().Advance(std::chrono::seconds(11));
  ASSERT_EQ(reader.Read(source, "shop").value_or("?"), "value-of-a-parameter");
  reader.Refused(source);
  EXPECT_EQ(reader.Read(source, "shop").value_or("?"), "rotated-value");
}

TEST_F(AwsSecretsTest, AStoppedReaderAsksNothing) {
  const auto secrets = Make();
  secrets->Stop();
  EXPECT_EQ(secrets->ReadForPolicy(Parameter("/salve/policies/a/b"), "a").code(), Code::kCancelled);
}

// What the thread keeps, on the machine's clock.
class KeptAwsSecretsTest : public AwsSecretsTest {
 protected:
  KeptAwsSecretsTest() {
    SecretReference& token =
        configuration_.receivers.emplace_back().authentication.bearer.emplace_back();
    token.ssm = {"/salve/token"};
    reference_ = token;
    configuration_.secrets.aws.refresh_seconds = 1;
  }
  std::unique_ptr<KeptAwsSecrets> Keep() {
    aws::Platform platform = world_.platform();
    platform.clock = &SystemClock();
    auto secrets = AwsSecrets::Make(configuration_, platform);
    EXPECT_TRUE(secrets.ok()) << secrets.status();
    return std::make_unique<KeptAwsSecrets>(*secrets, AwsReferences(configuration_),
                                            std::chrono::milliseconds(1), SystemClock());
  }
  // What is read, once it is that.
  static std::string Eventually(const KeptAwsSecrets& kept, const SecretReference& reference,
                                const std::string& wanted) {
    const MonoTime deadline = SystemClock().Monotonic() + std::chrono::seconds(30);
    std::string last;
    while (last != wanted && SystemClock().Monotonic() < deadline) {
      const auto value = kept.Read(reference);
      last = value.ok() ? *value : value.status().message();
      std::this_thread::yield();
    }
    return last;
  }

  SecretReference reference_;
};

TEST_F(KeptAwsSecretsTest, AReferenceIsKeptAndFollowsARotationWhileNobodyWaits) {
  const auto kept = Keep();
  EXPECT_EQ(kept->Read(reference_).code(), Code::kUnavailable);
  EXPECT_THAT(kept->Read(reference_).status().message(),
              HasSubstr("SSM parameter \"/salve/token\""));
  kept->Start();
  EXPECT_EQ(Eventually(*kept, reference_, "value-of-a-parameter"), "value-of-a-parameter");
  Serve("rotated-token");
  EXPECT_EQ(Eventually(*kept, reference_, "rotated-token"), "rotated-token");
  kept->Stop();
}

TEST_F(KeptAwsSecretsTest, AConfigurationsSecretComesFromWhoeverReadsAwsAtTheMoment) {
  ConfigurationSecrets secrets(SystemFiles());
  EXPECT_EQ(secrets.Read(reference_).code(), Code::kUnavailable);
  secrets.SetFromAws([](const SecretReference& one) -> StatusOr<std::string> {
    return "of " + one.ssm->name + "\n";
  });
  EXPECT_EQ(secrets.Read(reference_).value_or("?"), "of /salve/token");
  secrets.SetFromAws(nullptr);
  EXPECT_EQ(secrets.Read(reference_).code(), Code::kUnavailable);
}

TEST(AwsReferences, AreFoundInReceiversAndSinksEachOnce) {
  ControllerConfiguration configuration;
  SecretReference one;
  one.ssm = {"/one"};
  SecretReference two;
  two.secrets_manager = {"two", "key"};
  SecretReference local;
  local.env = "LOCAL";
  auto& receiver = configuration.receivers.emplace_back();
  receiver.authentication.hmac = {one, local, two};
  configuration.sinks.emplace_back().slack.emplace().url = one;
  configuration.sinks.emplace_back().email.emplace().password = two;
  configuration.sinks.emplace_back().pagerduty.emplace().routing_key.ssm = {"/three"};
  configuration.sinks.emplace_back().github.emplace().token.ssm = {"/four"};
  configuration.sinks.emplace_back().github.emplace().app.emplace().private_key.ssm = {"/five"};
  EXPECT_EQ(AwsReferences(configuration).size(), 5u);
}

}  // namespace
}  // namespace salve::runtime
