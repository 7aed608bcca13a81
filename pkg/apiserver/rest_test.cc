// SPDX-License-Identifier: Apache-2.0
// The verbs, through the handler, in the words of the wire facts.
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/apiserver/server_testing.h"

namespace salve::apiserver::testing {
namespace {

using ::testing::HasSubstr;

std::string At(const char* collection, const std::string& name, const std::string& rest = "") {
  return std::string(collection) + "/" + name + rest;
}

// Patch types by their header.
http::Headers Type(const std::string& type) { return {{"Content-Type", type}}; }

TEST(RestCreate, TheServerSetsWhatIsItsOwnAndIgnoresWhatIsNotTheClients) {
  TestServer server;
  Json policy = Policy("p1");
  policy["metadata"]["uid"] = "mine";
  policy["metadata"]["generation"] = 7;
  policy["metadata"]["managedFields"] = Json::array({{{"manager", "x"}}});
  policy["status"] = {{"conditions", Json::array()}};
  const Answer answer = server.Do("POST", kPolicies, policy);
  ASSERT_EQ(answer.status, 201) << answer.text;
  const Json& metadata = answer.body["metadata"];
  EXPECT_EQ(metadata["creationTimestamp"], "2026-01-02T03:04:05Z");
  EXPECT_EQ(metadata["generation"], 1);
  EXPECT_NE(metadata["uid"], "mine");
  EXPECT_EQ(metadata["namespace"], "default");
  ASSERT_EQ(metadata["managedFields"].size(), 1u);
  EXPECT_NE(metadata["managedFields"][0].value("manager", ""), "x");
  EXPECT_FALSE(answer.body.contains("status"));
  EXPECT_EQ(server.Do("GET", At(kPolicies, "p1")).body, answer.body);
}

TEST(RestCreate, RefusalsSpeakAsTheRealServer) {
  TestServer server;
  ASSERT_EQ(server.Do("POST", kPolicies, Policy("p1")).status, 201);
  const Answer again = server.Do("POST", kPolicies, Policy("p1"));
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.body["reason"], "AlreadyExists");
  EXPECT_EQ(again.body["message"], "healingpolicies.salve.dev \"p1\" already exists");

  const Answer nowhere = server.Do(
      "POST", "/apis/salve.dev/v1alpha1/namespaces/nonsuch/healingpolicies", Policy("p1"));
  EXPECT_EQ(nowhere.status, 404);
  EXPECT_EQ(nowhere.body["message"], "namespaces \"nonsuch\" not found");
  EXPECT_EQ(nowhere.body["details"]["kind"], "namespaces");

