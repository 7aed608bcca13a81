// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_PATTERN_H_
#define SALVE_PKG_BASE_PATTERN_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pkg/base/status.h"

namespace re2 {
class RE2;
}

namespace salve {

// A regular expression written by a user (RE2 syntax, the one of Go and of Kubernetes' `pattern`).
// Matching takes time linear in the text and bounded memory, whatever the expression: no input can
// make it hang. Immutable, cheap to copy, thread-safe. The only place that knows RE2.
class Pattern {
 public:
  static constexpr std::size_t kMaxLength = 4096;  // of the expression, in bytes

  // kInvalidArgument says what is wrong with the expression, quoting it shortened.
  static StatusOr<Pattern> Compile(std::string_view expression);

  // Whether some part of `text` matches. Text that is not UTF-8 is matched as far as it is.
  bool Matches(std::string_view text) const;
  // Whether all of `text` matches.
  bool MatchesAll(std::string_view text) const;
  // The leftmost match; a view into `text`.
  std::optional<std::string_view> Find(std::string_view text) const;

  const std::string& text() const;

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> re);

  std::shared_ptr<const re2::RE2> re_;
};

}  // namespace salve

#endif  // SALVE_PKG_BASE_PATTERN_H_
