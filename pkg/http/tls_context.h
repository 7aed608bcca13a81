// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_TLS_CONTEXT_H_
#define SALVE_PKG_HTTP_TLS_CONTEXT_H_

#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include "pkg/base/mutex.h"
#include "pkg/base/status.h"
#include "pkg/http/server.h"
#include "pkg/http/transports.h"

namespace salve::http {

// TLS 1.2 or newer with the options' certificate and key; nullptr if both are empty.
// kInvalidArgument says which of them OpenSSL refused, and why.
StatusOr<std::shared_ptr<boost::asio::ssl::context>> MakeServerTls(const ServerOptions& options);

// Sets roots, client certificate and the least version on a client's context.
Status ConfigureClientTls(const TlsOptions& options, boost::asio::ssl::context& context);

// Who a client expects at the other end, and why the last one was refused.
struct TlsPeer {
  std::string name;  // a host name or an IP address; immutable once bound
  Mutex mu;
  std::string last_error SALVE_GUARDED_BY(mu);
};

// Makes every session of `context` ask for `peer->name` (SNI) and, unless verification is off for
// the session, accept only a certificate for it. The context does not own `peer`: it must outlive
// every handshake.
void BindClientTls(const std::shared_ptr<TlsPeer>& peer, boost::asio::ssl::context& context);

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_TLS_CONTEXT_H_
