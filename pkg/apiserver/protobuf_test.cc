// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/protobuf.h"

#include <cstdint>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace salve::apiserver {
namespace {

std::string FromHex(const std::string& hex) {
  std::string out;
  std::string digits;
  for (char c : hex) {
    if (c == ' ') continue;
    digits += c;
    if (digits.size() == 2) {
      out += static_cast<char>(std::stoi(digits, nullptr, 16));
      digits.clear();
    }
  }
  return out;
}

std::string Varint(std::uint64_t value) {
  std::string out;
  while (value >= 0x80) {
    out += static_cast<char>((value & 0x7FU) | 0x80U);
    value >>= 7U;
  }
  return out + static_cast<char>(value);
}

std::string Delimited(unsigned number, const std::string& bytes) {
  return Varint(number << 3U | 2U) + Varint(bytes.size()) + bytes;
}

std::string Number(unsigned number, std::uint64_t value) {
  return Varint(number << 3U) + Varint(value);
}

std::string Envelope(const std::string& api_version, const std::string& kind,
                     const std::string& raw) {
  return std::string("k8s\0", 4) + Delimited(1, Delimited(1, api_version) + Delimited(2, kind)) +
         Delimited(2, raw) + Delimited(3, "") + Delimited(4, "");
}

// The bytes of `kubectl create cm hexcm --from-literal=a=b`.
const char kRecordedConfigMap[] =
    "6b387300 0a0f 0a027631 1209436f6e6669674d6170 121f 0a15 0a056865 78636d 1200 1a00 2200 2a00 "
    "3200 3800 4200 1206 0a0161 120162 1a00 2200";

TEST(Protobuf, ReadsTheConfigMapThatKubectlSends) {
  auto object = DecodeProtobuf(FromHex(kRecordedConfigMap));
  ASSERT_TRUE(object.ok()) << object.error().message();
  EXPECT_EQ(*object, Json({{"apiVersion", "v1"},
                           {"kind", "ConfigMap"},
                           {"metadata", {{"name", "hexcm"}}},
                           {"data", {{"a", "b"}}}}));
}

TEST(Protobuf, KeepsSecretValuesAsBase64) {
  const std::string entry = Delimited(1, "k") + Delimited(2, std::string("\x00\xff\x10", 3));
  auto object = DecodeProtobuf(Envelope("v1", "Secret",
                                        Delimited(1, Delimited(1, "s")) + Delimited(2, entry) +
                                            Delimited(2, Delimited(1, "empty") + Delimited(2, "")) +
                                            Delimited(3, "Opaque") + Number(5, 1)));
  ASSERT_TRUE(object.ok()) << object.error().message();
  EXPECT_EQ((*object)["data"], Json({{"k", "AP8Q"}, {"empty", ""}}));
  EXPECT_EQ((*object)["type"], "Opaque");
  EXPECT_EQ((*object)["immutable"], true);
}

TEST(Protobuf, PadsBase64) {
  const std::pair<const char*, const char*> cases[] = {
      {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : cases) {
    auto object = DecodeProtobuf(
        Envelope("v1", "Secret", Delimited(2, Delimited(1, "k") + Delimited(2, plain))));
    ASSERT_TRUE(object.ok());
    EXPECT_EQ((*object)["data"]["k"], encoded) << plain;
  }
}

TEST(Protobuf, ReadsAccessReviewsWithEveryAttribute) {
  const std::string attributes =
      Delimited(1, "default") + Delimited(2, "get") + Delimited(3, "salve.dev") +
      Delimited(4, "*") + Delimited(5, "incidents") + Delimited(6, "status") + Delimited(7, "i1");
  auto object = DecodeProtobuf(Envelope("authorization.k8s.io/v1", "SelfSubjectAccessReview",
                                        Delimited(1, Delimited(1, "")) +
                                            Delimited(2, Delimited(1, attributes)) +
                                            Delimited(3, Number(1, 0))));
  ASSERT_TRUE(object.ok()) << object.error().message();
  EXPECT_EQ((*object)["spec"]["resourceAttributes"], Json({{"namespace", "default"},
                                                           {"verb", "get"},
                                                           {"group", "salve.dev"},
                                                           {"version", "*"},
                                                           {"resource", "incidents"},
                                                           {"subresource", "status"},
                                                           {"name", "i1"}}));
}

TEST(Protobuf, ReadsDeleteOptions) {
  auto object = DecodeProtobuf(Envelope("v1", "DeleteOptions",
                                        Number(1, 0) + Delimited(2, Delimited(1, "u1")) +
                                            Delimited(4, "Background") + Delimited(5, "All")));
  ASSERT_TRUE(object.ok()) << object.error().message();
  EXPECT_EQ((*object)["gracePeriodSeconds"], 0);
  EXPECT_EQ((*object)["preconditions"]["uid"], "u1");
  EXPECT_EQ((*object)["propagationPolicy"], "Background");
  EXPECT_EQ((*object)["dryRun"], Json::array({"All"}));
}

TEST(Protobuf, ReadsTimestampsAndMetadataMaps) {
  const std::string meta = Delimited(1, "n") + Delimited(8, Number(1, 1767323045)) +
                           Delimited(11, Delimited(1, "app") + Delimited(2, "x")) +
                           Delimited(14, "f1") + Delimited(14, "f2");
  auto object = DecodeProtobuf(Envelope("v1", "Namespace", Delimited(1, meta)));
  ASSERT_TRUE(object.ok()) << object.error().message();
  EXPECT_EQ((*object)["metadata"]["creationTimestamp"], "2026-01-02T03:04:05Z");
  EXPECT_EQ((*object)["metadata"]["labels"]["app"], "x");
  EXPECT_EQ((*object)["metadata"]["finalizers"], Json::array({"f1", "f2"}));
}

TEST(Protobuf, SkipsUnknownFieldsOfEveryWireType) {
  const std::string raw = Number(900, 7) + Delimited(901, "x") + Varint(902 << 3U | 1U) +
                          std::string(8, 'a') + Varint(903 << 3U | 5U) + std::string(4, 'a') +
                          Delimited(2, Delimited(1, "k") + Delimited(2, "v") + Delimited(9, "z"));
  auto object = DecodeProtobuf(Envelope("v1", "ConfigMap", raw));
  ASSERT_TRUE(object.ok()) << object.error().message();
  EXPECT_EQ((*object)["data"]["k"], "v");
}

TEST(Protobuf, RefusesWhatIsMalformedWithBadRequest) {
  const std::pair<const char*, std::string> cases[] = {
      {"empty body", ""},
      {"no magic", "{\"kind\":\"ConfigMap\"}"},
      {"truncated envelope", FromHex(kRecordedConfigMap).substr(0, 20)},
      {"length beyond the end", Envelope("v1", "ConfigMap", std::string("\x12\x7f", 2))},
      {"a group", Envelope("v1", "ConfigMap", std::string("\x0b", 1))},
      {"field number 0", Envelope("v1", "ConfigMap", std::string("\x02\x00", 2))},
      {"a varint without end", Envelope("v1", "ConfigMap", std::string(12, '\xff'))},
      {"a number where text belongs", Envelope("v1", "ConfigMap", Number(2, 1))},
      {"text where a number belongs", Envelope("v1", "ConfigMap", Delimited(4, "true"))},
      {"a name that is not UTF-8",
       Envelope("v1", "Namespace", Delimited(1, Delimited(1, "\xff\xfe")))},
      {"a time beyond what can be told",
       Envelope("v1", "Namespace", Delimited(1, Delimited(8, Number(1, 1ULL << 62U))))},
  };
  for (const auto& [name, body] : cases) {
    auto object = DecodeProtobuf(body);
    ASSERT_FALSE(object.ok()) << name;
    EXPECT_EQ(object.error().code(), 400) << name;
  }
}

TEST(Protobuf, RefusesOtherKindsAsUnsupported) {
  auto object = DecodeProtobuf(Envelope("v1", "Pod", ""));
  ASSERT_FALSE(object.ok());
  EXPECT_EQ(object.error().code(), 415);
  EXPECT_EQ(object.error().reason(), "UnsupportedMediaType");
}

TEST(Protobuf, SurvivesEveryTruncationAndRandomDamage) {
  const std::string good = FromHex(kRecordedConfigMap);
  for (std::size_t length = 0; length < good.size(); ++length) {
    (void)DecodeProtobuf(good.substr(0, length)).ok();
  }
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string bad = good;
    for (int i = 0; i < 3; ++i) bad[random() % bad.size()] = static_cast<char>(random());
    auto object = DecodeProtobuf(bad);
    // Whatever was accepted can be written as JSON.
    if (object.ok()) {
      EXPECT_NO_THROW((void)object->dump());
    }
  }
}

}  // namespace
}  // namespace salve::apiserver
