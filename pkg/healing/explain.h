// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_EXPLAIN_H_
#define SALVE_PKG_HEALING_EXPLAIN_H_

#include <string>
#include <string_view>
#include <vector>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/base/clock.h"
#include "pkg/healing/types.h"

namespace salve::healing {

// What `salve why` prints of an incident: where it stands, the diagnosis with its losers, the
// proposal, every gate with its value, until when, and what would unblock it. Lines without
// terminal control characters. `policy` may be null (deleted, or read from a file without it).
std::vector<std::string> Why(const v1::Incident& incident, const v1::HealingPolicy* policy,
                             WallTime now);

// A post-mortem in Markdown: what happened, timeline, diagnosis, attempts with their output,
// durations, approvals. Everything that came from outside is escaped.
std::string Report(const v1::Incident& incident);

// A confidence, 0..1, for people: "87 %".
std::string Percent(double confidence);

// Text from outside as one line of Markdown: control characters gone, markup escaped.
std::string EscapeMarkdown(std::string_view text);
// Text from outside for a terminal: control characters (also C1 and bidirectional ones) replaced.
std::string EscapeTerminal(std::string_view text);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_EXPLAIN_H_
