// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "pkg/backends/kubernetes/action_handler.h"
#include "pkg/backends/kubernetes/workload_health.h"
#include "pkg/backends/text.h"
#include "pkg/base/json_access.h"

// rolloutUndo: the template of an earlier revision becomes the newest one.
namespace salve::backends::kubernetes {
namespace {

namespace v1alpha1 = apis::salve::v1alpha1;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;
using RevisionPtr = std::shared_ptr<const Revision>;

constexpr char kName[] = "rolloutUndo";

// Servers differ in whether they write a field that is empty.
void DropNulls(Json& value) {
  if (value.is_object()) {
    for (auto it = value.begin(); it != value.end();) {
      if (it->is_null()) {
        it = value.erase(it);
      } else {
        DropNulls(*it);
        ++it;
      }
    }
  } else if (value.is_array()) {
    for (Json& one : value) DropNulls(one);
  }
}

// The template that a ReplicaSet or ControllerRevision keeps, as the workload had it.
std::optional<Json> TemplateOf(const Json& revision) {
  const Json* found = salve::Find(revision, {"spec", "template"});
  if (found == nullptr) found = salve::Find(revision, {"data", "spec", "template"});
  if (found == nullptr || !found->is_object()) return std::nullopt;
  Json copy = *found;
  copy.erase("$patch");
  if (salve::Find(copy, {"metadata", "labels"}) != nullptr) {
    copy["metadata"]["labels"].erase("pod-template-hash");
  }
  DropNulls(copy);
  return copy;
}

std::string Images(const Json& pod_template) {
  std::string out;
  const Json* spec = salve::Find(pod_template, {"spec"});
  if (spec == nullptr) return out;
  for (const ContainerSpec& c : DecodeContainers(*spec)) out += (out.empty() ? "" : ", ") + c.image;
  return out;
}

RevisionPtr ByNumber(const Subject& subject, std::int64_t number) {
  for (const RevisionPtr& one : subject.seen.snapshot->revisions) {
    if (one->number == number) return one;
  }
  return nullptr;
}

std::string Numbers(const Subject& subject) {
  std::vector<std::int64_t> numbers;
  for (const RevisionPtr& one : subject.seen.snapshot->revisions) numbers.push_back(one->number);
  std::sort(numbers.begin(), numbers.end());
  std::string out;
  for (const std::int64_t number : numbers)
    out += (out.empty() ? "" : ", ") + std::to_string(number);
  return out.empty() ? "none" : out;
}

// Where to go back to.
StatusOr<RevisionPtr> Choose(const v1alpha1::RolloutUndoAction& action, const Subject& subject) {
  const std::string who = std::string(kName) + " on " + subject.KubectlName() + ": ";
  const Verdict& verdict = subject.seen.verdict;
  if (action.to_revision) {
    RevisionPtr chosen = ByNumber(subject, *action.to_revision);
    if (chosen == nullptr) {
      return InvalidArgumentError(who + "it has no revision " +
                                  std::to_string(*action.to_revision) +
                                  " (there are: " + Numbers(subject) + ")");
    }
    if (chosen == verdict.newest) {
      return InvalidArgumentError(who + "revision " + std::to_string(*action.to_revision) +
                                  " is the present one");
    }
    return chosen;
  }
  if (verdict.good.empty()) {
    return InvalidArgumentError(
        who + "no earlier revision serves, or was seen to (there are: " + Numbers(subject) + ")");
  }
  return verdict.good.front();
}

// What the inverse needs: numbers move when an old template comes back, names do not.
std::string Token(const Revision& back_to, const Revision& undone) {
  return Json({{"to", back_to.name}, {"toUid", back_to.uid}, {"from", undone.name}}).dump();
}

class UndoHandler final : public WorkloadHandler {
 public:
  using WorkloadHandler::WorkloadHandler;

  bool Handles(const Action& a) const override { return a.rollout_undo.has_value(); }

