// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/table.h"

#include <gtest/gtest.h>

#include "pkg/base/time_format.h"

namespace salve::apiserver {
namespace {

const WallTime kNow = *ParseTime("2026-01-02T03:05:06Z");

ServedResource Incidents() {
  ServedResource resource;
  resource.info = {"salve.dev", "v1alpha1", "incidents", "Incident", true};
  resource.custom = true;
  resource.columns = {
      {"Phase", "string", "", "", 0, ".status.phase"},
      {"Ready", "string", "", "Whether", 1, ".status.conditions[?(@.type==\"Ready\")].status"},
      {"Count", "integer", "", "", 0, ".spec.count"},
      {"Ratio", "number", "", "", 0, ".spec.ratio"},
      {"On", "boolean", "", "", 0, ".spec.on"},
      {"Age", "date", "", "", 0, ".metadata.creationTimestamp"}};
  return resource;
}

Json Incident() {
  return Json::parse(R"json({"apiVersion":"salve.dev/v1alpha1","kind":"Incident",
    "metadata":{"name":"i1","namespace":"default","uid":"842f","resourceVersion":"7","creationTimestamp":"2026-01-02T03:04:05Z","labels":{"app":"x"}},
    "spec":{"count":3,"ratio":2,"on":true},
    "status":{"phase":"Open","conditions":[{"type":"Other","status":"No"},{"type":"Ready","status":"True"}]}})json");
}

ServedResource BuiltIn(const std::string& kind) {
  for (ServedResource& resource : BuiltInResources()) {
    if (resource.info.kind == kind) return resource;
  }
  ADD_FAILURE() << kind;
  return {};
}

std::vector<std::string> ColumnNames(const Json& table) {
  std::vector<std::string> out;
  for (const Json& column : table["columnDefinitions"]) {
    const std::string name = column["name"];
    out.push_back(column["priority"] == 0 ? name : "[" + name + "]");
  }
  return out;
}

using Strings = std::vector<std::string>;

TEST(Table, ShowsCustomResourcesByTheirPrinterColumns) {
  const Json table = MakeTableOf(Incidents(), Incident(), IncludeObject::kMetadata, kNow);
  EXPECT_EQ(table["kind"], "Table");
  EXPECT_EQ(table["apiVersion"], "meta.k8s.io/v1");
  EXPECT_EQ(table["metadata"], Json({{"resourceVersion", "7"}}));
  EXPECT_EQ(ColumnNames(table),
            Strings({"Name", "Phase", "[Ready]", "Count", "Ratio", "On", "Age"}));
  EXPECT_EQ(table["columnDefinitions"][0]["format"], "name");
  EXPECT_EQ(table["columnDefinitions"][1]["description"],
            "Custom resource definition column (in JSONPath format): .status.phase");
  EXPECT_EQ(table["rows"][0]["cells"], Json::parse(R"(["i1","Open","True",3,2.0,true,"61s"])"));
  EXPECT_EQ(table["rows"][0]["object"], Json({{"kind", "PartialObjectMetadata"},
                                              {"apiVersion", "meta.k8s.io/v1"},
                                              {"metadata", Incident()["metadata"]}}));
}

TEST(Table, LeavesCellsOfAbsentFieldsEmpty) {
  const Json table =
      MakeTableOf(Incidents(), {{"metadata", {{"name", "i2"}}}}, IncludeObject::kNone, kNow);
  EXPECT_EQ(table["rows"][0]["cells"], Json::parse(R"(["i2",null,null,null,null,null,null])"));
  EXPECT_TRUE(table["rows"][0]["object"].is_null());
}

TEST(Table, ShowsCompositeCellsAsJsonAndWrongTypesAsNothing) {
  ServedResource resource = Incidents();
  resource.columns = {{"All", "string", "", "", 0, ".spec"},
                      {"Count", "integer", "", "", 0, ".status.phase"},
                      {"Bad", "date", "", "", 0, ".status.phase"},
                      {"Many", "string", "", "", 0, ".status.conditions[*].type"}};
  const Json table = MakeTableOf(resource, Incident(), IncludeObject::kMetadata, kNow);
  EXPECT_EQ(
      table["rows"][0]["cells"],
      Json::parse(R"(["i1","{\"count\":3,\"on\":true,\"ratio\":2}",null,"<invalid>","Other"])"));
}

TEST(Table, FallsBackToNameAndAge) {
  ServedResource resource = Incidents();
  resource.columns.clear();
  const Json table = MakeTableOf(resource, Incident(), IncludeObject::kMetadata, kNow);
  EXPECT_EQ(ColumnNames(table), Strings({"Name", "Age"}));
  EXPECT_EQ(table["columnDefinitions"][1]["type"], "date");
  EXPECT_EQ(table["rows"][0]["cells"], Json::parse(R"(["i1","61s"])"));
}

TEST(Table, KeepsTheListsMetadata) {
  const Json metadata = {{"resourceVersion", "9"}, {"continue", "T"}, {"remainingItemCount", 4}};
  const Json table =
      MakeTable(Incidents(), {Incident(), Incident()}, metadata, IncludeObject::kObject, kNow);
  EXPECT_EQ(table["metadata"], metadata);
  EXPECT_EQ(table["rows"].size(), 2U);
  EXPECT_EQ(table["rows"][1]["object"], Incident());
  EXPECT_EQ(MakeTable(Incidents(), {}, metadata, IncludeObject::kObject, kNow)["rows"],
            Json::array());
}

TEST(Table, NamesTheColumnsOnlyInTheFirstEventOfAWatch) {
  EXPECT_TRUE(MakeTableEvent(Incidents(), Incident(), IncludeObject::kMetadata, true,
                             kNow)["columnDefinitions"]
                  .is_array());
  EXPECT_TRUE(MakeTableEvent(Incidents(), Incident(), IncludeObject::kMetadata, false,
                             kNow)["columnDefinitions"]
                  .is_null());
}

TEST(Table, ShowsBuiltInKindsAsTheRealServerDoes) {
  struct Case {
    const char* kind;
    Strings columns;
    const char* object;
    const char* cells;
  };
  const Case cases[] = {
      {"Namespace",
       {"Name", "Status", "Age"},
       R"({"metadata":{"name":"n","creationTimestamp":"2026-01-02T03:00:06Z"},"status":{"phase":"Active"}})",
       R"(["n","Active","5m"])"},
      {"ConfigMap",
       {"Name", "Data", "Age"},
       R"({"metadata":{"name":"c"},"data":{"a":"1"},"binaryData":{"b":"AA=="}})",
       R"(["c",2,"<unknown>"])"},
      {"Secret",
       {"Name", "Type", "Data", "Age"},
       R"({"metadata":{"name":"s","creationTimestamp":"2026-01-02T03:05:06Z"},"type":"Opaque","data":{"a":""}})",
       R"(["s","Opaque",1,"0s"])"},
      {"Lease",
       {"Name", "Holder", "Age"},
       R"({"metadata":{"name":"l","creationTimestamp":"2026-01-02T00:05:06Z"},"spec":{"holderIdentity":"me"}})",
       R"(["l","me","3h"])"},
      {"Event",
       {"Last Seen", "Type", "Reason", "Object", "[Subobject]", "[Source]", "Message",
        "[First Seen]", "[Count]", "[Name]"},
       R"({"metadata":{"name":"e1"},"type":"Normal","reason":"Fixed","message":" done \n","count":2,
           "involvedObject":{"kind":"HealingPolicy","name":"p1"},"source":{"component":"salve","host":"h"},
           "firstTimestamp":"2026-01-02T03:00:41Z","lastTimestamp":"2026-01-02T03:05:01Z"})",
       R"(["5s","Normal","Fixed","healingpolicy/p1","","salve, h","done","4m25s",2,"e1"])"},
  };
  for (const Case& c : cases) {
    const Json table =
        MakeTableOf(BuiltIn(c.kind), Json::parse(c.object), IncludeObject::kMetadata, kNow);
    EXPECT_EQ(ColumnNames(table), c.columns) << c.kind;
    EXPECT_EQ(table["rows"][0]["cells"], Json::parse(c.cells)) << c.kind;
  }
}

