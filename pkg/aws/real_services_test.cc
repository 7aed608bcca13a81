// SPDX-License-Identifier: Apache-2.0
// Against a server that answers as AWS does (hack/moto-up); test/aws/run starts one. Without
// AWS_ENDPOINT_URL every test is skipped.
#include <cstdlib>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/aws/credential_chain.h"
#include "pkg/aws/json_client.h"
#include "pkg/aws/secrets_source.h"
#include "pkg/base/base64.h"

namespace salve::aws {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Operation Reads(const char* name) { return {name, Repeat::kSafe, true}; }
constexpr Operation Writes(const char* name) { return {name, Repeat::kAtMostOnce, true}; }

class RealServicesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!EnvValue(platform_.env, "AWS_ENDPOINT_URL")) {
      GTEST_SKIP() << "AWS_ENDPOINT_URL is not set; run test/aws/run";
    }
    chain_ = MakeCredentialChain({}, platform_);
    name_ = "salve-" + platform_.random->Hex(12);
  }

  std::unique_ptr<JsonClient> Client(const Service& service) {
    EndpointOptions endpoint;
    endpoint.region = ResolveRegion("", platform_).value_or("eu-west-1");
    auto client = MakeJsonClient(service, endpoint, *chain_, {}, platform_);
    EXPECT_TRUE(client.ok()) << client.status();
    return client.ok() ? *std::move(client) : nullptr;
  }
  static Json Must(JsonClient& client, const Operation& operation, const Json& body) {
    const auto answer = client.Call(operation, body, {});
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *answer : Json();
  }

  Platform platform_ = SystemPlatform();
  std::unique_ptr<CredentialsProvider> chain_;
  std::string name_;  // another one for each test: the server is shared
};

TEST_F(RealServicesTest, EcsServicesAreMadeScaledAndDescribed) {
  const auto ecs = Client(kEcs);
  Must(*ecs, Writes("CreateCluster"), {{"clusterName", name_}});
  Must(*ecs, Writes("RegisterTaskDefinition"),
       {{"family", name_},
        {"containerDefinitions", {{{"name", "web"}, {"image", "nginx"}, {"memory", 64}}}}});
  Must(
      *ecs, Writes("CreateService"),
      {{"cluster", name_}, {"serviceName", "web"}, {"taskDefinition", name_}, {"desiredCount", 1}});
  Must(*ecs, Writes("UpdateService"),
       {{"cluster", name_}, {"service", "web"}, {"desiredCount", 3}});
  const Json described =
      Must(*ecs, Reads("DescribeServices"), {{"cluster", name_}, {"services", {"web"}}});
  ASSERT_EQ(described.value("services", Json::array()).size(), 1U) << described;
  EXPECT_EQ(described["services"][0]["desiredCount"], 3);
  EXPECT_EQ(described["services"][0]["deployments"].size(), 1U);
}

TEST_F(RealServicesTest, AMissingClusterIsNotFoundWithTheServicesOwnCode) {
  const auto ecs = Client(kEcs);
  Failure failure;
  CallOptions call;
  call.failure = &failure;
  const Status status =
      ecs->Call(Reads("DescribeServices"), {{"cluster", name_}, {"services", {"web"}}}, call)
          .status();
  EXPECT_EQ(status.code(), Code::kNotFound) << status;
  EXPECT_EQ(failure.code, "ClusterNotFoundException");
  EXPECT_EQ(failure.http_status, 400);
  EXPECT_FALSE(failure.request_id.empty());
}

