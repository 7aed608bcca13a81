// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/timeline.h"

#include <charconv>

namespace salve::edge {
namespace {

template <typename Int>
bool ParseWhole(std::string_view text, Int& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

std::string Position::ToString() const {
  return std::to_string(version) + "-" + std::to_string(index);
}

std::optional<Position> Position::Parse(std::string_view text) {
  const std::size_t dash = text.find('-');
  Position out;
  if (dash == std::string_view::npos || !ParseWhole(text.substr(0, dash), out.version) ||
      !ParseWhole(text.substr(dash + 1), out.index)) {
    return std::nullopt;
  }
  return out;
}

nlohmann::json ToJson(const TimelineEvent& event) {
  return {{"sequence", event.sequence},
          {"at", event.at},
          {"phase", event.phase},
          {"message", event.message}};
}

nlohmann::json ToJson(const IncidentView& incident, bool with_timeline) {
  nlohmann::json out = {{"namespace", incident.ns},
                        {"name", incident.name},
                        {"uid", incident.uid},
                        {"resourceVersion", std::to_string(incident.resource_version)},
                        {"policy", incident.policy},
                        {"target", incident.target},
                        {"severity", incident.severity},
                        {"phase", incident.phase},
                        {"outcome", incident.outcome},
                        {"summary", incident.summary}};
  if (!incident.proposal.digest.empty()) {
    out["proposal"] = {{"digest", incident.proposal.digest},
                       {"step", incident.proposal.step},
                       {"command", incident.proposal.command},
                       {"expiresAt", incident.proposal.expires_at}};
  }
  if (with_timeline) {
    auto& entries = out["timeline"] = nlohmann::json::array();
    for (const TimelineEvent& event : incident.timeline) entries.push_back(ToJson(event));
  }
  return out;
}

std::string FormatSse(std::string_view event, std::string_view id, const nlohmann::json& data) {
  std::string out = "event: ";
  out += event;
  if (!id.empty()) {
    out += "\nid: ";
    out += id;
  }
  // dump() writes control characters as escapes: the data cannot end the line and start a field.
  out += "\ndata: " + data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n\n";
  return out;
}

}  // namespace salve::edge
