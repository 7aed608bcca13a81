// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/edge_server.h"

#include <utility>

#include "controller/runtime/options.h"

#include "pkg/base/log.h"
#include "pkg/base/time_format.h"
#include "pkg/http/certificate.h"

namespace salve::runtime {
namespace {

using std::chrono::seconds;

constexpr Duration kPoll = seconds(1);
constexpr std::size_t kMaxPemBytes = 256u << 10;
constexpr char kCertFlag[] = "--http-tls-cert-file";
constexpr char kKeyFlag[] = "--http-tls-key-file";

Status BothOrNone(const EdgeServerOptions& options) {
  if (options.tls_cert_file.empty() == options.tls_key_file.empty()) return Status::Ok();
  const bool no_key = options.tls_key_file.empty();
  return InvalidArgumentError(std::string(no_key ? kCertFlag : kKeyFlag) + " needs " +
                              (no_key ? kKeyFlag : kCertFlag) + ": TLS takes both");
}

}  // namespace

EdgeServer::EdgeServer(EdgeServerOptions options, FileSource& files, metrics::Registry& metrics,
                       Clock& clock)
    : options_(std::move(options)), files_(files), metrics_(metrics), clock_(clock) {}

StatusOr<std::unique_ptr<EdgeServer>> EdgeServer::Start(const EdgeServerOptions& options,
                                                        http::Handler& handler, FileSource& files,
                                                        metrics::Registry& metrics, Clock& clock) {
  SALVE_RETURN_IF_ERROR(BothOrNone(options));
  std::unique_ptr<EdgeServer> self(new EdgeServer(options, files, metrics, clock));
  SALVE_RETURN_IF_ERROR(self->Open(handler));
  if (self->secure()) self->thread_ = std::thread([server = self.get()] { server->Run(); });
  return self;
}

Status EdgeServer::Open(http::Handler& handler) {
  SALVE_ASSIGN_OR_RETURN(const auto listen, ParseListen("--http-listen", options_.listen));
  http::ServerOptions options;
  options.address = listen.first;
  options.port = listen.second;
  options.worker_threads = options_.worker_threads;
  host_ = listen.first;
  if (secure()) {
    judged_ = ReadPair();
    if (!judged_.problem.empty()) return InvalidArgumentError(judged_.problem);
    // What is empty would mean plain HTTP.
    SALVE_RETURN_IF_ERROR(
        http::CertificateExpiry(judged_.certificate).status().Annotate(FilesForMessage()));
    options.certificate_chain_pem = judged_.certificate;
    options.private_key_pem = judged_.key;
  }
  auto server = http::Server::Start(options, handler);
  if (server.code() == Code::kInvalidArgument && secure()) {
    return server.status().Annotate(FilesForMessage());
  }
  if (!server.ok()) return server.status().Annotate("--http-listen");
  http_ = std::move(server).value();
  if (secure()) Count(nullptr);
  return Status::Ok();
}

std::string EdgeServer::FilesForMessage() const {
  return std::string(kCertFlag) + " " + options_.tls_cert_file + " " + kKeyFlag + " " +
         options_.tls_key_file;
}

std::string EdgeServer::address() const {
  return (secure() ? "https://" : "") + HostPort(host_, port());
}

EdgeServer::Pair EdgeServer::ReadPair() {
  Pair pair;
  auto certificate = files_.Read(options_.tls_cert_file, kMaxPemBytes);
  if (!certificate.ok()) {
    pair.problem = std::string(kCertFlag) + ": " + certificate.status().message();
    return pair;
  }
  auto key = files_.Read(options_.tls_key_file, kMaxPemBytes);
  if (!key.ok()) {
    pair.problem = std::string(kKeyFlag) + ": " + key.status().message();
    return pair;
  }
  pair.certificate = *std::move(certificate);
  pair.key = *std::move(key);
  return pair;
}

void EdgeServer::Run() {
  bool asked = false;
  while (WaitForNext(asked)) Poll(asked);
}

// False when it is time to end.
bool EdgeServer::WaitForNext(bool& asked) {
  const MonoTime until =
      clock_.Monotonic() + (options_.poll > Duration::zero() ? options_.poll : kPoll);
  MutexLock lock(mu_);
  while (!stopping_ && !reload_ && clock_.Monotonic() < until) {
    (void)clock_.WaitUntil(changed_, mu_, until);
  }
  asked = std::exchange(reload_, false);
  return !stopping_;
}

void EdgeServer::Reload() {
  MutexLock lock(mu_);
  reload_ = true;
  changed_.NotifyAll();
}

void EdgeServer::Poll(bool asked) {
  Pair now = ReadPair();
  if (asked) return TakeOver(std::move(now));
  if (now == judged_) {
    fresh_.reset();
  } else if (fresh_ == now) {
    TakeOver(std::move(now));
  } else {
    fresh_ = std::move(now);  // perhaps one of two files is written: judged when it has settled
  }
}

void EdgeServer::TakeOver(Pair pair) {
  fresh_.reset();
  judged_ = std::move(pair);
  const Status status = judged_.problem.empty()
                            ? http_->ReplaceCertificate(judged_.certificate, judged_.key)
                            : InvalidArgumentError(judged_.problem);
  if (status.ok()) {
    Count("success");
    Log(Severity::kInfo, "certificate reloaded", {{"file", options_.tls_cert_file}});
    return;
  }
  Count("failure");
  Log(Severity::kError, "the new certificate is refused, the old one stays",
      {{"certificate", options_.tls_cert_file},
       {"key", options_.tls_key_file},
       {"error", status.message()}});
}

void EdgeServer::Count(const char* result) {
  auto& reloads = metrics_.Counters("salve_tls_certificate_reloads_total",
                                    "Certificates of the HTTP port that were taken over or refused",
                                    {"result"});
  for (const char* one : {"success", "failure"}) reloads.With({one});
  if (result != nullptr) reloads.With({result}).Increment();
  const bool valid = result == nullptr || std::string(result) == "success";
  metrics_
      .Gauges("salve_tls_certificate_valid",
              "1 while the files hold the certificate that is in force", {})
      .With({})
      .Set(valid ? 1 : 0);
  if (!valid) return;
  const auto expiry = http::CertificateExpiry(judged_.certificate);
  if (!expiry.ok()) return;
  const std::chrono::duration<double> since_epoch = expiry->time_since_epoch();
  metrics_
      .Gauges("salve_tls_certificate_not_after_timestamp_seconds",
              "End of the life of the certificate that is in force", {})
      .With({})
      .Set(since_epoch.count());
  if (*expiry > clock_.Now()) return;
  Log(Severity::kWarning, "the certificate in force is out of date",
      {{"certificate", options_.tls_cert_file}, {"until", FormatTime(*expiry)}});
}

void EdgeServer::Stop(std::chrono::milliseconds grace) {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
  if (http_ != nullptr) http_->Stop(grace);
}

EdgeServer::~EdgeServer() { Stop(std::chrono::milliseconds(0)); }

}  // namespace salve::runtime
