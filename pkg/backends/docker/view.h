// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_DOCKER_VIEW_H_
#define SALVE_PKG_BACKENDS_DOCKER_VIEW_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/common.h"
#include "pkg/backends/docker/container_state.h"
#include "pkg/backends/docker/events.h"
#include "pkg/base/mutex.h"
#include "pkg/base/status.h"

namespace salve::backends::docker {

// The local picture of one engine's containers: what inspect said last, and what the events told
// about their current runs. One writer (the watcher), any readers. Thread-safe; no I/O.
class View {
 public:
  explicit View(std::string backend);

  // --- the watcher's side ---

  // OK: the view is complete. True if that changed.
  bool SetStatus(Status status);
  // Takes in what an event says of the run it belongs to. True if the container must be looked at
  // again; a destroyed one is removed here, its name goes to `*removed`.
  bool Note(const Event& event, std::string* removed);
  // Replaces what is known of a container; seen at `now`. True if that is news to readers.
  bool Put(ContainerState state, WallTime now);
  // Forgets the container of that id; its name, or "" if it was not known.
  std::string Remove(const std::string& id);
  // Forgets all whose id is not in `ids`; their names.
  std::vector<std::string> Retain(const std::set<std::string>& ids);
  // id → StartedAt of those that run, or ran until `ended_after` at least.
  std::map<std::string, std::string> RunningSince(WallTime ended_after = WallTime::max()) const;
  void SetOutage(EngineOutage outage);
  std::string NameOf(const std::string& id) const;

  // --- readers ---

  Status status() const;
  StatusOr<std::vector<healing::TargetRef>> Resolve(
      const apis::salve::v1alpha1::DockerTarget& target) const;
  StatusOr<healing::TargetObservation> Observe(const std::string& name, WallTime now) const;
  // The trace of a container that was just inspected, for a fresh observation of it.
  healing::TargetObservation Describe(const ContainerState& state, WallTime now) const;
  RunTrace TraceOf(const std::string& id) const;

 private:
  struct Entry {
    ContainerState state;
    bool known = false;  // false: only events so far
    bool noted = false;  // the trace changed since the last Put
    RunTrace trace;
    // When its health was seen to turn into what it is; nullopt: it was so at the first look.
    std::optional<WallTime> since;
  };
  void NoteRun(const Event& event, Entry& entry) SALVE_REQUIRES(mu_);
  bool NewHealth(const Entry& entry, const ContainerState& next, WallTime now) const
      SALVE_REQUIRES(mu_);

  const std::string backend_;
  mutable Mutex mu_;
  Status status_ SALVE_GUARDED_BY(mu_);
  std::map<std::string, std::unique_ptr<Entry>> by_id_ SALVE_GUARDED_BY(mu_);
  std::map<std::string, std::string> id_by_name_ SALVE_GUARDED_BY(mu_);
  std::optional<EngineOutage> outage_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::backends::docker

#endif  // SALVE_PKG_BACKENDS_DOCKER_VIEW_H_
