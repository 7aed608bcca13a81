// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "pkg/base/mutex.h"
#include "pkg/http/certificate.h"
#include "pkg/http/server.h"
#include "pkg/http/testing/certificate.h"
#include "pkg/http/testing/function_handler.h"
#include "pkg/http/testing/raw_client.h"

namespace salve::http {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

class ServerTls : public ::testing::Test {
 protected:
  void SetUp() override {
    const TestCertificate certificate = MakeTestCertificate("IP:127.0.0.1");
    ServerOptions options;
    options.certificate_chain_pem = certificate.certificate_pem;
    options.private_key_pem = certificate.private_key_pem;
    options.header_deadline = std::chrono::milliseconds(500);
    auto server = Server::Start(options, handler_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  // Speaks TLS of exactly that version; the whole answer, or "" if there was no handshake.
  std::string Get(int version) {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    SSL* session = SSL_new(context);
    RawClient client(server_->port());
    SSL_set_fd(session, client.fd());
    std::string answer;
    if (SSL_connect(session) == 1) {
      const std::string request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
      SSL_write(session, request.data(), static_cast<int>(request.size()));
      char buffer[4096];
      int got = 0;
      while ((got = SSL_read(session, buffer, sizeof(buffer))) > 0) {
        answer.append(buffer, static_cast<std::size_t>(got));
      }
      EXPECT_EQ(SSL_get_error(session, got), SSL_ERROR_ZERO_RETURN) << "closed with a close_notify";
    }
    SSL_free(session);
    SSL_CTX_free(context);
    return answer;
  }

  FunctionHandler handler_ =
      FunctionHandler::Answering([](const Request&) { return Response{200, {}, "secret"}; });
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTls, Speaks12And13) {
  EXPECT_THAT(Get(TLS1_2_VERSION), EndsWith("secret"));
  EXPECT_THAT(Get(TLS1_3_VERSION), EndsWith("secret"));
}

TEST_F(ServerTls, RefusesOlderVersions) {
  EXPECT_EQ(Get(TLS1_1_VERSION), "");
  EXPECT_EQ(Get(TLS1_VERSION), "");
}

TEST_F(ServerTls, AClientThatSpeaksNoTlsIsClosed) {
  RawClient client(server_->port());
  client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.ReadToEnd(), ::testing::Not(HasSubstr("secret")));
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTls, AHandshakeThatNeverComesIsCutAtTheHeaderDeadline) {
  RawClient client(server_->port());
  client.ReadToEnd();
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerTls, AHandshakeThatComesByteByByteIsCutAtTheHeaderDeadline) {
  RawClient client(server_->port());
  const MonoTime start = SystemClock().Monotonic();
  // The head of a ClientHello of 512 bytes, and then one byte after the other, as they are taken.
  ASSERT_TRUE(client.Send(std::string("\x16\x03\x01\x02\x00", 5)));
  Mutex mu;
  CondVar never;
  while (client.Send(std::string(1, '\x01')) &&
         SystemClock().Monotonic() - start < std::chrono::seconds(240)) {
    MutexLock lock(mu);
    (void)SystemClock().WaitUntil(never, mu,
                                  SystemClock().Monotonic() + std::chrono::milliseconds(20));
  }
  EXPECT_LT(SystemClock().Monotonic() - start, std::chrono::seconds(240));
}

TEST_F(ServerTls, ConnectionsWithoutAHandshakeCountForTheirAddressAndNobodyElses) {
  ServerOptions options;
  const TestCertificate certificate = MakeTestCertificate("IP:127.0.0.1");
  options.certificate_chain_pem = certificate.certificate_pem;
  options.private_key_pem = certificate.private_key_pem;
  options.max_connections_per_address = 3;
  server_ = *Server::Start(options, handler_);
  std::vector<RawClient> silent;
  for (int i = 0; i < 3; ++i) silent.emplace_back(server_->port(), "127.0.0.2");
  RawClient fourth(server_->port(), "127.0.0.2");
  fourth.ReadToEnd();
  EXPECT_TRUE(fourth.closed());
  EXPECT_THAT(Get(TLS1_3_VERSION), EndsWith("secret"));
}

TEST_F(ServerTls, AReplacedCertificateCountsForNewConnections) {
  const TestCertificate next = MakeTestCertificate("IP:127.0.0.1");
  ASSERT_TRUE(server_->ReplaceCertificate(next.certificate_pem, next.private_key_pem).ok());
  EXPECT_THAT(Get(TLS1_3_VERSION), EndsWith("secret"));
}

TEST_F(ServerTls, AReplacementThatCannotWorkChangesNothing) {
  const TestCertificate next = MakeTestCertificate("IP:127.0.0.1");
  EXPECT_EQ(server_->ReplaceCertificate(next.certificate_pem, "no key").code(),
            Code::kInvalidArgument);
  EXPECT_EQ(server_->ReplaceCertificate("", "").code(), Code::kInvalidArgument);
  EXPECT_THAT(Get(TLS1_3_VERSION), EndsWith("secret"));
}

TEST(ServerTlsOptions, APlainServerTakesNoCertificate) {
  auto handler = FunctionHandler::Answering([](const Request&) { return Response{}; });
  const auto server = *Server::Start({}, handler);
  const TestCertificate pair = MakeTestCertificate("IP:127.0.0.1");
  EXPECT_EQ(server->ReplaceCertificate(pair.certificate_pem, pair.private_key_pem).code(),
            Code::kInvalidArgument);
}

TEST(CertificateExpiryTest, IsTheEndOfTheFirstCertificate) {
  const auto expiry = CertificateExpiry(MakeTestCertificate("DNS:a").certificate_pem);
  ASSERT_TRUE(expiry.ok()) << expiry.status();
  EXPECT_GT(*expiry, SystemClock().Now());
  EXPECT_EQ(CertificateExpiry("").code(), Code::kInvalidArgument);
  EXPECT_EQ(CertificateExpiry("no PEM").code(), Code::kInvalidArgument);
}

TEST(ServerTlsOptions, CertificatesThatCannotWorkAreRefusedWithTheReason) {
  auto handler = FunctionHandler::Answering([](const Request&) { return Response{}; });
  const TestCertificate one = MakeTestCertificate("DNS:a");
  const TestCertificate other = MakeTestCertificate("DNS:b");
  const struct {
    std::string certificate;
    std::string key;
    const char* says;
  } kCases[] = {
      {"not PEM", one.private_key_pem, "certificate chain"},
      {one.certificate_pem, "not PEM", "private key"},
      {one.certificate_pem, "", "private key"},
      {one.certificate_pem, other.private_key_pem, "does not belong to the certificate"},
  };
  for (const auto& c : kCases) {
    ServerOptions options;
    options.certificate_chain_pem = c.certificate;
    options.private_key_pem = c.key;
    const auto server = Server::Start(options, handler);
    EXPECT_EQ(server.code(), Code::kInvalidArgument) << c.says;
    EXPECT_THAT(server.status().message(), HasSubstr(c.says));
  }
}

}  // namespace
}  // namespace salve::http
