// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "pkg/backends/docker/action_handler.h"
#include "pkg/backends/text.h"
#include "pkg/base/json_access.h"

// updateResources: memory and CPU limits of a running container, without a restart.
namespace salve::backends::docker {
namespace {

namespace v1alpha1 = apis::salve::v1alpha1;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;
using nlohmann::json;

constexpr std::int64_t kMinMemory = 6ll << 20;  // the engine's own least
constexpr std::int64_t kNanosPerMilli = 1000000;
constexpr std::int64_t kCpuPeriod = 100000;  // microseconds; the kernel's default

struct Limits {
  std::int64_t memory_bytes = 0;  // 0 = leave alone
  std::int64_t cpu_millis = 0;    // 0 = leave alone
};

std::int64_t CpuMillis(const ContainerState& c) {
  if (c.nano_cpus > 0) return c.nano_cpus / kNanosPerMilli;
  if (c.cpu_quota > 0) return c.cpu_quota * 1000 / (c.cpu_period > 0 ? c.cpu_period : kCpuPeriod);
  return 0;
}

// What the limits shall be, in absolute terms.
StatusOr<Limits> Wanted(const v1alpha1::UpdateResourcesAction& action, const ContainerState& c) {
  Limits wanted;
  const std::string who = "updateResources on container " + c.name + ": ";
  if (action.memory_bytes) {
    wanted.memory_bytes = *action.memory_bytes;
  } else if (action.memory_percent) {
    if (c.memory_bytes <= 0) {
      return InvalidArgumentError(who +
                                  "memoryPercent is relative, but it has no memory limit now");
    }
    if (*action.memory_percent < -90 || *action.memory_percent > 1000) {
      return InvalidArgumentError(who + "memoryPercent must be between -90 and 1000");
    }
    const auto scaled = static_cast<double>(c.memory_bytes) *
                        (100.0 + static_cast<double>(*action.memory_percent)) / 100.0;
    wanted.memory_bytes = static_cast<std::int64_t>(scaled);
  }
  if (wanted.memory_bytes > 0 && action.max_memory_bytes &&
      wanted.memory_bytes > *action.max_memory_bytes) {
    wanted.memory_bytes = *action.max_memory_bytes;
    if (wanted.memory_bytes <= c.memory_bytes) {
      return InvalidArgumentError(who + "its limit of " + HumanBytes(c.memory_bytes) +
                                  " is already at the cap of " +
                                  HumanBytes(*action.max_memory_bytes));
    }
  }
  if (wanted.memory_bytes != 0 && wanted.memory_bytes < kMinMemory) {
    return InvalidArgumentError(who + "a memory limit below 6 MiB is refused by the engine");
  }
  if (action.cpu_millis) wanted.cpu_millis = *action.cpu_millis;
  if (wanted.cpu_millis != 0 && wanted.cpu_millis < 10) {
    return InvalidArgumentError(who + "cpuMillis must be at least 10");
  }
  if (wanted.memory_bytes == 0 && wanted.cpu_millis == 0) {
    return InvalidArgumentError(who + "neither memory nor cpu is given");
  }
  return wanted;
}

// The engine refuses a memory limit above the one for memory and swap together, so both move by the
// same amount; -1 and 0 mean no swap limit and stay.
std::int64_t SwapFor(const ContainerState& c, std::int64_t memory) {
  if (c.memory_swap_bytes <= 0) return c.memory_swap_bytes;
  return memory + std::max<std::int64_t>(0, c.memory_swap_bytes - c.memory_bytes);
}

json UpdateBody(const ContainerState& c, const Limits& wanted) {
  json body = json::object();
  if (wanted.memory_bytes != 0) {
    body["Memory"] = wanted.memory_bytes;
    const std::int64_t swap = SwapFor(c, wanted.memory_bytes);
    if (swap != 0) body["MemorySwap"] = swap;
  }
  if (wanted.cpu_millis != 0) {
    // A container made with a quota does not take NanoCpus, nor the other way round.
    if (c.cpu_quota > 0) {
      const std::int64_t period = c.cpu_period > 0 ? c.cpu_period : kCpuPeriod;
      body["CpuPeriod"] = period;
      body["CpuQuota"] = wanted.cpu_millis * period / 1000;
    } else {
      body["NanoCpus"] = wanted.cpu_millis * kNanosPerMilli;
    }
  }
  return body;
}

std::string Command(const ContainerState& c, const Limits& wanted) {
  std::string command = "docker update";
  const json body = UpdateBody(c, wanted);
  if (body.contains("Memory")) command += " --memory " + body["Memory"].dump();
  if (body.contains("MemorySwap")) command += " --memory-swap " + body["MemorySwap"].dump();
  if (body.contains("CpuQuota")) {
    command +=
        " --cpu-period " + body["CpuPeriod"].dump() + " --cpu-quota " + body["CpuQuota"].dump();
  }
  if (body.contains("NanoCpus")) {
    std::string digits = std::to_string(wanted.cpu_millis % 1000);
    digits.insert(0, 3 - digits.size(), '0');
    command += " --cpus " + std::to_string(wanted.cpu_millis / 1000) + "." + digits;
  }
  return command + " " + c.name;
}

bool Has(const ContainerState& c, const Limits& wanted) {
  return (wanted.memory_bytes == 0 || c.memory_bytes == wanted.memory_bytes) &&
         (wanted.cpu_millis == 0 || CpuMillis(c) == wanted.cpu_millis);
}

std::string Change(const char* what, const std::string& from, const std::string& to) {
  return std::string(what) + " from " + from + " to " + to;
}

class ResourceHandler final : public ActionHandler {
 public:
  explicit ResourceHandler(ActionTools& tools) : tools_(tools) {}

