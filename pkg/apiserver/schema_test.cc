// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/schema.h"

#include <string>

#include <gtest/gtest.h>

namespace salve::apiserver {
namespace {

constexpr char kPolicySchema[] = R"json({"type":"object","properties":{
"spec":{"type":"object","required":["target"],"properties":{
 "mode":{"type":"string","enum":["Observe","Auto"],"default":"Observe"},
 "maxSteps":{"type":"integer","minimum":1,"maximum":10,"format":"int32"},
 "target":{"type":"string","pattern":"^[a-z0-9-]+$","minLength":1,"maxLength":8},
 "until":{"type":"string","format":"date-time"},
 "ratio":{"type":"number","exclusiveMinimum":true,"minimum":0},
 "port":{"x-kubernetes-int-or-string":true},
 "note":{"type":"string","nullable":true},
 "steps":{"type":"array","maxItems":3,"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],
  "items":{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"seconds":{"type":"integer","default":30}}}},
 "tags":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}},
 "labels":{"type":"object","maxProperties":2,"additionalProperties":{"type":"string"}},
 "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true,"properties":{"known":{"type":"object","properties":{"a":{"type":"integer"}}}}},
 "limits":{"type":"object","default":{},"properties":{"cpu":{"type":"integer","default":2}}}},
 "x-kubernetes-validations":[
  {"rule":"self.mode != 'Auto' || !has(self.maxSteps) || self.maxSteps <= 5","message":"Auto allows at most 5 steps","fieldPath":".maxSteps"},
  {"rule":"self.target == oldSelf.target","message":"target is immutable"}]},
"status":{"type":"object","properties":{"phase":{"type":"string"}}}}})json";

std::shared_ptr<const CompiledSchema> Compiled(const std::string& text) {
  auto schema = CompiledSchema::Compile(Json::parse(text));
  EXPECT_TRUE(schema.ok()) << schema.status();
  return schema.ok() ? *schema : nullptr;
}

const CompiledSchema& Policy() {
  static const auto schema = Compiled(kPolicySchema);
  return *schema;
}

Json WithSpec(const std::string& spec) {
  return {{"apiVersion", "salve.dev/v1alpha1"},
          {"kind", "HealingPolicy"},
          {"metadata", {{"name", "p"}}},
          {"spec", Json::parse(spec)}};
}

// "field|reason|message" of each cause.
std::vector<std::string> Lines(const std::vector<Cause>& causes) {
  std::vector<std::string> out;
  for (const Cause& cause : causes) {
    out.push_back(cause.field + "|" + cause.reason + "|" + cause.message);
  }
  return out;
}

using Strings = std::vector<std::string>;

