// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_TESTING_RAW_CLIENT_H_
#define SALVE_PKG_HTTP_TESTING_RAW_CLIENT_H_

#include <chrono>
#include <string>
#include <string_view>

namespace salve::http {

// A TCP connection to 127.0.0.1 that sends and receives bytes as they are, for what a proper client
// would never do. Every wait is bounded by two minutes. Tests only; one thread.
class RawClient {
 public:
  // `from` is the local address, so that one machine can look like several: any of 127.0.0.0/8.
  explicit RawClient(int port, const char* from = "127.0.0.1", int receive_buffer = 0);
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return fd_ >= 0; }
  // False if the server no longer takes it.
  bool Send(std::string_view bytes);
  // Reads until `mark` has come (returns everything up to its end), or until the connection ends.
  std::string ReadUntil(std::string_view mark);
  // Reads a whole response with Content-Length.
  std::string ReadResponse();
  // Reads until the server closes; `closed` tells whether it did within the time.
  std::string ReadToEnd();
  bool closed() const { return closed_; }
  void Close();
  int fd() const { return fd_; }

 private:
  bool ReadMore();

  int fd_ = -1;
  bool closed_ = false;
  std::string buffer_;
};

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_TESTING_RAW_CLIENT_H_
