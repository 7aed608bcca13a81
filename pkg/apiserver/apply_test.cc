// SPDX-License-Identifier: Apache-2.0
// Server-side apply and managed fields, through the handler. What is expected was seen on a real
// API server 1.36.
#include <algorithm>
#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/apiserver/managed_fields.h"
#include "pkg/apiserver/server_testing.h"

namespace salve::apiserver::testing {
namespace {

using ::testing::HasSubstr;

const std::string kP1 = std::string(kPolicies) + "/p1";

Answer ApplyTo(TestServer& server, const std::string& target, const Json& config,
               const std::string& manager, const std::string& more = "") {
  return server.Do("PATCH", target + "?fieldManager=" + manager + more, config,
                   {{"Content-Type", "application/apply-patch+yaml"}});
}

Json Config(const Json& spec, const Json& metadata = Json::object()) {
  Json config = {{"apiVersion", "salve.dev/v1alpha1"},
                 {"kind", "HealingPolicy"},
                 {"metadata", metadata},
                 {"spec", spec}};
  config["metadata"]["name"] = "p1";
  return config;
}

Json Target(const std::string& container = "x") {
  return {{"docker", {{"backend", "docker"}, {"container", container}}}};
}

Json Probe(const std::string& name, const std::string& address) {
  return {{"name", name}, {"redis", {{"address", address}}}};
}

// The entry of a manager; null: none.
Json EntryOf(const Json& object, const std::string& manager,
             const std::string& operation = "Apply") {
  for (const Json& entry : object["metadata"].value("managedFields", Json::array())) {
    if (entry.value("manager", "") == manager && entry["operation"] == operation) return entry;
  }
  return nullptr;
}

TEST(Apply, CreatesWhatIsNotThereAndOwnsWhatItNames) {
  TestServer server;
  const Json config = Config({{"mode", "Auto"}, {"target", Target()}}, {{"labels", {{"a", "b"}}}});
  const Answer created = ApplyTo(server, kP1, config, "one");
  ASSERT_EQ(created.status, 201) << created.text;
  EXPECT_EQ(created.body["metadata"]["managedFields"],
            Json::parse(R"([{"manager":"one","operation":"Apply",
              "apiVersion":"salve.dev/v1alpha1","time":"2026-01-02T03:04:05Z",
              "fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{"f:a":{}}},
              "f:spec":{"f:mode":{},"f:target":{"f:docker":{"f:backend":{},"f:container":{}}}}}}])"));
}

TEST(Apply, TwiceChangesNothingNotEvenTheTime) {
  TestServer server;
  const Json config = Config({{"target", Target()}, {"probes", {Probe("m", "127.0.0.1:1")}}});
  const Answer first = ApplyTo(server, kP1, config, "one");
  ASSERT_EQ(first.status, 201) << first.text;
  server.clock.Advance(std::chrono::seconds(10));
  const Answer second = ApplyTo(server, kP1, config, "one");
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.body, first.body);
}

TEST(Apply, ConflictsNameTheOwnerAndTheFieldAndForceTakesOver) {
  TestServer server;
  ASSERT_EQ(
      server.Do("POST", std::string(kPolicies) + "?fieldManager=kc", Config({{"target", Target()}}))
          .status,
      201);
  const Json config = Config({{"mode", "Auto"}, {"target", Target("y")}});
  const Answer refused = ApplyTo(server, kP1, config, "one");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.body["message"],
            "Apply failed with 2 conflicts: conflicts with \"kc\" using salve.dev/v1alpha1:\n"
            "- .spec.mode\n- .spec.target.docker.container");
  EXPECT_EQ(refused.body["details"]["causes"][0],
            Json::parse(R"({"reason":"FieldManagerConflict","field":".spec.mode",
                            "message":"conflict with \"kc\" using salve.dev/v1alpha1"})"));
  const Answer single = ApplyTo(server, kP1, Config({{"mode", "Auto"}}), "two");
  EXPECT_EQ(single.body["message"],
            "Apply failed with 1 conflict: conflict with \"kc\" using salve.dev/v1alpha1: "
            ".spec.mode");
  const Answer forced = ApplyTo(server, kP1, config, "one", "&force=true");
  ASSERT_EQ(forced.status, 200) << forced.text;
  EXPECT_EQ(forced.body["spec"]["mode"], "Auto");
  const Json loser = EntryOf(forced.body, "kc", "Update")["fieldsV1"]["f:spec"];
  EXPECT_FALSE(loser.contains("f:mode"));
  EXPECT_FALSE(loser["f:target"]["f:docker"].contains("f:container"));
  EXPECT_TRUE(loser["f:target"]["f:docker"].contains("f:backend"));
}

