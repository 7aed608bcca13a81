// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/github_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/redact.h"
#include "pkg/base/time_format.h"
#include "pkg/http/testing/function_handler.h"
#include "pkg/http/transports.h"

namespace salve::notify {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

const GithubCall kCall{"opening an issue", "Issues: read and write", "POST", "/issues", {},
                       {{"title", "x"}}};

struct AnswerCase {
  const char* sentence;
  int status;
  http::Headers headers;
  const char* body;
  Code code;
  bool terminal;
  std::optional<milliseconds> wait;
  const char* says;
};

TEST(JudgeGithub, TakesEachAnswerForWhatItMeans) {
  const WallTime now = *ParseTime("2026-11-21T11:00:00Z");
  const std::string reset =
      std::to_string(std::chrono::duration_cast<seconds>(now.time_since_epoch()).count() + 90);
  const AnswerCase cases[] = {
      {"the hour's limit",
       403,
       {{"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", reset}},
       R"({"message":"API rate limit exceeded"})",
       Code::kTooManyRequests,
       false,
       seconds(91),
       "rate limit"},
      {"the hour's limit, by GitHub's clock",
       403,
       {{"X-RateLimit-Remaining", "0"},
        {"X-RateLimit-Reset", reset},
        {"Date", "Sat, 21 Nov 2026 11:01:00 GMT"}},
       "{}",
       Code::kTooManyRequests,
       false,
       seconds(31),
       "403"},
      {"a secondary limit with a time",
       403,
       {{"Retry-After", "17"}},
       R"({"message":"You have exceeded a secondary rate limit."})",
       Code::kTooManyRequests,
       false,
       seconds(17),
       "secondary"},
      {"a secondary limit without one",
       403,
       {},
       R"({"message":"You have exceeded a secondary rate limit."})",
       Code::kTooManyRequests,
       false,
       seconds(60),
       "secondary"},
      {"429", 429, {}, "{}", Code::kTooManyRequests, false, seconds(60), "429"},
      {"a wait that is none",
       429,
       {{"Retry-After", "-7"}},
       "{}",
       Code::kTooManyRequests,
       false,
       seconds(60),
       "429"},
      {"a wrong token",
       401,
       {},
       R"({"message":"Bad credentials"})",
       Code::kUnauthenticated,
       false,
       std::nullopt,
       "Bad credentials"},
      {"a right that is missing, in GitHub's words",
       403,
       {{"X-Accepted-GitHub-Permissions", "issues=write"}, {"X-RateLimit-Remaining", "12"}},
       R"({"message":"Resource not accessible by integration"})",
       Code::kPermissionDenied,
       false,
       std::nullopt,
       "permission issues=write"},
      {"a right that is missing, in ours",
       403,
       {},
       "{}",
       Code::kPermissionDenied,
       false,
       std::nullopt,
       "permission Issues: read and write"},
      {"not there",
       404,
       {},
       R"({"message":"Not Found"})",
       Code::kNotFound,
       false,
       std::nullopt,
       "may not see it"},
      {"moved",
       301,
       {},
       R"({"message":"Moved Permanently"})",
       Code::kUnavailable,
       false,
       std::nullopt,
       "not followed"},
      {"a conflict",
       409,
       {},
       R"({"message":"Git Repository is empty."})",
       Code::kConflict,
       false,
       std::nullopt,
       "empty"},
      {"switched off",
       410,
       {},
       R"({"message":"Issues are disabled for this repo"})",
       Code::kInvalidArgument,
       true,
       std::nullopt,
       "disabled"},
      {"refused, with reasons",
       422,
       {},
       R"({"message":"Validation Failed","errors":[{"field":"title","code":"missing_field"},"and this"]})",
       Code::kInvalidArgument,
       true,
       std::nullopt,
       "title missing_field; and this"},
      {"there already",
       422,
       {},
       R"({"message":"Reference already exists"})",
       Code::kAlreadyExists,
       false,
       std::nullopt,
       "already exists"},
      {"out of order", 500, {}, "<html>", Code::kUnavailable, false, std::nullopt, "500"},
      {"not its own type",
       422,
       {},
       R"({"message":[1],"errors":{"a":1}})",
       Code::kInvalidArgument,
       true,
       std::nullopt,
       "422"},
  };
  for (const AnswerCase& c : cases) {
    SCOPED_TRACE(c.sentence);
    const Status status = JudgeGithub(kCall, c.status, c.headers, c.body, now);
    EXPECT_EQ(status.code(), c.code);
    EXPECT_EQ(status.terminal(), c.terminal);
    EXPECT_EQ(status.retry_after(), c.wait);
    EXPECT_THAT(status.message(), HasSubstr(c.says));
  }
  EXPECT_TRUE(JudgeGithub(kCall, 201, {}, "", now).ok());
}

TEST(JudgeGithub, WhatItQuotesIsBoundedAndCannotReachATerminal) {
  const nlohmann::json body = {{"message", "\x1b[31m" + std::string(5000, 'x')}};
  const Status status = JudgeGithub(kCall, 500, {}, body.dump(), WallTime{});
  EXPECT_LE(status.message().size(), 300u);
  EXPECT_THAT(status.message(), Not(HasSubstr("\x1b")));
}

// An API whose other side is `answers_`, in this process.
class GithubApiTest : public ::testing::Test {
 protected:
  GithubApiTest() {
    configuration_.repository = "acme/shop";
    configuration_.url = "http://github.example:8080/api/v3";
    configuration_.token.env = "T";
    configuration_.issue.emplace();
    environment_.read_secret = [this](const auto& /*reference*/) -> StatusOr<std::string> {
      return secret_;
    };
    environment_.clock = &clock_;
    environment_.connect =
        [this](const std::string& base) -> StatusOr<std::unique_ptr<http::Transport>> {
      base_ = base;
      return http::MakeInProcessTransport(handler_, {}, SystemClock());
    };
  }
  StatusOr<nlohmann::json> Call() {
    return api_.Call(kCall, {SystemClock().Monotonic() + seconds(10), {}});
  }
  void Answer(int status, const std::string& body, http::Headers headers = {}) {
    http::Response response;
    response.status = status;
    response.headers = std::move(headers);
    response.body = body;
    answers_.push_back(std::move(response));
  }

