// SPDX-License-Identifier: Apache-2.0
// What each sink makes of a message, and of text that was written to do harm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/base64.h"
#include "pkg/base/time_format.h"
#include "pkg/notify/chat_sinks.h"
#include "pkg/notify/escape.h"
#include "pkg/notify/mail.h"
#include "pkg/notify/pagerduty_sink.h"
#include "pkg/notify/webhook_sink.h"

namespace salve::notify {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kEvil[] =
    "<!channel> @here <https://evil|click> *bold* `x` [l](http://e) ``` & \"q\"";

healing::Message MakeMessage(const std::string& stage = "Proposed") {
  healing::Message m;
  m.id = "salve_0123";
  m.thread = "salve_thread";
  m.stage = stage;
  m.title = std::string("Approval needed: ") + kEvil;
  m.severity = "Critical";
  m.ns = "shop";
  m.incident = "redis-1";
  m.policy = "redis";
  m.system = "redis (docker container)";
  m.at = "2026-12-01T12:00:00Z";
  m.parts = {{"Cause", {kEvil, "second line"}, false},
             {"To approve", {"salve approve redis-1"}, true}};
  return m;
}

// --- webhook

TEST(StandardWebhookSignature, IsThatOfTheSpecification) {
  EXPECT_EQ(StandardWebhookSignature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                     "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
                                     R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(StandardWebhookSignature, ASecretWithoutThePrefixIsTakenAsItIs) {
  const std::string raw = "not-base64!";
  EXPECT_EQ(StandardWebhookSignature(raw, "id", "1", "{}"),
            StandardWebhookSignature("whsec_" + Base64Encode(raw), "id", "1", "{}"));
  EXPECT_NE(StandardWebhookSignature(raw, "id", "1", "{}"),
            StandardWebhookSignature(raw, "id", "2", "{}"));
}

TEST(WebhookBody, CarriesTheTextItsPartsAndWhatItIsAbout) {
  const nlohmann::json body = WebhookBody(MakeMessage());
  EXPECT_EQ(body["type"], "incident.proposed");
  EXPECT_EQ(body["timestamp"], "2026-12-01T12:00:00Z");
  EXPECT_EQ(body["data"]["incident"], "redis-1");
  EXPECT_EQ(body["data"]["namespace"], "shop");
  EXPECT_EQ(body["data"]["parts"][1]["lines"][0], "salve approve redis-1");
  EXPECT_THAT(body["data"]["text"].get<std::string>(), HasSubstr(kEvil)) << "JSON needs no escape";
  EXPECT_EQ(WebhookBody(MakeMessage("RolledBack"))["type"], "incident.rolled_back");
}

// --- Slack

TEST(EscapeSlack, NothingInItIsMarkupAMentionOrALink) {
  const std::string escaped = EscapeSlack(kEvil);
  EXPECT_THAT(escaped, Not(HasSubstr("<")));
  EXPECT_THAT(escaped, HasSubstr("&lt;!channel&gt;"));
  EXPECT_THAT(escaped, Not(HasSubstr("@here")));
  EXPECT_THAT(escaped, Not(HasSubstr("*bold*")));
  EXPECT_EQ(EscapeSlack("a & b"), "a &amp; b");
}

TEST(EscapeSlackCode, TheBlockCannotBeLeft) {
  EXPECT_THAT(EscapeSlackCode("x ``` <!here> `````"), Not(HasSubstr("``")));
  EXPECT_EQ(EscapeSlackCode("redis-cli set a_b '*'"), "redis-cli set a_b '*'");
}

TEST(SlackBody, HasAHeaderAPartEachAndATextToFallBackTo) {
  const nlohmann::json body = SlackBody(MakeMessage());
  ASSERT_EQ(body["blocks"].size(), 3u);
  EXPECT_EQ(body["blocks"][0]["text"]["type"], "plain_text");
  EXPECT_EQ(body["blocks"][2]["text"]["text"], "*To approve*\n```salve approve redis-1```");
  EXPECT_THAT(body.dump(), AllOf(Not(HasSubstr("<!channel>\\n")), HasSubstr("&lt;!channel&gt;")));
  EXPECT_THAT(body["text"].get<std::string>(), Not(HasSubstr("<")));
}

TEST(SlackBody, StaysWithinWhatSlackTakes) {
  healing::Message m = MakeMessage();
  m.title = std::string(1000, 't');
  m.parts.assign(20, {"Evidence", std::vector<std::string>(8, std::string(600, '&')), true});
  const nlohmann::json body = SlackBody(m);
  EXPECT_LE(body["blocks"].size(), 50u);
  EXPECT_LE(body["blocks"][0]["text"]["text"].get<std::string>().size(), 150u);
  for (std::size_t i = 1; i < body["blocks"].size(); ++i) {
    EXPECT_LE(body["blocks"][i]["text"]["text"].get<std::string>().size(), 3000u);
  }
}

// --- Teams

TEST(TeamsBody, IsAnAdaptiveCardWhoseMarkdownIsEscaped) {
  const nlohmann::json body = TeamsBody(MakeMessage());
  const nlohmann::json& attachment = body["attachments"][0];
  EXPECT_EQ(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
  const nlohmann::json& card = attachment["content"]["body"];
  EXPECT_EQ(attachment["content"]["type"], "AdaptiveCard");
  EXPECT_THAT(
      card[0]["text"].get<std::string>(),
      AllOf(HasSubstr("&lt;\\!channel&gt;"), HasSubstr("\\*bold\\*"), Not(HasSubstr("[l]("))));
  EXPECT_EQ(card.back()["type"], "CodeBlock");
  EXPECT_EQ(card.back()["codeSnippet"], "salve approve redis-1");
}

TEST(TeamsBody, StaysWithinWhatTeamsTakes) {
  healing::Message m = MakeMessage();
  m.parts.assign(20, {"Evidence", std::vector<std::string>(8, std::string(600, 'x')), false});
  EXPECT_LE(TeamsBody(m).dump().size(), 28u << 10);
}

// --- PagerDuty

TEST(PagerDutyBody, TriggersAcknowledgesAndResolvesOneAlertAnIncident) {
  const struct {
    const char* stage;
    const char* action;
  } cases[] = {{"Proposed", "trigger"},   {"Blocked", "trigger"},      {"Escalated", "trigger"},
               {"RolledBack", "trigger"}, {"Executed", "acknowledge"}, {"Resolved", "resolve"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.stage);
    const nlohmann::json body = PagerDutyBody(MakeMessage(c.stage), "R0UT1NG");
    EXPECT_EQ(body["event_action"], c.action);
    EXPECT_EQ(body["dedup_key"], "salve_thread");
    EXPECT_EQ(body["routing_key"], "R0UT1NG");
  }
  const nlohmann::json payload = PagerDutyBody(MakeMessage(), "R")["payload"];
  EXPECT_EQ(payload["severity"], "critical");
  EXPECT_THAT(payload["summary"].get<std::string>(), StartsWith("Approval needed"));
  EXPECT_EQ(payload["custom_details"]["incident"], "shop/redis-1");
}

TEST(PagerDutySink, TellsOfNoEndInASummary) {
  const SinkEnvironment environment{};
  const PagerDutySink sink({}, environment);
  EXPECT_TRUE(sink.Groups("Proposed"));
  EXPECT_FALSE(sink.Groups("Resolved"));
  EXPECT_FALSE(sink.Groups("Executed"));
}

// --- mail

TEST(MakeMail, NothingFromOutsideBecomesAHeader) {
  healing::Message m = MakeMessage();
  m.title = "x\r\nBcc: everybody@example.com\r\n\r\n<html>";
  m.parts[0].lines = {"\r\n.\r\nMAIL FROM:<a@b>"};
  const std::string mail = MakeMail(m, "salve@example.com", {"ops@example.com", "b@example.com"},
                                    *ParseTime("2026-11-21T11:00:00Z"));
  const std::string head = mail.substr(0, mail.find("\r\n\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("Bcc")));
  EXPECT_THAT(mail, Not(HasSubstr("MAIL FROM")));
  EXPECT_THAT(mail, Not(HasSubstr("\r\n.\r\n")));
  EXPECT_THAT(head, HasSubstr("To: ops@example.com,\r\n b@example.com\r\n"));
  EXPECT_THAT(head, HasSubstr("Date: Sat, 21 Nov 2026 11:00:00 +0000\r\n"));
  EXPECT_THAT(head, HasSubstr("Message-ID: <salve_0123@example.com>\r\n"));
  EXPECT_THAT(head, HasSubstr("References: <salve_thread@example.com>\r\n"));
  for (std::size_t begin = 0, end = 0; begin < mail.size(); begin = end + 2) {
    end = mail.find("\r\n", begin);
    ASSERT_NE(end, std::string::npos) << "a line without its end";
    EXPECT_LE(end - begin, 100u);
    EXPECT_EQ(mail.substr(begin, end - begin).find_first_of("\r\n"), std::string::npos);
  }
}

TEST(EncodeHeader, CutsOnlyBetweenCharactersAndOnlyIntoWordsThatAreAllowed) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "ä€😀x";
  const std::string encoded = EncodeHeader(text);
  std::string decoded;
  std::size_t begin = 0;
  while (begin < encoded.size()) {
    std::size_t end = encoded.find("\r\n ", begin);
    if (end == std::string::npos) end = encoded.size();
    const std::string word = encoded.substr(begin, end - begin);
    EXPECT_LE(word.size(), 75u);
    const std::string bytes = Base64Decode(word.substr(10, word.size() - 12)).value();
    EXPECT_NE(static_cast<unsigned char>(bytes[0]) & 0xC0, 0x80) << "begins inside a character";
    decoded += bytes;
    begin = end + 3;
  }
  EXPECT_EQ(decoded, text);
}

TEST(Shorten, CutsAtACharacter) {
  EXPECT_EQ(Shorten("short", 10), "short");
  EXPECT_EQ(Shorten("äöüäöü", 8), "äö…");
  EXPECT_EQ(Shorten("abc", 0), "…");
}

}  // namespace
}  // namespace salve::notify
