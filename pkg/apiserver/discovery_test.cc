// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/discovery.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "pkg/apiserver/openapi.h"
#include "pkg/base/time_format.h"

namespace salve::apiserver {
namespace {

constexpr char kCrd[] =
    R"json({"metadata":{"name":"incidents.salve.dev"},"spec":{"group":"salve.dev","scope":"Namespaced",
"names":{"plural":"incidents","singular":"incident","kind":"Incident","shortNames":["inc"],"categories":["healing"]},
"versions":[{"name":"v1alpha1","served":true,"storage":true,"subresources":{"status":{}},
"selectableFields":[{"jsonPath":".status.phase"}],
"additionalPrinterColumns":[{"name":"Phase","type":"string","jsonPath":".status.phase","priority":1}],
"schema":{"openAPIV3Schema":{"type":"object","description":"One problem.","properties":{"spec":{"type":"object","properties":{"policy":{"type":"string","description":"Policy name."}}},"status":{"type":"object","properties":{"phase":{"type":"string"}}}}}}},
{"name":"v0","served":false}]}})json";

std::vector<ServedResource> Served() {
  auto resources = ServedResourcesFromCrd(Json::parse(kCrd));
  EXPECT_TRUE(resources.ok()) << resources.status();
  return *resources;
}

std::vector<ServedResource> Everything() {
  std::vector<ServedResource> all = BuiltInResources();
  for (ServedResource& resource : Served()) all.push_back(std::move(resource));
  return all;
}

TEST(ServedResource, ComesFromACrd) {
  const auto resources = Served();
  ASSERT_EQ(resources.size(), 1U) << "only what is served";
  const ServedResource& incident = resources[0];
  EXPECT_EQ(incident.info, (ResourceInfo{"salve.dev", "v1alpha1", "incidents", "Incident", true}));
  EXPECT_EQ(incident.list_kind, "IncidentList");
  EXPECT_TRUE(incident.HasStatus());
  EXPECT_TRUE(incident.HasVerb("deletecollection"));
  EXPECT_TRUE(incident.custom);
  EXPECT_EQ(incident.field_labels,
            std::vector<std::string>({"metadata.name", "metadata.namespace", "status.phase"}));
  EXPECT_EQ(incident.columns.at(0).priority, 1);
  EXPECT_NE(incident.schema, nullptr);
}

TEST(ServedResource, RefusesABadCrdByName) {
  const auto refuse = [](const char* pointer, const Json& value) {
    Json crd = Json::parse(kCrd);
    crd[Json::json_pointer(pointer)] = value;
    auto resources = ServedResourcesFromCrd(crd);
    EXPECT_FALSE(resources.ok()) << pointer;
    EXPECT_NE(resources.status().message().find("\"incidents.salve.dev\""), std::string::npos);
    return resources.status().message();
  };
  refuse("/spec/group", "");
  refuse("/spec/names", 5);
  refuse("/spec/versions", Json::array());
  refuse("/spec/versions/0/schema", nullptr);
  refuse("/spec/versions/0/additionalPrinterColumns/0/jsonPath", "status");
  refuse("/spec/versions/0/selectableFields/0/jsonPath", "phase");
  const std::string message =
      refuse("/spec/versions/0/schema/openAPIV3Schema/properties/spec/type", "text");
  EXPECT_NE(message.find("version v1alpha1"), std::string::npos) << message;
  EXPECT_NE(message.find("properties.spec"), std::string::npos) << message;
}

TEST(ServedResource, EveryBuiltInKindHasASchemaThatCompiles) {
  for (const ServedResource& resource : BuiltInResources()) {
    EXPECT_NE(resource.schema, nullptr) << resource.info.kind;
  }
}

TEST(ServedResource, BuiltInSchemasTakeNullForAbsentAndRefuseUnknownFields) {
  const auto all = BuiltInResources();
  const auto found = std::find_if(all.begin(), all.end(), [](const ServedResource& resource) {
    return resource.info.kind == "ConfigMap";
  });
  Json object = Json::parse(
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","creationTimestamp":null},"data":null,"extra":1})");
  EXPECT_EQ(found->schema->Prune(object), std::vector<std::string>({"extra"}));
  found->schema->Default(object);
  EXPECT_TRUE(found->schema->Validate(object).empty());
  EXPECT_EQ(object,
            Json::parse(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}})"));
}

