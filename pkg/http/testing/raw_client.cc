// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/testing/raw_client.h"

#include <array>
#include <cstdlib>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace salve::http {
namespace {

constexpr int kWaitMillis = 120'000;

sockaddr_in Address(const char* ip, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, ip, &address.sin_addr);
  return address;
}

}  // namespace

RawClient::RawClient(int port, const char* from, int receive_buffer) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) std::abort();  // no test can go on without descriptors
  if (receive_buffer > 0) {
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
  }
  const sockaddr_in local = Address(from, 0);
  const sockaddr_in remote = Address("127.0.0.1", port);
  if (::bind(fd_, reinterpret_cast<const sockaddr*>(&local), sizeof(local)) != 0 ||
      ::connect(fd_, reinterpret_cast<const sockaddr*>(&remote), sizeof(remote)) != 0) {
    Close();
  }
}

RawClient::~RawClient() { Close(); }

RawClient::RawClient(RawClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      closed_(other.closed_),
      buffer_(std::move(other.buffer_)) {}

void RawClient::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool RawClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    pollfd fd{fd_, POLLOUT, 0};
    if (::poll(&fd, 1, kWaitMillis) <= 0) return false;
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawClient::ReadMore() {
  pollfd fd{fd_, POLLIN, 0};
  if (closed_ || fd_ < 0 || ::poll(&fd, 1, kWaitMillis) <= 0) return false;
  std::array<char, 16384> chunk;
  const ssize_t got = ::recv(fd_, chunk.data(), chunk.size(), 0);
  if (got <= 0) {
    closed_ = true;
    return false;
  }
  buffer_.append(chunk.data(), static_cast<std::size_t>(got));
  return true;
}

std::string RawClient::ReadUntil(std::string_view mark) {
  std::size_t at = buffer_.find(mark);
  while (at == std::string::npos && ReadMore()) at = buffer_.find(mark);
  if (at == std::string::npos) return std::exchange(buffer_, "");
  std::string text = buffer_.substr(0, at + mark.size());
  buffer_.erase(0, at + mark.size());
  return text;
}

std::string RawClient::ReadResponse() {
  std::string text = ReadUntil("\r\n\r\n");
  const std::size_t at = text.find("Content-Length: ");
  if (at == std::string::npos) return text;
  const auto length = static_cast<std::size_t>(std::atol(text.c_str() + at + 16));
  while (buffer_.size() < length && ReadMore()) {
  }
  text += buffer_.substr(0, length);
  buffer_.erase(0, length);
  return text;
}

std::string RawClient::ReadToEnd() {
  while (ReadMore()) {
  }
  return std::exchange(buffer_, "");
}

}  // namespace salve::http
