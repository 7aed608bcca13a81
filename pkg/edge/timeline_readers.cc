// SPDX-License-Identifier: Apache-2.0
// The readers' side of TimelineHub: who may come, what they are told first, heartbeats.
#include <algorithm>
#include <charconv>
#include <set>

#include "pkg/base/time_format.h"
#include "pkg/edge/timeline_hub.h"

namespace salve::edge {
namespace {

// How long an answer of the authorizer is believed.
constexpr std::chrono::seconds kRightsLast{60};
constexpr std::chrono::seconds kComeBack{5};

std::optional<std::int64_t> ParseSequence(std::string_view text) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out < 0) return std::nullopt;
  return out;
}

}  // namespace

Status TimelineHub::Admit(const Identity& identity) const {
  MutexLock lock(mu_);
  if (!synced_) {
    return UnavailableError("the incidents have not been read yet")
        .WithRetryAfter(std::chrono::seconds(1));
  }
  std::size_t open = 0;
  std::size_t own = 0;
  for (const auto& reader : readers_) {
    if (*reader->gone) continue;
    ++open;
    if (reader->identity.user == identity.user) ++own;
  }
  if (open >= options_.max_readers || own >= options_.max_readers_per_user) {
    return TooManyRequestsError("too many open timelines").WithRetryAfter(kComeBack);
  }
  return {};
}

void TimelineHub::Attach(const Identity& identity, std::optional<IncidentKey> only,
                         const std::optional<std::string>& last_id,
                         std::shared_ptr<http::StreamSink> sink) {
  auto reader = std::make_shared<Reader>();
  reader->identity = identity;
  reader->only = std::move(only);
  reader->sink = std::move(sink);
  reader->allowed_since = clock_.Monotonic();
  // The flag, not the hub: the reader may go when the hub has gone already, or while its lock is
  // held.
  reader->sink->OnClosed([gone = reader->gone] { *gone = true; });
  while (true) {
    std::set<std::string> unknown;
    {
      MutexLock lock(mu_);
      for (const auto& [key, incident] : incidents_) {
        if (!reader->allowed.contains(key.first)) unknown.insert(key.first);
      }
      if (unknown.empty()) {
        if (!reader->sink->Write(Greeting(*reader, last_id))) return;
        reader->position = position_;
        readers_.push_back(reader);
        if (!heartbeats_.joinable() && !stopping_) {
          heartbeats_ = std::thread([this] { RunHeartbeats(); });
        }
        changed_.NotifyAll();
        return;
      }
    }
    LearnRights(*reader, {unknown.begin(), unknown.end()});
  }
}

std::string TimelineHub::ReaderId(const Reader& reader) const {
  if (!reader.only) return position_.ToString();
  const auto known = incidents_.find(*reader.only);
  if (known == incidents_.end() || known->second.timeline.empty()) return "0";
  return std::to_string(known->second.timeline.back().sequence);
}

std::string TimelineHub::Greeting(const Reader& reader,
                                  const std::optional<std::string>& last_id) const {
  std::string out;
  bool truncated = false;
  std::size_t count = 0;
  std::optional<std::string> gap;
  if (last_id) gap = Replay(reader, *last_id);
  if (gap) {
    out += *gap;
  } else {
    if (last_id) {
      out += FormatSse("resync", "",
                       {{"reason", "what came after " + last_id->substr(0, 64) +
                                       " is not known any more; a snapshot follows"}});
    }
    out += Snapshot(reader, truncated, count);
  }
  const std::string id = ReaderId(reader);
  nlohmann::json synced = {{"serverTime", FormatTime(clock_.Now())}, {"lastSequence", id}};
  if (!gap) {
    synced["incidents"] = count;
    synced["truncated"] = truncated;
  }
  return out + FormatSse("synced", id, synced);
}

std::string TimelineHub::Snapshot(const Reader& reader, bool& truncated, std::size_t& count) const {
  std::vector<const IncidentView*> wanted;
  for (const auto& [key, incident] : incidents_) {
    if (Wants(reader, key)) wanted.push_back(&incident);
  }
  std::sort(wanted.begin(), wanted.end(), [](const IncidentView* a, const IncidentView* b) {
    return a->resource_version < b->resource_version;
  });
  truncated = wanted.size() > options_.max_snapshot;
  if (truncated) {
    wanted.erase(wanted.begin(), wanted.end() - static_cast<std::ptrdiff_t>(options_.max_snapshot));
  }
  count = wanted.size();
  std::string out;
  for (const IncidentView* incident : wanted) {
    out += FormatSse("snapshot", "", ToJson(*incident, true));
  }
  return out;
}

std::optional<std::string> TimelineHub::Replay(const Reader& reader,
                                               const std::string& last_id) const {
  std::string out;
  if (!reader.only) {
    const auto from = Position::Parse(last_id);
    if (!from || *from < floor_ || *from > position_) return std::nullopt;
    for (const Event& event : history_) {
      if (event.position > *from && Wants(reader, event.key)) {
        out += FormatSse(event.kind, event.position.ToString(), event.data);
      }
    }
    return out;
  }
  // The entries are stored with the incident: this holds across restarts too.
  const auto from = ParseSequence(last_id);
  const auto known = incidents_.find(*reader.only);
  if (!from || known == incidents_.end()) return std::nullopt;
  const IncidentView& incident = known->second;
  const std::int64_t first = incident.timeline.empty() ? 1 : incident.timeline.front().sequence;
  const std::int64_t last = incident.timeline.empty() ? 0 : incident.timeline.back().sequence;
  if (*from + 1 < first || *from > last) return std::nullopt;
  for (const TimelineEvent& entry : incident.timeline) {
    if (entry.sequence <= *from) continue;
    nlohmann::json data = ToJson(incident, false);
    data.update(ToJson(entry));
    data["incidentPhase"] = incident.phase;
    out += FormatSse("timeline", std::to_string(entry.sequence), data);
  }
  return out;
}

void TimelineHub::DropGoneReaders() {
  std::erase_if(readers_, [](const auto& reader) { return reader->gone->load(); });
}

void TimelineHub::RunHeartbeats() {
  MutexLock lock(mu_);
  MonoTime next = clock_.Monotonic() + options_.heartbeat;
  while (!stopping_) {
    if (readers_.empty()) {  // Nobody listens: no timer runs.
      clock_.WaitUntil(changed_, mu_, MonoTime::max());
      next = clock_.Monotonic() + options_.heartbeat;
      continue;
    }
    if (clock_.Monotonic() < next) {
      clock_.WaitUntil(changed_, mu_, next);
      continue;
    }
    next = clock_.Monotonic() + options_.heartbeat;
    for (const auto& reader : readers_) {
      const std::string id = ReaderId(*reader);
      const nlohmann::json data = {{"serverTime", FormatTime(clock_.Now())}, {"lastSequence", id}};
      if (!reader->sink->Write(FormatSse("heartbeat", id, data))) *reader->gone = true;
      if (clock_.Monotonic() - reader->allowed_since > kRightsLast) {
        reader->allowed.clear();  // Asked again at the next event.
        reader->allowed_since = clock_.Monotonic();
      }
    }
    DropGoneReaders();
  }
}

}  // namespace salve::edge