TEST(Table, UnderstandsEventsOfTheNewKind) {
  const Json event = Json::parse(
      R"({"metadata":{"name":"e"},"eventTime":"2026-01-02T03:04:06.000000Z","reportingComponent":"c",
          "reportingInstance":"i","series":{"count":7,"lastObservedTime":"2026-01-02T03:05:00.000000Z"}})");
  const Json cells =
      MakeTableOf(BuiltIn("Event"), event, IncludeObject::kMetadata, kNow)["rows"][0]["cells"];
  EXPECT_EQ(cells[0], "6s");
  EXPECT_EQ(cells[5], "c, i");
  EXPECT_EQ(cells[7], "60s");
  EXPECT_EQ(cells[8], 7);
}

TEST(PartialMetadata, KeepsOnlyMetadata) {
  const Json list = MakePartialMetadataList({Incident()}, {{"resourceVersion", "7"}});
  EXPECT_EQ(list["kind"], "PartialObjectMetadataList");
  EXPECT_EQ(list["apiVersion"], "meta.k8s.io/v1");
  EXPECT_EQ(list["metadata"]["resourceVersion"], "7");
  EXPECT_EQ(list["items"][0]["metadata"]["name"], "i1");
  EXPECT_FALSE(list["items"][0].contains("spec"));
}