  StatusOr<ActionPlan> Plan(const Action& action, const Subject& subject,
                            const CallContext& context) const override {
    SALVE_RETURN_IF_ERROR(CheckWorkload(kName, subject));
    SALVE_RETURN_IF_ERROR(CheckNoRollout(kName, subject));
    SALVE_ASSIGN_OR_RETURN(const RevisionPtr to, Choose(*action.rollout_undo, subject));
    SALVE_ASSIGN_OR_RETURN(const Json wanted, Read(subject, to->name, to->uid, context));
    SALVE_ASSIGN_OR_RETURN(const Json present, Present(subject));
    if (wanted == present) {
      return InvalidArgumentError(std::string(kName) + " on " + subject.KubectlName() +
                                  ": its template already is that of revision " +
                                  std::to_string(to->number));
    }
    ActionPlan plan = NewPlan(action, subject);
    plan.action.rollout_undo->to_revision = to->number;
    plan.command = Command(subject, to->number);
    plan.base_risk = v1alpha1::kRiskMedium;
    const Verdict& verdict = subject.seen.verdict;
    const bool good = std::find(verdict.good.begin(), verdict.good.end(), to) != verdict.good.end();
    if (!good) {
      plan.risk_factors.push_back("revision " + std::to_string(to->number) +
                                  " was not seen to serve");
    }
    plan.takes_available = TakesAvailable(subject);
    Describe(subject, *to, Images(present), Images(wanted), plan);
    SetInverse(subject, *to, plan);
    return plan;
  }

  StatusOr<ActionResult> Execute(const ActionRequest& request, const Subject& subject,
                                 const CallContext& context) const override {
    SALVE_RETURN_IF_ERROR(CheckWorkload(kName, subject));
    if (subject.workload().paused) return CheckNoRollout(kName, subject);
    Json wanted;
    if (!request.undo_token.empty()) {
      SALVE_ASSIGN_OR_RETURN(wanted, FromToken(request.undo_token, subject, context));
    } else {
      SALVE_ASSIGN_OR_RETURN(const RevisionPtr to, Choose(*request.action.rollout_undo, subject));
      SALVE_ASSIGN_OR_RETURN(wanted, Read(subject, to->name, to->uid, context));
    }
    Json operations = Json::array();
    operations.push_back({{"op", "replace"}, {"path", "/spec/template"}, {"value", wanted}});
    auto result = ChangeWorkload(
        tools_, request, subject, operations,
        subject.KubectlName() + " has the template with " + Images(wanted) + " again", context);
    if (result.ok() && result->outcome == ActionResult::Outcome::kApplied) {
      result->message += Release(subject, context);
    }
    return result;
  }

 private:
  static std::string Command(const Subject& subject, std::int64_t number) {
    return subject.Kubectl("rollout undo ") + subject.KubectlName() +
           " --to-revision=" + std::to_string(number);
  }

  static StatusOr<Json> Present(const Subject& subject) {
    auto present = TemplateOf(subject.object);
    if (!present) return InternalError(subject.KubectlName() + " has no template");
    return *std::move(present);
  }

  // The template that the revision keeps, from the server.
  StatusOr<Json> Read(const Subject& subject, const std::string& name, const std::string& uid,
                      const CallContext& context) const {
    const ResourceInfo& resource =
        subject.ref.kind == kKindDeployment ? kReplicaSets : kControllerRevisions;
    const auto object = tools_.cluster.Get(resource, {subject.ref.ns, name}, context);
    const bool other =
        object.ok() && !uid.empty() && salve::GetString(*object, {"metadata", "uid"}) != uid;
    if (object.code() == Code::kNotFound || other) {
      return InvalidArgumentError(std::string(kName) + " on " + subject.KubectlName() + ": " +
                                  resource.kind + " " + name + " does not exist any more");
    }
    if (!object.ok()) return object.status();
    auto kept = TemplateOf(*object);
    if (!kept) return InvalidArgumentError(resource.kind + " " + name + " keeps no template");
    return *std::move(kept);
  }

