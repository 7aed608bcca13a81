// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/credential_chain.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/aws/testing/fake_platform.h"
#include "pkg/base/hash.h"
#include "pkg/base/time_format.h"

namespace salve::aws {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kSessionJson =
    R"({"Code":"Success","AccessKeyId":"ASIASESSION","SecretAccessKey":"session-secret-key",)"
    R"("Token":"session-token-text","Expiration":"2026-01-02T09:04:05Z"})";

std::string StsAnswer(const std::string& operation) {
  return "<" + operation + "Response><" + operation +
         "Result><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role-secret-key"
         "</SecretAccessKey><SessionToken>role-token</SessionToken><Expiration>"
         "2026-01-02T04:04:05Z</Expiration></Credentials></" +
         operation + "Result></" + operation + "Response>";
}

class CredentialChainTest : public ::testing::Test {
 protected:
  CredentialChainTest() { world_.env["HOME"] = "/home/u"; }

  StatusOr<Credentials> Get(const ChainOptions& options = {}) {
    return MakeCredentialChain(options, world_.platform())->Get({});
  }
  // One answer for every request.
  void Answers(int status, const std::string& body) {
    world_.Serve([=](const std::string&, const http::Request&, const http::CallOptions&) {
      return StatusOr<http::Response>(JsonAnswer(status, body));
    });
  }
  void Config(const std::string& text) { world_.files["/home/u/.aws/config"] = text; }
  void Keys(const std::string& text) { world_.files["/home/u/.aws/credentials"] = text; }
  std::string SentTo(std::size_t i) const { return world_.sent().at(i).to; }
  http::Request Sent(std::size_t i) const { return world_.sent().at(i).request; }

  FakePlatform world_;
};

TEST_F(CredentialChainTest, WithNothingConfiguredTheErrorNamesEverySourceInOrder) {
  const Status status = Get().status();
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_EQ(
      status.message(),
      "no AWS credentials are configured; tried environment: AWS_ACCESS_KEY_ID is not set; web "
      "identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set; profile: there is no profile in "
      "/home/u/.aws/config and /home/u/.aws/credentials; container endpoint: "
      "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI are not set; "
      "instance metadata: instance metadata at http://169.254.169.254 does not answer within a "
      "second (not on EC2, or in a container on an instance whose metadata hop limit is 1)");
}

TEST_F(CredentialChainTest, DevNullIsASharedFileWithNothingInIt) {
  world_.env["AWS_CONFIG_FILE"] = "/dev/null";
  world_.env["AWS_SHARED_CREDENTIALS_FILE"] = "/dev/null";
  world_.env["AWS_EC2_METADATA_DISABLED"] = "true";
  Platform machine = world_.platform();
  machine.files = &SystemFiles();
  const Status status = MakeCredentialChain({}, machine)->Get({}).status();
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("there is no profile in /dev/null and /dev/null"));
}

TEST_F(CredentialChainTest, TheEnvironmentComesFirst) {
  world_.env["AWS_ACCESS_KEY_ID"] = "AKIDENV";
  world_.env["AWS_SECRET_ACCESS_KEY"] = "env-secret-key";
  world_.env["AWS_SESSION_TOKEN"] = "env-token";
  Keys("[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = file-secret-key\n");
  const auto got = Get();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(*got, (Credentials{"AKIDENV", "env-secret-key", "env-token", std::nullopt}));
  EXPECT_THAT(world_.sent(), IsEmpty());
}

TEST_F(CredentialChainTest, HalfAKeyIsAnErrorAndNotAnInvitationToUseAnotherIdentity) {
  world_.env["AWS_ACCESS_KEY_ID"] = "AKIDENV";
  Keys("[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = file-secret-key\n");
  const Status status = Get().status();
  EXPECT_EQ(status.code(), Code::kUnauthenticated);
  EXPECT_THAT(status.message(), HasSubstr("AWS_SECRET_ACCESS_KEY is not set"));
}