TEST(SchemaValidate, SaysWhatIsWrongInTheWordsOfTheRealServer) {
  struct Case {
    const char* spec;
    Strings want;
  };
  const Case cases[] = {
      {R"({"target":"a"})", {}},
      {R"({})", {"spec.target|FieldValueRequired|Required value"}},
      {R"({"target":"a","maxSteps":99})",
       {"spec.maxSteps|FieldValueInvalid|Invalid value: 99: spec.maxSteps in body should be less "
        "than "
        "or equal to 10"}},
      {R"({"target":"a","maxSteps":0})",
       {"spec.maxSteps|FieldValueInvalid|Invalid value: 0: spec.maxSteps in body should be greater "
        "than or equal to 1"}},
      {R"({"target":"a","mode":"Wild"})",
       {"spec.mode|FieldValueNotSupported|Unsupported value: \"Wild\": supported values: "
        "\"Observe\", "
        "\"Auto\""}},
      {R"({"target":"a","maxSteps":"3"})",
       {"spec.maxSteps|FieldValueTypeInvalid|Invalid value: \"string\": spec.maxSteps in body must "
        "be "
        "of type integer: \"string\""}},
      {R"({"target":"a","maxSteps":1.5})",
       {"spec.maxSteps|FieldValueTypeInvalid|Invalid value: \"float64\": spec.maxSteps in body "
        "must be "
        "of type int32: \"float64\"",
        "<nil>|FieldValueInvalid|Invalid value: \"\": Checked value must be of type integer with "
        "format int32 in spec.maxSteps"}},
      {R"({"target":"a","maxSteps":2.0})", {}},
      {R"({"target":"Bad!"})",
       {"spec.target|FieldValueInvalid|Invalid value: \"Bad!\": spec.target in body should match "
        "'^[a-z0-9-]+$'"}},
      {R"({"target":"abcdefghi"})",
       {"spec.target|FieldValueTooLong|Too long: may not be more than 8 bytes"}},
      {R"({"target":"a","steps":[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"d"}]})",
       {"spec.steps|FieldValueTooMany|Too many: 4: must have at most 3 items"}},
      {R"({"target":"a","steps":[{"name":"a"},{"name":"a"},{"name":"a"}]})",
       {"spec.steps[1]|FieldValueDuplicate|Duplicate value: {\"name\":\"a\"}"}},
      {R"({"target":"a","steps":[{}]})", {"spec.steps[0].name|FieldValueRequired|Required value"}},
      {R"({"target":"a","tags":["x","y","x"]})",
       {"spec.tags[2]|FieldValueDuplicate|Duplicate value: \"x\""}},
      {R"({"target":"a","labels":{"a":"1","b":"2","c":"3"}})",
       {"spec.labels|FieldValueTooMany|Too many: 3: must have at most 2 items"}},
      {R"({"target":"a","labels":{"a":1}})",
       {"spec.labels.a|FieldValueTypeInvalid|Invalid value: \"integer\": spec.labels.a in body "
        "must be "
        "of type string: \"integer\""}},
      {R"({"target":"a","until":"tomorrow"})",
       {"spec.until|FieldValueTypeInvalid|Invalid value: \"tomorrow\": spec.until in body must be "
        "of "
        "type date-time: \"tomorrow\""}},
      {R"({"target":"a","until":"2026-12-01T12:00:00Z"})", {}},
      {R"({"target":"a","ratio":0})",
       {"spec.ratio|FieldValueInvalid|Invalid value: 0: spec.ratio in body should be greater than "
        "0"}},
      {R"({"target":"a","ratio":1})", {}},
      {R"({"target":"a","port":"http"})", {}},
      {R"({"target":"a","port":80})", {}},
      {R"({"target":"a","port":true})",
       {"spec.port|FieldValueTypeInvalid|Invalid value: \"boolean\": spec.port in body must be of "
        "type "
        "integer,string: \"boolean\""}},
      {R"({"target":"a","note":null})", {}},
      {R"({"target":null})",
       {"spec.target|FieldValueTypeInvalid|Invalid value: \"null\": spec.target in body must be of "
        "type string: \"null\""}},
      {R"({"target":"a","steps":{}})",
       {"spec.steps|FieldValueTypeInvalid|Invalid value: \"object\": spec.steps in body must be of "
        "type array: \"object\""}},
      {R"([])",
       {"spec|FieldValueTypeInvalid|Invalid value: \"array\": spec in body must be of type object: "
        "\"array\""}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Lines(Policy().Validate(WithSpec(c.spec))), c.want) << c.spec;
  }
}

TEST(SchemaValidate, ChecksTheRangeOfIntegerFormats) {
  const auto lines = Lines(Policy().Validate(WithSpec(R"({"target":"a","maxSteps":4294967296})")));
  EXPECT_EQ(lines.at(0),
            "<nil>|FieldValueInvalid|Invalid value: \"\": Checked value must be of type "
            "integer with format int32 in spec.maxSteps");
}

TEST(SchemaValidate, ChecksTheTypesOfMetadata) {
  Json object = WithSpec(R"({"target":"a"})");
  object["metadata"]["labels"] = {{"a", 1}};
  EXPECT_EQ(Policy().Validate(object).at(0).field, "metadata.labels.a");
}

