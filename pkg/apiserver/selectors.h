// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_SELECTORS_H_
#define SALVE_PKG_APISERVER_SELECTORS_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pkg/apiserver/status_body.h"

// labelSelector and fieldSelector of lists and watches. Values; thread-safe once made.
namespace salve::apiserver {

// "app=x,tier!=y,env in (a,b),!canary". An empty selector selects everything.
class LabelSelector {
 public:
  enum class Op { kIn, kNotIn, kExists, kNotExists, kGreaterThan, kLessThan };
  struct Requirement {
    std::string key;
    Op op = Op::kExists;
    std::vector<std::string> values;
  };

  // A bad selector is a 400 in the words of the real server.
  static ApiResult<LabelSelector> Parse(std::string_view text);

  bool empty() const { return requirements_.empty(); }
  // `object` is a whole resource: reads metadata.labels.
  bool Matches(const Json& object) const;
  const std::vector<Requirement>& requirements() const { return requirements_; }

 private:
  std::vector<Requirement> requirements_;
};

// "metadata.name=i1,status.phase!=Open". An empty selector selects everything.
class FieldSelector {
 public:
  struct Term {
    std::string path;
    bool equal = true;
    std::string value;
  };

  // `supported` are the resource's field labels (ServedResource::field_labels); another label is a
  // 400 "field label not supported: …". `=`, `==`, `!=`; a backslash escapes `,`, `=` and itself.
  static ApiResult<FieldSelector> Parse(std::string_view text,
                                        const std::vector<std::string>& supported);

  bool empty() const { return terms_.empty(); }
  // An absent field compares as "", numbers and booleans as their text.
  bool Matches(const Json& object) const;
  const std::vector<Term>& terms() const { return terms_; }
  // The name or namespace that a selector pins by equality: lets a store look up instead of
  // scanning.
  std::optional<std::string> RequiredName() const;
  std::optional<std::string> RequiredNamespace() const;

 private:
  std::vector<Term> terms_;
};

// "" if `text` may be a label's key or value, else the reason in the words of the real server.
std::string CheckLabelKey(std::string_view text);
std::string CheckLabelValue(std::string_view text);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_SELECTORS_H_