  // An undo goes on only from what was done: what somebody else has rolled out since stays.
  StatusOr<Json> FromToken(const std::string& text, const Subject& subject,
                           const CallContext& context) const {
    const Json token = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    const std::string to = salve::GetString(token, {"to"});
    const std::string from = salve::GetString(token, {"from"});
    if (to.empty() || from.empty()) return InvalidArgumentError("the undo data cannot be read");
    SALVE_ASSIGN_OR_RETURN(const Json done, Read(subject, from, "", context));
    SALVE_ASSIGN_OR_RETURN(const Json present, Present(subject));
    if (done != present) {
      return AbortedError(subject.KubectlName() +
                          ": somebody has changed its template since; it is left alone");
    }
    return Read(subject, to, salve::GetString(token, {"toUid"}), context);
  }

  // The pods that hold up the way back: a StatefulSet replaces no pod before the one that it waits
  // for is ready, and that of the bad template never will be.
  static std::vector<std::shared_ptr<const Pod>> Stuck(const Subject& subject) {
    std::vector<std::shared_ptr<const Pod>> pods;
    if (subject.ref.kind != kKindStatefulSet) return pods;
    for (const IllPod& one : subject.seen.verdict.ill) {
      if (!one.pod->ready && !one.pod->deleted) pods.push_back(one.pod);
    }
    return pods;
  }

  // What is left of it after a failure, the verification finds.
  std::string Release(const Subject& subject, const CallContext& context) const {
    std::string text;
    for (const auto& pod : Stuck(subject)) {
      const Status status =
          tools_.cluster.DeletePod({pod->ns, pod->name}, pod->uid, std::nullopt, context);
      text += "; pod " + pod->name + (status.ok() ? " deleted" : ": " + status.message());
    }
    return text;
  }

  // Only pods of the newest revision are replaced.
  static std::int64_t TakesAvailable(const Subject& subject) {
    const Verdict& verdict = subject.seen.verdict;
    std::int64_t serving = 0;
    for (const auto& pod : subject.seen.snapshot->pods) {
      const bool newest = verdict.newest != nullptr && (pod->owner_uid == verdict.newest->uid ||
                                                        pod->hash == verdict.newest->hash);
      if (newest && pod->ready && !pod->deleted) ++serving;
    }
    return std::min(serving, TakenByRollout(subject.workload()));
  }

  static void Describe(const Subject& subject, const Revision& to, const std::string& present,
                       const std::string& wanted, ActionPlan& plan) {
    const RevisionPtr& newest = subject.seen.verdict.newest;
    std::string text = "Takes " + subject.KubectlName() + " back";
    if (newest != nullptr) text += " from revision " + std::to_string(newest->number);
    text += " to revision " + std::to_string(to.number);
    if (present != wanted) text += ": image " + wanted + " instead of " + present;
    if (to.available > 0) {
      text += ". " + std::to_string(to.available) + " of its replicas serve now";
    }
    plan.description = text + ".";
    plan.affected.front() += ", pod template";
    for (const auto& pod : Stuck(subject)) {
      plan.affected.push_back("pod " + pod->name + " in " + pod->ns);
      plan.command += " && " + subject.Kubectl("delete pod ") + pod->name;
    }
  }

  static void SetInverse(const Subject& subject, const Revision& to, ActionPlan& plan) {
    const RevisionPtr& newest = subject.seen.verdict.newest;
    if (newest == nullptr) return;
    // The revision that is left keeps its number; the one that comes back gets a new one.
    plan.undo.emplace().rollout_undo.emplace().to_revision = newest->number;
    plan.undo_command = Command(subject, newest->number);
    plan.undo_token = Token(*newest, to);
    plan.reversible = true;
  }
};

}  // namespace

std::unique_ptr<ActionHandler> MakeUndoHandler(ActionTools& tools) {
  return std::make_unique<UndoHandler>(tools);
}

}  // namespace salve::backends::kubernetes
