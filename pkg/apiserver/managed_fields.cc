// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/managed_fields.h"

#include <algorithm>
#include <map>
#include <utility>

#include "pkg/apiserver/managed_fields_walk.h"
#include "pkg/apiserver/rest_object.h"
#include "pkg/base/time_format.h"

namespace salve::apiserver {
namespace {

constexpr std::size_t kMaxUpdaters = 10;
constexpr char kAncient[] = "ancient-changes";

const Json* StoredList(const Json& object) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return nullptr;
  const auto list = metadata->find("managedFields");
  return list == metadata->end() || list->is_null() ? nullptr : &*list;
}

// "" for absent and null; nullopt for another type.
std::optional<std::string> TextOf(const Json& entry, const char* key) {
  const auto it = entry.find(key);
  if (it == entry.end() || it->is_null()) return std::string();
  if (!it->is_string()) return std::nullopt;
  return it->get<std::string>();
}

// The fields are left to the caller.
std::optional<ManagedEntry> ParseHead(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  const auto manager = TextOf(json, "manager");
  const auto operation = TextOf(json, "operation");
  const auto version = TextOf(json, "apiVersion");
  const auto type = TextOf(json, "fieldsType");
  const auto subresource = TextOf(json, "subresource");
  const auto time = TextOf(json, "time");
  if (!manager || !operation || !version || !type || !subresource || !time) return std::nullopt;
  if (*operation != "Apply" && *operation != "Update") return std::nullopt;
  if (version->empty() || *type != "FieldsV1") return std::nullopt;
  ManagedEntry entry;
  entry.manager = *manager;
  entry.applied = *operation == "Apply";
  entry.api_version = *version;
  entry.subresource = *subresource;
  if (!time->empty()) {
    const auto parsed = ParseTime(*time);
    if (!parsed) return std::nullopt;
    entry.time = FormatTime(*parsed);
  }
  return entry;
}

// Times sort as texts: they are all of one form, in UTC.
const std::string& TimeOf(const ManagedEntry& entry) {
  static const std::string none;
  return entry.time ? *entry.time : none;
}

// The real server cannot tell [] from nothing in a custom resource.
bool IsReset(const Json& list, bool custom) {
  if (!list.is_array()) return false;
  if (list.empty()) return !custom;
  return list.size() == 1 && list[0].is_object() && list[0].empty();
}

// What the write starts from. A subresource cannot set the list.
ManagedFields Present(const Json& live, const Json& object, const std::string& subresource,
                      bool custom) {
  const Json* stored = StoredList(live);
  const Json* given = subresource.empty() ? StoredList(object) : nullptr;
  if (given == nullptr || (stored != nullptr && *given == *stored)) {
    return ManagedFields::FromStored(live);
  }
  if (IsReset(*given, custom)) return {};
  auto parsed = ManagedFields::Parse(*given);
  return parsed && !parsed->empty() ? *std::move(parsed) : ManagedFields::FromStored(live);
}

bool SameButTimes(const Json& a, const Json& b) {
  if (!a.is_array() || !b.is_array() || a.size() != b.size() || a.empty()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto others = [](const Json& entry) { return entry.size() - entry.count("time"); };
    if (others(a[i]) != others(b[i])) return false;
    for (auto it = a[i].begin(); it != a[i].end(); ++it) {
      if (it.key() == "time") continue;
      const auto other = b[i].find(it.key());
      if (other == b[i].end() || *other != *it) return false;
    }
  }
  return true;
}

// Whether the members are the same, but for the one called `ignored`.
bool SameBut(const Json& a, const Json& b, const char* ignored) {
  const auto count = [ignored](const Json& json) { return json.size() - json.count(ignored); };
  if (!a.is_object() || !b.is_object() || count(a) != count(b)) return false;
  for (auto it = a.begin(); it != a.end(); ++it) {
    if (it.key() == ignored) continue;
    const auto other = b.find(it.key());
    if (other == b.end() || *other != *it) return false;
  }
  return true;
}

bool SameButManagedFields(const Json& a, const Json& b) {
  return SameBut(a, b, "metadata") &&
         SameBut(a.value("metadata", Json()), b.value("metadata", Json()), "managedFields");
}

}  // namespace

