// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_EDGE_TIMELINE_H_
#define SALVE_PKG_EDGE_TIMELINE_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace salve::edge {

// One entry of an incident's timeline. `phase` is one of thinking, command, executing, result,
// verifying, verification, complete, error. `sequence` counts from 1 per incident and is stored
// with it.
struct TimelineEvent {
  std::int64_t sequence = 0;
  std::string at;
  std::string phase;
  std::string message;
};

// What a person is asked to agree to; empty digest: nothing.
struct ProposalView {
  std::string digest;
  std::string step;
  std::string command;
  std::string expires_at;
};

// An incident as the edge shows it: values, taken from the resource by wiring.
struct IncidentView {
  std::string ns;
  std::string name;
  std::string uid;
  std::uint64_t resource_version = 0;
  std::string policy;
  std::string target;
  std::string severity;
  std::string phase;
  std::string outcome;
  std::string summary;
  ProposalView proposal;
  std::vector<TimelineEvent> timeline;  // in rising sequence, perhaps without its oldest entries
};

// A place in the stream of all incidents: the resourceVersion of the change that brought the event
// and its index in that change. Durable, because resourceVersions are: after a restart everything
// up to the version of the first list is unknown as a sequence, so that an older place gets a
// resync.
struct Position {
  std::uint64_t version = 0;
  std::uint32_t index = 0;
  auto operator<=>(const Position&) const = default;

  std::string ToString() const;  // "1234-0"
  static std::optional<Position> Parse(std::string_view text);
};

nlohmann::json ToJson(const TimelineEvent& event);
// With the timeline or without it.
nlohmann::json ToJson(const IncidentView& incident, bool with_timeline);

// One server-sent event. `id` is left out if empty. The data is one line of JSON.
std::string FormatSse(std::string_view event, std::string_view id, const nlohmann::json& data);

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_TIMELINE_H_
