// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_TESTING_CERTIFICATE_H_
#define SALVE_PKG_HTTP_TESTING_CERTIFICATE_H_

#include <string>

namespace salve::http {

struct TestCertificate {
  std::string certificate_pem;
  std::string private_key_pem;
};

// A fresh self-signed P-256 certificate, its own CA. `alt_names` as OpenSSL writes them:
// "DNS:localhost,IP:127.0.0.1".
TestCertificate MakeTestCertificate(const std::string& alt_names);

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_TESTING_CERTIFICATE_H_
