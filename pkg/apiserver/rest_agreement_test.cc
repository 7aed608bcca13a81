// SPDX-License-Identifier: Apache-2.0
// What test/conformance found to differ from a real server, each case once more without one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/apiserver/server_testing.h"

namespace salve::apiserver::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kLeases[] = "/apis/coordination.k8s.io/v1/namespaces/default/leases";

Json Lease(const std::string& name) {
  return {
      {"apiVersion", "coordination.k8s.io/v1"}, {"kind", "Lease"}, {"metadata", {{"name", name}}}};
}

TEST(Agreement, ListsOfBuiltInKindsSayTheKindOnce) {
  TestServer server;
  ASSERT_EQ(server.Do("POST", kConfigMaps, ConfigMap("a")).status, 201);
  ASSERT_EQ(server.Do("POST", kPolicies, Policy("a")).status, 201);
  const Json maps = server.Do("GET", kConfigMaps).body;
  EXPECT_EQ(maps["kind"], "ConfigMapList");
  EXPECT_FALSE(maps["items"][0].contains("kind"));
  EXPECT_EQ(maps["items"][0]["metadata"]["name"], "a");
  EXPECT_EQ(server.Do("GET", kPolicies).body["items"][0]["kind"], "HealingPolicy");
}

TEST(Agreement, EveryPageSaysHowManyRemain) {
  TestServer server;
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    ASSERT_EQ(server.Do("POST", kConfigMaps, ConfigMap(name)).status, 201);
  }
  const std::string base = std::string(kConfigMaps) + "?limit=2";
  const Json first = server.Do("GET", base).body["metadata"];
  EXPECT_EQ(first["remainingItemCount"], 3);
  const Json second =
      server.Do("GET", base + "&continue=" + first["continue"].get<std::string>()).body["metadata"];
  EXPECT_EQ(second["remainingItemCount"], 1);
}

TEST(Agreement, ADeletedCollectionIsTheListOfWhatThereWas) {
  TestServer server;
  Json held = ConfigMap("a");
  held["metadata"]["finalizers"] = {"salve.dev/x"};
  ASSERT_EQ(server.Do("POST", kConfigMaps, held).status, 201);
  const Json gone = server.Do("DELETE", kConfigMaps).body;
  EXPECT_FALSE(gone["items"][0]["metadata"].contains("deletionTimestamp"));
  EXPECT_TRUE(server.Do("GET", std::string(kConfigMaps) + "/a")
                  .body["metadata"]
                  .contains("deletionTimestamp"));
}

TEST(Agreement, APutOfALeaseThatIsNotThereCreatesIt) {
  TestServer server;
  const std::string path = std::string(kLeases) + "/l1";
  const Answer made = server.Do("PUT", path, Lease("l1"));
  EXPECT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.body["spec"], Json::object());
  EXPECT_EQ(server.Do("PUT", std::string(kConfigMaps) + "/none", ConfigMap("none")).status, 404);
}

TEST(Agreement, BuiltInKindsOfWrongTypesCannotBeDecoded) {
  TestServer server;
  Json map = ConfigMap("a");
  map["data"] = {{"a", 1}};
  const Answer answer = server.Do("POST", kConfigMaps, map);
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.text, HasSubstr("cannot unmarshal number into Go struct field ConfigMap.data "
                                     "of type string"));
  Json lease = Lease("a");
  lease["spec"] = {{"renewTime", "2026-01-02T03:04:05Z"}};
  EXPECT_THAT(server.Do("POST", kLeases, lease).text, HasSubstr("cannot parse"));
  lease["spec"] = {{"renewTime", "2026-01-02T03:04:05.000006Z"}};
  EXPECT_EQ(server.Do("POST", kLeases, lease).status, 201);
}

TEST(Agreement, ConfigMapsAndSecretsHaveLimitsOfTheirOwn) {
  TestServer server;
  Json map = ConfigMap("a");
  map["data"] = {{"a", std::string((1u << 20) + 1, 'x')}};
  EXPECT_EQ(server.Do("POST", kConfigMaps, map).status, 422);
  map["data"] = {{"..", "x"}};
  EXPECT_THAT(server.Do("POST", kConfigMaps, map).text, HasSubstr("must not be '..'"));
  map["data"] = {{"a", "x"}};
  map["binaryData"] = {{"a", "AA=="}};
  EXPECT_THAT(server.Do("POST", kConfigMaps, map).text, HasSubstr("duplicate of key present"));
}

TEST(Agreement, APreconditionOfADeleteThatFailsNamesTheKind) {
  TestServer server;
  ASSERT_EQ(server.Do("POST", kPolicies, Policy("p1")).status, 201);
  const Answer answer =
      server.Do("DELETE", std::string(kPolicies) + "/p1", {{"preconditions", {{"uid", "other"}}}});
  EXPECT_EQ(answer.status, 409);
  EXPECT_THAT(answer.text, HasSubstr("HealingPolicy.salve.dev"));
  EXPECT_THAT(answer.text, HasSubstr("the UID in the precondition (other) does not match"));
}

}  // namespace
}  // namespace salve::apiserver::testing
