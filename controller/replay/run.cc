// SPDX-License-Identifier: Apache-2.0
#include "controller/replay/run.h"

#include <algorithm>
#include <tuple>

#include "pkg/apis/config/v1alpha1/namespaces.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/files.h"
#include "pkg/healing/signals.h"

namespace salve::replay {
namespace {

namespace v1 = healing::v1;
using healing::HealthState;

constexpr std::size_t kMaxTargets = 10'000;
constexpr std::size_t kMaxIncidents = 50'000;
constexpr std::int64_t kMaxLooks = 5'000'000;
constexpr std::size_t kMaxUnmatched = 1000;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);
// The target of a policy that selects, where the record names none.
constexpr char kSomeTarget[] = "(selected)";
// An illness that Salve ended then is over by itself just before the next one began.
constexpr std::chrono::milliseconds kJustBefore{1};

Status TooMuch(const std::string& what) {
  return InvalidArgumentError("more than " + what +
                              "; replay a part of it with --from and --to, or with fewer policies");
}

std::string NameOf(const AlertText& text) {
  const auto it = text.labels.find("alertname");
  return it != text.labels.end() ? it->second : text.labels.begin()->second;
}

// Whether the recorded end was no doing of Salve's.
bool EndedByItself(const v1::Incident& incident) {
  const std::string& outcome = incident.status.outcome;
  return outcome == healing::kSelfResolved || outcome == healing::kSuppressed ||
         outcome == healing::kEscalated;
}

// Whether the policy would have taken notice of what the incident says it is from.
bool Notices(const v1::HealingPolicySpec& spec, const v1::Trigger& trigger) {
  if (trigger.source == healing::kSourceProbe) {
    const std::string name = trigger.name.substr(0, trigger.name.find('/'));
    return std::any_of(spec.probes.begin(), spec.probes.end(),
                       [&](const v1::Probe& probe) { return probe.name == name; });
  }
  const bool by_trigger =
      trigger.source == healing::kSourceFile && trigger.name != healing::kTriggerRequested;
  if (trigger.source == healing::kSourceAlert || by_trigger) {
    return std::any_of(spec.triggers.begin(), spec.triggers.end(),
                       [&](const v1::PolicyTrigger& one) { return one.name == trigger.name; });
  }
  return true;
}

}  // namespace

ReplayRun::ReplayRun(const ReplayInput& input)
    : input_(input), record_(input.record), guardrails_(input.guardrails) {
  for (v1::HealingGuardrail& guardrail : guardrails_) guardrail.status = {};
  for (v1::HealingPolicy policy : input.policies) {
    policy.status = {};
    policy.metadata.uid = "replay/" + policy.metadata.ns + "/" + policy.metadata.name;
    policy.metadata.generation = 1;
    policies_.push_back(std::make_unique<ReplayPolicy>(std::move(policy)));
  }
  std::sort(policies_.begin(), policies_.end(),
            [](const auto& a, const auto& b) { return a->key < b->key; });
}

StatusOr<ReplayResult> ReplayRun::Run() {
  SALVE_RETURN_IF_ERROR(Prepare());
  SALVE_RETURN_IF_ERROR(Play());
  return Finish();
}

// --- before time begins
// -----------------------------------------------------------------------------------------

Status ReplayRun::Prepare() {
  for (std::size_t i = 0; i < policies_.size(); ++i) {
    for (const v1::PolicyDependency& dependency : policies_[i]->object.spec.depends_on) {
      const std::string key = policies_[i]->object.metadata.ns + "/" + dependency.policy;
      for (const auto& other : policies_) {
        if (other->key == key) other->dependents.push_back(i);
      }
    }
    if (policies_[i]->named) {
      SALVE_RETURN_IF_ERROR(AddTarget(i, *policies_[i]->named).status());
    }
  }
  MatchTexts();
  SALVE_RETURN_IF_ERROR(FindTargets());
  PlanIllnesses();
  result_.from = record_.First();
  result_.to = record_.Last();
  result_.until = input_.until.value_or(result_.to + kReplayTail);
  return Status::Ok();
}

bool ReplayRun::OpenTo(const std::string& receiver, const std::string& ns) const {
  const auto it = input_.receiver_namespaces.find(receiver);
  return it == input_.receiver_namespaces.end() || apis::config::v1alpha1::OpensTo(it->second, ns);
}

