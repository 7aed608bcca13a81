// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <utility>

#include "pkg/backends/docker/action_handler.h"
#include "pkg/backends/docker/redis_text.h"
#include "pkg/backends/text.h"

// redisFlushAll, redisSetConfig, redisScriptKill, redisClientKill: by redis-cli inside the
// container.
namespace salve::backends::docker {
namespace {

namespace v1alpha1 = apis::salve::v1alpha1;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;
using Argv = std::vector<std::string>;

constexpr std::int64_t kDefaultPort = 6379;
// One client is one call: a server with more idle ones needs another attempt.
constexpr std::size_t kMaxClientKills = 500;

StatusOr<std::int64_t> PortOf(const Action& a) {
  std::optional<std::int64_t> port;
  if (a.redis_flush_all) port = a.redis_flush_all->port;
  if (a.redis_set_config) port = a.redis_set_config->port;
  if (a.redis_script_kill) port = a.redis_script_kill->port;
  if (a.redis_client_kill) port = a.redis_client_kill->port;
  if (port && (*port < 1 || *port > 65535)) {
    return InvalidArgumentError("redis port " + std::to_string(*port) + " is none");
  }
  return port.value_or(kDefaultPort);
}

Argv Cli(std::int64_t port, const Argv& command) {
  Argv argv = {"redis-cli", "-p", std::to_string(port)};
  argv.insert(argv.end(), command.begin(), command.end());
  return argv;
}

class RedisHandler final : public ActionHandler {
 public:
  explicit RedisHandler(ActionTools& tools) : tools_(tools) {}

  bool Handles(const Action& a) const override {
    return a.redis_flush_all || a.redis_set_config || a.redis_script_kill || a.redis_client_kill;
  }

  StatusOr<ActionPlan> Plan(const Action& action, const Subject& subject,
                            const CallContext& context) const override {
    SALVE_ASSIGN_OR_RETURN(const std::int64_t port, PortOf(action));
    ActionPlan plan = NewPlan(action, subject);
    plan.idempotency = healing::IdempotencyClass::kAtMostOnce;
    plan.base_risk = v1alpha1::kRiskMedium;
    plan.command = ExecCommand(subject, Cli(port, CommandOf(action)));
    if (action.redis_flush_all) {
      PlanFlush(subject, port, context, plan);
    } else if (action.redis_set_config) {
      SALVE_RETURN_IF_ERROR(PlanSetConfig(*action.redis_set_config, subject, port, context, plan));
    } else if (action.redis_script_kill) {
      plan.description = "Ends the script that keeps Redis in " + subject.container.name + " busy.";
      plan.risk_factors = {"the script's caller gets an error"};
    } else {
      plan.description = "Closes the connections to Redis in " + subject.container.name +
                         " that have been idle for at least " +
                         std::to_string(action.redis_client_kill->idle_seconds) +
                         " s (not replicas, not monitors).";
      plan.risk_factors = {"their owners have to connect again"};
    }
    return plan;
  }

  StatusOr<ActionResult> Execute(const ActionRequest& request, const Subject& subject,
                                 const CallContext& context) const override {
    SALVE_ASSIGN_OR_RETURN(const std::int64_t port, PortOf(request.action));
    if (request.action.redis_client_kill) {
      return KillClients(request.action.redis_client_kill->idle_seconds, subject, port, context);
    }
    if (request.action.redis_set_config) {
      SALVE_RETURN_IF_ERROR(CheckRedisSetting(request.action.redis_set_config->parameter,
                                              request.action.redis_set_config->value));
    }
    SALVE_ASSIGN_OR_RETURN(ActionResult result,
                           Run(subject, port, CommandOf(request.action), context));
    if (result.outcome != ActionResult::Outcome::kApplied) return result;
    const std::string answer(Trim(result.stdout_text));
    if (result.exit_code == 0 && answer == "OK") {
      result.message = "OK";
      return result;
    }
    // Redis answers before it changes anything or after it has changed all: an error means nothing
    // done.
    result.outcome = ActionResult::Outcome::kNotApplied;
    result.message =
        "redis-cli: " + Printable(answer.empty() ? Trim(result.stderr_text) : answer, 300);
    return result;
  }

