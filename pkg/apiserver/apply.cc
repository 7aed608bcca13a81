// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/apply.h"

#include <algorithm>
#include <map>
#include <utility>

#include "pkg/apis/yaml/yaml.h"
#include "pkg/apiserver/managed_fields_walk.h"
#include "pkg/apiserver/rest_object.h"
#include "pkg/base/time_format.h"

namespace salve::apiserver {
namespace {

constexpr char kBeforeFirstApply[] = "before-first-apply";
constexpr char kKubectl[] = "kubectl";
constexpr char kLastApplied[] = "kubectl.kubernetes.io/last-applied-configuration";
constexpr std::size_t kMaxAnnotationsBytes = 256u << 10;

// Fields of others whose value the apply would change.
struct Conflict {
  const ManagedEntry* owner;
  FieldSet fields;
};

Json EmptyObject(const ServedResource& resource) {
  return {{"apiVersion", resource.info.ApiVersion()},
          {"kind", resource.info.kind},
          {"metadata", Json::object()}};
}

std::string OwnerText(const ManagedEntry& owner) {
  std::string text = "\"" + owner.manager + "\"";
  if (!owner.subresource.empty()) text += " with subresource \"" + owner.subresource + "\"";
  if (!owner.applied) text += " using " + owner.api_version;
  return text;
}

ApiError ConflictFailure(const std::vector<Conflict>& conflicts) {
  Json causes = Json::array();
  std::string list;
  std::string single;
  for (const Conflict& conflict : conflicts) {
    const std::string owner = OwnerText(*conflict.owner);
    list += (list.empty() ? "" : "\n") + ("conflicts with " + owner + ":");
    conflict.fields.ForEach([&](const std::vector<std::string>& steps) {
      const std::string path = PathText(steps);
      causes.push_back({{"reason", "FieldManagerConflict"},
                        {"message", "conflict with " + owner},
                        {"field", path}});
      list += "\n- " + path;
      single = "conflict with " + owner + ": " + path;
    });
  }
  const std::string message =
      causes.size() == 1
          ? "Apply failed with 1 conflict: " + single
          : "Apply failed with " + std::to_string(causes.size()) + " conflicts: " + list;
  return ApiError({{"kind", "Status"},
                   {"apiVersion", "v1"},
                   {"metadata", Json::object()},
                   {"status", "Failure"},
                   {"message", message},
                   {"reason", "Conflict"},
                   {"details", {{"causes", std::move(causes)}}},
                   {"code", 409}});
}

const Json* Annotation(const Json& object, const char* name) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return nullptr;
  const auto annotations = metadata->find("annotations");
  if (annotations == metadata->end() || !annotations->is_object()) return nullptr;
  const auto it = annotations->find(name);
  return it != annotations->end() && it->is_string() && !it->get_ref<const std::string&>().empty()
             ? &*it
             : nullptr;
}

// JSON as Go writes it: three characters that HTML knows are escaped. They stand in strings only.
std::string GoJson(const Json& json) {
  std::string text;
  for (const char c : json.dump(-1, ' ', false, Json::error_handler_t::replace)) {
    if (c == '<') {
      text += "\\u003c";
    } else if (c == '>') {
      text += "\\u003e";
    } else if (c == '&') {
      text += "\\u0026";
    } else {
      text += c;
    }
  }
  return text;
}

// One apply, step by step.
class Applying {
 public:
  Applying(const Json& live, const Json& config, const ServedResource& resource,
           const ApplyRequest& request)
      : config_(config),
        resource_(resource),
        schema_(resource.schema->root()),
        request_(request),
        managed_(ManagedFields::FromStored(live)),
        live_(live) {
    live_["metadata"].erase("managedFields");
    self_.manager = request.writer.manager;
    self_.applied = true;
    self_.api_version = resource.info.ApiVersion();
    self_.subresource = request.writer.subresource;
  }

  ApiResult<Applied> Run();

