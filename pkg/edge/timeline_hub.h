// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_EDGE_TIMELINE_HUB_H_
#define SALVE_PKG_EDGE_TIMELINE_HUB_H_

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/status.h"
#include "pkg/edge/identity.h"
#include "pkg/edge/timeline.h"
#include "pkg/http/handler.h"

namespace salve::edge {

struct TimelineOptions {
  std::size_t max_history = 4096;  // events kept for readers that come back
  std::size_t max_snapshot = 500;  // incidents a new reader is told of, the newest
  std::size_t max_readers = 100;
  std::size_t max_readers_per_user = 10;
  std::size_t reader_buffer_bytes = 256u << 10;
  Duration heartbeat = std::chrono::seconds(10);
};

using IncidentKey = std::pair<std::string, std::string>;  // namespace, name

// Knows the incidents as they are and the latest events, and tells readers. Thread-safe; the
// feeding side (Update, Remove, MarkSynced) is one thread at a time, in the order of
// resourceVersions, as an informer delivers. A slow reader costs nobody anything: its stream is cut
// when its buffer is full, and it comes back with the id it saw last.
//
// What a reader gets (server-sent events, data is JSON):
//   snapshot   an incident with its timeline, one event each
//   resync     once, before the snapshot, if the id it came with is not known any more
//   synced     {"serverTime", "lastSequence", "incidents", "truncated"}: from here on it is live
//   timeline   one new entry {"namespace", "name", "sequence", "at", "phase", "message", …}
//   incident   an incident changed without a new entry;   deleted   it is gone
//   heartbeat  {"serverTime", "lastSequence"} at least every 15 s
// Ids: Position for the stream of all, the entry's sequence for the stream of one.
class TimelineHub {
 public:
  // `authorizer` decides what each reader sees.
  TimelineHub(const TimelineOptions& options, std::shared_ptr<Authorizer> authorizer, Clock& clock);
  ~TimelineHub();
  TimelineHub(const TimelineHub&) = delete;
  TimelineHub& operator=(const TimelineHub&) = delete;

  // The feeding side.
  void Update(IncidentView incident);
  void Remove(const std::string& ns, const std::string& name, std::uint64_t resource_version);
  // The first list is complete; `resource_version` is the list's. Readers are let in from now on.
  void MarkSynced(std::uint64_t resource_version);
  bool synced() const;

  std::optional<IncidentView> Find(const IncidentKey& key) const;
  // The newest first, at most `limit`; only of namespaces that `identity` may read, or of `ns` if
  // not "".
  std::vector<IncidentView> List(const Identity& identity, const std::string& ns,
                                 std::size_t limit) const;
  std::string LastSequence() const;

  // Whether a reader may come now: Unavailable before the first list, TooManyRequests at the caps.
  Status Admit(const Identity& identity) const;
  // Starts telling `sink`. `only`: one incident. `last_id`: what the reader saw last.
  void Attach(const Identity& identity, std::optional<IncidentKey> only,
              const std::optional<std::string>& last_id, std::shared_ptr<http::StreamSink> sink);
  std::size_t readers() const;
  const TimelineOptions& options() const { return options_; }

 private:
  struct Event {
    Position position;
    std::string kind;  // timeline | incident | deleted
    IncidentKey key;
    std::int64_t sequence = 0;
    nlohmann::json data;
  };
  // What a reader may see is asked once per namespace and minute.
  struct Reader {
    Identity identity;
    std::optional<IncidentKey> only;
    std::shared_ptr<http::StreamSink> sink;
    Position position;  // everything up to here was told; guarded by the hub's mutex
    std::shared_ptr<std::atomic<bool>> gone = std::make_shared<std::atomic<bool>>(false);
    std::map<std::string, bool> allowed;  // likewise
    MonoTime allowed_since;
  };

  Event MakeEvent(std::string kind, const IncidentView& incident, Position position) const;
  void Append(Event event) SALVE_REQUIRES(mu_);
  // Tells everybody who may know. Without the lock: it asks the authorizer.
  void Deliver(const std::vector<Event>& events) SALVE_EXCLUDES(mu_);
  // Asks for namespaces that are not known yet. Without the lock.
  void LearnRights(Reader& reader, const std::vector<std::string>& namespaces) SALVE_EXCLUDES(mu_);
  bool Wants(const Reader& reader, const IncidentKey& key) const SALVE_REQUIRES(mu_);
  std::string Greeting(const Reader& reader, const std::optional<std::string>& last_id) const
      SALVE_REQUIRES(mu_);
  std::string Snapshot(const Reader& reader, bool& truncated, std::size_t& count) const
      SALVE_REQUIRES(mu_);
  // The events after `last_id`, or nullopt if they are not known.
  std::optional<std::string> Replay(const Reader& reader, const std::string& last_id) const
      SALVE_REQUIRES(mu_);
  std::string ReaderId(const Reader& reader) const SALVE_REQUIRES(mu_);
  void DropGoneReaders() SALVE_REQUIRES(mu_);
  void RunHeartbeats();

  const TimelineOptions options_;
  const std::shared_ptr<Authorizer> authorizer_;
  Clock& clock_;

  mutable Mutex mu_;
  CondVar changed_;
  bool synced_ SALVE_GUARDED_BY(mu_) = false;
  bool stopping_ SALVE_GUARDED_BY(mu_) = false;
  std::map<IncidentKey, IncidentView> incidents_ SALVE_GUARDED_BY(mu_);
  std::deque<Event> history_ SALVE_GUARDED_BY(mu_);
  Position floor_ SALVE_GUARDED_BY(mu_);     // history_ has everything after this
  Position position_ SALVE_GUARDED_BY(mu_);  // of the latest event
  std::vector<std::shared_ptr<Reader>> readers_ SALVE_GUARDED_BY(mu_);
  std::thread heartbeats_ SALVE_GUARDED_BY(mu_);  // started with the first reader
};

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_TIMELINE_HUB_H_
