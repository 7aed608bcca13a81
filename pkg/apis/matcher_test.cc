// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/matcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace salve::apis {
namespace {

using Labels = std::map<std::string, std::string>;
using ::testing::HasSubstr;

bool Match(const std::string& text, const Labels& labels) {
  const StatusOr<Matcher> matcher = Matcher::Parse(text);
  EXPECT_TRUE(matcher.ok()) << text << ": " << matcher.status();
  return matcher.ok() && matcher->Matches(labels);
}

TEST(Matcher, ComparesALabelWithAValue) {
  EXPECT_TRUE(Match(R"(alertname="RedisDown")", {{"alertname", "RedisDown"}}));
  EXPECT_FALSE(Match(R"(alertname="RedisDown")", {{"alertname", "RedisDownAgain"}}));
  EXPECT_TRUE(Match(R"(alertname != "RedisDown")", {{"alertname", "Other"}}));
  EXPECT_TRUE(Match("severity=critical", {{"severity", "critical"}}));
}

TEST(Matcher, AnchorsAnExpressionAtBothEnds) {
  EXPECT_TRUE(Match(R"(job=~"api-.*")", {{"job", "api-eu"}}));
  EXPECT_FALSE(Match(R"(job=~"api")", {{"job", "api-eu"}}));
  EXPECT_TRUE(Match(R"(job!~"api|web")", {{"job", "apiweb"}}));
  EXPECT_TRUE(Match(R"(instance=~"db\d+")", {{"instance", "db12"}}));
}

TEST(Matcher, TakesAMissingLabelForAnEmptyOne) {
  EXPECT_TRUE(Match(R"(team="")", {}));
  EXPECT_FALSE(Match(R"(team!="")", {}));
  EXPECT_TRUE(Match(R"(team!="ops")", {}));
}

TEST(Matcher, ReadsEscapesInsideQuotes) {
  EXPECT_TRUE(Match(R"(summary="say \"hi\" \\ bye")", {{"summary", R"(say "hi" \ bye)"}}));
  EXPECT_TRUE(Match("a=\"x=y, z\"", {{"a", "x=y, z"}}));
}

TEST(Matcher, SaysWhatIsWrong) {
  EXPECT_THAT(CheckMatcher("RedisDown"), HasSubstr("must be a matcher"));
  EXPECT_THAT(CheckMatcher("=x"), HasSubstr("label's name"));
  EXPECT_THAT(CheckMatcher("a!x"), HasSubstr("operator"));
  EXPECT_THAT(CheckMatcher("a=~\"(\""), HasSubstr("("));
  EXPECT_THAT(CheckMatcher("a=\"x"), HasSubstr("closing quote is missing"));
  EXPECT_THAT(CheckMatcher("a=\"x\" y"), HasSubstr("follow the closing quote"));
  EXPECT_THAT(CheckMatcher("a=x y"), HasSubstr("double quotes"));
  EXPECT_EQ(CheckMatcher("a=x"), "");
}

}  // namespace
}  // namespace salve::apis
