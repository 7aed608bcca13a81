// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/yaml/yaml.h"

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace salve::apis::yaml {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Json Read(const std::string& text) {
  const auto document = ParseOne(text);
  EXPECT_TRUE(document.ok()) << document.status() << "\n" << text;
  return document.ok() ? document->value : Json("unreadable");
}

std::string ErrorOf(const std::string& text, const Limits& limits = {}) {
  const auto documents = Parse(text, limits);
  EXPECT_FALSE(documents.ok()) << text.substr(0, 200);
  if (documents.ok()) return "";
  EXPECT_EQ(documents.code(), Code::kInvalidArgument);
  return documents.status().message();
}

TEST(YamlParse, PlainScalarsMeanWhatTheyMeanToKubectl) {
  struct Case {
    const char* text;
    Json value;
  };
  for (const Case& c : std::vector<Case>{
           {"true", true},
           {"yes", true},
           {"On", true},
           {"no", false},
           {"OFF", false},
           {"~", nullptr},
           {"null", nullptr},
           {"", nullptr},
           {"0755", 493},
           {"0o755", 493},
           {"0x1F", 31},
           {"0b101", 5},
           {"-12", -12},
           {"+12", 12},
           {"18446744073709551615", 18446744073709551615u},
           {"1.5", 1.5},
           {"1e3", 1000.0},
           {".5", 0.5},
           {"089", 89.0},
           {"2026-12-01", "2026-12-01"},
           {"2026-12-01T12:00:00Z", "2026-12-01T12:00:00Z"},
           {"1.2.3", "1.2.3"},
           {"12:30", "12:30"},
           {"trUe", "trUe"},
           {"nO", "nO"},
           {"40%", "40%"},
           {"'yes'", "yes"},
           {"\"12\"", "12"},
           {"''", ""},
           {"!!str 12", "12"},
       }) {
    EXPECT_EQ(Read("a: " + std::string(c.text) + "\n")["a"], c.value) << c.text;
  }
}

TEST(YamlParse, NumbersThatJsonDoesNotHaveAreRefused) {
  for (const char* text : {".nan", ".inf", "-.Inf"}) {
    EXPECT_THAT(ErrorOf("x: 1\na: " + std::string(text) + "\n"), StartsWith("line 2: ")) << text;
  }
}

TEST(YamlParse, AKeyThatComesTwiceIsAnErrorWithItsLine) {
  const std::string error = ErrorOf("spec:\n  mode: Auto\n  target: {}\n  mode: Observe\n");
  EXPECT_THAT(error, StartsWith("line 4: "));
  EXPECT_THAT(error, HasSubstr("mode"));
  EXPECT_THAT(ErrorOf("{\"a\": 1,\n\"a\": 2}"), StartsWith("line 2: ")) << "JSON as well";
  EXPECT_THAT(ErrorOf("a: 1\n\"a\": 2\n"), StartsWith("line 2: ")) << "quoting does not hide it";
}

TEST(YamlParse, TellsTheLineOfEachField) {
  const auto documents = Parse(
      "# comment\na: 1\n---\nspec:\n  ladder:\n  - name: x\n    action:\n"
      "      restart: {}\n  - name: y\n");
  ASSERT_TRUE(documents.ok()) << documents.status();
  ASSERT_EQ(documents->size(), 2u);
  const Document& second = (*documents)[1];
  EXPECT_EQ(second.LineOf("spec.ladder[0].action.restart"), 8);
  EXPECT_EQ(second.LineOf("spec.ladder[1].name"), 9);
  EXPECT_EQ(second.LineOf("spec.ladder[1].nowhere.at.all"), 9) << "the closest thing around it";
  EXPECT_EQ(second.LineOf("elsewhere"), second.first_line);
}

TEST(YamlParse, EmptyDocumentsAreLeftOut) {
  const auto documents = Parse("---\n---\n# nothing\n---\na: 1\n---\n");
  ASSERT_TRUE(documents.ok()) << documents.status();
  ASSERT_EQ(documents->size(), 1u);
  EXPECT_EQ((*documents)[0].value, Json({{"a", 1}}));
  EXPECT_FALSE(ParseOne("a: 1\n---\nb: 2\n").ok());
  EXPECT_FALSE(ParseOne("").ok());
}

TEST(YamlParse, AnchorsAndMergesAreFollowed) {
  EXPECT_EQ(Read("base: &b {x: 1, z: 2}\nother:\n  <<: *b\n  z: 3\n")["other"],
            Json({{"x", 1}, {"z", 3}}));
  EXPECT_EQ(Read("\"<<\": 1\n"), Json({{"<<", 1}})) << "quoted it is a key like any other";
}

TEST(YamlParse, AliasesThatMultiplyAreStopped) {
  std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i <= 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) text += (k == 0 ? "" : ",") + before;
    text += "]\n";
  }
  EXPECT_THAT(ErrorOf(text), StartsWith("line "))
      << "ten to the thirteenth values out of 700 bytes";
}

