// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/syntax.h"

#include <string>

#include <gtest/gtest.h>

namespace salve::apis {
namespace {

using Check = std::string (*)(std::string_view);

void ExpectTakes(Check check, std::initializer_list<std::string> texts) {
  for (const std::string& text : texts) EXPECT_EQ(check(text), "") << text;
}
void ExpectRefuses(Check check, std::initializer_list<std::string> texts) {
  for (const std::string& text : texts) EXPECT_EQ(check(text).substr(0, 5), "must ") << text;
}

TEST(HostPort, IsAHostAndAPort) {
  ExpectTakes(CheckHostPort, {"127.0.0.1:6379", "[::1]:6379", "localhost:1", "a_b.c-d:65535"});
  ExpectRefuses(CheckHostPort, {"",
                                ":",
                                ":80",
                                "a",
                                "a:",
                                "a:0",
                                "a:65536",
                                "a:-1",
                                "a:+1",
                                "a: 1",
                                "a:1x",
                                "[::1]",
                                "[::1]x:1",
                                "::1:80",
                                "[1.2.3.4]:80",
                                "256.1.1.1:80",
                                "1.2.3:80",
                                "2130706433:80",
                                "a..b:80",
                                "-a:80",
                                "a/b:80",
                                "a b:80",
                                std::string("a\0:80", 5),
                                std::string(254, 'a') + ":80"});
}

TEST(HttpUrl, HasAHostAndNeitherCredentialsNorFragment) {
  ExpectTakes(CheckHttpUrl, {"http://a", "https://a/", "http://a:8080/x?y=%20z", "http://[::1]:1/",
                             "http://a?x@y"});
  ExpectRefuses(CheckHttpUrl,
                {"", "a", "http://", "HTTP://a", "file:///etc/passwd", "http:///x", "http://u:p@a/",
                 "http://a/#x", "http://a:0/", "http://a:99999", "http://a b/",
                 "http://a/\nHost: b", "http://[::1/", "http://a\\b/"});
}

TEST(Cidr, IsAnAddressAndAPrefixLength) {
  for (const char* text : {"10.0.0.0/8", "0.0.0.0/0", "::/0", "fd00::/128"}) {
    EXPECT_EQ(CheckCidr(text), "") << text;
  }
  for (const char* text : {"", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
                           "10.0.0.0/8x", "10.0.0/8", "::/129", "a/8", "10.0.0.0/ 8"}) {
    EXPECT_NE(CheckCidr(text), "") << text;
  }
}

TEST(Names, AreThoseOfKubernetes) {
  ExpectTakes(CheckObjectName, {"a", "a-b.c", "0"});
  ExpectRefuses(CheckObjectName,
                {"", "A", "-a", "a-", "a..b", "a.-b", "a_b", "a/b", "..", std::string(254, 'a')});
  ExpectTakes(CheckLabelKey, {"team", "example.com/team", "A_b.c"});
  ExpectRefuses(CheckLabelKey, {"", "/", "a/", "/a", "a/b/c", "-a", "Example.com/a", "a b"});
  ExpectTakes(CheckLabelValue, {"", "a", "A_b.c"});
  ExpectRefuses(CheckLabelValue, {"-", "a b", std::string(64, 'a')});
}

// An absolute path begins with a slash, too.
TEST(ArgvPatterns, OnlyAnElementBetweenSlashesIsARegularExpression) {
  EXPECT_TRUE(IsArgvRegex("/[0-9]+/"));
  EXPECT_FALSE(IsArgvRegex("/usr/bin/kill"));
  EXPECT_FALSE(IsArgvRegex("/"));
  EXPECT_FALSE(IsArgvRegex(""));
  FieldErrors errors;
  CheckArgvPatterns({{"/usr/bin/[", "-x"}, {"a", "/(/"}}, "exec.allow", errors);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].field, "exec.allow[1][1]");
}

}  // namespace
}  // namespace salve::apis
