// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace salve::http {
namespace {

using ::testing::ElementsAre;

TEST(Escape, AnyBytesComeBackAsTheyWere) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  const std::string escaped = Escape(all);
  EXPECT_EQ(Unescape(escaped), all);
  EXPECT_EQ(escaped.find_first_of(" /?#&=+\n"), std::string::npos);
}

TEST(Unescape, RefusesBrokenEscapes) {
  for (const char* text : {"%", "%4", "%zz", "a%4"}) {
    EXPECT_EQ(Unescape(text), std::nullopt) << text;
  }
  EXPECT_EQ(Unescape("a+b", true), "a b");
  EXPECT_EQ(Unescape("a+b"), "a+b");
}

TEST(ParseTarget, AnEscapedSlashStaysInsideItsSegment) {
  const auto target = ParseTarget("/a/b%2Fc?x=1&y=a+b&flag&x=2");
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_EQ(target->path, "/a/b%2Fc");
  EXPECT_THAT(target->segments, ElementsAre("a", "b/c"));
  EXPECT_EQ(target->query.Get("x"), "1");
  EXPECT_EQ(target->query.Get("y"), "a b");
  EXPECT_EQ(target->query.Get("flag"), "");
  EXPECT_FALSE(target->query.Has("z"));
}

TEST(ParseTarget, TheRootHasNoSegments) { EXPECT_TRUE(ParseTarget("/")->segments.empty()); }

TEST(ParseTarget, RefusesWhatIsBrokenOrUnbounded) {
  std::string many;
  for (int i = 0; i < 65; ++i) many += "/a";
  std::string parameters = "/?";
  for (int i = 0; i < 257; ++i) parameters += "a=1&";
  for (const std::string& target : {std::string("no-slash"), std::string(""), std::string("/%zz"),
                                    std::string("/?a=%z"), many, parameters}) {
    EXPECT_EQ(ParseTarget(target).code(), Code::kInvalidArgument) << target;
  }
}

TEST(Query, EncodesWhatItHolds) {
  const Query query{{"a b", "c&d"}, {"e", ""}};
  EXPECT_EQ(query.Encode(), "a%20b=c%26d&e=");
}

TEST(ParseUrl, TakesApartWhatIsThere) {
  const struct {
    const char* url;
    Url want;
  } kCases[] = {
      {"http://h", {"http", "h", 80, ""}},
      {"HTTPS://h:6443/base?x=1#f", {"https", "h", 6443, "/base?x=1"}},
      {"https://[::1]:8443", {"https", "::1", 8443, ""}},
      {"http://u:p%40w@h/x", {"http", "h", 80, "/x"}},
      {"unix:///var/run/docker.sock", {"unix", "", 0, "/var/run/docker.sock"}},
      {"tcp://10.0.0.1:2376", {"tcp", "10.0.0.1", 2376, ""}},
      {"http://h?x=1", {"http", "h", 80, "/?x=1"}},
  };
  for (const auto& c : kCases) {
    const auto url = ParseUrl(c.url);
    ASSERT_TRUE(url.ok()) << c.url << ": " << url.status();
    EXPECT_EQ(url->scheme, c.want.scheme) << c.url;
    EXPECT_EQ(url->host, c.want.host) << c.url;
    EXPECT_EQ(url->port, c.want.port) << c.url;
    EXPECT_EQ(url->path, c.want.path) << c.url;
  }
}

TEST(ParseUrl, RefusesWhatCannotBeMeant) {
  for (const char* url : {"", "h", "http://", "http://h:0", "http://h:65536", "http://h:x",
                          "http://h:", "http://[::1", "http://a b", "1http://h", "http://[::1]x"}) {
    EXPECT_EQ(ParseUrl(url).code(), Code::kInvalidArgument) << url;
  }
}

TEST(BaseUrlTest, HasThePortAndBracketsAndNoPath) {
  EXPECT_EQ(BaseUrl(*ParseUrl("https://api.example.com/v3?a=b")), "https://api.example.com:443");
  EXPECT_EQ(BaseUrl(*ParseUrl("http://[::1]:8080/")), "http://[::1]:8080");
}

}  // namespace
}  // namespace salve::http
