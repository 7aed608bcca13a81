// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_SERVER_H_
#define SALVE_PKG_HTTP_SERVER_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "pkg/base/status.h"
#include "pkg/http/handler.h"

namespace salve::http {

struct ServerOptions {
  std::string address = "127.0.0.1";
  int port = 0;  // 0: the system chooses, see port()
  // PEM; both empty: plain HTTP. TLS is 1.2 or newer.
  std::string certificate_chain_pem;
  std::string private_key_pem;
  std::size_t max_body_bytes = 1u << 20;     // more: 413, connection closed
  std::size_t max_header_bytes = 16u << 10;  // more: 431
  std::size_t max_connections = 1024;
  std::size_t max_connections_per_address = 256;
  std::chrono::milliseconds header_deadline{
      10'000};  // from accept or from the end of the last answer's use
  std::chrono::milliseconds request_deadline{30'000};  // head and body
  std::chrono::milliseconds idle_deadline{120'000};    // kept-alive connection without a request
  std::chrono::milliseconds write_deadline{30'000};    // a chunk that the reader does not take
  int worker_threads = 2;  // run Handler::Handle; one more thread does all I/O
};

// An HTTP/1.1 server: one I/O thread (Boost.Beast, asynchronous), a few workers. Thread-safe.
class Server {
 public:
  // Binds and serves at once. kAlreadyExists if the port is in use (message names it). `handler`
  // must outlive the server.
  static StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options, Handler& handler);
  virtual ~Server() = default;  // Stop(0)

  virtual int port() const = 0;
  // Another certificate and key (PEM) for the connections that come from now on; those that are
  // open keep theirs. kInvalidArgument as Start(), also for a server that speaks plain HTTP:
  // nothing has changed then.
  virtual Status ReplaceCertificate(const std::string& certificate_chain_pem,
                                    const std::string& private_key_pem) = 0;
  // Takes no new connection, lets running requests finish for at most `grace`, closes streams.
  virtual void Stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_SERVER_H_
