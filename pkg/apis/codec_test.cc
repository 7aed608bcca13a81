// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/codec.h"

#include <random>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/apis/kinds.h"
#include "pkg/apis/salve/v1alpha1/tables.h"

namespace salve::apis {
namespace {

using salve::v1alpha1::HealingGuardrail;
using salve::v1alpha1::HealingPolicy;
using salve::v1alpha1::Incident;
using salve::v1alpha1::IncidentApproval;
using ::testing::HasSubstr;

Json PolicyJson() {
  return Json::parse(R"({
    "apiVersion": "salve.dev/v1alpha1", "kind": "HealingPolicy", "metadata": {"name": "redis"},
    "spec": {"target": {"docker": {"container": "redis-test"}},
             "probes": [{"name": "memory", "redis": {"address": "a:1"}}],
             "ladder": [{"name": "restart", "action": {"restart": {}}}]}})");
}

// JSON that fills every field of a table: lists and maps have `size` elements, text is made from
// the seed.
class Filler {
 public:
  Filler(unsigned seed, std::size_t size) : random_(seed), size_(size) {}

  Json Fill(const Struct& table) {
    Json object = Json::object();
    if (table.info != nullptr) {
      object = {{"apiVersion", table.info->ApiVersion()}, {"kind", table.info->kind}};
    }
    for (const Field& field : table.fields) object[field.name] = Fill(*field.type);
    return object;
  }

 private:
  Json Fill(const Type& type) {
    switch (type.kind) {
      case Type::Kind::kString:
        return "text-" + std::to_string(random_());
      case Type::Kind::kInteger:
        return static_cast<std::int64_t>(random_()) + 1;
      case Type::Kind::kNumber:
        return 0.25 + static_cast<double>(random_());
      case Type::Kind::kBoolean:
        return true;
      case Type::Kind::kObject:
        return Fill(type.object());
      case Type::Kind::kOptional:
        return Fill(*type.element);
      case Type::Kind::kList: {
        Json list = Json::array();
        for (std::size_t i = 0; i < size_; ++i) list.push_back(Fill(*type.element));
        return list;
      }
      case Type::Kind::kMap:
        break;
    }
    Json map = Json::object();
    for (std::size_t i = 0; i < size_; ++i)
      map["k" + std::to_string(random_())] = Fill(*type.element);
    return map;
  }

  std::mt19937 random_;
  const std::size_t size_;
};

template <class Kind>
void ExpectRoundTrip() {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    const Json full = Filler(seed, 1 + seed % 3).Fill(SchemaOf<Kind>());
    const auto object = DecodeStrict<Kind>(full);
    ASSERT_TRUE(object.ok()) << object.status();
    ASSERT_EQ(Encode(*object), full) << "seed " << seed;
  }
}

TEST(Codec, ObjectsWithEveryFieldFilledComeBackUnchanged) {
  ExpectRoundTrip<HealingPolicy>();
  ExpectRoundTrip<Incident>();
  ExpectRoundTrip<IncidentApproval>();
  ExpectRoundTrip<HealingGuardrail>();
}

TEST(Codec, NoTableHasAFieldTwiceOrWithoutADescription) {
  for (const Kind& kind : SalveKinds()) {
    std::vector<const Struct*> open = {kind.table};
    std::set<const Struct*> seen;
    while (!open.empty()) {
      const Struct* table = open.back();
      open.pop_back();
      if (!seen.insert(table).second) continue;
      std::set<std::string> names;
      for (const Field& field : table->fields) {
        EXPECT_TRUE(names.insert(field.name).second) << table->name << "." << field.name;
        EXPECT_FALSE(field.description.empty()) << table->name << "." << field.name;
        const Type* type = field.type;
        while (type->element != nullptr) type = type->element;
        if (type->kind == Type::Kind::kObject) open.push_back(&type->object());
      }
    }
  }
}

TEST(Codec, DecodeFillsInTheDefaults) {
  const auto policy = Decode<HealingPolicy>(PolicyJson());
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->spec.mode, "Observe") << "the safe choice";
  EXPECT_EQ(policy->spec.target.docker->backend, "docker");
  EXPECT_EQ(policy->spec.probes[0].timeout_seconds, 2) << "in the items of lists as well";
  EXPECT_EQ(policy->spec.ladder[0].on_verification_failed, "Next");
  EXPECT_EQ(policy->spec.guardrails.max_unhealthy, "40%");
  EXPECT_EQ(policy->spec.guardrails.max_actions.count, 3);
}

TEST(Codec, WhatIsEmptyIsLeftOutAndWhatMeansSomethingStays) {
  HealingPolicy policy;
  policy.metadata.name = "p";
  policy.spec.target.docker.emplace().container = "c";
  policy.spec.guardrails.cooldown_seconds = 0;
  const Json json = Encode(policy);
  EXPECT_FALSE(json["metadata"].contains("labels"));
  EXPECT_FALSE(json["spec"].contains("ladder"));
  EXPECT_FALSE(json["spec"]["target"]["docker"].contains("labels"));
  EXPECT_EQ(json["spec"]["guardrails"]["cooldownSeconds"], 0) << "left out it would be 300";
  EXPECT_EQ(json["status"]["openIncidentCount"], 0) << "a column shows it";
  const auto back = Decode<HealingPolicy>(json);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->spec.guardrails.cooldown_seconds, 0);
}

