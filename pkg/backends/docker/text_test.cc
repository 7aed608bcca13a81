// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/backends/docker/events.h"
#include "pkg/backends/docker/frames.h"
#include "pkg/backends/docker/postgres_text.h"
#include "pkg/backends/docker/redis_text.h"

namespace salve::backends::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(PrintableTest, ControlsAndBrokenUtf8CannotReachATerminal) {
  EXPECT_EQ(Printable("a\x1b[31mb\x7f\r\n", 100), "a [31mb   ");
  EXPECT_EQ(Printable("x\ny", 100, /*keep_newlines=*/true), "x\ny");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "31m",
                      100),
            " 31m");  // C1 control: CSI
  EXPECT_EQ(Printable("\xff\xc0\xaf\xed\xa0\x80", 100).find('\xff'), std::string::npos);
  EXPECT_EQ(Printable("gr\xc3\xbc\xc3\x9f", 100), "gr\xc3\xbc\xc3\x9f");
}

TEST(PrintableTest, WhatIsTooLongIsCutBetweenCharactersAndMarked) {
  EXPECT_EQ(Printable("abcdefgh", 8), "abcdefgh");
  EXPECT_EQ(Printable("abcdefghi", 8), "abcde\xe2\x80\xa6");
  EXPECT_EQ(Printable("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 7), "\xc3\xbc\xc3\xbc\xe2\x80\xa6");
}

TEST(ShellQuoteTest, OnlyWhatNeedsQuotesGetsThem) {
  EXPECT_EQ(ShellQuote({"redis-cli", "-p", "6380", "FLUSHALL"}), "redis-cli -p 6380 FLUSHALL");
  EXPECT_EQ(ShellQuote({"sh", "-c", "it's $(x)", ""}), "sh -c 'it'\\''s $(x)' ''");
}

std::string Frame(char stream, const std::string& payload) {
  std::string frame(8, '\0');
  frame[0] = stream;
  frame[7] = static_cast<char>(payload.size());
  return frame + payload;
}

TEST(FrameDecoderTest, FramesSplitAnywhereGiveTheSameTwoTexts) {
  const std::string bytes = Frame(1, "out") + Frame(2, "err") + Frame(1, "") + Frame(1, "put");
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    std::string out;
    std::string err;
    FrameDecoder decoder(false, [&](FrameDecoder::Stream s, std::string_view piece) {
      (s == FrameDecoder::Stream::kStdout ? out : err) += piece;
    });
    ASSERT_TRUE(decoder.Feed(bytes.substr(0, cut)));
    ASSERT_TRUE(decoder.Feed(bytes.substr(cut)));
    EXPECT_TRUE(decoder.AtBoundary());
    EXPECT_EQ(out, "output");
    EXPECT_EQ(err, "err");
  }
}

TEST(FrameDecoderTest, WhatIsNoFrameIsRefusedForGood) {
  FrameDecoder decoder(false, [](FrameDecoder::Stream, std::string_view) { FAIL(); });
  EXPECT_FALSE(decoder.Feed("plain text"));
  EXPECT_FALSE(decoder.Feed(Frame(1, "x")));
}

TEST(EventParserTest, LinesSplitAnywhereGiveTheSameEvents) {
  const std::string bytes =
      R"({"Type":"container","Action":"health_status: unhealthy","Actor":{"ID":"aa","Attributes":{"name":"web"}},"timeNano":5})"
      "\nnonsense\n"
      R"({"Type":"image","Action":"pull","Actor":{"ID":"bb"}})"
      "\n"
      R"({"Type":"network","Action":"disconnect","Actor":{"ID":"net","Attributes":{"container":"cc"}},"timeNano":6})"
      "\n";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    EventParser parser;
    std::vector<Event> events = parser.Feed(bytes.substr(0, cut));
    for (Event& e : parser.Feed(bytes.substr(cut))) events.push_back(std::move(e));
    ASSERT_EQ(events.size(), 2u) << cut;
    EXPECT_EQ(events[0].action, "health_status");
    EXPECT_EQ(events[0].name, "web");
    EXPECT_EQ(events[0].at, WallTime(Duration(5)));
    EXPECT_EQ(events[1].id, "cc");
  }
}