TEST_F(CredentialChainTest, AProfileIsReadFromBothFilesAndTheCredentialsFileWins) {
  world_.env["AWS_PROFILE"] = "ops";
  Config("# comment\n[profile ops]\nregion = eu-central-1 ; where\naws_access_key_id = AKIDOLD\n");
  Keys("[ops]\nAWS_ACCESS_KEY_ID=AKIDNEW\naws_secret_access_key = key+with/=signs\n");
  const auto got = Get();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->access_key_id, "AKIDNEW");
  EXPECT_EQ(got->secret_access_key, "key+with/=signs");
  EXPECT_EQ(ResolveRegion("", world_.platform()).value_or(""), "eu-central-1");
}

TEST_F(CredentialChainTest, AProfileThatWasAskedForMustBeThere) {
  world_.env["AWS_PROFILE"] = "gone";
  const Status status = Get().status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("profile gone is in neither of /home/u/.aws/config"));
}

TEST_F(CredentialChainTest, AProfileInTheOptionsLeavesTheEnvironmentOut) {
  world_.env["AWS_ACCESS_KEY_ID"] = "AKIDENV";
  world_.env["AWS_SECRET_ACCESS_KEY"] = "env-secret-key";
  Keys("[ops]\naws_access_key_id = AKIDOPS\naws_secret_access_key = ops-secret-key\n");
  EXPECT_EQ(Get({"ops", ""}).value_or(Credentials()).access_key_id, "AKIDOPS");
}

TEST_F(CredentialChainTest, ABrokenFileIsNamedWithItsLineAndNotItsText) {
  Keys("[default]\naws_access_key_id = A\nthe-secret-without-a-name\n");
  const Status status = Get().status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("line 3 of /home/u/.aws/credentials is neither"),
                                      Not(HasSubstr("the-secret-without"))));
}

TEST_F(CredentialChainTest, CredentialProcessIsRefusedWithTheReason) {
  Config("[default]\ncredential_process = /bin/get-key --for me\n");
  const Status status = Get().status();
  EXPECT_EQ(status.code(), Code::kUnimplemented);
  EXPECT_THAT(status.message(), HasSubstr("Salve runs no program that a file names"));
}

TEST_F(CredentialChainTest, ARoleIsAssumedWithTheSourceProfilesKeys) {
  Config(
      "[profile healer]\nrole_arn = arn:aws:iam::1:role/healer\nsource_profile = base\n"
      "external_id = ext-1\nduration_seconds = 900\nregion = eu-west-2\n");
  Keys("[base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = base-secret-key\n");
  Answers(200, StsAnswer("AssumeRole"));
  const auto got = Get({"healer", ""});
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(*got, (Credentials{"ASIAROLE", "role-secret-key", "role-token",
                               ParseTime("2026-01-02T04:04:05Z")}));
  EXPECT_EQ(SentTo(0), "https://sts.eu-west-2.amazonaws.com");
  EXPECT_THAT(Sent(0).body, AllOf(HasSubstr("Action=AssumeRole&Version=2011-06-15"),
                                  HasSubstr("ExternalId=ext-1"), HasSubstr("DurationSeconds=900"),
                                  HasSubstr("RoleSessionName=salve-"),
                                  HasSubstr("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fhealer")));
  EXPECT_THAT(std::string(*Sent(0).headers.Get("Authorization")), HasSubstr("AKIDBASE/"));
}

TEST_F(CredentialChainTest, RolesCanBeChainedButNotInACircle) {
  Config(
      "[profile a]\nrole_arn = arn:a\nsource_profile = b\nregion = eu-west-1\n"
      "[profile b]\nrole_arn = arn:b\nsource_profile = a\nregion = eu-west-1\n");
  Answers(200, StsAnswer("AssumeRole"));
  const Status status = Get({"a", ""}).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("source_profile leads back to it"));
  EXPECT_THAT(world_.sent(), IsEmpty());
}

