// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/payload_shape.h"

#include "pkg/base/time_format.h"

namespace salve::edge {
namespace {

using nlohmann::json;

const json& EmptyObject() {
  static const json* const empty = new json(json::object());
  return *empty;
}
const json& EmptyList() {
  static const json* const empty = new json(json::array());
  return *empty;
}

}  // namespace

void PayloadShape::Wrong(const std::string& path, const std::string& what) {
  if (!status_.ok()) return;
  status_ = InvalidArgumentError((path.empty() ? "JSON body" : path) + ": " + what);
}

const json& PayloadShape::Object(const json& value, const std::string& path) {
  if (value.is_object()) return value;
  Wrong(path, "an object is needed");
  return EmptyObject();
}

const json& PayloadShape::List(const json& value, const std::string& path, std::size_t max) {
  if (!value.is_array()) {
    Wrong(path, "a list is needed");
  } else if (value.size() > max) {
    Wrong(path, "at most " + std::to_string(max) + " entries are taken at once");
  } else {
    return value;
  }
  return EmptyList();
}

const json* PayloadShape::Member(const json& object, const std::string& path, const char* name,
                                 bool required) {
  if (object.is_object()) {
    const auto it = object.find(name);
    if (it != object.end() && !it->is_null()) return &*it;
  }
  if (required) Wrong(path + "." + name, "is missing");
  return nullptr;
}

std::string PayloadShape::Text(const json& object, const std::string& path, const char* name,
                               bool required) {
  const json* value = Member(object, path, name, required);
  if (value == nullptr) return "";
  if (value->is_string()) return value->get<std::string>();
  Wrong(path + "." + name, "a string is needed");
  return "";
}

std::string PayloadShape::Scalar(const json& object, const std::string& path, const char* name) {
  const json* value = Member(object, path, name, false);
  if (value == nullptr) return "";
  if (value->is_string()) return value->get<std::string>();
  if (value->is_number() || value->is_boolean()) return value->dump();
  Wrong(path + "." + name, "a string or a number is needed");
  return "";
}

const json& PayloadShape::Object(const json& object, const std::string& path, const char* name,
                                 bool required) {
  const json* value = Member(object, path, name, required);
  return value == nullptr ? EmptyObject() : Object(*value, path + "." + name);
}

const json& PayloadShape::List(const json& object, const std::string& path, const char* name,
                               std::size_t max, bool required) {
  const json* value = Member(object, path, name, required);
  return value == nullptr ? EmptyList() : List(*value, path + "." + name, max);
}

std::map<std::string, std::string> PayloadShape::Texts(const json& object, const std::string& path,
                                                       const char* name, bool required) {
  std::map<std::string, std::string> texts;
  for (const auto& [key, value] : Object(object, path, name, required).items()) {
    if (value.is_string()) {
      texts[key] = value.get<std::string>();
    } else {
      Wrong(path + "." + name + "." + key.substr(0, 64), "a string is needed");
    }
  }
  return texts;
}

std::optional<WallTime> PayloadShape::Time(const json& object, const std::string& path,
                                           const char* name) {
  const std::string text = Text(object, path, name);
  if (text.empty() || text.rfind("0001-01-01T", 0) == 0) return std::nullopt;
  const auto time = ParseTime(text);
  if (!time) Wrong(path + "." + name, "not a time as RFC 3339 writes it");
  return time;
}

std::string FirstOf(std::initializer_list<std::string> texts) {
  for (const std::string& text : texts) {
    if (!text.empty()) return text;
  }
  return "";
}

}  // namespace salve::edge