TEST(SchemaValidate, UnderstandsAlternatives) {
  const auto schema = Compiled(R"json({"type":"object","properties":{
    "one":{"type":"object","oneOf":[{"required":["a"]},{"required":["b"]}],"properties":{"a":{"type":"string"},"b":{"type":"string"}}},
    "any":{"type":"integer","anyOf":[{"minimum":10},{"maximum":1}]},
    "all":{"type":"integer","allOf":[{"minimum":2}]},
    "not":{"type":"string","not":{"enum":["x"]}}}})json");
  const auto check = [&](const char* text) { return Lines(schema->Validate(Json::parse(text))); };
  EXPECT_EQ(check(R"({"one":{"a":"1"},"any":11,"all":2,"not":"y"})"), Strings());
  EXPECT_EQ(
      check(R"({"one":{"a":"1","b":"2"}})"),
      Strings({"<nil>|FieldValueInvalid|Invalid value: \"\": \"one\" must validate one and only "
               "one schema (oneOf). Found 2 valid alternatives"}));
  EXPECT_EQ(
      check(R"({"one":{}})"),
      Strings({"<nil>|FieldValueInvalid|Invalid value: \"\": \"one\" must validate one and only "
               "one schema (oneOf). Found none valid",
               "one.a|FieldValueRequired|Required value"}));
  EXPECT_EQ(
      check(R"({"any":5})").at(0),
      "<nil>|FieldValueInvalid|Invalid value: \"\": \"any\" must validate at least one schema "
      "(anyOf)");
  EXPECT_EQ(check(R"({"all":1})").size(), 1U);
  EXPECT_EQ(
      check(R"({"not":"x"})").at(0),
      "<nil>|FieldValueInvalid|Invalid value: \"\": \"not\" must not validate the schema (not)");
}

TEST(SchemaRules, RefuseWithMessageAndFieldPath) {
  EXPECT_EQ(
      Lines(
          Policy().ValidateAll(WithSpec(R"({"target":"a","mode":"Auto","maxSteps":6})"), nullptr)),
      Strings({"spec.maxSteps|FieldValueInvalid|Invalid value: Auto allows at most 5 steps"}));
  EXPECT_TRUE(Policy()
                  .ValidateAll(WithSpec(R"({"target":"a","mode":"Auto","maxSteps":5})"), nullptr)
                  .empty());
}

TEST(SchemaRules, CompareWithTheOldObjectOnUpdateOnly) {
  const Json old = WithSpec(R"({"target":"a"})");
  EXPECT_TRUE(Policy().ValidateAll(WithSpec(R"({"target":"b"})"), nullptr).empty());
  EXPECT_TRUE(Policy().ValidateAll(WithSpec(R"({"target":"a"})"), &old).empty());
  EXPECT_EQ(Lines(Policy().ValidateAll(WithSpec(R"({"target":"b"})"), &old)),
            Strings({"spec|FieldValueInvalid|Invalid value: target is immutable"}));
}

// A schema that grew stricter must not make stored objects impossible to change.
TEST(SchemaValidate, LeavesAloneWhatWasStoredBeforeAndIsNotChanged) {
  const Json old = WithSpec(
      R"({"target":"BAD NAME","steps":[{"name":"a","seconds":"x"}],"labels":{"a":1,"b":"2"},"tags":["x","x"]})");
  Json same_elsewhere = old;
  same_elsewhere["spec"]["maxSteps"] = 3;
  same_elsewhere["spec"]["labels"]["b"] = "3";
  same_elsewhere["spec"]["steps"].push_back({{"name", "b"}});
  EXPECT_EQ(Lines(Policy().ValidateAll(same_elsewhere, &old)), Strings());
  Json changed = old;
  changed["spec"]["target"] = "STILL BAD";
  changed["spec"]["labels"]["a"] = 2;
  changed["spec"]["tags"].push_back("y");
  std::vector<std::string> fields;
  for (const Cause& cause : Policy().Validate(changed, &old)) fields.push_back(cause.field);
  EXPECT_EQ(fields, Strings({"spec.labels.a", "spec.tags[1]", "spec.target"}));
}

