// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "pkg/backends/kubernetes/action_handler.h"
#include "pkg/backends/kubernetes/quantity.h"
#include "pkg/backends/text.h"
#include "pkg/base/json_access.h"

// setResources: other limits in the pod template, which replaces the pods.
namespace salve::backends::kubernetes {
namespace {

namespace v1alpha1 = apis::salve::v1alpha1;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;
using v1alpha1::SetResourcesAction;

constexpr char kName[] = "setResources";
constexpr std::int64_t kMinMemory = 4ll << 20;
constexpr std::int64_t kMinCpu = 1;

std::string Who(const Subject& subject) {
  return std::string(kName) + " on " + subject.KubectlName() + ": ";
}

const ContainerSpec* FindSpec(const Workload& w, const std::string& name) {
  const auto it = std::find_if(w.containers.begin(), w.containers.end(),
                               [&](const ContainerSpec& c) { return c.name == name; });
  return it == w.containers.end() ? nullptr : &*it;
}

// Named, else the one that is ill (out of memory before anything else), else the only one.
StatusOr<ContainerSpec> Choose(const SetResourcesAction& action, const Subject& subject) {
  const Workload& w = subject.workload();
  if (!action.container.empty()) {
    const ContainerSpec* named = FindSpec(w, action.container);
    if (named != nullptr) return *named;
    return InvalidArgumentError(Who(subject) + "it has no container \"" +
                                Printable(action.container, 80) + "\"");
  }
  const ContainerSpec* ill = nullptr;
  for (const IllPod& one : subject.seen.verdict.ill) {
    const ContainerSpec* blamed = FindSpec(w, one.illness.container);
    if (blamed == nullptr) continue;
    if (one.illness.oom_killed) return *blamed;
    if (ill == nullptr) ill = blamed;
  }
  if (ill != nullptr) return *ill;
  if (w.containers.size() == 1) return w.containers.front();
  return InvalidArgumentError(Who(subject) + "it has " + std::to_string(w.containers.size()) +
                              " containers, and none of them is known to be ill: name one");
}

struct Limits {
  std::optional<std::int64_t> memory;  // 0 = none
  std::optional<std::int64_t> cpu;
};

StatusOr<std::int64_t> WantedMemory(const SetResourcesAction& action, const ContainerSpec& c,
                                    const std::string& who) {
  std::int64_t wanted = 0;
  if (action.memory_bytes) {
    wanted = *action.memory_bytes;
    if (wanted == 0) return wanted;
  } else {
    if (c.memory_limit == 0) {
      return InvalidArgumentError(who + "memoryPercent is relative, but container " + c.name +
                                  " has no memory limit");
    }
    if (*action.memory_percent < -90 || *action.memory_percent > 1000) {
      return InvalidArgumentError(who + "memoryPercent must be between -90 and 1000");
    }
    wanted =
        static_cast<std::int64_t>(static_cast<double>(c.memory_limit) *
                                  (100.0 + static_cast<double>(*action.memory_percent)) / 100.0);
  }
  if (action.max_memory_bytes && wanted > *action.max_memory_bytes) {
    wanted = *action.max_memory_bytes;
    if (wanted <= c.memory_limit) {
      return InvalidArgumentError(who + "the memory limit of container " + c.name + ", " +
                                  BytesQuantity(c.memory_limit) + ", is already at the cap of " +
                                  BytesQuantity(*action.max_memory_bytes));
    }
  }
  if (wanted < kMinMemory) {
    return InvalidArgumentError(who + "nothing runs in less than " + BytesQuantity(kMinMemory));
  }
  return wanted;
}

StatusOr<Limits> Wanted(const SetResourcesAction& action, const ContainerSpec& c,
                        const std::string& who) {
  Limits wanted;
  if (action.memory_bytes || action.memory_percent) {
    SALVE_ASSIGN_OR_RETURN(wanted.memory, WantedMemory(action, c, who));
  }
  wanted.cpu = action.cpu_millis;
  if (wanted.cpu && (*wanted.cpu < 0 || (*wanted.cpu != 0 && *wanted.cpu < kMinCpu))) {
    return InvalidArgumentError(who + "cpuMillis must be positive, or 0 for no limit");
  }
  if (!wanted.memory && !wanted.cpu) {
    return InvalidArgumentError(who + "neither memory nor cpu is given");
  }
  if (wanted.memory.value_or(c.memory_limit) == c.memory_limit &&
      wanted.cpu.value_or(c.cpu_limit) == c.cpu_limit) {
    return InvalidArgumentError(who + "container " + c.name + " has these limits already");
  }
  return wanted;
}

// Sets one resource in `resources`; 0 takes the limit away. A request that was equal to the limit
// follows it, one that would exceed it is cut.
void Put(const char* resource, std::int64_t limit, const std::string& quantity,
         std::int64_t old_limit, std::int64_t request, Json& resources) {
  if (limit == 0) {
    if (resources.contains("limits")) resources["limits"].erase(resource);
    return;
  }
  resources["limits"][resource] = quantity;
  if (request > 0 && (request == old_limit || request > limit)) {
    resources["requests"][resource] = quantity;
  }
}

Json NewResources(const Json& present, const ContainerSpec& c, const Limits& wanted) {
  Json resources = present.is_object() ? present : Json::object();
  if (wanted.memory) {
    Put("memory", *wanted.memory, BytesQuantity(*wanted.memory), c.memory_limit, c.memory_request,
        resources);
  }
  if (wanted.cpu) {
    Put("cpu", *wanted.cpu, MillisQuantity(*wanted.cpu), c.cpu_limit, c.cpu_request, resources);
  }
  return resources;
}

// Where the container stands in the template, and what it has there.
struct Place {
  std::size_t index = 0;
  Json resources;  // null: none
};

StatusOr<Place> Find(const Subject& subject, const std::string& container) {
  const Json* containers = salve::Find(subject.object, {"spec", "template", "spec", "containers"});
  for (std::size_t i = 0; containers != nullptr && i < containers->size(); ++i) {
    const Json& one = (*containers)[i];
    if (salve::GetString(one, {"name"}) != container) continue;
    const Json* resources = salve::Find(one, {"resources"});
    return Place{i, resources == nullptr ? Json() : *resources};
  }
  return InvalidArgumentError(Who(subject) + "it has no container \"" + container + "\"");
}

Json Operations(const Place& place, const std::string& container, const Json& resources) {
  const std::string path = "/spec/template/spec/containers/" + std::to_string(place.index);
  Json operations = Json::array();
  operations.push_back({{"op", "test"}, {"path", path + "/name"}, {"value", container}});
  operations.push_back({{"op", "add"},
                        {"path", path + "/resources"},
                        {"value", resources.is_null() ? Json::object() : resources}});
  return operations;
}

std::string Command(const Subject& subject, const std::string& container, const Limits& limits) {
  std::string list;
  if (limits.cpu) list += "cpu=" + (*limits.cpu == 0 ? "0" : MillisQuantity(*limits.cpu));
  if (limits.memory) {
    list += (list.empty() ? "" : ",") + std::string("memory=") +
            (*limits.memory == 0 ? "0" : BytesQuantity(*limits.memory));
  }
  return subject.Kubectl("set resources ") + subject.KubectlName() + " -c " + container +
         " --limits=" + list;
}

std::string Change(const char* what, const std::string& from, const std::string& to) {
  return std::string(what) + " from " + from + " to " + to;
}

std::string Describe(const Subject& subject, const ContainerSpec& c, const Limits& wanted) {
  const auto bytes = [](std::int64_t n) { return n == 0 ? "none" : BytesQuantity(n); };
  const auto millis = [](std::int64_t n) { return n == 0 ? "none" : MillisQuantity(n); };
  std::string changes;
  if (wanted.memory) {
    changes = Change("memory limit", bytes(c.memory_limit), bytes(*wanted.memory));
  }
  if (wanted.cpu) {
    changes += changes.empty() ? "" : ", ";
    changes += Change("CPU limit", millis(c.cpu_limit), millis(*wanted.cpu));
  }
  return "Changes container " + c.name + " of " + subject.KubectlName() + ": " + changes +
         "; its pods are replaced as its update strategy allows.";
}

class ResourceHandler final : public WorkloadHandler {
 public:
  using WorkloadHandler::WorkloadHandler;

