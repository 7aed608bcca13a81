// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_EDGE_SERVER_H_
#define SALVE_CONTROLLER_RUNTIME_EDGE_SERVER_H_

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "pkg/base/clock.h"
#include "pkg/base/file_source.h"
#include "pkg/base/metrics.h"
#include "pkg/base/mutex.h"
#include "pkg/base/status.h"
#include "pkg/http/server.h"

namespace salve::runtime {

struct EdgeServerOptions {
  std::string listen;                // --http-listen
  std::string tls_cert_file;         // --http-tls-cert-file; "" = plain HTTP
  std::string tls_key_file;          // --http-tls-key-file; both or none
  Duration poll = Duration::zero();  // how often the files are read; zero: once a second
  int worker_threads = 2;
};

// The port of health, metrics, timeline and webhooks, plain or with TLS (1.2 or newer). With TLS
// its certificate follows the two files: they are read once a second (so that a symlink that is
// swapped is noticed like a write), and a pair that was the same twice is taken over for the
// connections that come from then on. A pair that does not work changes nothing but the log and the
// metrics: salve_tls_certificate_reloads_total{result="success"|"failure"},
// salve_tls_certificate_valid and salve_tls_certificate_not_after_timestamp_seconds. Thread-safe.
class EdgeServer {
 public:
  // Listens when it returns. Errors name the flag, the file and the reason; kInvalidArgument for
  // what can never work. All must outlive the server.
  static StatusOr<std::unique_ptr<EdgeServer>> Start(const EdgeServerOptions& options,
                                                     http::Handler& handler, FileSource& files,
                                                     metrics::Registry& metrics, Clock& clock);
  ~EdgeServer();  // Stop(0)
  EdgeServer(const EdgeServer&) = delete;
  EdgeServer& operator=(const EdgeServer&) = delete;

  int port() const { return http_->port(); }
  // "127.0.0.1:8080", with "https://" before it where it speaks TLS: what a script is told.
  std::string address() const;
  // Reads the files now, and judges them even if they are the same as before.
  void Reload();
  // As http::Server::Stop().
  void Stop(std::chrono::milliseconds grace);

 private:
  // The two files as they are; a file that cannot be read is a text, too: one that does not work.
  struct Pair {
    std::string certificate;
    std::string key;
    std::string problem;
    bool operator==(const Pair&) const = default;
  };

  EdgeServer(EdgeServerOptions options, FileSource& files, metrics::Registry& metrics,
             Clock& clock);
  bool secure() const { return !options_.tls_cert_file.empty(); }
  Status Open(http::Handler& handler);
  std::string FilesForMessage() const;
  Pair ReadPair();
  void Run();
  bool WaitForNext(bool& asked);
  void Poll(bool asked);
  void TakeOver(Pair pair);
  // null: only shows that there is something to count.
  void Count(const char* result);

  const EdgeServerOptions options_;
  FileSource& files_;
  metrics::Registry& metrics_;
  Clock& clock_;
  std::string host_;
  std::unique_ptr<http::Server> http_;

  // Only the thread that starts, then thread_, touches these.
  Pair judged_;                // as last taken over or refused
  std::optional<Pair> fresh_;  // another one, seen once

  Mutex mu_;
  CondVar changed_;
  bool reload_ SALVE_GUARDED_BY(mu_) = false;
  bool stopping_ SALVE_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_EDGE_SERVER_H_
