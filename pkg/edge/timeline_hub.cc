// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/timeline_hub.h"

#include <algorithm>
#include <limits>

namespace salve::edge {
namespace {

constexpr std::uint32_t kLastIndex = std::numeric_limits<std::uint32_t>::max();

bool LooksTheSame(const IncidentView& a, const IncidentView& b) {
  return a.phase == b.phase && a.outcome == b.outcome && a.summary == b.summary &&
         a.proposal.digest == b.proposal.digest;
}

}  // namespace

TimelineHub::TimelineHub(const TimelineOptions& options, std::shared_ptr<Authorizer> authorizer,
                         Clock& clock)
    : options_(options), authorizer_(std::move(authorizer)), clock_(clock) {}

TimelineHub::~TimelineHub() {
  std::thread thread;
  std::vector<std::shared_ptr<Reader>> readers;
  {
    MutexLock lock(mu_);
    stopping_ = true;
    thread.swap(heartbeats_);
    readers.swap(readers_);
    changed_.NotifyAll();
  }
  if (thread.joinable()) thread.join();
  for (const auto& reader : readers) reader->sink->Close();
}

TimelineHub::Event TimelineHub::MakeEvent(std::string kind, const IncidentView& incident,
                                          Position position) const {
  Event event{position, std::move(kind), {incident.ns, incident.name}, 0, ToJson(incident, false)};
  return event;
}

void TimelineHub::Append(Event event) {
  position_ = std::max(position_, event.position);
  history_.push_back(std::move(event));
  if (history_.size() <= options_.max_history) return;
  floor_ = std::max(floor_, history_.front().position);
  history_.pop_front();
}

void TimelineHub::Update(IncidentView incident) {
  std::vector<Event> events;
  {
    MutexLock lock(mu_);
    const IncidentKey key{incident.ns, incident.name};
    const auto known = incidents_.find(key);
    const bool same = known != incidents_.end() && known->second.uid == incident.uid;
    const std::int64_t last =
        same && !known->second.timeline.empty() ? known->second.timeline.back().sequence : 0;
    Position position{incident.resource_version, 0};
    for (const TimelineEvent& entry : incident.timeline) {
      if (entry.sequence <= last) continue;
      Event event = MakeEvent("timeline", incident, position);
      event.sequence = entry.sequence;
      event.data.update(ToJson(entry));
      event.data["incidentPhase"] = incident.phase;
      event.data["phase"] = entry.phase;
      events.push_back(std::move(event));
      ++position.index;
    }
    if (events.empty() && !(same && LooksTheSame(known->second, incident))) {
      events.push_back(MakeEvent("incident", incident, position));
    }
    incidents_.insert_or_assign(key, std::move(incident));
    if (!synced_) return;  // The first list is not news.
    for (const Event& event : events) Append(event);
  }
  Deliver(events);
}

void TimelineHub::Remove(const std::string& ns, const std::string& name,
                         std::uint64_t resource_version) {
  Event event;
  {
    MutexLock lock(mu_);
    const auto known = incidents_.find({ns, name});
    if (known == incidents_.end()) return;
    // A tombstone may carry an old version; ids must not go back.
    const Position position =
        std::max(Position{resource_version, 0}, Position{position_.version, position_.index + 1});
    event = MakeEvent("deleted", known->second, position);
    incidents_.erase(known);
    if (!synced_) return;
    Append(event);
  }
  Deliver({event});
}

void TimelineHub::MarkSynced(std::uint64_t resource_version) {
  MutexLock lock(mu_);
  if (std::exchange(synced_, true)) return;
  floor_ = position_ = Position{resource_version, 0};
}

bool TimelineHub::synced() const {
  MutexLock lock(mu_);
  return synced_;
}

void TimelineHub::LearnRights(Reader& reader, const std::vector<std::string>& namespaces) {
  std::map<std::string, bool> learned;
  for (const std::string& ns : namespaces) {
    learned[ns] = authorizer_ && authorizer_->MayReadIncidents(reader.identity, ns);
  }
  MutexLock lock(mu_);
  for (const auto& [ns, allowed] : learned) reader.allowed[ns] = allowed;
}

bool TimelineHub::Wants(const Reader& reader, const IncidentKey& key) const {
  if (reader.only && *reader.only != key) return false;
  const auto right = reader.allowed.find(key.first);
  return right != reader.allowed.end() && right->second;
}

void TimelineHub::Deliver(const std::vector<Event>& events) {
  if (events.empty()) return;
  const std::string& ns = events.front().key.first;
  std::vector<std::shared_ptr<Reader>> unsure;
  {
    MutexLock lock(mu_);
    for (const auto& reader : readers_) {
      if (!reader->allowed.contains(ns)) unsure.push_back(reader);
    }
  }
  for (const auto& reader : unsure) LearnRights(*reader, {ns});

  MutexLock lock(mu_);
  for (const auto& reader : readers_) {
    std::string text;
    for (const Event& event : events) {
      if (event.position <= reader->position) continue;  // It came with the snapshot.
      reader->position = event.position;
      if (!Wants(*reader, event.key)) continue;
      std::string id = event.position.ToString();
      if (reader->only) id = event.sequence > 0 ? std::to_string(event.sequence) : "";
      text += FormatSse(event.kind, id, event.data);
    }
    if (!text.empty() && !reader->sink->Write(std::move(text))) *reader->gone = true;
  }
  DropGoneReaders();
}

std::optional<IncidentView> TimelineHub::Find(const IncidentKey& key) const {
  MutexLock lock(mu_);
  const auto known = incidents_.find(key);
  if (known == incidents_.end()) return std::nullopt;
  return known->second;
}

std::vector<IncidentView> TimelineHub::List(const Identity& identity, const std::string& ns,
                                            std::size_t limit) const {
  std::vector<IncidentView> all;
  {
    MutexLock lock(mu_);
    for (const auto& [key, incident] : incidents_) {
      if (ns.empty() || key.first == ns) all.push_back(incident);
    }
  }
  std::map<std::string, bool> allowed;
  std::erase_if(all, [&](const IncidentView& incident) {
    auto [right, asked] = allowed.try_emplace(incident.ns, false);
    if (asked) right->second = authorizer_ && authorizer_->MayReadIncidents(identity, incident.ns);
    return !right->second;
  });
  std::sort(all.begin(), all.end(), [](const IncidentView& a, const IncidentView& b) {
    return a.resource_version > b.resource_version;
  });
  if (all.size() > limit) all.resize(limit);
  return all;
}

std::string TimelineHub::LastSequence() const {
  MutexLock lock(mu_);
  return position_.ToString();
}

std::size_t TimelineHub::readers() const {
  MutexLock lock(mu_);
  return static_cast<std::size_t>(
      std::count_if(readers_.begin(), readers_.end(), [](const auto& r) { return !*r->gone; }));
}

}  // namespace salve::edge
