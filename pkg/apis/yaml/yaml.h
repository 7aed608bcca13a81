// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_YAML_YAML_H_
#define SALVE_PKG_APIS_YAML_YAML_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/base/status.h"

// YAML as kubectl reads and writes it. Pure functions, thread-safe. The only place that knows
// yaml-cpp.
namespace salve::apis::yaml {

using Json = nlohmann::json;

struct Limits {
  std::size_t max_bytes = 4u << 20;
  int max_depth = 64;
  std::size_t max_nodes = 200000;  // with every alias expanded
};

struct Document {
  Json value;
  int first_line = 1;
  // Where each value stands: path as in FieldError ("spec.ladder[1].action") → line, from 1. Values
  // that came through an alias have the line of the alias.
  std::map<std::string, int> lines;

  // The line of `path` or of the closest thing around it; first_line if nothing of it is there.
  int LineOf(std::string_view path) const;
};

// All documents of a stream; empty ones are left out. Plain scalars mean what they mean to kubectl
// (YAML 1.1: yes, no, on, off are booleans, 0755 is octal, dates are strings); quoted ones are
// strings; keys are strings; `<<` merges. JSON is read too. Errors (kInvalidArgument) begin with
// "line N: ": syntax, a key that comes twice, a key that is not a scalar, numbers that JSON does
// not have, tags other than YAML's own, and whatever exceeds the limits.
StatusOr<std::vector<Document>> Parse(std::string_view text, const Limits& limits = {});

// Exactly one document.
StatusOr<Document> ParseOne(std::string_view text, const Limits& limits = {});

// As `kubectl get -o yaml` prints it: keys sorted, two spaces, lists not indented, a line break at
// the end. What it gives, Parse reads back unchanged.
std::string Emit(const Json& value);

namespace internal {
// What a plain scalar means. kInvalidArgument for .nan and .inf.
StatusOr<Json> ResolvePlain(const std::string& text);
}  // namespace internal

}  // namespace salve::apis::yaml

#endif  // SALVE_PKG_APIS_YAML_YAML_H_
