// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/docker/view.h"

#include <algorithm>
#include <array>
#include <utility>

namespace salve::backends::docker {
namespace {

using apis::salve::v1alpha1::DockerTarget;
using healing::TargetRef;

constexpr char kComposeProject[] = "com.docker.compose.project";
constexpr char kComposeService[] = "com.docker.compose.service";
constexpr char kComposeOneOff[] = "com.docker.compose.oneoff";

// Signals that tell a process something other than "end": reload, rotate, stop and go on, and those
// by which a process dies of its own faults. The container's own stop signal always means "end".
bool AsksToEnd(std::int64_t signal, std::int64_t stop_signal) {
  constexpr std::array<std::int64_t, 15> kOthers = {1,  4,  6,  7,  8,  10, 11, 12,
                                                    13, 17, 18, 19, 20, 23, 28};
  return signal == stop_signal ||
         std::find(kOthers.begin(), kOthers.end(), signal) == kOthers.end();
}

bool HasLabels(const ContainerState& state, const std::map<std::string, std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto it = state.labels.find(label.first);
    return it != state.labels.end() && it->second == label.second;
  });
}

bool Matches(const ContainerState& state, const DockerTarget& target) {
  if (!target.container.empty()) return state.name == target.container;
  if (target.compose) {
    const auto one_off = state.labels.find(kComposeOneOff);
    if (one_off != state.labels.end() && one_off->second == "True") return false;
    return HasLabels(state, {{kComposeProject, target.compose->project},
                             {kComposeService, target.compose->service}});
  }
  return !target.labels.empty() && HasLabels(state, target.labels);
}

// What readers can see of a state.
bool SameToReaders(const ContainerState& a, const ContainerState& b) {
  return a.name == b.name && a.status == b.status && a.health == b.health &&
         a.health_output == b.health_output && a.exit_code == b.exit_code && a.error == b.error &&
         a.oom_killed == b.oom_killed && a.restart_count == b.restart_count &&
         a.labels == b.labels && a.Identity() == b.Identity() &&
         a.Configuration() == b.Configuration();
}

}  // namespace

View::View(std::string backend)
    : backend_(std::move(backend)),
      status_(UnavailableError("backend " + backend_ + ": not connected yet")) {}

bool View::SetStatus(Status status) {
  MutexLock lock(mu_);
  const bool changed = status_.code() != status.code() || status_.message() != status.message();
  status_ = std::move(status);
  return changed;
}

void View::NoteRun(const Event& event, Entry& entry) {
  RunTrace& trace = entry.trace;
  if (event.action == "start") {
    trace = RunTrace{};
  } else if (event.action == "kill") {
    if (AsksToEnd(SignalNumber(event.signal).value_or(9), entry.state.stop_signal)) {
      trace.kill_at = event.at;
    }
  } else if (event.action == "die") {
    trace.die_at = event.at;
  } else if (event.action == "stop") {
    trace.stop_at = event.at;
  } else if (event.action == "oom") {
    trace.oom_at = event.at;
  } else {
    return;
  }
  entry.noted = true;
}

bool View::Note(const Event& event, std::string* removed) {
  if (event.action == "destroy") {
    *removed = Remove(event.id);
    return false;
  }
  MutexLock lock(mu_);
  std::unique_ptr<Entry>& entry = by_id_[event.id];
  if (entry == nullptr) entry = std::make_unique<Entry>();
  NoteRun(event, *entry);
  return true;
}

// Another run that is ill is another illness: its health check had to fail anew.
bool View::NewHealth(const Entry& entry, const ContainerState& next, WallTime now) const {
  const auto health = [&](const ContainerState& state) {
    return Observation(backend_, state, entry.trace, outage_, now).state;
  };
  const bool another_run = next.running && next.started_at_text != entry.state.started_at_text;
  return another_run || health(entry.state) != health(next);
}

bool View::Put(ContainerState state, WallTime now) {
  MutexLock lock(mu_);
  std::unique_ptr<Entry>& entry = by_id_[state.id];
  if (entry == nullptr) entry = std::make_unique<Entry>();
  if (entry->known && NewHealth(*entry, state, now)) entry->since = now;
  const bool news = !entry->known || entry->noted || !SameToReaders(entry->state, state);
  if (entry->known && entry->state.name != state.name) {
    const auto old = id_by_name_.find(entry->state.name);
    if (old != id_by_name_.end() && old->second == state.id) id_by_name_.erase(old);
  }
  id_by_name_[state.name] = state.id;
  entry->known = true;
  entry->noted = false;
  entry->state = std::move(state);
  return news;
}

std::string View::Remove(const std::string& id) {
  MutexLock lock(mu_);
  const auto it = by_id_.find(id);
  if (it == by_id_.end()) return "";
  std::string name = it->second->state.name;
  by_id_.erase(it);
  // The name may already belong to a successor.
  const auto named = id_by_name_.find(name);
  if (named != id_by_name_.end() && named->second == id) id_by_name_.erase(named);
  return name;
}

std::vector<std::string> View::Retain(const std::set<std::string>& ids) {
  std::vector<std::string> gone;
  {
    MutexLock lock(mu_);
    for (const auto& [id, entry] : by_id_) {
      if (ids.count(id) == 0) gone.push_back(id);
    }
  }
  std::vector<std::string> names;
  for (const std::string& id : gone) {
    std::string name = Remove(id);
    if (!name.empty()) names.push_back(std::move(name));
  }
  return names;
}

std::map<std::string, std::string> View::RunningSince(WallTime ended_after) const {
  MutexLock lock(mu_);
  std::map<std::string, std::string> running;
  for (const auto& [id, entry] : by_id_) {
    const bool lately = entry->state.finished_at && *entry->state.finished_at >= ended_after;
    if (entry->known && (entry->state.running || lately)) {
      running[id] = entry->state.started_at_text;
    }
  }
  return running;
}

void View::SetOutage(EngineOutage outage) {
  MutexLock lock(mu_);
  outage_ = outage;
}

std::string View::NameOf(const std::string& id) const {
  MutexLock lock(mu_);
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? "" : it->second->state.name;
}

Status View::status() const {
  MutexLock lock(mu_);
  return status_;
}

StatusOr<std::vector<TargetRef>> View::Resolve(const DockerTarget& target) const {
  MutexLock lock(mu_);
  if (!status_.ok()) return status_;
  std::vector<TargetRef> refs;
  for (const auto& [name, id] : id_by_name_) {
    const Entry& entry = *by_id_.at(id);
    if (Matches(entry.state, target)) refs.push_back({backend_, "Container", name});
  }
  return refs;
}

StatusOr<healing::TargetObservation> View::Observe(const std::string& name, WallTime now) const {
  MutexLock lock(mu_);
  if (!status_.ok()) return status_;
  const auto it = id_by_name_.find(name);
  if (it == id_by_name_.end()) {
    return NotFoundError("backend " + backend_ + " has no container \"" + name + "\"");
  }
  const Entry& entry = *by_id_.at(it->second);
  healing::TargetObservation seen = Observation(backend_, entry.state, entry.trace, outage_, now);
  seen.since = entry.since;
  return seen;
}

healing::TargetObservation View::Describe(const ContainerState& state, WallTime now) const {
  MutexLock lock(mu_);
  const auto it = by_id_.find(state.id);
  return Observation(backend_, state, it == by_id_.end() ? RunTrace{} : it->second->trace, outage_,
                     now);
}

RunTrace View::TraceOf(const std::string& id) const {
  MutexLock lock(mu_);
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? RunTrace{} : it->second->trace;
}

}  // namespace salve::backends::docker
