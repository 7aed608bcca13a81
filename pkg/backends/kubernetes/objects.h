// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_KUBERNETES_OBJECTS_H_
#define SALVE_PKG_BACKENDS_KUBERNETES_OBJECTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/apis/meta/v1/types.h"
#include "pkg/base/clock.h"
#include "pkg/base/status.h"

// What Salve keeps of the cluster's objects: the fields that anybody here reads, and no others.
// Values. The decoders take whatever a server of another version sends: a missing or strange field
// is its default; only an object without a name is an error. Texts are printable and bounded.
namespace salve::backends::kubernetes {

using Json = nlohmann::json;
using apis::meta::v1::NamespacedName;
using apis::meta::v1::ResourceInfo;

extern const ResourceInfo kDeployments;
extern const ResourceInfo kReplicaSets;
extern const ResourceInfo kStatefulSets;
extern const ResourceInfo kDaemonSets;
extern const ResourceInfo kControllerRevisions;
extern const ResourceInfo kPods;
extern const ResourceInfo kEvents;

inline constexpr char kKindDeployment[] = "Deployment";
inline constexpr char kKindStatefulSet[] = "StatefulSet";
inline constexpr char kKindDaemonSet[] = "DaemonSet";
inline constexpr char kKindReplicaSet[] = "ReplicaSet";
inline constexpr char kKindPod[] = "Pod";

// Where an action on a workload leaves its attempt's id.
inline constexpr char kLastAttemptAnnotation[] = "salve.dev/last-attempt";

// nullptr for a kind that is no workload.
const ResourceInfo* WorkloadResource(const std::string& kind);

struct Condition {
  std::string type;
  bool is_true = false;
  std::string reason;
  std::string message;
  std::optional<WallTime> updated;  // lastUpdateTime, else lastTransitionTime
};

// Of a pod template; 0 = no limit, no request.
struct ContainerSpec {
  std::string name;
  std::string image;
  std::int64_t memory_limit = 0;  // bytes
  std::int64_t memory_request = 0;
  std::int64_t cpu_limit = 0;  // millis
  std::int64_t cpu_request = 0;
};

// A Deployment, StatefulSet or DaemonSet.
struct Workload {
  std::string kind;
  std::string ns;
  std::string name;
  std::string uid;
  std::int64_t generation = 0;
  std::int64_t observed_generation = 0;
  std::map<std::string, std::string> labels;
  std::string source_of_truth;  // "Argo CD", "Flux", "Helm": who else owns it; "" nobody known
  bool autoscaled = false;      // an autoscaler wrote spec.replicas
  bool paused = false;
  bool deleting = false;
  std::int64_t desired = 1;
  std::int64_t replicas = 0;  // that exist, on any template
  std::int64_t updated = 0;   // of them on the newest template
  std::int64_t available = 0;
  std::int64_t progress_deadline = 600;  // seconds
  bool recreate = false;                 // strategy: all old pods end before new ones begin
  bool on_delete = false;                // strategy: a pod is only replaced when it is deleted
  std::string max_unavailable;           // "25%", "1", "" = the kind's default
  std::int64_t partition = 0;         // of StatefulSets: so many keep the old template on purpose
  std::int64_t revision = 0;          // of Deployments: the annotation
  std::vector<Condition> conditions;  // Available, Progressing, ReplicaFailure
  std::vector<ContainerSpec> containers;
  std::string selector;  // as a label selector
  std::string last_attempt;

  const Condition* Find(const char* type) const;
};

// A ReplicaSet of a Deployment, or a ControllerRevision of a StatefulSet or DaemonSet.
struct Revision {
  std::string ns;
  std::string name;
  std::string uid;
  std::string owner_uid;   // "" for one without controller
  std::string owner_name;  // the owner's kind is the one that fits
  std::string hash;        // of its template
  std::int64_t number = 0;
  // Of ReplicaSets only.
  std::int64_t desired = 0;
  std::int64_t full = 0;  // how many the Deployment wanted when it last looked
  std::int64_t available = 0;
  std::string failure;  // why it cannot create pods: "pods "web-" is forbidden: …"
};

struct Container {
  enum class State { kWaiting, kRunning, kTerminated };
  std::string name;
  bool init = false;  // runs before the others
  State state = State::kWaiting;
  bool ready = false;
  std::int64_t restarts = 0;
  std::string reason;  // of the present state: "CrashLoopBackOff", "Error"
  std::string message;
  std::int64_t exit_code = 0;        // kTerminated
  std::optional<WallTime> started;   // kRunning, kTerminated
  std::optional<WallTime> finished;  // kTerminated
  std::string last_reason;           // of the run before: "OOMKilled", "Error"; "" there was none
  std::int64_t last_exit_code = 0;
  std::optional<WallTime> last_started;
  std::optional<WallTime> last_finished;
};

struct Pod {
  std::string ns;
  std::string name;
  std::string uid;
  std::int64_t generation = 0;
  std::string owner_kind;  // of its controller; "" for a bare pod
  std::string owner_name;
  std::string owner_uid;
  std::string hash;  // of the template that it was made from
  std::map<std::string, std::string> labels;
  std::string node;
  std::string phase;  // Pending Running Succeeded Failed Unknown
  std::string reason;
  std::string message;
  bool ready = false;
  std::optional<WallTime> ready_changed;  // when `ready` became what it is
  bool unschedulable = false;
  std::string unschedulable_message;
  std::optional<WallTime> unschedulable_since;
  // Without volumes or network yet, since then: nothing of it can start.
  std::optional<WallTime> no_sandbox_since;
  std::optional<WallTime> created;
  std::optional<WallTime> deleted;   // when its grace ends or ended; set = it is being deleted
  std::int64_t start_budget = 0;     // seconds that its probes let it take to start; 0: none
  std::vector<ContainerSpec> specs;  // of bare pods only: others have a template
  std::vector<Container> containers;

  bool Finished() const { return phase == "Succeeded" || phase == "Failed"; }
  std::int64_t Restarts() const;
};

// That a workload or ReplicaSet could not create a pod.
struct CreateFailure {
  std::string ns;
  std::string kind;  // of the object that could not
  std::string name;
  std::string uid;
  std::string message;
  std::optional<WallTime> at;
};

StatusOr<Workload> DecodeWorkload(const std::string& kind, const Json& object);
StatusOr<Revision> DecodeReplicaSet(const Json& object);
StatusOr<Revision> DecodeControllerRevision(const Json& object);
StatusOr<Pod> DecodePod(const Json& object);
// From an Event, whose reason is for the caller to know.
StatusOr<CreateFailure> DecodeCreateFailure(const Json& object);
// When it was seen last.
std::optional<WallTime> EventTime(const Json& event);

// The containers of a pod template or of a pod.
std::vector<ContainerSpec> DecodeContainers(const Json& pod_spec);

// "app=web,tier in (a,b)" from a metav1.LabelSelector.
std::string SelectorText(const Json& selector);

}  // namespace salve::backends::kubernetes

#endif  // SALVE_PKG_BACKENDS_KUBERNETES_OBJECTS_H_
