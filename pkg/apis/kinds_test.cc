// SPDX-License-Identifier: Apache-2.0
// The CRDs that are committed and the types in code say the same, in both directions.
#include "pkg/apis/kinds.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/apis/openapi.h"
#include "pkg/apis/yaml/yaml.h"
#include "pkg/base/file_source.h"

namespace salve::apis {
namespace {

using Paths = std::set<std::string>;

std::string CommittedText(const Kind& kind) {
  // Tests run in the root of the repository.
  const auto text = SystemFiles().Read("crds/" + CrdFileName(kind), 4u << 20);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.value_or("");
}

Json Committed(const Kind& kind) {
  const auto document = yaml::ParseOne(CommittedText(kind));
  EXPECT_TRUE(document.ok()) << document.status();
  return document.ok() ? document->value : Json();
}

Json& SchemaIn(Json& crd) { return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]; }

// "spec.ladder[].action.exec.argv[] string": every field that a schema knows, with its type.
void CollectFromSchema(const Json& schema, const std::string& path, Paths& paths) {
  const std::string type = schema.value("x-kubernetes-int-or-string", false)
                               ? "string"
                               : schema.value("type", std::string("none"));
  paths.insert(path + " " + type);
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [name, property] : properties.items()) {
    // metadata is the server's to check.
    if (path.empty() && (name == "metadata" || name == "apiVersion" || name == "kind")) continue;
    CollectFromSchema(property, path.empty() ? name : path + "." + name, paths);
  }
  if (schema.contains("items")) CollectFromSchema(schema["items"], path + "[]", paths);
  if (schema.contains("additionalProperties")) {
    CollectFromSchema(schema["additionalProperties"], path + "{}", paths);
  }
}

void CollectFromTable(const Struct& table, const std::string& path, Paths& paths);

void CollectFromType(const Type& type, const std::string& path, Paths& paths) {
  switch (type.kind) {
    case Type::Kind::kString:
      paths.insert(path + " string");
      return;
    case Type::Kind::kInteger:
      paths.insert(path + " integer");
      return;
    case Type::Kind::kNumber:
      paths.insert(path + " number");
      return;
    case Type::Kind::kBoolean:
      paths.insert(path + " boolean");
      return;
    case Type::Kind::kOptional:
      return CollectFromType(*type.element, path, paths);
    case Type::Kind::kObject:
      return CollectFromTable(type.object(), path, paths);
    case Type::Kind::kList:
      paths.insert(path + " array");
      return CollectFromType(*type.element, path + "[]", paths);
    case Type::Kind::kMap:
      paths.insert(path + " object");
      return CollectFromType(*type.element, path + "{}", paths);
  }
}

void CollectFromTable(const Struct& table, const std::string& path, Paths& paths) {
  paths.insert(path + " object");
  for (const Field& field : table.fields) {
    if (path.empty() && field.name == "metadata") continue;
    CollectFromType(*field.type, path.empty() ? field.name : path + "." + field.name, paths);
  }
}

// What only one of the two knows: "only in the CRD: …".
Paths Differences(const Json& schema, const Struct& table) {
  Paths in_crd, in_types, differences;
  CollectFromSchema(schema, "", in_crd);
  CollectFromTable(table, "", in_types);
  for (const std::string& path : in_crd) {
    if (!in_types.contains(path)) differences.insert("only in the CRD: " + path);
  }
  for (const std::string& path : in_types) {
    if (!in_crd.contains(path)) differences.insert("only in the types: " + path);
  }
  return differences;
}

TEST(Crds, EveryFieldOfTheCommittedFilesIsKnownToTheCodecAndTheReverse) {
  for (const Kind& kind : SalveKinds()) {
    Json crd = Committed(kind);
    EXPECT_EQ(Differences(SchemaIn(crd), *kind.table), Paths{}) << CrdFileName(kind);
    Paths paths;
    CollectFromTable(*kind.table, "", paths);
    EXPECT_GT(paths.size(), 8u) << "or nothing was compared";
  }
}

// The test above can fail: dropping any one field on either side is seen.
TEST(Crds, AFieldThatIsDroppedFromTheCrdIsDetected) {
  const Kind& kind = SalveKinds()[0];
  Json crd = Committed(kind);
  SchemaIn(crd)["properties"]["spec"]["properties"]["guardrails"]["properties"].erase(
      "minAvailable");
  EXPECT_EQ(Differences(SchemaIn(crd), *kind.table),
            Paths{"only in the types: spec.guardrails.minAvailable integer"});
}

