// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/cluster_connection.h"

#include <algorithm>
#include <utility>

#include "pkg/base/log.h"
#include "pkg/base/mutex.h"
#include "pkg/base/redact.h"

namespace salve::runtime {
namespace {

using std::chrono::seconds;

constexpr char kServiceAccount[] = "/var/run/secrets/kubernetes.io/serviceaccount";
constexpr std::size_t kMaxTokenBytes = 64u << 10;
constexpr std::size_t kMaxPemBytes = 1u << 20;
constexpr seconds kReloadPeriod{60};
constexpr seconds kReloadAfter401{5};

std::string WithoutSpaceAround(std::string text) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  text.erase(0, text.find_first_not_of(" \t\r\n"));
  return text;
}

StatusOr<client::Connection> LoadServiceAccount(const std::string& base_url, FileSource& files) {
  const std::string root = std::string(kServiceAccount) + "/";
  client::Connection connection;
  connection.base_url = base_url;
  SALVE_ASSIGN_OR_RETURN(std::string token, files.Read(root + "token", kMaxTokenBytes));
  token = WithoutSpaceAround(std::move(token));
  if (token.empty() || std::any_of(token.begin(), token.end(),
                                   [](unsigned char c) { return c <= ' ' || c == 0x7f; })) {
    return InvalidArgumentError(root + "token holds no token");
  }
  RegisterSecret(token);
  connection.headers.Set("Authorization", "Bearer " + token);
  SALVE_ASSIGN_OR_RETURN(connection.tls.ca_pem, files.Read(root + "ca.crt", kMaxPemBytes));
  const auto ns = files.Read(root + "namespace", 1024);
  connection.ns = ns.ok() ? WithoutSpaceAround(*ns) : "default";
  return connection;
}

bool Same(const client::Connection& a, const client::Connection& b) {
  const auto authorization = [](const client::Connection& c) {
    return c.headers.Get("Authorization").value_or("");
  };
  return a.base_url == b.base_url && a.tls.ca_pem == b.tls.ca_pem &&
         a.tls.certificate_pem == b.tls.certificate_pem &&
         a.tls.private_key_pem == b.tls.private_key_pem && a.tls.server_name == b.tls.server_name &&
         a.tls.insecure_skip_verify == b.tls.insecure_skip_verify &&
         authorization(a) == authorization(b);
}

bool Anonymous(const client::Connection& connection) {
  return connection.headers.empty() && connection.tls.certificate_pem.empty();
}

// One set of credentials and the connections that were made with it.
struct Generation {
  client::Connection connection;
  std::unique_ptr<http::Transport> transport;
};
using GenerationPtr = std::shared_ptr<const Generation>;

// Keeps its generation's connections while it is read.
class KeptStream final : public http::ResponseStream {
 public:
  KeptStream(GenerationPtr generation, std::unique_ptr<http::ResponseStream> inner)
      : generation_(std::move(generation)), inner_(std::move(inner)) {}
  int status() const override { return inner_->status(); }
  const http::Headers& headers() const override { return inner_->headers(); }
  StatusOr<std::string> Read(MonoTime deadline) override { return inner_->Read(deadline); }
  void Close() override { inner_->Close(); }

 private:
  const GenerationPtr generation_;
  const std::unique_ptr<http::ResponseStream> inner_;
};

class ReloadingTransport final : public http::Transport {
 public:
  ReloadingTransport(ClusterConnection connection, Credentials credentials, Clock& clock)
      : source_(std::move(connection)), credentials_(credentials), clock_(clock) {}

  Status Load() {
    SALVE_ASSIGN_OR_RETURN(GenerationPtr first, Make());
    MutexLock lock(mu_);
    current_ = std::move(first);
    next_load_ = clock_.Monotonic() + kReloadPeriod;
    return Status::Ok();
  }

  StatusOr<http::Response> Send(const http::Request& request,
                                const http::CallOptions& options) override {
    const GenerationPtr generation = Current();
    auto answer = generation->transport->Send(WithCredentials(request, *generation), options);
    if (answer.ok() && answer->status == 401) Refused();
    return answer;
  }

  StatusOr<std::unique_ptr<http::ResponseStream>> Open(const http::Request& request,
                                                       const http::CallOptions& options) override {
    const GenerationPtr generation = Current();
    auto stream = generation->transport->Open(WithCredentials(request, *generation), options);
    if (!stream.ok()) return stream.status();
    if ((*stream)->status() == 401) Refused();
    return std::unique_ptr<http::ResponseStream>(
        std::make_unique<KeptStream>(generation, std::move(stream).value()));
  }