  bool Handles(const Action& a) const override { return a.set_resources.has_value(); }

  StatusOr<ActionPlan> Plan(const Action& action, const Subject& subject,
                            const CallContext& /*context*/) const override {
    SALVE_RETURN_IF_ERROR(CheckWorkload(kName, subject));
    SALVE_RETURN_IF_ERROR(CheckNoRollout(kName, subject));
    SALVE_RETURN_IF_ERROR(CheckPodsComeBack(kName, subject, tools_.view));
    SALVE_ASSIGN_OR_RETURN(const ContainerSpec c, Choose(*action.set_resources, subject));
    SALVE_ASSIGN_OR_RETURN(const Limits wanted, Wanted(*action.set_resources, c, Who(subject)));
    SALVE_ASSIGN_OR_RETURN(const Place place, Find(subject, c.name));
    ActionPlan plan = NewPlan(action, subject);
    // In absolute terms from here on: what is approved is what is done.
    SetResourcesAction& absolute = *plan.action.set_resources;
    absolute = {};
    absolute.container = c.name;
    absolute.memory_bytes = wanted.memory;
    absolute.cpu_millis = wanted.cpu;
    plan.command = Command(subject, c.name, wanted);
    plan.affected.front() += ", container " + c.name;
    plan.description = Describe(subject, c, wanted);
    plan.base_risk = v1alpha1::kRiskMedium;
    plan.takes_available = TakenByRollout(subject.workload());
    if (wanted.memory && *wanted.memory != 0 &&
        (c.memory_limit == 0 || *wanted.memory < c.memory_limit)) {
      plan.risk_factors.emplace_back("a lower memory limit can get it OOM-killed");
    }
    SetInverse(subject, c, wanted, place, plan);
    return plan;
  }

