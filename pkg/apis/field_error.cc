// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/field_error.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace salve::apis {
namespace {

std::string WithDetail(std::string message, const std::string& detail) {
  return detail.empty() ? message : std::move(message) + ": " + detail;
}

}  // namespace

std::string Quoted(const std::string& text) {
  constexpr std::size_t kShown = 200;
  const std::string shown = text.size() <= kShown ? text : text.substr(0, kShown) + "…";
  return nlohmann::json(shown).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

FieldError InvalidField(std::string field, const std::string& value, const std::string& detail) {
  return {std::move(field), kFieldValueInvalid, WithDetail("Invalid value: " + value, detail)};
}

FieldError RequiredField(std::string field, const std::string& detail) {
  return {std::move(field), kFieldValueRequired, WithDetail("Required value", detail)};
}

FieldError DuplicateField(std::string field, const std::string& value) {
  return {std::move(field), kFieldValueDuplicate, "Duplicate value: " + value};
}

FieldError ForbiddenField(std::string field, const std::string& detail) {
  return {std::move(field), kFieldValueForbidden, WithDetail("Forbidden", detail)};
}

FieldError NotFoundField(std::string field, const std::string& value, const std::string& detail) {
  return {std::move(field), kFieldValueNotFound, WithDetail("Not found: " + value, detail)};
}

FieldError UnsupportedField(std::string field, const std::string& value,
                            const std::vector<std::string>& supported) {
  std::string words;
  for (const std::string& word : supported) words += (words.empty() ? "" : ", ") + Quoted(word);
  return {std::move(field), kFieldValueNotSupported,
          "Unsupported value: " + value + ": supported values: " + words};
}

Status ToStatus(const FieldErrors& errors) {
  if (errors.empty()) return Status::Ok();
  constexpr std::size_t kShown = 20;
  std::string text;
  for (std::size_t i = 0; i < errors.size() && i < kShown; ++i) {
    text += (i == 0 ? "" : "; ") + errors[i].ToString();
  }
  if (errors.size() > kShown) text += "; and " + std::to_string(errors.size() - kShown) + " more";
  return InvalidArgumentError(std::move(text));
}

}  // namespace salve::apis