 private:
  void OwnWhatWasThere();
  void Reset(FieldSet& fields) const {
    for (const std::string& field : ResetFields(resource_, request_.writer.subresource)) {
      fields.DropTop(field);
    }
  }
  Json Prune(const Json& merged, const FieldSet& last) const;
  std::vector<Conflict> Conflicts(const FieldSet& changed, const FieldSet& allowed) const;
  FieldSet AllowedByLastApplied() const;
  void SyncLastApplied(Json& object) const;

  const Json& config_;
  const ServedResource& resource_;
  const SchemaNode& schema_;
  const ApplyRequest& request_;
  ManagedFields managed_;
  Json live_;          // without its list
  ManagedEntry self_;  // who applies
};

// Fields of an object that nobody was tracked for belong to a manager of their own, so that the
// first apply meets conflicts instead of silently taking over.
void Applying::OwnWhatWasThere() {
  if (!managed_.empty()) return;
  FieldChanges all = CompareFields(EmptyObject(resource_), live_, schema_, TypedZero(resource_));
  Reset(all.set);
  StripMeta(all.set);
  if (all.set.empty()) return;
  ManagedEntry entry;
  entry.manager = kBeforeFirstApply;
  entry.api_version = self_.api_version;
  entry.subresource = self_.subresource;
  entry.time = FormatTime(request_.writer.now);
  entry.fields = std::move(all.set);
  managed_.entries().push_back(std::move(entry));
}

// `merged` without the fields that were applied last time and that nobody owns now. Fields below
// them go along unless somebody owns those.
Json Applying::Prune(const Json& merged, const FieldSet& last) const {
  if (last.empty()) return merged;
  const FieldSet last_named = WithNamedParents(last, schema_);
  const FieldSet merged_set = WithNamedParents(FieldsOf(merged, schema_), schema_);
  FieldSet owned;
  for (const ManagedEntry& entry : managed_.entries()) owned.Add(entry.fields);

  const Json cut = RemoveFields(merged, last_named, schema_);
  FieldSet kept = WithNamedParents(FieldsOf(cut, schema_), schema_);
  kept.Add(WithNamedParents(owned, schema_));
  FieldSet gone = merged_set;
  gone.Subtract(kept);
  const Json with_owned = RemoveFields(merged, gone, schema_);

  gone = merged_set;
  gone.Subtract(WithNamedParents(FieldsOf(with_owned, schema_), schema_));
  return RemoveFields(merged, gone.Intersect(last_named), schema_);
}

std::vector<Conflict> Applying::Conflicts(const FieldSet& changed, const FieldSet& allowed) const {
  std::map<std::string, Conflict> sorted;
  const std::string self = self_.Identity();
  for (const ManagedEntry& entry : managed_.entries()) {
    const std::string identity = entry.Identity();
    if (identity == self) continue;
    FieldSet fields = entry.fields.Intersect(changed);
    fields.Subtract(allowed);
    if (!fields.empty()) sorted.emplace(identity, Conflict{&entry, std::move(fields)});
  }
  std::vector<Conflict> conflicts;
  for (auto& [identity, conflict] : sorted) conflicts.push_back(std::move(conflict));
  return conflicts;
}

// What kubectl applied client-side, as its annotation says, is its own: no conflict where the value
// is still the one in the annotation.
FieldSet Applying::AllowedByLastApplied() const {
  const Json* text = self_.manager == kKubectl ? Annotation(live_, kLastApplied) : nullptr;
  if (text == nullptr) return {};
  const Json last = Json::parse(text->get<std::string>(), nullptr, /*allow_exceptions=*/false);
  if (!last.is_object() || last.value("apiVersion", Json()) != self_.api_version ||
      !CheckTypes(last, schema_).empty()) {
    return {};
  }
  FieldSet allowed = FieldsOf(last, schema_);
  const FieldChanges drift = CompareFields(last, live_, schema_, nullptr);
  allowed.Subtract(drift.set);
  allowed.Subtract(drift.removed);
  return allowed;
}

// Keeps the annotation true for a kubectl that applies client-side again.
void Applying::SyncLastApplied(Json& object) const {
  if (self_.manager != kKubectl || Annotation(object, kLastApplied) == nullptr) return;
  Json config = config_;
  if (Json& metadata = config["metadata"]; metadata.is_object()) {
    const auto annotations = metadata.find("annotations");
    if (annotations != metadata.end() && annotations->is_object()) {
      annotations->erase(kLastApplied);
    }
  }
  Json& annotations = object["metadata"]["annotations"];
  annotations[kLastApplied] = GoJson(config) + "\n";
  std::size_t bytes = 0;
  for (auto it = annotations.begin(); it != annotations.end(); ++it) {
    bytes += it.key().size() + (it->is_string() ? it->get_ref<const std::string&>().size() : 0);
  }
  if (bytes > kMaxAnnotationsBytes) annotations.erase(kLastApplied);
}

ApiResult<Applied> Applying::Run() {
  OwnWhatWasThere();
  for (ManagedEntry& entry : managed_.entries()) FollowSchema(entry.fields, schema_);
  FieldSet last;
  if (ManagedEntry* present = managed_.Find(self_.Identity())) {
    if (present->api_version == self_.api_version) last = present->fields;
    self_.time = present->time;
    managed_.Erase(self_.Identity());
  }
  self_.fields = FieldsOf(config_, schema_);
  Reset(self_.fields);
  managed_.entries().push_back(self_);
  // Versions that are not served own nothing any more.
  std::erase_if(managed_.entries(), [this](const ManagedEntry& entry) {
    return entry.api_version != self_.api_version;
  });

  Json object = Prune(MergeFields(live_, config_, schema_), last);
  FieldChanges changes = CompareFields(live_, object, schema_, TypedZero(resource_));
  Reset(changes.set);
  Reset(changes.removed);
  if (!request_.force) {
    auto conflicts = Conflicts(changes.set, {});
    if (!conflicts.empty()) conflicts = Conflicts(changes.set, AllowedByLastApplied());
    if (!conflicts.empty()) return ConflictFailure(conflicts);
  }
  for (ManagedEntry& entry : managed_.entries()) {
    if (entry.Identity() == self_.Identity()) {
      StripMeta(entry.fields);
      if (object != live_) entry.time = FormatTime(request_.writer.now);
      continue;
    }
    entry.fields.Subtract(changes.set);
    entry.fields.Subtract(changes.removed);
  }
  managed_.DropEmpty(self_.api_version);
  SyncLastApplied(object);
  return Applied{std::move(object), managed_.Encode()};
}

}  // namespace

