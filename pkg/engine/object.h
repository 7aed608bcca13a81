// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_ENGINE_OBJECT_H_
#define SALVE_PKG_ENGINE_OBJECT_H_

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "pkg/apis/meta/v1/types.h"
#include "pkg/base/status.h"

namespace salve::engine {

using apis::meta::v1::NamespacedName;
using apis::meta::v1::ResourceInfo;
using Json = nlohmann::json;

// Identity and version of an object, whatever its kind: what the cache and the predicates look at.
struct ObjectHeader {
  NamespacedName name;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  bool deleting = false;  // deletionTimestamp is set
};

// Reads it from `object.metadata`. kInvalidArgument if the name is missing or a field has a wrong
// type.
StatusOr<ObjectHeader> ReadHeader(const Json& object);

// Compares resourceVersions as Kubernetes defines it (decimal numbers of any length, KEP-5504);
// nullopt if one of them is not such a number: then nothing is known about their order.
std::optional<std::strong_ordering> CompareVersions(std::string_view a, std::string_view b);

// True iff both are comparable and `a` is older than `b` (or the same, for NotNewer).
bool Older(std::string_view a, std::string_view b);
bool NotNewer(std::string_view a, std::string_view b);

// What the cache holds: immutable once made, shared by everybody who reads it (checklist 18).
struct CachedObject {
  ObjectHeader header;
};
using CachedPtr = std::shared_ptr<const CachedObject>;

// One allocation per object: header and typed value side by side.
template <class T>
struct CachedValue : CachedObject {
  T value;
};

// The typed view of an entry that was made as CachedValue<T>; nullptr for nullptr.
template <class T>
std::shared_ptr<const T> ValueOf(const CachedPtr& entry) {
  if (entry == nullptr) return nullptr;
  return std::shared_ptr<const T>(entry, &static_cast<const CachedValue<T>*>(entry.get())->value);
}

// Makes an entry from the wire form. An error says why the object cannot be understood.
using Decoder = std::function<StatusOr<CachedPtr>(const Json&)>;

template <class T>
Decoder MakeDecoder(std::function<StatusOr<T>(const Json&)> decode) {
  return [decode = std::move(decode)](const Json& object) -> StatusOr<CachedPtr> {
    SALVE_ASSIGN_OR_RETURN(ObjectHeader header, ReadHeader(object));
    SALVE_ASSIGN_OR_RETURN(T value, decode(object));
    auto entry = std::make_shared<CachedValue<T>>();
    entry->header = std::move(header);
    entry->value = std::move(value);
    return CachedPtr(std::move(entry));
  };
}

}  // namespace salve::engine

#endif  // SALVE_PKG_ENGINE_OBJECT_H_
