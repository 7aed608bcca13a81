// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_CERTIFICATE_H_
#define SALVE_PKG_HTTP_CERTIFICATE_H_

#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/status.h"

namespace salve::http {

// Until when the first certificate of a PEM chain is valid. kInvalidArgument if there is none.
StatusOr<WallTime> CertificateExpiry(const std::string& certificate_chain_pem);

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_CERTIFICATE_H_
