// SPDX-License-Identifier: Apache-2.0
// What is done in a repository in the situations that test/notify does not come to.
#include "pkg/notify/github_sink.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/time_format.h"
#include "pkg/http/testing/function_handler.h"
#include "pkg/http/transports.h"
#include "pkg/notify/github_text.h"

namespace salve::notify {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

healing::Message MakeMessage(const std::string& stage, const std::string& id = "salve_first") {
  healing::Message m;
  m.id = id;
  m.thread = "salve_89abcdef01";
  m.stage = stage;
  m.title = "Ill: cart";
  m.ns = "shop";
  m.incident = "cart-1";
  m.at = "2026-12-01T12:00:00Z";
  m.parts = {{"What is ill", {"cart"}, false}};
  return m;
}

json Issue(int number, const std::string& body) {
  return {{"number", number}, {"body", body}, {"state", "open"}, {"locked", false}};
}

// A sink whose other side knows the answers in `answers_` by "METHOD PATH" (below the repository,
// without the query), and 404 for anything else.
class GithubSinkTest : public ::testing::Test {
 protected:
  GithubSinkTest() {
    configuration_.repository = "acme/shop";
    configuration_.url = "http://github.example";
    configuration_.token.env = "T";
    environment_.read_secret = [](const auto& /*reference*/) -> StatusOr<std::string> {
      return std::string("token");
    };
    environment_.clock = &SystemClock();
    environment_.connect =
        [this](const std::string& /*base*/) -> StatusOr<std::unique_ptr<http::Transport>> {
      return http::MakeInProcessTransport(handler_, {}, SystemClock());
    };
  }
  void WithIssue() {
    configuration_.issue.emplace();
    configuration_.issue->labels = {"ai-fix"};
  }
  void WithDispatch() {
    configuration_.dispatch.emplace();
    configuration_.dispatch->event_type = "error-detected";
  }
  StatusOr<std::string> Send(const healing::Message& message) {
    if (sink_ == nullptr) sink_ = std::make_unique<GithubSink>(configuration_, environment_);
    return sink_->Send(message, {SystemClock().Monotonic() + seconds(10), {}});
  }
  void Answers(const std::string& request, int status, const json& body) {
    answers_[request] = {status, {}, body.dump()};
  }

