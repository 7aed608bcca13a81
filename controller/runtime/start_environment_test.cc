// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/start_environment.h"

#include "controller/runtime/dotenv.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/aws/testing/fake_platform.h"
#include "pkg/base/environment.h"

namespace salve::runtime {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

TEST(ParseDotenv, ReadsWhatSuchFilesHold) {
  const auto parsed = ParseDotenv(".env",
                                  "# a comment\r\n"
                                  "\n"
                                  "PLAIN=a b#c  # and a comment\n"
                                  "  export EXPORTED = x\n"
                                  "EMPTY=\n"
                                  "NOTHING=# only a comment\n"
                                  "SINGLE='as $it \\n stands' # said\n"
                                  "DOUBLE=\"line\\nnext \\\"q\\\" \\$HOME \\\\\"\n"
                                  "EQUALS=a=b\n"
                                  "LAST=end");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(*parsed, ElementsAre(Pair("DOUBLE", "line\nnext \"q\" $HOME \\"), Pair("EMPTY", ""),
                                   Pair("EQUALS", "a=b"), Pair("EXPORTED", "x"),
                                   Pair("LAST", "end"), Pair("NOTHING", ""), Pair("PLAIN", "a b#c"),
                                   Pair("SINGLE", "as $it \\n stands")));
}

TEST(ParseDotenv, NamesTheLineThatIsWrongAndNeverWhatStandsInIt) {
  const struct {
    std::string line;
    const char* why;
  } cases[] = {
      {"no-variable s3cret", "is not NAME=value"},
      {"1NAME=s3cret", "not a name"},
      {"A B=s3cret", "not a name"},
      {"=s3cret", "not a name"},
      {"A='s3cret", "is not closed"},
      {"A=\"s3cret", "is not closed"},
      {"A=\"s3cret\\", "is not closed"},
      {"A=\"s3cret\\x\"", "after a backslash"},
      {"A='s3cret' more", "follows the quote"},
      {"A=\"s3cret\"more", "follows the quote"},
      {"FIRST=s3cret", "FIRST is set twice"},
      {"A=s3cret" + std::string(kMaxVariableBytes, 'x'), "over 64 kB"},
      {std::string("A=s3cret\0", 9), "NUL"},
  };
  for (const auto& one : cases) {
    const Status status = ParseDotenv("dir/.env", "FIRST=1\n" + one.line + "\n").status();
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << one.line;
    EXPECT_THAT(status.message(),
                AllOf(HasSubstr("dir/.env:2: "), HasSubstr(one.why), Not(HasSubstr("s3cret"))));
  }
}

TEST(ParseDotenv, IsBounded) {
  std::string text;
  for (std::size_t i = 0; i <= kMaxVariables; ++i) text += "A" + std::to_string(i) + "=1\n";
  EXPECT_THAT(ParseDotenv(".env", text).status().message(), HasSubstr("more than 1000"));
}

class StartEnvironmentTest : public ::testing::Test {
 protected:
  StartEnvironmentTest() {
    world_.env = {{"AWS_ACCESS_KEY_ID", "AKID"},
                  {"AWS_SECRET_ACCESS_KEY", "the-secret-key"},
                  {"AWS_REGION", "eu-west-1"}};
  }
  void Answer(int status, const std::string& body) {
    world_.Serve([=](const std::string&, const http::Request&, const http::CallOptions&) {
      return StatusOr<http::Response>(aws::JsonAnswer(status, body));
    });
  }
  StatusOr<StartEnvironment> Read() { return ReadStartEnvironment(world_.platform(), ".env"); }

  aws::FakePlatform world_;
};

TEST_F(StartEnvironmentTest, WithoutEitherThereIsNothing) {
  const auto found = Read();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->source, "");
  EXPECT_THAT(found->variables, IsEmpty());
}

TEST_F(StartEnvironmentTest, TheFileCountsOnlyWhereNoSecretIsNamed) {
  world_.files[".env"] = "A=of-the-file\n";
  const auto file = Read();
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->source, "file .env");
  EXPECT_THAT(file->variables, ElementsAre(Pair("A", "of-the-file")));
  EXPECT_TRUE(world_.sent().empty());

  world_.env["AWS_SECRETS_NAME"] = "salve/prod";
  Answer(200, R"({"SecretString":"{\"B\":\"text\",\"N\":6380,\"T\":true}"})");
  const auto secret = Read();
  ASSERT_TRUE(secret.ok()) << secret.status();
  EXPECT_EQ(secret->source, "Secrets Manager secret \"salve/prod\" in eu-west-1");
  EXPECT_THAT(secret->variables,
              ElementsAre(Pair("B", "text"), Pair("N", "6380"), Pair("T", "true")));
}

TEST_F(StartEnvironmentTest, ASecretThatCannotBeReadIsNamedWithTheCall) {
  world_.files[".env"] = "A=of-the-file\n";
  world_.env["AWS_SECRETS_NAME"] = "salve/prod";
  Answer(400, R"({"__type":"AccessDeniedException","message":"no"})");
  const Status denied = Read().status();
  EXPECT_EQ(denied.code(), Code::kPermissionDenied);
  EXPECT_THAT(denied.message(), AllOf(HasSubstr("AWS_SECRETS_NAME"), HasSubstr("salve/prod"),
                                      HasSubstr("grant secretsmanager:GetSecretValue")));
  world_.env.erase("AWS_REGION");
  EXPECT_THAT(Read().status().message(), HasSubstr("AWS_REGION"));
}

TEST_F(StartEnvironmentTest, ASecretThatHoldsNoVariablesIsRefusedWithoutShowingIt) {
  world_.env["AWS_SECRETS_NAME"] = "salve/prod";
  for (const std::string secret :
       {R"(no json s3cret)", R"([\"s3cret\"])", R"({\"A\":{\"b\":\"s3cret\"}})",
        R"({\"A\":null,\"B\":\"s3cret\"})", R"({\"not a name\":\"s3cret\"})"}) {
    Answer(200, R"({"SecretString":")" + secret + "\"}");
    const Status status = Read().status();
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << secret;
    EXPECT_THAT(status.message(), AllOf(HasSubstr("salve/prod"), Not(HasSubstr("s3cret"))));
  }
}

TEST_F(StartEnvironmentTest, ABadLineOfTheFileIsAnErrorWithItsPlace) {
  world_.files[".env"] = "A=1\nwhat is this\n";
  EXPECT_EQ(Read().status().message(), ".env:2: it is not NAME=value");
}

TEST(Variables, WhatTheProcessHasWinsAndIsNeverWritten) {
  ASSERT_EQ(::setenv("SALVE_TEST_SET", "of-the-process", 1), 0);
  SetVariableDefaults(
      {{"SALVE_TEST_SET", "default"}, {"SALVE_TEST_UNSET", "default"}, {"SALVE_TEST_EMPTY", ""}});
  EXPECT_EQ(Variable("SALVE_TEST_SET"), "of-the-process");
  EXPECT_EQ(Variable("SALVE_TEST_UNSET"), "default");
  EXPECT_EQ(Variable("SALVE_TEST_EMPTY"), "");
  EXPECT_EQ(NonEmptyVariable("SALVE_TEST_EMPTY"), std::nullopt);
  EXPECT_EQ(Variable("SALVE_TEST_NEVER"), std::nullopt);
  EXPECT_EQ(::getenv("SALVE_TEST_UNSET"), nullptr);
  SetVariableDefaults({});
  EXPECT_EQ(Variable("SALVE_TEST_UNSET"), std::nullopt);
}

}  // namespace
}  // namespace salve::runtime
