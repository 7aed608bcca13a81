// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_WATCH_H_
#define SALVE_PKG_APISERVER_WATCH_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pkg/apiserver/store.h"
#include "pkg/apiserver/watch_event.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/http/handler.h"

namespace salve::apiserver {

struct WatchRequest {
  WatchView view;
  // ADDED for everything that is there, then live. `from`: not older than this.
  bool initial_state = false;
  // Without initial state: events after this revision; 0: from now on.
  std::int64_t from = 0;
  bool bookmarks = false;
  bool initial_end_bookmark = false;
  std::chrono::seconds timeout{0};  // must be positive
};

struct WatchLimits {
  std::size_t max_watches = 1000;          // more: 429
  std::size_t buffer_bytes = 4u << 20;     // what a slow reader may leave unread
  std::size_t max_pending_events = 10000;  // that gather while a watch starts
  std::chrono::seconds bookmark_period{60};
};

// Streams events to watchers. Each sees every event of its view exactly once and in the order of
// revisions; one that reads too slowly is closed and resumes by its revision. Publishing never
// waits for a reader. Thread-safe.
//
// One thread for timeouts and bookmarks; it sleeps while there is nothing to do.
class WatchHub {
 public:
  // `store` and `clock` must outlive the hub.
  WatchHub(Store& store, Clock& clock, const WatchLimits& limits);
  ~WatchHub();  // Stop()

  // Answers the request: a stream, or an error before it begins.
  void Start(const WatchRequest& request, std::unique_ptr<http::ResponseWriter> writer);
  // The store's listener.
  void Publish(const std::vector<StoreEvent>& events);
  // Ends every stream; later watches get a 503.
  void Stop();

  std::size_t watches() const;

 private:
  class Watcher;
  struct Initial;

  StatusOr<Initial> MakeInitial(const WatchRequest& request, std::int64_t through);
  StatusOr<Initial> MakeInitialState(const WatchRequest& request);
  StatusOr<Initial> MakeReplay(const WatchRequest& request, std::int64_t through);
  std::shared_ptr<Watcher> Register(const WatchRequest& request, std::int64_t* through,
                                    http::ResponseWriter& writer);
  void Remove(std::uint64_t id);
  void ForgetGone() SALVE_REQUIRES(mu_);
  void TimerLoop();
  MonoTime NextWake() const SALVE_REQUIRES(mu_);

  Store& store_;
  Clock& clock_;
  const WatchLimits limits_;

  mutable Mutex mu_;  // never held while a Watcher's is taken
  CondVar wake_;
  std::map<std::uint64_t, std::shared_ptr<Watcher>> watchers_ SALVE_GUARDED_BY(mu_);
  std::uint64_t next_id_ SALVE_GUARDED_BY(mu_) = 1;
  // The newest revision that Publish has begun to hand out: what a new watcher must read by itself.
  std::int64_t started_ SALVE_GUARDED_BY(mu_);
  // The newest that every watcher has been given: what a bookmark may say.
  std::int64_t published_ SALVE_GUARDED_BY(mu_);
  MonoTime next_bookmarks_ SALVE_GUARDED_BY(mu_) = MonoTime::max();
  bool stopping_ SALVE_GUARDED_BY(mu_) = false;
  std::thread timer_;  // runs from the first watch on
};

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_WATCH_H_
