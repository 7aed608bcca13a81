// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_DOCKER_ACTION_HANDLER_H_
#define SALVE_PKG_BACKENDS_DOCKER_ACTION_HANDLER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "pkg/backends/backend.h"
#include "pkg/backends/docker/container_state.h"
#include "pkg/backends/docker/engine_client.h"
#include "pkg/backends/docker/view.h"
#include "pkg/backends/results.h"

namespace salve::backends::docker {

// Environment variables for commands run inside a target, for example {"REDISCLI_AUTH", …}: the
// only way by which a password reaches a client program; never on a command line, never logged or
// stored.
using ExecEnvironment =
    std::function<std::map<std::string, std::string>(const healing::TargetRef&)>;

// What every handler works with. Everything outlives the handlers.
struct ActionTools {
  EngineClient& client;
  const View& view;
  Clock& clock;
  ExecEnvironment exec_environment;  // may be empty
  bool terminate_superusers = false;
};

// Where an action acts: the container as it was inspected a moment ago.
struct Subject {
  healing::TargetRef ref;
  ContainerState container;
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
  // The container exists; its identity may differ from request.identity_before.
  virtual StatusOr<healing::ActionResult> Outcome(const ActionRequest& request,
                                                  const Subject& subject,
                                                  const CallContext& context) const = 0;
};

std::unique_ptr<ActionHandler> MakeLifecycleHandler(ActionTools& tools);
std::unique_ptr<ActionHandler> MakeResourceHandler(ActionTools& tools);
std::unique_ptr<ActionHandler> MakeExecHandler(ActionTools& tools);
std::unique_ptr<ActionHandler> MakeRedisHandler(ActionTools& tools);
std::unique_ptr<ActionHandler> MakePostgresHandler(ActionTools& tools);

// --- what they share
// ------------------------------------------------------------------------------------

// What a failed call means for a change: an error where it was certainly not made, else kUnknown.
StatusOr<healing::ActionResult> Doubt(const Status& status);

// A plan with target, action and "affected" filled in.
healing::ActionPlan NewPlan(const healing::Action& action, const Subject& subject);

// Runs argv in the subject with the environment that belongs to it. A result with outcome kApplied
// means that it ran to its end, whatever its exit code; the texts are filled in. A program that the
// container does not have is kInvalidArgument.
StatusOr<healing::ActionResult> RunInside(const ActionTools& tools, const Subject& subject,
                                          ExecSpec spec, const CallContext& context);

// "docker exec NAME argv…"
std::string ExecCommand(const Subject& subject, const std::vector<std::string>& argv);

}  // namespace salve::backends::docker

#endif  // SALVE_PKG_BACKENDS_DOCKER_ACTION_HANDLER_H_
