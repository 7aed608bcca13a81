// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/kubernetes/observation.h"

#include <algorithm>
#include <vector>

#include "pkg/backends/text.h"

namespace salve::backends::kubernetes {
namespace {

constexpr std::size_t kMaxMessage = 500;

Json Templates(const std::vector<ContainerSpec>& containers) {
  Json out = Json::object();
  for (const ContainerSpec& c : containers) {
    out[c.name] = {{"image", c.image},
                   {"memory", {c.memory_limit, c.memory_request}},
                   {"cpu", {c.cpu_limit, c.cpu_request}}};
  }
  return out;
}

// Everything that an action's effect depends on. Nothing in it changes while a pod merely goes
// from one crash to the next.
std::string Configuration(const Seen& seen) {
  std::vector<std::string> ill;
  for (const IllPod& one : seen.verdict.ill) ill.push_back(one.pod->name);
  std::sort(ill.begin(), ill.end());
  Json out = {{"ill", ill}};
  if (seen.snapshot) {
    const Workload& w = seen.snapshot->workload;
    out["containers"] = Templates(w.containers);
    if (w.kind != kKindDaemonSet) out["replicas"] = w.desired;
    out["revision"] = seen.verdict.newest == nullptr ? 0 : seen.verdict.newest->number;
  } else {
    out["containers"] = Templates(seen.pod->specs);
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::int64_t Restarts(const Seen& seen) {
  if (!seen.snapshot) return seen.pod->Restarts();
  std::int64_t sum = 0;
  for (const auto& pod : seen.snapshot->pods) sum += pod->Restarts();
  return sum;
}

}  // namespace

std::string IdentityOf(const Seen& seen) {
  if (!seen.snapshot) return seen.pod->uid + "@" + std::to_string(seen.pod->generation);
  const Workload& w = seen.snapshot->workload;
  return w.uid + "@" + std::to_string(w.generation);
}

healing::TargetObservation Observation(const healing::TargetRef& ref, const Seen& seen,
                                       WallTime now) {
  healing::TargetObservation out;
  out.ref = ref;
  out.at = now;
  out.state = seen.verdict.state;
  out.conditions = seen.verdict.conditions;
  out.identity = IdentityOf(seen);
  out.configuration = Configuration(seen);
  out.message = Printable(seen.verdict.message, kMaxMessage);
  if (!seen.verdict.ill.empty()) out.exit_code = seen.verdict.ill.front().illness.exit_code;
  if (seen.snapshot) {
    const Workload& w = seen.snapshot->workload;
    out.labels = w.labels;
    out.running = w.available > 0;
    out.replicas = healing::ReplicaCount{w.desired, w.available};
    out.metrics.push_back({"replicas.desired", static_cast<double>(w.desired)});
    out.metrics.push_back({"replicas.available", static_cast<double>(w.available)});
  } else {
    out.labels = seen.pod->labels;
    out.running = seen.pod->ready;
  }
  out.metrics.push_back({"restarts", static_cast<double>(Restarts(seen))});
  return out;
}

healing::TargetObservation MissingObservation(const healing::TargetRef& ref, WallTime now) {
  healing::TargetObservation out;
  out.ref = ref;
  out.state = healing::HealthState::kMissing;
  out.message = "there is no " + ref.kind + " of this name in namespace " + ref.ns;
  out.at = now;
  return out;
}

}  // namespace salve::backends::kubernetes
