// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/patch.h"

#include <random>

#include <gtest/gtest.h>

namespace salve::apiserver {
namespace {

Json Apply(PatchType type, const char* document, const char* patch) {
  auto result = ApplyPatch(type, Json::parse(document), Json::parse(patch));
  return result.ok() ? *result : result.error().body();
}

TEST(PatchType, IsReadFromTheContentType) {
  EXPECT_EQ(ParsePatchType("application/json-patch+json"), PatchType::kJson);
  EXPECT_EQ(ParsePatchType("application/merge-patch+json; charset=utf-8"), PatchType::kMerge);
  EXPECT_EQ(ParsePatchType("Application/Strategic-Merge-Patch+json"), PatchType::kStrategic);
  EXPECT_EQ(ParsePatchType("application/apply-patch+yaml"), PatchType::kApply);
  EXPECT_EQ(ParsePatchType("application/json"), std::nullopt);
  EXPECT_EQ(ParsePatchType(""), std::nullopt);
}

TEST(JsonPatch, AppliesEveryOperation) {
  struct Case {
    const char* name;
    const char* document;
    const char* patch;
    const char* want;
  };
  const Case cases[] = {
      {"adds a member", R"({"a":1})", R"([{"op":"add","path":"/b","value":2}])",
       R"({"a":1,"b":2})"},
      {"adds over a member", R"({"a":1})", R"([{"op":"add","path":"/a","value":2}])", R"({"a":2})"},
      {"inserts into a list", R"({"l":[1,3]})", R"([{"op":"add","path":"/l/1","value":2}])",
       R"({"l":[1,2,3]})"},
      {"appends at the end by index", R"({"l":[1]})", R"([{"op":"add","path":"/l/1","value":2}])",
       R"({"l":[1,2]})"},
      {"appends by -", R"({"l":[1]})", R"([{"op":"add","path":"/l/-","value":2}])",
       R"({"l":[1,2]})"},
      {"removes a member", R"({"a":1,"b":2})", R"([{"op":"remove","path":"/a"}])", R"({"b":2})"},
      {"removes an item", R"({"l":[1,2,3]})", R"([{"op":"remove","path":"/l/2"}])",
       R"({"l":[1,2]})"},
      {"replaces", R"({"a":{"b":1}})", R"([{"op":"replace","path":"/a/b","value":[]}])",
       R"({"a":{"b":[]}})"},
      {"replaces the whole", R"({"a":1})", R"([{"op":"replace","path":"","value":{"z":1}}])",
       R"({"z":1})"},
      {"moves", R"({"a":{"x":1},"b":{}})", R"([{"op":"move","from":"/a/x","path":"/b/y"}])",
       R"({"a":{},"b":{"y":1}})"},
      {"moves onto itself", R"({"a":1})", R"([{"op":"move","from":"/a","path":"/a"}])",
       R"({"a":1})"},
      {"copies", R"({"a":{"x":1}})", R"([{"op":"copy","from":"/a","path":"/b"}])",
       R"({"a":{"x":1},"b":{"x":1}})"},
      {"tests and goes on", R"({"a":[1]})",
       R"([{"op":"test","path":"/a","value":[1]},{"op":"remove","path":"/a"}])", "{}"},
      {"reads escapes", R"({"a/b":{"c~d":1}})",
       R"([{"op":"replace","path":"/a~1b/c~0d","value":2}])", R"({"a/b":{"c~d":2}})"},
      {"sees what came before", R"({})",
       R"([{"op":"add","path":"/a","value":{}},{"op":"add","path":"/a/b","value":1}])",
       R"({"a":{"b":1}})"},
      {"does nothing", R"({"a":1})", "[]", R"({"a":1})"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Apply(PatchType::kJson, c.document, c.patch), Json::parse(c.want)) << c.name;
  }
}

TEST(JsonPatch, RefusesWhatDoesNotFitAs422) {
  const char* const patches[] = {R"([{"op":"test","path":"/a","value":2}])",
                                 R"([{"op":"remove","path":"/nope"}])",
                                 R"([{"op":"replace","path":"/l/9","value":1}])",
                                 R"([{"op":"add","path":"/x/y","value":1}])",
                                 R"([{"op":"add","path":"/l/9","value":1}])",
                                 R"([{"op":"add","path":"/l/01","value":1}])",
                                 R"([{"op":"remove","path":"/l/-"}])",
                                 R"([{"op":"copy","from":"/l/9","path":"/b"}])",
                                 R"([{"op":"add","path":"/a"}])",
                                 R"([{"op":"grow","path":"/a"}])",
                                 R"([{"path":"/a","value":1}])",
                                 R"([{"op":"add","path":"a","value":1}])",
                                 R"([{"op":"add","path":"/~2","value":1}])",
                                 R"([{"op":"move","path":"/a"}])",
                                 R"([{"op":"move","from":"/o","path":"/o/p/q"}])",
                                 R"([{"op":"remove","path":""}])",
                                 R"([{"op":"add","path":"/a/b","value":1}])"};
  for (const char* patch : patches) {
    auto result =
        ApplyJsonPatch(Json::parse(R"({"a":1,"l":[1],"o":{"p":{}}})"), Json::parse(patch));
    ASSERT_FALSE(result.ok()) << patch;
    EXPECT_EQ(result.error().code(), 422) << patch;
    EXPECT_EQ(result.error().message(),
              "the server rejected our request due to an error in our request");
  }
}

TEST(JsonPatch, TakesWhatTheRealServersLibraryTakes) {
  const Json document = Json::parse(R"({"a":1})");
  EXPECT_EQ(*ApplyJsonPatch(document, Json::parse(R"([{"op":"replace","path":"/b","value":2}])")),
            Json::parse(R"({"a":1,"b":2})"));
  EXPECT_EQ(*ApplyJsonPatch(document, Json::parse(R"([{"op":"copy","from":"/no","path":"/b"}])")),
            Json::parse(R"({"a":1,"b":null})"));
  EXPECT_EQ(*ApplyJsonPatch(document, nullptr), document);
}

TEST(JsonPatch, RefusesMalformedPatchesAs400) {
  const char* const patches[] = {R"({})", R"("x")", R"([1])"};
  for (const char* patch : patches) {
    auto result = ApplyJsonPatch(Json::object(), Json::parse(patch));
    ASSERT_FALSE(result.ok()) << patch;
    EXPECT_EQ(result.error().code(), 400) << patch;
  }
}

TEST(JsonPatch, BoundsOperationsAndWhatTheyCopy) {
  Json many = Json::array();
  for (std::size_t i = 0; i <= kMaxJsonPatchOperations; ++i) {
    many.push_back({{"op", "test"}, {"path", ""}, {"value", Json::object()}});
  }
  EXPECT_EQ(ApplyJsonPatch(Json::object(), many).error().code(), 413);
  // Each line doubles the document: 2^40 values without a bound.
  Json doubling = Json::array();
  for (int i = 0; i < 40; ++i) {
    doubling.push_back({{"op", "copy"}, {"from", ""}, {"path", "/" + std::to_string(i)}});
  }
  EXPECT_EQ(ApplyJsonPatch({{"a", 1}}, doubling).error().code(), 422);
}

TEST(MergePatch, FollowsTheExamplesOfRfc7386) {
  const char* const cases[][3] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Apply(PatchType::kMerge, c[0], c[1]), Json::parse(c[2])) << c[1];
  }
  EXPECT_EQ(Apply(PatchType::kMerge, "{}", "[1]")["code"], 400);
}

