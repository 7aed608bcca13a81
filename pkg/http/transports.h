// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_TRANSPORTS_H_
#define SALVE_PKG_HTTP_TRANSPORTS_H_

#include <memory>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/http/handler.h"
#include "pkg/http/transport.h"

namespace salve::http {

// TLS as a client sees it. PEM texts, not paths: whoever reloads files makes a new transport.
struct TlsOptions {
  std::string ca_pem;           // empty: the system's roots
  std::string certificate_pem;  // client certificate chain, empty: none
  std::string private_key_pem;
  std::string server_name;  // verified instead of the URL's host if set
  bool insecure_skip_verify = false;
};

// Outbound HTTP(S) over TCP by cpprestsdk. `base_url` is "http[s]://host[:port]"; other schemes and
// bad PEM are kInvalidArgument.
StatusOr<std::unique_ptr<Transport>> MakeTcpTransport(const std::string& base_url,
                                                      const TlsOptions& tls, Clock& clock);

// HTTP over a unix socket by Boost.Beast, a connection per call in flight, kept alive between
// calls. The socket is opened at the first call: kUnavailable names the path and errno's text.
std::unique_ptr<Transport> MakeUnixTransport(const std::string& socket_path, Clock& clock);

// Calls `handler` in this process: the same bytes without a socket. `handler` must outlive it.
// `headers` are added to every request (for example Authorization).
std::unique_ptr<Transport> MakeInProcessTransport(Handler& handler, Headers headers, Clock& clock);

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_TRANSPORTS_H_