TEST(SchemaRules, AreNotHeldAgainstValuesThatDidNotChange) {
  const auto schema = Compiled(R"json({"type":"object","properties":{"a":{"type":"integer",
    "x-kubernetes-validations":[{"rule":"self < 5"}]},"b":{"type":"integer"}}})json");
  const Json old = {{"a", 9}, {"b", 1}};
  EXPECT_TRUE(schema->ValidateAll({{"a", 9}, {"b", 2}}, &old).empty());
  EXPECT_EQ(schema->ValidateAll({{"a", 8}, {"b", 2}}, &old).size(), 1U);
  EXPECT_EQ(schema->ValidateAll({{"a", 9}}, nullptr).size(), 1U);
}

TEST(SchemaRules, AreNotRunOnABrokenObjectAndSaySo) {
  const auto lines =
      Lines(Policy().ValidateAll(WithSpec(R"({"target":"a","maxSteps":"many"})"), nullptr));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[1],
            "<nil>|FieldValueInvalid|Invalid value: null: some validation rules were not checked "
            "because the object was invalid; correct the existing errors to complete validation");
}

TEST(SchemaRules, AreRunWhereOnlyARangeIsLeft) {
  const auto lines =
      Lines(Policy().ValidateAll(WithSpec(R"({"target":"a","maxSteps":99})"), nullptr));
  for (const std::string& line : lines) {
    EXPECT_EQ(line.find("were not checked"), std::string::npos) << line;
  }
}

TEST(SchemaValidation, AStatusIsShownByItsPathInItself) {
  const auto schema = Compiled(R"json({"type":"object","properties":{
    "spec":{"type":"object"},
    "status":{"type":"object","properties":{"n":{"type":"integer","format":"int64"}}}}})json");
  EXPECT_EQ(
      Lines(schema->ValidateStatus(Json::parse(R"({"spec":1,"status":{"n":"x"}})"), nullptr)),
      Strings{"status.n|FieldValueTypeInvalid|Invalid value: \"string\": n in body must be of "
              "type integer: \"string\""});
  EXPECT_EQ(Lines(schema->ValidateStatus(Json::parse(R"({"status":{"n":true}})"), nullptr)),
            Strings{"status.n|FieldValueTypeInvalid|Invalid value: \"\": n in body must be of type "
                    "int64: \"\""});
}

TEST(SchemaRules, RunAtEveryLevelWithCorrelatedOldValues) {
  const auto schema = Compiled(R"json({"type":"object","properties":{
    "steps":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],"items":{"type":"object","properties":{
      "name":{"type":"string"},"n":{"type":"integer","x-kubernetes-validations":[{"rule":"self >= oldSelf","messageExpression":"'was ' + string(oldSelf)"}]}}}},
    "list":{"type":"array","items":{"type":"integer","x-kubernetes-validations":[{"rule":"self >= oldSelf"}]}},
    "map":{"type":"object","additionalProperties":{"type":"string","x-kubernetes-validations":[{"rule":"self != 'bad'","reason":"FieldValueForbidden","message":"not this"}]}}}})json");
  const Json old = Json::parse(R"({"steps":[{"name":"a","n":5},{"name":"b","n":1}],"list":[5]})");
  const auto check = [&](const char* text) {
    return Lines(schema->ValidateRules(Json::parse(text), &old));
  };
  EXPECT_EQ(check(R"({"steps":[{"name":"b","n":1},{"name":"a","n":6}]})"), Strings());
  EXPECT_EQ(check(R"({"steps":[{"name":"b","n":0}]})"),
            Strings({"steps[0].n|FieldValueInvalid|Invalid value: 0: was 1"}));
  EXPECT_EQ(check(R"({"steps":[{"name":"new","n":0}]})"), Strings()) << "a new item has no past";
  EXPECT_EQ(check(R"({"list":[1]})"), Strings()) << "items of an atomic list have no past";
  EXPECT_EQ(check(R"({"map":{"k":"bad"}})"),
            Strings({"map[k]|FieldValueForbidden|Forbidden: not this"}));
}

