// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace salve::http {
namespace {

TEST(Headers, NamesCompareWithoutCaseAndTheFirstValueIsGot) {
  const Headers headers{{"Content-Type", "a"}, {"content-type", "b"}};
  EXPECT_EQ(headers.Get("CONTENT-TYPE"), "a");
  EXPECT_THAT(headers.All("Content-type"), ::testing::ElementsAre("a", "b"));
  EXPECT_EQ(headers.Get("Content"), std::nullopt);
}

TEST(Headers, SetReplacesEveryValueAndKeepsTheOthers) {
  Headers headers{{"A", "1"}, {"B", "2"}, {"a", "3"}};
  headers.Set("a", "4");
  EXPECT_THAT(headers.All("A"), ::testing::ElementsAre("4"));
  EXPECT_EQ(headers.Get("b"), "2");
}

TEST(ReasonPhrase, IsEmptyForUnknownCodes) {
  EXPECT_EQ(ReasonPhrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(ReasonPhrase(299), "");
}

}  // namespace
}  // namespace salve::http
