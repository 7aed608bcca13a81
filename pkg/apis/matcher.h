// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_MATCHER_H_
#define SALVE_PKG_APIS_MATCHER_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "pkg/base/pattern.h"
#include "pkg/base/status.h"

namespace salve::apis {

// One condition on an alert's labels in the syntax that Alertmanager's routes and `amtool` use:
// name="value", name!="value", name=~"expression", name!~"expression". The quotes may be left out
// around a value without white space; inside them \" \\ and \n are escapes. An expression (RE2) is
// anchored at both ends. A label that is not there has the empty value. Immutable, thread-safe.
class Matcher {
 public:
  // kInvalidArgument says what is wrong, without repeating the whole text.
  static StatusOr<Matcher> Parse(std::string_view text);

  bool Matches(const std::map<std::string, std::string>& labels) const;

  const std::string& label() const { return label_; }

 private:
  enum class Operator { kEqual, kNotEqual, kMatches, kNotMatches };

  Matcher(std::string label, Operator op, std::string value, std::optional<Pattern> pattern)
      : label_(std::move(label)),
        operator_(op),
        value_(std::move(value)),
        pattern_(std::move(pattern)) {}

  std::string label_;
  Operator operator_;
  std::string value_;
  std::optional<Pattern> pattern_;  // of the two operators with an expression
};

// Why `text` is no matcher; "" if it is one.
std::string CheckMatcher(std::string_view text);

}  // namespace salve::apis

#endif  // SALVE_PKG_APIS_MATCHER_H_