TEST(Discovery, IsAggregatedAsKubectlWantsIt) {
  const Document document = ApisDocument(Served(), true);
  EXPECT_EQ(document.content_type,
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
  EXPECT_EQ(document.cache_control, "public");
  EXPECT_TRUE(document.vary_accept);
  EXPECT_EQ(
      Json::parse(document.body),
      Json::parse(
          R"json({"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","metadata":{},"items":[{"metadata":{"name":"salve.dev"},"versions":[{"version":"v1alpha1","freshness":"Current","resources":[{"resource":"incidents","responseKind":{"group":"salve.dev","version":"v1alpha1","kind":"Incident"},"scope":"Namespaced","singularResource":"incident","verbs":["create","delete","deletecollection","get","list","patch","update","watch"],"shortNames":["inc"],"categories":["healing"],"subresources":[{"subresource":"status","responseKind":{"group":"salve.dev","version":"v1alpha1","kind":"Incident"},"verbs":["get","patch","update"]}]}]}]}]})json"));
}

TEST(Discovery, NamesTheCoreGroupOnlyUnderApi) {
  const Json api = Json::parse(ApiDocument(Everything(), true).body);
  ASSERT_EQ(api["items"].size(), 1U);
  EXPECT_EQ(api["items"][0]["metadata"], Json::object());
  EXPECT_EQ(api["items"][0]["versions"][0]["version"], "v1");
  const Json apis = Json::parse(ApisDocument(Everything(), true).body);
  for (const Json& group : apis["items"]) {
    EXPECT_TRUE(group["metadata"].contains("name"));
  }
}

TEST(Discovery, IsPlainForOldClients) {
  EXPECT_EQ(
      Json::parse(ApiDocument(Everything(), false).body),
      Json::parse(R"({"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":[]})"));
  EXPECT_EQ(
      Json::parse(ApisDocument(Served(), false).body),
      Json::parse(
          R"json({"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"salve.dev","versions":[{"groupVersion":"salve.dev/v1alpha1","version":"v1alpha1"}],"preferredVersion":{"groupVersion":"salve.dev/v1alpha1","version":"v1alpha1"}}]})json"));
  EXPECT_EQ(
      Json::parse(GroupDocument(Served(), "salve.dev")->body),
      Json::parse(
          R"json({"kind":"APIGroup","apiVersion":"v1","name":"salve.dev","versions":[{"groupVersion":"salve.dev/v1alpha1","version":"v1alpha1"}],"preferredVersion":{"groupVersion":"salve.dev/v1alpha1","version":"v1alpha1"}})json"));
  EXPECT_EQ(
      Json::parse(GroupVersionDocument(Served(), "salve.dev", "v1alpha1")->body),
      Json::parse(
          R"json({"kind":"APIResourceList","apiVersion":"v1","groupVersion":"salve.dev/v1alpha1","resources":[{"name":"incidents","singularName":"incident","namespaced":true,"kind":"Incident","verbs":["create","delete","deletecollection","get","list","patch","update","watch"],"shortNames":["inc"],"categories":["healing"]},{"name":"incidents/status","singularName":"","namespaced":true,"kind":"Incident","verbs":["get","patch","update"]}]})json"));
  EXPECT_EQ(Json::parse(GroupVersionDocument(Everything(), "", "v1")->body)["groupVersion"], "v1");
  EXPECT_FALSE(GroupDocument(Served(), "apps").has_value());
  EXPECT_FALSE(GroupVersionDocument(Served(), "salve.dev", "v1").has_value());
}

TEST(Discovery, ChangesItsEtagWithItsContent) {
  const Document one = ApisDocument(Served(), true);
  auto changed = Served();
  changed[0].short_names = {"x"};
  EXPECT_NE(one.etag, ApisDocument(changed, true).etag);
  EXPECT_EQ(one.etag, ApisDocument(Served(), true).etag);
  EXPECT_TRUE(EtagMatches(one.etag, one.etag));
  EXPECT_TRUE(EtagMatches("\"x\", W/" + one.etag, one.etag));
  EXPECT_TRUE(EtagMatches("*", one.etag));
  EXPECT_FALSE(EtagMatches("", one.etag));
  EXPECT_FALSE(EtagMatches("\"x\"", one.etag));
  EXPECT_FALSE(EtagMatches(one.etag, ""));
}

TEST(Discovery, TellsAVersionThatKubectlCanRead) {
  const Json version = Json::parse(VersionDocument("v1.36.0").body);
  EXPECT_EQ(version["gitVersion"], "v1.36.0");
  EXPECT_EQ(version["major"], "1");
  EXPECT_EQ(version["minor"], "36");
}

// --- OpenAPI
// ------------------------------------------------------------------------------------------

const WallTime kNow = *ParseTime("2026-11-21T02:12:32Z");

