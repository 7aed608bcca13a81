// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/json_access.h"

#include <gtest/gtest.h>

namespace salve {
namespace {

std::int64_t Number(const char* text) {
  return GetInt(nlohmann::json::parse(text), {"a", "b"}, -7);
}

TEST(JsonAccess, AWholeNumberIsReadHoweverItIsWritten) {
  EXPECT_EQ(Number(R"({"a": {"b": 12}})"), 12);
  EXPECT_EQ(Number(R"({"a": {"b": -12}})"), -12);
  EXPECT_EQ(Number(R"({"a": {"b": 1e3}})"), 1000);
  EXPECT_EQ(Number(R"({"a": {"b": 9223372036854775807}})"), INT64_MAX);
  EXPECT_EQ(Number(R"({"a": {"b": -9223372036854775808}})"), INT64_MIN);
}

TEST(JsonAccess, WhatIsNoWholeNumberOf64BitsIsTheFallback) {
  for (const char* text :
       {R"({"a": {"b": 9223372036854775808}})", R"({"a": {"b": 18446744073709551615}})",
        R"({"a": {"b": 1e300}})", R"({"a": {"b": -1e19}})", R"({"a": {"b": 1.5}})",
        R"({"a": {"b": "12"}})", R"({"a": {"b": null}})", R"({"a": [12]})", R"({"a": 12})", "[]"}) {
    EXPECT_EQ(Number(text), -7) << text;
  }
}

}  // namespace
}  // namespace salve