TEST_F(CredentialChainTest, ARefusedRoleIsAnErrorThatNamesTheRole) {
  Config("[default]\nrole_arn = arn:aws:iam::1:role/x\ncredential_source = Environment\n");
  ChainOptions options;
  options.profile = "default";
  options.region = "eu-west-1";
  world_.env["AWS_ACCESS_KEY_ID"] = "AKIDENV";
  world_.env["AWS_SECRET_ACCESS_KEY"] = "env-secret-key";
  Answers(403,
          "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error>"
          "<RequestId>sts-1</RequestId></ErrorResponse>");
  const Status status = Get(options).status();
  EXPECT_EQ(status.code(), Code::kPermissionDenied);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("assuming arn:aws:iam::1:role/x"), HasSubstr("sts:AssumeRole"),
                    HasSubstr("request sts-1"), Not(HasSubstr("env-secret-key"))));
}

TEST_F(CredentialChainTest, MfaAndBadDurationsAreRefusedBeforeAnythingIsSent) {
  for (const std::string extra : {"mfa_serial = arn:mfa", "duration_seconds = 60",
                                  "duration_seconds = soon", "credential_source = Guess"}) {
    Config("[default]\nrole_arn = arn:r\nregion = eu-west-1\n" + extra + "\n");
    EXPECT_FALSE(Get().ok()) << extra;
  }
  EXPECT_THAT(world_.sent(), IsEmpty());
}

TEST_F(CredentialChainTest, AWebIdentityIsSentUnsigned) {
  world_.env["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/var/run/token";
  world_.env["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/pod";
  world_.env["AWS_REGION"] = "eu-west-1";
  world_.files["/var/run/token"] = "header.payload.signature\n";
  Answers(200, StsAnswer("AssumeRoleWithWebIdentity"));
  const auto got = Get();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->access_key_id, "ASIAROLE");
  EXPECT_FALSE(Sent(0).headers.Get("Authorization").has_value());
  EXPECT_THAT(Sent(0).body, HasSubstr("WebIdentityToken=header.payload.signature"));
}

TEST_F(CredentialChainTest, AWebIdentityWithoutItsFileOrRegionStopsTheSearch) {
  world_.env["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/var/run/token";
  world_.env["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/pod";
  world_.env["AWS_REGION"] = "eu-west-1";
  Status status = Get().status();
  EXPECT_EQ(status.code(), Code::kUnauthenticated);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("/var/run/token"), HasSubstr("web identity")));
  world_.files["/var/run/token"] = "t.o.k";
  world_.env.erase("AWS_REGION");
  status = Get().status();
  EXPECT_THAT(status.message(), HasSubstr("set AWS_REGION"));
  EXPECT_THAT(world_.sent(), IsEmpty());
}

TEST_F(CredentialChainTest, AnSsoSessionGivesTheRolesCredentials) {
  Config(
      "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp/start\n"
      "[default]\nsso_session = corp\nsso_account_id = 123\nsso_role_name = Ops & Co\n");
  const std::string cache = "/home/u/.aws/sso/cache/" + Sha1Hex("corp") + ".json";
  Status status = Get().status();
  EXPECT_EQ(status.code(), Code::kUnauthenticated);
  EXPECT_THAT(status.message(), HasSubstr("run: aws sso login --profile default"));
  world_.files[cache] = R"({"accessToken":"sso-token-text","expiresAt":"2026-01-02T03:00:00Z"})";
  EXPECT_THAT(Get().status().message(), HasSubstr("expired at 2026-01-02T03:00:00Z"));
  world_.files[cache] = R"({"accessToken":"sso-token-text","expiresAt":"2026-01-02T08:00:00Z"})";
  Answers(200, R"({"roleCredentials":{"accessKeyId":"ASIASSO","secretAccessKey":"sso-secret",)"
               R"("sessionToken":"tok","expiration":1767330245000}})");
  const auto got = Get();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->access_key_id, "ASIASSO");
  EXPECT_EQ(got->expires_at, ParseTime("2026-01-02T05:04:05Z"));
  EXPECT_EQ(SentTo(0), "https://portal.sso.eu-west-1.amazonaws.com");
  EXPECT_EQ(Sent(0).target, "/federation/credentials?role_name=Ops%20%26%20Co&account_id=123");
  EXPECT_EQ(Sent(0).headers.Get("x-amz-sso_bearer_token"), "sso-token-text");
  Answers(401, R"({"message":"Session token not found or invalid"})");
  EXPECT_THAT(Get().status().message(),
              AllOf(HasSubstr("run: aws sso login"), Not(HasSubstr("sso-token-text"))));
}

