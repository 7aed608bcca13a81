// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_SERVER_CORE_H_
#define SALVE_PKG_HTTP_SERVER_CORE_H_

#include <memory>
#include <utility>

#include <boost/asio/ssl/context.hpp>

#include "pkg/base/mutex.h"
#include "pkg/http/handler.h"
#include "pkg/http/io_loop.h"
#include "pkg/http/server.h"
#include "pkg/http/worker_pool.h"

namespace salve::http {

// What the parts of one server share. Connections keep it alive: a handler may answer late.
struct ServerCore {
  ServerCore(const ServerOptions& opts, Handler& h,
             std::shared_ptr<boost::asio::ssl::context> context)
      : options(opts), handler(h), workers(opts.worker_threads), tls_(std::move(context)) {}

  // What a connection that begins now speaks; null: plain HTTP. It keeps the context that it began
  // with.
  std::shared_ptr<boost::asio::ssl::context> tls() const {
    MutexLock lock(mu_);
    return tls_;
  }
  void SetTls(std::shared_ptr<boost::asio::ssl::context> context) {
    MutexLock lock(mu_);
    tls_ = std::move(context);
  }

  const ServerOptions options;
  Handler& handler;
  IoLoop loop;
  WorkerPool workers;

 private:
  mutable Mutex mu_;
  std::shared_ptr<boost::asio::ssl::context> tls_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_SERVER_CORE_H_