// Found by fuzzing: to make a whole number of such a fraction is undefined.
TEST(EventParserTest, ATimeBeyondAllTimesIsNone) {
  EventParser parser;
  const std::string event = R"({"Type":"container","Action":"die","Actor":{"ID":"a"},"timeNano":)";
  for (const char* nanos : {"1.7e25", "-1e300", "17645904000000000000000000", "\"5\"", "null"}) {
    const std::vector<Event> events = parser.Feed(event + nanos + "}\n");
    ASSERT_EQ(events.size(), 1u) << nanos;
    EXPECT_EQ(events[0].at, WallTime()) << nanos;
  }
}

TEST(EventParserTest, ALineWithoutEndIsDroppedAndTheNextOneRead) {
  EventParser parser;
  EXPECT_TRUE(parser.Feed(std::string(100000, 'x')).empty());
  EXPECT_TRUE(parser.Feed("y\n").empty());
  EXPECT_EQ(
      parser.Feed("{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"a\"}}\n").size(),
      1u);
}

TEST(RedisTextTest, SizesAreReadAsRedisReadsThem) {
  EXPECT_EQ(RedisBytes("50mb"), 52428800);
  EXPECT_EQ(RedisBytes("50M"), 50000000);
  EXPECT_EQ(RedisBytes("7"), 7);
  for (const char* bad : {"", "mb", "5x", "-1", "99999999999999999999", "9999999999gb"}) {
    EXPECT_EQ(RedisBytes(bad), std::nullopt) << bad;
  }
}

TEST(RedisTextTest, OnlyIdleOrdinaryClientsAreChosenTheLongestIdleFirst) {
  const std::string list =
      "id=3 addr=1.2.3.4:5 idle=10 flags=N cmd=get\n"
      "id=4 addr=1.2.3.4:6 idle=99 flags=N cmd=client|setname\n"
      "id=5 addr=1.2.3.4:7 idle=500 flags=S cmd=psync\n"
      "id=6 addr=1.2.3.4:8 idle=500 flags=b cmd=blpop\n"
      "id=7 addr=1.2.3.4:9 idle=0 flags=N cmd=client|list\n"
      "id=8x idle=900 flags=N cmd=get\n";
  EXPECT_THAT(IdleClients(list, 5), ElementsAre("4", "3"));
  EXPECT_THAT(IdleClients(list, 50), ElementsAre("4"));
  EXPECT_TRUE(IdleClients("ERR max number of clients reached", 0).empty());
}

TEST(PostgresTextTest, OnlyNumbersOfOursReachTheStatement) {
  EXPECT_THAT(TerminateIdleSql(300, false), HasSubstr("interval '300 seconds'"));
  EXPECT_THAT(TerminateIdleSql(-5, false), HasSubstr("interval '0 seconds'"));
  EXPECT_THAT(TerminateIdleSql(300, false), Not(HasSubstr("NOT EXISTS")));
  EXPECT_THAT(TerminateIdleSql(300, true), HasSubstr("NOT EXISTS"));
  for (const char* bad : {"", "a b", "x'; drop", "-d", "\"q\""}) {
    EXPECT_FALSE(CheckPostgresUser(bad).ok()) << bad;
  }
  EXPECT_TRUE(CheckPostgresUser("app_1").ok());
}

TEST(PostgresTextTest, IdleBackendsAreFoundByTheirTitlesAndNothingElseIs) {
  const std::string stat = " (postgres) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 10000 0\n";
  const std::string text =
      "==> /proc/uptime <==\n1000.00 5.00\n"
      "\n==> /proc/20/cmdline <==\npostgres: 15/main: app shop 10.0.0.9(4711) idle"
      "\n==> /proc/20/stat <==\n20" +
      stat +
      "\n==> /proc/21/cmdline <==\npostgres: app shop [local] idle in transaction"
      "\n==> /proc/21/stat <==\n21" +
      stat +
      "\n==> /proc/22/cmdline <==\npostgres: app shop [local] SELECT"
      "\n==> /proc/22/stat <==\n22" +
      stat +
      "\n==> /proc/23/cmdline <==\npostgres: checkpointer "
      "\n==> /proc/23/stat <==\n23" +
      stat +
      "\n==> /proc/24/cmdline <==\nsh -c postgres: app shop [local] idle"
      "\n==> /proc/24/stat <==\n24" +
      stat;
  const auto found = IdleBackends(text);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].pid, 20);
  EXPECT_EQ(found[0].user, "app");
  EXPECT_FALSE(found[0].in_transaction);
  EXPECT_DOUBLE_EQ(found[0].age_seconds, 900);
  EXPECT_TRUE(found[1].in_transaction);
}

}  // namespace
}  // namespace salve::backends::docker