  StatusOr<ActionResult> Execute(const ActionRequest& request, const Subject& subject,
                                 const CallContext& context) const override {
    SALVE_RETURN_IF_ERROR(CheckWorkload(kName, subject));
    const SetResourcesAction& action = *request.action.set_resources;
    SALVE_ASSIGN_OR_RETURN(const ContainerSpec c, Choose(action, subject));
    SALVE_ASSIGN_OR_RETURN(const Place place, Find(subject, c.name));
    Json resources;
    const bool done = subject.workload().last_attempt == request.attempt_id;
    if (!done && !request.undo_token.empty()) {
      SALVE_ASSIGN_OR_RETURN(resources, FromToken(request.undo_token, subject, place));
    } else if (!done) {
      SALVE_ASSIGN_OR_RETURN(const Limits wanted, Wanted(action, c, Who(subject)));
      resources = NewResources(place.resources, c, wanted);
    }
    return ChangeWorkload(
        tools_, request, subject, Operations(place, c.name, resources),
        "the limits of container " + c.name + " of " + subject.KubectlName() + " are changed",
        context);
  }

 private:
  // The inverse as a person would do it, and in the token what was there to the letter.
  static void SetInverse(const Subject& subject, const ContainerSpec& c, const Limits& wanted,
                         const Place& place, ActionPlan& plan) {
    SetResourcesAction& back = plan.undo.emplace().set_resources.emplace();
    Limits old;
    back.container = c.name;
    if (wanted.memory) back.memory_bytes = old.memory = c.memory_limit;
    if (wanted.cpu) back.cpu_millis = old.cpu = c.cpu_limit;
    plan.undo_command = Command(subject, c.name, old);
    plan.undo_token =
        Json({{"was", place.resources}, {"set", NewResources(place.resources, c, wanted)}}).dump();
    plan.reversible = true;
  }

  static StatusOr<Json> FromToken(const std::string& text, const Subject& subject,
                                  const Place& place) {
    const Json token = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    const Json* set = salve::Find(token, {"set"});
    const Json* was = salve::Find(token, {"was"});
    if (set == nullptr || was == nullptr) {
      return InvalidArgumentError("the undo data cannot be read");
    }
    if (*set != place.resources) {
      return AbortedError(subject.KubectlName() +
                          ": somebody has changed these limits since; they are left alone");
    }
    return *was;
  }
};

}  // namespace

std::unique_ptr<ActionHandler> MakeResourceHandler(ActionTools& tools) {
  return std::make_unique<ResourceHandler>(tools);
}

}  // namespace salve::backends::kubernetes