TEST(Apply, RemovesWhatItNoLongerNamesUnlessSomebodyElseOwnsIt) {
  TestServer server;
  const Json both = Json::array({Probe("m", "127.0.0.1:1"), Probe("n", "127.0.0.1:2")});
  ApplyTo(server, kP1, Config({{"target", Target()}, {"probes", both}}), "one");
  ApplyTo(server, kP1, Config({{"probes", {Probe("n", "127.0.0.1:2")}}}), "two");
  const Answer answer = ApplyTo(server, kP1, Config({{"target", Target()}}), "one");
  ASSERT_EQ(answer.status, 200) << answer.text;
  ASSERT_EQ(answer.body["spec"]["probes"].size(), 1u);
  EXPECT_EQ(answer.body["spec"]["probes"][0]["name"], "n");
}

TEST(Apply, MergesListsByKeyAndKeepsTheOrderOfTheConfiguration) {
  TestServer server;
  ApplyTo(server, kP1,
          Config({{"target", Target()},
                  {"probes", {Probe("a", "127.0.0.1:1"), Probe("b", "127.0.0.1:1")}}}),
          "one");
  const Answer answer =
      ApplyTo(server, kP1,
              Config({{"probes", {Probe("c", "127.0.0.1:1"), Probe("a", "127.0.0.1:1")}}}), "two");
  ASSERT_EQ(answer.status, 200) << answer.text;
  std::vector<std::string> names;
  for (const Json& probe : answer.body["spec"]["probes"]) names.push_back(probe["name"]);
  EXPECT_EQ(names, (std::vector<std::string>{"c", "a", "b"}));
}

TEST(Apply, TheStatusHasItsOwnEntry) {
  TestServer server;
  ApplyTo(server, kP1, Config({{"target", Target()}}), "one");
  Json config = Config(nullptr);
  config.erase("spec");
  config["status"] = {{"observedGeneration", 1}};
  const Answer answer = ApplyTo(server, kP1 + "/status", config, "two");
  ASSERT_EQ(answer.status, 200) << answer.text;
  const Json entry = EntryOf(answer.body, "two");
  EXPECT_EQ(entry["subresource"], "status");
  EXPECT_EQ(entry["fieldsV1"], Json::parse(R"({"f:status":{"f:observedGeneration":{}}})"));
  config["metadata"]["name"] = "p9";
  EXPECT_EQ(ApplyTo(server, std::string(kPolicies) + "/p9/status", config, "two").status, 404);
}

TEST(Apply, RefusesWhatCannotBeAppliedInTheRealServersWords) {
  TestServer server;
  ApplyTo(server, kP1, Config({{"target", Target()}}), "one");
  struct Case {
    const char* why;
    Json config;
    int status;
    std::string message;
  };
  const std::string typed =
      "failed to create typed patch object (/p1; salve.dev/v1alpha1, Kind=HealingPolicy): ";
  const Case cases[] = {
      {"managedFields", Config({{"target", Target()}}, {{"managedFields", Json::array()}}), 400,
       "metadata.managedFields must be nil"},
      {"an unknown field", Config({{"colour", 1}}), 500,
       typed + ".spec.colour: field not declared in schema"},
      {"a number for a text", Config({{"mode", 3}}), 500,
       typed + ".spec.mode: expected string, got &value.valueUnstructured{Value:3}"},
      {"a text for a number", Config({{"guardrails", {{"cooldownSeconds", "x"}}}}), 500,
       typed + ".spec.guardrails.cooldownSeconds: expected numeric (int or float), got string"},
      {"a map for a list", Config({{"probes", {{"a", 1}}}}), 500,
       typed + ".spec.probes: expected list, got &{map[a:1]}"},
      {"a key twice", Config({{"probes", {Probe("m", "127.0.0.1:1"), Probe("m", "127.0.0.1:2")}}}),
       500, typed + ".spec.probes: duplicate entries for key [name=\"m\"]"},
      {"another kind", Incident("p1"), 400,
       "invalid object type: salve.dev/v1alpha1, Kind=Incident"},
      {"an old version", Config({{"target", Target()}}, {{"resourceVersion", "1"}}), 409,
       "Operation cannot be fulfilled on healingpolicies.salve.dev \"p1\": the object has been "
       "modified; please apply your changes to the latest version and try again"}};
  for (const Case& c : cases) {
    const Answer answer = ApplyTo(server, kP1, c.config, "one");
    EXPECT_EQ(answer.status, c.status) << c.why << answer.text;
    EXPECT_EQ(answer.body["message"], c.message) << c.why;
  }
  EXPECT_EQ(server
                .Do("PATCH", kP1, Config({{"target", Target()}}),
                    {{"Content-Type", "application/apply-patch+yaml"}})
                .body["message"],
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required "
            "for apply patch");
  EXPECT_EQ(server.Do("PATCH", kP1 + "?force=true", Json::object()).status, 422);
}

