// SPDX-License-Identifier: Apache-2.0
// What no schema can say about Salve's kinds is said by the server, whichever verb brings it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apiserver/rest_admission.h"
#include "pkg/apiserver/server_testing.h"

namespace salve::apiserver::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kGuardrails[] = "/apis/salve.dev/v1alpha1/healingguardrails";

std::string At(const char* collection, const std::string& name, const std::string& rest = "") {
  return std::string(collection) + "/" + name + rest;
}

Json Window(const std::string& cron, const std::string& zone) {
  return {{"name", "weekend"},
          {"kind", "Deny"},
          {"cron", cron},
          {"durationSeconds", 3600},
          {"timeZone", zone}};
}

Json PolicyWithWindow(const std::string& name, const std::string& cron,
                      const std::string& zone = "UTC") {
  Json policy = Policy(name);
  policy["spec"]["guardrails"] = {{"windows", Json::array({Window(cron, zone)})}};
  return policy;
}

http::Headers Type(const std::string& type) { return {{"Content-Type", type}}; }

// One cause, about one field.
void ExpectRefused(const Answer& answer, const std::string& field, const std::string& message) {
  ASSERT_EQ(answer.status, 422) << answer.text;
  EXPECT_EQ(answer.body["reason"], "Invalid");
  const Json& causes = answer.body["details"]["causes"];
  ASSERT_EQ(causes.size(), 1u) << answer.text;
  EXPECT_EQ(causes[0]["field"], field);
  EXPECT_THAT(causes[0]["message"].get<std::string>(), HasSubstr(message));
  EXPECT_THAT(answer.body["message"].get<std::string>(), HasSubstr(field));
}

TEST(SalveAdmission, ACreateThatTheSchemaLikesIsStillRefusedAndNothingIsStored) {
  TestServer server;
  const auto before = server.api->store().revision();
  ExpectRefused(server.Do("POST", kPolicies, PolicyWithWindow("p1", "99 18 * * FRI")),
                "spec.guardrails.windows[0].cron", "99");
  ExpectRefused(
      server.Do("POST", kPolicies, PolicyWithWindow("p1", "0 18 * * FRI", "Mars/Olympus")),
      "spec.guardrails.windows[0].timeZone", "Mars/Olympus");
  EXPECT_EQ(server.Do("GET", At(kPolicies, "p1")).status, 404);
  EXPECT_EQ(server.api->store().revision(), before);
}

