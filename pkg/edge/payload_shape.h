// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_EDGE_PAYLOAD_SHAPE_H_
#define SALVE_PKG_EDGE_PAYLOAD_SHAPE_H_

#include <initializer_list>
#include <map>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "pkg/base/clock.h"
#include "pkg/base/status.h"

namespace salve::edge {

// Reads a stranger's JSON of which a certain shape is expected, and remembers the first thing that
// is not so, with its path (".alerts[0].labels"). After that everything reads as empty, so that a
// mapping is written down once and asked at its end. A member that is null counts as absent; those
// that nobody reads may be anything. Not thread-safe.
class PayloadShape {
 public:
  using Json = nlohmann::json;

  // OK while nothing was wrong.
  const Status& status() const { return status_; }
  void Wrong(const std::string& path, const std::string& what);

  // `value` itself, if it is an object or list; else an empty one.
  const Json& Object(const Json& value, const std::string& path);
  const Json& Object(Json&& value, const std::string& path) = delete;
  const Json& List(const Json& value, const std::string& path, std::size_t max);
  const Json& List(Json&& value, const std::string& path, std::size_t max) = delete;

  // Members of `object`. "" and empty where it is absent and not required.
  std::string Text(const Json& object, const std::string& path, const char* name,
                   bool required = false);
  // A text, a number or a truth value, as text.
  std::string Scalar(const Json& object, const std::string& path, const char* name);
  const Json& Object(const Json& object, const std::string& path, const char* name,
                     bool required = false);
  const Json& List(const Json& object, const std::string& path, const char* name, std::size_t max,
                   bool required = false);
  // An object whose members are texts.
  std::map<std::string, std::string> Texts(const Json& object, const std::string& path,
                                           const char* name, bool required = false);
  // RFC 3339. Go's zero time means that there is none.
  std::optional<WallTime> Time(const Json& object, const std::string& path, const char* name);

 private:
  const Json* Member(const Json& object, const std::string& path, const char* name, bool required);

  Status status_;
};

// The first that is not empty.
std::string FirstOf(std::initializer_list<std::string> texts);

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_PAYLOAD_SHAPE_H_
