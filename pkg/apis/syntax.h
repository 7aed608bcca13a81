// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_SYNTAX_H_
#define SALVE_PKG_APIS_SYNTAX_H_

#include <string>
#include <string_view>
#include <vector>

#include "pkg/apis/field_error.h"

// The small languages that stand inside string fields. Each check returns "" if the text is well
// formed, else what it must be ("must be …"), ready to follow "Invalid value: …: ". Pure,
// thread-safe; nothing is resolved or connected to.
namespace salve::apis {

// "127.0.0.1:6379", "[::1]:6379", "redis.example:6379"; ports 1–65535.
std::string CheckHostPort(std::string_view text);

// An absolute http or https URL without user name and fragment.
std::string CheckHttpUrl(std::string_view text);

// "10.0.0.0/8", "fd00::/8".
std::string CheckCidr(const std::string& text);

// Names of Kubernetes objects (RFC 1123 subdomain), label keys ("example.com/name") and label
// values.
std::string CheckObjectName(std::string_view text);
std::string CheckLabelKey(std::string_view text);
std::string CheckLabelValue(std::string_view text);

// Program and arguments: a program, and no NUL, which would cut an argument short. Adds what is
// wrong.
void CheckArgv(const std::vector<std::string>& argv, const std::string& path, FieldErrors& errors);

// Lists of allowed argvs, where an element between slashes is a regular expression: those must
// compile.
void CheckArgvPatterns(const std::vector<std::vector<std::string>>& patterns,
                       const std::string& path, FieldErrors& errors);

// The same text is read as a regular expression for a whole argument.
bool IsArgvRegex(std::string_view element);

// "spec.probes" and 2 make "spec.probes[2]".
std::string At(const std::string& path, std::size_t index);

}  // namespace salve::apis

#endif  // SALVE_PKG_APIS_SYNTAX_H_