// Once for each alert, however often it came.
void ReplayRun::MatchTexts() {
  hits_.resize(record_.texts.size());
  misses_.resize(record_.texts.size());
  for (std::size_t text = 0; text < record_.texts.size(); ++text) {
    const healing::Alert alert = record_.AlertOf({{}, {}, text, true, true});
    for (std::size_t i = 0; i < policies_.size(); ++i) {
      const ReplayPolicy& policy = *policies_[i];
      const auto matches = policy.triggers.Matching(alert);
      if (matches.empty()) continue;
      const std::string& ns = policy.object.metadata.ns;
      if (!OpenTo(alert.receiver, ns)) {
        misses_[text] = "receiver " + alert.receiver + " is not open to namespace " + ns;
        continue;
      }
      for (const auto& match : matches) {
        if (policy.named && !match.target.empty() && match.target != policy.named->name) {
          misses_[text] = "trigger " + match.trigger + " of " + policy.key + " fits, but \"" +
                          match.target + "\" is not its target";
          continue;
        }
        hits_[text].push_back({i, match, {}});
      }
    }
    if (hits_[text].empty() && misses_[text].empty()) misses_[text] = "no trigger fits";
  }
}

StatusOr<std::size_t> ReplayRun::AddTarget(std::size_t policy, const v1::TargetRef& ref) {
  ReplayPolicy& owner = *policies_[policy];
  const auto [it, fresh] = owner.by_name.try_emplace(ref.name, owner.targets.size());
  if (!fresh) return it->second;
  if (++targets_ > kMaxTargets) return TooMuch(std::to_string(kMaxTargets) + " targets");
  auto target = std::make_unique<ReplayTarget>();
  target->ref = ref;
  target->view.metadata = owner.object.metadata;
  target->view.spec.triggers = owner.object.spec.triggers;
  owner.targets.push_back(std::move(target));
  return it->second;
}

std::vector<std::size_t> ReplayRun::PoliciesOf(const v1::Incident& incident,
                                               std::string& why) const {
  std::vector<std::size_t> out;
  why = "no policy names its target";
  for (std::size_t i = 0; i < policies_.size(); ++i) {
    const ReplayPolicy& policy = *policies_[i];
    const bool own = policy.object.metadata.name == incident.spec.policy_ref.name &&
                     policy.object.metadata.ns == incident.metadata.ns;
    const bool about = policy.named ? *policy.named == incident.spec.target : own;
    if (!about) {
      if (own) why = "policy " + policy.key + " has another target";
      continue;
    }
    if (!Notices(policy.object.spec, incident.spec.trigger)) {
      why = "policy " + policy.key + " has no " +
            (incident.spec.trigger.source == healing::kSourceProbe ? "probe" : "trigger") + " " +
            incident.spec.trigger.name;
      continue;
    }
    out.push_back(i);
  }
  return out;
}

Status ReplayRun::FindTargets() {
  illnesses_.resize(record_.incidents.size());
  for (std::size_t n = 0; n < record_.incidents.size(); ++n) {
    const RecordedIncident& one = record_.incidents[n];
    std::string why;
    for (const std::size_t i : PoliciesOf(one.incident, why)) {
      SALVE_ASSIGN_OR_RETURN(const std::size_t target, AddTarget(i, one.incident.spec.target));
      illnesses_[n].emplace_back(Place{i, target}, std::nullopt);
    }
    if (!illnesses_[n].empty() || result_.unmatched.size() >= kMaxUnmatched) continue;
    result_.unmatched.push_back(
        {"incident",
         one.incident.metadata.name,
         {{"target", one.incident.spec.target.name}, {"trigger", one.incident.spec.trigger.name}},
         "",
         why,
         1,
         one.at,
         one.at});
  }
  for (std::vector<Hit>& hits : hits_) {
    for (Hit& hit : hits) {
      if (hit.match.target.empty() || policies_[hit.policy]->named) continue;
      SALVE_RETURN_IF_ERROR(
          AddTarget(hit.policy, SelectedTarget(policies_[hit.policy]->object, hit.match.target))
              .status());
    }
  }
  // All targets are known now.
  for (std::vector<Hit>& hits : hits_) {
    for (Hit& hit : hits) {
      ReplayPolicy& policy = *policies_[hit.policy];
      if (policy.targets.empty()) {
        SALVE_RETURN_IF_ERROR(
            AddTarget(hit.policy, SelectedTarget(policy.object, kSomeTarget)).status());
      }
      for (std::size_t i = 0; i < policy.targets.size(); ++i) {
        const std::string& name = policy.targets[i]->ref.name;
        if (hit.match.target.empty() || hit.match.target == name) hit.targets.push_back(i);
      }
    }
  }
  return Status::Ok();
}

