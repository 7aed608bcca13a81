// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_CRYPTO_SIGN_H_
#define SALVE_PKG_BASE_CRYPTO_SIGN_H_

#include <string>
#include <string_view>

#include "pkg/base/status.h"

namespace salve {

// The signature (RSA, PKCS #1 v1.5, SHA-256, raw bytes) of `data` by a private key: PEM as PKCS #1
// or PKCS #8, not encrypted, at least 2048 bits. kInvalidArgument: it is no such key; the message
// says nothing of what it is. Thread-safe.
StatusOr<std::string> SignRsaSha256(std::string_view private_key_pem, std::string_view data);

}  // namespace salve

#endif  // SALVE_PKG_BASE_CRYPTO_SIGN_H_