  StatusOr<ActionResult> Outcome(const ActionRequest& request, const Subject& subject,
                                 const CallContext& context) const override {
    if (!request.action.redis_set_config) return Unknown("a command to Redis leaves no trace");
    const auto& wanted = *request.action.redis_set_config;
    SALVE_ASSIGN_OR_RETURN(const std::int64_t port, PortOf(request.action));
    const auto now = ReadConfig(wanted.parameter, subject, port, context);
    if (!now.ok()) return Unknown("reading it back: " + now.status().message());
    return SameRedisValue(wanted.parameter, *now, wanted.value)
               ? Applied(wanted.parameter + " is " + *now)
               : NotApplied(wanted.parameter + " is " + *now);
  }

 private:
  static Argv CommandOf(const Action& a) {
    if (a.redis_flush_all) {
      return a.redis_flush_all->async ? Argv{"FLUSHALL", "ASYNC"} : Argv{"FLUSHALL"};
    }
    if (a.redis_set_config) {
      return {"CONFIG", "SET", a.redis_set_config->parameter, a.redis_set_config->value};
    }
    if (a.redis_script_kill) return {"SCRIPT", "KILL"};
    // What a person would type: the ids come from CLIENT LIST at the time of execution.
    return {"CLIENT", "KILL", "ID",
            "<each client idle for " + std::to_string(a.redis_client_kill->idle_seconds) +
                " s or more>"};
  }

  StatusOr<ActionResult> Run(const Subject& subject, std::int64_t port, const Argv& command,
                             const CallContext& context) const {
    ExecSpec spec;
    spec.argv = Cli(port, command);
    return RunInside(tools_, subject, std::move(spec), context);
  }

  // A read-only command; the answer, or why there is none.
  StatusOr<std::string> Read(const Subject& subject, std::int64_t port, const Argv& command,
                             const CallContext& context) const {
    SALVE_ASSIGN_OR_RETURN(const ActionResult result, Run(subject, port, command, context));
    if (result.outcome != ActionResult::Outcome::kApplied) return UnavailableError(result.message);
    if (result.exit_code != 0) {
      return UnavailableError("redis-cli: " +
                              Printable(Trim(result.stderr_text + " " + result.stdout_text), 300));
    }
    return result.stdout_text;
  }

  StatusOr<std::string> ReadConfig(const std::string& parameter, const Subject& subject,
                                   std::int64_t port, const CallContext& context) const {
    SALVE_ASSIGN_OR_RETURN(const std::string answer,
                           Read(subject, port, {"CONFIG", "GET", parameter}, context));
    return ParseConfigValue(parameter, answer);
  }

  void PlanFlush(const Subject& subject, std::int64_t port, const CallContext& context,
                 ActionPlan& plan) const {
    plan.base_risk = v1alpha1::kRiskHigh;
    plan.description =
        "Deletes every key of every database of Redis in " + subject.container.name + ".";
    plan.risk_factors = {"data loss: all keys are deleted, nothing brings them back"};
    const auto save = ReadConfig("save", subject, port, context);
    const auto aof = ReadConfig("appendonly", subject, port, context);
    if (!save.ok() || !aof.ok()) {
      plan.risk_factors.emplace_back("whether its data is kept on disk could not be found out");
    } else if (save->empty() && *aof == "no") {
      plan.risk_factors.emplace_back("it keeps nothing on disk: a restart would lose the keys too");
    } else {
      plan.risk_factors.emplace_back(
          "it keeps its data on disk, so it is no mere cache; the copy on disk is emptied as well");
    }
  }

