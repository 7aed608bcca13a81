// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/testing/unix_relay.h"

#include <array>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace salve::http {
namespace {

// Moves what is readable from one end to the other; false when either is over.
bool Move(int from, int to) {
  std::array<char, 16384> bytes;
  const ssize_t got = ::recv(from, bytes.data(), bytes.size(), 0);
  if (got <= 0) return false;
  std::size_t done = 0;
  while (done < static_cast<std::size_t>(got)) {
    const ssize_t sent =
        ::send(to, bytes.data() + done, static_cast<std::size_t>(got) - done, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    done += static_cast<std::size_t>(sent);
  }
  return true;
}

}  // namespace

UnixRelay::UnixRelay(int tcp_port) : tcp_port_(tcp_port) {
  char pattern[] = "/tmp/salve-relay-XXXXXX";
  directory_ = ::mkdtemp(pattern);
  path_ = directory_ + "/relay.sock";
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
  if (::pipe(stop_) != 0 ||
      ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(listener_, 64) != 0) {
    std::abort();
  }
  acceptor_ = std::thread([this] { Accept(); });
}

UnixRelay::~UnixRelay() {
  ::close(stop_[1]);  // Readable for everybody who polls the other end.
  acceptor_.join();
  std::vector<std::thread> carriers;
  {
    MutexLock lock(mu_);
    carriers.swap(carriers_);
  }
  for (std::thread& carrier : carriers) carrier.join();
  ::close(stop_[0]);
  ::close(listener_);
  ::unlink(path_.c_str());
  ::rmdir(directory_.c_str());
}

void UnixRelay::AwaitNoConnections() {
  MutexLock lock(mu_);
  while (open_ > 0) changed_.Wait(mu_);
}

void UnixRelay::Accept() {
  while (true) {
    std::array<pollfd, 2> fds = {pollfd{listener_, POLLIN, 0}, pollfd{stop_[0], POLLIN, 0}};
    ::poll(fds.data(), fds.size(), -1);
    if (fds[1].revents != 0) return;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    MutexLock lock(mu_);
    ++open_;
    carriers_.emplace_back([this, client] { Carry(client); });
  }
}

void UnixRelay::Carry(int client) {
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (server < 0) std::abort();  // no test can go on without descriptors
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(tcp_port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    while (true) {
      std::array<pollfd, 3> fds = {pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0},
                                   pollfd{stop_[0], POLLIN, 0}};
      ::poll(fds.data(), fds.size(), -1);
      if (fds[2].revents != 0) break;
      if (fds[0].revents != 0 && !Move(client, server)) break;
      if (fds[1].revents != 0 && !Move(server, client)) break;
    }
  }
  ::close(server);
  ::close(client);
  MutexLock lock(mu_);
  --open_;
  changed_.NotifyAll();
}

}  // namespace salve::http
