// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/matcher.h"

#include <algorithm>
#include <utility>

namespace salve::apis {
namespace {

constexpr std::string_view kSpace = " \t";

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// Names as Prometheus allows them, and the dots, colons and dashes that other senders use.
bool IsLabel(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && name.size() <= 128 && is_letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-';
         });
}

StatusOr<std::string> Unquote(std::string_view text) {
  if (text.empty() || text.front() != '"') {
    if (text.find_first_of(" \t\"") == std::string_view::npos) return std::string(text);
    return InvalidArgumentError("a value with white space or quotes must stand in double quotes");
  }
  std::string value;
  std::size_t at = 1;
  for (; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] != '\\') {
      value += text[at];
      continue;
    }
    ++at;
    const char escaped = at < text.size() ? text[at] : '\0';
    if (escaped == 'n') {
      value += '\n';
    } else if (escaped == '"' || escaped == '\\') {
      value += escaped;
    } else {
      // An expression such as "\d+" means its own backslash.
      value += '\\';
      --at;
    }
  }
  if (at + 1 != text.size()) {
    return InvalidArgumentError(at < text.size() ? "nothing may follow the closing quote"
                                                 : "the closing quote is missing");
  }
  return value;
}

}  // namespace

StatusOr<Matcher> Matcher::Parse(std::string_view text) {
  const std::size_t at = text.find_first_of("=!");
  if (at == std::string_view::npos) {
    return InvalidArgumentError(
        R"(must be a matcher as in alertname="RedisDown" or job=~"api-.*")");
  }
  const std::string_view symbol = text.substr(at, 2);
  Operator op = Operator::kEqual;
  if (symbol == "!=") {
    op = Operator::kNotEqual;
  } else if (symbol == "=~") {
    op = Operator::kMatches;
  } else if (symbol == "!~") {
    op = Operator::kNotMatches;
  } else if (symbol[0] != '=') {
    return InvalidArgumentError("the operator must be one of = != =~ !~");
  }
  const std::string_view label = Trim(text.substr(0, at));
  if (!IsLabel(label)) {
    return InvalidArgumentError("the label's name before the operator is missing or malformed");
  }
  SALVE_ASSIGN_OR_RETURN(std::string value,
                         Unquote(Trim(text.substr(at + (op == Operator::kEqual ? 1 : 2)))));
  if (op == Operator::kEqual || op == Operator::kNotEqual) {
    return Matcher(std::string(label), op, std::move(value), std::nullopt);
  }
  SALVE_ASSIGN_OR_RETURN(Pattern pattern, Pattern::Compile(value));
  return Matcher(std::string(label), op, std::move(value), std::move(pattern));
}

bool Matcher::Matches(const std::map<std::string, std::string>& labels) const {
  const auto it = labels.find(label_);
  const std::string_view value = it == labels.end() ? std::string_view() : it->second;
  switch (operator_) {
    case Operator::kEqual:
      return value == value_;
    case Operator::kNotEqual:
      return value != value_;
    case Operator::kMatches:
      return pattern_->MatchesAll(value);
    case Operator::kNotMatches:
      return !pattern_->MatchesAll(value);
  }
  return false;
}

std::string CheckMatcher(std::string_view text) {
  const StatusOr<Matcher> matcher = Matcher::Parse(text);
  return matcher.ok() ? "" : matcher.status().message();
}

}  // namespace salve::apis
