// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_NOTIFY_GITHUB_PLACE_H_
#define SALVE_PKG_NOTIFY_GITHUB_PLACE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace salve::notify {

// A line of somebody's source code, as a stack trace names it.
struct SourcePlace {
  std::string file;  // letters, digits and "._-/+" only
  std::int64_t line = 0;
};

// The innermost place in the program's own code that `lines` (of logs, oldest first) name in the
// form of Python, Node, Go, Java or C++; one in a library or the language's run time only if there
// is no other. Lines are data from strangers: nothing but a plain path is taken for one. nullopt if
// none is found. Pure; linear in the text.
std::optional<SourcePlace> FindSourcePlace(const std::vector<std::string>& lines);

}  // namespace salve::notify

#endif  // SALVE_PKG_NOTIFY_GITHUB_PLACE_H_
