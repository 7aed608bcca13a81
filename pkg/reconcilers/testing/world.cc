// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/testing/world.h"

#include <algorithm>

#include "pkg/base/time_format.h"
#include "pkg/healing/machine.h"
#include "pkg/reconcilers/testing/judge.h"
#include "pkg/reconcilers/testing/process.h"

namespace salve::reconcilers::testing {
namespace {

using std::chrono::seconds;

// More rounds than any instant needs; a world that wants more is spinning.
constexpr int kMaxRounds = 2000;
const WallTime kStart = *ParseTime("2026-12-01T12:00:00Z");
// The parts of a process that can do something: five informers and these.
constexpr int kProber = 5;
constexpr int kPolicies = 6;
constexpr int kIncidents = 7;
constexpr int kEvents = 8;
constexpr int kNotifications = 9;

}  // namespace

// Worlds without sinks go on in the order that they always had.
int World::Parts() const { return sinks.empty() ? kNotifications : kNotifications + 1; }

World::World(const WorldOptions& options)
    : clock(kStart),
      random(options.seed),
      server(clock),
      docker("docker", clock),
      options_(options),
      judge_(std::make_unique<Judge>(*this)),
      order_(options.seed ^ 0x5eedULL),
      processes_(static_cast<std::size_t>(options.controllers)) {
  for (const auto where : {Accident::Where::kWrite, Accident::Where::kExecute,
                           Accident::Where::kRead, Accident::Where::kEvent}) {
    counts_[where] = 0;
  }
  settings.identity = kController;
  settings.backend_namespaces["docker"] = {"*"};
  settings.file_roots = {"/srv"};
  settings.file_namespaces = {"*"};
  apis::core::v1::Namespace ns;
  ns.metadata.name = kNs;
  Create(ns);
  figure_after = {{"restart", 100}, {"start", 100}, {"redisFlushAll", 100}};
  for (const std::string& action : v1::ActionNames()) {
    docker.SetEffect(action, [this, action](backends::fake::FakeContainer& container) {
      const auto it = figure_after.find(action);
      if (it != figure_after.end()) SetFigure(container.id, it->second);
    });
  }
  docker.OnChange([this](const v1::TargetRef& ref) {
    for (Slot& slot : processes_) {
      if (slot.process == nullptr || slot.process->dead) continue;
      for (const NamespacedName& key : slot.process->targets.PoliciesOf(ref)) {
        slot.process->policy_controller.Enqueue(key);
      }
    }
  });
}

World::~World() { docker.OnChange(nullptr); }

void World::Complain(const std::string& sentence) {
  broken_.push_back(FormatTime(clock.Now()) + " " + sentence);
  Note("BROKEN", sentence);
}

void World::Must(const Status& status) {
  if (!status.ok()) Complain("the world could not be arranged: " + status.ToString());
}

void World::Note(std::string_view what, std::string_view detail) {
  const auto mix = [this](std::string_view text) {
    for (const char c : text) {
      fingerprint_ = (fingerprint_ ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    }
  };
  mix(what);
  mix(detail);
  const auto since = clock.Monotonic().time_since_epoch().count();
  fingerprint_ = (fingerprint_ ^ static_cast<std::uint64_t>(since)) * 1099511628211ULL;
  if (!options_.trace) return;
  trace_.push_back(FormatMicroTime(clock.Now()) + " " + std::string(what) + " " +
                   std::string(detail));
}

void World::AddContainer(const std::string& name) {
  backends::fake::FakeContainer container;
  container.id = name;
  docker.Add(name, container);
}

void World::SetFigure(const std::string& container, int value) {
  ++changes_;
  const bool was_ill = TrulyIll(container);
  figure[container] = value;
  if (TrulyIll(container) != was_ill) figure_since_[container] = clock.Monotonic();
}

bool World::TrulyIll(const std::string& container) const {
  const auto it = figure.find(container);
  return it != figure.end() && it->second >= 0 && it->second < 70;
}

Duration World::InThatStateFor(const std::string& container) const {
  const auto it = figure_since_.find(container);
  return it == figure_since_.end() ? Duration::zero() : clock.Monotonic() - it->second;
}

// --- time

void World::After(Duration delay, std::string what, std::function<void()> happen) {
  timers_.emplace(clock.Monotonic() + delay, std::pair(std::move(what), std::move(happen)));
}

bool World::RunTimers() {
  bool any = false;
  while (!timers_.empty() && timers_.begin()->first <= clock.Monotonic()) {
    auto [what, happen] = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    Note("happens", what);
    happen();
    ++changes_;
    any = true;
  }
  return any;
}

void World::Restart() {
  for (Slot& slot : processes_) {
    const auto number = static_cast<int>(&slot - processes_.data());
    slot.process.reset();
    slot.process = std::make_unique<Process>(*this, number);
  }
}

void World::LookAtFiles() {
  for (Slot& slot : processes_) {
    if (slot.process != nullptr && slot.process->runs() && slot.process->files != nullptr) {
      slot.process->files->LookOnce();
    }
  }
}

bool World::ReviveAndBury() {
  bool any = false;
  for (Slot& slot : processes_) {
    const auto number = static_cast<int>(&slot - processes_.data());
    // One that is dead and paused is still on the stack below.
    if (slot.process != nullptr && slot.process->dead && !slot.process->paused) {
      ++crashes_;
      Note("dies", std::to_string(number));
      slot.process.reset();
      slot.back_at = clock.Monotonic() + downtime;
      any = true;
    }
    if (slot.process == nullptr && slot.back_at <= clock.Monotonic()) {
      Note("starts", std::to_string(number));
      slot.process = std::make_unique<Process>(*this, number);
      ++changes_;
      any = true;
    }
  }
  return any;
}

bool World::RunPart(Process& process, int part) {
  if (!process.runs()) return false;
  switch (part) {
    case kProber:
      return process.prober.RunDue();
    case kPolicies:
      return process.policy_controller.ProcessOne();
    case kIncidents:
      return process.incident_controller.ProcessOne();
    case kEvents:
      return process.events.WriteOne();
    case kNotifications:
      return process.notification_controller.ProcessOne();
    default: {
      Process::Watching& w = process.watching[static_cast<std::size_t>(part)];
      const std::int64_t version = server.version();
      if (w.version == version && w.disturbances == disturbances_ && w.next > clock.Monotonic()) {
        return false;
      }
      w.next = w.informer->Step();
      if (w.next <= clock.Monotonic()) return true;
      w.version = version;
      w.disturbances = disturbances_;
      return false;
    }
  }
}

bool World::StepInformers(Process& process) {
  bool progress = false;
  for (int part = 0; part < kProber; ++part) {
    for (int i = 0; i < kMaxRounds && RunPart(process, part); ++i) progress = true;
  }
  return progress;
}

bool World::Round() {
  bool progress = RunTimers();
  if (ReviveAndBury()) progress = true;
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    if (processes_[i].process == nullptr || !processes_[i].process->runs()) continue;
    Process& process = *processes_[i].process;
    if (StepInformers(process)) progress = true;
    for (int part = kProber; part < Parts(); ++part) {
      if (RunPart(process, part)) progress = true;
    }
  }
  return progress;
}

// One thing at a time, whichever the seed picks, until nothing can be done.
bool World::ShuffledRounds() {
  bool progress = RunTimers();
  if (ReviveAndBury()) progress = true;
  std::vector<std::pair<std::size_t, int>> ready;
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    if (processes_[i].process == nullptr || !processes_[i].process->runs()) continue;
    for (int part = 0; part < Parts(); ++part) ready.emplace_back(i, part);
  }
  while (!ready.empty()) {
    const std::size_t pick = order_.Next() % ready.size();
    const auto [i, part] = ready[pick];
    if (RunPart(*processes_[i].process, part)) return true;
    ready.erase(ready.begin() + static_cast<std::ptrdiff_t>(pick));
  }
  return progress;
}

