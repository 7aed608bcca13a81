// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_DOCKER_WATCHER_H_
#define SALVE_PKG_BACKENDS_DOCKER_WATCHER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "pkg/backends/docker/engine_client.h"
#include "pkg/backends/docker/events.h"
#include "pkg/backends/docker/view.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/random.h"

namespace salve::backends::docker {

// Keeps a View true, on one thread of its own:
//
//   connect ── open the event stream ── replay what the engine remembers since the last event
//      ↑          ── list and inspect all ── (view complete) ── follow: inspect whatever an event
//      names └── back-off ── (view unavailable) ── stream ended or engine gone ──┘
//
// Nothing is polled; every five minutes all is looked at once more, in case an event was lost. The
// stream is opened before the list, so that nothing can happen unseen between the two.
class Watcher {
 public:
  static constexpr Duration kResyncPeriod = std::chrono::minutes(5);

  // `on_change` is called on the watcher's thread with a container's name, or "" when any may have
  // changed. All references outlive the watcher.
  Watcher(std::string backend, EngineClient& client, View& view, Clock& clock, Random& random,
          std::function<void(const std::string& name)> on_change);
  ~Watcher();

  void Start();
  void Stop();  // idempotent; waits for the thread

 private:
  void Run();
  Status Session();
  Status Replay();
  Status Resync();
  Status Follow();
  Status Take(const std::vector<Event>& events);
  Status Refresh(const std::string& id);
  void RecogniseOutage(const std::map<std::string, std::string>& before);
  void Remember(const std::vector<Event>& events);
  CallContext Context() const;

  const std::string backend_;
  EngineClient& client_;
  View& view_;
  Clock& clock_;
  Random& random_;
  const std::function<void(const std::string&)> on_change_;

  // Used by the thread alone.
  std::optional<WallTime> last_event_;
  std::optional<WallTime> lost_at_;  // when the last session ended
  bool refused_ = false;             // the engine could not be connected to since then
  bool was_complete_ = false;        // the session got as far as following

  std::stop_source stop_;
  mutable Mutex mu_;
  CondVar wake_;
  bool stopping_ SALVE_GUARDED_BY(mu_) = false;
  std::shared_ptr<http::ResponseStream> stream_ SALVE_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace salve::backends::docker

#endif  // SALVE_PKG_BACKENDS_DOCKER_WATCHER_H_