TEST(Crds, AFieldThatIsDroppedFromAnyTableIsDetected) {
  for (const Kind& kind : SalveKinds()) {
    Json crd = Committed(kind);
    for (std::size_t i = 0; i < kind.table->fields.size(); ++i) {
      if (kind.table->fields[i].name == "metadata") continue;
      Struct mutant = *kind.table;
      mutant.fields.erase(mutant.fields.begin() + static_cast<std::ptrdiff_t>(i));
      EXPECT_FALSE(Differences(SchemaIn(crd), mutant).empty()) << kind.table->fields[i].name;
    }
  }
}

TEST(Crds, AFieldWhoseTypeChangesIsDetected) {
  const Kind& kind = SalveKinds()[0];
  Json crd = Committed(kind);
  SchemaIn(crd)["properties"]["spec"]["properties"]["mode"]["type"] = "integer";
  EXPECT_EQ(Differences(SchemaIn(crd), *kind.table),
            (Paths{"only in the CRD: spec.mode integer", "only in the types: spec.mode string"}));
}

TEST(Crds, TheCommittedFilesAreWhatTheTablesGive) {
  for (const Kind& kind : SalveKinds()) {
    EXPECT_EQ(CommittedText(kind), CrdFileText(kind))
        << CrdFileName(kind) << " is stale: run salve-crdgen --out crds";
    EXPECT_EQ(Committed(kind), CustomResourceDefinition(kind))
        << "the emitter or the parser is wrong";
  }
}

// What a real API server insists on for a structural schema, so that `kubectl apply -f crds/`
// works.
void ExpectStructural(const Json& schema, const std::string& path) {
  if (!schema.value("x-kubernetes-int-or-string", false)) {
    EXPECT_TRUE(schema.contains("type")) << path;
  }
  if (schema.value("type", "") == "array") {
    EXPECT_TRUE(schema.contains("items")) << path;
    EXPECT_TRUE(schema.contains("maxItems") || path.find("status") != std::string::npos) << path;
  }
  if (path.find('.') != std::string::npos && !path.ends_with("[]") && !path.ends_with("{}")) {
    EXPECT_TRUE(schema.contains("description")) << path << " has nothing for kubectl explain";
  }
  if (schema.value("x-kubernetes-list-type", "") == "map") {
    const Json& item = schema["items"];
    for (const Json& key : schema["x-kubernetes-list-map-keys"]) {
      const Json required = item.value("required", Json::array());
      EXPECT_NE(std::find(required.begin(), required.end(), key), required.end()) << path << key;
    }
  }
  EXPECT_FALSE(schema.contains("properties") && schema.contains("additionalProperties")) << path;
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [name, property] : properties.items()) {
    if (path.empty() && name == "metadata") continue;
    ExpectStructural(property, path + "." + name);
  }
  if (schema.contains("items")) ExpectStructural(schema["items"], path + "[]");
  if (schema.contains("additionalProperties")) {
    ExpectStructural(schema["additionalProperties"], path + "{}");
  }
}

TEST(Crds, AreStructuralBoundedAndDescribed) {
  for (const Kind& kind : SalveKinds()) ExpectStructural(OpenApiSchema(*kind.table), "");
}

TEST(Crds, AreServedUnderTheNamesOfTheDesign) {
  struct Expected {
    const char* file;
    const char* short_name;
    const char* scope;
  };
  const Expected expected[] = {{"salve.dev_healingpolicies.yaml", "healpol", "Namespaced"},
                               {"salve.dev_incidents.yaml", "inc", "Namespaced"},
                               {"salve.dev_incidentapprovals.yaml", "iapp", "Namespaced"},
                               {"salve.dev_healingguardrails.yaml", "hguard", "Cluster"}};
  ASSERT_EQ(SalveKinds().size(), std::size(expected));
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    const Kind& kind = SalveKinds()[i];
    const Json crd = CustomResourceDefinition(kind);
    EXPECT_EQ(CrdFileName(kind), expected[i].file);
    EXPECT_EQ(crd["spec"]["names"]["shortNames"], Json::array({expected[i].short_name}));
    EXPECT_EQ(crd["spec"]["scope"], expected[i].scope);
    EXPECT_EQ(crd["spec"]["names"]["categories"], Json::array({"healing"}));
  }
}

}  // namespace
}  // namespace salve::apis
