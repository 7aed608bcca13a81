// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_REPLAY_RUN_H_
#define SALVE_CONTROLLER_REPLAY_RUN_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/replay/replay.h"

namespace salve::replay {

// One replay: time, records and targets' next wakes in run.cc, the life of an incident in
// life.cc. Used once, by one thread.
class ReplayRun {
 public:
  // `input` outlives it.
  explicit ReplayRun(const ReplayInput& input);
  StatusOr<ReplayResult> Run();

 private:
  using Place = std::pair<std::size_t, std::size_t>;  // policy, target
  // What an alert concerns, by policy and trigger.
  struct Hit {
    std::size_t policy = 0;
    healing::TriggerSet::Match match;
    std::vector<std::size_t> targets;
  };
  struct Wake {
    WallTime at;
    Place place;
    bool operator>(const Wake& other) const {
      return at != other.at ? at > other.at : place > other.place;
    }
  };

  // --- before time begins (run.cc)
  Status Prepare();
  Status FindTargets();
  void MatchTexts();
  void PlanIllnesses();
  StatusOr<std::size_t> AddTarget(std::size_t policy, const healing::v1::TargetRef& ref);
  // The policies that would have looked after it, and why not if there is none.
  std::vector<std::size_t> PoliciesOf(const healing::v1::Incident& incident,
                                      std::string& why) const;
  bool OpenTo(const std::string& receiver, const std::string& ns) const;

  // --- time (run.cc)
  Status Play();
  Status PlayRecords();
  Status PlayAlert(const RecordedAlert& alert);
  UnmatchedRecord* UnmatchedOf(const RecordedAlert& one);
  Status PlayIncident(std::size_t index);
  Status PlayWakes(WallTime until);
  // Looks at one target as its reconcile would, then at those whose wait that may have ended.
  Status Look(const Place& place);
  Status LookOnce(const Place& place);
  void Settle(ReplayPolicy& policy, ReplayTarget& target);
  Status OpenIncident(const Place& place, const healing::TargetHealth& health);
  void PlanWake(const Place& place);
  void WakeBlocked(std::size_t policy);
  static bool MayGoOn(const ReplayPolicy& policy, const ReplayTarget& target);

  // --- the life of an incident (life.cc)
  Status Drive(const Place& place);
  // True: nothing more happens now.
  StatusOr<bool> Step(const healing::Next& next);
  void Diagnose();
  Status Propose(const healing::Next& next);
  void EvaluateGates();
  Status Execute();
  Status Reserve(const healing::v1::Step& step, const std::string& attempt_id);
  void Verify(const std::string& attempt_id);
  void VerifyUndo(const std::string& attempt_id);
  void Close(const healing::Next& next);
  void Forget();
  void Tell(ReplayDecision decision);
  ReplayDecision Decide(ReplayDecision::Kind kind) const;
  runtime::DryFacts Facts() const;
  std::vector<healing::DependencyState> Dependencies(const ReplayPolicy& policy) const;
  std::vector<std::string> Running() const;
  healing::FreshCheck Check(bool good) const;
  void Heal(ReplayTarget& target) const;
  healing::EffectiveLimits LimitsOf(const ReplayPolicy& policy);
  std::vector<healing::v1::HealingGuardrail*> GuardrailsOf(const ReplayPolicy& policy);

  StatusOr<ReplayResult> Finish();

  const ReplayInput& input_;
  const Record& record_;
  std::vector<healing::v1::HealingGuardrail> guardrails_;  // with what was spent under them
  std::vector<std::unique_ptr<ReplayPolicy>> policies_;
  std::vector<std::vector<Hit>> hits_;  // by text
  std::vector<std::string> misses_;     // by text: why nothing was hit
  // By recorded incident: where it is played, and when it ends by itself there.
  std::vector<std::vector<std::pair<Place, std::optional<WallTime>>>> illnesses_;
  std::size_t targets_ = 0;

  WallTime now_;
  std::priority_queue<Wake, std::vector<Wake>, std::greater<>> wakes_;
  std::deque<Place> again_;
  std::set<Place> queued_;
  std::int64_t looks_ = 0;
  ReplayResult result_;
  // Texts that nothing was hit by, and their labels → index into result_.unmatched.
  std::map<std::size_t, std::size_t> unmatched_;
  std::map<std::pair<std::string, std::map<std::string, std::string>>, std::size_t>
      unmatched_labels_;

  // Of the incident that is driven.
  Place place_;
  ReplayPolicy* policy_ = nullptr;
  ReplayTarget* target_ = nullptr;
  healing::EffectiveLimits limits_;
  healing::IncidentView view_;
  std::optional<healing::TargetObservation> observation_;
  const healing::v1::Step* step_ = nullptr;
  std::optional<healing::ActionPlan> plan_;
  std::optional<WallTime> next_;  // when the incident looks again by itself
};

}  // namespace salve::replay

#endif  // SALVE_CONTROLLER_REPLAY_RUN_H_
