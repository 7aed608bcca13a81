// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_HASH_H_
#define SALVE_PKG_BASE_HASH_H_

#include <string>
#include <string_view>

namespace salve {

// SHA-256 of `data`, 64 lower-case hexadecimal digits. Thread-safe. Ends the process if the
// cryptographic library cannot compute it: there is no safe way to go on without identities.
std::string Sha256Hex(std::string_view data);

// HMAC-SHA-256, 32 raw bytes. Thread-safe; ends the process where Sha256Hex would.
std::string HmacSha256(std::string_view key, std::string_view data);

// SHA-1, 40 hexadecimal digits: only for names that others form with it, never for identities or
// signatures. Thread-safe; ends the process where Sha256Hex would.
std::string Sha1Hex(std::string_view data);

// Two lower-case hexadecimal digits a byte.
std::string HexEncode(std::string_view bytes);

}  // namespace salve

#endif  // SALVE_PKG_BASE_HASH_H_
