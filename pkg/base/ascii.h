// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_ASCII_H_
#define SALVE_PKG_BASE_ASCII_H_

#include <algorithm>
#include <string>
#include <string_view>

namespace salve {

// ASCII letters in lower case, whatever the locale; other bytes stay.
inline std::string AsciiLower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

}  // namespace salve

#endif  // SALVE_PKG_BASE_ASCII_H_
