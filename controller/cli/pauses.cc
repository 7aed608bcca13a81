// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/pauses.h"

#include "controller/cli/resources.h"

#include "pkg/base/time_format.h"

namespace salve::cli {
namespace {

constexpr char kPrefix[] = "cli-";
constexpr std::size_t kMaxName = 63;

bool IsOurs(const Json& pause) { return TextAt(pause, {"name"}).rfind(kPrefix, 0) == 0; }

}  // namespace

Json PausesOf(const Json& policy) {
  const auto spec = policy.find("spec");
  if (spec == policy.end() || !spec->is_object()) return Json::array();
  const auto pauses = spec->find("pauses");
  return pauses != spec->end() && pauses->is_array() ? *pauses : Json::array();
}

std::string PauseName(const std::string& user) {
  std::string name = kPrefix;
  for (const char c : user) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    name += plain ? lower : '-';
  }
  name.resize(std::min(name.size(), kMaxName));
  name.resize(name.find_last_not_of('-') + 1);
  return name.size() < sizeof(kPrefix) ? "cli-user" : name;
}

Json AddPause(Json pauses, const std::string& name, const std::string& reason,
              const std::string& until) {
  Json entry = {{"name", name}};
  if (!reason.empty()) entry["reason"] = reason;
  if (!until.empty()) entry["until"] = until;
  for (Json& pause : pauses) {
    if (TextAt(pause, {"name"}) != name) continue;
    pause = std::move(entry);
    return pauses;
  }
  pauses.push_back(std::move(entry));
  return pauses;
}

Json RemovePauses(const Json& pauses, const std::string& name) {
  Json rest = Json::array();
  for (const Json& pause : pauses) {
    const bool meant = name.empty() ? IsOurs(pause) : TextAt(pause, {"name"}) == name;
    if (!meant) rest.push_back(pause);
  }
  return rest;
}

std::vector<std::string> PausesInForce(const Json& pauses, WallTime now) {
  std::vector<std::string> out;
  for (const Json& pause : pauses) {
    const auto until = ParseTime(TextAt(pause, {"until"}));
    if (until && *until <= now) continue;
    const std::string reason = TextAt(pause, {"reason"});
    out.push_back("\"" + TextAt(pause, {"name"}) + "\"" +
                  (reason.empty() ? "" : " (" + reason + ")"));
  }
  return out;
}

}  // namespace salve::cli
