// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/merge.h"

#include "controller/cli/resources.h"

namespace salve::cli {

Json ThreeWayPatch(const Json& last, const Json& wanted, const Json& live) {
  Json patch = Json::object();
  for (const auto& [key, value] : wanted.items()) {
    const auto have = live.is_object() ? live.find(key) : live.end();
    if (!live.is_object() || have == live.end()) {
      if (!value.is_null()) patch[key] = value;
      continue;
    }
    if (value.is_object() && have->is_object()) {
      const auto before = last.is_object() ? last.find(key) : last.end();
      const bool known = last.is_object() && before != last.end();
      Json inner = ThreeWayPatch(known ? *before : Json(), value, *have);
      if (!inner.empty()) patch[key] = std::move(inner);
    } else if (*have != value) {
      patch[key] = value;
    }
  }
  if (!last.is_object() || !live.is_object()) return patch;
  for (const auto& [key, value] : last.items()) {
    if (!wanted.contains(key) && live.contains(key)) patch[key] = nullptr;
  }
  return patch;
}

Json WithLastApplied(Json object) {
  Json& annotations = object["metadata"]["annotations"];
  if (!annotations.is_object()) annotations = Json::object();
  annotations.erase(kLastApplied);
  std::string text = object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  annotations[kLastApplied] = std::move(text);
  return object;
}

Json LastApplied(const Json& live) {
  const std::string text = TextAt(live, {"metadata", "annotations", kLastApplied});
  if (text.empty()) return nullptr;
  Json last = Json::parse(text, nullptr, false);
  return last.is_object() ? last : Json();
}

}  // namespace salve::cli
