// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_BASE64_H_
#define SALVE_PKG_BASE_BASE64_H_

#include <optional>
#include <string>
#include <string_view>

namespace salve {

// RFC 4648 with padding.
std::string Base64Encode(std::string_view bytes);
// nullopt for anything that Base64Encode does not write (line breaks, missing padding, stray bits).
std::optional<std::string> Base64Decode(std::string_view text);

}  // namespace salve

#endif  // SALVE_PKG_BASE_BASE64_H_