TEST(Apply, ADryRunStoresNothing) {
  TestServer server;
  EXPECT_EQ(ApplyTo(server, kP1, Config({{"target", Target()}}), "one", "&dryRun=All").status, 201);
  EXPECT_EQ(server.Do("GET", kP1).status, 404);
}

TEST(Apply, OfWhatIsNotThereNeedsTheRightToCreate) {
  TestServer server;
  const std::string viewer = server.Token("bob", {kViewersGroup});
  const Answer answer = server.Do(
      "PATCH", kP1 + "?fieldManager=one", Config({{"target", Target()}}),
      {{"Authorization", "Bearer " + viewer}, {"Content-Type", "application/apply-patch+yaml"}});
  EXPECT_EQ(answer.status, 403);
}

TEST(Apply, KubectlTakesOverWhatItAppliedClientSide) {
  TestServer server;
  const Json config = Config({{"mode", "Observe"}, {"target", Target()}});
  Json first = config;
  first["metadata"]["annotations"] = {
      {"kubectl.kubernetes.io/last-applied-configuration", config.dump()}};
  server.Do("POST", std::string(kPolicies) + "?fieldManager=kubectl-client-side-apply", first);
  Json second = config;
  second["spec"]["mode"] = "Auto";
  EXPECT_EQ(ApplyTo(server, kP1, second, "other").status, 409);
  const Answer taken = ApplyTo(server, kP1, second, "kubectl");
  ASSERT_EQ(taken.status, 200) << taken.text;
  EXPECT_EQ(
      taken.body["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"],
      second.dump() + "\n");
}

TEST(ManagedFields, BelongToWhoeverWroteLast) {
  TestServer server;
  server.Do("POST", std::string(kConfigMaps) + "?fieldManager=one",
            ConfigMap("c1", {{"a", "1"}, {"b", "1"}}));
  const std::string c1 = std::string(kConfigMaps) + "/c1";
  server.clock.Advance(std::chrono::seconds(1));
  const Answer answer =
      server.Do("PATCH", c1, {{"data", {{"b", "2"}}}}, {{"User-Agent", "tool/1.0 (linux)"}});
  EXPECT_EQ(EntryOf(answer.body, "one", "Update")["fieldsV1"],
            Json::parse(R"({"f:data":{".":{},"f:a":{}}})"));
  EXPECT_EQ(EntryOf(answer.body, "tool", "Update")["fieldsV1"],
            Json::parse(R"({"f:data":{"f:b":{}}})"));
  const Answer gone = server.Do("PATCH", c1 + "?fieldManager=three", {{"data", {{"b", nullptr}}}});
  EXPECT_TRUE(EntryOf(gone.body, "tool", "Update").is_null()) << gone.text;
}

TEST(ManagedFields, AWriteThatChangesNothingIsNoWrite) {
  TestServer server;
  const Answer created = server.Do("POST", kConfigMaps, ConfigMap("c1", {{"a", "1"}}));
  server.clock.Advance(std::chrono::seconds(5));
  Json same = created.body;
  const Answer put = server.Do("PUT", std::string(kConfigMaps) + "/c1?fieldManager=x", same);
  EXPECT_EQ(put.body, created.body);
}

TEST(ManagedFields, AnEmptyEntryForgetsThemAndTheFirstApplyMeetsConflicts) {
  TestServer server;
  ApplyTo(server, kP1, Config({{"target", Target()}}), "one");
  const Answer reset =
      server.Do("PATCH", kP1, {{"metadata", {{"managedFields", {Json::object()}}}}});
  EXPECT_FALSE(reset.body["metadata"].contains("managedFields"));
  const Answer refused = ApplyTo(server, kP1, Config({{"target", Target("y")}}), "one");
  EXPECT_THAT(refused.body["message"].dump(), HasSubstr("before-first-apply"));
}

TEST(ManagedFields, ElevenUpdatersBecomeTen) {
  TestServer server;
  server.Do("POST", std::string(kConfigMaps) + "?fieldManager=m0", ConfigMap("c1", {{"k0", "0"}}));
  Answer answer;
  for (int i = 1; i <= 12; ++i) {
    server.clock.Advance(std::chrono::seconds(1));
    answer = server.Do("PATCH", std::string(kConfigMaps) + "/c1?fieldManager=m" + std::to_string(i),
                       {{"data", {{"k" + std::to_string(i), "v"}}}});
  }
  EXPECT_EQ(answer.body["metadata"]["managedFields"].size(), 10u);
  EXPECT_EQ(EntryOf(answer.body, "ancient-changes", "Update")["fieldsV1"],
            Json::parse(R"({"f:data":{".":{},"f:k0":{},"f:k1":{},"f:k2":{},"f:k3":{}}})"));
}