TEST(Codec, UnknownFieldsAreSkippedUnlessAskedToBeStrict) {
  Json json = PolicyJson();
  json["spec"]["colour"] = "red";
  json["spec"]["probes"][0]["redis"]["db"] = 3;
  EXPECT_TRUE(Decode<HealingPolicy>(json).ok());
  const auto strict = DecodeStrict<HealingPolicy>(json);
  ASSERT_FALSE(strict.ok());
  EXPECT_THAT(strict.status().message(), HasSubstr("spec.colour"));
  EXPECT_THAT(strict.status().message(), HasSubstr("spec.probes[0].redis.db"));
}

TEST(Codec, WrongTypesAreNamedWithTheirPathsAllAtOnce) {
  Json json = PolicyJson();
  json["spec"]["mode"] = 3;
  json["spec"]["probes"][0]["periodSeconds"] = "10";
  json["spec"]["ladder"] = Json::object();
  json["spec"]["target"]["docker"] = Json::array();
  json["metadata"]["labels"] = {{"a", 1}};
  const auto policy = Decode<HealingPolicy>(json);
  ASSERT_FALSE(policy.ok());
  EXPECT_EQ(policy.code(), Code::kInvalidArgument);
  for (const char* path :
       {"spec.mode in body must be of type string",
        "spec.probes[0].periodSeconds in body must be of type integer",
        "spec.ladder in body must be of type array",
        "spec.target.docker in body must be of type object", "metadata.labels.a"}) {
    EXPECT_THAT(policy.status().message(), HasSubstr(path));
  }
}

TEST(Codec, WholeNumbersMayBeWrittenAsFloatsButNothingIsCutOff) {
  Json json = PolicyJson();
  json["spec"]["probes"][0]["periodSeconds"] = 30.0;
  const auto policy = Decode<HealingPolicy>(json);
  ASSERT_TRUE(policy.ok());
  EXPECT_EQ(policy->spec.probes[0].period_seconds, 30);
  for (const Json& number : {Json(1.5), Json(1e300), Json(18446744073709551615u)}) {
    json["spec"]["probes"][0]["periodSeconds"] = number;
    EXPECT_FALSE(Decode<HealingPolicy>(json).ok()) << number;
  }
}

TEST(Codec, AnotherKindOrVersionIsRefusedAndNoneIsAccepted) {
  Json json = PolicyJson();
  json["kind"] = "Incident";
  EXPECT_THAT(Decode<HealingPolicy>(json).status().message(), HasSubstr("kind"));
  json["kind"] = "HealingPolicy";
  json["apiVersion"] = "salve.dev/v2";
  EXPECT_THAT(Decode<HealingPolicy>(json).status().message(), HasSubstr("apiVersion"));
  json.erase("kind");
  json.erase("apiVersion");
  EXPECT_TRUE(Decode<HealingPolicy>(json).ok()) << "items of lists have neither";
  EXPECT_FALSE(Decode<HealingPolicy>(Json(nullptr)).ok());
  EXPECT_FALSE(Decode<HealingPolicy>(Json::array()).ok());
}

// Was: encoding a policy whose maxUnhealthy is a number threw.
TEST(Codec, AnIntOrStringKeepsItsForm) {
  for (const Json& value : {Json(5), Json(0), Json("40%")}) {
    Json json = PolicyJson();
    json["spec"]["guardrails"]["maxUnhealthy"] = value;
    const auto policy = Decode<HealingPolicy>(json);
    ASSERT_TRUE(policy.ok()) << policy.status();
    EXPECT_EQ(Encode(*policy)["spec"]["guardrails"]["maxUnhealthy"], value);
    EXPECT_TRUE(CheckSchema(*policy).empty()) << value;
  }
}

TEST(Codec, WordsOfANewerVersionSurviveADecodeAndEncode) {
  Json json = PolicyJson();
  json["spec"]["mode"] = "Telepathic";
  const auto policy = Decode<HealingPolicy>(json);
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(Encode(*policy)["spec"]["mode"], "Telepathic");
  EXPECT_FALSE(CheckSchema(*policy).empty());
}

TEST(FieldErrors, AreWordedAsKubernetesWordsThem) {
  EXPECT_EQ(RequiredField("spec.a").ToString(), "spec.a: Required value");
  EXPECT_EQ(InvalidField("spec.a", Quoted("x"), "must be y").ToString(),
            "spec.a: Invalid value: \"x\": must be y");
  EXPECT_EQ(UnsupportedField("a", Quoted("x"), {"y", "z"}).message,
            "Unsupported value: \"x\": supported values: \"y\", \"z\"");
  EXPECT_THAT(Quoted(std::string(5000, 'x')).size(), ::testing::Lt(250u));
  EXPECT_EQ(Quoted("a\n\x1b[31m\xff").find('\x1b'), std::string::npos) << "no terminal sequences";
  const FieldErrors many(50, RequiredField("a"));
  EXPECT_THAT(ToStatus(many).message(), HasSubstr("and 30 more"));
}

}  // namespace
}  // namespace salve::apis
