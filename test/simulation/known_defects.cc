// SPDX-License-Identifier: Apache-2.0
#include "test/simulation/known_defects.h"

#include <algorithm>

namespace salve::simulation {

using What = Accident::What;

const std::vector<KnownDefect>& KnownDefects() {
  static const auto* defects = new std::vector<KnownDefect>{
      {"clock-set-back",
       "after the calendar was set back, measurements count as old until it has caught up "
       "(healing::IndicatorTracker::Add), onsets lie after the ends of incidents (Correlate), and "
       "a cooldown is counted from an end on another clock (ReconcileRecords)",
       "--life auto --plan clock-back@w7",
       {What::kClockBack},
       ""},
      {"old-measurements",
       "the gate SignalStillActive and the look before an action go by what the probes found last, "
       "before the process stood still or died, or before another policy healed the target "
       "(IncidentRun::Observe): an action on a healthy target",
       "--life cooldown --plan crash-after@w10 --downtime 600",
       {},
       "the target has been well for a while"},
      {"relapse-while-away",
       "a target that was healed, and falls ill again before the policy's status says that it was "
       "well, stays ill for good: its illness counts as the one that the closed incident ended "
       "(Correlate goes by the onset, also after an outcome that was measured to be healthy)",
       "--life cooldown --plan crash-after@w16 --downtime 600",
       {},
       "no end after 100 minutes",
       "cooldown"},
      {"relapse-while-away",
       "the same",
       "--life same-problem --plan crash-after@w16 --downtime 600",
       {},
       "no end after 100 minutes",
       "same-problem"},
      {"relapse-while-away",
       "the same",
       "--life budget --plan crash-after@w16 --downtime 600",
       {},
       "no end after 100 minutes",
       "budget"},
      {"deleted-while-acting",
       "the attempt of an incident that is deleted while it runs counts as made, whether or not it "
       "reached the engine: its successor does not try the step again and a person is needed",
       "--life incident-deleted --plan lose-request@x1",
       {},
       "no end after 100 minutes",
       "incident-deleted"},
  };
  return *defects;
}

const KnownDefect* ExplainedBy(const Plan& plan, const Ending& ending) {
  const bool undisturbed = plan.accidents.empty() && plan.seed == 0;
  for (const KnownDefect& defect : KnownDefects()) {
    const std::string life = defect.life;
    if (life.empty() ? undisturbed : life != plan.life->name) continue;
    const auto& whats = defect.accidents;
    const bool accident =
        whats.empty() || std::any_of(plan.accidents.begin(), plan.accidents.end(), [&](auto& a) {
          return std::find(whats.begin(), whats.end(), a.what) != whats.end();
        });
    const bool sentence = std::any_of(
        ending.broken.begin(), ending.broken.end(),
        [&](const std::string& b) { return b.find(defect.sentence) != std::string::npos; });
    if (accident && sentence) return &defect;
  }
  return nullptr;
}

}  // namespace salve::simulation
