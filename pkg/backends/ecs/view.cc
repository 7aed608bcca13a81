// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/view.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace salve::backends::ecs {
namespace {

constexpr std::size_t kMostOwn = 10;

// Whatever a reader could base another decision on.
std::string Fingerprint(const Seen& seen) {
  const Service& service = seen.snapshot.service;
  std::string text = std::to_string(static_cast<int>(seen.verdict.state));
  for (const std::string& condition : seen.verdict.conditions) text += " " + condition;
  text += " " + std::to_string(service.running) + "/" + std::to_string(service.desired);
  if (const Deployment* primary = service.Primary()) text += " " + primary->id;
  text += " " + service.task_definition + " " + seen.verdict.good;
  if (!seen.snapshot.tasks_problem.empty()) text += " no tasks";
  if (!seen.snapshot.targets_problem.empty()) text += " no targets";
  return text;
}

}  // namespace

Status View::status() const {
  MutexLock lock(mu_);
  return status_;
}

bool View::SetStatus(Status status) {
  MutexLock lock(mu_);
  const bool changed = status_.code() != status.code();
  status_ = std::move(status);
  return changed;
}

std::string View::account() const {
  MutexLock lock(mu_);
  return account_;
}

std::size_t View::size() const {
  MutexLock lock(mu_);
  return entries_.size();
}

bool View::Want(const ServiceName& name) {
  const MonoTime now = clock_.Monotonic();
  MutexLock lock(mu_);
  const auto [it, fresh] = entries_.try_emplace(name);
  if (fresh) it->second.due = now;
  it->second.asked = now;
  it->second.mentioned = false;
  return fresh;
}

StatusOr<Seen> View::Look(const ServiceName& name) const {
  MutexLock lock(mu_);
  if (!status_.ok()) return status_;
  const auto it = entries_.find(name);
  if (it == entries_.end() || !it->second.read_at) {
    return UnavailableError("service " + name.ToString() + " has not been looked at yet");
  }
  const Entry& entry = it->second;
  if (!entry.problem.ok()) return entry.problem;
  return *entry.seen;
}

bool View::IsSick(const ServiceName& name) const {
  MutexLock lock(mu_);
  const auto it = entries_.find(name);
  if (it == entries_.end() || !it->second.seen) return false;
  const Verdict& verdict = it->second.seen->verdict;
  return !verdict.sick.empty() || !verdict.sick_targets.empty();
}

std::string View::Awaited(Entry& entry, const Service& service) const {
  if (!entry.expected) return "";
  const Expected& expected = *entry.expected;
  const bool shown = expected.deployment.empty() ||
                     std::any_of(service.deployments.begin(), service.deployments.end(),
                                 [&](const Deployment& d) { return d.id == expected.deployment; });
  const bool counted = !expected.count || service.desired == *expected.count;
  if ((shown && counted) || clock_.Monotonic() >= entry.expected_until) {
    entry.expected.reset();
    return "";
  }
  if (!shown) return "deployment " + expected.deployment + " was made and is not shown by ECS yet";
  return "the number of tasks was changed to " + std::to_string(*expected.count) +
         ", which is not shown by ECS yet";
}

void View::Carry(const Entry& entry, Snapshot& read) const {
  if (!entry.seen || !entry.closer_at || clock_.Monotonic() - *entry.closer_at > kCarry) return;
  const Snapshot& before = entry.seen->snapshot;
  const Deployment* then = before.service.Primary();
  const Deployment* now = read.service.Primary();
  if (then == nullptr || now == nullptr || then->id != now->id || !IsSteady(read.service)) return;
  std::copy_if(before.tasks.begin(), before.tasks.end(), std::back_inserter(read.tasks),
               [](const Task& task) { return task.Running(); });
  read.targets = before.targets;
  read.tasks_problem = before.tasks_problem;
  read.targets_problem = before.targets_problem;
  if (read.definition == nullptr) read.definition = before.definition;
}

Seen View::Take(const ServiceName& name, Snapshot read, MonoTime read_at, bool* news) {
  const WallTime now = clock_.Now();
  MutexLock lock(mu_);
  const auto [it, unknown] = entries_.try_emplace(name);
  Entry& entry = it->second;
  if (unknown) {
    entry.asked = clock_.Monotonic();
    entry.due = entry.asked + poll_period_;
  }
  const std::optional<Arn> arn = ParseArn(read.service.arn);
  if (arn) account_ = arn->account;
  const bool late = entry.read_at && read_at < *entry.read_at;
  read.awaited = Awaited(entry, read.service);
  if (!read.closer) Carry(entry, read);
  read.bounds = entry.bounds;
  read.memory = entry.memory;
  read.memory = Learn(read, now);
  Seen seen;
  seen.verdict = Judge(read, now);
  seen.snapshot = std::move(read);
  const bool first = !entry.seen.has_value();
  const bool changed = !first && entry.seen->verdict.state != seen.verdict.state;
  seen.since = first ? std::nullopt : changed ? std::optional<WallTime>(now) : entry.seen->since;
  *news = !late && (first || !entry.problem.ok() || Fingerprint(*entry.seen) != Fingerprint(seen));
  if (late) return seen;
  entry.memory = seen.snapshot.memory;
  if (seen.snapshot.closer) entry.closer_at = read_at;
  entry.read_at = read_at;
  entry.problem = Status::Ok();
  entry.alone = false;
  entry.seen = seen;
  return seen;
}

