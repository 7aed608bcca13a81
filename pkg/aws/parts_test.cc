// SPDX-License-Identifier: Apache-2.0
// The small parts: XML, failures, endpoints, dates, configuration files.
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "pkg/aws/config_file.h"
#include "pkg/aws/endpoint.h"
#include "pkg/aws/failure.h"
#include "pkg/aws/retry.h"
#include "pkg/aws/text.h"
#include "pkg/aws/xml.h"
#include "pkg/base/time_format.h"
#include "pkg/http/wire.h"

namespace salve::aws {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

Json Xml(const std::string& text) {
  const auto root = ParseXml(text);
  return root.ok() ? XmlToJson(*root) : Json(root.status().message());
}

TEST(XmlTest, ReadsWhatQueryServicesAnswer) {
  EXPECT_EQ(Xml("<?xml version=\"1.0\"?>\n<R xmlns=\"http://x/>\">\n <A>1</A><B/>"
                "<L><member>x</member><member>y</member></L><!-- c --><T>a &amp; &#x20AC;&#65;"
                "<![CDATA[<raw>&]]></T></R>"),
            (Json{{"A", "1"}, {"B", ""}, {"L", {"x", "y"}}, {"T", "a & €A<raw>&"}}));
  EXPECT_EQ(Xml("<R><A>1</A><A>2</A><A>3</A></R>"), (Json{{"A", {"1", "2", "3"}}}));
}

TEST(XmlTest, RefusesWhatIsNotWellFormed) {
  for (const std::string text :
       {"", "text", "<a>", "<a></b>", "</a>", "<a/><b/>", "<a>&bogus;</a>", "<a>&amp</a>", "<a",
        "<a b=\"c", "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>", "<>x</>",
        "<a><![CDATA[x</a>", "<a><!-- x</a>", "<a/>text"}) {
    EXPECT_EQ(ParseXml(text).code(), Code::kInvalidArgument) << text;
  }
}

TEST(XmlTest, IsBoundedInDepthAndCount) {
  std::string deep;
  for (int i = 0; i < 65; ++i) deep += "<a>";
  EXPECT_THAT(ParseXml(deep).status().message(), HasSubstr("64 deep"));
  std::string many = "<a>";
  for (int i = 0; i < 100'000; ++i) many += "<b/>";
  EXPECT_THAT(ParseXml(many + "</a>").status().message(), HasSubstr("100,000 elements"));
}

Failure FailureOf(int status, const std::string& body, const http::Headers& headers = {}) {
  return ReadFailure(kEcs, {status, headers, body}, {});
}

TEST(FailureTest, TheCodeIsFoundWhereverTheServiceWritesIt) {
  EXPECT_EQ(FailureOf(400, R"({"__type":"com.amazonaws.x#FooException"})").code, "FooException");
  EXPECT_EQ(FailureOf(400, "", {{"x-amzn-ErrorType", "FooException:http://internal/"}}).code,
            "FooException");
  EXPECT_EQ(FailureOf(400, R"({"__type":"Other"})", {{"x-amzn-query-error", "Foo;Sender"}}).code,
            "Foo");
  EXPECT_EQ(FailureOf(400, R"({"code":"FooException"})").code, "FooException");
  EXPECT_EQ(FailureOf(502, "<html>Bad Gateway</html>").code, "");
  EXPECT_EQ(FailureOf(400, R"({"__type":["no"],"message":7})").code, "");
}

TEST(FailureTest, EveryKindOfFailureHasACode) {
  const std::vector<std::tuple<int, std::string, Code>> cases = {
      {400, "ThrottlingException", Code::kTooManyRequests},
      {400, "ServiceNotFoundException", Code::kNotFound},
      {400, "ParameterNotFound", Code::kNotFound},
      {400, "ServiceNotActiveException", Code::kNotFound},
      {404, "ResourceNotFoundException", Code::kNotFound},
      {400, "AccessDeniedException", Code::kPermissionDenied},
      {403, "AccessDenied", Code::kPermissionDenied},
      {400, "ExpiredTokenException", Code::kUnauthenticated},
      {403, "SignatureDoesNotMatch", Code::kUnauthenticated},
      {400, "InvalidParameterException", Code::kInvalidArgument},
      {400, "UpdateInProgressException", Code::kConflict},
      {500, "ServerException", Code::kUnavailable},
      {503, "", Code::kUnavailable},
      {429, "", Code::kTooManyRequests},
      {403, "", Code::kPermissionDenied},
      {302, "", Code::kInternal},
  };
  for (const auto& [status, code, expected] : cases) {
    Failure failure;
    failure.http_status = status;
    failure.code = code;
    EXPECT_EQ(FailureStatus("x", failure).code(), expected) << status << " " << code;
  }
}

TEST(FailureTest, HostileWordsAreBoundedAndHarmless) {
  const std::string word = "\x1b[31m" + std::string(5000, 'x') + "\xff";
  const Json body{{"__type", word}, {"message", word}};
  const Failure failure = FailureOf(400, body.dump(-1, ' ', false, Json::error_handler_t::replace),
                                    {{"x-amzn-RequestId", word}});
  EXPECT_LT(FailureStatus("x", failure).message().size(), 1000U);
  EXPECT_THAT(failure.message, Not(HasSubstr("\x1b")));
  EXPECT_THAT(failure.code, Not(HasSubstr("\x1b")));
  EXPECT_THAT(failure.request_id, Not(HasSubstr("\x1b")));
}

TEST(FailureTest, TheWaitThatAServiceAsksForIsReadCarefully) {
  EXPECT_EQ(RetryAfter({{"x-amz-retry-after", "1500"}}), std::chrono::milliseconds(1500));
  EXPECT_EQ(RetryAfter({{"Retry-After", " 3 "}}), std::chrono::seconds(3));
  EXPECT_EQ(RetryAfter({{"x-amz-retry-after", "-1"}, {"Retry-After", "2"}}),
            std::chrono::seconds(2));
  EXPECT_EQ(RetryAfter({{"x-amz-retry-after", "9223372036854775807"}}), std::chrono::hours(24));
  EXPECT_EQ(RetryAfter({{"Retry-After", "9223372036854775807"}}), std::chrono::hours(24));
  EXPECT_EQ(RetryAfter({{"Retry-After", "Fri, 02 Jan 2026 03:24:05 GMT"}}), std::nullopt);
  EXPECT_EQ(RetryAfter({}), std::nullopt);
}

TEST(HttpDateTest, ReadsTheOneFormThatServersWrite) {
  EXPECT_EQ(http::ParseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"),
            ParseTime("1994-11-06T08:49:37Z"));
  EXPECT_EQ(http::ParseHttpDate("Fri, 31 Dec 2100 23:59:59 GMT"),
            ParseTime("2100-12-31T23:59:59Z"));
  for (const char* text : {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                           "Sun, 06 Xyz 1994 08:49:37 GMT", "Sun, 06 anF 1994 08:49:37 GMT",
                           "Sun, 31 Feb 2026 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC"}) {
    EXPECT_EQ(http::ParseHttpDate(text), std::nullopt) << text;
  }
}

StatusOr<Endpoint> Resolve(const Service& service, const EndpointOptions& options,
                           const std::map<std::string, std::string>& env = {}) {
  return ResolveEndpoint(service, options, [env](const std::string& name) {
    const auto at = env.find(name);
    return at == env.end() ? std::nullopt : std::optional<std::string>(at->second);
  });
}

TEST(EndpointTest, AgreesWithBotocoreInEveryPartition) {
  std::ifstream file("test/aws/endpoints.json");
  const Json table = Json::parse(file, nullptr, false);
  ASSERT_FALSE(table.is_discarded()) << "test/aws/endpoints.json is missing or no JSON";
  int compared = 0;
  for (const Service& service :
       {kEcs, kLogs, kCloudWatch, kSsm, kSecretsManager, kSts, kSns, kElb}) {
    for (const auto& [region, hosts] : table.at("hosts").at(std::string(service.name)).items()) {
      for (int i = 0; i < 4; ++i) {
        EndpointOptions options;
        options.region = region;
        options.fips = i >= 2;
        options.dual_stack = i % 2 == 1;
        // The rules form a name there, but nothing answers: China has no FIPS endpoints.
        if (region == "cn-north-1" && options.fips) continue;
        const auto endpoint = Resolve(service, options);
        ASSERT_TRUE(endpoint.ok()) << endpoint.status();
        EXPECT_EQ(endpoint->host, hosts.at(static_cast<std::size_t>(i)).get<std::string>())
            << service.name << " " << region << " " << i;
        EXPECT_EQ(endpoint->base_url, "https://" + endpoint->host);
        ++compared;
      }
    }
  }
  EXPECT_EQ(compared, 8 * (9 * 4 - 2));
}

TEST(EndpointTest, AnOwnEndpointComesBeforeTheRegionalOne) {
  const EndpointOptions options{"eu-west-1", "", false, false};
  const std::map<std::string, std::string> env = {
      {"AWS_ENDPOINT_URL", "https://all.example:8443/base/"},
      {"AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:5000"}};
  const auto all = Resolve(kEcs, options, env);
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(all->base_url, "https://all.example:8443");
  EXPECT_EQ(all->host, "all.example:8443");
  EXPECT_EQ(all->path_prefix, "/base");
  EXPECT_EQ(Resolve(kSecretsManager, options, env)->base_url, "http://127.0.0.1:5000");
  EXPECT_EQ(Resolve(kEcs, {"eu-west-1", "https://own.example", false, false}, env)->host,
            "own.example");
  auto ignoring = env;
  ignoring["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  EXPECT_EQ(Resolve(kEcs, options, ignoring)->host, "ecs.eu-west-1.amazonaws.com");
  EXPECT_EQ(Resolve(kEcs, options, {{"AWS_USE_FIPS_ENDPOINT", "true"}})->host,
            "ecs-fips.eu-west-1.amazonaws.com");
}

TEST(EndpointTest, RefusesBadRegionsAndUnprotectedEndpoints) {
  for (const std::string region :
       {"", "eu west", "eu-west-1.evil.example", "x/../y", "EU-WEST-1", "-a", "a@b"}) {
    EXPECT_EQ(Resolve(kEcs, {region, "", false, false}).code(), Code::kInvalidArgument) << region;
  }
  for (const std::string url :
       {"http://ecs.example", "http://127.0.0.1.example", "http://169.254.169.254", "ftp://h",
        "nonsense", "https://u:hunter22@h", "https://h/?q=1"}) {
    const Status status = Resolve(kEcs, {"eu-west-1", url, false, false}).status();
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << url;
    EXPECT_THAT(status.message(), Not(HasSubstr("hunter22")));
  }
  for (const std::string url : {"http://localhost:5000", "http://[::1]:5000", "http://127.9.9.9"}) {
    EXPECT_TRUE(Resolve(kEcs, {"eu-west-1", url, false, false}).ok()) << url;
  }
}

TEST(ConfigFileTest, ReadsSectionsCommentsAndSkipsNestedSettings) {
  const auto sections = ParseConfigFile(
      "c",
      "; comment\r\n[ profile   a b ]\r\nKey = value ; comment\r\nurl=https://x/#frag\n"
      "s3 =\n  max = 1\n  min = 2\n[default]\nempty =\n");
  ASSERT_TRUE(sections.ok()) << sections.status();
  EXPECT_EQ(Setting(sections->at("profile a b"), "key"), "value");
  EXPECT_EQ(Setting(sections->at("profile a b"), "url"), "https://x/#frag");
  EXPECT_EQ(sections->at("profile a b").count("max"), 0U);
  EXPECT_EQ(Setting(sections->at("default"), "empty"), "");
  EXPECT_EQ(ParseConfigFile("c", "[open\n").code(), Code::kInvalidArgument);
  EXPECT_EQ(ParseConfigFile("c", "a = b\n").code(), Code::kInvalidArgument);
}

TEST(TextTest, QuotableTextIsShortCleanAndWithoutSecrets) {
  EXPECT_EQ(Quotable("a\x1b[0m\xC2\x9B b\xff", 80), "a [0m  b\xEF\xBF\xBD");
  EXPECT_EQ(Quotable("123456", 3), "123…");
  EXPECT_EQ(Quotable("password=hunter22", 80), "password=[REDACTED]");
  std::string text = "a the-token b the-token";
  Hide(text, "the-token");
  EXPECT_EQ(text, "a [REDACTED] b [REDACTED]");
}

TEST(RetryTest, DelaysGrowToTheCapWithFullJitter) {
  SeededRandom random(3);
  const std::vector<int> most = {1, 2, 4, 8, 16, 20, 20};
  for (std::size_t retry = 1; retry <= most.size(); ++retry) {
    Duration longest{};
    Duration shortest = std::chrono::hours(1);
    for (int i = 0; i < 2000; ++i) {
      const Duration delay = RetryDelay(static_cast<int>(retry), random);
      longest = std::max(longest, delay);
      shortest = std::min(shortest, delay);
    }
    const Duration cap = std::chrono::seconds(most[retry - 1]);
    EXPECT_LT(longest, cap);
    EXPECT_GT(longest, cap * 95 / 100);
    EXPECT_LT(shortest, cap * 5 / 100);
  }
}

}  // namespace
}  // namespace salve::aws