TEST(SchemaRules, ReportErrorsOfEvaluation) {
  const auto schema = Compiled(R"json({"type":"object","properties":{"s":{"type":"object",
    "x-kubernetes-preserve-unknown-fields":true,"x-kubernetes-validations":[{"rule":"self.a == 1","message":"a is one"}]}}})json");
  EXPECT_EQ(
      Lines(schema->ValidateRules(Json::parse(R"({"s":{}})"), nullptr)),
      Strings({"s|FieldValueInvalid|Invalid value: \"object\": no such key: a evaluating rule: a "
               "is one"}));
}

TEST(SchemaRules, SeeTimesAndNumbersByTheirSchema) {
  const auto schema = Compiled(R"json({"type":"object","properties":{
    "from":{"type":"string","format":"date-time"},"to":{"type":"string","format":"date-time"},
    "wait":{"type":"string","format":"duration"},"f":{"type":"number"},
    "set":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}}},
    "x-kubernetes-validations":[{"rule":"self.to - self.from == self.wait"},{"rule":"self.f / 2.0 == 1.5"},
      {"rule":"self.set == ['b', 'a']"}]})json");
  const Json object = Json::parse(R"({"from":"2026-01-01T00:00:00Z","to":"2026-01-01T01:30:00Z",
    "wait":"1h30m","f":3,"set":["a","b"]})");
  EXPECT_EQ(Lines(schema->ValidateAll(object, nullptr)), Strings());
}

TEST(SchemaDefault, FillsWhatIsAbsent) {
  Json object = WithSpec(R"({"target":"a","steps":[{"name":"x"},{"name":"y","seconds":5}]})");
  Policy().Default(object);
  EXPECT_EQ(object["spec"]["mode"], "Observe");
  EXPECT_EQ(object["spec"]["steps"][0]["seconds"], 30);
  EXPECT_EQ(object["spec"]["steps"][1]["seconds"], 5);
  EXPECT_EQ(object["spec"]["limits"]["cpu"], 2) << "defaults apply inside a default";
}

TEST(SchemaDefault, TreatsNullAsAbsentUnlessNullable) {
  Json object = WithSpec(R"({"target":null,"mode":null,"note":null})");
  Policy().Default(object);
  EXPECT_FALSE(object["spec"].contains("target"));
  EXPECT_EQ(object["spec"]["mode"], "Observe");
  EXPECT_TRUE(object["spec"]["note"].is_null());
}

TEST(SchemaDefault, DropsTheNullTimestampThatClientsSend) {
  Json object = WithSpec(R"({"target":"a"})");
  object["metadata"]["creationTimestamp"] = nullptr;
  Policy().Default(object);
  EXPECT_FALSE(object["metadata"].contains("creationTimestamp"));
}

TEST(SchemaPrune, RemovesAndNamesUnknownFields) {
  Json object = WithSpec(
      R"({"target":"a","colour":"x","steps":[{"name":"a","x":{"y":1}}],"labels":{"any":"v"},
          "free":{"anything":{"at":"all"},"known":{"a":1,"b":2}},"limits":{"mem":1}})");
  object["top"] = 1;
  object["metadata"]["colour"] = 1;
  EXPECT_EQ(Policy().Prune(object), Strings({"metadata.colour", "spec.colour", "spec.free.known.b",
                                             "spec.limits.mem", "spec.steps[0].x", "top"}));
  EXPECT_EQ(object["spec"],
            Json::parse(R"({"target":"a","steps":[{"name":"a"}],"labels":{"any":"v"},
          "free":{"anything":{"at":"all"},"known":{"a":1}},"limits":{}})"));
  EXPECT_TRUE(Policy().Prune(object).empty());
}

