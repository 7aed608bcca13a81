// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cstdlib>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pkg/base/clock.h"
#include "pkg/http/server.h"
#include "pkg/http/testing/certificate.h"
#include "pkg/http/testing/function_handler.h"
#include "pkg/http/transports.h"

namespace salve::http {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

CallOptions Soon() {
  CallOptions options;
  options.deadline = SystemClock().Monotonic() + seconds(120);
  return options;
}

class TcpTls : public ::testing::Test {
 protected:
  void Start(const std::string& alt_names) {
    certificate_ = MakeTestCertificate(alt_names);
    ServerOptions options;
    options.certificate_chain_pem = certificate_.certificate_pem;
    options.private_key_pem = certificate_.private_key_pem;
    server_ = *Server::Start(options, handler_);
  }
  StatusOr<Response> Get(const TlsOptions& tls) {
    auto transport = MakeTcpTransport("https://127.0.0.1:" + std::to_string(server_->port()), tls,
                                      SystemClock());
    if (!transport.ok()) return transport.status();
    return (*transport)->Send({}, Soon());
  }

  TestCertificate certificate_;
  FunctionHandler handler_ =
      FunctionHandler::Answering([](const Request&) { return Response{200, {}, "ok"}; });
  std::unique_ptr<Server> server_;
};

TEST_F(TcpTls, TrustsTheGivenAuthorityForTheAddressInTheUrl) {
  Start("IP:127.0.0.1");
  TlsOptions tls;
  tls.ca_pem = certificate_.certificate_pem;
  const auto response = Get(tls);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "ok");
}

TEST_F(TcpTls, RefusesAnUnknownAuthorityAndSaysWhyWithoutSendingAnything) {
  Start("IP:127.0.0.1");
  const auto with_system_roots = Get({});
  EXPECT_EQ(with_system_roots.code(), Code::kUnavailable);
  EXPECT_THAT(with_system_roots.status().message(), HasSubstr("self-signed"));
  TlsOptions other;
  other.ca_pem = MakeTestCertificate("IP:127.0.0.1").certificate_pem;
  EXPECT_EQ(Get(other).code(), Code::kUnavailable);
}

TEST_F(TcpTls, RefusesACertificateForAnotherName) {
  Start("DNS:other.example");
  TlsOptions tls;
  tls.ca_pem = certificate_.certificate_pem;
  const auto response = Get(tls);
  EXPECT_EQ(response.code(), Code::kUnavailable);
  EXPECT_THAT(response.status().message(), HasSubstr("mismatch"));
}

TEST_F(TcpTls, AGivenServerNameIsVerifiedInTheUrlsPlace) {
  Start("DNS:kubernetes.default");
  TlsOptions tls;
  tls.ca_pem = certificate_.certificate_pem;
  tls.server_name = "kubernetes.default";
  EXPECT_TRUE(Get(tls).ok()) << Get(tls).status();
  tls.server_name = "kubernetes.other";
  EXPECT_EQ(Get(tls).code(), Code::kUnavailable);
}

TEST_F(TcpTls, VerificationCanBeTurnedOffExplicitly) {
  Start("DNS:other.example");
  TlsOptions tls;
  tls.insecure_skip_verify = true;
  EXPECT_TRUE(Get(tls).ok()) << Get(tls).status();
}

TEST(TcpTransport, WhatCannotWorkIsRefusedWhenItIsMade) {
  Clock& clock = SystemClock();
  EXPECT_EQ(MakeTcpTransport("ftp://h", {}, clock).code(), Code::kInvalidArgument);
  EXPECT_EQ(MakeTcpTransport("http://", {}, clock).code(), Code::kInvalidArgument);
  EXPECT_EQ(MakeTcpTransport("http://h/path", {}, clock).code(), Code::kInvalidArgument);
  TlsOptions tls;
  tls.ca_pem = "nonsense";
  EXPECT_EQ(MakeTcpTransport("https://h", tls, clock).code(), Code::kInvalidArgument);
  tls = {};
  tls.certificate_pem = MakeTestCertificate("DNS:a").certificate_pem;
  tls.private_key_pem = MakeTestCertificate("DNS:a").private_key_pem;
  EXPECT_EQ(MakeTcpTransport("https://h", tls, clock).code(), Code::kInvalidArgument);
}

