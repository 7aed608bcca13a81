// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/edge_server.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/log.h"
#include "pkg/http/testing/certificate.h"
#include "pkg/http/testing/function_handler.h"
#include "pkg/http/transports.h"

namespace salve::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kCert[] = "/tls/tls.crt";
constexpr char kKey[] = "/tls/tls.key";

class PairFiles final : public FileSource {
 public:
  void Set(const std::string& path, const std::string& text) {
    MutexLock lock(mu_);
    files_[path] = text;
  }
  void Set(const http::TestCertificate& pair) {
    MutexLock lock(mu_);
    files_[kCert] = pair.certificate_pem;
    files_[kKey] = pair.private_key_pem;
  }
  StatusOr<std::string> Read(const std::string& path, std::size_t) override {
    MutexLock lock(mu_);
    const auto it = files_.find(path);
    if (it == files_.end()) return NotFoundError("reading " + path + ": No such file or directory");
    return it->second;
  }

 private:
  Mutex mu_;
  std::map<std::string, std::string> files_ SALVE_GUARDED_BY(mu_);
};

class EdgeServerTest : public ::testing::Test {
 protected:
  EdgeServerTest() {
    SetLogWriterForTest([this](std::string_view line) {
      MutexLock lock(mu_);
      log_ += std::string(line) + "\n";
    });
  }
  ~EdgeServerTest() override {
    server_.reset();
    SetLogWriterForTest({});
  }

  Status Start(EdgeServerOptions options) {
    options.listen = "127.0.0.1:0";
    options.poll = milliseconds(5);
    auto server = EdgeServer::Start(options, handler_, files_, registry_, SystemClock());
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    return Status::Ok();
  }
  Status StartTls() { return Start({"", kCert, kKey}); }

  // What a client that trusts `authority` gets on a connection of its own.
  StatusOr<http::Response> Get(const std::string& authority) const {
    http::TlsOptions tls;
    tls.ca_pem = authority;
    SALVE_ASSIGN_OR_RETURN(
        const auto transport,
        http::MakeTcpTransport("https://127.0.0.1:" + std::to_string(server_->port()), tls,
                               SystemClock()));
    http::CallOptions call;
    call.deadline = SystemClock().Monotonic() + seconds(120);
    return transport->Send({"GET", "/", {}, "", ""}, call);
  }

  // Whether it comes true within a minute; asked again whenever something may have happened.
  template <class Condition>
  bool Eventually(Condition condition) {
    const MonoTime until = SystemClock().Monotonic() + seconds(60);
    Mutex mu;
    CondVar never;
    while (!condition()) {
      if (SystemClock().Monotonic() > until) return false;
      MutexLock lock(mu);
      (void)SystemClock().WaitUntil(never, mu, SystemClock().Monotonic() + milliseconds(5));
    }
    return true;
  }
  double Reloads(const char* result) {
    return registry_.Counters("salve_tls_certificate_reloads_total", "", {"result"})
        .With({result})
        .Value();
  }
  double Valid() { return registry_.Gauges("salve_tls_certificate_valid", "").With({}).Value(); }
  std::string log() {
    MutexLock lock(mu_);
    return log_;
  }

  Mutex mu_;
  std::string log_ SALVE_GUARDED_BY(mu_);
  PairFiles files_;
  metrics::Registry registry_;
  http::FunctionHandler handler_ = http::FunctionHandler::Answering(
      [](const http::Request&) { return http::Response{200, {}, "well"}; });
  std::unique_ptr<EdgeServer> server_;
};

TEST_F(EdgeServerTest, WithoutFilesItSpeaksPlainHttp) {
  ASSERT_TRUE(Start({}).ok());
  const std::string address = server_->address();
  EXPECT_THAT(address, Not(HasSubstr("https")));
  const auto transport = http::MakeTcpTransport("http://" + address, {}, SystemClock());
  http::CallOptions call;
  call.deadline = SystemClock().Monotonic() + seconds(120);
  EXPECT_EQ((*transport)->Send({"GET", "/", {}, "", ""}, call)->body, "well");
}

TEST_F(EdgeServerTest, SpeaksTlsWithTheCertificateOfItsFiles) {
  const auto pair = http::MakeTestCertificate("IP:127.0.0.1");
  files_.Set(pair);
  ASSERT_TRUE(StartTls().ok());
  EXPECT_THAT(server_->address(), HasSubstr("https://127.0.0.1:"));
  const auto answer = Get(pair.certificate_pem);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->body, "well");
  EXPECT_GT(
      registry_.Gauges("salve_tls_certificate_not_after_timestamp_seconds", "").With({}).Value(),
      1e9);
}

