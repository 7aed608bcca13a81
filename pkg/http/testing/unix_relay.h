// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_TESTING_UNIX_RELAY_H_
#define SALVE_PKG_HTTP_TESTING_UNIX_RELAY_H_

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "pkg/base/mutex.h"

namespace salve::http {

// Listens on a unix socket in a directory of its own and carries every connection to a TCP port of
// this machine, so that the real server can be spoken to as a Docker engine is. Tests only.
class UnixRelay {
 public:
  explicit UnixRelay(int tcp_port);
  ~UnixRelay();
  UnixRelay(const UnixRelay&) = delete;
  UnixRelay& operator=(const UnixRelay&) = delete;

  const std::string& path() const { return path_; }
  // Returns when every connection so far has ended.
  void AwaitNoConnections();

 private:
  void Accept();
  void Carry(int client);

  const int tcp_port_;
  std::string directory_;
  std::string path_;
  int listener_ = -1;
  int stop_[2] = {-1, -1};
  Mutex mu_;
  CondVar changed_;
  int open_ SALVE_GUARDED_BY(mu_) = 0;
  std::vector<std::thread> carriers_ SALVE_GUARDED_BY(mu_);
  std::thread acceptor_;
};

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_TESTING_UNIX_RELAY_H_
