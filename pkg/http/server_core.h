// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_SERVER_CORE_H_
#define SALVE_PKG_HTTP_SERVER_CORE_H_

#include <memory>

#include <boost/asio/ssl/context.hpp>

#include "pkg/http/handler.h"
#include "pkg/http/io_loop.h"
#include "pkg/http/server.h"
#include "pkg/http/worker_pool.h"

namespace salve::http {

// What the parts of one server share. Connections keep it alive: a handler may answer late.
struct ServerCore {
  ServerCore(const ServerOptions& opts, Handler& h,
             std::shared_ptr<boost::asio::ssl::context> context)
      : options(opts), handler(h), tls(std::move(context)), workers(opts.worker_threads) {}

  const ServerOptions options;
  Handler& handler;
  const std::shared_ptr<boost::asio::ssl::context> tls;  // null: plain HTTP
  IoLoop loop;
  WorkerPool workers;
};

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_SERVER_CORE_H_
