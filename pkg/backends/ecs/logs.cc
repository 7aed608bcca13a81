// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/logs.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "pkg/backends/text.h"
#include "pkg/base/json_access.h"

namespace salve::backends::ecs {
namespace {

using std::chrono::minutes;

constexpr minutes kWindow{15};
// CloudWatch gives the oldest first; of a service that writes much only a short window has its end
// within reach.
constexpr minutes kShortWindow{1};
constexpr int kMostPages = 8;
constexpr int kPageLines = 1000;
constexpr std::size_t kMostGroups = 3;
constexpr std::size_t kMaxLine = 1024;

// Where one container's lines are.
struct Place {
  std::string group;
  std::string stream_prefix;  // "" = the whole group
  auto operator<=>(const Place&) const = default;
};

struct Line {
  std::int64_t at = 0;  // milliseconds since 1970
  std::string text;
};

std::set<std::string> IllContainers(const Verdict& verdict) {
  std::set<std::string> names;
  for (const auto* ill : {&verdict.failed, &verdict.sick}) {
    for (const IllTask& one : *ill) {
      if (!one.illness.container.empty()) names.insert(one.illness.container);
    }
  }
  return names;
}

// An awslogs stream is named "<prefix>/<container>/<task id>".
std::vector<Place> PlacesOf(const TaskDefinition& definition, const std::set<std::string>& names) {
  std::vector<Place> places;
  for (const ContainerDefinition& c : definition.containers) {
    if (c.log_group.empty() || (!names.empty() && !names.contains(c.name))) continue;
    Place place{c.log_group, c.log_prefix.empty() ? "" : c.log_prefix + "/" + c.name + "/"};
    if (places.size() < kMostGroups &&
        std::find(places.begin(), places.end(), place) == places.end()) {
      places.push_back(std::move(place));
    }
  }
  return places;
}

std::int64_t Millis(WallTime t) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(t.time_since_epoch()).count();
}

// The last `max_lines` of a window. `complete`: its end was reached.
StatusOr<std::vector<Line>> ReadWindow(Api& api, const Place& place, WallTime from,
                                       std::size_t max_lines, bool* complete,
                                       const CallContext& context) {
  Json body = {{"logGroupName", place.group}, {"startTime", Millis(from)}, {"limit", kPageLines}};
  if (!place.stream_prefix.empty()) body["logStreamNamePrefix"] = place.stream_prefix;
  std::vector<Line> lines;
  *complete = false;
  for (int page = 0; page < kMostPages && !*complete; ++page) {
    SALVE_ASSIGN_OR_RETURN(const Json answer, api.Call(kFilterLogEvents, body, context));
    const Json* events = salve::Find(answer, {"events"});
    for (const Json& event : events != nullptr && events->is_array() ? *events : Json::array()) {
      lines.push_back(
          {GetInt(event, {"timestamp"}), Printable(Trim(GetString(event, {"message"})), kMaxLine)});
    }
    if (lines.size() > max_lines) {
      lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(max_lines));
    }
    // A page may be empty and yet be followed by another one.
    const std::string next = GetString(answer, {"nextToken"});
    *complete = next.empty();
    body["nextToken"] = next;
  }
  return lines;
}

StatusOr<std::vector<Line>> ReadPlace(Api& api, const Place& place, std::size_t max_lines,
                                      WallTime now, const CallContext& context) {
  bool complete = false;
  SALVE_ASSIGN_OR_RETURN(std::vector<Line> newest,
                         ReadWindow(api, place, now - kShortWindow, max_lines, &complete, context));
  if (newest.size() >= max_lines) return newest;
  SALVE_ASSIGN_OR_RETURN(std::vector<Line> all,
                         ReadWindow(api, place, now - kWindow, max_lines, &complete, context));
  return complete || newest.empty() ? all : newest;
}

std::string Sentence(const Place& place, const Status& why) {
  if (why.code() == Code::kNotFound) {
    return "(salve: no logs, there is no log group " + place.group + ")";
  }
  if (why.code() == Code::kPermissionDenied) {
    return "(salve: no logs, the right " + RightName(kFilterLogEvents) + " on log group " +
           place.group + " is missing)";
  }
  return "(salve: no logs of log group " + place.group + ": " + why.reason() + ")";
}

bool CanBeSaid(Code code) {
  return code == Code::kNotFound || code == Code::kPermissionDenied ||
         code == Code::kInvalidArgument;
}

}  // namespace

StatusOr<std::string> ReadLastWords(Api& api, const Seen& seen, WallTime now,
                                    const CallContext& context) {
  const auto& definition = seen.snapshot.definition;
  if (definition == nullptr || seen.verdict.failed.empty()) return std::string();
  const IllTask& newest = seen.verdict.failed.front();
  const ContainerDefinition* c = definition->Find(newest.illness.container);
  if (c == nullptr && definition->containers.size() == 1) c = &definition->containers.front();
  if (c == nullptr || c->log_group.empty()) return std::string();
  Place place{c->log_group, ""};
  if (!c->log_prefix.empty()) {
    place.stream_prefix = c->log_prefix + "/" + c->name + "/" + newest.task.Id();
  }
  bool complete = false;
  auto lines = ReadWindow(api, place, now - kWindow, 1, &complete, context);
  if (lines.ok()) return lines->empty() ? std::string() : lines->back().text;
  if (CanBeSaid(lines.code())) return Sentence(place, lines.status());
  return lines.status();
}

StatusOr<std::vector<std::string>> ReadLogs(Api& api, const Seen& seen, int max_lines, WallTime now,
                                            const CallContext& context) {
  const auto& definition = seen.snapshot.definition;
  if (definition == nullptr) {
    return std::vector<std::string>{"(salve: no logs, the task definition cannot be read)"};
  }
  std::vector<Place> places = PlacesOf(*definition, IllContainers(seen.verdict));
  if (places.empty()) places = PlacesOf(*definition, {});
  if (places.empty()) {
    return std::vector<std::string>{"(salve: no logs, no container of " + definition->Name() +
                                    " logs to CloudWatch)"};
  }
  const auto most = static_cast<std::size_t>(std::max(1, max_lines));
  std::vector<Line> lines;
  std::vector<std::string> out;
  for (const Place& place : places) {
    auto part = ReadPlace(api, place, most, now, context);
    if (part.ok()) {
      lines.insert(lines.end(), part->begin(), part->end());
    } else if (CanBeSaid(part.code())) {
      out.push_back(Sentence(place, part.status()));
    } else {
      return part.status();
    }
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const Line& a, const Line& b) { return a.at < b.at; });
  if (lines.size() > most) {
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
  }
  for (Line& line : lines) out.push_back(std::move(line.text));
  return out;
}

}  // namespace salve::backends::ecs