TEST_F(RealServicesTest, LogLinesAreFilteredPageByPage) {
  const auto logs = Client(kLogs);
  Must(*logs, Writes("CreateLogGroup"), {{"logGroupName", name_}});
  Must(*logs, Writes("CreateLogStream"), {{"logGroupName", name_}, {"logStreamName", "s"}});
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       platform_.clock->Now().time_since_epoch())
                       .count();
  Json events = Json::array();
  for (int i = 0; i < 5; ++i) {
    events.push_back({{"timestamp", now + i}, {"message", "OutOfMemory ü " + std::to_string(i)}});
  }
  Must(*logs, Writes("PutLogEvents"),
       {{"logGroupName", name_}, {"logStreamName", "s"}, {"logEvents", events}});
  int lines = 0;
  int pages = 0;
  Json query{{"logGroupName", name_}, {"filterPattern", "OutOfMemory"}, {"limit", 2}};
  for (;;) {
    const Json page = Must(*logs, Reads("FilterLogEvents"), query);
    ++pages;
    for (const Json& event : page.value("events", Json::array())) {
      EXPECT_EQ(event["message"], "OutOfMemory ü " + std::to_string(lines));
      ++lines;
    }
    // The end is no token; moto says null.
    if (page.value("nextToken", Json()).is_null() || pages > 9) break;
    query["nextToken"] = page["nextToken"];
  }
  EXPECT_EQ(lines, 5);
  EXPECT_GE(pages, 3);
}

TEST_F(RealServicesTest, MetricsAreReadBack) {
  const auto cloudwatch = Client(kCloudWatch);
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(platform_.clock->Now().time_since_epoch())
          .count();
  Must(*cloudwatch, Writes("PutMetricData"),
       {{"Namespace", name_},
        {"MetricData", {{{"MetricName", "Latency"}, {"Value", 2.5}, {"Timestamp", now - 60}}}}});
  const Json query{{"Id", "m1"},
                   {"MetricStat",
                    {{"Metric", {{"Namespace", name_}, {"MetricName", "Latency"}}},
                     {"Period", 60},
                     {"Stat", "Maximum"}}}};
  const Json answer = Must(*cloudwatch, Reads("GetMetricData"),
                           {{"MetricDataQueries", Json::array({query})},
                            {"StartTime", now - 600},
                            {"EndTime", now + 60}});
  ASSERT_EQ(answer.value("MetricDataResults", Json::array()).size(), 1U) << answer;
  EXPECT_EQ(answer["MetricDataResults"][0]["Values"], Json::array({2.5}));
}

TEST_F(RealServicesTest, QueryServicesAnswerAsObjects) {
  const Json caller = Must(*Client(kSts), Reads("GetCallerIdentity"), Json::object());
  EXPECT_EQ(caller.value("Account", ""), "123456789012");
  const auto sns = Client(kSns);
  const Json topic = Must(*sns, Writes("CreateTopic"), {{"Name", name_}});
  EXPECT_THAT(topic.value("TopicArn", ""), HasSubstr(":" + name_));
  Must(*sns, Writes("Publish"), {{"TopicArn", topic["TopicArn"]}, {"Message", "a & <b> = ü"}});
  const Json groups = Must(*Client(kElb), Reads("DescribeTargetGroups"), Json::object());
  EXPECT_TRUE(groups.is_object());
  const Status missing =
      Client(kElb)->Call(Reads("DescribeTargetGroups"), {{"Names", {name_}}}, {}).status();
  EXPECT_EQ(missing.code(), Code::kNotFound) << missing;
}

