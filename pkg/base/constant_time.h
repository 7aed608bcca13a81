// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_CONSTANT_TIME_H_
#define SALVE_PKG_BASE_CONSTANT_TIME_H_

#include <cstddef>
#include <string_view>

namespace salve {

// Whether the two are the same, in a time that tells nothing about where they differ; that their
// lengths differ may be told.
inline bool EqualInConstantTime(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

}  // namespace salve

#endif  // SALVE_PKG_BASE_CONSTANT_TIME_H_