  bool Handles(const Action& a) const override { return a.update_resources.has_value(); }

  StatusOr<ActionPlan> Plan(const Action& action, const Subject& subject,
                            const CallContext& context) const override {
    const ContainerState& c = subject.container;
    SALVE_ASSIGN_OR_RETURN(const Limits wanted, Wanted(*action.update_resources, c));
    if (wanted.memory_bytes != 0) SALVE_RETURN_IF_ERROR(FitsHost(c, wanted, context));
    ActionPlan plan = NewPlan(action, subject);
    // In absolute terms from here on: applied twice it is the same.
    auto& absolute = *plan.action.update_resources;
    absolute = {};
    if (wanted.memory_bytes != 0) absolute.memory_bytes = wanted.memory_bytes;
    if (wanted.cpu_millis != 0) absolute.cpu_millis = wanted.cpu_millis;
    plan.command = Command(c, wanted);
    plan.base_risk = v1alpha1::kRiskMedium;
    plan.idempotency = healing::IdempotencyClass::kRecognisable;
    Describe(c, wanted, plan);
    SetInverse(c, wanted, plan);
    return plan;
  }

  StatusOr<ActionResult> Execute(const ActionRequest& request, const Subject& subject,
                                 const CallContext& context) const override {
    const ContainerState& c = subject.container;
    SALVE_ASSIGN_OR_RETURN(const Limits wanted, Wanted(*request.action.update_resources, c));
    const json body = UpdateBody(c, wanted);
    const auto answer = tools_.client.Call(Endpoint::kUpdate, c.id, {}, &body, context);
    if (answer.ok()) return Applied(Command(c, wanted) + ": done");
    // A limit that the kernel does not take (below what is in use) is answered with 500.
    if (answer.code() == Code::kInternal) return NotApplied(answer.status().message());
    return Doubt(answer.status());
  }

  StatusOr<ActionResult> Outcome(const ActionRequest& request, const Subject& subject,
                                 const CallContext&) const override {
    const auto& action = *request.action.update_resources;
    if (action.memory_percent && !action.memory_bytes) {
      return Unknown("a relative limit does not tell whether it was applied");
    }
    const auto wanted = Wanted(action, subject.container);
    if (!wanted.ok()) return Unknown(wanted.status().message());
    return Has(subject.container, *wanted) ? Applied("the limits are as wanted")
                                           : NotApplied("the limits are not as wanted");
  }

 private:
  Status FitsHost(const ContainerState& c, const Limits& wanted, const CallContext& context) const {
    const auto info = tools_.client.Call(Endpoint::kInfo, "", {}, nullptr, context);
    if (!info.ok()) return info.status();
    const std::int64_t total = GetInt(*info, {"MemTotal"});
    if (total > 0 && wanted.memory_bytes > total) {
      return InvalidArgumentError("updateResources on container " + c.name + ": " +
                                  HumanBytes(wanted.memory_bytes) + " is more than the host has (" +
                                  HumanBytes(total) + ")");
    }
    return Status::Ok();
  }

  static void Describe(const ContainerState& c, const Limits& wanted, ActionPlan& plan) {
    std::string changes;
    if (wanted.memory_bytes != 0) {
      changes = Change("memory limit", c.memory_bytes > 0 ? HumanBytes(c.memory_bytes) : "none",
                       HumanBytes(wanted.memory_bytes));
      if (c.memory_bytes == 0 || wanted.memory_bytes < c.memory_bytes) {
        plan.risk_factors.emplace_back("a lower memory limit can get its processes OOM-killed");
      } else {
        plan.risk_factors.emplace_back("it takes memory that others on the host may need");
      }
    }
    if (wanted.cpu_millis != 0) {
      if (!changes.empty()) changes += ", ";
      changes += Change("CPU limit", CpuMillis(c) > 0 ? std::to_string(CpuMillis(c)) + "m" : "none",
                        std::to_string(wanted.cpu_millis) + "m");
    }
    plan.description = "Changes container " + c.name + " while it runs: " + changes + ".";
  }

  // The engine has no way back to "no limit" for a container that exists.
  static void SetInverse(const ContainerState& c, const Limits& wanted, ActionPlan& plan) {
    if (wanted.memory_bytes != 0 && c.memory_bytes == 0) return;
    if (wanted.cpu_millis != 0 && CpuMillis(c) == 0) return;
    Limits old;
    v1alpha1::UpdateResourcesAction back;
    if (wanted.memory_bytes != 0) back.memory_bytes = old.memory_bytes = c.memory_bytes;
    if (wanted.cpu_millis != 0) back.cpu_millis = old.cpu_millis = CpuMillis(c);
    plan.undo.emplace().update_resources = back;
    plan.undo_command = Command(c, old);
    plan.reversible = true;
  }

  ActionTools& tools_;
};

}  // namespace

std::unique_ptr<ActionHandler> MakeResourceHandler(ActionTools& tools) {
  return std::make_unique<ResourceHandler>(tools);
}

}  // namespace salve::backends::docker
