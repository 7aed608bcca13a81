// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_ENGINE_EVENT_RECORDER_H_
#define SALVE_PKG_ENGINE_EVENT_RECORDER_H_

#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/client/client.h"
#include "pkg/engine/informer.h"
#include "pkg/engine/thread.h"

namespace salve::engine {

// What an event is about.
struct ObjectReference {
  std::string api_version;
  std::string kind;
  NamespacedName name;
  std::string uid;
  std::string resource_version;
};

enum class EventType { kNormal, kWarning };

struct EventRecorderOptions {
  std::string component = "salve";  // source.component and reportingComponent
  std::string instance;             // source.host
  std::size_t queue_limit = 1000;   // more waiting events are dropped
  std::size_t memory_limit = 1024;  // events remembered for counting repetitions
  int attempts = 12;                // per event, with waits between
  Duration retry_wait = std::chrono::seconds(10);
  Duration forget_after = std::chrono::minutes(10);  // then a repetition is a new event
  Duration thread_idle = std::chrono::seconds(30);   // then the writing thread ends
};

// Writes core/v1 Events, for people. Thread-safe. Event() never blocks and never fails: what cannot
// be queued or written is counted and dropped. A repetition (same object, type, reason and message)
// raises the count of the earlier event instead of making a new one. The writing thread is started
// with the first event and ends when there is none for a while.
class EventRecorder {
 public:
  // `client` must outlive it.
  EventRecorder(EventRecorderOptions options, client::Client& client, Environment env);
  ~EventRecorder();  // Stop(now)
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  // `reason` is CamelCase; `message` is cut at 1 kB.
  void Event(const ObjectReference& about, EventType type, const std::string& reason,
             const std::string& message);

  // Writes what is queued until `drain_until`, then ends. Later events are dropped.
  void Stop(MonoTime drain_until);

  // For simulation, before the first Event(): no thread is started, WriteOne() does the work.
  void SetManual() { manual_ = true; }
  // Writes the first queued event on the calling thread; false if none is due.
  bool WriteOne();

  std::size_t dropped() const;
  std::size_t queued() const;

 private:
  struct Pending {
    std::string key;   // what makes two events the same
    std::string name;  // fixed at once, so that a repeated create is recognised
    ObjectReference about;
    EventType type = EventType::kNormal;
    std::string reason;
    std::string message;
    WallTime first_at;
    WallTime last_at;
    int count = 1;
    int attempts = 0;
    MonoTime not_before{};
  };
  // An event that the server has: what is needed to raise its count.
  struct Known {
    NamespacedName name;
    int count = 0;
    MonoTime last_used{};
    std::list<std::string>::iterator age;
  };

  void Run();
  // Waits for an event to write; false when the thread is to end.
  bool WaitForDue(Pending* event);
  void EnsureThread() SALVE_REQUIRES(mu_);
  // Takes the first event if it is due; else tells when to look again.
  bool TakeDue(Pending* event, MonoTime* look_again) SALVE_REQUIRES(mu_);
  void WriteAndSettle(Pending event);
  Status Write(const Pending& event);
  // True if the server's event was found and its count raised.
  StatusOr<bool> RaiseCount(const Pending& event);
  Status CreateEvent(const Pending& event);
  void Remember(const Pending& event);
  void ForgetKnown(const std::string& key);

  const EventRecorderOptions options_;
  client::Client& client_;
  Environment env_;
  bool manual_ = false;

  mutable Mutex mu_;
  CondVar changed_;
  std::deque<Pending> queue_ SALVE_GUARDED_BY(mu_);
  // Points into queue_ (a deque keeps its elements in place while its ends move).
  std::map<std::string, Pending*> queued_by_key_ SALVE_GUARDED_BY(mu_);
  std::size_t dropped_ SALVE_GUARDED_BY(mu_) = 0;
  bool stopping_ SALVE_GUARDED_BY(mu_) = false;
  bool thread_alive_ SALVE_GUARDED_BY(mu_) = false;
  MonoTime drain_until_ SALVE_GUARDED_BY(mu_){};
  Thread thread_;

  // Only the writing thread (or the caller of WriteOne) touches these.
  std::map<std::string, Known> known_;
  std::list<std::string> ages_;  // oldest first
};

}  // namespace salve::engine

#endif  // SALVE_PKG_ENGINE_EVENT_RECORDER_H_
