// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/server.h"

#include <algorithm>
#include <utility>

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/http/listener.h"
#include "pkg/http/server_core.h"
#include "pkg/http/tls_context.h"

namespace salve::http {
namespace {

class BeastServer final : public Server {
 public:
  explicit BeastServer(std::shared_ptr<ServerCore> core)
      : core_(std::move(core)), listener_(core_) {}
  ~BeastServer() override { Stop(std::chrono::milliseconds(0)); }

  Status Open() {
    SALVE_RETURN_IF_ERROR(listener_.Open());
    listener_.Accept();
    core_->loop.Start();
    started_ = true;
    return {};
  }

  int port() const override { return listener_.port(); }

  Status ReplaceCertificate(const std::string& certificate_chain_pem,
                            const std::string& private_key_pem) override {
    if (core_->tls() == nullptr) return InvalidArgumentError("TLS: this server speaks plain HTTP");
    ServerOptions options;
    options.certificate_chain_pem = certificate_chain_pem;
    options.private_key_pem = private_key_pem;
    SALVE_ASSIGN_OR_RETURN(auto context, MakeServerTls(options));
    if (context == nullptr) return InvalidArgumentError("TLS: there is no certificate and no key");
    core_->SetTls(std::move(context));
    return {};
  }

  void Stop(std::chrono::milliseconds grace) override {
    MutexLock stop_lock(stop_mu_);
    if (!std::exchange(started_, false)) return;
    core_->loop.Post([this] {
      listener_.Drain([this] {
        MutexLock lock(mu_);
        empty_ = true;
        changed_.NotifyAll();
      });
    });
    WaitUntilEmpty(grace);
    core_->loop.Post([this] { listener_.AbortAll(); });
    core_->loop.Join();
    core_->workers.Stop();
  }

 private:
  void WaitUntilEmpty(std::chrono::milliseconds grace) {
    Clock& clock = SystemClock();
    const MonoTime deadline = clock.Monotonic() + grace;
    MutexLock lock(mu_);
    while (!empty_ && clock.WaitUntil(changed_, mu_, deadline)) {
    }
  }

  const std::shared_ptr<ServerCore> core_;
  Listener listener_;
  Mutex stop_mu_;
  bool started_ SALVE_GUARDED_BY(stop_mu_) = false;
  Mutex mu_;
  CondVar changed_;
  bool empty_ SALVE_GUARDED_BY(mu_) = false;
};

}  // namespace

StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options, Handler& handler) {
  SALVE_ASSIGN_OR_RETURN(auto tls, MakeServerTls(options));
  auto server =
      std::make_unique<BeastServer>(std::make_shared<ServerCore>(options, handler, std::move(tls)));
  SALVE_RETURN_IF_ERROR(server->Open());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace salve::http
