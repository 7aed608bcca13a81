// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_JSONPATH_H_
#define SALVE_CONTROLLER_CLI_JSONPATH_H_

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/base/status.h"

namespace salve::cli {

using Json = nlohmann::json;

// A template as in `kubectl -o jsonpath=…`, the part of it that scripts use: text, {.a.b},
// {.a['b.c']},
// {.a\.b}, [0], [-1], [*], .*, [?(@.type=="X")] (== and !=, or only a path: it exists), {range
// PATH}…{end},
// {"\n"}. A template without braces is one path. Value type, immutable, thread-safe.
class JsonPath {
 public:
  // kInvalidArgument says where and what.
  static StatusOr<JsonPath> Parse(std::string_view text);

  // What the template makes of `root`. What is not there gives nothing; several values are
  // separated by spaces; objects and lists are JSON.
  std::string Evaluate(const Json& root) const;

  // One part of a path: ".key", "[3]", "[*]", "[?(…)]".
  struct Step {
    enum class Kind { kKey, kIndex, kAll, kFilter };
    Kind kind = Kind::kKey;
    std::string key;
    long index = 0;
    // kFilter: left op literal; op "" asks only whether left exists.
    std::vector<Step> left;
    std::string op;
    Json literal;
  };
  struct Piece {
    enum class Kind { kText, kPath, kRange };
    Kind kind = Kind::kText;
    std::string text;
    std::vector<Step> steps;
    std::vector<Piece> body;  // kRange
  };

 private:
  std::vector<Piece> pieces_;
};

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_JSONPATH_H_
