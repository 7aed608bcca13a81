// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_CERTS_H_
#define SALVE_PKG_APISERVER_CERTS_H_

#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/status.h"

namespace salve::apiserver {

// PEM texts.
struct ServerCertificates {
  std::string ca_certificate;
  std::string certificate;
  std::string private_key;
};

// The server's certificate (ECDSA P-256, one year) and the authority that signed it (ten years),
// kept in `data_dir`/pki, keys with mode 0600. What is missing, damaged, expires within 30 days or
// does not name `listen_host` is made anew; the authority's key never leaves the directory.
// 127.0.0.1, ::1 and localhost are always named. kInvalidArgument for a host that is neither an
// address nor a DNS name.
StatusOr<ServerCertificates> EnsureCertificates(const std::string& data_dir,
                                                const std::string& listen_host, Clock& clock);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_CERTS_H_
