// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_REPLAY_PIECES_H_
#define SALVE_CONTROLLER_REPLAY_PIECES_H_

#include <cstddef>
#include <functional>
#include <istream>
#include <string>

#include <nlohmann/json.hpp>

#include "pkg/base/status.h"

// A record of any length, read object by object.
namespace salve::replay {

inline constexpr std::size_t kMaxPieceBytes = 4u << 20;  // one object
inline constexpr std::size_t kMaxYamlBytes = 16u << 20;  // all of a file in YAML
inline constexpr std::size_t kMaxPieceDepth = 64;

// Takes one object and where it stands: "history.jsonl:14". An error ends the reading.
using TakePiece = std::function<Status(nlohmann::json object, const std::string& where)>;

// Every object of `in`, called `name` in messages, one at a time: JSON lines, and JSON documents
// one after the other; lists (an array, or an object with "items") are taken apart. What begins
// with neither { nor [ is YAML. Memory does not grow with the length of JSON. kInvalidArgument with
// name:line for what is broken, too large or too deep; the first error ends it.
Status ReadPieces(std::istream& in, const std::string& name, const TakePiece& take);

// The same of a file; "-" is standard input.
Status ReadPieces(const std::string& path, const TakePiece& take);

}  // namespace salve::replay

#endif  // SALVE_CONTROLLER_REPLAY_PIECES_H_