TEST_F(RealServicesTest, SecretsAndParametersAreReadAndRotated) {
  const auto ssm = Client(kSsm);
  const auto manager = Client(kSecretsManager);
  SecretsOptions options;
  options.ttl = Duration::zero();
  SecretsSource secrets(*ssm, *manager, options, *platform_.clock);
  const std::string parameter = "/" + name_ + "/redis";
  Must(*ssm, Writes("PutParameter"),
       {{"Name", parameter}, {"Type", "SecureString"}, {"Value", "first-password"}});
  EXPECT_EQ(secrets.Parameter(parameter, {}).value_or("?"), "first-password");
  Must(*ssm, Writes("PutParameter"),
       {{"Name", parameter}, {"Type", "SecureString"}, {"Value", "second"}, {"Overwrite", true}});
  EXPECT_EQ(secrets.Parameter(parameter, {}).value_or("?"), "second");

  Must(*manager, Writes("CreateSecret"),
       {{"Name", name_}, {"SecretString", R"({"user":"salve","password":"pw-of-json"})"}});
  EXPECT_EQ(secrets.Secret(name_, "password", {}).value_or("?"), "pw-of-json");
  Must(*manager, Writes("CreateSecret"),
       {{"Name", name_ + "-binary"}, {"SecretBinary", Base64Encode("\x01\x02")}});
  const Status binary = secrets.Secret(name_ + "-binary", "", {}).status();
  EXPECT_EQ(binary.code(), Code::kInvalidArgument) << binary;
  EXPECT_THAT(binary.message(), AllOf(HasSubstr(name_ + "-binary"), HasSubstr("binary")));
  EXPECT_EQ(secrets.Secret(name_ + "-none", "", {}).code(), Code::kNotFound);
  EXPECT_EQ(secrets.Parameter("/" + name_ + "/none", {}).code(), Code::kNotFound);
}

TEST_F(RealServicesTest, ARoleOfAProfileIsAssumed) {
  // The files in memory, everything else real.
  class Files final : public FileSource {
   public:
    StatusOr<std::string> Read(const std::string& path, std::size_t /*max*/) override {
      if (path == "config") {
        return std::string(
            "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/healer\n"
            "source_profile = base\n[profile web]\n"
            "role_arn = arn:aws:iam::123456789012:role/pod\nweb_identity_token_file = token\n");
      }
      if (path == "keys") {
        return std::string(
            "[base]\naws_access_key_id = testing\naws_secret_access_key = testing-secret\n");
      }
      if (path == "token") return std::string("eyJ.a.b\n");
      return NotFoundError(path);
    }
  };
  Files files;
  Platform platform = platform_;
  platform.files = &files;
  platform.env = [real = platform_.env](const std::string& name) -> std::optional<std::string> {
    if (name == "AWS_CONFIG_FILE") return "config";
    if (name == "AWS_SHARED_CREDENTIALS_FILE") return "keys";
    return real(name);
  };
  for (const auto& [profile, role] : {std::pair("role", "healer"), std::pair("web", "pod")}) {
    ChainOptions options;
    options.profile = profile;
    const auto chain = MakeCredentialChain(options, platform);
    const auto credentials = chain->Get({});
    ASSERT_TRUE(credentials.ok()) << credentials.status();
    EXPECT_FALSE(credentials->session_token.empty());
    ASSERT_TRUE(credentials->expires_at.has_value());
    EXPECT_GT(*credentials->expires_at, platform_.clock->Now() + std::chrono::minutes(50));
    EndpointOptions endpoint;
    endpoint.region = "eu-west-1";
    const auto sts = MakeJsonClient(kSts, endpoint, *chain, {}, platform);
    ASSERT_TRUE(sts.ok());
    const Json caller = Must(**sts, Reads("GetCallerIdentity"), Json::object());
    EXPECT_THAT(caller.value("Arn", ""), HasSubstr(std::string(":assumed-role/") + role));
  }
}

TEST_F(RealServicesTest, AServerThatIsNotThereIsUnavailableAtOnceForWrites) {
  EndpointOptions endpoint;
  endpoint.region = "eu-west-1";
  endpoint.url = "http://127.0.0.1:1";
  ClientOptions options;
  options.max_attempts = 1;
  const auto client = MakeJsonClient(kEcs, endpoint, *chain_, options, platform_);
  ASSERT_TRUE(client.ok());
  const Status status = (*client)->Call(Writes("UpdateService"), Json::object(), {}).status();
  EXPECT_EQ(status.code(), Code::kUnavailable) << status;
  EXPECT_THAT(status.message(), Not(HasSubstr("testing-secret")));
}

}  // namespace
}  // namespace salve::aws