  Json elsewhere = Policy("p2");
  elsewhere["metadata"]["namespace"] = "other";
  EXPECT_EQ(
      server.Do("POST", kPolicies, elsewhere).body["message"],
      "the namespace of the provided object does not match the namespace sent on the request");
  Json versioned = Policy("p2");
  versioned["metadata"]["resourceVersion"] = "5";
  EXPECT_EQ(server.Do("POST", kPolicies, versioned).status, 500);  // as the real server
  EXPECT_THAT(server.Do("POST", kPolicies, Policy("Not_A_Name")).body["message"].dump(),
              HasSubstr("RFC 1123 subdomain"));
  EXPECT_EQ(server.Do("POST", kPolicies, Incident("i1")).status, 422) << "another kind";
  EXPECT_EQ(server.Do("POST", kPolicies, Policy("p2"), Type("text/html")).status, 415);
}

TEST(RestCreate, BadFieldsAreCausesWithTheirPaths) {
  TestServer server;
  const Answer bad = server.Do("POST", kPolicies, Policy("bad", "Wild"));
  EXPECT_EQ(bad.status, 422);
  EXPECT_EQ(bad.body["reason"], "Invalid");
  EXPECT_EQ(bad.body["details"]["kind"], "HealingPolicy");
  EXPECT_EQ(bad.body["details"]["causes"][0]["field"], "spec.mode");
  EXPECT_EQ(bad.body["details"]["causes"][0]["reason"], "FieldValueNotSupported");
  EXPECT_EQ(server.Do("GET", At(kPolicies, "bad")).status, 404);
}

TEST(RestCreate, UnknownFieldsAreRefusedWarnedOrDroppedAsAsked) {
  TestServer server;
  Json policy = Policy("p1");
  policy["spec"]["colour"] = "red";
  const std::string base = kPolicies;
  const Answer strict = server.Do("POST", base + "?fieldValidation=Strict", policy);
  EXPECT_EQ(strict.status, 400);
  EXPECT_THAT(strict.body["message"].get<std::string>(),
              HasSubstr("strict decoding error: unknown field \"spec.colour\""));
  const Answer warned = server.Do("POST", base, policy);
  EXPECT_EQ(warned.status, 201);
  EXPECT_EQ(warned.headers.Get("Warning"), R"(299 - "unknown field \"spec.colour\"")");
  EXPECT_FALSE(warned.body["spec"].contains("colour"));
  policy["metadata"]["name"] = "p2";
  const Answer ignored = server.Do("POST", base + "?fieldValidation=Ignore", policy);
  EXPECT_EQ(ignored.status, 201);
  EXPECT_FALSE(ignored.headers.Get("Warning"));
}

TEST(RestCreate, GenerateNameMakesDifferentNames) {
  TestServer server;
  std::set<std::string> names;
  for (int i = 0; i < 20; ++i) {
    Json map = ConfigMap("");
    map["metadata"] = {{"generateName", "c-"}};
    const Answer answer = server.Do("POST", kConfigMaps, map);
    ASSERT_EQ(answer.status, 201) << answer.text;
    names.insert(answer.body["metadata"]["name"]);
  }
  EXPECT_EQ(names.size(), 20u);
  EXPECT_THAT(*names.begin(), ::testing::MatchesRegex("c-[a-z0-9]{5}"));
}

TEST(RestCreate, ADryRunAnswersAsIfAndStoresNothing) {
  TestServer server;
  const auto before = server.api->store().revision();
  const std::string target = std::string(kPolicies) + "?dryRun=All";
  EXPECT_EQ(server.Do("POST", target, Policy("p1")).status, 201);
  EXPECT_EQ(server.Do("GET", At(kPolicies, "p1")).status, 404);
  EXPECT_EQ(server.api->store().revision(), before);
  const Answer bad = server.Do("POST", std::string(kPolicies) + "?dryRun=Foo", Policy("p1"));
  EXPECT_EQ(bad.status, 422);
  EXPECT_EQ(bad.body["details"]["kind"], "CreateOptions");
  EXPECT_THAT(bad.body["message"].get<std::string>(),
              HasSubstr("dryRun: Unsupported value: [\"Foo\"]: supported values: \"All\""));
}

TEST(RestUpdate, NeedsTheNewestResourceVersion) {
  TestServer server;
  const Json first = server.Do("POST", kPolicies, Policy("p1")).body;
  Json changed = first;
  changed["spec"]["mode"] = "Auto";
  const Answer ok = server.Do("PUT", At(kPolicies, "p1"), changed);
  ASSERT_EQ(ok.status, 200) << ok.text;
  EXPECT_EQ(ok.body["metadata"]["generation"], 2);
  const Answer stale = server.Do("PUT", At(kPolicies, "p1"), first);
  EXPECT_EQ(stale.status, 409);
  EXPECT_EQ(
      stale.body["message"],
      "Operation cannot be fulfilled on healingpolicies.salve.dev \"p1\": the object has been "
      "modified; please apply your changes to the latest version and try again");
  Json blind = first;
  blind["metadata"].erase("resourceVersion");
  const Answer refused = server.Do("PUT", At(kPolicies, "p1"), blind);
  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.body["message"].get<std::string>(),
              HasSubstr("metadata.resourceVersion: Invalid value: 0: must be specified"));
  blind["metadata"]["uid"] = "another";
  EXPECT_EQ(server.Do("PUT", At(kPolicies, "p1"), blind).status, 409);
  EXPECT_EQ(server.Do("PUT", At(kPolicies, "p2"), first).status, 404);
}

TEST(RestUpdate, AnUpdateThatChangesNothingKeepsTheResourceVersion) {
  TestServer server;
  const Json stored = server.Do("POST", kPolicies, Policy("p1")).body;
  const auto revision = server.api->store().revision();
  EXPECT_EQ(server.Do("PUT", At(kPolicies, "p1"), stored).body, stored);
  EXPECT_EQ(server.Do("PATCH", At(kPolicies, "p1"), {{"spec", {{"mode", "Observe"}}}}).body,
            stored);
  EXPECT_EQ(server.api->store().revision(), revision);
}

