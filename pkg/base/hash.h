// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_HASH_H_
#define SALVE_PKG_BASE_HASH_H_

#include <string>
#include <string_view>

namespace salve {

// SHA-256 of `data`, 64 lower-case hexadecimal digits. Thread-safe. Ends the process if the
// cryptographic library cannot compute it: there is no safe way to go on without identities.
std::string Sha256Hex(std::string_view data);

}  // namespace salve

#endif  // SALVE_PKG_BASE_HASH_H_
