// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/action_handler.h"

#include <algorithm>
#include <chrono>
#include <stop_token>
#include <utility>
#include <vector>

#include "pkg/backends/text.h"
#include "pkg/base/pause.h"

namespace salve::backends::ecs {
namespace {

using healing::ActionResult;

constexpr std::size_t kMostQuestions = 1000;
constexpr std::chrono::seconds kLookAgain{3};
constexpr char kNone[] = "none";
constexpr char kPrefix[] = "deployments before: ";

// The ids that DeploymentsBefore() wrote; nullopt for anything else.
std::optional<std::vector<std::string>> ReadBefore(const std::string& subject) {
  if (subject.rfind(kPrefix, 0) != 0) return std::nullopt;
  std::vector<std::string> ids;
  std::size_t begin = std::string_view(kPrefix).size();
  while (begin < subject.size()) {
    const std::size_t end = std::min(subject.find(' ', begin), subject.size());
    ids.push_back(subject.substr(begin, end - begin));
    begin = end + 1;
  }
  return ids;
}

bool IsNew(const Deployment& deployment, const std::vector<std::string>& before) {
  return std::find(before.begin(), before.end(), deployment.id) == before.end();
}

// What ECS has confirmed is known here before DescribeServices shows it.
std::string TakeAnswer(const ActionTools& tools, const Subject& subject, const Update& update,
                       const Json& answer) {
  const Json* json =
      answer.is_object() && answer.contains("service") ? &answer["service"] : nullptr;
  auto service = json != nullptr ? DecodeService(*json)
                                 : StatusOr<Service>(InvalidArgumentError("no service"));
  Expected expected;
  expected.count = update.count;
  std::string text;
  if (service.ok() && update.makes_deployment) {
    for (const Deployment& d : service->deployments) {
      const auto& old = subject.service().deployments;
      const bool known =
          std::any_of(old.begin(), old.end(), [&](const Deployment& o) { return o.id == d.id; });
      if (!known && d.status == kPrimary) expected.deployment = d.id;
    }
    if (!expected.deployment.empty()) {
      text = " as deployment " + expected.deployment;
      tools.view.Own(subject.name, expected.deployment);
    }
  }
  tools.view.Expect(subject.name, std::move(expected));
  return text;
}

// The answer to a change was lost: `find` tells whether a service shows it.
StatusOr<ActionResult> AwaitTrace(
    const ActionTools& tools, const Subject& subject, const Status& why, const CallContext& context,
    const std::function<std::optional<ActionResult>(const Service&)>& find) {
  const MonoTime certain = tools.clock.Monotonic() + View::kConsistency;
  for (;;) {
    const auto now = ReadService(tools.reader, subject.name, context);
    if (now.ok()) {
      if (auto found = find(*now)) return *std::move(found);
      if (tools.clock.Monotonic() >= certain) {
        return NotApplied("ECS shows no trace of it: " + why.message());
      }
    }
    const bool in_time = tools.clock.Monotonic() + kLookAgain < context.deadline;
    if (!in_time || !Pause(tools.clock, kLookAgain, context.stop)) return Unknown(why.message());
  }
}

}  // namespace

bool OpenQuestions::MayAppear(const std::string& attempt_id) {
  const MonoTime now = clock_.Monotonic();
  MutexLock lock(mu_);
  if (asked_.size() >= kMostQuestions) asked_.clear();
  return now - asked_.try_emplace(attempt_id, now).first->second < View::kConsistency;
}

const Deployment& Subject::primary() const {
  static const auto* none = new Deployment();
  const Deployment* primary = service().Primary();
  return primary != nullptr ? *primary : *none;
}

std::string Subject::Aws(const std::string& verb) const {
  return "aws ecs " + verb + " --cluster " + name.cluster;
}

std::string Subject::Who(const std::string& action) const {
  return action + " on service " + name.ToString() + ": ";
}

healing::ActionPlan NewPlan(const healing::Action& action, const Subject& subject) {
  healing::ActionPlan plan;
  plan.action = action;
  plan.target = subject.ref;
  plan.idempotency = healing::IdempotencyClass::kRecognisable;
  plan.affected = {"service " + subject.name.service + " in cluster " + subject.name.cluster};
  return plan;
}

Status CheckService(const std::string& action, const Subject& subject) {
  const Service& service = subject.service();
  if (service.status != kActive) {
    return InvalidArgumentError(subject.Who(action) + "it is " + service.status);
  }
  if (!service.controller.empty() && service.controller != "ECS") {
    return InvalidArgumentError(subject.Who(action) + "its deployments are made by " +
                                service.controller + ", not by ECS");
  }
  return Status::Ok();
}

Status CheckNoDeployment(const std::string& action, const Subject& subject) {
  if (!subject.seen.verdict.rollout_in_progress) return Status::Ok();
  return InvalidArgumentError(subject.Who(action) +
                              "it is left alone: " + subject.seen.verdict.message);
}

std::string DeploymentsBefore(const Service& service) {
  std::vector<std::string> ids;
  for (const Deployment& d : service.deployments) ids.push_back(d.id);
  std::sort(ids.begin(), ids.end());
  std::string out = kPrefix;
  for (std::size_t i = 0; i < ids.size(); ++i) out += (i == 0 ? "" : " ") + ids[i];
  return ids.empty() ? out + kNone : out;
}

std::int64_t TakenByDeployment(const Service& service) {
  return std::clamp<std::int64_t>(service.running - LeastHealthy(service), 0, service.running);
}

std::optional<ActionResult> FindNewDeployment(
    const ActionTools& tools, const ActionRequest& request, const ServiceName& name,
    const Service& service, const std::function<bool(const std::string&)>& wanted) {
  const auto before = ReadBefore(request.subject);
  if (!before) return std::nullopt;
  const Deployment* other = nullptr;
  for (const Deployment& d : service.deployments) {
    if (!IsNew(d, *before)) continue;
    if (wanted(d.task_definition)) {
      tools.view.Own(name, d.id);
      return Applied("deployment " + d.id + " is new since");
    }
    other = &d;
  }
  if (other == nullptr) return std::nullopt;
  return Unknown("deployment " + other->id + " of " + ShortName(other->task_definition) +
                 " was made by somebody else since");
}

StatusOr<Service> ReadService(const Reader& reader, const ServiceName& name,
                              const CallContext& context) {
  SALVE_ASSIGN_OR_RETURN(auto services, reader.Services(name.cluster, {name.service}, context));
  const auto it = services.find(name.service);
  if (it == services.end()) return InternalError("ECS answered for another service");
  return std::move(it->second);
}

StatusOr<ActionResult> NoTrace(const ActionTools& tools, const ActionRequest& request) {
  if (tools.questions.MayAppear(request.attempt_id)) {
    return UnavailableError("ECS may not show yet whether attempt " + request.attempt_id +
                            " was applied")
        .WithReason("NotShownYet")
        .WithRetryAfter(kLookAgain);
  }
  return NotApplied("ECS shows no trace of the attempt");
}

StatusOr<ActionResult> UpdateService(const ActionTools& tools, const ActionRequest& request,
                                     const Subject& subject, const Update& update,
                                     const CallContext& context) {
  const std::string wanted =
      update.task_definition.empty() ? subject.service().task_definition : update.task_definition;
  const auto ours = [&](const std::string& definition) { return definition == wanted; };
  if (update.makes_deployment) {
    auto found = FindNewDeployment(tools, request, subject.name, subject.service(), ours);
    if (found) return *std::move(found);
  }
  Json body = update.change;
  body["cluster"] = subject.name.cluster;
  body["service"] = subject.name.service;
  const auto find = [&](const Service& now) -> std::optional<ActionResult> {
    // An undo stores no deployments of before: where the service stands is what tells.
    if (update.makes_deployment && !request.undo_token.empty()) {
      if (!ours(now.task_definition)) return std::nullopt;
      return Applied(update.done);
    }
    if (update.makes_deployment) {
      return FindNewDeployment(tools, request, subject.name, now, ours);
    }
    if (now.desired != *update.count) return std::nullopt;
    return Applied(update.done);
  };
  const auto answer = tools.api.Call(kUpdateService, body, context);
  if (answer.ok()) return Applied(update.done + TakeAnswer(tools, subject, update, *answer));
  if (!MayHaveBeenDone(answer.code())) return answer.status();
  // Never sent a second time, whatever is seen: the next attempt has its own place in the budget.
  return AwaitTrace(tools, subject, answer.status(), context, find);
}

}  // namespace salve::backends::ecs
