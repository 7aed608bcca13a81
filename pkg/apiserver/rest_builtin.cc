// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/rest_builtin.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "pkg/apiserver/rest_object.h"
#include "pkg/base/base64.h"

namespace salve::apiserver {
namespace {

enum class BuiltIn { kOther, kNamespace, kConfigMap, kSecret, kEvent, kLease };

BuiltIn Which(const ServedResource& resource) {
  if (resource.custom) return BuiltIn::kOther;
  const std::string& kind = resource.info.kind;
  if (kind == "Namespace") return BuiltIn::kNamespace;
  if (kind == "ConfigMap") return BuiltIn::kConfigMap;
  if (kind == "Secret") return BuiltIn::kSecret;
  if (kind == "Event") return BuiltIn::kEvent;
  if (kind == "Lease") return BuiltIn::kLease;
  return BuiltIn::kOther;
}

const Json* At(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

void PrepareNamespace(Json& object, const Json* old) {
  // Labels of another type are left for validation to refuse.
  if (Json& labels = object["metadata"]["labels"]; labels.is_object() || labels.is_null()) {
    labels["kubernetes.io/metadata.name"] = MetaText(object, "name");
  }
  if (old != nullptr) {
    object["spec"] = old->value("spec", Json::object());
    return;
  }
  object["spec"] = {{"finalizers", {"kubernetes"}}};
  object["status"] = {{"phase", "Active"}};
}

void PrepareSecret(Json& object) {
  if (const Json* texts = At(object, "stringData"); texts != nullptr && texts->is_object()) {
    for (const auto& [key, value] : texts->items()) {
      const bool fits =
          !object.contains("data") || object["data"].is_object() || object["data"].is_null();
      if (value.is_string() && fits) {
        object["data"][key] = Base64Encode(value.get_ref<const std::string&>());
      }
    }
  }
  object.erase("stringData");
  const Json* type = At(object, "type");
  const bool untyped =
      type == nullptr || (type->is_string() && type->get_ref<const std::string&>().empty());
  if (untyped) object["type"] = "Opaque";
}

bool IsDataKey(std::string_view key) {
  if (key.empty() || key.size() > 253 || key == "." || key.substr(0, 2) == "..") return false;
  return std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

void ValidateData(const Json& object, const Json* old, std::vector<Cause>& causes) {
  for (const char* field : {"data", "binaryData"}) {
    const Json* data = At(object, field);
    if (data == nullptr || !data->is_object()) continue;
    for (const auto& [key, value] : data->items()) {
      if (IsDataKey(key)) continue;
      causes.push_back(InvalidCause(
          std::string(field) + "[" + key + "]", key,
          "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
          "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
          "'[-._a-zA-Z0-9]+')"));
    }
  }
  if (old == nullptr || At(*old, "immutable") == nullptr || *At(*old, "immutable") != true) return;
  const Json* now = At(object, "immutable");
  if (now == nullptr || *now != true) {
    causes.push_back(ForbiddenCause("immutable", "field is immutable when `immutable` is set"));
  }
  for (const char* field : {"data", "binaryData"}) {
    if (object.value(field, Json()) != old->value(field, Json())) {
      causes.push_back(ForbiddenCause(field, "field is immutable when `immutable` is set"));
    }
  }
}

void ValidateEvent(const Json& object, std::vector<Cause>& causes) {
  const Json* involved = At(object, "involvedObject");
  if (involved == nullptr) return;
  const Json* ns = At(*involved, "namespace");
  const std::string theirs = ns != nullptr && ns->is_string() ? ns->get<std::string>() : "";
  // Events about cluster-scoped objects are kept in the namespace default.
  const std::string expected = theirs.empty() ? "default" : theirs;
  if (MetaText(object, "namespace") != expected) {
    causes.push_back(
        InvalidCause("involvedObject.namespace", theirs, "does not match event.namespace"));
  }
}

void ValidateLease(const Json& object, std::vector<Cause>& causes) {
  const Json* spec = At(object, "spec");
  if (spec == nullptr) return;
  const Json* duration = At(*spec, "leaseDurationSeconds");
  if (duration != nullptr && duration->is_number() && *duration <= 0) {
    causes.push_back(
        InvalidCause("spec.leaseDurationSeconds", *duration, "must be greater than 0"));
  }
  const Json* transitions = At(*spec, "leaseTransitions");
  if (transitions != nullptr && transitions->is_number() && *transitions < 0) {
    causes.push_back(
        InvalidCause("spec.leaseTransitions", *transitions, "must be greater than or equal to 0"));
  }
}

}  // namespace

void PrepareBuiltIn(Json& object, const Json* old, const ServedResource& resource) {
  switch (Which(resource)) {
    case BuiltIn::kNamespace:
      return PrepareNamespace(object, old);
    case BuiltIn::kSecret:
      return PrepareSecret(object);
    default:
      return;
  }
}

std::vector<Cause> ValidateBuiltIn(const Json& object, const Json* old,
                                   const ServedResource& resource) {
  std::vector<Cause> causes;
  switch (Which(resource)) {
    case BuiltIn::kSecret:
      if (old != nullptr && object.value("type", Json()) != old->value("type", Json())) {
        causes.push_back(InvalidCause("type", object.value("type", Json()), "field is immutable"));
      }
      ValidateData(object, old, causes);
      break;
    case BuiltIn::kConfigMap:
      ValidateData(object, old, causes);
      break;
    case BuiltIn::kEvent:
      ValidateEvent(object, causes);
      break;
    case BuiltIn::kLease:
      ValidateLease(object, causes);
      break;
    case BuiltIn::kNamespace:
    case BuiltIn::kOther:
      break;
  }
  return causes;
}

bool AllowsUnconditionalUpdate(const ServedResource& resource) {
  return !resource.custom && Which(resource) != BuiltIn::kLease;
}

Json MakeNamespace(const std::string& name) {
  return {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}}}};
}

}  // namespace salve::apiserver