TEST_F(CredentialChainTest, AnEcsTaskAsksItsAgent) {
  world_.env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/credentials/uuid";
  Answers(200, kSessionJson);
  const auto got = Get();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(*got, (Credentials{"ASIASESSION", "session-secret-key", "session-token-text",
                               ParseTime("2026-01-02T09:04:05Z")}));
  EXPECT_EQ(SentTo(0), "http://169.254.170.2");
  EXPECT_EQ(Sent(0).target, "/v2/credentials/uuid");
}

TEST_F(CredentialChainTest, AnEksPodSendsItsTokenFile) {
  world_.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://169.254.170.23/v1/credentials";
  world_.env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "not-this-one";
  world_.env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = "/var/token";
  world_.files["/var/token"] = "pod-identity-token\n";
  Answers(200, kSessionJson);
  ASSERT_TRUE(Get().ok());
  EXPECT_EQ(Sent(0).headers.Get("Authorization"), "pod-identity-token");
  world_.files["/var/token"] = "two\nlines\n";
  EXPECT_EQ(Get().code(), Code::kInvalidArgument);
}

TEST_F(CredentialChainTest, AContainerEndpointElsewhereIsRefusedWithoutTls) {
  Answers(200, kSessionJson);
  const std::vector<std::pair<std::string, bool>> cases = {
      {"http://evil.example/creds", false},
      {"http://10.0.0.1/creds", false},
      {"http://127.0.0.1.evil.example/", false},
      {"ftp://127.0.0.1/creds", false},
      {"http://169.254.170.2/c", true},
      {"http://[fd00:ec2::23]/c", true},
      {"http://127.0.0.1:8080/c", true},
      {"http://localhost/c", true},
      {"http://[::1]/c", true},
      {"https://creds.example/c", true}};
  for (const auto& [uri, allowed] : cases) {
    world_.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = uri;
    const std::size_t before = world_.sent().size();
    EXPECT_EQ(Get().ok(), allowed) << uri;
    EXPECT_EQ(world_.sent().size() - before, allowed ? 1U : 0U) << uri;
  }
}

TEST_F(CredentialChainTest, AnInstanceIsAskedByVersionTwoOnly) {
  world_.Serve([](const std::string&, const http::Request& request, const http::CallOptions&) {
    if (request.method == "PUT") return StatusOr<http::Response>(JsonAnswer(200, "imds-token"));
    if (request.headers.Get("X-aws-ec2-metadata-token") != "imds-token") {
      return StatusOr<http::Response>(JsonAnswer(401, ""));
    }
    const bool list = request.target.ends_with('/');
    return StatusOr<http::Response>(JsonAnswer(200, list ? "salve-role\n" : kSessionJson));
  });
  const auto got = Get();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->access_key_id, "ASIASESSION");
  ASSERT_EQ(world_.sent().size(), 3U);
  EXPECT_EQ(SentTo(0), "http://169.254.169.254");
  EXPECT_EQ(Sent(0).target, "/latest/api/token");
  EXPECT_EQ(Sent(0).headers.Get("X-aws-ec2-metadata-token-ttl-seconds"), "21600");
  EXPECT_EQ(Sent(2).target, "/latest/meta-data/iam/security-credentials/salve-role");
}

