// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/windows.h"

#include <algorithm>
#include <map>

#include "pkg/base/cron.h"
#include "pkg/base/time_format.h"

namespace salve::healing {
namespace {

// How often the search for the next opening may step from one closed span to the next.
constexpr int kMaxSteps = 64;
constexpr auto kHorizon = std::chrono::hours(366 * 24);

// A window with its rules read; `broken` says why they cannot be.
struct Parsed {
  const OwnedWindow* owned = nullptr;
  bool deny = true;
  Duration length{0};
  std::optional<Cron> cron;
  std::shared_ptr<const TimeZone> zone;
  std::string broken;
};

std::string NameOf(const v1::Window& window) {
  return window.name.empty() ? window.cron : window.name;
}

Parsed Parse(const OwnedWindow& owned, TimeZones& zones) {
  const v1::Window& window = owned.window;
  Parsed out;
  out.owned = &owned;
  out.deny = window.kind != "Allow";
  const std::int64_t year = 366LL * 24 * 3600;
  out.length = std::chrono::seconds(std::clamp<std::int64_t>(window.duration_seconds, 0, year));
  auto cron = Cron::Parse(window.cron);
  if (!cron.ok()) {
    out.broken = cron.status().message();
    return out;
  }
  auto zone = zones.Find(window.time_zone.empty() ? "UTC" : window.time_zone);
  if (!zone.ok()) {
    out.broken = zone.status().message();
    return out;
  }
  out.cron = std::move(cron).value();
  out.zone = std::move(zone).value();
  return out;
}

// When the span that is open at `at` ends; nullopt if none is.
std::optional<WallTime> OpenUntil(const Parsed& window, WallTime at) {
  const auto began = PrevFire(*window.cron, *window.zone, at);
  if (!began || at - *began >= window.length) return std::nullopt;
  return *began + window.length;
}

// One owner's or one window's "no" at a moment.
struct Denial {
  const Parsed* window = nullptr;
  std::optional<WallTime> ends_at;
};

std::vector<Denial> DenialsAt(const std::vector<Parsed>& windows, WallTime at) {
  std::vector<Denial> out;
  std::map<std::string, Denial> closed;  // owners with Allow windows of which none is open
  std::map<std::string, bool> open;
  for (const Parsed& window : windows) {
    if (!window.broken.empty()) {
      out.push_back({&window, std::nullopt});
    } else if (window.deny) {
      if (const auto until = OpenUntil(window, at)) out.push_back({&window, until});
    } else {
      const std::string& owner = window.owned->owner;
      open[owner] = open[owner] || OpenUntil(window, at).has_value();
      const auto next = NextFire(*window.cron, *window.zone, at);
      Denial& denial = closed[owner];
      const bool first = denial.window == nullptr;
      if (first || (next && (!denial.ends_at || *next < *denial.ends_at))) {
        denial = {&window, next};
      }
    }
  }
  for (const auto& [owner, denial] : closed) {
    if (!open[owner]) out.push_back(denial);
  }
  return out;
}

// Steps from closed span to closed span until nothing denies.
std::optional<WallTime> NextOpen(const std::vector<Parsed>& windows, WallTime now) {
  WallTime at = now;
  for (int i = 0; i < kMaxSteps; ++i) {
    const std::vector<Denial> denials = DenialsAt(windows, at);
    if (denials.empty()) return at;
    for (const Denial& denial : denials) {
      if (!denial.ends_at) return std::nullopt;
      at = std::max(at, *denial.ends_at);
    }
    if (at - now > kHorizon) return std::nullopt;
  }
  return std::nullopt;
}

std::string Describe(const Denial& denial) {
  const v1::Window& window = denial.window->owned->window;
  const std::string name = "window \"" + NameOf(window) + "\" of " + denial.window->owned->owner;
  if (!denial.window->broken.empty()) {
    return name + " cannot be evaluated (" + denial.window->broken + "), so nothing is done";
  }
  const std::string zone = window.time_zone.empty() ? "UTC" : window.time_zone;
  return denial.window->deny ? name + " denies acting now (" + zone + ")"
                             : "outside " + name + " (" + zone + ")";
}

}  // namespace

WindowView EvaluateWindows(const std::vector<OwnedWindow>& windows, TimeZones& zones,
                           WallTime now) {
  WindowView view;
  std::vector<Parsed> parsed;
  parsed.reserve(windows.size());
  for (const OwnedWindow& window : windows) parsed.push_back(Parse(window, zones));
  const std::vector<Denial> denials = DenialsAt(parsed, now);
  if (denials.empty()) {
    view.message = windows.empty() ? "no windows are set" : "no window denies acting now";
    return view;
  }
  view.allowed = false;
  view.owner = denials.front().window->owned->owner;
  view.window = NameOf(denials.front().window->owned->window);
  view.break_glass = std::all_of(denials.begin(), denials.end(), [](const Denial& denial) {
    return denial.window->broken.empty() && denial.window->owned->window.break_glass;
  });
  view.changes_at = NextOpen(parsed, now);
  for (const Denial& denial : denials) {
    view.message += (view.message.empty() ? "" : "; ") + Describe(denial);
  }
  return view;
}

}  // namespace salve::healing
