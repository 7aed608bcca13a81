// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_LISTENER_H_
#define SALVE_PKG_HTTP_LISTENER_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "pkg/http/connection.h"
#include "pkg/http/server_core.h"

namespace salve::http {

// Accepts connections, counts them in total and per address, and turns those away that are too
// many. Lives on the loop's thread, except for Open().
class Listener {
 public:
  explicit Listener(std::shared_ptr<ServerCore> core);

  // Binds and listens; before the loop starts. Errors name address, port and the system's reason.
  Status Open();
  int port() const { return port_; }
  void Accept();
  // Takes no more; open connections drain. `when_empty` is called once there is none left.
  void Drain(std::function<void()> when_empty);
  void AbortAll();

 private:
  using Tcp = boost::asio::ip::tcp;

  void OnAccepted(Tcp::socket socket);
  void TurnAway(Tcp::socket socket);
  void OnClosed(Connection* connection, const std::string& address);
  void AcceptLater();

  const std::shared_ptr<ServerCore> core_;
  Tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  int port_ = 0;
  bool draining_ = false;
  std::unordered_map<Connection*, std::weak_ptr<Connection>> connections_;
  std::map<std::string, std::size_t> per_address_;
  std::function<void()> when_empty_;
};

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_LISTENER_H_
