// SPDX-License-Identifier: Apache-2.0
// The same requests signed here and by botocore. Skipped where Python has no botocore.
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "pkg/aws/sigv4.h"
#include "pkg/base/random.h"
#include "pkg/base/time_format.h"
#include "pkg/http/url.h"

namespace salve::aws {
namespace {

using Json = nlohmann::json;

constexpr int kRequests = 300;
constexpr int kNotInstalled = 3;

// One of the pieces that signing has rules for.
std::string Piece(Random& random) {
  static const std::vector<std::string> kPieces = {
      "a",  "Z9",   "-._~",   " ",  "%",     "+",   "=",  "&", "?",
      "ü",  "😀",   "a/b",    "#",  ":",     "*",   "'",  "(", "arn:aws:ecs:eu-west-1:1:cluster/c",
      "..", "$@!,", "[]{}|^", "\t", "key=v", "%2F", "\"", "\\"};
  return kPieces[random.Next() % kPieces.size()];
}

std::string Words(Random& random, std::uint64_t most) {
  std::string out;
  for (std::uint64_t n = random.Next() % (most + 1); n > 0; --n) out += Piece(random);
  return out;
}

struct Case {
  http::Request request;
  Credentials credentials;
  SigningOptions options;
  int expires = 60;

  Json ToJson() const {
    Json headers = Json::object();
    for (const auto& [name, value] : request.headers) {
      if (name != "Host") headers[name] = value;
    }
    return {{"method", request.method},
            {"url", "https://" + std::string(*request.headers.Get("Host")) + request.target},
            {"headers", headers},
            {"body", request.body},
            {"access_key_id", credentials.access_key_id},
            {"secret_access_key", credentials.secret_access_key},
            {"session_token", credentials.session_token},
            {"region", options.region},
            {"service", options.service},
            {"now", AmzDate(options.now)},
            {"expires", expires}};
  }
};

Case MakeCase(Random& random) {
  Case out;
  out.request.method = random.Next() % 2 == 0 ? "POST" : "GET";
  out.request.target = "/";
  for (std::uint64_t n = random.Next() % 4; n > 0; --n) {
    const std::string segment = http::Escape(Words(random, 3));
    if (!segment.empty()) out.request.target += segment + "/";
  }
  http::Query query;
  for (std::uint64_t n = random.Next() % 4; n > 0; --n) {
    query.Add("q" + std::to_string(n) + Words(random, 2), "v" + Words(random, 3));
  }
  if (!query.empty()) out.request.target += "?" + query.Encode();
  out.request.headers.Set("Host", "ecs.eu-west-1.amazonaws.com");
  out.request.headers.Set("Content-Type", "application/x-amz-json-1.1");
  out.request.headers.Set("X-Amz-Target", "Api." + random.Hex(8));
  out.request.headers.Set("X-Own", " two  words " + random.Hex(4));
  out.request.body = out.request.method == "POST" ? Words(random, 40) : "";
  out.credentials = {"AKID" + random.Hex(12), random.Hex(40),
                     random.Next() % 2 == 0 ? "" : "token/+=" + random.Hex(30), std::nullopt};
  out.options.region = "eu-west-1";
  out.options.service = "ecs";
  out.options.now = *ParseTime("2026-01-02T03:04:05Z") +
                    std::chrono::seconds(static_cast<int>(random.Next() % 100'000'000));
  out.expires = 1 + static_cast<int>(random.Next() % 604'800);
  return out;
}

std::string After(const std::string& text, const std::string& mark) {
  const std::size_t at = text.rfind(mark);
  return at == std::string::npos ? "" : text.substr(at + mark.size());
}

TEST(BotocoreTest, BotocoreMakesTheSameSignatures) {
  SeededRandom random(20'261'121);
  std::vector<Case> cases;
  const std::string stem = ::testing::TempDir() + "salve-botocore-" + std::to_string(::getpid());
  {
    std::ofstream requests(stem + ".in");
    for (int i = 0; i < kRequests; ++i) {
      cases.push_back(MakeCase(random));
      requests << cases.back().ToJson().dump() << "\n";
    }
  }
  const char* python = std::getenv("SALVE_MOTO_PYTHON");
  const std::string command = std::string(python == nullptr ? "python3" : python) +
                              " test/aws/botocore-sign <" + stem + ".in >" + stem + ".out";
  const int result = std::system(command.c_str());
  ::unlink((stem + ".in").c_str());
  std::ifstream signatures(stem + ".out");
  ::unlink((stem + ".out").c_str());
  if (result != 0 && WIFEXITED(result) &&
      (WEXITSTATUS(result) == kNotInstalled || WEXITSTATUS(result) == 127)) {
    GTEST_SKIP() << "Python or its package botocore is not installed; hack/moto-up brings it";
  }
  ASSERT_EQ(result, 0);
  for (Case& signed_case : cases) {
    SCOPED_TRACE(signed_case.ToJson().dump());
    std::string line;
    ASSERT_TRUE(std::getline(signatures, line));
    const Json theirs = Json::parse(line);
    http::Request without_body = signed_case.request;
    without_body.body.clear();
    const auto target = PresignTarget(without_body, signed_case.credentials, signed_case.options,
                                      signed_case.expires);
    ASSERT_TRUE(target.ok()) << target.status();
    EXPECT_EQ(After(*target, "X-Amz-Signature="),
              After(theirs.at("url").get<std::string>(), "X-Amz-Signature="));
    ASSERT_TRUE(
        SignHeaders(signed_case.request, signed_case.credentials, signed_case.options).ok());
    EXPECT_EQ(std::string(*signed_case.request.headers.Get("Authorization")),
              theirs.at("authorization").get<std::string>());
  }
}

}  // namespace
}  // namespace salve::aws
