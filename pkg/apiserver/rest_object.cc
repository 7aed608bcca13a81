// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/rest_object.h"

#include <algorithm>
#include <set>
#include <utility>

#include "pkg/apiserver/schema_node.h"
#include "pkg/apiserver/selectors.h"
#include "pkg/apiserver/watch_event.h"
#include "pkg/base/time_format.h"

namespace salve::apiserver {
namespace {

constexpr std::size_t kMaxNameBytes = 253;
constexpr std::size_t kMaxLabelNameBytes = 63;
constexpr std::size_t kMaxAnnotationsBytes = 256u << 10;
constexpr std::size_t kSuffixLength = 5;

constexpr char kSubdomainMessage[] =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', "
    "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
    "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
constexpr char kDnsLabelMessage[] =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must "
    "start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
    "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

bool IsLowerAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool IsDnsLabel(std::string_view text) {
  if (text.empty() || !IsLowerAlnum(text.front()) || !IsLowerAlnum(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return IsLowerAlnum(c) || c == '-'; });
}

bool IsDnsSubdomain(std::string_view text) {
  for (;;) {
    const auto dot = text.find('.');
    if (!IsDnsLabel(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

const Json* Member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

const Json* Meta(const Json& object, const char* key) {
  const Json* metadata = Member(object, "metadata");
  return metadata == nullptr ? nullptr : Member(*metadata, key);
}

bool IsNamespace(const ServedResource& resource) {
  return resource.info.group.empty() && resource.info.plural == "namespaces";
}

bool HasSpecFinalizers(const Json& object) {
  const Json* spec = Member(object, "spec");
  const Json* finalizers = spec == nullptr ? nullptr : Member(*spec, "finalizers");
  return finalizers != nullptr && finalizers->is_array() && !finalizers->empty();
}

void ValidateName(const std::string& name, const char* field, bool prefix, bool label,
                  std::vector<Cause>& causes) {
  const std::size_t limit = label ? kMaxLabelNameBytes : kMaxNameBytes;
  if (name.size() > limit) {
    causes.push_back(
        InvalidCause(field, name, "must be no more than " + std::to_string(limit) + " characters"));
    return;
  }
  if (label && IsDnsSubdomain(name) && name.find('.') != std::string::npos) {
    causes.push_back(InvalidCause(field, name, "must not contain dots"));
    return;
  }
  // A prefix may end in '-': the rest comes after it.
  std::string checked = name;
  if (prefix && !checked.empty() && checked.back() == '-') checked.back() = 'a';
  if (label ? !IsDnsLabel(checked) : !IsDnsSubdomain(checked)) {
    causes.push_back(InvalidCause(field, name, label ? kDnsLabelMessage : kSubdomainMessage));
  }
}

// One cause for each of the reasons, which are separated by "; ".
void RefuseEach(const std::string& field, const Json& value, std::string_view reasons,
                std::vector<Cause>& causes) {
  while (!reasons.empty()) {
    const auto end = reasons.find("; ");
    causes.push_back(InvalidCause(field, value, std::string(reasons.substr(0, end))));
    reasons = end == std::string_view::npos ? std::string_view() : reasons.substr(end + 2);
  }
}

// Names of finalizers without a domain that the built-in kinds take.
bool IsStandardFinalizer(std::string_view word) {
  return word == "kubernetes" || word == kOrphanFinalizer || word == kForegroundFinalizer;
}

void ValidateStringMap(const Json& object, const char* key, bool labels,
                       std::vector<Cause>& causes) {
  const Json* map = Meta(object, key);
  const std::string field = std::string("metadata.") + key;
  if (map == nullptr) return;
  if (!map->is_object()) {
    causes.push_back(TypeInvalidCause(field, *map, field + " must be of type object"));
    return;
  }
  std::size_t bytes = 0;
  for (const auto& [name, value] : map->items()) {
    // Annotations' keys may use capitals in the prefix; nothing else differs.
    std::string checked = name;
    if (!labels) {
      std::transform(checked.begin(), checked.end(), checked.begin(), [](unsigned char c) {
        return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
      });
    }
    RefuseEach(field, name, CheckLabelKey(checked), causes);
    if (!value.is_string()) {
      causes.push_back(TypeInvalidCause(field + "." + name, value, "must be a string"));
      continue;
    }
    const auto& text = value.get_ref<const std::string&>();
    bytes += name.size() + text.size();
    if (!labels) continue;
    if (const std::string why = CheckLabelValue(text); !why.empty()) {
      causes.push_back(InvalidCause(field, text, why));
    }
  }
  if (bytes > kMaxAnnotationsBytes) causes.push_back(TooLongCause(field, kMaxAnnotationsBytes));
}

void ValidateFinalizers(const Json& object, bool custom, std::vector<Cause>& causes) {
  const Json* finalizers = Meta(object, "finalizers");
  if (finalizers == nullptr) return;
  if (!finalizers->is_array()) {
    causes.push_back(TypeInvalidCause("metadata.finalizers", *finalizers, "must be a list"));
    return;
  }
  for (std::size_t i = 0; i < finalizers->size(); ++i) {
    const Json& word = (*finalizers)[i];
    const std::string why = word.is_string() ? CheckLabelKey(word.get_ref<const std::string&>())
                                             : std::string("must be a string");
    RefuseEach("metadata.finalizers", word, why, causes);
    if (custom || !word.is_string()) continue;
    const auto& name = word.get_ref<const std::string&>();
    if (name.find('/') == std::string::npos && !IsStandardFinalizer(name)) {
      causes.push_back(
          InvalidCause(IndexPath("metadata.finalizers", i), word,
                       "name is neither a standard finalizer name nor is it fully qualified"));
    }
  }
}

void ValidateOwners(const Json& object, std::vector<Cause>& causes) {
  const Json* owners = Meta(object, "ownerReferences");
  if (owners == nullptr) return;
  if (!owners->is_array()) {
    causes.push_back(TypeInvalidCause("metadata.ownerReferences", *owners, "must be a list"));
    return;
  }
  int controllers = 0;
  for (std::size_t i = 0; i < owners->size(); ++i) {
    const std::string field = "metadata.ownerReferences";  // without an index, as the real server
    const Json& owner = (*owners)[i];
    for (const char* key : {"apiVersion", "kind", "name", "uid"}) {
      const Json* value = Member(owner, key);
      const bool empty =
          value == nullptr || !value->is_string() || value->get_ref<const std::string&>().empty();
      const std::string text = empty ? "" : value->get<std::string>();
      const bool unreadable =
          std::string_view(key) == "apiVersion" && std::count(text.begin(), text.end(), '/') > 1;
      if (empty || unreadable) {
        const bool version = std::string_view(key) == "apiVersion";
        causes.push_back(InvalidCause(field + "." + key, text,
                                      version ? "version must not be empty" : "must not be empty"));
      }
    }
    if (owner.value("kind", Json()) == "Event" && owner.value("apiVersion", Json()) == "v1") {
      causes.push_back(
          InvalidCause(field, owner, "/v1, Kind=Event is disallowed from being an owner"));
    }
    const Json* controller = Member(owner, "controller");
    if (controller != nullptr && *controller == true) ++controllers;
  }
  if (controllers > 1) {
    causes.push_back(InvalidCause("metadata.ownerReferences", *owners,
                                  "Only one reference can have Controller set to true"));
  }
}

}  // namespace

std::string MetaText(const Json& object, const char* key) {
  const Json* value = Meta(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

bool HasFinalizers(const Json& object) {
  const Json* finalizers = Meta(object, "finalizers");
  return finalizers != nullptr && finalizers->is_array() && !finalizers->empty();
}

bool IsDeleting(const Json& object) { return !MetaText(object, "deletionTimestamp").empty(); }

std::vector<std::string> OwnerUids(const Json& object) {
  std::vector<std::string> uids;
  const Json* owners = Meta(object, "ownerReferences");
  if (owners == nullptr || !owners->is_array()) return uids;
  for (const Json& owner : *owners) {
    const Json* uid = Member(owner, "uid");
    if (uid != nullptr && uid->is_string()) uids.push_back(uid->get<std::string>());
  }
  return uids;
}

std::string GenerateName(const std::string& prefix, Random& random) {
  // Without vowels and look-alikes, as the real server: no words, no mistakes.
  constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  std::string name = prefix.substr(0, 63 - kSuffixLength);
  for (std::size_t i = 0; i < kSuffixLength; ++i) {
    name += kLetters[random.Next() % kLetters.size()];
  }
  return name;
}

void PrepareMetadataForCreate(Json& object, const ServedResource& resource, WallTime now,
                              Random& random) {
  Json& metadata = object["metadata"];
  for (const char* key : {"resourceVersion", "managedFields", "selfLink", "deletionTimestamp",
                          "deletionGracePeriodSeconds", "generation"}) {
    metadata.erase(key);
  }
  if (MetaText(object, "name").empty()) {
    const std::string prefix = MetaText(object, "generateName");
    if (!prefix.empty()) metadata["name"] = GenerateName(prefix, random);
  }
  metadata["uid"] = random.Uuid();
  metadata["creationTimestamp"] = FormatTime(now);
  if (resource.custom) metadata["generation"] = 1;
}

void PrepareMetadataForUpdate(Json& object, const Json& old) {
  Json& metadata = object["metadata"];
  metadata.erase("managedFields");
  metadata.erase("selfLink");
  const Json& before = old["metadata"];
  const auto take = [&metadata, &before](const char* key) {
    if (const auto it = before.find(key); it != before.end()) {
      metadata[key] = *it;
    } else {
      metadata.erase(key);
    }
  };
  take("generation");
  take("resourceVersion");
  take("creationTimestamp");
  for (const char* key : {"uid", "creationTimestamp", "deletionTimestamp",
                          "deletionGracePeriodSeconds", "namespace", "name", "generateName"}) {
    const auto it = metadata.find(key);
    const bool absent = it == metadata.end() || it->is_null() ||
                        (it->is_string() && it->get_ref<const std::string&>().empty());
    if (absent || std::string_view(key) == "generateName") take(key);
  }
}

std::vector<Cause> ValidateMetadata(const Json& object, const ServedResource& resource) {
  std::vector<Cause> causes;
  const std::string name = MetaText(object, "name");
  const std::string prefix = MetaText(object, "generateName");
  const bool label = IsNamespace(resource);
  if (!prefix.empty()) ValidateName(prefix, "metadata.generateName", true, label, causes);
  if (name.empty()) {
    causes.push_back(RequiredCause("metadata.name", "name or generateName is required"));
  } else {
    ValidateName(name, "metadata.name", false, label, causes);
  }
  ValidateStringMap(object, "labels", true, causes);
  ValidateStringMap(object, "annotations", false, causes);
  ValidateFinalizers(object, resource.custom, causes);
  ValidateOwners(object, causes);
  return causes;
}

std::vector<Cause> ValidateMetadataUpdate(const Json& object, const Json& old) {
  std::vector<Cause> causes;
  for (const char* key : {"deletionTimestamp", "deletionGracePeriodSeconds"}) {
    const Json* now = Meta(object, key);
    const Json* before = Meta(old, key);
    const bool same = (now == nullptr && before == nullptr) ||
                      (now != nullptr && before != nullptr && *now == *before);
    if (!same) {
      causes.push_back(InvalidCause(std::string("metadata.") + key, now == nullptr ? Json() : *now,
                                    "field is immutable"));
    }
  }
  if (!IsDeleting(old)) return causes;
  const Json* now = Meta(object, "finalizers");
  const Json* before = Meta(old, "finalizers");
  if (now == nullptr || !now->is_array()) return causes;
  std::string added;
  for (const Json& word : *now) {
    const bool known = before != nullptr && before->is_array() &&
                       std::find(before->begin(), before->end(), word) != before->end();
    if (!known) added += (added.empty() ? "" : ", ") + ShowValue(word);
  }
  if (!added.empty()) {
    causes.push_back(ForbiddenCause("metadata.finalizers",
                                    "no new finalizers can be added if the object is being "
                                    "deleted, found new finalizers []string{" +
                                        added + "}"));
  }
  return causes;
}

bool SpecChanged(const Json& object, const Json& old) {
  const auto ignored = [](const std::string& key) {
    return key == "metadata" || key == "status" || key == "apiVersion" || key == "kind";
  };
  std::set<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.insert(key);
  for (const auto& [key, value] : old.items()) keys.insert(key);
  return std::any_of(keys.begin(), keys.end(), [&](const std::string& key) {
    if (ignored(key)) return false;
    const auto a = object.find(key);
    const auto b = old.find(key);
    return (a == object.end()) != (b == old.end()) || (a != object.end() && *a != *b);
  });
}

bool ReadyToRemove(const Json& object, const ServedResource& resource) {
  return IsDeleting(object) && !HasFinalizers(object) &&
         !(IsNamespace(resource) && HasSpecFinalizers(object));
}

DeletePlan PlanDelete(const Json& object, const ServedResource& resource, Propagation propagation,
                      WallTime now) {
  DeletePlan plan;
  plan.object = object;
  Json& metadata = plan.object["metadata"];
  Json finalizers = Json::array();
  if (const Json* present = Meta(object, "finalizers"); present != nullptr && present->is_array()) {
    for (const Json& word : *present) {
      if (word != kForegroundFinalizer && word != kOrphanFinalizer) finalizers.push_back(word);
    }
  }
  if (propagation == Propagation::kForeground) finalizers.push_back(kForegroundFinalizer);
  if (propagation == Propagation::kOrphan) finalizers.push_back(kOrphanFinalizer);
  if (finalizers.empty()) {
    metadata.erase("finalizers");
  } else {
    metadata["finalizers"] = finalizers;
  }
  const bool held_namespace = IsNamespace(resource) && HasSpecFinalizers(object);
  plan.remove = finalizers.empty() && !held_namespace;
  if (!plan.remove && !IsDeleting(object)) {
    metadata["deletionTimestamp"] = FormatTime(now);
    metadata["deletionGracePeriodSeconds"] = 0;
    if (const auto it = metadata.find("generation");
        it != metadata.end() && it->is_number_integer()) {
      *it = it->get<std::int64_t>() + 1;
    }
    if (held_namespace) plan.object["status"]["phase"] = "Terminating";
  }
  plan.changed = plan.remove || plan.object != object;
  return plan;
}

Mutation MakeMutation(const Json& object, const ServedResource& resource, std::int64_t expected,
                      bool remove, std::int64_t expires_at) {
  Mutation mutation;
  mutation.key = {ResourceKey(resource.info), MetaText(object, "namespace"),
                  MetaText(object, "name")};
  mutation.expected_revision = expected;
  mutation.remove = remove;
  mutation.body = MakeBody(object);
  mutation.deleting = IsDeleting(object);
  mutation.owner_uids = OwnerUids(object);
  mutation.expires_at = expires_at;
  return mutation;
}

Body MakeBody(const Json& object) {
  const auto dump = [](const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  Body body;
  std::string& text = body.text;
  text = "{\"apiVersion\":" + dump(object["apiVersion"]) + ",\"kind\":" + dump(object["kind"]) +
         ",\"metadata\":{\"resourceVersion\":\"";
  body.revision_at = text.size();
  text += '"';
  for (const auto& [key, value] : object["metadata"].items()) {
    if (key == "resourceVersion") continue;
    text += ',' + dump(Json(key)) + ':' + dump(value);
  }
  text += '}';
  for (const auto& [key, value] : object.items()) {
    if (key == "apiVersion" || key == "kind" || key == "metadata") continue;
    text += ',' + dump(Json(key)) + ':' + dump(value);
  }
  text += '}';
  return body;
}

std::string WithRevision(const Body& body, std::int64_t revision) {
  std::string text = body.text;
  text.insert(body.revision_at, std::to_string(revision));
  return text;
}

}  // namespace salve::apiserver
