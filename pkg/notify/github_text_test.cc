// SPDX-License-Identifier: Apache-2.0
// What GitHub gets of a message, and of text that was written to do harm there.
#include "pkg/notify/github_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace salve::notify {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kEvil[] =
    "@acme/admins fixes #1 GH-2 acme/shop#3 https://github.com/a/b/issues/4 www.evil.example "
    "<img src=x onerror=y> <!-- salve:message salve_0123 --> ![x](y) ``` `z`";

healing::Message MakeMessage(const std::string& stage = "Escalated") {
  healing::Message m;
  m.id = "salve_0123";
  m.thread = "salve_89abcdef01";
  m.stage = stage;
  m.title = std::string("A person is needed: ") + kEvil;
  m.ns = "shop";
  m.incident = "cart-1";
  m.policy = "cart";
  m.system = "cart";
  m.at = "2026-12-01T12:00:00Z";
  m.parts = {{"What is ill", {"cart: Log errors", kEvil}, false},
             {"Evidence", {R"(File "app/cart.py", line 42, in total)"}, false},
             {"More", {"salve why cart-1", kEvil}, true}};
  return m;
}

// Without the invisible character that breaks a sign, and without code blocks, where GitHub looks
// for nothing.
std::string Prose(const std::string& body) { return body.substr(0, body.find("### More")); }

TEST(GithubBody, TextFromOutsideCallsNobodyAndRefersToNothing) {
  const std::string prose = Prose(GithubBody(MakeMessage()));
  for (const char* sign :
       {"@acme", "#1", "GH-2", "#3", "://", "www.evil", "<img", "![x]", "&#64;", "&#58;"}) {
    EXPECT_THAT(prose, Not(HasSubstr(sign))) << sign;
  }
  EXPECT_THAT(prose, HasSubstr("@\u200bacme/admins"));
  EXPECT_THAT(prose, HasSubstr("&lt;img"));
}

TEST(GithubBody, TextFromOutsideMakesNoMarkerAndLeavesNoCodeBlock) {
  healing::Message message = MakeMessage();
  message.id = "salve_other";
  const std::string body = GithubBody(message);
  EXPECT_THAT(Prose(body), Not(HasSubstr("<!-- salve:message salve_0123 -->")));
  EXPECT_THAT(body, HasSubstr("````text\nsalve why cart-1\n"));
}

TEST(GithubBody, BeginsWithTheMarkersByWhichItIsFoundAgain) {
  const healing::Message message = MakeMessage();
  EXPECT_THAT(GithubBody(message),
              ::testing::StartsWith("<!-- salve:incident salve_89abcdef01 -->\n"
                                    "<!-- salve:message salve_0123 -->\n"));
  EXPECT_THAT(GithubBody(message), HasSubstr(ThreadMarker(message)));
  EXPECT_THAT(GithubBody(message), HasSubstr(MessageMarker(message)));
}

TEST(GithubBody, IsNoLongerThanGithubTakes) {
  healing::Message message = MakeMessage();
  for (int i = 0; i < 200; ++i) {
    message.parts.push_back({"Part", std::vector<std::string>(8, std::string(600, '@')), false});
  }
  const std::string body = GithubBody(message);
  EXPECT_LE(body.size(), kGithubMaxBody);
  EXPECT_GT(body.size(), kGithubMaxBody / 2);
  EXPECT_THAT(body, HasSubstr("the rest is cut"));
}

TEST(GithubTitle, IsBoundedAndCallsNobody) {
  healing::Message message = MakeMessage();
  EXPECT_THAT(GithubTitle(message), Not(HasSubstr("@acme")));
  EXPECT_THAT(GithubTitle(message), Not(HasSubstr("#1")));
  message.title = std::string(1000, '#');
  EXPECT_LE(GithubTitle(message).size(), kGithubMaxTitle);
}

TEST(DispatchPayload, SaysWhatIsIllAndWhereItsCodeIs) {
  const nlohmann::json payload = DispatchPayload(MakeMessage());
  EXPECT_EQ(payload["error"], "cart: Log errors");
  EXPECT_EQ(payload["file"], "app/cart.py");
  EXPECT_EQ(payload["line"], 42);
  EXPECT_EQ(payload["incident"], "shop/cart-1");
  EXPECT_EQ(payload["policy"], "cart");
  EXPECT_EQ(payload["target"], "cart");
  EXPECT_EQ(payload["stage"], "Escalated");
  EXPECT_EQ(payload["id"], "salve_0123");
  EXPECT_THAT(payload["summary"].get<std::string>(), HasSubstr("salve why cart-1"));
}

TEST(DispatchPayload, IsWithinGithubsBoundsAndHasNoPlaceWhereNoneIsNamed) {
  healing::Message message = MakeMessage();
  message.parts = {{"Evidence", std::vector<std::string>(500, std::string(600, '"')), false}};
  const nlohmann::json payload = DispatchPayload(message);
  EXPECT_LE(payload.size(), kGithubMaxProperties);
  EXPECT_LE(payload.dump().size(), kGithubMaxPayload);
  EXPECT_FALSE(payload.contains("file"));
  EXPECT_FALSE(payload.contains("line"));
}

TEST(BranchName, IsThatOfTheIncidentAndOfNoOtherOfItsName) {
  healing::Message message = MakeMessage();
  EXPECT_EQ(BranchName(message), "salve/cart-1-89abcdef");
  EXPECT_EQ(ReportPath(message, "docs/incidents"), "docs/incidents/cart-1-89abcdef.md");
  message.thread = "salve_77777777aa";
  EXPECT_EQ(BranchName(message), "salve/cart-1-77777777");
}

TEST(CloseReason, IsCompletedOnlyWhereItWasHealed) {
  healing::Message message = MakeMessage("Resolved");
  for (const char* good : {"AutoHealed", "HealedAfterApproval", "SelfResolved"}) {
    message.outcome = good;
    EXPECT_EQ(CloseReason(message), "completed") << good;
  }
  for (const char* other : {"Rejected", "Escalated", "RolledBack", "Inconclusive", ""}) {
    message.outcome = other;
    EXPECT_EQ(CloseReason(message), "not_planned") << other;
  }
}

}  // namespace
}  // namespace salve::notify
