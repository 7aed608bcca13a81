// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/http_post.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/time_format.h"
#include "pkg/http/testing/function_handler.h"
#include "pkg/http/transports.h"

namespace salve::notify {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// A poster whose other side is `answer`, in this process.
class HttpPosterTest : public ::testing::Test {
 protected:
  StatusOr<std::string> Post(const std::string& url, const std::string& name = "") {
    environment_.clock = &SystemClock();
    environment_.connect =
        [this](const std::string& base) -> StatusOr<std::unique_ptr<http::Transport>> {
      bases_.push_back(base);
      return http::MakeInProcessTransport(handler_, {}, SystemClock());
    };
    if (poster_ == nullptr) poster_ = std::make_unique<HttpPoster>(environment_, name);
    return poster_->Post(url, {{"webhook-id", "m1"}}, R"({"a":1})",
                         {SystemClock().Monotonic() + seconds(10), {}});
  }

  http::Response answer_;
  std::vector<http::Request> requests_;
  std::vector<std::string> bases_;
  http::FunctionHandler handler_ =
      http::FunctionHandler::Answering([this](const http::Request& request) {
        requests_.push_back(request);
        return answer_;
      });
  SinkEnvironment environment_;
  std::unique_ptr<HttpPoster> poster_;
};

TEST_F(HttpPosterTest, PostsJsonToThePathAndKeepsTheConnection) {
  answer_.status = 202;
  ASSERT_TRUE(Post("http://sink.example:8080/a/b?c=d").ok());
  ASSERT_TRUE(Post("http://sink.example:8080/other").ok());
  ASSERT_EQ(requests_.size(), 2u);
  EXPECT_EQ(requests_[0].method, "POST");
  EXPECT_EQ(requests_[0].target, "/a/b?c=d");
  EXPECT_EQ(requests_[0].headers.Get("Content-Type"), "application/json");
  EXPECT_EQ(requests_[0].headers.Get("webhook-id"), "m1");
  EXPECT_EQ(requests_[0].body, R"({"a":1})");
  EXPECT_THAT(bases_, ElementsAre("http://sink.example:8080"));
  ASSERT_TRUE(Post("http://[::1]:8080/").ok());
  EXPECT_EQ(bases_.back(), "http://[::1]:8080");
}

struct AnswerCase {
  int status;
  const char* retry_after;
  Code code;
  bool terminal;
  const char* says;
};

class Answers : public HttpPosterTest, public ::testing::WithParamInterface<AnswerCase> {};

TEST_P(Answers, AreTakenForWhatTheyMean) {
  const AnswerCase& c = GetParam();
  answer_.status = c.status;
  answer_.body = "because \x1b[31m of\nthis";
  if (c.retry_after != nullptr) answer_.headers.Set("Retry-After", c.retry_after);
  const auto taken = Post("http://sink.example/");
  EXPECT_EQ(taken.code(), c.code);
  if (taken.ok()) return;
  EXPECT_EQ(taken.status().terminal(), c.terminal);
  EXPECT_THAT(taken.status().message(), HasSubstr(c.says));
  EXPECT_THAT(taken.status().message(), Not(HasSubstr("\x1b")));
  EXPECT_EQ(taken.status().retry_after().has_value(), c.retry_after != nullptr);
}
INSTANTIATE_TEST_SUITE_P(
    All, Answers,
    ::testing::Values(AnswerCase{200, nullptr, Code::kOk, false, ""},
                      AnswerCase{204, nullptr, Code::kOk, false, ""},
                      AnswerCase{302, nullptr, Code::kUnavailable, false, "redirect"},
                      AnswerCase{308, nullptr, Code::kUnavailable, false, "redirect"},
                      AnswerCase{400, nullptr, Code::kInvalidArgument, true, "because"},
                      AnswerCase{401, nullptr, Code::kPermissionDenied, false, "401"},
                      AnswerCase{404, nullptr, Code::kUnavailable, false, "404"},
                      AnswerCase{413, nullptr, Code::kInvalidArgument, true, "413"},
                      AnswerCase{422, nullptr, Code::kInvalidArgument, true, "422"},
                      AnswerCase{429, "17", Code::kTooManyRequests, false, "too many"},
                      AnswerCase{500, nullptr, Code::kUnavailable, false, "500"},
                      AnswerCase{503, "3", Code::kUnavailable, false, "503"}));

TEST_F(HttpPosterTest, AnAnswerIsReadOnlyAsFarAsItIsQuoted) {
  answer_.status = 500;
  answer_.body = std::string(8u << 20, 'x');
  const auto taken = Post("http://sink.example/");
  EXPECT_LE(taken.status().message().size(), 400u);
}

TEST_F(HttpPosterTest, AnAddressThatIsASecretIsNotInWhatIsSaid) {
  const auto taken =
      Post("ftp://hooks.slack.com/services/T0/B0/s3cr3t", "the Slack webhook's address");
  ASSERT_FALSE(taken.ok());
  EXPECT_THAT(taken.status().message(), HasSubstr("the Slack webhook's address"));
  EXPECT_THAT(taken.status().message(), Not(HasSubstr("s3cr3t")));
}

TEST(HttpPoster, NeitherIsItWhenNobodyAnswers) {
  SinkEnvironment environment{nullptr, nullptr, &SystemClock()};
  HttpPoster poster(environment, "the Slack webhook's address");
  const auto taken = poster.Post("http://127.0.0.1:1/services/T0/B0/s3cr3t", {}, "{}",
                                 {SystemClock().Monotonic() + seconds(10), {}});
  ASSERT_FALSE(taken.ok());
  EXPECT_THAT(taken.status().message(), HasSubstr("127.0.0.1:1"));
  EXPECT_THAT(taken.status().message(), Not(HasSubstr("s3cr3t")));
}

TEST(ParseRetryAfter, UnderstandsSecondsAndDatesAndNothingElse) {
  const WallTime now = *ParseTime("2026-11-21T11:00:00Z");
  EXPECT_EQ(ParseRetryAfter("0", now), milliseconds(0));
  EXPECT_EQ(ParseRetryAfter("120", now), seconds(120));
  EXPECT_EQ(ParseRetryAfter("999999999999", now), hours(24));
  EXPECT_EQ(ParseRetryAfter("99999999999999999999999999", now), std::nullopt);
  EXPECT_EQ(ParseRetryAfter("Sat, 21 Nov 2026 11:00:30 GMT", now), seconds(30));
  EXPECT_EQ(ParseRetryAfter("Sat, 21 Nov 2020 11:00:30 GMT", now), milliseconds(0));
  EXPECT_EQ(ParseRetryAfter("Sat, 41 Foo 2026 11:00:30 GMT", now), std::nullopt);
  EXPECT_EQ(ParseRetryAfter("-5", now), std::nullopt);
  EXPECT_EQ(ParseRetryAfter("soon", now), std::nullopt);
  EXPECT_EQ(ParseRetryAfter("", now), std::nullopt);
}

}  // namespace
}  // namespace salve::notify
