// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/inspector.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

#include "pkg/backends/ecs/closer.h"

namespace salve::backends::ecs {
namespace {

constexpr std::chrono::minutes kForget{15};

std::optional<WallTime> NewestEvent(const Service& service) {
  return service.events.empty() ? std::nullopt : service.events.front().at;
}

// Whether anything but DescribeServices could tell that it is ill.
bool HasChecks(const Snapshot& snapshot) {
  return !snapshot.service.target_groups.empty() ||
         (snapshot.definition != nullptr && snapshot.definition->HasHealthCheck());
}

}  // namespace

bool Inspector::Wants(const ServiceName& name, const Service& service) {
  const MonoTime now = clock_.Monotonic();
  const std::string deployment = service.Primary() == nullptr ? "" : service.Primary()->id;
  Known& known = known_[name];
  known.seen = now;
  if (known.deployment != deployment) {
    known = Known{};
    known.seen = now;
    known.deployment = deployment;
  }
  const bool listed =
      known.tasks && static_cast<std::int64_t>(known.tasks->size()) == service.running;
  if (!listed || known.newest_event != NewestEvent(service)) known.tasks.reset();
  known.newest_event = NewestEvent(service);
  return service.running > 0 && (known.due <= now || view_.IsSick(name));
}

std::vector<Inspector::Candidate> Inspector::Inspect(std::vector<Candidate> candidates,
                                                     const CallContext& context) {
  const MonoTime now = clock_.Monotonic();
  std::vector<std::tuple<bool, MonoTime, Candidate*>> due;
  for (Candidate& one : candidates) {
    due.emplace_back(!view_.IsSick(one.name), known_[one.name].due, &one);
  }
  std::sort(due.begin(), due.end());
  std::vector<Candidate*> ready;
  for (const auto& [well, since, one] : due) {
    if (Prepare(*one, known_[one->name], context)) ready.push_back(one);
  }
  std::stable_sort(ready.begin(), ready.end(), [](const Candidate* a, const Candidate* b) {
    return a->name.cluster < b->name.cluster;
  });
  Describe(ready, context);
  std::vector<Candidate> out;
  for (Candidate* one : ready) {
    Known& known = known_[one->name];
    if (!AskBalancers(*one, known, context)) continue;
    known.due = now + (one->snapshot.tasks_problem.empty() ? period_ : kRefusedPeriod);
    one->snapshot.closer = true;
    out.push_back(std::move(*one));
  }
  return out;
}

bool Inspector::Prepare(Candidate& candidate, Known& known, const CallContext& context) {
  Snapshot& snapshot = candidate.snapshot;
  const std::string& arn = snapshot.service.task_definition;
  snapshot.definition = reader_.KnownDefinition(arn);
  if (snapshot.definition == nullptr) {
    if (!rate_.MayInspect()) return false;
    const auto definition = reader_.Definition(arn, context);
    if (!definition.ok() && !IsFinal(definition.status())) return false;
    if (definition.ok()) snapshot.definition = *definition;
  }
  if (!HasChecks(snapshot)) {
    known.due = clock_.Monotonic() + kRefusedPeriod;
    return false;
  }
  return known.tasks || List(candidate, known, context);
}

bool Inspector::List(Candidate& candidate, Known& known, const CallContext& context) {
  if (!rate_.MayInspect()) return false;
  auto tasks = reader_.RunningTasks(candidate.name, context);
  if (!tasks.ok() && !IsFinal(tasks.status())) return false;
  if (tasks.ok()) {
    known.tasks = std::move(tasks).value();
  } else {
    candidate.snapshot.tasks_problem = tasks.status().message();
  }
  return true;
}

void Inspector::Describe(std::vector<Candidate*>& ready, const CallContext& context) {
  std::vector<Candidate*> done;
  for (auto begin = ready.begin(); begin != ready.end();) {
    std::vector<std::string> arns;
    auto end = begin;
    for (; end != ready.end() && (*end)->name.cluster == (*begin)->name.cluster; ++end) {
      const auto& tasks = known_[(*end)->name].tasks;
      if (!tasks) continue;  // they may not be listed
      if (!arns.empty() && arns.size() + tasks->size() > kMostDescribed) break;
      arns.insert(arns.end(), tasks->begin(), tasks->end());
    }
    if (arns.empty() || DescribeSome({begin, end}, arns, context)) {
      done.insert(done.end(), begin, end);
    }
    begin = end;
  }
  ready = std::move(done);
}

bool Inspector::DescribeSome(const std::vector<Candidate*>& some,
                             const std::vector<std::string>& arns, const CallContext& context) {
  if (!rate_.MayInspect()) return false;
  auto tasks = reader_.DescribeTasks(some.front()->name.cluster, arns, context);
  if (!tasks.ok() && !IsFinal(tasks.status())) return false;
  for (Candidate* one : some) {
    Known& known = known_[one->name];
    if (!known.tasks) continue;
    if (!tasks.ok()) {
      one->snapshot.tasks_problem = tasks.status().message();
      continue;
    }
    const std::set<std::string> own(known.tasks->begin(), known.tasks->end());
    std::vector<Task>& into = one->snapshot.tasks;
    std::copy_if(tasks->begin(), tasks->end(), std::back_inserter(into),
                 [&](const Task& task) { return own.contains(task.arn); });
    const bool all_run =
        into.size() == own.size() &&
        std::all_of(into.begin(), into.end(), [](const Task& task) { return task.Running(); });
    if (!all_run) known.tasks.reset();
  }
  return true;
}

bool Inspector::AskBalancers(Candidate& candidate, Known& known, const CallContext& context) {
  Snapshot& snapshot = candidate.snapshot;
  if (clock_.Monotonic() < known.targets_due) {
    snapshot.targets_problem = known.targets_problem;
    return true;
  }
  for (std::size_t i = 0; i < snapshot.service.target_groups.size(); ++i) {
    if (!rate_.MayInspect()) return false;
  }
  ReadTargets(reader_, context, snapshot);
  known.targets_problem = snapshot.targets_problem;
  if (!known.targets_problem.empty()) known.targets_due = clock_.Monotonic() + kRefusedPeriod;
  return true;
}

void Inspector::Tidy() {
  const MonoTime now = clock_.Monotonic();
  std::erase_if(known_, [&](const auto& one) { return now - one.second.seen >= kForget; });
}

}  // namespace salve::backends::ecs
