// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/sns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/time_format.h"

namespace salve::edge {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The certificate, and signatures made with its key by the openssl program.
constexpr char kCertificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIDGzCCAgOgAwIBAgIUD5ybCIlTEogKe2ZQl0/rwFJK+zswDQYJKoZIhvcNAQEL\n"
    "BQAwHDEaMBgGA1UEAwwRc25zLmFtYXpvbmF3cy5jb20wIBcNMjYxMTIxMTE1NTI5\n"
    "WhgPMjEyNjEwMjgxMTU1MjlaMBwxGjAYBgNVBAMMEXNucy5hbWF6b25hd3MuY29t\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwkaLGR3NIgWBIL2plcSw\n"
    "zkQNhNfdrNvC/vrVVJiB2YnZtkMZNWp0jqTswD34snc7Tj1QlAyvDQA6mSi8FwIe\n"
    "0BVhNFxf0C0Ilo3GzTw7MChD2TdTJnOJpWL1hoCIShb/g22uTe3Fyb0ijD4n+HyV\n"
    "K5U1PiyoDu/0WVzCVumWWJ+Dg6DLTIULEdb1mq1B1zvzys9u2OM3EZaMpimxG8gK\n"
    "BFj7PPotkRzWmQgOdgCc+/q7qCwCThx3BaqX8uMjoH54yK+rAUwwmD9XxYxKfC0A\n"
    "bpe3UET2O8GwTzOsmcEv2NZ9ay72vngqxrjKM/+60p7grE4AUq2/i/ew8G9gK1KH\n"
    "SwIDAQABo1MwUTAdBgNVHQ4EFgQUPmE4pdZSQOgiBo5fpz7SD3kn/2owHwYDVR0j\n"
    "BBgwFoAUPmE4pdZSQOgiBo5fpz7SD3kn/2owDwYDVR0TAQH/BAUwAwEB/zANBgkq\n"
    "hkiG9w0BAQsFAAOCAQEAGr000IZ+ETljX10iWaeBI2ynusD70EcnL4z+uaNm2Zg6\n"
    "R5qFTL+7tImAt9+G1GdZ8of22SuGEkuCa0BCUYegcHMAUmJ6YhHN7FJgoN8271tc\n"
    "32uzDLR33l9fppeLzb75NEDNn5rrG8tazrTjuJWBNVb9nio3XhVdX5RzBeugk33c\n"
    "FP3xgjU27sg6iaLspytSfXjqDpTHznrjTraJK/Tnrpts2sEcVBh/0/Rm/1fM+yfl\n"
    "adK4aohS7cwc3pvy5huQm3WXYXRjhToFxzu81oK5pW6TTb0BFrywc8dVmTsHSfOQ\n"
    "buakNWUM3Gy2/36Qc71JsOTRD01D4MqzrzG4ecoMYA==\n"
    "-----END CERTIFICATE-----\n";
constexpr char kNotificationSha1[] =
    "pQTsySYvV1hQ/OlmczQoPRLGJSxHlXhX2wx96ZA/fwrM7aYZcA5nSt7GKIY1rqc29mja1n2r07+jIglb"
    "36f4vsW5aiz/YgBt7cnXQZltwQcRV4y7oRDTktfYLUgi5RJwGcMMyYmDnnC1l0NowRibDbUGzp8jbykk"
    "KCPgyKcy1Ri5DNlVisoJ2WhzRe1ACKm/sSFdv2xGSNPrQcbsxGglUyUb/xSUDOheRm9dHO5C5zHBicC+"
    "RJOkXuo8sDqOd7zRmGHk+sbMbHHmDWyYr1Pm7Wbx8Pp5zqVqMzGMX4A3+aYL3XjOzteJySwH9/4oPGuC"
    "ij3fnYEnBxdthjuPFNHNXQ==";
constexpr char kNotificationSha256[] =
    "AjEs4d8jqQqxEpdo7sUnZoQBXhhIwrL/sfvKlLLoxduenYqZYiets4i9NolyWkJjj9NfeftqRtc0BgoO"
    "f0UCy4IAn85Hj7x4bAsMpouYM8Ws9HuLxBX9ASTXoYUP64WR7JhVIUFh7KzoiuCeG95waqkyezUrEZTR"
    "o3UqHaZ4aonvyDJIgHm8BDZcZ4/vgEEacGopIL54nDn+rY47wk7eJBobuor3OObKutJh9bwTNDbSWwVa"
    "sPuRR6MTpiEkTr/jmizPhwF1DiEHKTQHyR9TuRo6qV2EjvbhO5Ywk1zftfKWJ8Lm/ZAtjvBvCzFL541q"
    "bfM2gwrQsGUzK0GC075UeQ==";
constexpr char kSubscriptionSha256[] =
    "Y6UJNi1ko+KfemCU/2YQ/NMZpAJsnYYHvfH1h+RKxJ4tvW+bG7T4xqPRFeC+Kpb32Hxi3U0qjid6P0+I"
    "w9PuR+mzZC6OfMoSPjC7IFPsxnihzOg/bSxVZDACmqjnTy875FG5uBmIEJcj/fy3DzahJdNSV9jafnim"
    "sS8fZskpn099KaMqy5Dg5bT/cHIqh6VkHezHBv2ujppYD+fglSNDSqQ0fjjBdxwG471hhQoU2RRGAtME"
    "DHOcN6MzAe4odExcOh6YeGfuRHvZOxnGKbPPquDkdKoBFZW3edh70rrZC/dSbPyeRm5sXoyXuuZiseyb"
    "OK9JfGFoqa5bqa1iNcuYuQ==";
constexpr char kCertificateUrl[] =
    "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem";
constexpr char kTopic[] = "arn:aws:sns:us-west-2:123456789012:MyTopic";

json Notification() {
  return {{"Type", "Notification"},
          {"MessageId", "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"},
          {"TopicArn", kTopic},
          {"Subject", "My First Message"},
          {"Message", "Hello world!"},
          {"Timestamp", "2026-12-01T12:00:00.000Z"},
          {"SignatureVersion", "2"},
          {"Signature", kNotificationSha256},
          {"SigningCertURL", kCertificateUrl},
          {"UnsubscribeURL", "https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe"}};
}

json Subscription() {
  return {{"Type", "SubscriptionConfirmation"},
          {"MessageId", "165545c9-2a5c-472c-8df2-7ff2be2b3b1b"},
          {"Token", "2336412f37"},
          {"TopicArn", kTopic},
          {"Message", "You have chosen to subscribe."},
          {"SubscribeURL",
           "https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37"},
          {"Timestamp", "2026-12-01T12:00:00.000Z"},
          {"SignatureVersion", "2"},
          {"Signature", kSubscriptionSha256},
          {"SigningCertURL", kCertificateUrl}};
}

class SnsTest : public ::testing::Test {
 protected:
  SnsTest() { receiver.topic_arns = {kTopic}; }