TEST(TcpTransport, NobodyListeningIsUnavailable) {
  auto handler = FunctionHandler::Answering([](const Request&) { return Response{}; });
  auto server = *Server::Start({}, handler);
  const int port = server->port();
  server.reset();
  const auto transport =
      *MakeTcpTransport("http://127.0.0.1:" + std::to_string(port), {}, SystemClock());
  const auto response = transport->Send({"POST", "/x?token=secret", {}, "x", ""}, Soon());
  EXPECT_EQ(response.code(), Code::kUnavailable);
  EXPECT_THAT(response.status().message(), HasSubstr("127.0.0.1:" + std::to_string(port) + "/x"));
  EXPECT_THAT(response.status().message(), Not(HasSubstr("secret")));
}

TEST(TcpTransport, AHostThatDoesNotResolveIsUnavailable) {
  const auto transport = *MakeTcpTransport("http://no-such-host.invalid", {}, SystemClock());
  EXPECT_EQ(transport->Send({}, Soon()).code(), Code::kUnavailable);
}

// A server of plain bytes: answers the first request of its first connection and keeps it open,
// reads a second request from it and closes without an answer, and counts who comes after that.
class ServerThatDropsTheSecondRequest {
 public:
  ServerThatDropsTheSecondRequest() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 8) != 0) {
      std::abort();
    }
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~ServerThatDropsTheSecondRequest() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  int port() const { return port_; }
  int came_back() const { return came_back_; }
  // Whether the first connection was used again at all: cpprest gives it back to its pool a moment
  // after the answer.
  bool reused() const { return reused_; }

 private:
  void Run() {
    const int first = ::accept(listener_, nullptr, nullptr);
    Answer(first);
    pollfd fds[2] = {{first, POLLIN, 0}, {listener_, POLLIN, 0}};
    ::poll(fds, 2, 10'000);
    char bytes[4096];
    if (fds[0].revents != 0) reused_ = ::recv(first, bytes, sizeof(bytes), 0) > 0;
    ::close(first);
    while (true) {
      const int next = ::accept(listener_, nullptr, nullptr);
      if (next < 0) return;
      ++came_back_;
      Answer(next);
      ::close(next);
    }
  }
  static void Answer(int fd) {
    char bytes[4096];
    if (::recv(fd, bytes, sizeof(bytes), 0) <= 0) return;
    constexpr char kAnswer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    ::send(fd, kAnswer, sizeof(kAnswer) - 1, MSG_NOSIGNAL);
  }

  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> came_back_ = 0;
  std::atomic<bool> reused_ = false;
  std::thread thread_;
};

// cpprest repeats a request on a kept connection that turns out to be closed. What is no GET may
// have been carried out by then: it must not run twice. Sends a GET and then `request` until that
// one went over the kept connection; how often it came back.
int TimesRepeated(const Request& request, StatusOr<Response>& result) {
  for (int attempt = 0; attempt < 50; ++attempt) {
    const ServerThatDropsTheSecondRequest server;
    const auto transport =
        *MakeTcpTransport("http://127.0.0.1:" + std::to_string(server.port()), {}, SystemClock());
    EXPECT_TRUE(transport->Send({}, Soon()).ok());
    result = transport->Send(request, Soon());
    if (server.reused()) return server.came_back();
  }
  ADD_FAILURE() << "the connection was never kept";
  return -1;
}

TEST(TcpTransport, WhatMayHaveBeenCarriedOutIsNeverSentTwice) {
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    for (const char* body : {"", "x"}) {
      StatusOr<Response> result = InternalError("");
      EXPECT_EQ(TimesRepeated({method, "/", {}, body, ""}, result), 0) << method << " " << body;
      EXPECT_EQ(result.code(), Code::kAborted) << result.status();
    }
  }
}

TEST(TcpTransport, AGetOnAConnectionThatTheServerClosedIsAskedAgain) {
  StatusOr<Response> result = InternalError("");
  EXPECT_EQ(TimesRepeated({}, result), 1);
  EXPECT_TRUE(result.ok()) << result.status();
}

}  // namespace
}  // namespace salve::http
