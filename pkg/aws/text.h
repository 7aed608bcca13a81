// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_TEXT_H_
#define SALVE_PKG_AWS_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

// Text of services and configuration files: data from strangers. Pure functions.
namespace salve::aws {

// ASCII letters in lower case.
std::string Lower(std::string_view text);

// Without white space at both ends.
std::string_view Trim(std::string_view text);

// What may stand in a message: at most `max_bytes` (and then "…"), well-formed UTF-8, control
// characters as spaces, what looks like a secret redacted.
std::string Quotable(std::string_view text, std::size_t max_bytes);

// `text` without any occurrence of `secret`; texts of fewer than six bytes hide nothing.
void Hide(std::string& text, std::string_view secret);

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_TEXT_H_
