// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_ENGINE_REFLECTOR_H_
#define SALVE_PKG_ENGINE_REFLECTOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pkg/base/backoff.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/random.h"
#include "pkg/client/client.h"
#include "pkg/engine/metrics.h"
#include "pkg/engine/store.h"

namespace salve::engine {

struct ReflectorOptions {
  ResourceInfo resource;
  std::string ns;  // "" = all namespaces
  std::string label_selector;
  std::string field_selector;
  // Applied to the wire form before decoding, for example to strip what nobody reads. Default:
  // removes metadata.managedFields.
  std::function<void(Json&)> transform;
  std::int64_t page_size = 500;
  // The server is asked to end each watch after a random time in [min, 2·min]; a stream that is
  // still open `watch_margin` later is taken for dead.
  Duration watch_min = std::chrono::minutes(5);
  Duration watch_margin = std::chrono::seconds(5);
  Backoff::Options backoff;
  // A connection that has been fine for that long starts again with the shortest delay.
  Duration healthy_after = std::chrono::minutes(2);
  // Internal errors of a watch are answered with a new watch for that long, then with a list.
  Duration internal_error_window = std::chrono::minutes(1);
};

// Keeps a Store equal to the server's objects of one kind: lists once, then follows the watch. An
// explicit state machine; Step() does one thing. Not thread-safe but for Stop(): one thread steps
// it, or a simulation does.
//
//   kList ──ok──► kWatch ──open──► kStream ──regular end, cut──► kWatch
//     │ ▲           │                 │ 410, malformed event ──► kList (from "" after a 410)
//     │ │           │ 410 ► kList     │ 5xx: kWatch, after a while kList
//     │ └─ waits ◄──┘ 429, refused: kWatch again, after a wait
//     └─ failure: kList again, after a wait; 410 or version too large: at once from ""
//
// Each list asks for at least the newest version ever seen here, so that a lagging replica cannot
// turn the cache back; "" (the newest there is) when the server has forgotten that version.
class Reflector {
 public:
  enum class State { kList, kWatch, kStream, kStopped };

  // All references must outlive it.
  Reflector(ReflectorOptions options, client::Reader& reader, client::Watcher& watcher,
            Store& store, Decoder decoder, Clock& clock, Random& random, EngineMetrics& metrics);
  ~Reflector();
  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;

  // Does the next thing and returns when to call again (a time in the past or now: at once). In
  // kStream it handles at most one event and waits for it no longer than `read_until`. Does nothing
  // before the time that it returned last.
  MonoTime Step(MonoTime read_until);

  // From any thread: closes the stream and makes every further Step() a no-op.
  void Stop();

  State state() const { return state_; }
  // For messages and health checks: the last error, "" after a success. From any thread.
  std::string last_error() const;

 private:
  MonoTime List();
  MonoTime OpenWatch();
  MonoTime ReadStream(MonoTime read_until);

  StatusOr<std::string> FetchAll(std::vector<CachedPtr>* items, std::set<NamespacedName>* opaque);
  void DecodeInto(Json object, std::vector<CachedPtr>* items, std::set<NamespacedName>* opaque);
  void HandleEvent(client::WatchEvent event);
  MonoTime EndStream(const Status& status);

  MonoTime Wait(Duration at_least);      // backs off, then the current state goes on
  MonoTime Fail(const Status& status);   // Wait() after counting and logging the error
  void RelistFrom(std::string version);  // kList next
  void CloseStream();
  void Note(const Status& status);
  MonoTime Now() const { return clock_.Monotonic(); }

  const ReflectorOptions options_;
  client::Reader& reader_;
  client::Watcher& watcher_;
  Store& store_;
  const Decoder decoder_;
  Clock& clock_;
  Random& random_;
  EngineMetrics& metrics_;
  const std::string name_;  // "incidents.salve.dev"

  State state_ = State::kList;
  std::string list_version_ = "0";  // what the next list asks for
  bool paged_ = true;               // the next list comes in pages
  std::string version_;             // where the next watch starts
  MonoTime not_before_{};
  Backoff backoff_;
  MonoTime healthy_since_ = MonoTime::max();
  MonoTime stream_opened_{};
  MonoTime stream_dead_at_ = MonoTime::max();
  std::uint64_t stream_events_ = 0;
  std::optional<MonoTime> internal_errors_since_;
  int expired_in_a_row_ = 0;  // watches refused with 410 since one worked

  mutable Mutex mu_;
  std::shared_ptr<client::WatchStream> stream_ SALVE_GUARDED_BY(mu_);
  bool stopped_ SALVE_GUARDED_BY(mu_) = false;
  std::string last_error_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::engine

#endif  // SALVE_PKG_ENGINE_REFLECTOR_H_