TEST(JsonPath, FindsWhatColumnsAskFor) {
  const Json object =
      Json::parse(R"({"a":{"b":[{"c":1,"t":"x"},{"c":2,"t":"y"}],"d.e":3},"n":null})");
  const std::pair<const char*, std::vector<Json>> cases[] = {
      {".a.b[0].c", {1}},
      {"{.a.b[1].c}", {2}},
      {"$.a.b[-1].c", {2}},
      {".a.b[*].c", {1, 2}},
      {".a['d.e']", {3}},
      {".a.d\\.e", {3}},
      {".a.b[?(@.t==\"y\")].c", {2}},
      {".a.b[?(@.t=='y')].c", {2}},
      {".a.b[?(@.c == 1)].t", {"x"}},
      {".a.b[?(@.c!=1)].t", {"y"}},
      {".a.b[?(@.t)].c", {1, 2}},
      {".a.b[7].c", {}},
      {".a.x.y", {}},
      {".n.x", {}},
      {".n", {nullptr}},
  };
  for (const auto& [text, want] : cases) {
    auto path = JsonPath::Parse(text);
    ASSERT_TRUE(path.ok()) << text << ": " << path.status();
    std::vector<Json> found;
    for (const Json* value : path->Find(object)) found.push_back(*value);
    EXPECT_EQ(found, want) << text;
  }
}

TEST(JsonPath, RefusesWhatItDoesNotUnderstand) {
  for (const char* text : {"", "a", ".", "..a", ".a[", ".a[x]", ".a[?(@.b==)]", ".a[?(b)]", "{.a",
                           ".a b", ".a[0", ".a['b"}) {
    EXPECT_FALSE(JsonPath::Parse(text).ok()) << text;
  }
}

constexpr char kTableAccept[] =
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/"
    "json;as=Table;v=v1beta1;g=meta.k8s.io,"
    "application/json";
constexpr char kDiscoveryAccept[] =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

TEST(Negotiation, ChoosesTheRepresentation) {
  const std::pair<const char*, Representation> cases[] = {
      {"", Representation::kObject},
      {"*/*", Representation::kObject},
      {"application/json", Representation::kObject},
      {"application/json, */*", Representation::kObject},
      {"application/vnd.kubernetes.protobuf,application/json", Representation::kObject},
      {kTableAccept, Representation::kTable},
      {"application/json; g=meta.k8s.io; v=v1; as=Table", Representation::kTable},
      {"application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
       Representation::kObject},
      {"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
       Representation::kPartialMetadata},
      {"application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
       Representation::kPartialMetadata},
      {"application/json;q=0.5,application/json;as=Table;v=v1;g=meta.k8s.io",
       Representation::kTable},
  };
  for (const auto& [accept, want] : cases) {
    auto got = NegotiateObject(accept);
    ASSERT_TRUE(got.ok()) << accept;
    EXPECT_EQ(*got, want) << accept;
  }
}

TEST(Negotiation, RefusesWhatCannotBeServedAs406) {
  for (const char* accept :
       {"text/html", "application/vnd.kubernetes.protobuf", "application/json;q=0",
        "application/json;as=Table;v=v9;g=meta.k8s.io", ";;,,=", "application/yaml"}) {
    auto got = NegotiateObject(accept);
    ASSERT_FALSE(got.ok()) << accept;
    EXPECT_EQ(got.error().code(), 406);
    EXPECT_EQ(got.error().reason(), "NotAcceptable");
  }
}

TEST(Negotiation, ChoosesTheFormOfDiscovery) {
  EXPECT_EQ(*NegotiateDiscovery(kDiscoveryAccept), DiscoveryFormat::kAggregatedV2);
  EXPECT_EQ(*NegotiateDiscovery("application/json, */*"), DiscoveryFormat::kPlain);
  EXPECT_EQ(*NegotiateDiscovery(""), DiscoveryFormat::kPlain);
  EXPECT_EQ(NegotiateDiscovery(
                "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList")
                .error()
                .code(),
            406);
}

TEST(Negotiation, ReadsTheTypeOfABody) {
  EXPECT_EQ(*NegotiateBody(""), BodyFormat::kJson);
  EXPECT_EQ(*NegotiateBody("application/json; charset=utf-8"), BodyFormat::kJson);
  EXPECT_EQ(*NegotiateBody("application/vnd.kubernetes.protobuf"), BodyFormat::kProtobuf);
  EXPECT_EQ(*NegotiateBody("application/yaml"), BodyFormat::kYaml);
  EXPECT_EQ(NegotiateBody("text/plain").error().code(), 415);
  EXPECT_EQ(*ParseIncludeObject(""), IncludeObject::kMetadata);
  EXPECT_EQ(*ParseIncludeObject("Object"), IncludeObject::kObject);
  EXPECT_EQ(
      ParseIncludeObject("Foo").error().message(),
      "Unable to convert to Table as requested: includeObject: Invalid value: \"Foo\": must be "
      "'Metadata', 'Object', 'None', or empty");
}

}  // namespace
}  // namespace salve::apiserver