std::string ManagedEntry::Identity() const {
  const auto member = [](const char* name, const std::string& value) {
    return value.empty() ? std::string() : "\"" + std::string(name) + "\":" + Json(value).dump();
  };
  std::string text;
  for (const std::string& part :
       {member("manager", manager), member("operation", applied ? "Apply" : "Update"),
        member("apiVersion", applied ? "" : api_version), member("subresource", subresource)}) {
    if (!part.empty()) text += (text.empty() ? "{" : ",") + part;
  }
  return text + "}";
}

std::optional<ManagedFields> ManagedFields::Parse(const Json& list) {
  if (!list.is_array()) return std::nullopt;
  ManagedFields out;
  for (const Json& json : list) {
    auto entry = ParseHead(json);
    if (!entry) return std::nullopt;
    auto fields = FieldSet::Parse(json.contains("fieldsV1") ? json["fieldsV1"] : Json::object());
    if (!fields) return std::nullopt;
    entry->fields = *std::move(fields);
    out.Erase(entry->Identity());
    out.entries_.push_back(*std::move(entry));
  }
  return out;
}

ManagedFields ManagedFields::FromStored(const Json& object) {
  const Json* list = StoredList(object);
  ManagedFields out;
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& json : *list) {
    auto entry = ParseHead(json);
    if (!entry) return {};
    const auto fields = json.find("fieldsV1");
    if (fields != json.end()) entry->fields = FieldSet(*fields);
    out.entries_.push_back(*std::move(entry));
  }
  return out;
}

ManagedEntry* ManagedFields::Find(const std::string& identity) {
  const auto it = std::find_if(entries_.begin(), entries_.end(), [&](const ManagedEntry& entry) {
    return entry.Identity() == identity;
  });
  return it == entries_.end() ? nullptr : &*it;
}

void ManagedFields::Erase(const std::string& identity) {
  std::erase_if(entries_, [&](const ManagedEntry& e) { return e.Identity() == identity; });
}

void ManagedFields::DropEmpty(const std::string& api_version) {
  std::erase_if(entries_, [&](const ManagedEntry& entry) {
    return entry.fields.empty() || entry.api_version != api_version;
  });
}

void ManagedFields::CapUpdaters() {
  std::vector<ManagedEntry> updaters;
  std::vector<ManagedEntry> kept;
  for (ManagedEntry& entry : entries_) {
    (entry.applied ? kept : updaters).push_back(std::move(entry));
  }
  if (updaters.size() > kMaxUpdaters) {
    std::sort(updaters.begin(), updaters.end(), [](const ManagedEntry& a, const ManagedEntry& b) {
      return TimeOf(a) != TimeOf(b) ? TimeOf(a) < TimeOf(b) : a.Identity() < b.Identity();
    });
    // All are of one version here (DropEmpty), so one bucket takes the oldest.
    const std::size_t merged = updaters.size() - kMaxUpdaters + 1;
    ManagedEntry& bucket = updaters[merged - 1];
    for (std::size_t i = 0; i + 1 < merged; ++i) bucket.fields.Add(updaters[i].fields);
    bucket.manager = kAncient;
    bucket.subresource.clear();
    updaters.erase(updaters.begin(), updaters.begin() + static_cast<std::ptrdiff_t>(merged - 1));
  }
  entries_ = std::move(kept);
  std::move(updaters.begin(), updaters.end(), std::back_inserter(entries_));
}

Json ManagedFields::Encode() const {
  if (entries_.empty()) return nullptr;
  std::vector<const ManagedEntry*> sorted;
  sorted.reserve(entries_.size());
  for (const ManagedEntry& entry : entries_) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](const ManagedEntry* a, const ManagedEntry* b) {
    if (a->applied != b->applied) return a->applied;
    if (TimeOf(*a) != TimeOf(*b)) return TimeOf(*a) < TimeOf(*b);
    if (a->manager != b->manager) return a->manager < b->manager;
    if (a->api_version != b->api_version) return a->api_version < b->api_version;
    return a->subresource < b->subresource;
  });
  Json list = Json::array();
  for (const ManagedEntry* entry : sorted) {
    Json json = {{"apiVersion", entry->api_version},
                 {"fieldsType", "FieldsV1"},
                 {"fieldsV1", entry->fields.json()},
                 {"operation", entry->applied ? "Apply" : "Update"}};
    if (!entry->manager.empty()) json["manager"] = entry->manager;
    if (!entry->subresource.empty()) json["subresource"] = entry->subresource;
    if (entry->time) json["time"] = *entry->time;
    list.push_back(std::move(json));
  }
  return list;
}

