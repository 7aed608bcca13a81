// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/kubernetes/action_handler.h"

#include <algorithm>
#include <utility>

#include "pkg/base/ascii.h"
#include "pkg/base/json_access.h"

namespace salve::backends::kubernetes {
namespace {

// So often a change is tried again when only the object's status has changed meanwhile.
constexpr int kMaxPatches = 5;

using healing::ActionResult;

// Annotations are a map that may not be there.
void AddAnnotation(const Json& object, const std::string& value, Json& operations) {
  if (salve::Find(object, {"metadata", "annotations"}) == nullptr) {
    operations.push_back({{"op", "add"},
                          {"path", "/metadata/annotations"},
                          {"value", {{kLastAttemptAnnotation, value}}}});
    return;
  }
  // The slash of a key is written ~1 in a path.
  std::string path = "/metadata/annotations/" + std::string(kLastAttemptAnnotation);
  path.replace(path.rfind('/'), 1, "~1");
  operations.push_back({{"op", "add"}, {"path", path}, {"value", value}});
}

// The operations, in front of them that nothing is changed of another version than `object`.
Json AtVersionOf(const Json& object, const std::string& attempt_id, const Json& operations) {
  Json patch = Json::array();
  patch.push_back({{"op", "replace"},
                   {"path", "/metadata/resourceVersion"},
                   {"value", salve::GetString(object, {"metadata", "resourceVersion"})}});
  AddAnnotation(object, attempt_id, patch);
  for (const Json& operation : operations) patch.push_back(operation);
  return patch;
}

// Whether the same object differs in no more than its status and metadata: while a rollout goes on
// its status is written many times a second.
bool SameSpec(const Json& before, const Json& now) {
  const Json* generation = salve::Find(before, {"metadata", "generation"});
  const Json* present = salve::Find(now, {"metadata", "generation"});
  return generation != nullptr && present != nullptr && *generation == *present &&
         salve::GetString(before, {"metadata", "uid"}) ==
             salve::GetString(now, {"metadata", "uid"}) &&
         salve::Find(now, {"metadata", "deletionTimestamp"}) == nullptr;
}

}  // namespace

std::string Subject::KubectlName() const { return AsciiLower(ref.kind) + "/" + ref.name; }
std::string Subject::Kubectl(const std::string& verb) const {
  return "kubectl -n " + ref.ns + " " + verb;
}

healing::ActionPlan NewPlan(const healing::Action& action, const Subject& subject) {
  healing::ActionPlan plan;
  plan.action = action;
  plan.target = subject.ref;
  plan.idempotency = healing::IdempotencyClass::kRecognisable;
  plan.affected = {subject.KubectlName() + " in " + subject.ref.ns};
  if (subject.seen.snapshot && !subject.workload().source_of_truth.empty()) {
    plan.risk_factors.push_back("it belongs to " + subject.workload().source_of_truth +
                                ", which may revert the change");
  }
  return plan;
}

Status CheckWorkload(const std::string& action, const Subject& subject) {
  const std::string who = action + " on " + subject.KubectlName() + ": ";
  if (!subject.seen.snapshot) {
    return InvalidArgumentError(who + "a pod has no rollouts and no replicas");
  }
  if (subject.workload().deleting) return InvalidArgumentError(who + "it is being deleted");
  return Status::Ok();
}

Status CheckNoRollout(const std::string& action, const Subject& subject) {
  const std::string who = action + " on " + subject.KubectlName() + ": ";
  if (subject.workload().paused) {
    return InvalidArgumentError(who + "somebody paused its rollout");
  }
  if (subject.seen.verdict.rollout_in_progress) {
    return InvalidArgumentError(who + "a rollout is in progress, and nothing of it has failed");
  }
  return Status::Ok();
}

Status CheckPodsComeBack(const std::string& action, const Subject& subject, const View& view) {
  std::string refused = subject.seen.verdict.create_failure;
  if (refused.empty()) refused = view.CreationRefusedIn(subject.ref.ns);
  if (refused.empty()) return Status::Ok();
  return InvalidArgumentError(
      action + " on " + subject.KubectlName() + ": namespace " + subject.ref.ns +
      " takes no new pods, what is taken away would not come back: " + refused);
}

std::int64_t TakenByRollout(const Workload& workload) {
  return std::min(workload.available, MaxUnavailable(workload));
}

StatusOr<ActionResult> Settle(const Status& why, const std::string& done,
                              const std::function<StatusOr<ActionResult>()>& look) {
  if (!MayHaveBeenDone(why.code()) && why.code() != Code::kUnavailable) return why;
  const auto after = look();
  if (after.ok() && after->outcome == ActionResult::Outcome::kApplied) return Applied(done);
  if (why.code() == Code::kUnavailable) return why;
  return Unknown(why.message());
}

StatusOr<ActionResult> WorkloadOutcome(const ActionTools& tools, const ActionRequest& request,
                                       const CallContext& context) {
  const ResourceInfo* resource = WorkloadResource(request.target.kind);
  if (resource == nullptr) return Unknown("no workload: " + request.target.kind);
  const auto object =
      tools.cluster.Get(*resource, {request.target.ns, request.target.name}, context);
  if (object.code() == Code::kNotFound) return Unknown("the target is gone");
  if (!object.ok()) return object.status();
  const std::string last =
      salve::GetString(*object, {"metadata", "annotations", kLastAttemptAnnotation});
  if (last == request.attempt_id) return Applied("its mark is on the object");
  return NotApplied("its mark is not on the object");
}

StatusOr<ActionResult> ChangeWorkload(const ActionTools& tools, const ActionRequest& request,
                                      const Subject& subject, const Json& operations,
                                      const std::string& done, const CallContext& context) {
  const Workload& w = subject.workload();
  if (!request.attempt_id.empty() && w.last_attempt == request.attempt_id) {
    return Applied(done + " (found done)");
  }
  const ResourceInfo& resource = *WorkloadResource(w.kind);
  Json present = subject.object;
  for (int tries = 1;; ++tries) {
    const Json patch = AtVersionOf(present, request.attempt_id, operations);
    const auto answer =
        tools.cluster.Patch(resource, {w.ns, w.name}, client::PatchType::kJson, patch, context);
    if (answer.ok()) return Applied(done);
    if (answer.code() != Code::kConflict) {
      return Settle(answer.status(), done,
                    [&] { return WorkloadOutcome(tools, request, context); });
    }
    const auto now = tools.cluster.Get(resource, {w.ns, w.name}, context);
    if (tries == kMaxPatches || !now.ok() || !SameSpec(present, *now)) {
      return ConflictError(subject.KubectlName() +
                           " changed in the same moment: " + answer.status().message())
          .WithReason(kReasonTargetDrifted);
    }
    present = *now;
  }
}

StatusOr<ActionResult> WorkloadHandler::Outcome(const ActionRequest& request,
                                                const CallContext& context) const {
  return WorkloadOutcome(tools_, request, context);
}

}  // namespace salve::backends::kubernetes