  apis::config::v1alpha1::GithubSink configuration_;
  std::string secret_ = "ghp_secret";
  std::vector<http::Response> answers_;  // the last one again and again
  std::vector<http::Request> requests_;
  std::string base_;
  http::FunctionHandler handler_ =
      http::FunctionHandler::Answering([this](const http::Request& request) {
        requests_.push_back(request);
        const std::size_t at = std::min(requests_.size(), answers_.size()) - 1;
        return answers_[at];
      });
  SimulatedClock clock_{*ParseTime("2026-12-01T12:00:00Z")};
  SinkEnvironment environment_;
  GithubApi api_{configuration_, environment_};
};

TEST_F(GithubApiTest, SaysWhoItIsAndWhichVersionOfTheApiItSpeaks) {
  Answer(201, R"({"number":7})");
  const auto answer = Call();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ((*answer)["number"], 7);
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(base_, "http://github.example:8080");
  EXPECT_EQ(requests_[0].method, "POST");
  EXPECT_EQ(requests_[0].target, "/api/v3/repos/acme/shop/issues");
  EXPECT_EQ(requests_[0].headers.Get("Authorization"), "Bearer ghp_secret");
  EXPECT_EQ(requests_[0].headers.Get("X-GitHub-Api-Version"), "2022-11-28");
  EXPECT_EQ(requests_[0].headers.Get("User-Agent"), "salve");
  EXPECT_EQ(requests_[0].body, R"({"title":"x"})");
}

TEST_F(GithubApiTest, AnErrorNamesTheRepositoryAndTheCallAndNotTheToken) {
  RegisterSecret("ghp_secret");
  Answer(401, R"({"message":"Bad credentials: ghp_secret"})");
  const auto answer = Call();
  ASSERT_FALSE(answer.ok());
  EXPECT_THAT(answer.status().message(), HasSubstr("acme/shop: opening an issue: GitHub answered"));
  EXPECT_THAT(answer.status().message(), Not(HasSubstr("ghp_secret")));
  EXPECT_EQ(requests_.size(), 1u);
}

TEST_F(GithubApiTest, WhileTheLimitIsUsedUpNothingIsSent) {
  Answer(429, "{}", {{"Retry-After", "120"}});
  Answer(201, "{}");
  EXPECT_EQ(Call().status().retry_after(), seconds(120));
  clock_.Advance(seconds(100));
  const auto held = Call();
  EXPECT_EQ(held.code(), Code::kTooManyRequests);
  EXPECT_EQ(held.status().retry_after(), seconds(20));
  EXPECT_EQ(requests_.size(), 1u);
  clock_.Advance(seconds(20));
  EXPECT_TRUE(Call().ok());
}

TEST_F(GithubApiTest, TheLastCallOfAnHourIsTakenForThatAlthoughItWentWell) {
  Answer(201, "{}", {{"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "1796126460"}});
  EXPECT_TRUE(Call().ok());
  EXPECT_EQ(Call().code(), Code::kTooManyRequests);
  EXPECT_EQ(requests_.size(), 1u);
}

TEST_F(GithubApiTest, AnAnswerThatIsNoJsonIsAnError) {
  Answer(200, "<html>");
  EXPECT_EQ(Call().code(), Code::kUnavailable);
}

TEST_F(GithubApiTest, ATokenThatWouldMakeAnotherHeaderIsNotSent) {
  secret_ = "a\r\nX-Evil: 1";
  Answer(200, "{}");
  const auto answer = Call();
  EXPECT_EQ(answer.code(), Code::kInvalidArgument);
  EXPECT_THAT(answer.status().message(), Not(HasSubstr("Evil")));
  EXPECT_TRUE(requests_.empty());
}

}  // namespace
}  // namespace salve::notify