  std::vector<std::string> asked;
  Status problem;
  SimulatedClock clock{*ParseTime("2026-12-01T12:00:30Z")};
  apis::config::v1alpha1::ReceiverConfiguration receiver{"aws", "sns", {}, {}, {"*"}, 1000, 2000};
  SnsDesk desk{[this](const std::string& url) -> StatusOr<std::string> {
                 asked.push_back(url);
                 if (!problem.ok()) return problem;
                 return std::string(kCertificate);
               },
               clock};
};

TEST_F(SnsTest, ANotificationIsBelievedBySignatureVersion2And1) {
  auto batch = desk.Open(receiver, Notification());
  ASSERT_TRUE(batch.ok()) << batch.status();
  ASSERT_THAT(batch->alerts, SizeIs(1));
  EXPECT_EQ(batch->alerts[0].receiver, "aws");
  EXPECT_EQ(batch->alerts[0].labels.at("topic"), kTopic);
  EXPECT_EQ(batch->alerts[0].message, "My First Message");
  EXPECT_EQ(batch->delivery_id, "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324");
  json old = Notification();
  old["SignatureVersion"] = "1";
  old["Signature"] = kNotificationSha1;
  EXPECT_TRUE(desk.Open(receiver, old).ok());
  EXPECT_THAT(asked, ElementsAre(kCertificateUrl)) << "the certificate is kept";
}

TEST_F(SnsTest, WhatWasChangedOnTheWayIsNotBelieved) {
  for (const char* field : {"Message", "MessageId", "Subject", "Timestamp"}) {
    json changed = Notification();
    changed[field] = std::string(field) == "Timestamp" ? "2026-12-01T12:00:01.000Z" : "other";
    EXPECT_EQ(desk.Open(receiver, changed).code(), Code::kPermissionDenied) << field;
  }
  json wrong = Notification();
  wrong["SignatureVersion"] = "1";
  EXPECT_EQ(desk.Open(receiver, wrong).code(), Code::kPermissionDenied);
  wrong["Signature"] = "not base64!";
  EXPECT_EQ(desk.Open(receiver, wrong).code(), Code::kPermissionDenied);
}

TEST_F(SnsTest, WithoutASignatureItIsNobodysMessage) {
  for (const char* field : {"Signature", "SigningCertURL"}) {
    json bare = Notification();
    bare.erase(field);
    EXPECT_EQ(desk.Open(receiver, bare).code(), Code::kUnauthenticated) << field;
  }
}

TEST_F(SnsTest, OnlyListedTopicsAreHeardAndNothingIsFetchedForOthers) {
  receiver.topic_arns = {"arn:aws:sns:us-west-2:123456789012:Other"};
  EXPECT_EQ(desk.Open(receiver, Notification()).code(), Code::kPermissionDenied);
  EXPECT_THAT(asked, IsEmpty());
}

TEST_F(SnsTest, ACertificateFromElsewhereIsNeverFetched) {
  for (const char* url :
       {"https://sns.us-west-2.amazonaws.com.evil.example/SimpleNotificationService-0a.pem",
        "http://sns.us-west-2.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns.us-west-2.amazonaws.com@evil.example/SimpleNotificationService-0a.pem",
        "https://evil.example/SimpleNotificationService-0a.pem",
        "https://sns.us-west-2.amazonaws.com:8443/SimpleNotificationService-0a.pem",
        "https://sns.us-west-2.amazonaws.com/?redirect=https://evil.example/x.pem",
        "https://s3.us-west-2.amazonaws.com/SimpleNotificationService-0a.pem",
        "https://sns.evil.bucket.amazonaws.com/SimpleNotificationService-0a.pem"}) {
    json elsewhere = Notification();
    elsewhere["SigningCertURL"] = url;
    EXPECT_EQ(desk.Open(receiver, elsewhere).code(), Code::kPermissionDenied) << url;
  }
  EXPECT_THAT(asked, IsEmpty());
}

TEST_F(SnsTest, AnOldMessageIsACopy) {
  clock.Advance(std::chrono::hours(2));
  EXPECT_EQ(desk.Open(receiver, Notification()).code(), Code::kPermissionDenied);
}

TEST_F(SnsTest, ASubscriptionOfAListedTopicIsConfirmed) {
  const auto batch = desk.Open(receiver, Subscription());
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_THAT(batch->alerts, IsEmpty());
  EXPECT_THAT(asked, ElementsAre(kCertificateUrl, HasSubstr("Action=ConfirmSubscription")));
}

TEST_F(SnsTest, WhatCannotBeCheckedNowIsTriedAgainAndNotTooOften) {
  problem = UnavailableError("no route");
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(desk.Open(receiver, Notification()).code(), Code::kUnavailable);
  }
  EXPECT_LE(asked.size(), 10u);
}

TEST_F(SnsTest, WhatIsNoEnvelopeIsNamedByItsPath) {
  EXPECT_THAT(desk.Open(receiver, json::array()).status().message(), HasSubstr("object"));
  json bare = Notification();
  bare.erase("Message");
  EXPECT_THAT(desk.Open(receiver, bare).status().message(), HasSubstr(".Message"));
  bare = Notification();
  bare["Type"] = "Other";
  EXPECT_THAT(desk.Open(receiver, bare).status().message(), HasSubstr(".Type"));
}

}  // namespace
}  // namespace salve::edge
