// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_ACTION_HANDLER_H_
#define SALVE_PKG_BACKENDS_ECS_ACTION_HANDLER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "pkg/backends/backend.h"
#include "pkg/backends/ecs/api.h"
#include "pkg/backends/ecs/reader.h"
#include "pkg/backends/ecs/view.h"
#include "pkg/backends/results.h"
#include "pkg/base/mutex.h"

namespace salve::backends::ecs {

// How long each attempt has been asked for without a trace of it. Thread-safe; bounded.
class OpenQuestions {
 public:
  explicit OpenQuestions(Clock& clock) : clock_(clock) {}
  // True while the attempt was first asked for less than View::kConsistency ago: its trace may only
  // not be shown yet.
  bool MayAppear(const std::string& attempt_id);

 private:
  Clock& clock_;
  Mutex mu_;
  std::map<std::string, MonoTime> asked_ SALVE_GUARDED_BY(mu_);
};

// What every handler works with. Everything outlives the handlers.
struct ActionTools {
  Api& api;
  const Reader& reader;
  View& view;
  Clock& clock;
  OpenQuestions& questions;
};

// Where an action acts: the service as it was read a moment ago.
struct Subject {
  healing::TargetRef ref;
  ServiceName name;
  Seen seen;

  const Service& service() const { return seen.snapshot.service; }
  const Deployment& primary() const;  // an empty one where there is none
  // "aws ecs VERB --cluster C", for previews.
  std::string Aws(const std::string& verb) const;
  // "… on service shop/web: ", how a refusal begins.
  std::string Who(const std::string& action) const;
};

// One family of actions. Thread-safe, without state. The rules for the results are those of
// Backend.
class ActionHandler {
 public:
  virtual ~ActionHandler() = default;
  virtual bool Handles(const healing::Action& action) const = 0;
  virtual StatusOr<healing::ActionPlan> Plan(const healing::Action& action, const Subject& subject,
                                             const CallContext& context) const = 0;
  virtual StatusOr<healing::ActionResult> Execute(const ActionRequest& request,
                                                  const Subject& subject,
                                                  const CallContext& context) const = 0;
  virtual StatusOr<healing::ActionResult> Outcome(const ActionRequest& request,
                                                  const ServiceName& name,
                                                  const CallContext& context) const = 0;
};

std::unique_ptr<ActionHandler> MakeRedeployHandler(ActionTools& tools);
std::unique_ptr<ActionHandler> MakeRollbackHandler(ActionTools& tools);
std::unique_ptr<ActionHandler> MakeCountHandler(ActionTools& tools);
std::unique_ptr<ActionHandler> MakeTaskHandler(ActionTools& tools);
std::unique_ptr<ActionHandler> MakeResourceHandler(ActionTools& tools);

// --- what they share
// ------------------------------------------------------------------------------------

// A plan with target, action and the class of all changes here filled in.
healing::ActionPlan NewPlan(const healing::Action& action, const Subject& subject);

// OK for an active service that ECS itself deploys; else why `action` cannot run.
Status CheckService(const std::string& action, const Subject& subject);
// OK unless a deployment is under way that is not known to fail, or that ECS's own circuit breaker
// rolls back: it is not for us to cut across it.
Status CheckNoDeployment(const std::string& action, const Subject& subject);

// Which deployments a service had when the plan was made: what is not among them is new. Part of
// the digest, stored with the attempt.
std::string DeploymentsBefore(const Service& service);

// How many running tasks may be away at once while a deployment replaces them.
std::int64_t TakenByDeployment(const Service& service);

// One UpdateService with `change` for the attempt. A deployment that is new since the plan was made
// is taken for the attempt's own if it is of `task_definition` ("" = the one the service has now),
// and nothing is sent. Where the answer was lost the service is looked at until it shows the
// change, or until it would have to (View::kConsistency): then NotApplied; Unknown where the
// deadline comes first. It is sent once, whatever happens.
struct Update {
  Json change;
  std::string task_definition;        // ARN
  bool makes_deployment = true;       // false: only the number of tasks changes
  std::optional<std::int64_t> count;  // … to this
  std::string done;                   // "service shop/web is redeployed"
};
StatusOr<healing::ActionResult> UpdateService(const ActionTools& tools,
                                              const ActionRequest& request, const Subject& subject,
                                              const Update& update, const CallContext& context);

// Whether a deployment that was not there before the attempt tells of it. nullopt: there is none.
// `wanted`: whether a task definition (ARN) is the one that the attempt deploys. The view learns
// that it is ours.
std::optional<healing::ActionResult> FindNewDeployment(
    const ActionTools& tools, const ActionRequest& request, const ServiceName& name,
    const Service& service, const std::function<bool(const std::string& task_definition)>& wanted);

// The service as DescribeServices has it now.
StatusOr<Service> ReadService(const Reader& reader, const ServiceName& name,
                              const CallContext& context);
// kUnavailable while the attempt's trace may still appear, then NotApplied.
StatusOr<healing::ActionResult> NoTrace(const ActionTools& tools, const ActionRequest& request);

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_ACTION_HANDLER_H_
