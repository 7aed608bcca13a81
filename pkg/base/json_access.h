// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_JSON_ACCESS_H_
#define SALVE_PKG_BASE_JSON_ACCESS_H_

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

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

// A whole number, however it is written (1e3); what is none, or is beyond 64 bits, is the fallback.
inline std::int64_t GetInt(const nlohmann::json& value, std::initializer_list<const char*> path,
                           std::int64_t fallback = 0) {
  const nlohmann::json* at = Find(value, path);
  if (at == nullptr) return fallback;
  if (at->is_number_unsigned()) {
    const auto number = at->get<std::uint64_t>();
    return std::in_range<std::int64_t>(number) ? static_cast<std::int64_t>(number) : fallback;
  }
  if (at->is_number_integer()) return at->get<std::int64_t>();
  if (!at->is_number_float()) return fallback;
  constexpr double kBeyond = 9223372036854775808.0;  // 2^63; from there on a cast is undefined
  const auto number = at->get<double>();
  const bool whole = number >= -kBeyond && number < kBeyond && std::trunc(number) == number;
  return whole ? static_cast<std::int64_t>(number) : fallback;
}

inline bool GetBool(const nlohmann::json& value, std::initializer_list<const char*> path) {
  const nlohmann::json* at = Find(value, path);
  return at != nullptr && at->is_boolean() && at->get<bool>();
}

}  // namespace salve

#endif  // SALVE_PKG_BASE_JSON_ACCESS_H_
