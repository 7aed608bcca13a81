// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/docker/events.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "pkg/backends/text.h"
#include "pkg/base/json_access.h"

namespace salve::backends::docker {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxLine = 64u << 10;

std::optional<Event> ParseEvent(std::string_view line) {
  const json value = json::parse(line, nullptr, false);
  if (value.is_discarded()) return std::nullopt;
  Event event;
  event.action = GetString(value, {"Action"});
  event.at = WallTime(Duration(GetInt(value, {"timeNano"})));
  const std::string type = GetString(value, {"Type"});
  if (type == "network" && event.action == "disconnect") {
    event.id = GetString(value, {"Actor", "Attributes", "container"});
    if (event.id.empty()) return std::nullopt;
    return event;
  }
  if (type != "container") return std::nullopt;
  event.action = event.action.substr(0, event.action.find(':'));
  event.id = GetString(value, {"Actor", "ID"});
  event.name = Printable(GetString(value, {"Actor", "Attributes", "name"}), 255);
  event.signal = GetString(value, {"Actor", "Attributes", "signal"});
  if (event.action.empty() || event.id.empty()) return std::nullopt;
  return event;
}

}  // namespace

std::string EventFilters() {
  static const std::string* const filters = new std::string(json{
      {"type", {"container", "network"}},
      {"event",
       {"create", "start", "die", "kill", "stop", "oom", "pause", "unpause", "destroy", "rename",
        "update", "health_status", "disconnect"}}}.dump());
  return *filters;
}

std::vector<Event> EventParser::Feed(std::string_view bytes) {
  std::vector<Event> events;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    if (!skipping_) open_.append(bytes.substr(0, end));
    if (open_.size() > kMaxLine) {
      skipping_ = true;
      open_.clear();
    }
    if (end == std::string_view::npos) break;
    if (!skipping_) {
      if (auto event = ParseEvent(open_)) events.push_back(*std::move(event));
    }
    open_.clear();
    skipping_ = false;
    bytes.remove_prefix(end + 1);
  }
  return events;
}

}  // namespace salve::backends::docker