  apis::config::v1alpha1::GithubSink configuration_;
  std::map<std::string, http::Response> answers_;
  std::vector<std::string> asked_;
  std::string unless_;  // If-None-Match of the last request
  http::FunctionHandler handler_ =
      http::FunctionHandler::Answering([this](const http::Request& request) {
        const std::string root = "/repos/acme/shop";
        const std::string path =
            request.target.substr(0, request.target.find('?')).substr(root.size());
        unless_ = std::string(request.headers.Get("If-None-Match").value_or(""));
        asked_.push_back(request.method + " " + path);
        const auto it = answers_.find(asked_.back());
        return it != answers_.end() ? it->second : http::Response{404, {}, "{}"};
      });
  SinkEnvironment environment_;
  std::unique_ptr<GithubSink> sink_;
};

TEST_F(GithubSinkTest, AnIssueOfAnotherIncidentAndAPullRequestAreNotTakenForItsIssue) {
  WithIssue();
  json pull = Issue(1, ThreadMarker(MakeMessage("Detected")));
  pull["pull_request"] = json::object();
  Answers("GET /issues", 200, {pull, Issue(2, "<!-- salve:incident salve_other -->"), "no issue"});
  Answers("POST /issues", 201, Issue(3, GithubBody(MakeMessage("Detected"))));
  const auto told = Send(MakeMessage("Detected"));
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_THAT(*told, StartsWith("issue #3 opened"));
}

TEST_F(GithubSinkTest, ALockedIssueIsLeftAlone) {
  WithIssue();
  json issue = Issue(1, GithubBody(MakeMessage("Detected")));
  issue["locked"] = true;
  Answers("GET /issues", 200, json::array({issue}));
  const auto told = Send(MakeMessage("Executed", "salve_second"));
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_THAT(*told, HasSubstr("is locked"));
  EXPECT_THAT(asked_, ElementsAre("GET /issues"));
}

TEST_F(GithubSinkTest, TheEndAloneOpensNoIssueAndIsNoEvent) {
  WithIssue();
  WithDispatch();
  Answers("GET /issues", 200, json::array());
  const auto told = Send(MakeMessage("Resolved"));
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(*told, "no issue to close");
  EXPECT_THAT(asked_, ElementsAre("GET /issues"));
}

TEST_F(GithubSinkTest, AnIssueThatWasDeletedMeanwhileIsOpenedAnew) {
  WithIssue();
  Answers("GET /issues", 200, json::array());
  Answers("POST /issues", 201, Issue(1, GithubBody(MakeMessage("Detected"))));
  ASSERT_TRUE(Send(MakeMessage("Detected")).ok());
  Answers("GET /issues/1", 410, {{"message", "This issue was deleted"}});
  Answers("POST /issues", 201, Issue(2, GithubBody(MakeMessage("Executed"))));
  const auto told = Send(MakeMessage("Executed", "salve_second"));
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_THAT(*told, StartsWith("issue #2 opened"));
}

TEST_F(GithubSinkTest, AnEventIsNotSentBeforeAllElseIsDone) {
  WithIssue();
  WithDispatch();
  Answers("GET /issues", 200, json::array());
  Answers("POST /issues", 500, json::object());
  Answers("POST /dispatches", 204, json::object());
  EXPECT_FALSE(Send(MakeMessage("Detected")).ok());
  EXPECT_THAT(asked_, Not(Contains("POST /dispatches")));
  Answers("POST /issues", 201, Issue(1, ""));
  EXPECT_TRUE(Send(MakeMessage("Detected")).ok());
  EXPECT_THAT(asked_, Contains("POST /dispatches"));
}

TEST_F(GithubSinkTest, ARejectedPullRequestIsSaidToBe) {
  configuration_.pull_request.emplace();
  configuration_.pull_request->labels = {"salve"};
  json pull = Issue(4, GithubBody(MakeMessage("Escalated")));
  pull.update({{"state", "closed"},
               {"created_at", "2026-12-01T12:00:00Z"},
               {"closed_at", "2026-12-01T15:00:00Z"},
               {"merged_at", nullptr},
               {"html_url", "javascript:alert(1)"}});
  Answers("GET /pulls", 200, json::array({pull}));
  Answers("GET /issues/4/comments", 200, json::array());
  Answers("POST /issues/4/comments", 201, json::object());
  const auto told = Send(MakeMessage("Resolved", "salve_second"));
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(*told, "pull request #4 commented, rejected after 3h");
}

class GithubLookTest : public GithubSinkTest {
 protected:
  GithubLookTest() {
    configuration_.pull_request.emplace();
    pull_ = Issue(4, "");
    pull_.update({{"head", {{"ref", "salve/cart-1-89abcdef"}}},
                  {"created_at", "2026-12-01T12:00:00Z"},
                  {"merged_at", nullptr},
                  {"closed_at", nullptr}});
  }
  StatusOr<PullRequestLook> Look(const std::string& mark = "") {
    if (sink_ == nullptr) sink_ = std::make_unique<GithubSink>(configuration_, environment_);
    return sink_->LookAtPullRequest(4, mark, {SystemClock().Monotonic() + seconds(10), {}});
  }
  void Shows(const json& pull, const http::Headers& headers) {
    answers_["GET /pulls/4"] = {200, headers, pull.dump()};
  }
  json pull_;
};

TEST_F(GithubLookTest, WhatHasNotChangedIsNotSentAgain) {
  Shows(pull_, {{"ETag", "W/\"abc\""}});
  const auto first = Look();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_FALSE(first->end);
  EXPECT_EQ(first->mark, "W/\"abc\"");
  EXPECT_EQ(unless_, "");
  answers_["GET /pulls/4"] = {304, {}, ""};
  const auto second = Look(first->mark);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_FALSE(second->end);
  EXPECT_EQ(second->mark, first->mark);
  EXPECT_EQ(unless_, first->mark);
}

TEST_F(GithubLookTest, SaysHowItEndedAndWhen) {
  pull_.update({{"state", "closed"}, {"closed_at", "2026-12-01T15:00:00Z"}});
  Shows(pull_, {});
  auto look = Look();
  ASSERT_TRUE(look.ok() && look->end) << look.status();
  EXPECT_FALSE(look->end->merged);
  EXPECT_EQ(FormatTime(look->end->at), "2026-12-01T15:00:00Z");
  EXPECT_EQ(look->branch, "salve/cart-1-89abcdef");
  EXPECT_EQ(look->mark, "");
  pull_["merged_at"] = "2026-12-01T15:00:00Z";
  Shows(pull_, {});
  look = Look();
  ASSERT_TRUE(look.ok() && look->end && look->end->made) << look.status();
  EXPECT_TRUE(look->end->merged);
  EXPECT_EQ(look->end->at - *look->end->made, std::chrono::hours(3));
}

TEST_F(GithubLookTest, AnAnswerThatIsNoneIsAFailure) {
  pull_["number"] = 5;
  Shows(pull_, {});
  EXPECT_EQ(Look().code(), Code::kUnavailable);
  answers_["GET /pulls/4"] = {304, {}, ""};
  EXPECT_EQ(Look().code(), Code::kUnavailable) << "nobody asked for that";
  answers_.clear();
  EXPECT_EQ(Look().code(), Code::kNotFound);
}

TEST_F(GithubLookTest, AMarkThatWouldBeAnotherHeaderIsNotKept) {
  Shows(pull_, {{"ETag", "\"a\" b"}});
  EXPECT_EQ(Look()->mark, "");
  Shows(pull_, {{"ETag", std::string(500, 'a')}});
  EXPECT_EQ(Look()->mark, "");
}

TEST_F(GithubSinkTest, WithoutPullRequestsNoneIsFollowed) {
  WithIssue();
  GithubSink sink(configuration_, environment_);
  EXPECT_FALSE(sink.FollowsPullRequests());
  EXPECT_FALSE(sink.LookAtPullRequest(4, "", {}).ok());
}

TEST_F(GithubSinkTest, WhatEachIncidentNeedsForItselfIsNotGrouped) {
  WithIssue();
  EXPECT_TRUE(GithubSink(configuration_, environment_).Groups("Proposed"));
  EXPECT_FALSE(GithubSink(configuration_, environment_).Groups("Resolved"));
  configuration_.pull_request.emplace();
  EXPECT_FALSE(GithubSink(configuration_, environment_).Groups("Proposed"));
}

}  // namespace
}  // namespace salve::notify