TEST_F(EdgeServerTest, AChangedPairIsTakenOverAndOpenConnectionsGoOn) {
  const auto first = http::MakeTestCertificate("IP:127.0.0.1");
  const auto second = http::MakeTestCertificate("IP:127.0.0.1");
  files_.Set(first);
  ASSERT_TRUE(StartTls().ok());
  http::TlsOptions tls;
  tls.ca_pem = first.certificate_pem;
  const auto kept = *http::MakeTcpTransport("https://127.0.0.1:" + std::to_string(server_->port()),
                                            tls, SystemClock());
  http::CallOptions call;
  call.deadline = SystemClock().Monotonic() + seconds(60);
  ASSERT_TRUE(kept->Send({"GET", "/", {}, "", ""}, call).ok());

  files_.Set(second);
  ASSERT_TRUE(Eventually([&] { return Reloads("success") == 1; })) << log();
  EXPECT_TRUE(Get(second.certificate_pem).ok());
  EXPECT_FALSE(Get(first.certificate_pem).ok());
  // A new handshake would have been refused.
  EXPECT_TRUE(kept->Send({"GET", "/", {}, "", ""}, call).ok());
  EXPECT_EQ(Valid(), 1);
}

TEST_F(EdgeServerTest, APairThatDoesNotWorkKeepsTheOldOneAndSaysSoOnce) {
  const auto first = http::MakeTestCertificate("IP:127.0.0.1");
  files_.Set(first);
  ASSERT_TRUE(StartTls().ok());
  files_.Set(kKey, http::MakeTestCertificate("IP:127.0.0.1").private_key_pem);
  ASSERT_TRUE(Eventually([&] { return Reloads("failure") == 1; })) << log();
  EXPECT_EQ(Valid(), 0);
  EXPECT_TRUE(Get(first.certificate_pem).ok());
  EXPECT_THAT(log(), HasSubstr("the new certificate is refused, the old one stays"));
  EXPECT_THAT(log(), HasSubstr(kKey));
  // Back to what is in force: valid again.
  files_.Set(first);
  ASSERT_TRUE(Eventually([&] { return Valid() == 1; })) << log();
  EXPECT_EQ(Reloads("failure"), 1);
}

TEST_F(EdgeServerTest, AReloadThatIsAskedForJudgesTheFilesAtOnce) {
  const auto pair = http::MakeTestCertificate("IP:127.0.0.1");
  files_.Set(pair);
  ASSERT_TRUE(StartTls().ok());
  server_->Reload();
  EXPECT_TRUE(Eventually([&] { return Reloads("success") == 1; })) << log();
}

TEST_F(EdgeServerTest, WhatCannotWorkIsRefusedAtTheStartWithFileAndReason) {
  const auto pair = http::MakeTestCertificate("IP:127.0.0.1");
  const auto other = http::MakeTestCertificate("IP:127.0.0.1");
  const struct {
    const char* why;
    EdgeServerOptions options;
    std::string certificate;
    std::string key;
    std::vector<const char*> says;
  } kCases[] = {
      {"only one flag",
       {"", kCert, ""},
       "",
       "",
       {"--http-tls-cert-file needs --http-tls-key-file"}},
      {"only the other", {"", "", kKey}, "", "", {"--http-tls-key-file needs"}},
      {"no such file", {"", "/none", kKey}, "", "", {"--http-tls-cert-file", "/none", "No such"}},
      {"empty files", {"", kCert, kKey}, "", "", {kCert, "not usable PEM"}},
      {"no certificate", {"", kCert, kKey}, "x", pair.private_key_pem, {kCert, "chain"}},
      {"no key", {"", kCert, kKey}, pair.certificate_pem, "x", {kKey, "private key"}},
      {"another's key",
       {"", kCert, kKey},
       pair.certificate_pem,
       other.private_key_pem,
       {kKey, "private key"}},
  };
  for (const auto& c : kCases) {
    files_.Set(kCert, c.certificate);
    files_.Set(kKey, c.key);
    const Status status = Start(c.options);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << c.why;
    for (const char* text : c.says) EXPECT_THAT(status.message(), HasSubstr(text)) << c.why;
  }
}

}  // namespace
}  // namespace salve::runtime