bool View::TakeProblem(const ServiceName& name, Status problem, MonoTime read_at) {
  MutexLock lock(mu_);
  const auto it = entries_.find(name);
  if (it == entries_.end()) return false;
  Entry& entry = it->second;
  if (entry.read_at && read_at < *entry.read_at) return false;
  const bool news = !entry.read_at || entry.problem.code() != problem.code() ||
                    entry.problem.reason() != problem.reason();
  entry.read_at = read_at;
  entry.problem = std::move(problem);
  entry.seen.reset();
  return news;
}

void View::Expect(const ServiceName& name, Expected expected) {
  MutexLock lock(mu_);
  const auto it = entries_.find(name);
  if (it == entries_.end()) return;
  it->second.expected = std::move(expected);
  it->second.expected_until = clock_.Monotonic() + kConsistency;
}

void View::Own(const ServiceName& name, const std::string& deployment) {
  MutexLock lock(mu_);
  const auto it = entries_.find(name);
  if (it == entries_.end()) return;
  std::vector<std::string>& own = it->second.memory.own_deployments;
  if (std::find(own.begin(), own.end(), deployment) != own.end()) return;
  own.push_back(deployment);
  if (own.size() > kMostOwn) own.erase(own.begin());
}

bool View::AsksForHistory(const ServiceName& name, const Service& service) const {
  const Deployment* primary = service.Primary();
  MutexLock lock(mu_);
  const auto it = entries_.find(name);
  if (it == entries_.end() || primary == nullptr) return false;
  const Entry& entry = it->second;
  const auto other = [&](const std::string& definition) {
    return definition != primary->task_definition;
  };
  const auto& proven = entry.memory.proven;
  const bool known =
      std::any_of(proven.begin(), proven.end(), other) ||
      std::any_of(service.deployments.begin(), service.deployments.end(), [&](const Deployment& d) {
        return d.rollout_state == kCompleted && other(d.task_definition);
      });
  return !known && entry.history_for != primary->id;
}

void View::TakeHistory(const ServiceName& name, const std::string& deployment,
                       std::vector<std::string> history) {
  MutexLock lock(mu_);
  const auto it = entries_.find(name);
  if (it == entries_.end()) return;
  it->second.memory.history = std::move(history);
  it->second.history_for = deployment;
}

void View::TakeBounds(const ServiceName& name, std::optional<Bounds> bounds) {
  MutexLock lock(mu_);
  const auto it = entries_.find(name);
  if (it == entries_.end()) return;
  it->second.bounds = bounds;
  it->second.bounds_at = clock_.Monotonic();
}

std::optional<std::optional<Bounds>> View::KnownBounds(const ServiceName& name,
                                                       Duration age) const {
  MutexLock lock(mu_);
  const auto it = entries_.find(name);
  if (it == entries_.end() || !it->second.bounds_at) return std::nullopt;
  if (clock_.Monotonic() - *it->second.bounds_at >= age) return std::nullopt;
  return it->second.bounds;
}

std::vector<ServiceName> View::BoundsDue(std::size_t most) {
  const MonoTime now = clock_.Monotonic();
  std::vector<ServiceName> due;
  MutexLock lock(mu_);
  for (auto& [name, entry] : entries_) {
    if (due.size() == most) break;
    if (!entry.seen || entry.bounds_due > now) continue;
    entry.bounds_due = now + kBoundsPeriod;
    due.push_back(name);
  }
  return due;
}

std::map<std::string, std::vector<std::string>> View::Due(MonoTime* next) {
  const MonoTime now = clock_.Monotonic();
  std::map<std::string, std::vector<std::string>> due;
  *next = now + poll_period_;
  MutexLock lock(mu_);
  for (auto& [name, entry] : entries_) {
    if (entry.due <= now) {
      entry.due = now + poll_period_;
      due[name.cluster].push_back(name.service);
    } else {
      *next = std::min(*next, entry.due);
    }
  }
  return due;
}

void View::Postpone(const ServiceName& name, Duration by) {
  MutexLock lock(mu_);
  const auto it = entries_.find(name);
  if (it == entries_.end()) return;
  it->second.due = clock_.Monotonic() + by;
  it->second.alone = true;
}

bool View::IsAlone(const ServiceName& name) const {
  MutexLock lock(mu_);
  const auto it = entries_.find(name);
  return it != entries_.end() && it->second.alone;
}

std::vector<ServiceName> View::Unasked() {
  const MonoTime now = clock_.Monotonic();
  std::vector<ServiceName> mention;
  MutexLock lock(mu_);
  for (auto it = entries_.begin(); it != entries_.end();) {
    Entry& entry = it->second;
    if (entry.mentioned && now - entry.asked >= kDrop) {
      it = entries_.erase(it);
      continue;
    }
    if (!entry.mentioned && now - entry.asked >= kAskAgain) {
      entry.mentioned = true;
      mention.push_back(it->first);
    }
    ++it;
  }
  return mention;
}

}  // namespace salve::backends::ecs