void StripMeta(FieldSet& fields) {
  static const auto* const kServer = new FieldSet(Json::parse(
      R"({"f:apiVersion":{},"f:kind":{},"f:metadata":{".":{},"f:name":{},"f:namespace":{},
          "f:creationTimestamp":{},"f:selfLink":{},"f:uid":{},"f:clusterName":{},
          "f:generation":{},"f:managedFields":{},"f:resourceVersion":{}}})"));
  fields.Subtract(*kServer);
}

std::vector<std::string> ResetFields(const ServedResource& resource,
                                     const std::string& subresource) {
  if (subresource == "status") {
    return resource.custom ? std::vector<std::string>{"metadata", "spec"}
                           : std::vector<std::string>{"spec"};
  }
  return resource.HasStatus() ? std::vector<std::string>{"status"} : std::vector<std::string>{};
}

const Json* TypedZero(const ServedResource& resource) {
  if (resource.custom) return nullptr;
  static const auto* const kZeros = new std::map<std::string, Json>{
      {"Event",
       Json::parse(R"({"involvedObject":{},"source":{},"firstTimestamp":null,"lastTimestamp":null,
                       "eventTime":null,"reportingComponent":"","reportingInstance":""})")},
      {"Lease", Json::parse(R"({"spec":{}})")},
      {"Namespace", Json::parse(R"({"spec":{},"status":{}})")}};
  const auto it = kZeros->find(resource.info.kind);
  return it == kZeros->end() ? nullptr : &it->second;
}

Json UpdateManagedFields(const Json& live, const Json& object, const ServedResource& resource,
                         const FieldWriter& writer) {
  ManagedFields managed = Present(live, object, writer.subresource, resource.custom);
  // Who is not tracked since his creation is left alone until somebody applies to him.
  const bool create = MetaText(live, "uid").empty();
  if ((managed.empty() && !create) || resource.schema == nullptr) return managed.Encode();

  const std::string api_version = resource.info.ApiVersion();
  // To the real server a custom resource's list is lost if one entry is of an unknown version.
  const bool lost =
      resource.custom &&
      std::any_of(managed.entries().begin(), managed.entries().end(),
                  [&](const ManagedEntry& entry) { return entry.api_version != api_version; });
  if (lost) return nullptr;
  FieldChanges changes = CompareFields(live, object, resource.schema->root(), TypedZero(resource));
  for (const std::string& field : ResetFields(resource, writer.subresource)) {
    changes.set.DropTop(field);
    changes.removed.DropTop(field);
  }
  for (ManagedEntry& entry : managed.entries()) {
    FollowSchema(entry.fields, resource.schema->root());
    entry.fields.Subtract(changes.set);
    entry.fields.Subtract(changes.removed);
  }
  managed.DropEmpty(api_version);
  StripMeta(changes.set);
  if (!changes.set.empty()) {
    ManagedEntry mine;
    mine.manager = writer.manager;
    mine.api_version = api_version;
    mine.subresource = writer.subresource;
    ManagedEntry* present = managed.Find(mine.Identity());
    if (present == nullptr) present = &managed.entries().emplace_back(std::move(mine));
    present->fields.Add(changes.set);
    present->time = FormatTime(writer.now);
  }
  managed.CapUpdaters();
  return managed.Encode();
}

void SetManagedFields(Json& object, Json list, const Json* old) {
  Json& metadata = object["metadata"];
  if (old != nullptr) {
    const Json* before = StoredList(*old);
    if (before != nullptr && SameButTimes(*before, list) && SameButManagedFields(object, *old)) {
      list = *before;
    }
  }
  if (list.is_null()) {
    metadata.erase("managedFields");
  } else {
    metadata["managedFields"] = std::move(list);
  }
}

std::string ManagerName(std::string_view field_manager, std::string_view user_agent) {
  if (!field_manager.empty()) return std::string(field_manager);
  constexpr std::size_t kMaxBytes = 128;
  std::string name;
  for (const char c : user_agent.substr(0, user_agent.find('/'))) {
    // Bytes of longer UTF-8 characters are kept: a header holds few that do not print.
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) continue;
    if (name.size() >= kMaxBytes) break;
    name += c;
  }
  // Not half a character.
  while (name.size() == kMaxBytes && (static_cast<unsigned char>(name.back()) & 0xc0) == 0x80) {
    name.pop_back();
  }
  return name;
}

}  // namespace salve::apiserver