TEST(RestUpdate, LabelsDoNotCountAsANewGeneration) {
  TestServer server;
  server.Do("POST", kPolicies, Policy("p1"));
  const Answer labeled =
      server.Do("PATCH", At(kPolicies, "p1"), {{"metadata", {{"labels", {{"a", "b"}}}}}});
  EXPECT_EQ(labeled.status, 200);
  EXPECT_EQ(labeled.body["metadata"]["generation"], 1);
}

TEST(RestUpdate, StatusAndSpecAreWrittenApart) {
  TestServer server;
  server.Do("POST", kIncidents, Incident("i1"));
  const Answer status = server.Do("PATCH", At(kIncidents, "i1", "/status"),
                                  {{"status", {{"phase", "Detected"}}},
                                   {"spec", {{"cancel", true}}},
                                   {"metadata", {{"labels", {{"a", "b"}}}}}});
  ASSERT_EQ(status.status, 200) << status.text;
  EXPECT_EQ(status.body["status"]["phase"], "Detected");
  EXPECT_FALSE(status.body["spec"].value("cancel", false));
  EXPECT_FALSE(status.body["metadata"].contains("labels"));
  EXPECT_EQ(status.body["metadata"]["generation"], 1);
  const Answer spec =
      server.Do("PATCH", At(kIncidents, "i1"),
                {{"status", {{"phase", "Resolved"}}}, {"spec", {{"cancel", true}}}});
  ASSERT_EQ(spec.status, 200) << spec.text;
  EXPECT_EQ(spec.body["status"]["phase"], "Detected");
  EXPECT_EQ(spec.body["metadata"]["generation"], 2);
}

TEST(RestPatch, TypesAreHonouredOrRefused) {
  TestServer server;
  server.Do("POST", kPolicies, Policy("p1"));
  const std::string p1 = At(kPolicies, "p1");
  const Json replace =
      Json::array({{{"op", "replace"}, {"path", "/spec/mode"}, {"value", "Auto"}}});
  EXPECT_EQ(
      server.Do("PATCH", p1, replace, Type("application/json-patch+json")).body["spec"]["mode"],
      "Auto");
  const Json test = Json::array({{{"op", "test"}, {"path", "/spec/mode"}, {"value", "Observe"}}});
  const Answer failed = server.Do("PATCH", p1, test, Type("application/json-patch+json"));
  EXPECT_EQ(failed.status, 422);
  EXPECT_EQ(failed.body["message"],
            "the server rejected our request due to an error in our request");
  const Answer refused =
      server.Do("PATCH", p1, Json::object(), Type("application/strategic-merge-patch+json"));
  EXPECT_EQ(refused.status, 415);
  EXPECT_EQ(refused.body["reason"], "UnsupportedMediaType");
  EXPECT_EQ(server.Do("PATCH", p1, {{"metadata", {{"resourceVersion", "1"}}}}).status, 409);
  EXPECT_EQ(server.Do("PATCH", p1, {{"metadata", {{"name", "p2"}}}}).status, 400);
  EXPECT_EQ(server.Do("PATCH", At(kPolicies, "p9"), Json::object()).status, 404);
}