 private:
  StatusOr<GenerationPtr> Make() const {
    auto generation = std::make_shared<Generation>();
    SALVE_ASSIGN_OR_RETURN(generation->connection, source_.Load());
    if (credentials_ == Credentials::kNone) {
      // A certificate of ours would speak for us, whatever token the request carries.
      generation->connection.headers = {};
      generation->connection.tls.certificate_pem.clear();
      generation->connection.tls.private_key_pem.clear();
    }
    SALVE_ASSIGN_OR_RETURN(generation->transport,
                           http::MakeTcpTransport(generation->connection.base_url,
                                                  generation->connection.tls, clock_));
    return GenerationPtr(std::move(generation));
  }

  static http::Request WithCredentials(http::Request request, const Generation& generation) {
    for (const auto& [name, value] : generation.connection.headers) {
      request.headers.Set(name, value);
    }
    return request;
  }

  // The files are read outside the lock: nobody waits for a slow disk.
  GenerationPtr Current() {
    GenerationPtr known;
    {
      MutexLock lock(mu_);
      if (clock_.Monotonic() < next_load_) return current_;
      next_load_ = clock_.Monotonic() + kReloadPeriod;
      known = current_;
    }
    StatusOr<GenerationPtr> made = Make();
    // A token file that is being written is empty for a moment.
    if (made.ok() && Anonymous((*made)->connection) && !Anonymous(known->connection)) {
      made = InvalidArgumentError("there is neither a token nor a certificate any more");
    }
    if (!made.ok()) {
      Log(Severity::kWarning, "credentials cannot be read anew, the known ones stay in use",
          {{"from", source_.source()}, {"error", made.status().message()}});
      return known;
    }
    if (Same((*made)->connection, known->connection)) return known;
    Log(Severity::kInfo, "credentials read anew", {{"from", source_.source()}});
    MutexLock lock(mu_);
    current_ = *made;
    return current_;
  }

  // Perhaps they have been changed already: looked at soon, but not for each of many refusals.
  void Refused() {
    MutexLock lock(mu_);
    if (credentials_ == Credentials::kNone || clock_.Monotonic() < next_refused_) return;
    next_refused_ = clock_.Monotonic() + kReloadAfter401;
    next_load_ = clock_.Monotonic();
  }

  const ClusterConnection source_;
  const Credentials credentials_;
  Clock& clock_;
  Mutex mu_;
  GenerationPtr current_ SALVE_GUARDED_BY(mu_);
  MonoTime next_load_ SALVE_GUARDED_BY(mu_){};
  MonoTime next_refused_ SALVE_GUARDED_BY(mu_){};
};

}  // namespace

StatusOr<ClusterConnection> ClusterConnection::Find(const std::string& kubeconfig,
                                                    const std::string& context, FileSource& files,
                                                    const Environment& env) {
  const auto set = [&env](const char* name) { return env(name).value_or(""); };
  const std::string host = set("KUBERNETES_SERVICE_HOST");
  const std::string token = std::string(kServiceAccount) + "/token";
  if (kubeconfig.empty() && set("KUBECONFIG").empty() && !host.empty() &&
      files.Read(token, kMaxTokenBytes).ok()) {
    const std::string port = set("KUBERNETES_SERVICE_PORT");
    const bool v6 = host.find(':') != std::string::npos;
    const std::string url =
        "https://" + (v6 ? "[" + host + "]" : host) + ":" + (port.empty() ? "443" : port);
    return ClusterConnection("the pod's service account",
                             [url, &files] { return LoadServiceAccount(url, files); });
  }
  SALVE_ASSIGN_OR_RETURN(const std::string path, client::KubeconfigPath(kubeconfig, env));
  return ClusterConnection("kubeconfig " + path, [path, context, &files] {
    return client::LoadKubeconfig(path, context, files);
  });
}

StatusOr<std::unique_ptr<http::Transport>> MakeClusterTransport(ClusterConnection connection,
                                                                Credentials credentials,
                                                                Clock& clock) {
  auto transport = std::make_unique<ReloadingTransport>(std::move(connection), credentials, clock);
  SALVE_RETURN_IF_ERROR(transport->Load());
  return std::unique_ptr<http::Transport>(std::move(transport));
}

}  // namespace salve::runtime
