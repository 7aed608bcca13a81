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

void DefaultNamespace(Json& object) {
  const std::string name = MetaText(object, "name");
  if (name.empty()) return;
  // Labels of another type are left for validation to refuse.
  if (Json& labels = object["metadata"]["labels"]; labels.is_object() || labels.is_null()) {
    labels["kubernetes.io/metadata.name"] = name;
  }
}

void PrepareNamespace(Json& object, const Json* old) {
  DefaultNamespace(object);
  if (old != nullptr) {
    object["spec"] = old->value("spec", Json::object());
    return;
  }
  object["spec"] = {{"finalizers", {"kubernetes"}}};
  object["status"] = {{"phase", "Active"}};
}

void DefaultSecret(Json& object) {
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

// Why a key of data is refused; "" if it is not.
std::string CheckDataKey(std::string_view key) {
  if (key.size() > 253) return "must be no more than 253 characters";
  const bool known = std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
  if (key.empty() || !known) {
    return "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
           "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
           "'[-._a-zA-Z0-9]+')";
  }
  if (key == ".") return "must not be '.'";
  if (key == "..") return "must not be '..'";
  return key.starts_with("..") ? "must not start with '..'" : "";
}

constexpr std::size_t kMaxDataBytes = 1u << 20;

// What a ConfigMap or a Secret holds in all, decoded.
void CheckTotal(const Json& object, std::vector<Cause>& causes) {
  const bool secret = object.contains("type");
  std::size_t total = 0;
  for (const char* field : {"data", "binaryData"}) {
    const Json* data = At(object, field);
    if (data == nullptr || !data->is_object()) continue;
    const bool encoded = secret || std::string_view(field) == "binaryData";
    for (const auto& [key, value] : data->items()) {
      if (!value.is_string()) continue;
      const std::string& text = value.get_ref<const std::string&>();
      const auto padding = static_cast<std::size_t>(std::count(
          text.end() - static_cast<std::ptrdiff_t>(std::min<std::size_t>(2, text.size())),
          text.end(), '='));
      total += encoded ? text.size() / 4 * 3 - std::min(padding, text.size()) : text.size();
    }
  }
  if (total > kMaxDataBytes) {
    causes.push_back(TooLongCause(secret ? "data" : "[]", kMaxDataBytes));
  }
}

void ValidateData(const Json& object, const Json* old, std::vector<Cause>& causes) {
  for (const char* field : {"data", "binaryData"}) {
    const Json* data = At(object, field);
    if (data == nullptr || !data->is_object()) continue;
    for (const auto& [key, value] : data->items()) {
      const std::string where = std::string(field) + "[" + key + "]";
      if (const std::string why = CheckDataKey(key); !why.empty()) {
        causes.push_back(InvalidCause(where, key, why));
      }
      const Json* binary = At(object, "binaryData");
      const bool twice = std::string_view(field) == "data" && binary != nullptr &&
                         binary->is_object() && binary->contains(key);
      if (twice) {
        causes.push_back(InvalidCause(where, key, "duplicate of key present in binaryData"));
      }
    }
  }
  CheckTotal(object, causes);
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

// The keys that a Secret of some types must have.
void ValidateSecretType(const Json& object, std::vector<Cause>& causes) {
  struct Rule {
    std::string_view type;
    std::vector<std::string> keys;
    bool any;  // one of them is enough
  };
  static const auto* const rules =
      new std::vector<Rule>{{"kubernetes.io/tls", {"tls.crt", "tls.key"}, false},
                            {"kubernetes.io/basic-auth", {"username", "password"}, true},
                            {"kubernetes.io/dockerconfigjson", {".dockerconfigjson"}, false},
                            {"kubernetes.io/dockercfg", {".dockercfg"}, false},
                            {"kubernetes.io/ssh-auth", {"ssh-privatekey"}, false}};
  const Json* type = At(object, "type");
  const Json* data = At(object, "data");
  for (const Rule& rule : *rules) {
    if (type == nullptr || *type != std::string(rule.type)) continue;
    std::vector<Cause> missing;
    for (const std::string& key : rule.keys) {
      const bool there = data != nullptr && data->is_object() && data->contains(key);
      if (!there) missing.push_back(RequiredCause("data[" + key + "]"));
    }
    if (rule.any && missing.size() < rule.keys.size()) continue;
    causes.insert(causes.end(), missing.begin(), missing.end());
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

// Go's encoder leaves out what is empty.
void DropEmpty(Json& object, const ServedResource& resource) {
  const auto drop = [](Json& from, std::initializer_list<const char*> keys) {
    for (const char* key : keys) {
      const auto it = from.find(key);
      if (it != from.end() && (it->is_array() || it->is_object()) && it->empty()) from.erase(it);
    }
  };
  if (!resource.custom) drop(object, {"data", "binaryData"});
  if (Json& metadata = object["metadata"]; metadata.is_object()) {
    drop(metadata, {"labels", "annotations", "finalizers", "ownerReferences"});
  }
}

// To Go's decoder a null among strings is the empty one.
void EmptyNulls(Json& map) {
  if (!map.is_object()) return;
  for (Json& value : map) {
    if (value.is_null()) value = "";
  }
}

}  // namespace

void DefaultBuiltIn(Json& object, const ServedResource& resource) {
  for (const char* key : {"labels", "annotations"}) {
    Json& metadata = object["metadata"];
    if (metadata.is_object() && metadata.contains(key)) EmptyNulls(metadata[key]);
  }
  if (!resource.custom) {
    for (const char* key : {"data", "binaryData", "stringData"}) {
      if (object.contains(key)) EmptyNulls(object[key]);
    }
  }
  switch (Which(resource)) {
    case BuiltIn::kNamespace:
      return DefaultNamespace(object);
    case BuiltIn::kSecret:
      DefaultSecret(object);
      break;
    case BuiltIn::kEvent:
      for (const char* key : {"reportingComponent", "reportingInstance"}) {
        if (At(object, key) == nullptr) object[key] = "";
      }
      if (!object.contains("eventTime")) object["eventTime"] = nullptr;
      for (const char* key : {"reason", "message", "type", "action", "count"}) {
        const auto it = object.find(key);
        if (it != object.end() && (*it == Json("") || *it == 0)) object.erase(it);
      }
      break;
    case BuiltIn::kLease:
      if (At(object, "spec") == nullptr) object["spec"] = Json::object();
      // Behind a feature gate that is off.
      for (const char* key : {"strategy", "preferredHolder"}) {
        if (object["spec"].is_object()) object["spec"].erase(key);
      }
      break;
    default:
      break;
  }
  DropEmpty(object, resource);
}

void PrepareBuiltIn(Json& object, const Json* old, const ServedResource& resource) {
  // A generated name is known only now.
  if (Which(resource) == BuiltIn::kNamespace) PrepareNamespace(object, old);
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
      ValidateSecretType(object, causes);
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

bool CreatesOnUpdate(const ServedResource& resource) {
  const BuiltIn kind = Which(resource);
  return kind == BuiltIn::kLease || kind == BuiltIn::kEvent;
}

Json MakeNamespace(const std::string& name) {
  return {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}}}};
}

}  // namespace salve::apiserver
