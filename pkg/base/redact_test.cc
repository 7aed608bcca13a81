// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/redact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace salve {
namespace {

TEST(Redact, HidesWhatLooksLikeASecretAndKeepsTheRest) {
  const struct {
    const char* in;
    const char* out;
  } kCases[] = {
      {"user=a password=hunter2 x=1", "user=a password=[REDACTED] x=1"},
      {"Authorization: Bearer abc.def.ghi", "Authorization: Bearer [REDACTED]"},
      {"got Bearer abcdefgh123 back", "got Bearer [REDACTED] back"},
      {R"({"token":"abc","n":1})", R"({"token":"[REDACTED]","n":1})"},
      {R"({\"api_key\": \"abc\"})", R"({\"api_key\": \"[REDACTED]\"})"},
      {"postgres://app:s3cret@db:5432/x", "postgres://app:[REDACTED]@db:5432/x"},
      {"http://db:5432/x?token=abc&y=1", "http://db:5432/x?token=[REDACTED]&y=1"},
      {"CONFIG SET requirepass hunter2", "CONFIG SET requirepass [REDACTED]"},
      {"POSTGRES_PASSWORD=x,A=b", "POSTGRES_PASSWORD=[REDACTED],A=b"},
      {"the basic check passed", "the basic check passed"},
      {"password authentication failed", "password authentication failed"},
      {"-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- tail",
       "[REDACTED] tail"},
      {"-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----"},
      {"", ""},
  };
  for (const auto& c : kCases) EXPECT_EQ(Redact(c.in), c.out) << c.in;
}

TEST(Redact, HidesRegisteredValuesWhereverTheyStandButNotShortOnes) {
  RegisterSecret("swordfish-42");
  RegisterSecret("abc");
  EXPECT_EQ(Redact("xswordfish-42y abc"), "x[REDACTED]y abc");
}

TEST(Redact, TheRegistryIsBounded) {
  for (int i = 0; i < 3000; ++i) RegisterSecret("bounded-secret-" + std::to_string(i) + "-end");
  EXPECT_EQ(Redact("bounded-secret-2999-end"), "[REDACTED]");
  EXPECT_EQ(Redact("bounded-secret-0-end"), "bounded-secret-0-end");
}

}  // namespace
}  // namespace salve
