// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/object.h"

#include <algorithm>
#include <cctype>

namespace salve::engine {
namespace {

// The member as a string, "" if absent; nullopt if it is something else.
std::optional<std::string> StringMember(const Json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || it->is_null()) return std::string();
  if (!it->is_string()) return std::nullopt;
  return it->get<std::string>();
}

bool IsVersionNumber(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view WithoutLeadingZeros(std::string_view digits) {
  const std::size_t first = digits.find_first_not_of('0');
  return first == std::string_view::npos ? digits.substr(digits.size() - 1) : digits.substr(first);
}

}  // namespace

StatusOr<ObjectHeader> ReadHeader(const Json& object) {
  if (!object.is_object()) return InvalidArgumentError("object: not a JSON object");
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) {
    return InvalidArgumentError("metadata: missing or not an object");
  }
  ObjectHeader header;
  struct Field {
    const char* name;
    std::string* into;
  };
  for (const Field& field :
       {Field{"name", &header.name.name}, Field{"namespace", &header.name.ns},
        Field{"uid", &header.uid}, Field{"resourceVersion", &header.resource_version}}) {
    std::optional<std::string> text = StringMember(*metadata, field.name);
    if (!text) {
      return InvalidArgumentError(std::string("metadata.") + field.name + ": not a string");
    }
    *field.into = std::move(*text);
  }
  if (header.name.name.empty()) return InvalidArgumentError("metadata.name: missing");
  if (const auto it = metadata->find("generation"); it != metadata->end()) {
    if (!it->is_number_integer()) {
      return InvalidArgumentError("metadata.generation: not a whole number");
    }
    header.generation = it->get<std::int64_t>();
  }
  const auto deleting = metadata->find("deletionTimestamp");
  header.deleting = deleting != metadata->end() && !deleting->is_null();
  return header;
}

std::optional<std::strong_ordering> CompareVersions(std::string_view a, std::string_view b) {
  if (!IsVersionNumber(a) || !IsVersionNumber(b)) return std::nullopt;
  a = WithoutLeadingZeros(a);
  b = WithoutLeadingZeros(b);
  if (a.size() != b.size()) return a.size() <=> b.size();
  return a.compare(b) <=> 0;
}

bool Older(std::string_view a, std::string_view b) {
  const auto order = CompareVersions(a, b);
  return order.has_value() && *order == std::strong_ordering::less;
}

bool NotNewer(std::string_view a, std::string_view b) {
  const auto order = CompareVersions(a, b);
  return order.has_value() && *order != std::strong_ordering::greater;
}

}  // namespace salve::engine