TEST(YamlParse, SizeDepthAndCountAreBounded) {
  EXPECT_THAT(ErrorOf("a: " + std::string(5u << 20, 'x')), HasSubstr("limit"));
  EXPECT_THAT(ErrorOf(std::string(100, '[') + std::string(100, ']')), StartsWith("line 1: "));
  EXPECT_TRUE(Parse(std::string(60, '[') + std::string(60, ']')).ok());
  EXPECT_THAT(ErrorOf("[1, 2, 3, 4]", {.max_nodes = 4}), StartsWith("line 1: "));
  // Deeper than any stack: must be refused, not survived by luck.
  EXPECT_THAT(ErrorOf(std::string(1u << 20, '[')), StartsWith("line "));
}

TEST(YamlParse, WhatIsNoYamlSaysWhere) {
  EXPECT_THAT(ErrorOf("a: 1\nb: [1,\nc: {"), StartsWith("line "));
  EXPECT_THAT(ErrorOf("a: 1\n\tb: 2\n"), StartsWith("line 2: "));
  EXPECT_THAT(ErrorOf("a: *nowhere\n"), StartsWith("line 1: "));
  EXPECT_THAT(ErrorOf("a: !python/object:os.system x\n"), StartsWith("line 1: "));
  EXPECT_THAT(ErrorOf("? [a, b]\n: c\n"), StartsWith("line 1: "));
}

TEST(YamlEmit, LooksAsKubectlPrintsIt) {
  const Json value = {{"kind", "X"},
                      {"apiVersion", "v1"},
                      {"spec",
                       {{"list", {1, "two", {{"b", true}, {"a", nullptr}}}},
                        {"empty", Json::object()},
                        {"none", Json::array()}}}};
  EXPECT_EQ(Emit(value),
            "apiVersion: v1\n"
            "kind: X\n"
            "spec:\n"
            "  empty: {}\n"
            "  list:\n"
            "  - 1\n"
            "  - two\n"
            "  - a: null\n"
            "    b: true\n"
            "  none: []\n");
}

TEST(YamlEmit, StringsThatLookLikeSomethingElseComeBackAsStrings) {
  for (const char* text : {"",
                           " ",
                           "true",
                           "yes",
                           "No",
                           "~",
                           "null",
                           "12",
                           "0x1f",
                           "1e3",
                           ".5",
                           "1_000",
                           "a: b",
                           "a #b",
                           "# c",
                           "- x",
                           "[x",
                           "{x",
                           "*x",
                           "&x",
                           "!x",
                           "%x",
                           "@x",
                           "`x",
                           "'x'",
                           "\"x\"",
                           "a\nb",
                           "a\n",
                           "\n",
                           "\ttab",
                           "trailing ",
                           " leading",
                           "line\\n",
                           "ünïcödé – 😀",
                           "\x01",
                           "a\r\nb",
                           "?",
                           "-",
                           ":",
                           "a:",
                           "---",
                           "...",
                           "2026-12-01",
                           "<<",
                           "=",
                           "|",
                           ">",
                           "a\n\n  b\n",
                           "\xe2\x80\xa8"}) {
    const Json value = {{"s", text}, {"list", {text}}, {text, 1}};
    EXPECT_EQ(Read(Emit(value)), value) << Json(text).dump() << "\n" << Emit(value);
  }
}

// Any JSON value, from a seed.
Json Random(std::mt19937& random, int depth) {
  switch (random() % (depth > 0 ? 8 : 6)) {
    case 0:
      return nullptr;
    case 1:
      return random() % 2 == 0;
    case 2:
      return static_cast<std::int64_t>(random()) - (std::int64_t{1} << 31);
    case 3:
      return std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 100) - 50);
    case 6: {
      Json list = Json::array();
      for (auto n = random() % 4; n > 0; --n) list.push_back(Random(random, depth - 1));
      return list;
    }
    case 7: {
      Json object = Json::object();
      for (auto n = random() % 4; n > 0; --n) {
        object["k" + std::to_string(random() % 100)] = Random(random, depth - 1);
      }
      return object;
    }
    default: {
      constexpr std::string_view kLetters = "ab01 -:#'\"\\\n\t,[]{}&*!|>%@~?.y";
      std::string text;
      for (auto n = random() % 12; n > 0; --n) text += kLetters[random() % kLetters.size()];
      return text;
    }
  }
}

TEST(YamlEmit, WhatItGivesIsReadBackUnchanged) {
  for (unsigned seed = 1; seed <= 2000; ++seed) {
    std::mt19937 random(seed);
    const Json value = {{"v", Random(random, 4)}};
    const auto back = ParseOne(Emit(value));
    ASSERT_TRUE(back.ok()) << "seed " << seed << ": " << back.status() << "\n" << Emit(value);
    ASSERT_EQ(back->value, value) << "seed " << seed << "\n" << Emit(value);
  }
}

}  // namespace
}  // namespace salve::apis::yaml
