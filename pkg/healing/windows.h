// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_WINDOWS_H_
#define SALVE_PKG_HEALING_WINDOWS_H_

#include <optional>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/time_zone.h"
#include "pkg/healing/limits.h"

namespace salve::healing {

struct WindowView {
  bool allowed = true;
  std::string owner;         // of the window that decides
  std::string window;        // its name, or its cron expression
  bool break_glass = false;  // every window that denies may be overridden by an approval
  std::optional<WallTime>
      changes_at;  // when the answer may become "allowed"; nullopt: not within a year
  std::string message;
};
// Deny windows win. Allow windows of one owner are a union; if an owner has any, one of them must
// be open. Every owner (policy, each guardrail) must allow. A window that cannot be evaluated
// (unknown zone, bad cron) denies without break-glass: fail closed.
WindowView EvaluateWindows(const std::vector<OwnedWindow>& windows, TimeZones& zones, WallTime now);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_WINDOWS_H_
