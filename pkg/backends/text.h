// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_TEXT_H_
#define SALVE_PKG_BACKENDS_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// What containers, engines and servers say is data from strangers: bounded and printable before it
// goes anywhere. Pure functions.
namespace salve::backends {

// Valid UTF-8 of at most `max_bytes`, ending in "…" where something was cut. Control characters
// (also the C1 ones and DEL) become a space, broken UTF-8 becomes U+FFFD. Newlines survive if
// `keep_newlines`.
std::string Printable(std::string_view text, std::size_t max_bytes, bool keep_newlines = false);

// Without white space at both ends.
std::string_view Trim(std::string_view text);

// The lines of `text` without their line ends; empty ones are left out.
std::vector<std::string_view> Lines(std::string_view text);

// As a person would type it in a POSIX shell: quoted only where needed. For previews, never
// executed.
std::string ShellQuote(const std::vector<std::string>& argv);

// "52.4 MB" (decimal prefixes, as Docker prints them).
std::string HumanBytes(std::int64_t bytes);

}  // namespace salve::backends

#endif  // SALVE_PKG_BACKENDS_TEXT_H_
