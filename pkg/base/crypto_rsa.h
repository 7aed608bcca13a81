// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_CRYPTO_RSA_H_
#define SALVE_PKG_BASE_CRYPTO_RSA_H_

#include <string_view>

#include "pkg/base/status.h"

namespace salve {

enum class RsaDigest { kSha1, kSha256 };

// Whether `signature` (PKCS #1 v1.5, raw bytes) is that of `data` by the key in a certificate.
// kInvalidArgument: the PEM text is no certificate with an RSA key; kPermissionDenied: it is not.
// The certificate itself is believed: the caller knows where it is from. Thread-safe.
Status VerifyRsaSignature(std::string_view certificate_pem, RsaDigest digest, std::string_view data,
                          std::string_view signature);

}  // namespace salve

#endif  // SALVE_PKG_BASE_CRYPTO_RSA_H_