ApiResult<DecodedBody> DecodeApplyBody(std::string_view body, std::size_t max_bytes) {
  if (body.size() > max_bytes) return RequestEntityTooLarge(max_bytes);
  const auto first = body.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return DecodedBody{Json::object(), {}};
  DecodedBody decoded;
  auto json =
      body[first] == '{' ? DecodeJsonBody(body, max_bytes) : ApiResult<DecodedBody>(decoded);
  if (body[first] == '{' && json.ok()) {
    decoded = std::move(json).value();
  } else {
    auto document = apis::yaml::ParseOne(body);
    if (!document.ok()) {
      return BadRequest("error decoding YAML: error converting YAML to JSON: yaml: " +
                        document.status().message());
    }
    decoded.value = std::move(document->value);
  }
  if (decoded.value.is_null()) decoded.value = Json::object();
  if (!decoded.value.is_object()) {
    const std::string type = decoded.value.is_array()     ? "array"
                             : decoded.value.is_string()  ? "string"
                             : decoded.value.is_boolean() ? "bool"
                                                          : "number";
    return BadRequest(
        "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: "
        "cannot unmarshal " +
        type + " into Go value of type map[string]interface {}");
  }
  return decoded;
}

ApiResult<Applied> Apply(const Json& live, const Json& config, const ServedResource& resource,
                         const ApplyRequest& request) {
  return Applying(live, config, resource, request).Run();
}

}  // namespace salve::apiserver
