// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "pkg/backends/kubernetes/action_handler.h"
#include "pkg/base/json_access.h"

// deletePod, evictPod: the pod that is ill goes, whoever owns it makes a new one.
namespace salve::backends::kubernetes {
namespace {

namespace v1alpha1 = apis::salve::v1alpha1;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;
using PodPtr = std::shared_ptr<const Pod>;

struct Wanted {
  bool evict = false;
  std::optional<std::int64_t> grace_seconds;
  const char* name = "";
};

Wanted Read(const Action& action) {
  if (action.evict_pod) return {true, action.evict_pod->grace_period_seconds, "evictPod"};
  return {false, action.delete_pod->grace_period_seconds, "deletePod"};
}

// Which pod: the object whose change the plan is about.
struct PodId {
  std::string name;
  std::string uid;
};

std::string Write(const Pod& pod) { return "pod " + pod.name + " uid " + pod.uid; }

std::optional<PodId> Parse(const std::string& subject) {
  constexpr std::string_view kPrefix = "pod ";
  constexpr std::string_view kInfix = " uid ";
  const std::size_t infix = subject.find(kInfix);
  if (subject.rfind(kPrefix, 0) != 0 || infix == std::string::npos) return std::nullopt;
  PodId id{subject.substr(kPrefix.size(), infix - kPrefix.size()),
           subject.substr(infix + kInfix.size())};
  if (id.name.empty() || id.uid.empty()) return std::nullopt;
  return id;
}

// The worst of those that are not on their way out; of a workload with one pod, that one.
StatusOr<PodPtr> Choose(const Wanted& wanted, const Subject& subject) {
  const std::string who = std::string(wanted.name) + " on " + subject.KubectlName() + ": ";
  if (!subject.seen.snapshot) {
    if (subject.seen.pod->deleted) return InvalidArgumentError(who + "it is being deleted already");
    return subject.seen.pod;
  }
  for (const IllPod& one : subject.seen.verdict.ill) {
    if (!one.pod->deleted) return one.pod;
  }
  if (subject.seen.snapshot->pods.size() == 1 && !subject.seen.snapshot->pods.front()->deleted) {
    return subject.seen.snapshot->pods.front();
  }
  return InvalidArgumentError(who + "it has " + std::to_string(subject.seen.snapshot->pods.size()) +
                              " pods, and none of them is known to be ill");
}

std::string Why(const Subject& subject, const Pod& pod) {
  for (const IllPod& one : subject.seen.verdict.ill) {
    if (one.pod->uid == pod.uid) return " (" + one.illness.what + ")";
  }
  return "";
}

class PodHandler final : public ActionHandler {
 public:
  explicit PodHandler(ActionTools& tools) : tools_(tools) {}

  bool Handles(const Action& a) const override {
    return a.delete_pod.has_value() || a.evict_pod.has_value();
  }

  StatusOr<ActionPlan> Plan(const Action& action, const Subject& subject,
                            const CallContext& /*context*/) const override {
    const Wanted wanted = Read(action);
    SALVE_ASSIGN_OR_RETURN(const PodPtr pod, Choose(wanted, subject));
    // One that serves must be able to come back; one that does not is no loss.
    if (pod->ready) {
      SALVE_RETURN_IF_ERROR(CheckPodsComeBack(wanted.name, subject, tools_.view));
    }
    ActionPlan plan = NewPlan(action, subject);
    plan.subject = Write(*pod);
    plan.command = Command(wanted, subject, *pod);
    plan.affected = {"pod " + pod->name + " in " + pod->ns};
    plan.takes_available = pod->ready ? 1 : 0;
    plan.base_risk = pod->ready ? v1alpha1::kRiskMedium : v1alpha1::kRiskLow;
    plan.description = std::string(wanted.evict ? "Evicts pod " : "Deletes pod ") + pod->name +
                       Why(subject, *pod) + "; its " +
                       (pod->owner_kind.empty() ? "owner" : pod->owner_kind) + " makes a new one.";
    if (pod->owner_kind.empty()) {
      plan.base_risk = v1alpha1::kRiskCritical;
      plan.risk_factors.emplace_back("the pod has no owner: nobody makes a new one");
      plan.description = "Deletes pod " + pod->name + Why(subject, *pod) + ", for good.";
    }
    if (wanted.grace_seconds && *wanted.grace_seconds == 0) {
      plan.risk_factors.emplace_back(
          "without any grace it is gone from the API before it has ended");
    }
    return plan;
  }

  StatusOr<ActionResult> Execute(const ActionRequest& request, const Subject& subject,
                                 const CallContext& context) const override {
    const Wanted wanted = Read(request.action);
    SALVE_ASSIGN_OR_RETURN(const PodId id, Which(request, wanted, subject));
    const NamespacedName name{subject.ref.ns, id.name};
    const Status status =
        wanted.evict ? tools_.cluster.EvictPod(name, id.uid, wanted.grace_seconds, context)
                     : tools_.cluster.DeletePod(name, id.uid, wanted.grace_seconds, context);
    const std::string done = "pod " + id.name + (wanted.evict ? " evicted" : " deleted");
    if (status.ok()) return Applied(done);
    if (status.code() == Code::kConflict) {
      return ConflictError("pod " + id.name + " is another one by now: " + status.message())
          .WithReason(kReasonTargetDrifted);
    }
    if (status.code() == Code::kTooManyRequests) return status.Annotate("not evicted");
    return Settle(status, done, [&] { return Look(name, id, context); });
  }

  StatusOr<ActionResult> Outcome(const ActionRequest& request,
                                 const CallContext& context) const override {
    const std::optional<PodId> id = Parse(request.subject);
    if (!id) return Unknown("the attempt does not say which pod");
    return Look({request.target.ns, id->name}, *id, context);
  }

 private:
  static std::string Command(const Wanted& wanted, const Subject& subject, const Pod& pod) {
    if (wanted.evict) {
      return "kubectl create --raw /api/v1/namespaces/" + pod.ns + "/pods/" + pod.name +
             "/eviction -f eviction.json";
    }
    std::string command = subject.Kubectl("delete pod ") + pod.name;
    if (wanted.grace_seconds) {
      command += " --grace-period=" + std::to_string(*wanted.grace_seconds);
    }
    return command;
  }

  static StatusOr<PodId> Which(const ActionRequest& request, const Wanted& wanted,
                               const Subject& subject) {
    if (!request.subject.empty()) {
      std::optional<PodId> id = Parse(request.subject);
      if (!id) return InvalidArgumentError("\"" + request.subject + "\" names no pod");
      return *std::move(id);
    }
    SALVE_ASSIGN_OR_RETURN(const PodPtr pod, Choose(wanted, subject));
    return PodId{pod->name, pod->uid};
  }

  StatusOr<ActionResult> Look(const NamespacedName& name, const PodId& id,
                              const CallContext& context) const {
    const auto pod = tools_.cluster.Get(kPods, name, context);
    if (pod.code() == Code::kNotFound) return Applied("pod " + id.name + " is gone");
    if (!pod.ok()) return pod.status();
    if (salve::GetString(*pod, {"metadata", "uid"}) != id.uid) {
      return Applied("pod " + id.name + " is another one by now");
    }
    if (salve::Find(*pod, {"metadata", "deletionTimestamp"}) != nullptr) {
      return Applied("pod " + id.name + " is ending");
    }
    return NotApplied("pod " + id.name + " is still there");
  }

  ActionTools& tools_;
};

}  // namespace

std::unique_ptr<ActionHandler> MakePodHandler(ActionTools& tools) {
  return std::make_unique<PodHandler>(tools);
}

}  // namespace salve::backends::kubernetes
