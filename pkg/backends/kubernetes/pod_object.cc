// SPDX-License-Identifier: Apache-2.0
// Pods, and what events say of them.
#include <algorithm>

#include "pkg/backends/kubernetes/object_fields.h"

namespace salve::backends::kubernetes {
namespace {

// Seconds that a container may take until its probes count against it.
std::int64_t StartBudget(const Json& pod_spec) {
  std::int64_t longest = 0;
  for (const Json& container : Member(pod_spec, "containers")) {
    std::int64_t budget = GetInt(container, {"readinessProbe", "initialDelaySeconds"});
    if (const Json* startup = Find(container, {"startupProbe"})) {
      budget += GetInt(*startup, {"initialDelaySeconds"}) +
                GetInt(*startup, {"periodSeconds"}, 10) * GetInt(*startup, {"failureThreshold"}, 3);
    }
    longest = std::max(longest, budget);
  }
  return longest;
}

Container ReadContainer(const Json& status, bool init) {
  Container out;
  out.name = Word(status, "name");
  out.init = init;
  out.ready = GetBool(status, {"ready"});
  out.restarts = GetInt(status, {"restartCount"});
  const Json& state = Member(status, "state");
  if (const Json* running = Find(state, {"running"})) {
    out.state = Container::State::kRunning;
    out.started = Time(*running, "startedAt");
  } else if (const Json* ended = Find(state, {"terminated"})) {
    out.state = Container::State::kTerminated;
    out.reason = Word(*ended, "reason");
    out.message = Message(*ended);
    out.exit_code = GetInt(*ended, {"exitCode"});
    out.started = Time(*ended, "startedAt");
    out.finished = Time(*ended, "finishedAt");
  } else if (const Json* waiting = Find(state, {"waiting"})) {
    out.reason = Word(*waiting, "reason");
    out.message = Message(*waiting);
  }
  if (const Json* last = Find(status, {"lastState", "terminated"})) {
    out.last_reason = Word(*last, "reason");
    if (out.last_reason.empty()) out.last_reason = "Error";
    out.last_exit_code = GetInt(*last, {"exitCode"});
    out.last_started = Time(*last, "startedAt");
    out.last_finished = Time(*last, "finishedAt");
  }
  return out;
}

void ReadPodConditions(const Json& status, Pod& out) {
  for (const Json& one : Member(status, "conditions")) {
    const std::string type = GetString(one, {"type"});
    const bool is_true = GetString(one, {"status"}) == "True";
    if (type == "Ready") {
      out.ready = is_true;
      out.ready_changed = Time(one, "lastTransitionTime");
    } else if (type == "PodScheduled" && !is_true &&
               GetString(one, {"reason"}) == "Unschedulable") {
      out.unschedulable = true;
      out.unschedulable_message = Message(one);
      out.unschedulable_since = Time(one, "lastTransitionTime");
    } else if (type == "PodReadyToStartContainers" && !is_true) {
      out.no_sandbox_since = Time(one, "lastTransitionTime");
    }
  }
}

}  // namespace

std::int64_t Pod::Restarts() const {
  std::int64_t sum = 0;
  for (const Container& container : containers) sum += container.restarts;
  return sum;
}

StatusOr<Pod> DecodePod(const Json& object) {
  SALVE_ASSIGN_OR_RETURN(Meta meta, ReadMeta(object));
  const Json& metadata = Member(object, "metadata");
  const Json& spec = Member(object, "spec");
  const Json& status = Member(object, "status");
  Pod out;
  out.ns = std::move(meta.ns);
  out.name = std::move(meta.name);
  out.uid = std::move(meta.uid);
  out.generation = meta.generation;
  Owner owner = ControllerOf(metadata);
  out.owner_kind = std::move(owner.kind);
  out.owner_name = std::move(owner.name);
  out.owner_uid = std::move(owner.uid);
  out.labels = Strings(Member(metadata, "labels"));
  out.hash = GetString(metadata, {"labels", "pod-template-hash"});
  if (out.hash.empty()) out.hash = GetString(metadata, {"labels", "controller-revision-hash"});
  out.node = GetString(spec, {"nodeName"});
  out.phase = Word(status, "phase");
  out.reason = Word(status, "reason");
  out.message = Message(status);
  out.created = Time(metadata, "creationTimestamp");
  out.deleted = Time(metadata, "deletionTimestamp");
  out.start_budget = StartBudget(spec);
  if (out.owner_uid.empty()) out.specs = DecodeContainers(spec);
  ReadPodConditions(status, out);
  for (const bool init : {true, false}) {
    for (const Json& one : Member(status, init ? "initContainerStatuses" : "containerStatuses")) {
      if (out.containers.size() == kMaxContainers) break;
      out.containers.push_back(ReadContainer(one, init));
    }
  }
  return out;
}

std::optional<WallTime> EventTime(const Json& event) {
  for (const char* field : {"lastTimestamp", "eventTime", "firstTimestamp"}) {
    if (const auto time = Time(event, field)) return time;
  }
  return Time(Member(event, "metadata"), "creationTimestamp");
}

StatusOr<CreateFailure> DecodeCreateFailure(const Json& object) {
  SALVE_ASSIGN_OR_RETURN(Meta meta, ReadMeta(object));
  const Json& about = Member(object, "involvedObject");
  CreateFailure out;
  out.ns = std::move(meta.ns);
  out.kind = GetString(about, {"kind"});
  out.name = GetString(about, {"name"});
  out.uid = GetString(about, {"uid"});
  out.message = Message(object);
  out.at = EventTime(object);
  return out;
}

}  // namespace salve::backends::kubernetes