// --- random walks
// -------------------------------------------------------------------------------------

class Walk {
 public:
  explicit Walk(std::uint64_t seed) : random_(seed) {}

  Json RandomConfig() {
    Json spec = {{"target", Target(Pick() ? "x" : "y")}};
    if (Pick()) spec["mode"] = Pick() ? "Auto" : "Observe";
    if (Pick()) {
      Json probes = Json::array();
      for (const char* name : {"a", "b", "c"}) {
        if (Pick()) probes.push_back(Probe(name, Pick() ? "127.0.0.1:1" : "127.0.0.1:2"));
      }
      if (!probes.empty()) spec["probes"] = probes;
    }
    Json labels = Json::object();
    for (const char* name : {"l", "m"}) {
      if (Pick()) labels[name] = Pick() ? "1" : "2";
    }
    return Config(spec, labels.empty() ? Json::object() : Json({{"labels", labels}}));
  }
  std::string Manager() { return "m" + std::to_string(random_.Next() % 3); }
  bool Pick() { return random_.Next() % 2 == 0; }

 private:
  SeededRandom random_;
};

// Whether the step leads to something in the object; `below` is what.
bool Follow(const Json& value, const std::string& step, const Json*& below) {
  const std::string rest = step.substr(2);
  if (step[0] == 'f') {
    const auto it = value.is_object() ? value.find(rest) : value.end();
    if (it == value.end()) return false;
    below = &*it;
    return true;
  }
  const Json wanted = Json::parse(rest);
  for (const Json& item : value) {
    bool fits = step[0] == 'v' ? item == wanted : item.is_object();
    for (const auto& [key, text] : wanted.items()) {
      if (step[0] == 'k') fits = fits && item.value(key, Json()) == text;
    }
    if (fits) below = &item;
    if (fits) return true;
  }
  return false;
}

void ExpectOwnedIsThere(const Json& object) {
  for (const Json& entry : object["metadata"].value("managedFields", Json::array())) {
    const auto fields = FieldSet::Parse(entry["fieldsV1"]);
    ASSERT_TRUE(fields && !fields->empty());
    fields->ForEach([&](const std::vector<std::string>& steps) {
      const Json* at = &object;
      for (const std::string& step : steps) {
        ASSERT_TRUE(Follow(*at, step, at)) << PathText(steps) << " in " << object.dump();
      }
    });
  }
}

TEST(ApplyWalk, WhatIsOwnedIsThereAndForceTakesExactlyWhatConflicts) {
  int applied = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    TestServer server;
    Walk walk(seed);
    server.Do("POST", std::string(kPolicies) + "?fieldManager=m0", walk.RandomConfig());
    for (int i = 0; i < 25; ++i) {
      server.clock.Advance(std::chrono::seconds(1));
      const Json config = walk.RandomConfig();
      const std::string manager = walk.Manager();
      if (walk.Pick()) {
        const Answer merged = server.Do("PATCH", kP1 + "?fieldManager=" + manager, config);
        ASSERT_EQ(merged.status, 200) << merged.text;
        ExpectOwnedIsThere(merged.body);
        continue;
      }
      const Json before = server.Do("GET", kP1).body;
      const Answer plain = ApplyTo(server, kP1, config, manager);
      if (plain.status == 409) {
        EXPECT_EQ(server.Do("GET", kP1).body, before) << "a refused apply changed something";
      }
      const Json between = server.Do("GET", kP1).body;
      const Answer forced = ApplyTo(server, kP1, config, manager, "&force=true");
      if (forced.status == 422) {
        // As on the real server: an item that others share a key of is left without its content.
        EXPECT_THAT(forced.body["message"].dump(), HasSubstr(".redis in body must be of type"));
        EXPECT_EQ(server.Do("GET", kP1).body, between);
        continue;
      }
      ASSERT_EQ(forced.status, 200) << forced.text;
      ++applied;
      ExpectOwnedIsThere(forced.body);
      for (const Json& cause :
           plain.status == 409 ? plain.body["details"]["causes"] : Json::array()) {
        for (const Json& entry : forced.body["metadata"]["managedFields"]) {
          if (entry["manager"] == manager && entry["operation"] == "Apply") continue;
          FieldSet::Parse(entry["fieldsV1"])->ForEach([&](const std::vector<std::string>& steps) {
            EXPECT_NE(PathText(steps), cause["field"].get<std::string>());
          });
        }
      }
      server.clock.Advance(std::chrono::seconds(1));
      EXPECT_EQ(ApplyTo(server, kP1, config, manager).body, forced.body) << "the second apply";
    }
  }
  EXPECT_GT(applied, 30);
}

}  // namespace
}  // namespace salve::apiserver::testing
