// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_CLIENT_TESTING_SELECTOR_H_
#define SALVE_PKG_CLIENT_TESTING_SELECTOR_H_

#include <string>
#include <vector>

#include "pkg/base/status.h"
#include "pkg/client/client.h"

namespace salve::client::testing {

// Label and field selectors as the fake server understands them: "a=b,c!=d,e in (x,y),f notin
// (z),g,!h" for labels; "path.to.field=value,other!=value" for fields. Value type.
class Selector {
 public:
  static StatusOr<Selector> Parse(const std::string& labels, const std::string& fields);
  bool Matches(const Json& object) const;

 private:
  enum class Operator { kIn, kNotIn, kExists, kMissing };
  struct Requirement {
    bool label = true;
    std::string key;
    Operator op = Operator::kIn;
    std::vector<std::string> values;
  };
  static StatusOr<Requirement> ParseOne(const std::string& text, bool label);

  std::vector<Requirement> requirements_;
};

}  // namespace salve::client::testing

#endif  // SALVE_PKG_CLIENT_TESTING_SELECTOR_H_
