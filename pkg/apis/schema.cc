// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/schema.h"

#include <mutex>
#include <utility>

#include "pkg/base/pattern.h"

namespace salve::apis {

struct LazyPattern::Compiled {
  std::once_flag once;
  std::optional<Pattern> pattern;
};

LazyPattern::LazyPattern(std::string text)
    : text_(std::move(text)), compiled_(std::make_unique<Compiled>()) {}

LazyPattern::~LazyPattern() = default;

bool LazyPattern::Matches(std::string_view value) const {
  std::call_once(compiled_->once, [this] {
    StatusOr<Pattern> pattern = Pattern::Compile(text_);
    if (pattern.ok()) compiled_->pattern = std::move(pattern).value();
  });
  return compiled_->pattern.has_value() && compiled_->pattern->Matches(value);
}

const Field* Struct::Find(std::string_view json_name) const {
  for (const Field& field : fields) {
    if (field.name == json_name) return &field;
  }
  return nullptr;
}

}  // namespace salve::apis