TEST_F(CredentialChainTest, AnInstanceWithoutAnAnswerCostsOneSecond) {
  world_.Serve([this](const std::string&, const http::Request&, const http::CallOptions& options) {
    world_.clock().Advance(options.deadline - world_.clock().Monotonic());
    return StatusOr<http::Response>(DeadlineExceededError("no answer in time"));
  });
  const MonoTime start = world_.clock().Monotonic();
  EXPECT_EQ(Get().code(), Code::kNotFound);
  EXPECT_EQ(world_.clock().Monotonic() - start, std::chrono::seconds(1));
}

TEST_F(CredentialChainTest, InstanceMetadataCanBeSwitchedOffAndVersionOneIsNotAFallBack) {
  Answers(404, "");
  EXPECT_THAT(Get().status().message(), HasSubstr("gives no IMDSv2 token (HTTP 404)"));
  EXPECT_EQ(world_.sent().size(), 1U);
  world_.env["AWS_EC2_METADATA_DISABLED"] = "TRUE";
  EXPECT_THAT(Get().status().message(), HasSubstr("AWS_EC2_METADATA_DISABLED is true"));
  EXPECT_EQ(world_.sent().size(), 1U);
}

TEST_F(CredentialChainTest, ABrokenAnswerNamesTheMissingMemberAndShowsNothing) {
  world_.env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/c";
  Answers(200, R"({"AccessKeyId":"A","SecretAccessKey":"half-a-secret"})");
  const Status status = Get().status();
  EXPECT_EQ(status.code(), Code::kUnauthenticated);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("\"Token\""), Not(HasSubstr("half-a-secret"))));
  Answers(200, "<html>");
  EXPECT_EQ(Get().code(), Code::kUnauthenticated);
  Answers(500, "the agent is out");
  EXPECT_EQ(Get().code(), Code::kUnavailable);
}

TEST_F(CredentialChainTest, TheSourceThatAnsweredFirstIsAskedAgainAndNoOther) {
  world_.env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/c";
  Answers(200, kSessionJson);
  const auto chain = MakeCredentialChain({}, world_.platform());
  ASSERT_TRUE(chain->Get({}).ok());
  // Another identity turns up later: it must not be taken in the place of the first.
  world_.env["AWS_ACCESS_KEY_ID"] = "AKIDENV";
  world_.env["AWS_SECRET_ACCESS_KEY"] = "env-secret-key";
  world_.clock().Advance(std::chrono::hours(7));
  Answers(503, "");
  const Status status = chain->Get({}).status();
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("container"));
}

TEST_F(CredentialChainTest, TheRegionComesFromTheEnvironmentThenTheProfile) {
  const Status none = ResolveRegion("", world_.platform()).status();
  EXPECT_EQ(none.code(), Code::kNotFound);
  EXPECT_THAT(none.message(), HasSubstr("AWS_REGION and AWS_DEFAULT_REGION are not set"));
  Config("[default]\nregion = eu-north-1\n");
  EXPECT_EQ(ResolveRegion("", world_.platform()).value_or(""), "eu-north-1");
  world_.env["AWS_DEFAULT_REGION"] = "us-east-2";
  EXPECT_EQ(ResolveRegion("", world_.platform()).value_or(""), "us-east-2");
  world_.env["AWS_REGION"] = "evil.example/";
  EXPECT_EQ(ResolveRegion("", world_.platform()).code(), Code::kInvalidArgument);
}

TEST(CredentialsTest, PrintingCredentialsShowsNothing) {
  const Credentials credentials{"AKID", "the-secret-key", "the-token", std::nullopt};
  EXPECT_EQ(::testing::PrintToString(credentials), "[REDACTED]");
}

}  // namespace
}  // namespace salve::aws
