// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_FIELD_ERROR_H_
#define SALVE_PKG_APIS_FIELD_ERROR_H_

#include <compare>
#include <string>
#include <vector>

#include "pkg/base/status.h"

namespace salve::apis {

// The words of Kubernetes' StatusCause.reason.
inline constexpr char kFieldValueInvalid[] = "FieldValueInvalid";
inline constexpr char kFieldValueRequired[] = "FieldValueRequired";
inline constexpr char kFieldValueNotSupported[] = "FieldValueNotSupported";
inline constexpr char kFieldValueDuplicate[] = "FieldValueDuplicate";
inline constexpr char kFieldValueForbidden[] = "FieldValueForbidden";
inline constexpr char kFieldValueNotFound[] = "FieldValueNotFound";
inline constexpr char kFieldValueTypeInvalid[] = "FieldValueTypeInvalid";
inline constexpr char kFieldValueTooLong[] = "FieldValueTooLong";
inline constexpr char kFieldValueTooMany[] = "FieldValueTooMany";

// One thing wrong with one field, ready to become a cause of a 422.
struct FieldError {
  std::string field;    // "spec.ladder[1].action"; "" is the whole object
  std::string reason;   // one of the words above
  std::string message;  // "Invalid value: 99: must be at most 10"

  // "spec.ladder[1].action: Required value: …"
  std::string ToString() const { return field.empty() ? message : field + ": " + message; }
  auto operator<=>(const FieldError&) const = default;
};

using FieldErrors = std::vector<FieldError>;

// Builders with the wording of Kubernetes' field errors. `value` is shown as given: quote strings
// with Quoted().
FieldError InvalidField(std::string field, const std::string& value, const std::string& detail);
FieldError RequiredField(std::string field, const std::string& detail = "");
FieldError DuplicateField(std::string field, const std::string& value);
FieldError ForbiddenField(std::string field, const std::string& detail);
FieldError NotFoundField(std::string field, const std::string& value, const std::string& detail);
FieldError UnsupportedField(std::string field, const std::string& value,
                            const std::vector<std::string>& supported);

// `text` as a JSON string, shortened when very long.
std::string Quoted(const std::string& text);

// OK if there are none; else kInvalidArgument with all of them (the first twenty) joined by "; ".
Status ToStatus(const FieldErrors& errors);

}  // namespace salve::apis

#endif  // SALVE_PKG_APIS_FIELD_ERROR_H_
