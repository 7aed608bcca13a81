// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_SALVE_V1ALPHA1_VALIDATION_INTERNAL_H_
#define SALVE_PKG_APIS_SALVE_V1ALPHA1_VALIDATION_INTERNAL_H_

#include <string>
#include <utility>
#include <vector>

#include "pkg/apis/field_error.h"
#include "pkg/apis/salve/v1alpha1/healingpolicy.h"

// Parts of Validate that several kinds share. Each adds what is wrong to `errors`.
namespace salve::apis::internal {

// Adds an error if `why`, the answer of a check in syntax.h, is not empty.
void AddInvalid(const std::string& why, const std::string& path, const std::string& value,
                FieldErrors& errors);

// An RE2 that compiles; "" is fine.
void ValidatePattern(const std::string& pattern, const std::string& path, FieldErrors& errors);

// The fields cron and timeZone of what stands at `path`; an empty time zone is UTC.
void ValidateCron(const std::string& cron, const std::string& time_zone, const std::string& path,
                  FieldErrors& errors);

void ValidateWindows(const std::vector<salve::v1alpha1::Window>& windows, const std::string& path,
                     FieldErrors& errors);

void ValidateSchedules(const salve::v1alpha1::HealingPolicySpec& spec, FieldErrors& errors);

void ValidateSelector(const salve::v1alpha1::LabelSelector& selector, const std::string& path,
                      FieldErrors& errors);

// `timeout_seconds` is what the step gives the action.
void ValidateAction(const salve::v1alpha1::Action& action, std::int64_t timeout_seconds,
                    const std::string& path, FieldErrors& errors);

void ValidateSecretSource(const salve::v1alpha1::SecretSource& source, const std::string& path,
                          FieldErrors& errors);

// `schema`, and of `more` what is about fields that `schema` does not complain about.
FieldErrors Together(FieldErrors schema, FieldErrors more);

}  // namespace salve::apis::internal

#endif  // SALVE_PKG_APIS_SALVE_V1ALPHA1_VALIDATION_INTERNAL_H_
