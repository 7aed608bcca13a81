// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_KUBERNETES_OBJECT_FIELDS_H_
#define SALVE_PKG_BACKENDS_KUBERNETES_OBJECT_FIELDS_H_

#include <charconv>
#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "pkg/backends/kubernetes/objects.h"
#include "pkg/backends/text.h"
#include "pkg/base/json_access.h"
#include "pkg/base/time_format.h"

// What the decoders of objects.h share: fields that may be missing or strange. For their .cc files.
namespace salve::backends::kubernetes {

inline constexpr std::size_t kMaxMessage = 300;
inline constexpr std::size_t kMaxContainers = 32;
inline constexpr std::size_t kMaxLabels = 64;

inline const Json& Member(const Json& object, const char* name) {
  static const Json* empty = new Json();
  const Json* member = Find(object, {name});
  return member == nullptr ? *empty : *member;
}

inline std::optional<WallTime> Time(const Json& object, const char* name) {
  return ParseTime(GetString(object, {name}));
}

inline std::string Message(const Json& object) {
  return Printable(GetString(object, {"message"}), kMaxMessage);
}
inline std::string Word(const Json& object, const char* name) {
  return Printable(GetString(object, {name}), 100);
}

inline std::int64_t Number(const std::string& text) {
  std::int64_t value = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

inline std::map<std::string, std::string> Strings(const Json& object) {
  std::map<std::string, std::string> out;
  if (!object.is_object()) return out;
  for (const auto& [key, value] : object.items()) {
    if (out.size() == kMaxLabels) break;
    if (value.is_string()) out.emplace(key, value.get<std::string>());
  }
  return out;
}

struct Meta {
  std::string ns;
  std::string name;
  std::string uid;
  std::int64_t generation = 0;
};

inline StatusOr<Meta> ReadMeta(const Json& object) {
  Meta meta{GetString(object, {"metadata", "namespace"}), GetString(object, {"metadata", "name"}),
            GetString(object, {"metadata", "uid"}), GetInt(object, {"metadata", "generation"})};
  if (meta.name.empty()) return InvalidArgumentError("metadata.name: missing");
  return meta;
}

// The owner that is the object's controller.
struct Owner {
  std::string kind;
  std::string name;
  std::string uid;
};

inline Owner ControllerOf(const Json& metadata) {
  for (const Json& owner : Member(metadata, "ownerReferences")) {
    if (!GetBool(owner, {"controller"})) continue;
    return {GetString(owner, {"kind"}), GetString(owner, {"name"}), GetString(owner, {"uid"})};
  }
  return {};
}

}  // namespace salve::backends::kubernetes

#endif  // SALVE_PKG_BACKENDS_KUBERNETES_OBJECT_FIELDS_H_