TEST(RestPatch, ConcurrentPatchesOfOneObjectAllCount) {
  TestServer server;
  server.Do("POST", kConfigMaps, ConfigMap("c1"));
  constexpr int kThreads = 4;
  constexpr int kEach = 10;
  std::vector<std::thread> threads;
  std::atomic<int> stored{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&server, &stored, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string key = "k" + std::to_string(t) + "-" + std::to_string(i);
        const Answer answer = server.Do("PATCH", At(kConfigMaps, "c1"), {{"data", {{key, "v"}}}});
        // Five attempts may all meet somebody else's write; then the client is told, never ignored.
        if (answer.status == 200) ++stored;
        EXPECT_TRUE(answer.status == 200 || answer.status == 409) << answer.text;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Json data = server.Do("GET", At(kConfigMaps, "c1")).body["data"];
  EXPECT_EQ(data.size(), static_cast<std::size_t>(stored.load()));
}

TEST(RestList, PagesAreOfOneMomentWhateverHappensBetween) {
  TestServer server;
  for (const char* name : {"a", "b", "c", "d"}) server.Do("POST", kConfigMaps, ConfigMap(name));
  const std::string base = std::string(kConfigMaps) + "?limit=2";
  const Answer first = server.Do("GET", base);
  EXPECT_EQ(first.body["items"].size(), 2u);
  EXPECT_EQ(first.body["metadata"]["remainingItemCount"], 2);
  server.Do("DELETE", At(kConfigMaps, "c"));
  server.Do("POST", kConfigMaps, ConfigMap("e"));
  const Answer second =
      server.Do("GET", base + "&continue=" + first.body["metadata"]["continue"].get<std::string>());
  ASSERT_EQ(second.status, 200) << second.text;
  ASSERT_EQ(second.body["items"].size(), 2u);
  EXPECT_EQ(second.body["items"][0]["metadata"]["name"], "c");
  EXPECT_EQ(second.body["items"][1]["metadata"]["name"], "d");
  EXPECT_FALSE(second.body["metadata"].contains("continue"));
  EXPECT_EQ(second.body["metadata"]["resourceVersion"], first.body["metadata"]["resourceVersion"]);
  EXPECT_EQ(server.Do("GET", base + "&continue=nonsense").status, 400);
}

TEST(RestList, AnOldTokenOrVersionIsExpired) {
  ApiServerOptions options;
  options.store.history_events = 5;
  TestServer server(std::move(options));
  for (const char* name : {"a", "b", "c"}) server.Do("POST", kConfigMaps, ConfigMap(name));
  const Answer first = server.Do("GET", std::string(kConfigMaps) + "?limit=1");
  const std::string version = first.body["metadata"]["resourceVersion"];
  for (int i = 0; i < 20; ++i) {
    server.Do("PATCH", At(kConfigMaps, "a"), {{"data", {{"i", std::to_string(i)}}}});
  }
  const Answer page = server.Do("GET", std::string(kConfigMaps) + "?limit=1&continue=" +
                                           first.body["metadata"]["continue"].get<std::string>());
  EXPECT_EQ(page.status, 410);
  EXPECT_EQ(page.body["reason"], "Expired");
  // The token in the refusal goes on from the present.
  const Answer on = server.Do("GET", std::string(kConfigMaps) + "?limit=5&continue=" +
                                         page.body["metadata"]["continue"].get<std::string>());
  EXPECT_EQ(on.status, 200) << on.text;
  EXPECT_EQ(on.body["items"].size(), 2u);
  const Answer exact = server.Do("GET", std::string(kConfigMaps) + "?resourceVersionMatch=Exact" +
                                            "&resourceVersion=" + version);
  EXPECT_EQ(exact.status, 410);
  EXPECT_EQ(exact.body["message"], "The resourceVersion for the provided list is too old.");
}

TEST(RestList, OptionsAreCheckedInTheRealServersWords) {
  TestServer server;
  struct Case {
    const char* query;
    int status;
    const char* message;
  };
  const Case cases[] = {
      {"?resourceVersionMatch=Exact", 422,
       "resourceVersionMatch is forbidden unless resourceVersion is provided"},
      {"?watch=1&sendInitialEvents=true", 422,
       "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"},
      {"?resourceVersion=abc", 400, "invalid resource version"},
      {"?fieldSelector=spec.policy%3Dx", 400, "field label not supported: spec.policy"},
      {"?labelSelector=%28", 400, "expected: !, identifier, or 'end of string'"},
  };
  for (const Case& c : cases) {
    const Answer answer = server.Do("GET", std::string(kPolicies) + c.query);
    EXPECT_EQ(answer.status, c.status) << c.query << answer.text;
    EXPECT_THAT(answer.text, HasSubstr(c.message)) << c.query;
  }
  const Answer future = server.Do("GET", std::string(kPolicies) + "?resourceVersion=99999");
  EXPECT_EQ(future.status, 504);
  EXPECT_EQ(future.body["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
  EXPECT_EQ(future.headers.Get("Retry-After"), "1");
}

TEST(RestList, TablesAndMetadataAreMadeOnRequest) {
  TestServer server;
  server.Do("POST", kPolicies, Policy("p1"));
  const http::Headers table = {{"Accept", "application/json;as=Table;v=v1;g=meta.k8s.io"}};
  const Answer list = server.Do("GET", kPolicies, nullptr, table);
  EXPECT_EQ(list.body["kind"], "Table");
  EXPECT_EQ(list.body["rows"][0]["cells"][0], "p1");
  EXPECT_EQ(list.body["rows"][0]["object"]["kind"], "PartialObjectMetadata");
  EXPECT_EQ(server.Do("GET", At(kPolicies, "p1"), nullptr, table).body["kind"], "Table");
  const http::Headers partial = {
      {"Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}};
  EXPECT_EQ(server.Do("GET", kPolicies, nullptr, partial).body["kind"],
            "PartialObjectMetadataList");
  EXPECT_EQ(server.Do("GET", kPolicies, nullptr, {{"Accept", "text/html"}}).status, 406);
}

TEST(RestDelete, AnswersWithTheUidAndHonoursPreconditions) {
  TestServer server;
  const std::string uid = server.Do("POST", kPolicies, Policy("p1")).body["metadata"]["uid"];
  EXPECT_EQ(
      server.Do("DELETE", At(kPolicies, "p1"), {{"preconditions", {{"uid", "other"}}}}).status,
      409);
  EXPECT_EQ(server.Do("DELETE", At(kPolicies, "p1"), {{"dryRun", {"All"}}}).status, 200);
  const Answer deleted =
      server.Do("DELETE", At(kPolicies, "p1"), {{"preconditions", {{"uid", uid}}}});
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.body["status"], "Success");
  EXPECT_EQ(deleted.body["details"]["uid"], uid);
  EXPECT_EQ(server.Do("DELETE", At(kPolicies, "p1")).status, 404);
}

TEST(RestDelete, FinalizersHoldAndTheLastOneLetsGo) {
  TestServer server;
  Json policy = Policy("p1");
  policy["metadata"]["finalizers"] = {"example.com/hold"};
  server.Do("POST", kPolicies, policy);
  const Answer marked = server.Do("DELETE", At(kPolicies, "p1"));
  EXPECT_EQ(marked.status, 200);
  EXPECT_EQ(marked.body["metadata"]["deletionTimestamp"], "2026-01-02T03:04:05Z");
  const Answer again = server.Do("POST", kPolicies, Policy("p1"));
  EXPECT_EQ(again.status, 409);
  EXPECT_THAT(again.body["message"].get<std::string>(), HasSubstr("object is being deleted"));
  const Answer more = server.Do("PATCH", At(kPolicies, "p1"),
                                {{"metadata", {{"finalizers", {"example.com/hold", "x.y/new"}}}}});
  EXPECT_EQ(more.status, 422);
  EXPECT_EQ(
      server.Do("PATCH", At(kPolicies, "p1"), {{"metadata", {{"finalizers", nullptr}}}}).status,
      200);
  EXPECT_EQ(server.Do("GET", At(kPolicies, "p1")).status, 404);
}

TEST(RestDelete, ACollectionGoesBySelector) {
  TestServer server;
  for (const char* name : {"a", "b", "c"}) server.Do("POST", kPolicies, Policy(name));
  const Answer gone =
      server.Do("DELETE", std::string(kPolicies) + "?labelSelector=app%20in%20(a,b)");
  ASSERT_EQ(gone.status, 200) << gone.text;
  EXPECT_EQ(gone.body["items"].size(), 2u);
  const Json left = server.Do("GET", kPolicies).body["items"];
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0]["metadata"]["name"], "c");
}

TEST(RestPaths, WhatIsNotServedIsNotFoundOrNotAllowed) {
  TestServer server;
  EXPECT_EQ(server.Do("GET", "/apis/salve.dev/v1alpha1/nonsense").status, 404);
  EXPECT_EQ(server.Do("GET", "/apis/none.dev/v1/x").status, 404);
  EXPECT_EQ(server.Do("GET", "/nowhere").status, 404);
  EXPECT_EQ(server.Do("GET", At(kPolicies, "p1", "/scale")).status, 404);
  EXPECT_EQ(server.Do("POST", "/apis/salve.dev/v1alpha1/healingpolicies", Policy("p1")).status,
            404);
  EXPECT_EQ(server.Do("PUT", kPolicies, Policy("p1")).status, 400);
  EXPECT_EQ(server.Do("PUT", kConfigMaps, ConfigMap("c1")).status, 405);
  EXPECT_EQ(server.Do("POST", "/api/v1/namespaces/default/services", Policy("p1")).status, 405);
  EXPECT_EQ(server.Do("GET", "/api/v1/namespaces/default/services").body["items"], Json::array());
  EXPECT_EQ(server.Do("GET", "/healthz").text, "ok");
  EXPECT_EQ(server.Do("GET", "/version").body["gitVersion"], "v1.36.0");
}

TEST(RestLimits, LargeObjectsAreRefused) {
  ApiServerOptions options;
  options.rest.max_object_bytes = 10'000;
  options.rest.max_body_bytes = 50'000;
  TestServer server(std::move(options));
  const auto post = [&server](std::size_t bytes) {
    return server.Do("POST", kConfigMaps, ConfigMap("c1", {{"k", std::string(bytes, 'x')}})).status;
  };
  EXPECT_EQ(post(11'000), 413);
  EXPECT_EQ(post(60'000), 413);
  EXPECT_EQ(post(5'000), 201);
}

TEST(RestBuiltIn, SecretsAreEncodedAndImmutableOnesStay) {
  TestServer server;
  const std::string secrets = "/api/v1/namespaces/default/secrets";
  const Answer made = server.Do("POST", secrets,
                                {{"metadata", {{"name", "s1"}}},
                                 {"immutable", true},
                                 {"stringData", {{"password", "hunter2"}}}});
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.body["data"]["password"], "aHVudGVyMg==");
  EXPECT_EQ(made.body["type"], "Opaque");
  EXPECT_FALSE(made.body.contains("stringData"));
  EXPECT_EQ(server.Do("PATCH", secrets + "/s1", {{"data", {{"password", "eA=="}}}}).status, 422);
}

TEST(GarbageCollection, DependentsFollowTheirOwner) {
  TestServer server;
  const std::string uid = server.Do("POST", kPolicies, Policy("p1")).body["metadata"]["uid"];
  const auto child = [&](const std::string& name) {
    Json map = ConfigMap(name);
    map["metadata"]["ownerReferences"] = Json::array({{{"apiVersion", "salve.dev/v1alpha1"},
                                                       {"kind", "HealingPolicy"},
                                                       {"name", "p1"},
                                                       {"uid", uid},
                                                       {"blockOwnerDeletion", true}}});
    return map;
  };
  ASSERT_EQ(server.Do("POST", kConfigMaps, child("c1")).status, 201);
  const auto there = [&](const std::string& target) {
    return server.Do("GET", target).status == 200;
  };
  // In the foreground the owner goes last.
  const Answer marked =
      server.Do("DELETE", At(kPolicies, "p1"), {{"propagationPolicy", "Foreground"}});
  EXPECT_EQ(marked.body["metadata"]["finalizers"][0], "foregroundDeletion");
  EXPECT_TRUE(Eventually([&] { return !there(At(kPolicies, "p1")); }));
  EXPECT_FALSE(there(At(kConfigMaps, "c1")));
  // A child whose owner was never there goes, too.
  ASSERT_EQ(server.Do("POST", kConfigMaps, child("c2")).status, 201);
  EXPECT_TRUE(Eventually([&] { return !there(At(kConfigMaps, "c2")); }));
}

TEST(GarbageCollection, ADeletedNamespaceIsEmptiedAndGoes) {
  TestServer server;
  server.Do("POST", "/api/v1/namespaces", {{"metadata", {{"name", "shop"}}}});
  const std::string maps = "/api/v1/namespaces/shop/configmaps";
  Json held = ConfigMap("held");
  held["metadata"]["finalizers"] = {"example.com/hold"};
  server.Do("POST", maps, held);
  server.Do("POST", maps, ConfigMap("free"));
  const Answer marked = server.Do("DELETE", "/api/v1/namespaces/shop");
  EXPECT_EQ(marked.body["status"]["phase"], "Terminating");
  EXPECT_TRUE(Eventually([&] { return server.Do("GET", maps + "/free").status == 404; }));
  const Answer late = server.Do("POST", maps, ConfigMap("late"));
  EXPECT_EQ(late.status, 403) << late.text;
  EXPECT_EQ(server.Do("GET", "/api/v1/namespaces/shop").status, 200) << "a finalizer holds it";
  server.Do("PATCH", maps + "/held", {{"metadata", {{"finalizers", nullptr}}}});
  EXPECT_TRUE(
      Eventually([&] { return server.Do("GET", "/api/v1/namespaces/shop").status == 404; }));
}

TEST(GarbageCollection, EventsExpireAfterAnHour) {
  TestServer server;
  const std::string events = "/api/v1/namespaces/default/events";
  ASSERT_EQ(server
                .Do("POST", events,
                    {{"metadata", {{"name", "e1"}}},
                     {"involvedObject", {{"namespace", "default"}}},
                     {"reason", "Test"}})
                .status,
            201);
  server.clock.Advance(std::chrono::minutes(50));
  EXPECT_EQ(server.Do("GET", events + "/e1").status, 200);
  EXPECT_TRUE(Eventually([&] {
    server.clock.Advance(std::chrono::minutes(5));
    return server.Do("GET", events + "/e1").status == 404;
  }));
}

}  // namespace
}  // namespace salve::apiserver::testing
