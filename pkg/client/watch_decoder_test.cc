// SPDX-License-Identifier: Apache-2.0
#include "pkg/client/watch_decoder.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/random.h"
#include "pkg/client/reasons.h"

namespace salve::client {
namespace {

const ResourceInfo kWidgets{"test.dev", "v1", "widgets", "Widget", true};

std::string Event(const std::string& type, const std::string& name, const std::string& more = "") {
  return R"({"type":")" + type + R"(","object":{"apiVersion":"test.dev/v1","kind":"Widget",)" +
         R"("metadata":{"name":")" + name + R"(","resourceVersion":"7"})" + more + "}}";
}

// What a decoder makes of these chunks: "ADDED a", …, and how it ends.
struct Outcome {
  std::vector<std::string> events;
  Status error;  // what Next said, OK if it never complained
  Status finish;
  bool operator==(const Outcome& o) const {
    return events == o.events && error.ToString() == o.error.ToString() &&
           finish.ToString() == o.finish.ToString();
  }
};

Outcome Decode(const std::vector<std::string>& chunks, std::size_t max_bytes = 1u << 20) {
  WatchDecoder decoder("WATCH widgets", kWidgets, max_bytes);
  Outcome outcome;
  for (const std::string& chunk : chunks) {
    decoder.Feed(chunk);
    while (true) {
      const auto event = decoder.Next();
      if (!event.ok()) {
        outcome.error = event.status();
        return outcome;
      }
      if (!event->has_value()) break;
      static const char* const kNames[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK"};
      const Json name = (*event)->object.value(Json::json_pointer("/metadata/name"), Json(""));
      outcome.events.push_back(std::string(kNames[static_cast<int>((*event)->type)]) + " " +
                               (name.is_string() ? name.get<std::string>() : name.dump()));
    }
  }
  outcome.finish = decoder.Finish();
  return outcome;
}

TEST(WatchDecoderTest, EventsMayBeSeparatedByLinesOrByNothing) {
  const std::string a = Event("ADDED", "a");
  const std::string b = Event("MODIFIED", "b");
  for (const std::string& text : {a + "\n" + b + "\n", a + b, "\r\n " + a + "\n\n\n" + b}) {
    const Outcome outcome = Decode({text});
    EXPECT_THAT(outcome.events, ::testing::ElementsAre("ADDED a", "MODIFIED b")) << text;
    EXPECT_TRUE(outcome.finish.ok());
  }
}

TEST(WatchDecoderTest, TheEndsOfChunksDoNotMatterWhereverTheyAre) {
  const std::string text =
      Event("ADDED", "a", R"(,"note":"quote \" brace } back\\slash äöü 🦆 [")") + "\n" +
      Event("DELETED", "ü") + Event("BOOKMARK", "") + "\n";
  const Outcome whole = Decode({text});
  ASSERT_THAT(whole.events, ::testing::ElementsAre("ADDED a", "DELETED ü", "BOOKMARK "));
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(Decode({text.substr(0, cut), text.substr(cut)}), whole) << "cut at byte " << cut;
  }
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  EXPECT_EQ(Decode(bytes), whole);
}

TEST(WatchDecoderTest, AStreamCutAtAnyByteNeverDeliversHalfAnEvent) {
  const std::string first = Event("ADDED", "a") + "\n";
  const std::string text = first + Event("MODIFIED", "b") + "\n";
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    const Outcome outcome = Decode({text.substr(0, cut)});
    const std::size_t complete = cut + 1 >= text.size() ? 2 : cut + 1 >= first.size() ? 1 : 0;
    EXPECT_EQ(outcome.events.size(), complete) << "cut at byte " << cut;
    EXPECT_TRUE(outcome.error.ok());
    const bool between =
        cut == 0 || cut + 1 == first.size() || cut == first.size() || cut + 1 == text.size();
    EXPECT_EQ(outcome.finish.code(), between ? Code::kOk : Code::kAborted) << "cut at byte " << cut;
  }
}

TEST(WatchDecoderTest, AnErrorEventIsTheErrorThatItsStatusMeans) {
  const auto error = [](const std::string& status) {
    return Decode({R"({"type":"ERROR","object":)" + status + "}"}).error;
  };
  EXPECT_EQ(error(R"({"kind":"Status","code":410,"reason":"Expired"})").code(), Code::kExpired);
  EXPECT_EQ(error(R"({"kind":"Status","code":410,"reason":"Gone"})").code(), Code::kExpired);
  EXPECT_EQ(error(R"({"kind":"Status","code":500,"reason":"Expired"})").code(), Code::kExpired);
  EXPECT_EQ(error(R"({"kind":"Status","code":500})").code(), Code::kInternal);
  EXPECT_EQ(
      error(R"({"kind":"Status","code":429,"details":{"retryAfterSeconds":3}})").retry_after(),
      std::chrono::seconds(3));
  EXPECT_EQ(error(R"({"kind":"Status"})").code(), Code::kInternal);
  EXPECT_EQ(error("{}").code(), Code::kInternal);
}

TEST(WatchDecoderTest, WhatConcernsAnotherKindOrIsOfAnUnknownTypeIsLeftOut) {
  const Outcome outcome =
      Decode({R"({"type":"SURPRISE","object":{"kind":"Widget","metadata":{"name":"x"}}})",
              R"({"type":"ADDED","object":{"kind":"Table","rows":[]}})",
              R"({"type":"ADDED","object":{"kind":7,"metadata":{"name":"x"}}})",
              R"({"type":"ADDED","object":{"metadata":{"name":"untyped"}},"extra":[1,{"a":null}]})",
              Event("ADDED", "a")});
  EXPECT_THAT(outcome.events, ::testing::ElementsAre("ADDED untyped", "ADDED a"));
  EXPECT_TRUE(outcome.error.ok());
}

TEST(WatchDecoderTest, WhatIsNoEventIsMalformedAndSoIsEverythingAfterIt) {
  for (const std::string& bad :
       {std::string("garbage"), std::string("[1,2]"), std::string("null"), std::string("}{"),
        std::string(R"({"type":"ADDED"})"), std::string(R"({"object":{}})"),
        std::string(R"({"type":"ADDED","object":[]})"), std::string(R"({"type":1,"object":{}})"),
        std::string(R"({"type":"ADDED","object":{"a":01}})"), std::string(R"({"a":"\q"})"),
        std::string("{\"a\":\"\xff\"}"), std::string("{\"a\":\"\xc3\"}"), std::string("{]"),
        std::string(200, '{'), "{\"a\":" + std::string(200, '[') + std::string(200, ']') + "}"}) {
    WatchDecoder decoder("WATCH widgets", kWidgets);
    decoder.Feed(Event("ADDED", "a"));
    ASSERT_TRUE(decoder.Next().ok());
    decoder.Feed(bad);
    const auto event = decoder.Next();
    ASSERT_FALSE(event.ok()) << bad;
    EXPECT_EQ(event.code(), Code::kInternal) << bad;
    EXPECT_EQ(event.status().reason(), kReasonMalformedEvent) << bad;
    decoder.Feed(Event("ADDED", "b"));
    EXPECT_FALSE(decoder.Next().ok()) << "after " << bad;
    EXPECT_FALSE(decoder.Finish().ok());
  }
}

TEST(WatchDecoderTest, AnEventBeyondTheLimitIsRefusedWhetherItEndsOrNot) {
  const std::string big = Event("ADDED", "a", R"(,"note":")" + std::string(5000, 'x') + "\"");
  EXPECT_EQ(Decode({big}, 4000).error.reason(), kReasonMalformedEvent);
  EXPECT_EQ(Decode({big.substr(0, 4500)}, 4000).error.reason(), kReasonMalformedEvent);
  EXPECT_EQ(Decode({big}, 6000).events.size(), 1u);
}

TEST(WatchDecoderTest, RandomBytesNeverDoAnythingButFailOrWait) {
  const std::string base = Event("ADDED", "a") + "\n" + Event("DELETED", "b") + "\n";
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    SeededRandom random(seed);
    std::string text = base;
    for (int edits = 0; edits < 4; ++edits) {
      const std::size_t at = random.Next() % text.size();
      switch (random.Next() % 3) {
        case 0:
          text[at] = static_cast<char>(random.Next());
          break;
        case 1:
          text.erase(at, random.Next() % 8);
          break;
        default:
          text.insert(at, text.substr(random.Next() % text.size(), random.Next() % 16));
      }
      if (text.empty()) text = "x";
    }
    const std::size_t cut = random.Next() % (text.size() + 1);
    const Outcome split = Decode({text.substr(0, cut), text.substr(cut)});
    EXPECT_EQ(split, Decode({text})) << "seed " << seed;
    EXPECT_LE(split.events.size(), 4u) << "seed " << seed;
  }
}

}  // namespace
}  // namespace salve::client