// When each recorded illness ends if replay does nothing about it.
void ReplayRun::PlanIllnesses() {
  std::map<Place, std::vector<std::size_t>> by_place;
  for (std::size_t n = 0; n < illnesses_.size(); ++n) {
    for (const auto& [place, end] : illnesses_[n]) by_place[place].push_back(n);
  }
  for (const auto& [place, all] : by_place) {
    for (std::size_t k = 0; k < all.size(); ++k) {
      const v1::Incident& incident = record_.incidents[all[k]].incident;
      std::optional<WallTime> ends;
      if (EndedByItself(incident)) ends = ParseTime(incident.status.resolved_at);
      const auto resolved = ParseTime(incident.status.resolved_at);
      // One that began before this one was over is the same illness.
      for (std::size_t next = k + 1; !ends && resolved && next < all.size(); ++next) {
        const WallTime onset = record_.incidents[all[next]].onset;
        if (onset > *resolved) ends = onset - kJustBefore;
      }
      for (auto& [where, end] : illnesses_[all[k]]) {
        if (where == place) end = ends;
      }
    }
  }
}

// --- time
// -------------------------------------------------------------------------------------------------------

Status ReplayRun::Play() {
  SALVE_RETURN_IF_ERROR(PlayRecords());
  return PlayWakes(result_.until);
}

Status ReplayRun::PlayRecords() {
  std::size_t alert = 0;
  std::size_t incident = 0;
  while (alert < record_.alerts.size() || incident < record_.incidents.size()) {
    // Of the same moment the alert is first: the incident came of it.
    const bool alert_first = incident == record_.incidents.size() ||
                             (alert < record_.alerts.size() &&
                              record_.alerts[alert].at <= record_.incidents[incident].at);
    const WallTime at = alert_first ? record_.alerts[alert].at : record_.incidents[incident].at;
    SALVE_RETURN_IF_ERROR(PlayWakes(at));
    now_ = at;
    SALVE_RETURN_IF_ERROR(alert_first ? PlayAlert(record_.alerts[alert++])
                                      : PlayIncident(incident++));
  }
  return Status::Ok();
}

Status ReplayRun::PlayAlert(const RecordedAlert& one) {
  const std::vector<Hit>& hits = hits_[one.text];
  if (hits.empty()) {
    if (!one.firing) return Status::Ok();
    UnmatchedRecord* known = UnmatchedOf(one);
    if (known == nullptr) return Status::Ok();
    ++known->count;
    known->last = one.at;
    return Status::Ok();
  }
  const healing::Alert alert = record_.AlertOf(one);
  for (const Hit& hit : hits) {
    bool changed = false;
    for (const std::size_t i : hit.targets) {
      ReplayTarget& target = *policies_[hit.policy]->targets[i];
      const auto effect =
          healing::ApplyAlert(target.view.status.signals, hit.match, alert, 0, now_);
      if (effect.change != healing::SignalChange::kChanged) continue;
      changed = true;
      SALVE_RETURN_IF_ERROR(Look({hit.policy, i}));
    }
    if (changed) ++policies_[hit.policy]->signals;
  }
  return Status::Ok();
}

// One entry for each set of labels; nullptr: there are too many.
UnmatchedRecord* ReplayRun::UnmatchedOf(const RecordedAlert& one) {
  const auto [entry, fresh] = unmatched_.try_emplace(one.text, result_.unmatched.size());
  if (!fresh) {
    return entry->second < result_.unmatched.size() ? &result_.unmatched[entry->second] : nullptr;
  }
  const AlertText& text = record_.texts[one.text];
  const auto [same, first] =
      unmatched_labels_.try_emplace({text.receiver, text.labels}, result_.unmatched.size());
  entry->second = same->second;
  if (!first) return UnmatchedOf(one);
  if (result_.unmatched.size() >= kMaxUnmatched) {
    entry->second = same->second = kNone;
    return nullptr;
  }
  result_.unmatched.push_back(
      {"alert", NameOf(text), text.labels, text.receiver, misses_[one.text], 0, one.at, one.at});
  return &result_.unmatched.back();
}