TEST(SalveAdmission, APolicyWithAPatternThatDoesNotCompileNamesTheField) {
  TestServer server;
  Json policy = Policy("p1");
  policy["spec"]["ladder"] = Json::parse(R"([{"name": "again", "action": {"restart": {}}}])");
  policy["spec"]["diagnosis"]["rules"] = Json::parse(
      R"([{"name": "oom", "when": {"logs": "OOM ("}, "cause": "Memory", "step": "again"}])");
  ExpectRefused(server.Do("POST", kPolicies, policy), "spec.diagnosis.rules[0].when.logs", "OOM (");
}

TEST(SalveAdmission, UpdatesAndEveryKindOfPatchAreChecked) {
  TestServer server;
  const Json stored = server.Do("POST", kPolicies, PolicyWithWindow("p1", "0 18 * * FRI")).body;
  const std::string field = "spec.guardrails.windows[0].cron";
  Json bad = stored;
  bad["spec"]["guardrails"]["windows"][0]["cron"] = "0 18 * * XYZ";
  ExpectRefused(server.Do("PUT", At(kPolicies, "p1"), bad), field, "XYZ");
  const Json merge = {{"spec", {{"guardrails", bad["spec"]["guardrails"]}}}};
  ExpectRefused(
      server.Do("PATCH", At(kPolicies, "p1"), merge, Type("application/merge-patch+json")), field,
      "XYZ");
  const Json operations = Json::array({{{"op", "replace"},
                                        {"path", "/spec/guardrails/windows/0/cron"},
                                        {"value", "0 18 * * XYZ"}}});
  ExpectRefused(
      server.Do("PATCH", At(kPolicies, "p1"), operations, Type("application/json-patch+json")),
      field, "XYZ");
  EXPECT_EQ(server.Do("GET", At(kPolicies, "p1")).body, stored) << "nothing was stored";
}

TEST(SalveAdmission, WhatTheSchemaReportsIsNotReportedTwice) {
  TestServer server;
  Json policy = Policy("p1");
  policy["spec"]["probes"] = Json::parse(
      R"([{"name": "a", "tcp": {"address": "a:1"}, "periodSeconds": 1, "timeoutSeconds": 2}])");
  ExpectRefused(server.Do("POST", kPolicies, policy), "spec.probes[0].timeoutSeconds",
                "timeoutSeconds must not be above periodSeconds");
  policy["spec"]["probes"] = Json::parse(R"([{"name": "a", "tcp": {"address": "nowhere"}}])");
  const Answer answer = server.Do("POST", kPolicies, policy);
  ASSERT_EQ(answer.status, 422);
  int about_address = 0;
  for (const Json& cause : answer.body["details"]["causes"]) {
    about_address += cause["field"] == "spec.probes[0].tcp.address" ? 1 : 0;
  }
  EXPECT_EQ(about_address, 1) << answer.text;
}

TEST(SalveAdmission, AMaxUnhealthyThatIsANumberIsCheckedToo) {
  TestServer server;
  Json policy = Policy("p1");
  policy["spec"]["guardrails"]["maxUnhealthy"] = 5;
  EXPECT_EQ(server.Do("POST", kPolicies, policy).status, 201);
  policy["metadata"]["name"] = "p2";
  policy["spec"]["guardrails"]["maxUnhealthy"] = -1;
  ExpectRefused(server.Do("POST", kPolicies, policy), "spec.guardrails.maxUnhealthy", "-1");
}

TEST(SalveAdmission, TheStatusIsTheControllersAndIsNotAsked) {
  TestServer server;
  Json policy = server.Do("POST", kPolicies, Policy("p1")).body;
  policy["status"] = {{"health", "1/1 healthy"}};
  EXPECT_EQ(server.Do("PUT", At(kPolicies, "p1", "/status"), policy).status, 200);
}

TEST(SalveAdmission, GuardrailsAndIncidentsAreCheckedToo) {
  TestServer server;
  const Json guardrail = {{"apiVersion", "salve.dev/v1alpha1"},
                          {"kind", "HealingGuardrail"},
                          {"metadata", {{"name", "g1"}}},
                          {"spec", Json::parse(R"({"exec": {"allow": [["ls", "/[/"]]}})")}};
  ExpectRefused(server.Do("POST", kGuardrails, guardrail), "spec.exec.allow[0][1]", "[");
  Json incident = Incident("i1");
  incident["spec"]["policyRef"]["name"] = "../secrets";
  ExpectRefused(server.Do("POST", kIncidents, incident), "spec.policyRef.name", "../secrets");
}

// A policy from before a rule (or a time zone) was there can still be taken away.
TEST(SalveAdmission, AWriteThatLeavesTheSpecAloneIsNotAskedAboutIt) {
  TestServer server;
  const std::unique_ptr<AdmissionPlugin> plugin = MakeSalveKindsPlugin();
  const Json old = PolicyWithWindow("p1", "0 18 * * FRI", "Gone/Zone");
  Json labelled = old;
  labelled["metadata"]["labels"]["x"] = "y";
  ServedResource resource;
  resource.info = apis::salve::v1alpha1::HealingPolicy::kInfo;
  const Identity user;
  AdmissionRequest request{Operation::kUpdate, resource, "",  "default", "p1",
                           &labelled,          &old,     user};
  EXPECT_FALSE(plugin->Validate(request).has_value());
  labelled["spec"]["mode"] = "Auto";
  EXPECT_TRUE(plugin->Validate(request).has_value());
}

}  // namespace
}  // namespace salve::apiserver::testing
