// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_JSON_ACCESS_H_
#define SALVE_PKG_BASE_JSON_ACCESS_H_

#include <cstdint>
#include <initializer_list>
#include <string>

#include <nlohmann/json.hpp>

// Reading JSON that somebody else wrote: a missing member or one of another type is the fallback,
// never an exception.
namespace salve {

// The member at `path`, or nullptr.
inline const nlohmann::json* Find(const nlohmann::json& value,
                                  std::initializer_list<const char*> path) {
  const nlohmann::json* at = &value;
  for (const char* key : path) {
    if (!at->is_object()) return nullptr;
    const auto it = at->find(key);
    if (it == at->end()) return nullptr;
    at = &*it;
  }
  return at;
}

inline std::string GetString(const nlohmann::json& value, std::initializer_list<const char*> path) {
  const nlohmann::json* at = Find(value, path);
  return at != nullptr && at->is_string() ? at->get<std::string>() : std::string();
}

inline std::int64_t GetInt(const nlohmann::json& value, std::initializer_list<const char*> path,
                           std::int64_t fallback = 0) {
  const nlohmann::json* at = Find(value, path);
  return at != nullptr && at->is_number() ? at->get<std::int64_t>() : fallback;
}

inline bool GetBool(const nlohmann::json& value, std::initializer_list<const char*> path) {
  const nlohmann::json* at = Find(value, path);
  return at != nullptr && at->is_boolean() && at->get<bool>();
}

}  // namespace salve

#endif  // SALVE_PKG_BASE_JSON_ACCESS_H_