Status ReplayRun::PlayIncident(std::size_t index) {
  for (const auto& [place, ends] : illnesses_[index]) {
    ReplayTarget& target = *policies_[place.first]->targets[place.second];
    const RecordedIncident& one = record_.incidents[index];
    // What an earlier action of this replay has healed already: the record goes on without it.
    const auto healed = target.closed ? ParseTime(target.closed->status.resolved_at) : std::nullopt;
    if (!target.open && healed && one.onset <= *healed) continue;
    target.illnesses.push_back({&one, ends});
    target.recorded = &one;
    if (target.open) {
      ReplayedIncident& report = result_.incidents[target.report];
      if (report.recorded.empty()) {
        report.recorded = one.incident.metadata.name;
        report.recorded_outcome = one.incident.status.outcome;
      }
    }
    SALVE_RETURN_IF_ERROR(Look(place));
  }
  return Status::Ok();
}

Status ReplayRun::PlayWakes(WallTime until) {
  while (!wakes_.empty() && wakes_.top().at <= until) {
    const Wake wake = wakes_.top();
    wakes_.pop();
    ReplayTarget& target = *policies_[wake.place.first]->targets[wake.place.second];
    if (target.wake != wake.at) continue;  // another one was planned since
    target.wake.reset();
    now_ = std::max(now_, wake.at);
    SALVE_RETURN_IF_ERROR(Look(wake.place));
  }
  return Status::Ok();
}

Status ReplayRun::Look(const Place& place) {
  SALVE_RETURN_IF_ERROR(LookOnce(place));
  while (!again_.empty()) {
    const Place next = again_.front();
    again_.pop_front();
    queued_.erase(next);
    const ReplayPolicy& policy = *policies_[next.first];
    const ReplayTarget& target = *policy.targets[next.second];
    if (target.open && !MayGoOn(policy, target)) continue;
    SALVE_RETURN_IF_ERROR(LookOnce(next));
  }
  return Status::Ok();
}

// Signals and illnesses that are over by now.
void ReplayRun::Settle(ReplayPolicy& policy, ReplayTarget& target) {
  (void)healing::SettleSignals(target.view.spec, input_.clears, policy.object.status.actions,
                               policy.targets.size(), now_, target.view.status.signals);
  std::erase_if(target.illnesses, [&](const RecordedIllness& illness) {
    return illness.ends && *illness.ends <= now_;
  });
}

Status ReplayRun::LookOnce(const Place& place) {
  if (++looks_ > kMaxLooks) return TooMuch(std::to_string(kMaxLooks) + " decisions");
  ReplayPolicy& policy = *policies_[place.first];
  ReplayTarget& target = *policy.targets[place.second];
  Settle(policy, target);
  const healing::TargetHealth health = healing::CombineHealth(
      ReplayObservation(target, now_), ReplayIndicators(policy, target, input_.clears, now_));
  const bool ill = health.state == HealthState::kUnhealthy;
  if (ill != target.ill) {
    target.ill = ill;
    policy.unhealthy += ill ? 1 : -1;
    for (const std::size_t dependent : policy.dependents) WakeBlocked(dependent);
    if (!ill) WakeBlocked(place.first);
  }
  next_.reset();
  if (!target.open && health.state != HealthState::kHealthy) {
    SALVE_RETURN_IF_ERROR(OpenIncident(place, health));
  } else if (target.open && ill) {
    v1::IncidentStatus& status = target.open->status;
    const auto last = ParseTime(status.last_occurrence);
    if (last && health.since > *last) {
      healing::ApplyOccurrence(status, health.message, health.since);
    }
  }
  if (target.open) SALVE_RETURN_IF_ERROR(Drive(place));
  const bool acting = target.open && healing::IsActing(target.open->status);
  if (acting != target.acting) policy.acting += acting ? 1 : -1;
  target.acting = acting;
  PlanWake(place);
  return Status::Ok();
}

Status ReplayRun::OpenIncident(const Place& place, const healing::TargetHealth& health) {
  ReplayPolicy& policy = *policies_[place.first];
  ReplayTarget& target = *policy.targets[place.second];
  const auto signals = healing::SignalsOf(target.ref, health, ReplayObservation(target, now_));
  if (signals.empty()) return Status::Ok();
  const healing::Signal& signal = signals.front();
  const v1::HealingPolicy& object = policy.object;
  const std::string fingerprint = healing::Fingerprint(
      object.metadata.uid, {object.metadata.ns, object.metadata.name}, target.ref);
  std::vector<const v1::Incident*> known;
  if (target.closed) known.push_back(&*target.closed);
  const healing::Correlation correlation = healing::Correlate(signal, object, fingerprint, known);
  if (correlation.kind != healing::Correlation::Kind::kOpen) return Status::Ok();
  if (result_.incidents.size() >= kMaxIncidents) {
    return TooMuch(std::to_string(kMaxIncidents) + " incidents");
  }
  target.open = healing::MakeIncident(object, signal, fingerprint, correlation.occurrence);
  target.open->metadata.uid = target.open->metadata.name;
  target.open->metadata.creation_timestamp = FormatTime(now_);
  target.report = result_.incidents.size();
  target.blocked_by.clear();
  ReplayedIncident report;
  report.policy = policy.key;
  report.target = target.ref.name;
  report.at = now_;
  report.trigger = signal.source + "/" + signal.kind;
  report.message = signal.message;
  if (!target.illnesses.empty()) {
    const v1::Incident& recorded = target.illnesses.back().record->incident;
    report.recorded = recorded.metadata.name;
    report.recorded_outcome = recorded.status.outcome;
  }
  result_.incidents.push_back(std::move(report));
  return Status::Ok();
}

