// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/kubernetes/objects.h"

#include <algorithm>

#include "pkg/backends/kubernetes/object_fields.h"
#include "pkg/backends/kubernetes/quantity.h"

namespace salve::backends::kubernetes {

const ResourceInfo kDeployments{"apps", "v1", "deployments", kKindDeployment, true};
const ResourceInfo kReplicaSets{"apps", "v1", "replicasets", kKindReplicaSet, true};
const ResourceInfo kStatefulSets{"apps", "v1", "statefulsets", kKindStatefulSet, true};
const ResourceInfo kDaemonSets{"apps", "v1", "daemonsets", kKindDaemonSet, true};
const ResourceInfo kControllerRevisions{"apps", "v1", "controllerrevisions", "ControllerRevision",
                                        true};
const ResourceInfo kPods{"", "v1", "pods", kKindPod, true};
const ResourceInfo kEvents{"", "v1", "events", "Event", true};

namespace {

constexpr std::int64_t kNoDeadline = 1ll << 30;  // a Deployment says "never" with MaxInt32
constexpr char kRevision[] = "deployment.kubernetes.io/revision";
constexpr char kDesiredReplicas[] = "deployment.kubernetes.io/desired-replicas";

bool AnyKeyBegins(const Json& object, const std::string& prefix) {
  if (!object.is_object()) return false;
  for (const auto& [key, value] : object.items()) {
    if (key.rfind(prefix, 0) == 0) return true;
  }
  return false;
}

std::string SourceOfTruth(const Json& metadata) {
  const Json& labels = Member(metadata, "labels");
  const Json& annotations = Member(metadata, "annotations");
  const auto marked = [&](const char* prefix) {
    return AnyKeyBegins(labels, prefix) || AnyKeyBegins(annotations, prefix);
  };
  if (marked("argocd.argoproj.io/")) return "Argo CD";
  if (marked("kustomize.toolkit.fluxcd.io/") || marked("helm.toolkit.fluxcd.io/")) return "Flux";
  if (GetString(labels, {"app.kubernetes.io/managed-by"}) == "Helm" ||
      marked("meta.helm.sh/release")) {
    return "Helm";
  }
  return "";
}

// Autoscalers write the count through the scale subresource, as `kubectl scale` does.
bool Autoscaled(const Json& metadata) {
  for (const Json& entry : Member(metadata, "managedFields")) {
    if (GetString(entry, {"subresource"}) != "scale") continue;
    if (GetString(entry, {"manager"}).rfind("kubectl", 0) == 0) continue;
    if (GetString(entry, {"manager"}).rfind("salve", 0) == 0) continue;
    if (Find(entry, {"fieldsV1", "f:spec", "f:replicas"}) != nullptr) return true;
  }
  return false;
}

// A number or a percentage.
std::string IntOrString(const Json& value) {
  if (value.is_number_integer()) return std::to_string(value.get<std::int64_t>());
  return value.is_string() ? Printable(value.get<std::string>(), 10) : "";
}

std::vector<Condition> Conditions(const Json& status) {
  std::vector<Condition> out;
  for (const Json& one : Member(status, "conditions")) {
    Condition condition;
    condition.type = GetString(one, {"type"});
    if (condition.type != "Available" && condition.type != "Progressing" &&
        condition.type != "ReplicaFailure") {
      continue;
    }
    condition.is_true = GetString(one, {"status"}) == "True";
    condition.reason = Word(one, "reason");
    if (condition.type == "Progressing") condition.message = Message(one);
    condition.updated = Time(one, "lastUpdateTime");
    if (!condition.updated) condition.updated = Time(one, "lastTransitionTime");
    out.push_back(std::move(condition));
    if (out.size() == 3) break;
  }
  return out;
}

void ReadDeployment(const Json& spec, const Json& status, Workload& out) {
  out.desired = GetInt(spec, {"replicas"}, 1);
  out.paused = GetBool(spec, {"paused"});
  out.progress_deadline = std::min(GetInt(spec, {"progressDeadlineSeconds"}, 600), kNoDeadline);
  out.recreate = GetString(spec, {"strategy", "type"}) == "Recreate";
  if (const Json* max = Find(spec, {"strategy", "rollingUpdate", "maxUnavailable"})) {
    out.max_unavailable = IntOrString(*max);
  }
  out.replicas = GetInt(status, {"replicas"});
  out.updated = GetInt(status, {"updatedReplicas"});
  out.available = GetInt(status, {"availableReplicas"});
}

void ReadStatefulSet(const Json& spec, const Json& status, Workload& out) {
  out.desired = GetInt(spec, {"replicas"}, 1);
  out.partition = GetInt(spec, {"updateStrategy", "rollingUpdate", "partition"});
  out.replicas = GetInt(status, {"replicas"});
  out.updated = GetInt(status, {"updatedReplicas"});
  out.available = GetInt(status, {"availableReplicas"}, GetInt(status, {"readyReplicas"}));
}

void ReadDaemonSet(const Json& status, Workload& out) {
  out.desired = GetInt(status, {"desiredNumberScheduled"});
  out.replicas = GetInt(status, {"currentNumberScheduled"});
  out.updated = GetInt(status, {"updatedNumberScheduled"});
  out.available = GetInt(status, {"numberAvailable"});
}

// With its identity filled in.
StatusOr<Revision> NewRevision(const Json& object) {
  SALVE_ASSIGN_OR_RETURN(Meta meta, ReadMeta(object));
  Revision out;
  out.ns = std::move(meta.ns);
  out.name = std::move(meta.name);
  out.uid = std::move(meta.uid);
  return out;
}

}  // namespace

const ResourceInfo* WorkloadResource(const std::string& kind) {
  if (kind == kKindDeployment) return &kDeployments;
  if (kind == kKindStatefulSet) return &kStatefulSets;
  if (kind == kKindDaemonSet) return &kDaemonSets;
  return nullptr;
}

const Condition* Workload::Find(const char* type) const {
  const auto it = std::find_if(conditions.begin(), conditions.end(),
                               [type](const Condition& c) { return c.type == type; });
  return it == conditions.end() ? nullptr : &*it;
}

std::vector<ContainerSpec> DecodeContainers(const Json& pod_spec) {
  std::vector<ContainerSpec> out;
  for (const Json& one : Member(pod_spec, "containers")) {
    if (out.size() == kMaxContainers) break;
    ContainerSpec spec;
    spec.name = Word(one, "name");
    spec.image = Printable(GetString(one, {"image"}), kMaxMessage);
    const auto bytes = [&](const char* which) {
      return ParseBytes(GetString(one, {"resources", which, "memory"})).value_or(0);
    };
    const auto millis = [&](const char* which) {
      return ParseMillis(GetString(one, {"resources", which, "cpu"})).value_or(0);
    };
    spec.memory_limit = bytes("limits");
    spec.memory_request = bytes("requests");
    spec.cpu_limit = millis("limits");
    spec.cpu_request = millis("requests");
    out.push_back(std::move(spec));
  }
  return out;
}

std::string SelectorText(const Json& selector) {
  std::string out;
  const auto add = [&out](const std::string& term) { out += (out.empty() ? "" : ",") + term; };
  for (const auto& [key, value] : Strings(Member(selector, "matchLabels"))) add(key + "=" + value);
  for (const Json& one : Member(selector, "matchExpressions")) {
    const std::string key = GetString(one, {"key"});
    const std::string op = GetString(one, {"operator"});
    if (op == "Exists") add(key);
    if (op == "DoesNotExist") add("!" + key);
    if (op != "In" && op != "NotIn") continue;
    std::string values;
    for (const Json& value : Member(one, "values")) {
      if (value.is_string()) values += (values.empty() ? "" : ",") + value.get<std::string>();
    }
    add(key + (op == "In" ? " in (" : " notin (") + values + ")");
  }
  return out;
}

StatusOr<Workload> DecodeWorkload(const std::string& kind, const Json& object) {
  SALVE_ASSIGN_OR_RETURN(Meta meta, ReadMeta(object));
  const Json& metadata = Member(object, "metadata");
  const Json& spec = Member(object, "spec");
  const Json& status = Member(object, "status");
  Workload out;
  out.kind = kind;
  out.ns = std::move(meta.ns);
  out.name = std::move(meta.name);
  out.uid = std::move(meta.uid);
  out.generation = meta.generation;
  out.observed_generation = GetInt(status, {"observedGeneration"});
  out.labels = Strings(Member(metadata, "labels"));
  out.source_of_truth = SourceOfTruth(metadata);
  out.autoscaled = Autoscaled(metadata);
  out.deleting = Find(metadata, {"deletionTimestamp"}) != nullptr;
  out.conditions = Conditions(status);
  out.containers = DecodeContainers(Member(Member(spec, "template"), "spec"));
  out.selector = SelectorText(Member(spec, "selector"));
  out.last_attempt = GetString(metadata, {"annotations", kLastAttemptAnnotation});
  out.revision = Number(GetString(metadata, {"annotations", kRevision}));
  if (kind == kKindDeployment) {
    ReadDeployment(spec, status, out);
    return out;
  }
  out.on_delete = GetString(spec, {"updateStrategy", "type"}) == "OnDelete";
  if (const Json* max = salve::Find(spec, {"updateStrategy", "rollingUpdate", "maxUnavailable"})) {
    out.max_unavailable = IntOrString(*max);
  }
  if (kind == kKindStatefulSet) {
    ReadStatefulSet(spec, status, out);
  } else {
    ReadDaemonSet(status, out);
  }
  return out;
}

StatusOr<Revision> DecodeReplicaSet(const Json& object) {
  SALVE_ASSIGN_OR_RETURN(Revision out, NewRevision(object));
  const Json& metadata = Member(object, "metadata");
  Owner owner = ControllerOf(metadata);
  if (owner.kind == kKindDeployment) {
    out.owner_uid = std::move(owner.uid);
    out.owner_name = std::move(owner.name);
  }
  out.hash = GetString(metadata, {"labels", "pod-template-hash"});
  out.number = Number(GetString(metadata, {"annotations", kRevision}));
  out.desired = GetInt(object, {"spec", "replicas"}, 1);
  out.full = Number(GetString(metadata, {"annotations", kDesiredReplicas}));
  out.available = GetInt(object, {"status", "availableReplicas"});
  for (const Json& one : Member(Member(object, "status"), "conditions")) {
    if (GetString(one, {"type"}) == "ReplicaFailure" && GetString(one, {"status"}) == "True") {
      out.failure = Message(one);
    }
  }
  return out;
}

StatusOr<Revision> DecodeControllerRevision(const Json& object) {
  SALVE_ASSIGN_OR_RETURN(Revision out, NewRevision(object));
  const Json& metadata = Member(object, "metadata");
  Owner owner = ControllerOf(metadata);
  out.owner_uid = std::move(owner.uid);
  out.owner_name = std::move(owner.name);
  // Pods of a StatefulSet carry the revision's name, those of a DaemonSet its hash alone.
  out.hash = owner.kind == kKindDaemonSet
                 ? GetString(metadata, {"labels", "controller-revision-hash"})
                 : out.name;
  out.number = GetInt(object, {"revision"});
  return out;
}

}  // namespace salve::backends::kubernetes