  Status PlanSetConfig(const v1alpha1::RedisSetConfigAction& action, const Subject& subject,
                       std::int64_t port, const CallContext& context, ActionPlan& plan) const {
    SALVE_RETURN_IF_ERROR(CheckRedisSetting(action.parameter, action.value));
    SALVE_RETURN_IF_ERROR(FitsContainer(action, subject.container));
    const auto old = ReadConfig(action.parameter, subject, port, context);
    if (!old.ok()) return old.status().Annotate("reading " + action.parameter + " before");
    plan.description = "Sets " + action.parameter + " of Redis in " + subject.container.name +
                       " from " + *old + " to " + action.value +
                       ", until its next restart (the file stays as it is).";
    plan.idempotency = healing::IdempotencyClass::kRecognisable;
    if (action.parameter == "maxmemory-policy" && action.value != "noeviction") {
      plan.risk_factors.emplace_back("keys may be evicted: data loss unless it is a cache");
    }
    // An old value that may not be set (maxmemory 0: no limit) leaves no way back.
    if (!CheckRedisSetting(action.parameter, *old).ok()) return Status::Ok();
    v1alpha1::RedisSetConfigAction back = action;
    back.value = *old;
    plan.undo.emplace().redis_set_config = back;
    plan.undo_command = ExecCommand(subject, Cli(port, CommandOf(*plan.undo)));
    plan.reversible = true;
    return Status::Ok();
  }

  static Status FitsContainer(const v1alpha1::RedisSetConfigAction& action,
                              const ContainerState& container) {
    if (action.parameter != "maxmemory" || container.memory_bytes <= 0) return Status::Ok();
    const auto bytes = RedisBytes(action.value);
    if (bytes && *bytes < container.memory_bytes) return Status::Ok();
    return InvalidArgumentError("redisSetConfig: maxmemory " + action.value +
                                " does not fit into the memory limit of container " +
                                container.name + " (" + HumanBytes(container.memory_bytes) +
                                "): the kernel would kill it");
  }

  StatusOr<ActionResult> KillClients(std::int64_t idle_seconds, const Subject& subject,
                                     std::int64_t port, const CallContext& context) const {
    const MonoTime begin = tools_.clock.Monotonic();
    const auto list = Read(subject, port, {"CLIENT", "LIST", "TYPE", "normal"}, context);
    if (!list.ok()) {
      // Reading changes nothing, whatever became of it.
      return NotApplied("listing the clients: " + list.status().message());
    }
    if (!LooksLikeClientList(*list)) {
      return NotApplied("listing the clients: redis-cli: " + Printable(Trim(*list), 300));
    }
    const std::vector<std::string> ids = IdleClients(*list, idle_seconds);
    std::size_t killed = 0;
    ActionResult result = Applied("");
    for (const std::string& id : ids) {
      if (killed == kMaxClientKills) break;
      const auto one = Run(subject, port, {"CLIENT", "KILL", "ID", id}, context);
      if (!one.ok() || one->outcome != ActionResult::Outcome::kApplied) {
        result.outcome = ActionResult::Outcome::kUnknown;
        result.stderr_text = one.ok() ? one->message : one.status().message();
        break;
      }
      // "0": it went by itself in the meantime.
      if (Trim(one->stdout_text) == "1") ++killed;
    }
    result.message = "closed " + std::to_string(killed) + " of " + std::to_string(ids.size()) +
                     " idle connections";
    if (killed == 0 && result.outcome == ActionResult::Outcome::kApplied) {
      result.outcome = ActionResult::Outcome::kNotApplied;
    }
    result.stdout_text = result.message;
    result.duration = tools_.clock.Monotonic() - begin;
    return result;
  }

  ActionTools& tools_;
};

}  // namespace

std::unique_ptr<ActionHandler> MakeRedisHandler(ActionTools& tools) {
  return std::make_unique<RedisHandler>(tools);
}

}  // namespace salve::backends::docker
