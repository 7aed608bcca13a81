// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/alert_intake.h"

#include "pkg/apis/config/v1alpha1/namespaces.h"
#include "pkg/base/log.h"

namespace salve::runtime {
namespace {

namespace v1 = apis::salve::v1alpha1;
using apis::config::v1alpha1::OpensTo;
using healing::SignalChange;

constexpr std::size_t kMaxAbsorbed = 100'000;

}  // namespace

healing::ClearsAfter ClearsAfterOf(
    const std::vector<apis::config::v1alpha1::ReceiverConfiguration>& receivers) {
  healing::ClearsAfter clears;
  for (const auto& receiver : receivers) {
    const std::string& kind = receiver.kind;
    const bool told = kind == "alertmanager" || kind == "github" || kind == "sns";
    clears[receiver.name] = told ? 0 : healing::kDefaultClearsAfterSeconds;
  }
  return clears;
}

void PolicyAlertIntake::Watch(const std::shared_ptr<PolicyAlertIntake>& self) {
  self->shell_.policies.AddHandler(
      [self](const engine::Change<v1::HealingPolicy>& change) { self->OnChange(change); });
}

void PolicyAlertIntake::OnChange(const engine::Change<v1::HealingPolicy>& change) {
  const Name& name = change.header.name;
  MutexLock lock(mu_);
  if (change.after == nullptr || change.after->spec.triggers.empty()) {
    if (listeners_.erase(name) > 0) snapshot_.reset();
    return;
  }
  const auto& metadata = change.after->metadata;
  Listener& listener = listeners_[name];
  if (listener.triggers != nullptr && listener.uid == metadata.uid &&
      listener.generation == metadata.generation) {
    return;
  }
  listener = {metadata.uid, metadata.generation,
              std::make_shared<const healing::TriggerSet>(change.after->spec)};
  snapshot_.reset();
}

std::shared_ptr<const PolicyAlertIntake::Listeners> PolicyAlertIntake::Snapshot() {
  MutexLock lock(mu_);
  if (snapshot_ == nullptr) snapshot_ = std::make_shared<const Listeners>(listeners_);
  return snapshot_;
}

StatusOr<edge::IntakeResult> PolicyAlertIntake::Take(
    const apis::config::v1alpha1::ReceiverConfiguration& receiver,
    const std::vector<healing::Alert>& alerts) {
  const std::shared_ptr<const Listeners> listeners = Snapshot();
  std::vector<bool> matched(alerts.size(), false);
  std::vector<bool> refused(alerts.size(), false);
  for (const auto& [name, listener] : *listeners) {
    if (listener.triggers->empty() || !OpensTo(receiver.allowed_namespaces, name.ns)) continue;
    std::vector<Letter> letters;
    for (std::size_t i = 0; i < alerts.size(); ++i) {
      for (auto& match : listener.triggers->Matching(alerts[i])) {
        letters.push_back({i, std::move(match)});
        matched[i] = true;
      }
    }
    if (letters.empty()) continue;
    const auto stored = Write(name, letters, alerts);
    if (stored.code() == Code::kNotFound) {  // it was deleted meanwhile
      for (const Letter& letter : letters) matched[letter.alert] = false;
      continue;
    }
    if (!stored.ok()) return stored.status().Annotate("policy " + name.ToString());
    for (std::size_t i = 0; i < letters.size(); ++i) {
      if (!(*stored)[i]) refused[letters[i].alert] = true;
    }
  }
  edge::IntakeResult result;
  for (std::size_t i = 0; i < alerts.size(); ++i) {
    if (matched[i]) ++result.matched;
    if (matched[i] && refused[i]) ++result.refused;
    if (!matched[i]) result.unmatched.push_back(alerts[i]);
  }
  return result;
}

StatusOr<std::int64_t> PolicyAlertIntake::TakePullRequest(
    const apis::config::v1alpha1::ReceiverConfiguration& receiver,
    const edge::PullRequestNews& news) {
  return pull_requests_.Take(
      news, [&](const std::string& ns) { return OpensTo(receiver.allowed_namespaces, ns); });
}

StatusOr<std::vector<bool>> PolicyAlertIntake::Write(const Name& policy,
                                                     const std::vector<Letter>& letters,
                                                     const std::vector<healing::Alert>& alerts) {
  const auto key_of = [&](const Letter& letter) {
    return policy.ToString() + "\n" + letter.match.trigger + "\n" +
           healing::AlertFingerprint(alerts[letter.alert]);
  };
  std::vector<healing::SignalEffect> effects(letters.size());
  const auto change = [&](v1::HealingPolicy& current) -> StatusOr<bool> {
    bool changed = false;
    for (std::size_t i = 0; i < letters.size(); ++i) {
      std::int64_t absorbed = 0;
      {
        MutexLock lock(mu_);
        const auto it = absorbed_.find(key_of(letters[i]));
        if (it != absorbed_.end()) absorbed = it->second;
      }
      effects[i] = healing::ApplyAlert(current.status.signals, letters[i].match,
                                       alerts[letters[i].alert], absorbed, shell_.clock.Now());
      changed = changed || effects[i].change == SignalChange::kChanged;
    }
    return changed;
  };
  const auto stored = updater_.Update(policy, change);
  if (!stored.ok()) return stored.status();
  std::vector<bool> room(letters.size(), true);
  std::size_t refused = 0;
  {
    MutexLock lock(mu_);
    for (std::size_t i = 0; i < letters.size(); ++i) {
      room[i] = effects[i].change != SignalChange::kRefused;
      if (!room[i]) ++refused;
      if (effects[i].change == SignalChange::kChanged) {
        absorbed_.erase(key_of(letters[i]));
      } else if (effects[i].repeat && absorbed_.size() < kMaxAbsorbed) {
        ++absorbed_[key_of(letters[i])];
      }
    }
  }
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const bool news = effects[i].change == SignalChange::kChanged && !effects[i].repeat;
    if (news) edge::LogAlert(kLogAlertTaken, alerts[letters[i].alert], policy.ToString());
  }
  if (refused > 0) TellRefused(policy, refused);
  return room;
}

void PolicyAlertIntake::TellRefused(const Name& policy, std::size_t refused) {
  Log(Severity::kError, "a policy has no room for another alert",
      {{"policy", policy.ToString()}, {"refused", refused}});
  const auto object = shell_.policies.Get(policy);
  if (object == nullptr) return;
  shell_.events.Event(reconcilers::ReferenceTo(*object), engine::EventType::kWarning,
                      "SignalRefused",
                      "no more than " + std::to_string(healing::kMaxSignals) +
                          " alerts are kept for one policy, and all of them fire");
}

std::vector<edge::PolicySignal> PolicyAlertIntake::List() const {
  std::vector<edge::PolicySignal> out;
  for (const auto& policy : shell_.policies.List()) {
    for (const v1::SignalStatus& signal : policy->status.signals) {
      out.push_back({{policy->metadata.ns, policy->metadata.name}, signal});
    }
  }
  return out;
}

}  // namespace salve::runtime
