// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/listener.h"

#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>

#include "pkg/base/log.h"
#include "pkg/http/ignore_error.h"
#include "pkg/http/wire.h"

namespace salve::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// How long nothing is accepted after the system refused (out of file descriptors, for example).
constexpr std::chrono::milliseconds kAcceptPause{100};

std::string ListenName(const ServerOptions& options) {
  const bool v6 = options.address.find(':') != std::string::npos;
  return (v6 ? "[" + options.address + "]" : options.address) + ":" + std::to_string(options.port);
}

Status ListenError(const ServerOptions& options, const error_code& error) {
  const std::string message = "listening on " + ListenName(options) + ": " + error.message();
  if (error == asio::error::address_in_use) return AlreadyExistsError(message);
  if (error == asio::error::access_denied) return PermissionDeniedError(message);
  return UnavailableError(message);
}

// IPv4 in IPv6 counts as IPv4; an IPv6 client has a whole /64 to itself, so that counts as one.
std::string AddressKey(const asio::ip::address& address) {
  if (!address.is_v6()) return address.to_string();
  asio::ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_string();
  }
  auto bytes = v6.to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
  return asio::ip::address_v6(bytes).to_string();
}

}  // namespace

Listener::Listener(std::shared_ptr<ServerCore> core)
    : core_(std::move(core)), acceptor_(core_->loop.io()), pause_(core_->loop.io()) {}

Status Listener::Open() {
  const ServerOptions& options = core_->options;
  error_code error;
  const auto address =
      asio::ip::make_address(options.address == "localhost" ? "127.0.0.1" : options.address, error);
  if (error) {
    return InvalidArgumentError("listening on " + ListenName(options) + ": \"" + options.address +
                                "\" is not an IP address");
  }
  if (options.port < 0 || options.port > 65535) {
    return InvalidArgumentError("listening on " + ListenName(options) +
                                ": the port is not in 0–65535");
  }
  const Tcp::endpoint endpoint(address, static_cast<unsigned short>(options.port));
  if (acceptor_.open(endpoint.protocol(), error) ||
      acceptor_.set_option(asio::socket_base::reuse_address(true), error) ||
      acceptor_.bind(endpoint, error) ||
      acceptor_.listen(asio::socket_base::max_listen_connections, error)) {
    return ListenError(options, error);
  }
  port_ = acceptor_.local_endpoint(error).port();
  return {};
}

void Listener::Accept() {
  acceptor_.async_accept([this](const error_code& error, Tcp::socket socket) {
    if (draining_ || error == asio::error::operation_aborted) return;
    if (error == asio::error::connection_aborted) return Accept();
    if (error) {
      Log(Severity::kWarning, "accepting connections failed, pausing",
          {{"address", ListenName(core_->options)}, {"error", error.message()}});
      return AcceptLater();
    }
    OnAccepted(std::move(socket));
    Accept();
  });
}

void Listener::AcceptLater() {
  pause_.expires_after(kAcceptPause);
  pause_.async_wait([this](const error_code& error) {
    if (!error && !draining_) Accept();
  });
}

void Listener::OnAccepted(Tcp::socket socket) {
  error_code error;
  const Tcp::endpoint peer = socket.remote_endpoint(error);
  if (error) return;  // Gone already.
  const std::string address = AddressKey(peer.address());
  const ServerOptions& options = core_->options;
  const auto count = per_address_.find(address);
  if (connections_.size() >= options.max_connections ||
      (count != per_address_.end() && count->second >= options.max_connections_per_address)) {
    return TurnAway(std::move(socket));
  }
  Ignore(socket.set_option(Tcp::no_delay(true), error));
  Ignore(socket.set_option(asio::socket_base::keep_alive(true), error));
  ++per_address_[address];
  const bool v6 = peer.address().is_v6();
  std::string name = peer.address().to_string();
  name = (v6 ? "[" + name + "]" : name) + ":" + std::to_string(peer.port());
  auto connection = std::make_shared<Connection>(
      core_, std::move(socket), std::move(name),
      [this, address](Connection* closed) { OnClosed(closed, address); });
  connections_.emplace(connection.get(), connection);
  connection->Start();
}

// The answer fits the empty buffer of a fresh socket, so that nothing waits; what the peer has sent
// so far is read away, because closing over unread data would reset the answer.
void Listener::TurnAway(Tcp::socket socket) {
  error_code error;
  if (core_->tls() != nullptr) return;  // Nothing can be said before a handshake.
  Response busy = PlainText(503, "too many connections");
  busy.headers.Add("Retry-After", "1");
  const std::string bytes =
      ResponseHead(busy, WireOptions{false, false, false}, SystemClock().Now()) + busy.body;
  Ignore(socket.non_blocking(true, error));
  socket.write_some(asio::buffer(bytes), error);
  Ignore(socket.shutdown(Tcp::socket::shutdown_send, error));
  std::array<char, 4096> scratch;
  for (int i = 0; i < 4 && !error; ++i) socket.read_some(asio::buffer(scratch), error);
}

void Listener::OnClosed(Connection* connection, const std::string& address) {
  connections_.erase(connection);
  const auto count = per_address_.find(address);
  if (count != per_address_.end() && --count->second == 0) per_address_.erase(count);
  if (connections_.empty() && when_empty_) std::exchange(when_empty_, nullptr)();
}

void Listener::Drain(std::function<void()> when_empty) {
  draining_ = true;
  error_code ignored;
  Ignore(acceptor_.close(ignored));
  pause_.cancel();
  when_empty_ = std::move(when_empty);
  std::vector<std::weak_ptr<Connection>> all;
  for (const auto& [raw, weak] : connections_) all.push_back(weak);
  for (const auto& weak : all) {
    if (const auto connection = weak.lock()) connection->Drain();
  }
  if (connections_.empty() && when_empty_) std::exchange(when_empty_, nullptr)();
}

void Listener::AbortAll() {
  std::vector<std::weak_ptr<Connection>> all;
  for (const auto& [raw, weak] : connections_) all.push_back(weak);
  for (const auto& weak : all) {
    if (const auto connection = weak.lock()) connection->Abort();
  }
}

}  // namespace salve::http
