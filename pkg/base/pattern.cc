// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/pattern.h"

#include <utility>

#include <re2/re2.h>

namespace salve {
namespace {

// Enough for any expression a person writes; `(.{1,1000}){1,1000}` is refused instead of compiled.
constexpr std::int64_t kMaxMemory = std::int64_t{1} << 20;

std::string Shortened(std::string_view text) {
  constexpr std::size_t kShown = 80;
  return text.size() <= kShown ? std::string(text) : std::string(text.substr(0, kShown)) + "…";
}

re2::StringPiece Piece(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Pattern::Pattern(std::shared_ptr<const re2::RE2> re) : re_(std::move(re)) {}

StatusOr<Pattern> Pattern::Compile(std::string_view expression) {
  if (expression.size() > kMaxLength) {
    return InvalidArgumentError("regular expression has " + std::to_string(expression.size()) +
                                " bytes, the limit is " + std::to_string(kMaxLength));
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxMemory);
  auto re = std::make_shared<const re2::RE2>(Piece(expression), options);
  if (!re->ok()) {
    return InvalidArgumentError("regular expression \"" + Shortened(expression) +
                                "\" is not valid: " + re->error());
  }
  return Pattern(std::move(re));
}

bool Pattern::Matches(std::string_view text) const {
  return re2::RE2::PartialMatch(Piece(text), *re_);
}

bool Pattern::MatchesAll(std::string_view text) const {
  return re2::RE2::FullMatch(Piece(text), *re_);
}

std::optional<std::string_view> Pattern::Find(std::string_view text) const {
  re2::StringPiece match;
  if (!re_->Match(Piece(text), 0, text.size(), re2::RE2::UNANCHORED, &match, 1)) {
    return std::nullopt;
  }
  return std::string_view(match.data(), match.size());
}

const std::string& Pattern::text() const { return re_->pattern(); }

}  // namespace salve