TEST(SchemaPrune, BoundsWhatItReports) {
  Json object = WithSpec(R"({"target":"a"})");
  for (int i = 0; i < 500; ++i) object["spec"]["x" + std::to_string(i)] = 1;
  EXPECT_EQ(Policy().Prune(object).size(), 100U);
  EXPECT_EQ(object["spec"].size(), 1U);
}

TEST(SchemaCompile, RefusesWithThePath) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"type":"string"})", "the root must be of type object"},
      {R"({"type":"object","properties":{"a":{"type":"text"}}})",
       "openAPIV3Schema.properties.a: unknown type \"text\""},
      {R"({"type":"object","properties":{"a":{"type":"string","pattern":"["}}})",
       "openAPIV3Schema.properties.a.pattern"},
      {R"({"type":"object","x-kubernetes-validations":[{"rule":"self.a =="}]})",
       "openAPIV3Schema.x-kubernetes-validations[0].rule: CEL expression, offset 9"},
      {R"({"type":"object","properties":{"a":{"type":"array","x-kubernetes-list-type":"map","items":{"type":"object"}}}})",
       "x-kubernetes-list-map-keys"},
      {R"({"type":"object","properties":{"a":{"type":"integer","minimum":"1"}}})",
       "properties.a.minimum"},
  };
  for (const auto& [text, message] : cases) {
    auto schema = CompiledSchema::Compile(Json::parse(text));
    ASSERT_FALSE(schema.ok()) << text;
    EXPECT_NE(schema.status().message().find(message), std::string::npos) << schema.status();
  }
}

TEST(ParseJson, NamesDuplicateFieldsAndKeepsTheLast) {
  auto parsed = ParseJsonStrict(
      R"({"spec":{"mode":"a","mode":"b","l":[{"x":1,"x":2,"x":3}]},"spec2":1,"spec2":2})");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->duplicate_fields, Strings({"spec.l[0].x", "spec.mode", "spec2"}));
  EXPECT_EQ(parsed->value["spec"]["mode"], "b");
  EXPECT_EQ(parsed->value["spec"]["l"][0]["x"], 3);
}

TEST(ParseJson, ReadsEveryKindOfValue) {
  auto parsed =
      ParseJsonStrict(R"( {"a":[1,-2,18446744073709551615,1.5,true,false,null,"é\n"],"b":{}} )");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->value,
            Json::parse(R"({"a":[1,-2,18446744073709551615,1.5,true,false,null,"é\n"],"b":{}})"));
  EXPECT_TRUE(parsed->duplicate_fields.empty());
  EXPECT_EQ(ParseJsonStrict("7")->value, 7);
}

TEST(ParseJson, RefusesWhatIsNotBoundedJson) {
  JsonLimits limits;
  limits.max_bytes = 5000;
  limits.max_depth = 8;
  limits.max_values = 100;
  std::string many = "[1";
  for (int i = 0; i < 200; ++i) many += ",1";
  const std::pair<std::string, const char*> cases[] = {
      {"", "byte 1"},
      {"{", "byte 2"},
      {"{\"a\":1,}", "byte 8"},
      {"{} {}", "byte 4"},
      {"{\"a\":\"\xff\"}", "UTF-8"},
      {std::string("{\"a\":\"\0\"}", 9), "byte 7"},
      {"nul", "byte 4"},
      {"[1e999]", "byte 6: number overflow"},
      {std::string(20, '['), "nested deeper than 8 levels"},
      {many + "]", "more than 100 values"},
      {std::string(5001, ' '), "the limit is 5000"},
  };
  for (const auto& [text, message] : cases) {
    auto parsed = ParseJsonStrict(text, limits);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.code(), Code::kInvalidArgument);
    EXPECT_NE(parsed.status().message().find(message), std::string::npos)
        << text << " → " << parsed.status();
  }
}

}  // namespace
}  // namespace salve::apiserver
