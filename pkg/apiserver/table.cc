// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/table.h"

#include <algorithm>
#include <cctype>
#include <functional>

#include "pkg/base/time_format.h"

namespace salve::apiserver {
namespace {

constexpr char kNameText[] = "Unique within the namespace (or the cluster); cannot be changed.";
constexpr char kAgeText[] = "Time since the server created the object.";
constexpr char kUnknown[] = "<unknown>";

const Json& At(const Json& object, const char* key) {
  static const Json nothing;
  if (!object.is_object()) return nothing;
  auto it = object.find(key);
  return it == object.end() ? nothing : *it;
}

std::string TextAt(const Json& object, const char* key) {
  const Json& value = At(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::string MetaText(const Json& object, const char* key) {
  return TextAt(At(object, "metadata"), key);
}

// An age from a timestamp's text; `absent` where there is none.
std::string Since(const std::string& time, WallTime now, const char* absent = kUnknown) {
  if (time.empty()) return absent;
  const auto parsed = ParseTime(time);
  return parsed ? HumanDuration(now - *parsed) : std::string("<invalid>");
}

Json Column(const std::string& name, const std::string& type, const std::string& format,
            const std::string& description, int priority) {
  return {{"name", name},
          {"type", type},
          {"format", format},
          {"description", description},
          {"priority", priority}};
}

Json NameColumn() { return Column("Name", "string", "name", kNameText, 0); }

// --- built-in kinds
// -----------------------------------------------------------------------------------

struct BuiltInColumn {
  const char* name;
  const char* format;
  const char* description;
  int priority;
  std::function<Json(const Json& object, WallTime now)> cell;
};

Json NameCell(const Json& object, WallTime /*now*/) { return MetaText(object, "name"); }

Json AgeCell(const Json& object, WallTime now) {
  return Since(MetaText(object, "creationTimestamp"), now);
}

Json CountEntries(const Json& object, WallTime /*now*/) {
  return At(object, "data").size() + At(object, "binaryData").size();
}

std::string FirstSeen(const Json& event, WallTime now) {
  const std::string first = TextAt(event, "firstTimestamp");
  return first.empty() ? Since(TextAt(event, "eventTime"), now) : Since(first, now);
}

Json LastSeen(const Json& event, WallTime now) {
  if (At(event, "series").is_object()) {
    return Since(TextAt(At(event, "series"), "lastObservedTime"), now);
  }
  const std::string last = TextAt(event, "lastTimestamp");
  return last.empty() ? FirstSeen(event, now) : Since(last, now);
}

Json EventObject(const Json& event, WallTime /*now*/) {
  const Json& object = At(event, "involvedObject");
  std::string target = TextAt(object, "kind");
  std::transform(target.begin(), target.end(), target.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string name = TextAt(object, "name");
  return name.empty() ? target : target + "/" + name;
}

Json EventSource(const Json& event, WallTime /*now*/) {
  const Json& source = At(event, "source");
  std::string component = TextAt(source, "component");
  if (component.empty()) component = TextAt(event, "reportingComponent");
  std::string instance = TextAt(source, "host");
  if (instance.empty()) instance = TextAt(event, "reportingInstance");
  return instance.empty() ? component : component + ", " + instance;
}

Json EventCount(const Json& event, WallTime /*now*/) {
  const Json& series = At(event, "series");
  const Json& count = series.is_object() ? At(series, "count") : At(event, "count");
  return count.is_number_integer() && count != 0 ? count : Json(1);
}

Json EventMessage(const Json& event, WallTime /*now*/) {
  std::string text = TextAt(event, "message");
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  text.resize(last == std::string::npos ? 0 : last + 1);
  return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

std::function<Json(const Json&, WallTime)> TextCell(const char* key) {
  return [key](const Json& object, WallTime) { return Json(TextAt(object, key)); };
}

std::function<Json(const Json&, WallTime)> TextCell(const char* parent, const char* key) {
  return
      [parent, key](const Json& object, WallTime) { return Json(TextAt(At(object, parent), key)); };
}

const std::vector<BuiltInColumn>& EventColumns() {
  static const std::vector<BuiltInColumn> columns = {
      {"Last Seen", "", "When it last happened.", 0, LastSeen},
      {"Type", "", "Normal or Warning.", 0, TextCell("type")},
      {"Reason", "", "One word: why.", 0, TextCell("reason")},
      {"Object", "", "What it happened to.", 0, EventObject},
      {"Subobject", "", "A part of the object.", 1, TextCell("involvedObject", "fieldPath")},
      {"Source", "", "Who reports.", 1, EventSource},
      {"Message", "", "For a reader.", 0, EventMessage},
      {"First Seen", "", "When it first happened.", 1,
       [](const Json& event, WallTime now) { return Json(FirstSeen(event, now)); }},
      {"Count", "", "How often it happened.", 1, EventCount},
      {"Name", "name", kNameText, 1, NameCell}};
  return columns;
}

// The middle columns of a kind that starts with Name and ends with Age.
std::vector<BuiltInColumn> MiddleColumns(const ResourceInfo& info) {
  if (info.group.empty() && info.kind == "Namespace") {
    return {{"Status", "", "The status of the namespace", 0, TextCell("status", "phase")}};
  }
  if (info.group.empty() && info.kind == "ConfigMap") {
    return {{"Data", "", "Number of entries.", 0, CountEntries}};
  }
  if (info.group.empty() && info.kind == "Secret") {
    return {{"Type", "", "What the data is for.", 0, TextCell("type")},
            {"Data", "", "Number of entries.", 0, CountEntries}};
  }
  if (info.kind == "Lease") {
    return {{"Holder", "", "Who holds it.", 0, TextCell("spec", "holderIdentity")}};
  }
  return {};
}

std::vector<BuiltInColumn> BuiltInColumns(const ResourceInfo& info) {
  if (info.kind == "Event") return EventColumns();
  std::vector<BuiltInColumn> columns = {{"Name", "name", kNameText, 0, NameCell}};
  for (BuiltInColumn& column : MiddleColumns(info)) columns.push_back(std::move(column));
  columns.push_back({"Age", "", kAgeText, 0, AgeCell});
  return columns;
}

// --- custom resources
// ---------------------------------------------------------------------------------

Json CustomCell(const PrinterColumn& column, const Json& value, WallTime now) {
  if (value.is_null()) return nullptr;
  if (column.type == "string") return value.is_string() ? value : Json(ShowValue(value));
  if (column.type == "integer" && value.is_number()) return value.get<std::int64_t>();
  if (column.type == "number" && value.is_number()) return value.get<double>();
  if (column.type == "boolean" && value.is_boolean()) return value;
  if (column.type == "date" && value.is_string()) {
    return Since(value.get<std::string>(), now);
  }
  return nullptr;
}

// One table's worth of columns: definitions and how to fill a row.
class Columns {
 public:
  explicit Columns(const ServedResource& resource);
  const Json& definitions() const { return definitions_; }
  Json Cells(const Json& object, WallTime now) const;

 private:
  const bool custom_;
  Json definitions_ = Json::array();
  std::vector<BuiltInColumn> built_in_;
  std::vector<std::pair<const PrinterColumn*, JsonPath>> printed_;
};

Columns::Columns(const ServedResource& resource) : custom_(resource.custom) {
  if (!custom_ || resource.columns.empty()) {
    // A custom kind without columns of its own gets Name and Age.
    built_in_ = BuiltInColumns(custom_ ? ResourceInfo{} : resource.info);
    for (const BuiltInColumn& column : built_in_) {
      const bool date = custom_ && std::string_view(column.name) == "Age";
      definitions_.push_back(Column(column.name, date ? "date" : "string", column.format,
                                    column.description, column.priority));
    }
    return;
  }
  definitions_.push_back(NameColumn());
  for (const PrinterColumn& column : resource.columns) {
    auto path = JsonPath::Parse(column.json_path);
    if (!path.ok()) continue;  // refused when the CRD was read
    printed_.emplace_back(&column, std::move(path).value());
    const std::string description =
        column.description.empty()
            ? "Custom resource definition column (in JSONPath format): " + column.json_path
            : column.description;
    definitions_.push_back(
        Column(column.name, column.type, column.format, description, column.priority));
  }
}

Json Columns::Cells(const Json& object, WallTime now) const {
  Json cells = Json::array();
  for (const BuiltInColumn& column : built_in_) cells.push_back(column.cell(object, now));
  if (!built_in_.empty()) return cells;
  cells.push_back(MetaText(object, "name"));
  for (const auto& [column, path] : printed_) {
    const std::vector<const Json*> found = path.Find(object);
    cells.push_back(found.empty() ? Json() : CustomCell(*column, *found.front(), now));
  }
  return cells;
}

Json Row(const Columns& columns, const Json& object, IncludeObject include, WallTime now) {
  Json row = {{"cells", columns.Cells(object, now)}};
  if (include == IncludeObject::kMetadata) row["object"] = MakePartialMetadata(object);
  if (include == IncludeObject::kObject) row["object"] = object;
  if (include == IncludeObject::kNone) row["object"] = nullptr;
  return row;
}

Json Table(const Json& metadata, Json definitions, Json rows) {
  return {{"kind", "Table"},
          {"apiVersion", "meta.k8s.io/v1"},
          {"metadata", metadata.is_object() ? metadata : Json::object()},
          {"columnDefinitions", std::move(definitions)},
          {"rows", std::move(rows)}};
}

Json VersionOf(const Json& object) {
  Json metadata = Json::object();
  if (std::string version = MetaText(object, "resourceVersion"); !version.empty()) {
    metadata["resourceVersion"] = version;
  }
  return metadata;
}

}  // namespace

Json MakeTable(const ServedResource& resource, const std::vector<Json>& objects,
               const Json& list_metadata, IncludeObject include, WallTime now) {
  const Columns columns(resource);
  Json rows = Json::array();
  for (const Json& object : objects) rows.push_back(Row(columns, object, include, now));
  return Table(list_metadata, columns.definitions(), std::move(rows));
}

Json MakeTableOf(const ServedResource& resource, const Json& object, IncludeObject include,
                 WallTime now) {
  const Columns columns(resource);
  return Table(VersionOf(object), columns.definitions(),
               Json::array({Row(columns, object, include, now)}));
}

Json MakeTableEvent(const ServedResource& resource, const Json& object, IncludeObject include,
                    bool first, WallTime now) {
  const Columns columns(resource);
  return Table(VersionOf(object), first ? columns.definitions() : Json(),
               Json::array({Row(columns, object, include, now)}));
}

Json MakePartialMetadata(const Json& object) {
  const Json& metadata = At(object, "metadata");
  return {{"kind", "PartialObjectMetadata"},
          {"apiVersion", "meta.k8s.io/v1"},
          {"metadata", metadata.is_object() ? metadata : Json::object()}};
}

Json MakePartialMetadataList(const std::vector<Json>& objects, const Json& list_metadata) {
  Json items = Json::array();
  for (const Json& object : objects) items.push_back(MakePartialMetadata(object));
  return {{"kind", "PartialObjectMetadataList"},
          {"apiVersion", "meta.k8s.io/v1"},
          {"metadata", list_metadata.is_object() ? list_metadata : Json::object()},
          {"items", std::move(items)}};
}

}  // namespace salve::apiserver
