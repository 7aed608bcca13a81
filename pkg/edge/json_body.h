// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_EDGE_JSON_BODY_H_
#define SALVE_PKG_EDGE_JSON_BODY_H_

#include <cstddef>
#include <string_view>

#include <nlohmann/json.hpp>

#include "pkg/base/status.h"

namespace salve::edge {

struct JsonLimits {
  int max_depth = 32;
  std::size_t max_values = 20'000;
};

// Parses what a stranger sent. InvalidArgument, with the place, on bad syntax, bad UTF-8, a key
// that appears twice in one object (two readers would not agree on its value), and on more than the
// limits.
StatusOr<nlohmann::json> ParseJsonBody(std::string_view text, const JsonLimits& limits = {});

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_JSON_BODY_H_