TEST(StrategicPatch, MergesMapsAndTheTwoListsOfMetadata) {
  struct Case {
    const char* name;
    const char* document;
    const char* patch;
    const char* want;
  };
  const Case cases[] = {
      {"merges data and removes by null", R"({"data":{"a":"1","b":"2"}})",
       R"({"data":{"a":null,"c":"3"}})", R"({"data":{"b":"2","c":"3"}})"},
      {"adds finalizers as a set", R"({"metadata":{"finalizers":["a","b"]}})",
       R"({"metadata":{"finalizers":["b","c"]}})", R"({"metadata":{"finalizers":["a","b","c"]}})"},
      {"deletes from a set", R"({"metadata":{"finalizers":["a","b"]}})",
       R"({"metadata":{"$deleteFromPrimitiveList/finalizers":["a"]}})",
       R"({"metadata":{"finalizers":["b"]}})"},
      {"orders a set", R"({"metadata":{"finalizers":["a","b"]}})",
       R"({"metadata":{"$setElementOrder/finalizers":["c","b","a"],"finalizers":["c"]}})",
       R"({"metadata":{"finalizers":["c","b","a"]}})"},
      {"merges owners by uid",
       R"({"metadata":{"ownerReferences":[{"uid":"1","name":"x","kind":"K"},{"uid":"2","name":"y"}]}})",
       R"({"metadata":{"ownerReferences":[{"uid":"1","name":"z"},{"uid":"3","name":"new"}]}})",
       R"({"metadata":{"ownerReferences":[{"uid":"1","name":"z","kind":"K"},{"uid":"2","name":"y"},{"uid":"3","name":"new"}]}})"},
      {"deletes an owner", R"({"metadata":{"ownerReferences":[{"uid":"1"},{"uid":"2"}]}})",
       R"({"metadata":{"ownerReferences":[{"$patch":"delete","uid":"1"}]}})",
       R"({"metadata":{"ownerReferences":[{"uid":"2"}]}})"},
      {"replaces other lists", R"({"subsets":[1,2]})", R"({"subsets":[3]})", R"({"subsets":[3]})"},
      {"replaces a map by directive", R"({"data":{"a":"1"}})",
       R"({"data":{"$patch":"replace","b":"2"}})", R"({"data":{"b":"2"}})"},
      {"empties a map by directive", R"({"data":{"a":"1"}})", R"({"data":{"$patch":"delete"}})",
       R"({"data":{}})"},
      {"retains keys", R"({"spec":{"a":1,"b":2}})", R"({"spec":{"$retainKeys":["b"],"b":3}})",
       R"({"spec":{"b":3}})"},
      {"keeps directives out of new maps", "{}", R"({"data":{"a":"1","n":null}})",
       R"({"data":{"a":"1"}})"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Apply(PatchType::kStrategic, c.document, c.patch), Json::parse(c.want)) << c.name;
  }
}