Json OpenApi(std::string_view group, std::string_view version) {
  auto answer = OpenApiGroupVersion(Everything(), group, version, "", kNow);
  EXPECT_TRUE(answer.has_value());
  return Json::parse(answer->document.body);
}

TEST(OpenApi, HasWhatCreateApplyAndExplainLookFor) {
  const Json document = OpenApi("salve.dev", "v1alpha1");
  const Json kind = {{"group", "salve.dev"}, {"version", "v1alpha1"}, {"kind", "Incident"}};
  const Json& item =
      document["paths"]["/apis/salve.dev/v1alpha1/namespaces/{namespace}/incidents/{name}"];
  EXPECT_EQ(item["patch"]["x-kubernetes-group-version-kind"], kind);
  const Json& parameters = item["patch"]["parameters"];
  EXPECT_TRUE(std::any_of(parameters.begin(), parameters.end(), [](const Json& parameter) {
    return parameter["name"] == "fieldValidation" && parameter["in"] == "query";
  }));
  EXPECT_FALSE(
      item["patch"]["requestBody"]["content"].contains("application/strategic-merge-patch+json"))
      << "custom resources are patched by merge patch";
  const Json& schema = document["components"]["schemas"]["dev.salve.v1alpha1.Incident"];
  EXPECT_EQ(schema["x-kubernetes-group-version-kind"], Json::array({kind}));
  EXPECT_EQ(schema["description"], "One problem.");
  EXPECT_EQ(schema["properties"]["spec"]["properties"]["policy"]["description"], "Policy name.");
  EXPECT_TRUE(document["paths"].contains(
      "/apis/salve.dev/v1alpha1/namespaces/{namespace}/incidents/{name}/status"));
}

TEST(OpenApi, OffersStrategicMergeForBuiltInKinds) {
  const Json document = OpenApi("", "v1");
  const Json& configmap = document["paths"]["/api/v1/namespaces/{namespace}/configmaps/{name}"];
  EXPECT_TRUE(configmap["patch"]["requestBody"]["content"].contains(
      "application/strategic-merge-patch+json"));
  EXPECT_TRUE(document["paths"].contains("/api/v1/namespaces/{name}"));
  EXPECT_TRUE(document["components"]["schemas"].contains("io.k8s.api.core.v1.ConfigMap"));
}

TEST(OpenApi, ResolvesEveryReference) {
  for (const ServedResource& resource : Everything()) {
    const Json document = OpenApi(resource.info.group, resource.info.version);
    const std::string text = document.dump();
    const std::string mark = "\"$ref\":\"#/components/schemas/";
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
      const std::size_t begin = at + mark.size();
      const std::string key = text.substr(begin, text.find('"', begin) - begin);
      EXPECT_TRUE(document["components"]["schemas"].contains(key)) << key;
    }
  }
}

TEST(OpenApi, IsCachedForeverByItsHash) {
  const Json root = Json::parse(OpenApiRoot(Everything()).body);
  const std::string url = root["paths"]["apis/salve.dev/v1alpha1"]["serverRelativeURL"];
  const std::string prefix = "/openapi/v3/apis/salve.dev/v1alpha1?hash=";
  ASSERT_EQ(url.substr(0, prefix.size()), prefix);
  EXPECT_TRUE(root["paths"].contains("api/v1"));
  const std::string hash = url.substr(prefix.size());

  auto right = OpenApiGroupVersion(Everything(), "salve.dev", "v1alpha1", hash, kNow);
  EXPECT_EQ(right->document.cache_control, "public, immutable");
  EXPECT_EQ(right->document.expires, "Sun, 21 Nov 2027 02:12:32 GMT");
  EXPECT_EQ(right->document.etag, "\"" + hash + "\"");
  EXPECT_TRUE(right->redirect.empty());

  auto wrong = OpenApiGroupVersion(Everything(), "salve.dev", "v1alpha1", "0000", kNow);
  EXPECT_EQ(wrong->redirect, url);

  auto none = OpenApiGroupVersion(Everything(), "salve.dev", "v1alpha1", "", kNow);
  EXPECT_EQ(none->document.cache_control, "no-cache, private");
  EXPECT_FALSE(OpenApiGroupVersion(Everything(), "apps", "v1", "", kNow).has_value());
}

TEST(OpenApi, AnswersOldClientsWithAnEmptyProtobufDocument) {
  EXPECT_TRUE(OpenApiV2().body.empty());
  EXPECT_EQ(OpenApiV2().content_type, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
}

}  // namespace
}  // namespace salve::apiserver