bool World::LetPeopleAct() {
  if (people == nullptr || people_saw_ == server.version()) return false;
  people_saw_ = server.version();
  people(*this);
  return true;
}

void World::Settle() {
  for (int round = 0; round < kMaxRounds; ++round) {
    const bool progress = options_.shuffle ? ShuffledRounds() : Round();
    if (!progress && !LetPeopleAct()) return;
  }
  if (!stuck_) Complain("the world spins");
  stuck_ = true;
}

MonoTime World::NextEvent() {
  MonoTime next = timers_.empty() ? MonoTime::max() : timers_.begin()->first;
  for (const Slot& slot : processes_) {
    if (slot.process == nullptr) {
      next = std::min(next, slot.back_at);
      continue;
    }
    if (!slot.process->runs()) continue;
    next = std::min({next, slot.process->policy_controller.queue().NextDelayed(),
                     slot.process->incident_controller.queue().NextDelayed(),
                     slot.process->prober.NextDue()});
    if (!sinks.empty()) {
      next = std::min(next, slot.process->notification_controller.queue().NextDelayed());
    }
    for (const Process::Watching& w : slot.process->watching) next = std::min(next, w.next);
  }
  // What is due already and could not be handled is looked at again soon.
  return std::max(next, clock.Monotonic() + std::chrono::milliseconds(1));
}