TEST(StrategicPatch, RefusesMalformedPatchesAs400) {
  for (const char* patch : {R"([])", R"({"data":{"$patch":"grow"}})",
                            R"({"metadata":{"ownerReferences":[{"name":"x"}]}})"}) {
    EXPECT_EQ(Apply(PatchType::kStrategic, R"({"data":{"a":"1"}})", patch)["code"], 400) << patch;
  }
}

// A random document, from which merging the difference must lead to another one.
Json RandomDocument(std::mt19937& random, int depth) {
  Json out = Json::object();
  const auto members = random() % 4;
  for (std::uint32_t i = 0; i < members; ++i) {
    const std::string key(1, static_cast<char>('a' + random() % 4));
    switch (depth > 0 ? random() % 3 : 1 + random() % 2) {
      case 0:
        out[key] = RandomDocument(random, depth - 1);
        break;
      case 1:
        out[key] = random() % 5;
        break;
      default:
        out[key] = Json::array({random() % 3, "x"});
    }
  }
  return out;
}

Json Difference(const Json& from, const Json& to) {
  Json patch = Json::object();
  for (auto it = from.begin(); it != from.end(); ++it) {
    if (!to.contains(it.key())) patch[it.key()] = nullptr;
  }
  for (auto it = to.begin(); it != to.end(); ++it) {
    auto old = from.find(it.key());
    if (old != from.end() && old->is_object() && it->is_object()) {
      patch[it.key()] = Difference(*old, *it);
    } else if (old == from.end() || *old != *it) {
      patch[it.key()] = *it;
    }
  }
  return patch;
}

TEST(MergePatch, LeadsFromAnyDocumentToAnyOther) {
  std::mt19937 random(5);
  for (int round = 0; round < 2000; ++round) {
    const Json from = RandomDocument(random, 3);
    const Json to = RandomDocument(random, 3);
    auto merged = ApplyMergePatch(from, Difference(from, to));
    ASSERT_TRUE(merged.ok());
    EXPECT_EQ(*merged, to);
    auto by_json_patch = ApplyJsonPatch(from, Json::diff(from, to));
    ASSERT_TRUE(by_json_patch.ok());
    EXPECT_EQ(*by_json_patch, to);
  }
}

}  // namespace
}  // namespace salve::apiserver
