// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_SERVER_TESTING_H_
#define SALVE_PKG_APISERVER_SERVER_TESTING_H_

#include <memory>
#include <string>
#include <vector>

#include "pkg/apiserver/server.h"
#include "pkg/base/mutex.h"

// For tests: an ApiServer with Salve's CRDs, a clock that stands still, and requests without a
// network.
namespace salve::apiserver::testing {

struct Answer {
  int status = 0;
  http::Headers headers;
  Json body;  // discarded (is_discarded()) if it is not JSON
  std::string text;
};

// What a watcher has got. Waits in real time, at most two minutes.
class WatchReader final : public http::StreamSink {
 public:
  explicit WatchReader(std::size_t buffer_bytes = SIZE_MAX) : buffer_bytes_(buffer_bytes) {}

  bool Write(std::string chunk) override;
  void Close() override;
  bool closed() const override;
  void OnClosed(std::function<void()> callback) override;

  // The next event; null when the stream has ended.
  Json Next();
  // Whether the stream ends without another event.
  bool Ended();
  // Events that are there now.
  std::vector<Json> Drain();
  // As a reader that goes away.
  void Leave();

 private:
  mutable Mutex mu_;
  mutable CondVar changed_;
  const std::size_t buffer_bytes_;
  std::string unread_ SALVE_GUARDED_BY(mu_);
  bool closed_ SALVE_GUARDED_BY(mu_) = false;
  std::function<void()> on_closed_ SALVE_GUARDED_BY(mu_);
};

class TestServer {
 public:
  // `data_dir` empty: in memory.
  explicit TestServer(ApiServerOptions options = {});

  // As an administrator, unless a token is given.
  Answer Do(const std::string& method, const std::string& target, const Json& body = nullptr,
            http::Headers headers = {});
  Answer As(const std::string& token, const std::string& method, const std::string& target,
            const Json& body = nullptr);
  Answer Send(http::Request request);
  std::shared_ptr<WatchReader> Watch(const std::string& target, http::Headers headers = {});

  std::string Token(const std::string& user, std::vector<std::string> groups,
                    std::vector<std::string> namespaces = {},
                    std::vector<std::string> policies = {});

  SimulatedClock clock;
  SeededRandom random{1};
  std::unique_ptr<ApiServer> api;
  std::string admin;
};

// Small valid objects.
Json Policy(const std::string& name, const std::string& mode = "Observe");
Json Incident(const std::string& name);
Json ConfigMap(const std::string& name, const Json& data = Json::object());
std::vector<Json> SalveCrds();

inline constexpr char kPolicies[] = "/apis/salve.dev/v1alpha1/namespaces/default/healingpolicies";
inline constexpr char kIncidents[] = "/apis/salve.dev/v1alpha1/namespaces/default/incidents";
inline constexpr char kApprovals[] =
    "/apis/salve.dev/v1alpha1/namespaces/default/incidentapprovals";
inline constexpr char kConfigMaps[] = "/api/v1/namespaces/default/configmaps";

// Runs `condition` until it is true; false after two minutes.
bool Eventually(const std::function<bool()>& condition);

}  // namespace salve::apiserver::testing

#endif  // SALVE_PKG_APISERVER_SERVER_TESTING_H_
