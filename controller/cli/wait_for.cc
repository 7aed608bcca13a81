// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/wait_for.h"

#include <algorithm>

#include "controller/cli/resources.h"

namespace salve::cli {
namespace {

bool SameWord(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

std::int64_t Number(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_number_integer() ? it->get<std::int64_t>() : 0;
}

}  // namespace

StatusOr<WaitFor> WaitFor::Parse(const std::string& text) {
  WaitFor result;
  result.text_ = text;
  if (text == "delete" || text == "create") {
    result.kind_ = text == "delete" ? Kind::kDelete : Kind::kCreate;
    return result;
  }
  const Status bad = InvalidArgumentError("--for: \"" + text +
                                          "\" is not condition=TYPE[=VALUE], jsonpath=PATH=VALUE, "
                                          "create or delete");
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals + 1 == text.size()) return bad;
  const std::string word = text.substr(0, equals);
  std::string rest = text.substr(equals + 1);
  if (word == "condition") {
    const std::size_t value = rest.find('=');
    result.value_ = value == std::string::npos ? "True" : rest.substr(value + 1);
    result.type_ = rest.substr(0, value);
    if (result.type_.empty()) return bad;
    return result;
  }
  if (word != "jsonpath") return bad;
  result.kind_ = Kind::kJsonPath;
  // The value follows the closing brace; a filter inside may have = of its own.
  const std::size_t brace = rest.rfind('}');
  const std::size_t value = rest.find('=', brace == std::string::npos ? 0 : brace);
  if (value != std::string::npos) {
    result.value_ = rest.substr(value + 1);
    rest.resize(value);
  }
  SALVE_ASSIGN_OR_RETURN(result.path_, JsonPath::Parse(rest));
  return result;
}

bool WaitFor::Holds(const Json* object) const {
  if (kind_ == Kind::kDelete) return object == nullptr;
  if (object == nullptr) return false;
  if (kind_ == Kind::kCreate) return true;
  if (kind_ == Kind::kJsonPath) {
    const std::string found = path_->Evaluate(*object);
    return value_ ? found == *value_ : !found.empty();
  }
  const auto status = object->find("status");
  if (status == object->end() || !status->is_object()) return false;
  const auto conditions = status->find("conditions");
  if (conditions == status->end() || !conditions->is_array()) return false;
  for (const Json& condition : *conditions) {
    if (!SameWord(TextAt(condition, {"type"}), type_)) continue;
    const auto meta = object->find("metadata");
    const std::int64_t generation = meta == object->end() ? 0 : Number(*meta, "generation");
    const std::int64_t observed = Number(condition, "observedGeneration");
    if (observed != 0 && observed < generation) return false;
    return SameWord(TextAt(condition, {"status"}), *value_);
  }
  return false;
}

}  // namespace salve::cli