void ReplayRun::PlanWake(const Place& place) {
  const ReplayPolicy& policy = *policies_[place.first];
  ReplayTarget& target = *policy.targets[place.second];
  std::optional<WallTime> wake;
  const auto consider = [&](std::optional<WallTime> at) {
    if (at && *at > now_ && (!wake || *at < *wake)) wake = at;
  };
  consider(next_);
  consider(healing::NextSignalChange(target.view, input_.clears, now_));
  for (const RecordedIllness& illness : target.illnesses) consider(illness.ends);
  target.wake = wake;
  if (wake) wakes_.push({*wake, place});
}

// What waits for something else than time may go on when others of the policy, or those that it
// depends on, have changed.
void ReplayRun::WakeBlocked(std::size_t policy) {
  for (std::size_t i = 0; i < policies_[policy]->targets.size(); ++i) {
    const ReplayTarget& target = *policies_[policy]->targets[i];
    if (!target.open || target.blocked_by.empty()) continue;
    if (queued_.insert({policy, i}).second) again_.emplace_back(policy, i);
  }
}

// Whether a look is worth it: where many wait for one thing, most of them go on waiting.
bool ReplayRun::MayGoOn(const ReplayPolicy& policy, const ReplayTarget& target) {
  const v1::PolicyGuardrails& guardrails = policy.object.spec.guardrails;
  for (const std::string& gate : target.blocked_by) {
    if (gate == healing::kGateConcurrency &&
        policy.acting >= std::max<std::int64_t>(1, guardrails.max_concurrent)) {
      return false;
    }
    const auto total = static_cast<std::int64_t>(policy.targets.size());
    if (gate == healing::kGateStorm &&
        healing::EvaluateStorm(guardrails, total, policy.unhealthy).active) {
      return false;
    }
  }
  return true;
}

StatusOr<ReplayResult> ReplayRun::Finish() {
  result_.alerts = static_cast<std::int64_t>(record_.alerts.size());
  result_.incidents_read = static_cast<std::int64_t>(record_.incidents.size());
  result_.scheduled = record_.scheduled;
  result_.outside = record_.outside;
  result_.out_of_order = record_.out_of_order;
  result_.others = record_.others;
  result_.notes = record_.notes;
  for (const auto& policy : policies_) {
    result_.policies.push_back({policy->key, LimitsOf(*policy).mode, policy->signals});
    for (const auto& target : policy->targets) {
      if (target->open) {
        result_.incidents[target->report].occurrences = target->open->status.occurrences;
      }
    }
  }
  const auto order = [](const auto& one) { return std::tie(one.at, one.policy, one.target); };
  std::stable_sort(result_.incidents.begin(), result_.incidents.end(),
                   [&](const auto& a, const auto& b) { return order(a) < order(b); });
  std::stable_sort(result_.unmatched.begin(), result_.unmatched.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  return std::move(result_);
}

const std::vector<std::string>& ReplayAssumptions() {
  static const std::vector<std::string> kAssumptions = {
      "an action heals its target, and it stays well until something new is recorded",
      "it fails only where the record says that it was tried on this illness and did not help",
      "nobody approves, rejects or cancels anything",
      "every target exists, and its backend answers",
      "only targets that the record names are ill; a policy that selects has no others",
      "an illness lasts as recorded",
      "one that Salve ended then lasts until replay ends it or the target's next one begins",
      "of the evidence of a recorded diagnosis, what was not kept was as its rule asks for",
      "risk is that of the action and the policy, and at least what was recorded for it",
      "budgets, cooldowns and breakers begin empty",
  };
  return kAssumptions;
}

StatusOr<ReplayResult> Replay(const ReplayInput& input) { return ReplayRun(input).Run(); }

}  // namespace salve::replay
