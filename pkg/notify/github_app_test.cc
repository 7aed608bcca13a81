// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/github_app.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/time_format.h"

namespace salve::notify {
namespace {

using apis::config::v1alpha1::GithubSink;
using std::chrono::minutes;
using ::testing::HasSubstr;
using ::testing::Not;

// Made for this test; it opens nothing.
constexpr char kKey[] =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIEogIBAAKCAQEAq6M01quakSlWbe/LijX6eH7nfTqchQFWSeCkoiEagzTd7x74\n"
    "U/h1F1yk70pVrxWflMQ0UBt7MlCVKABvDSiImDnd44yGpw4K2/nUXv2BxxkmFPiE\n"
    "IPqOrOnYF9XdxJwaqUiO9sgpRJIF0Fse54LMnamowMG5w6Yf7uWh4KLwyZKHObCI\n"
    "iQ/FaHuBl+JRjbOOvko0zyVRejWJDlSscNIpeQdx/0OgTVQK25bYsSLC00CtFZ67\n"
    "3FnwABLJ4mKCiJKQHIFSO7L4jVk007xWXuCU0SU5PXn+2XZ3ZIukLMqpvUlLpSFO\n"
    "O6nMV/0uGbZvK3nhfCE8BcF0sNjboZkxKNcHdwIDAQABAoIBAADI9LPXtROqN2a2\n"
    "Hcgx6BJJRpBtH+5mdl2AIg1s1zNEjdSgikzgjGzP/peEPnNHE+gIJBc9994B+fDt\n"
    "bXJ2OcvWTT+gX5KdnuRtVFkwM+SLnjui2ojp8cfFePRWJyHEZhJIqiL9NCqUpsmf\n"
    "S7tJuqf5rIi1JumuKNL2WeYdHO3gIzopdyoO1hYg0vXcOeASx1ECMkOotKIs3vRl\n"
    "IhoQB8kz3Gg0s1Rw+rb+Uyu9pMQLHtu3znQX+T5VCqrCgMCI3hfInpZwWwQmhlWw\n"
    "1p/09g7erLx0DuEgzMsQD4kqnmx/NWFCFJdeRQI125Kkbpwoi475gU9cEuqRHVXh\n"
    "sYA+1QECgYEA49hJnZaazmd/6Z+8J52Pkeg2W1Pj7DFoJyReOsb2hdDwihh8nN/Y\n"
    "vwED0/P6rVsR9YTu0S6lgoWTHlXaZ3OxPqi2vHso8YnA/DsY581kLrXnoLqCV4yQ\n"
    "rq2fzNdMwYae4SRNDKTh/6Mbu50+2kXNHawXgzQZ9EF0ZdsrLFggpl8CgYEAwNjW\n"
    "wMNspGo5+wdroMy8MhXsnOhR//oUY5DVkGoWMETcXSPIF9yXWRZFGUt+MwDvMxdL\n"
    "NxASt1pBUm/5Q05CJhPdvbsQh0Pfb8HitPMXmmhHudNe8Tg3uvBFLjNPVr+FSGWA\n"
    "6VketYVWIW7MJihyPsGxG9afLjyTdi1LeK64RekCgYBLCsSMO7s2+g2+E5cz8QgF\n"
    "RVcJ02KBO3CTW74RW9B8GGnxAcmhHXTUy+/H0lag3BrZI3RIvzVR/M6Msjgh1I/v\n"
    "FEBDacj9bKJ8MLauOg6h99WXMXaWgTxx28uC+vJT1xPjEUKzRGcO/Fi4/TxjRZQe\n"
    "Dr0bwIA/24MLvRjGHSx7vwKBgFpcQCQKbbmMXKaXD4NE61m8lCXhZaq/jxYoIymL\n"
    "y+HKIkcyIOutXO1NVgtIKFXVtj8GRyQB0ANBsyHhfbZf0PbukBP6tv/qeaNwAb4v\n"
    "uXuMKS+VLwNwCAz70C6ZtC89hkIp7YFpVM5RL85ykA3BHebx8v7MTcHoeGADUT23\n"
    "AHkhAoGAZ/BMTC17/6QRBAW+2hlmw2ckb1dS8bPNcFnRvKaqnJkxClhmOU0RaGX7\n"
    "g5z/uCyGSOUE05AdoIxBfdN67dK7BT29+NLsSyqk7TMHMkcUE+12GFFWA8gxgKn8\n"
    "LQ651mJ387ch4RgGC173Z/qT2uv4/FDenaqBkTXbdXOSJ1qnxUc=\n"
    "-----END RSA PRIVATE KEY-----\n";
// Signed with that key by `openssl dgst -sha256 -sign`.
constexpr char kJwt[] =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3OTYxMjY5NDAsImlhdCI6MTc5NjEyNjM0MCwiaXN"
    "zIjoiMTIifQ.O7AD8Rp61NpXuUpRO98aMWtgrXrj5IU2vnuwERT-jaboowOh7APX9p-Y1VyK3imEiiBp9nJCbL4D"
    "jZ8ukCkZp880BWtz9q841XfjeRkIjzqzyz_o3Sea2g5n_TgapyRX2k4iymC8D9J5BuFWaIF5_Vq73IIkCxm4Zqva"
    "6WBj-MrKbq1033XIw0JmMky4tc6LSixgukF11kngF-AJbmv1cO1te5R71YduG7axlgYTb1YnutqNbge_uLjBeXcm"
    "9w9YrXxuQ4StwGNFHofmqWRpgI-NcLHyjZYi4ZdLjwOlm4Ms9_svUd9DT-zJShtOBvQPbVlWMsw1UX1mtDj8ZL82"
    "8g";

WallTime Now() { return *ParseTime("2026-12-01T12:00:00Z"); }

TEST(GithubAppJwt, IsWhatOpensslSigns) {
  const auto jwt = GithubAppJwt(12, kKey, Now());
  ASSERT_TRUE(jwt.ok()) << jwt.status();
  EXPECT_EQ(*jwt, kJwt);
}

TEST(GithubAppJwt, TakesNoOtherKeyAndSaysNothingOfIt) {
  for (const char* key :
       {"", "s3cr3t", "-----BEGIN PRIVATE KEY-----\nczNjcjN0\n-----END PRIVATE KEY-----\n"}) {
    const auto jwt = GithubAppJwt(12, key, Now());
    ASSERT_FALSE(jwt.ok());
    EXPECT_EQ(jwt.code(), Code::kInvalidArgument);
    EXPECT_THAT(jwt.status().message(), Not(HasSubstr("s3cr3t")));
    EXPECT_THAT(jwt.status().message(), Not(HasSubstr("czNjcjN0")));
  }
}

TEST(GithubTokenRequest, AsksForTheOneRepositoryAndOnlyForWhatIsDoneThere) {
  GithubSink sink;
  sink.repository = "acme/shop";
  sink.issue.emplace();
  EXPECT_EQ(GithubTokenRequest(sink),
            nlohmann::json::parse(
                R"({"repositories":["shop"],"permissions":{"metadata":"read","issues":"write"}})"));
  sink.issue.reset();
  sink.dispatch.emplace();
  EXPECT_EQ(GithubTokenRequest(sink)["permissions"],
            nlohmann::json::parse(R"({"metadata":"read","contents":"write"})"));
  sink.pull_request.emplace();
  EXPECT_EQ(
      GithubTokenRequest(sink)["permissions"],
      nlohmann::json::parse(R"({"metadata":"read","contents":"write","pull_requests":"write"})"));
}

TEST(ReadGithubToken, IsGoodUntilAMinuteBeforeItsEnd) {
  const auto token =
      ReadGithubToken({{"token", "ghs_x"}, {"expires_at", "2026-12-01T13:00:00Z"}}, Now());
  ASSERT_TRUE(token);
  EXPECT_EQ(token->value, "ghs_x");
  EXPECT_EQ(token->good_until, Now() + minutes(59));
}

TEST(ReadGithubToken, IsNoneWithoutAValueOrATimeOrWhenItIsOver) {
  EXPECT_FALSE(ReadGithubToken(nullptr, Now()));
  EXPECT_FALSE(ReadGithubToken({{"token", "x"}}, Now()));
  EXPECT_FALSE(ReadGithubToken({{"expires_at", "2026-12-01T13:00:00Z"}}, Now()));
  EXPECT_FALSE(ReadGithubToken({{"token", "x"}, {"expires_at", "2026-12-01T12:00:30Z"}}, Now()));
}

}  // namespace
}  // namespace salve::notify
