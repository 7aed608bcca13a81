// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/observation.h"

#include <utility>

#include "pkg/backends/text.h"

namespace salve::backends::ecs {
namespace {

constexpr std::size_t kMaxMessage = 400;
constexpr std::size_t kMaxLastWords = 200;

// The container whose image names what the service is: the first one that it cannot be without.
const ContainerDefinition* MainContainer(const TaskDefinition& definition) {
  for (const ContainerDefinition& c : definition.containers) {
    if (c.essential) return &c;
  }
  return nullptr;
}

// Everything that an action's effect depends on. Nothing in it changes while tasks merely come and
// go.
std::string Configuration(const Snapshot& snapshot) {
  const Service& service = snapshot.service;
  Json out = {{"taskDefinition", ShortName(service.task_definition)},
              {"desiredCount", service.desired},
              {"minimumHealthyPercent", service.minimum_healthy_percent},
              {"maximumPercent", service.maximum_percent},
              {"circuitBreaker", service.breaker},
              {"circuitBreakerRollback", service.breaker_rolls_back}};
  if (snapshot.definition != nullptr) {
    const ContainerDefinition* main = MainContainer(*snapshot.definition);
    if (main != nullptr) out["image"] = main->image;
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void AddMetric(healing::TargetObservation& out, const char* name, std::int64_t value) {
  out.metrics.push_back({name, static_cast<double>(value)});
}

}  // namespace

std::string IdentityOf(const Service& service) {
  const Deployment* primary = service.Primary();
  return service.arn + "@" + (primary == nullptr ? "" : primary->id) + " " +
         ShortName(service.task_definition);
}

std::string ArnOf(const std::string& identity) { return identity.substr(0, identity.find('@')); }

healing::TargetObservation Observation(const healing::TargetRef& ref, const Seen& seen,
                                       const std::string& last_words, WallTime now) {
  const Service& service = seen.snapshot.service;
  healing::TargetObservation out;
  out.ref = ref;
  out.at = now;
  out.since = seen.since;
  out.state = seen.verdict.state;
  out.conditions = seen.verdict.conditions;
  out.identity = IdentityOf(service);
  out.configuration = Configuration(seen.snapshot);
  out.message = Printable(seen.verdict.message, kMaxMessage);
  if (!last_words.empty() && out.state == healing::HealthState::kUnhealthy) {
    out.message += "; it said: " + Printable(last_words, kMaxLastWords);
  }
  if (!seen.verdict.failed.empty()) out.exit_code = seen.verdict.failed.front().illness.exit_code;
  out.running = service.running > 0;
  out.replicas = healing::ReplicaCount{service.desired, service.running};
  AddMetric(out, "replicas.desired", service.desired);
  AddMetric(out, "replicas.available", service.running);
  AddMetric(out, "tasks.pending", service.pending);
  AddMetric(out, "tasks.failed", static_cast<std::int64_t>(seen.verdict.failed.size()));
  return out;
}

healing::TargetObservation MissingObservation(const healing::TargetRef& ref, const std::string& why,
                                              WallTime now) {
  healing::TargetObservation out;
  out.ref = ref;
  out.state = healing::HealthState::kMissing;
  out.message = Printable(why, kMaxMessage);
  out.at = now;
  return out;
}

}  // namespace salve::backends::ecs
