// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/selectors.h"

#include <gtest/gtest.h>

namespace salve::apiserver {
namespace {

Json Labelled(const Json& labels) { return {{"metadata", {{"name", "x"}, {"labels", labels}}}}; }

TEST(LabelSelector, SelectsByEqualityAndSets) {
  const Json object = Labelled({{"app", "redis"}, {"tier", "db"}, {"n", "5"}, {"empty", ""}});
  struct Case {
    const char* selector;
    bool matches;
  };
  const Case cases[] = {
      {"", true},
      {"app=redis", true},
      {"app==redis", true},
      {"app = redis , tier = db", true},
      {"app=web", false},
      {"app!=web", true},
      {"app!=redis", false},
      {"absent!=x", true},
      {"app", true},
      {"!app", false},
      {"!absent", true},
      {"absent", false},
      {"app in (redis,web)", true},
      {"app in (web)", false},
      {"app notin (web, nginx)", true},
      {"app notin (redis)", false},
      {"absent notin (redis)", true},
      {"empty=", true},
      {"empty in (,x)", true},
      {"empty in ()", true},
      {"app=", false},
      {"n>4", true},
      {"n>5", false},
      {"n<6", true},
      {"app>1", false},
      {"absent>1", false},
      {"in=x", false},
      {"app=redis,tier in (db,cache),!absent", true},
      {"app=redis,tier=web", false},
  };
  for (const Case& c : cases) {
    auto selector = LabelSelector::Parse(c.selector);
    ASSERT_TRUE(selector.ok()) << c.selector << ": " << selector.error().message();
    EXPECT_EQ(selector->Matches(object), c.matches) << c.selector;
  }
  EXPECT_FALSE(LabelSelector::Parse("a=b")->Matches(Json::object()));
  EXPECT_TRUE(LabelSelector::Parse("!a")->Matches({{"metadata", Json::object()}}));
}

TEST(LabelSelector, RefusesInTheWordsOfTheRealServer) {
  const std::pair<const char*, const char*> cases[] = {
      {"a=b=c", "found '=', expected: ',' or 'end of string'"},
      {"=a", "found '=', expected: !, identifier, or 'end of string'"},
      {"a,", "found '', expected: identifier after ','"},
      {"a in x", "unable to parse requirement: found 'x' expected: '('"},
      {"a in (x", "unable to parse requirement: found '', expected: ',' or ')'"},
      {"a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"},
      {"a>x",
       "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, "
       "the "
       "value must be an integer"},
      {"-a=b",
       "unable to parse requirement: <nil>: Invalid value: \"-a\": name part must consist of "
       "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
       "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
       "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"},
  };
  for (const auto& [text, message] : cases) {
    auto selector = LabelSelector::Parse(text);
    ASSERT_FALSE(selector.ok()) << text;
    EXPECT_EQ(selector.error().code(), 400) << text;
    EXPECT_EQ(selector.error().message(), message) << text;
  }
  EXPECT_FALSE(LabelSelector::Parse(std::string(20000, 'a')).ok());
}

TEST(Labels, AreCheckedAsTheRealServerDoes) {
  for (const char* good : {"app", "app.kubernetes.io/name", "a_b-c.d", "A9", "example.com/X"}) {
    EXPECT_EQ(CheckLabelKey(good), "") << good;
  }
  for (const char* bad :
       {"", "/a", "a/", "a/b/c", "-a", "a-", "ä", "UPPER.com/a", "a..b/c", "-x/a"}) {
    EXPECT_NE(CheckLabelKey(bad), "") << bad;
  }
  EXPECT_EQ(CheckLabelKey("a/"),
            "name part must be non-empty; name part must consist of alphanumeric "
            "characters, '-', '_' or '.', and must start and end with an "
            "alphanumeric character (e.g. 'MyName',  or 'my.name',  or "
            "'123-abc', regex used for validation is "
            "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')");
  for (const char* good : {"", "a", "a.b_c-d", "1"}) EXPECT_EQ(CheckLabelValue(good), "") << good;
  for (const char* bad : {"-a", "a b", "a/b", "."}) EXPECT_NE(CheckLabelValue(bad), "") << bad;
  EXPECT_EQ(CheckLabelValue(std::string(63, 'a')), "");
  EXPECT_EQ(CheckLabelValue(std::string(64, 'a')), "must be no more than 63 bytes");
  EXPECT_EQ(CheckLabelKey(std::string(64, 'a')), "name part must be no more than 63 bytes");
}

const std::vector<std::string>& Supported() {
  static const std::vector<std::string> labels = {
      "metadata.name", "metadata.namespace", "status.phase", "spec.count", "spec.on", "source"};
  return labels;
}

TEST(FieldSelector, SelectsByFields) {
  const Json object = {{"metadata", {{"name", "i1"}, {"namespace", "default"}}},
                       {"status", {{"phase", "Open,x=y\\"}}},
                       {"spec", {{"count", 3}, {"on", true}}},
                       {"source", {{"component", "salve"}}}};
  struct Case {
    const char* selector;
    bool matches;
  };
  const Case cases[] = {
      {"", true},
      {"metadata.name=i1", true},
      {"metadata.name==i1", true},
      {"metadata.name!=i1", false},
      {"metadata.name=i1,metadata.namespace=default", true},
      {"metadata.name=i1,metadata.namespace=other", false},
      {",metadata.name=i1,", true},
      {R"(status.phase=Open\,x\=y\\)", true},
      {"status.phase!=", true},
      {"spec.count=3", true},
      {"spec.on=true", true},
      {"source=salve", true},
  };
  for (const Case& c : cases) {
    auto selector = FieldSelector::Parse(c.selector, Supported());
    ASSERT_TRUE(selector.ok()) << c.selector << ": " << selector.error().message();
    EXPECT_EQ(selector->Matches(object), c.matches) << c.selector;
  }
  EXPECT_TRUE(FieldSelector::Parse("status.phase=", Supported())->Matches(Json::object()))
      << "an absent field compares as empty";
}

TEST(FieldSelector, RefusesInTheWordsOfTheRealServer) {
  const std::pair<const char*, const char*> cases[] = {
      {"spec.policy=x", "field label not supported: spec.policy"},
      {"metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"},
      {"metadata.name=a\\b", "invalid field selector: invalid escape sequence: \\b"},
      {"metadata.name=a=b", "invalid field selector: unescaped character in value: 61"},
  };
  for (const auto& [text, message] : cases) {
    auto selector = FieldSelector::Parse(text, Supported());
    ASSERT_FALSE(selector.ok()) << text;
    EXPECT_EQ(selector.error().code(), 400);
    EXPECT_EQ(selector.error().message(), message) << text;
  }
}

TEST(FieldSelector, TellsWhichObjectItPins) {
  auto selector = FieldSelector::Parse("metadata.namespace=ns,metadata.name=i1", Supported());
  EXPECT_EQ(selector->RequiredName(), "i1");
  EXPECT_EQ(selector->RequiredNamespace(), "ns");
  EXPECT_EQ(FieldSelector::Parse("metadata.name!=i1", Supported())->RequiredName(), std::nullopt);
}

}  // namespace
}  // namespace salve::apiserver