bool World::AdvanceUntil(const std::function<bool()>& done, Duration limit) {
  const MonoTime end = clock.Monotonic() + limit;
  for (Settle(); !stuck_; Settle()) {
    if (done()) return true;
    if (clock.Monotonic() >= end) return false;
    clock.Advance(std::min(NextEvent(), end) - clock.Monotonic());
  }
  return false;
}

void World::Advance(Duration by) {
  (void)AdvanceUntil([] { return false; }, by);
}

bool World::Idle() const {
  return timers_.empty() && std::all_of(processes_.begin(), processes_.end(), [](const Slot& slot) {
           return slot.process != nullptr && slot.process->runs();
         });
}

// --- objects

const std::vector<World::Glance>& World::Glances() {
  if (glanced_ == server.version()) return glances_;
  glanced_ = server.version();
  glances_.clear();
  server.Visit(v1::Incident::kInfo, [this](const NamespacedName& name, const client::Json& object) {
    Glance glance;
    glance.name = name.name;
    const auto status = object.find("status");
    if (status != object.end()) {
      const auto phase = status->find("phase");
      if (phase != status->end() && phase->is_string()) glance.phase = phase->get<std::string>();
    }
    glance.resolved = glance.phase == healing::kPhaseResolved;
    glances_.push_back(std::move(glance));
  });
  return glances_;
}

v1::HealingPolicy World::Policy(const std::string& name) {
  return Find<v1::HealingPolicy>({kNs, name}).value_or(v1::HealingPolicy{});
}

std::vector<v1::Incident> World::Incidents(const std::string& policy) {
  std::vector<v1::Incident> of_policy;
  for (const v1::Incident& incident : All<v1::Incident>()) {
    if (incident.spec.policy_ref.name == policy) of_policy.push_back(incident);
  }
  std::stable_sort(of_policy.begin(), of_policy.end(), [](const auto& a, const auto& b) {
    return a.metadata.creation_timestamp < b.metadata.creation_timestamp;
  });
  return of_policy;
}

v1::Incident World::Incident(const std::string& policy) {
  const std::vector<v1::Incident> all = Incidents(policy);
  return all.empty() ? v1::Incident{} : all.back();
}

void World::Decide(const v1::Incident& incident, const std::string& decision,
                   const std::string& approver) {
  v1::IncidentApproval approval;
  approval.metadata.ns = incident.metadata.ns;
  approval.metadata.name = "approval-" + std::to_string(++approvals_);
  approval.spec.incident_name = incident.metadata.name;
  approval.spec.incident_uid = incident.metadata.uid;
  approval.spec.policy_name = incident.spec.policy_ref.name;
  approval.spec.proposal_digest = incident.status.proposal ? incident.status.proposal->digest : "";
  approval.spec.decision = decision;
  approval.spec.approver = approver;
  Note(decision, approver);
  judge_->Decided(approval, incident);
  Create(approval);
}

void World::PolicyEdited(const std::string& name) {
  Note("policy edited", name);
  judge_->PolicyEdited(name);
}

void World::CheckRecords() { judge_->AtEnd(); }

std::string World::Story() {
  std::string out;
  for (const v1::Incident& incident : All<v1::Incident>()) {
    out +=
        incident.metadata.name + " " + incident.status.phase + " " + incident.status.outcome + "\n";
    for (const v1::TimelineEntry& e : incident.status.timeline) {
      out += "  " + e.at + " " + e.phase + ": " + e.message + "\n";
    }
  }
  for (const v1::HealingPolicy& policy : All<v1::HealingPolicy>()) {
    for (const v1::ActionRecord& r : policy.status.actions) {
      out += "record " + policy.metadata.name + " " + r.attempt_id + " " + r.target + " " + r.step +
             " \"" + r.result + "\"\n";
    }
  }
  for (const std::string& sentence : broken_) out += "BROKEN " + sentence + "\n";
  return out;
}

}  // namespace salve::reconcilers::testing
