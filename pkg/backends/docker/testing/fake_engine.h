// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_DOCKER_TESTING_FAKE_ENGINE_H_
#define SALVE_PKG_BACKENDS_DOCKER_TESTING_FAKE_ENGINE_H_

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/http/transport.h"

namespace salve::backends::docker::testing {

// As much of a Docker engine as the watcher needs, with faults that a real one cannot be made to
// have quickly: it goes away, cuts streams, loses events. For tests. Thread-safe.
class FakeEngine {
 public:
  explicit FakeEngine(Clock& clock) : clock_(clock) {}

  // A container that runs since `started` (RFC 3339).
  void Run(const std::string& id, const std::string& name, const std::string& started) {
    MutexLock lock(mu_);
    containers_[id] = {{"Id", id},
                       {"Name", "/" + name},
                       {"State",
                        {{"Status", "running"},
                         {"Running", true},
                         {"StartedAt", started},
                         {"FinishedAt", "0001-01-01T00:00:00Z"},
                         {"ExitCode", 0}}},
                       {"HostConfig", {{"RestartPolicy", {{"Name", "no"}}}}}};
  }
  void End(const std::string& id, int exit_code, const std::string& finished) {
    MutexLock lock(mu_);
    auto& state = containers_.at(id)["State"];
    state["Status"] = "exited";
    state["Running"] = false;
    state["ExitCode"] = exit_code;
    state["FinishedAt"] = finished;
  }
  void Remove(const std::string& id) {
    MutexLock lock(mu_);
    containers_.erase(id);
  }
  // Adds an event to the engine's memory and sends it to whoever listens.
  void Emit(const std::string& id, const std::string& action, const std::string& signal = "") {
    const auto nanos = clock_.Now().time_since_epoch().count();
    nlohmann::json event = {{"Type", "container"},
                            {"Action", action},
                            {"Actor", {{"ID", id}, {"Attributes", nlohmann::json::object()}}},
                            {"timeNano", nanos}};
    if (!signal.empty()) event["Actor"]["Attributes"]["signal"] = signal;
    MutexLock lock(mu_);
    history_.emplace_back(nanos, event.dump() + "\n");
    if (!listening_) return;
    pending_ += event.dump() + "\n";
    changed_.NotifyAll();
  }
  // Cuts the event stream; while `away`, nothing can connect.
  void Cut(bool away) {
    MutexLock lock(mu_);
    away_ = away;
    listening_ = false;
    ++generation_;
    pending_.clear();
    changed_.NotifyAll();
  }
  void Return(bool forget_history) {
    MutexLock lock(mu_);
    away_ = false;
    if (forget_history) history_.clear();
  }
  int inspects() const {
    MutexLock lock(mu_);
    return inspects_;
  }
  std::string version = R"({"ApiVersion":"1.41","MinAPIVersion":"1.12"})";

  std::unique_ptr<http::Transport> NewTransport() { return std::make_unique<Pipe>(*this); }

 private:
  class Live final : public http::ResponseStream {
   public:
    Live(FakeEngine& engine, int generation) : engine_(engine), generation_(generation) {}
    int status() const override { return 200; }
    const http::Headers& headers() const override { return headers_; }
    StatusOr<std::string> Read(MonoTime deadline) override {
      MutexLock lock(engine_.mu_);
      for (;;) {
        if (closed_) return CancelledError("closed");
        if (generation_ != engine_.generation_) return AbortedError("connection reset");
        if (!engine_.pending_.empty()) return std::exchange(engine_.pending_, "");
        if (!engine_.clock_.WaitUntil(engine_.changed_, engine_.mu_, deadline)) {
          return DeadlineExceededError("nothing came");
        }
      }
    }
    void Close() override {
      MutexLock lock(engine_.mu_);
      closed_ = true;
      engine_.changed_.NotifyAll();
    }

   private:
    FakeEngine& engine_;
    const int generation_;
    bool closed_ = false;
    http::Headers headers_;
  };

  class Canned final : public http::ResponseStream {
   public:
    explicit Canned(std::string text) : text_(std::move(text)) {}
    int status() const override { return 200; }
    const http::Headers& headers() const override { return headers_; }
    StatusOr<std::string> Read(MonoTime) override { return std::exchange(text_, ""); }
    void Close() override {}

   private:
    std::string text_;
    http::Headers headers_;
  };

  class Pipe final : public http::Transport {
   public:
    explicit Pipe(FakeEngine& engine) : engine_(engine) {}
    StatusOr<http::Response> Send(const http::Request& request, const http::CallOptions&) override {
      return engine_.Answer(request.target);
    }
    StatusOr<std::unique_ptr<http::ResponseStream>> Open(const http::Request& request,
                                                         const http::CallOptions&) override {
      return engine_.Listen(request.target);
    }

   private:
    FakeEngine& engine_;
  };

  StatusOr<http::Response> Answer(const std::string& target) {
    MutexLock lock(mu_);
    if (away_) return UnavailableError("connect: connection refused");
    http::Response response;
    if (target == "/version") {
      response.body = version;
      return response;
    }
    const std::string prefix = "/v1.41/containers/";
    const std::string path = target.substr(0, target.find('?'));
    if (path == prefix + "json") {
      nlohmann::json list = nlohmann::json::array();
      for (const auto& [id, inspect] : containers_) list.push_back({{"Id", id}});
      response.body = list.dump();
      return response;
    }
    ++inspects_;
    const std::string id = path.substr(prefix.size(), path.rfind('/') - prefix.size());
    const auto it = containers_.find(id);
    if (it == containers_.end()) {
      response.status = 404;
      response.body = R"({"message":"No such container"})";
    } else {
      response.body = it->second.dump();
    }
    return response;
  }

  StatusOr<std::unique_ptr<http::ResponseStream>> Listen(const std::string& target) {
    MutexLock lock(mu_);
    if (away_) return UnavailableError("connect: connection refused");
    const std::size_t since = target.find("since=");
    if (since == std::string::npos) {
      listening_ = true;
      return std::unique_ptr<http::ResponseStream>(std::make_unique<Live>(*this, generation_));
    }
    const double from = std::strtod(target.c_str() + since + 6, nullptr);
    std::string text;
    for (const auto& [nanos, line] : history_) {
      if (static_cast<double>(nanos) / 1e9 >= from - 1e-3) text += line;
    }
    return std::unique_ptr<http::ResponseStream>(std::make_unique<Canned>(text));
  }

  Clock& clock_;
  mutable Mutex mu_;
  CondVar changed_;
  bool away_ SALVE_GUARDED_BY(mu_) = false;
  bool listening_ SALVE_GUARDED_BY(mu_) = false;
  int generation_ SALVE_GUARDED_BY(mu_) = 0;
  int inspects_ SALVE_GUARDED_BY(mu_) = 0;
  std::string pending_ SALVE_GUARDED_BY(mu_);
  std::vector<std::pair<std::int64_t, std::string>> history_ SALVE_GUARDED_BY(mu_);
  std::map<std::string, nlohmann::json> containers_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::backends::docker::testing

#endif  // SALVE_PKG_BACKENDS_DOCKER_TESTING_FAKE_ENGINE_H_
