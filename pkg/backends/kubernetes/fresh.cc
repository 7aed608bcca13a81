// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/kubernetes/fresh.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "pkg/backends/text.h"
#include "pkg/base/json_access.h"
#include "pkg/base/time_format.h"

namespace salve::backends::kubernetes {
namespace {

using std::chrono::minutes;

constexpr std::int64_t kMaxEvents = 100;
constexpr std::size_t kMaxEventText = 300;
constexpr std::size_t kMaxLine = 1000;
constexpr minutes kEventMemory{10};

StatusOr<std::vector<std::shared_ptr<const Revision>>> ReadRevisions(Cluster& cluster,
                                                                     const Workload& w,
                                                                     const CallContext& context) {
  const bool sets = w.kind == kKindDeployment;
  SALVE_ASSIGN_OR_RETURN(
      const std::vector<Json> objects,
      cluster.List(sets ? kReplicaSets : kControllerRevisions, w.ns, w.selector, "", 0, context));
  std::vector<std::shared_ptr<const Revision>> out;
  for (const Json& object : objects) {
    auto one = sets ? DecodeReplicaSet(object) : DecodeControllerRevision(object);
    if (one.ok() && one->owner_uid == w.uid) {
      out.push_back(std::make_shared<const Revision>(*std::move(one)));
    }
  }
  return out;
}

Status ReadPods(Cluster& cluster, Snapshot& s, const CallContext& context) {
  const Workload& w = s.workload;
  SALVE_ASSIGN_OR_RETURN(const std::vector<Json> objects,
                         cluster.List(kPods, w.ns, w.selector, "", 0, context));
  for (const Json& object : objects) {
    auto pod = DecodePod(object);
    if (!pod.ok()) continue;
    const bool ours = pod->owner_uid == w.uid ||
                      std::any_of(s.revisions.begin(), s.revisions.end(),
                                  [&](const auto& one) { return one->uid == pod->owner_uid; });
    if (ours) s.pods.push_back(std::make_shared<const Pod>(*std::move(pod)));
  }
  return Status::Ok();
}

// The newest Warning about the object that is not older than a while; "" if there is none.
std::string NewestWarning(Cluster& cluster, const std::string& ns, const std::string& uid,
                          WallTime now, const CallContext& context) {
  const auto events = cluster.List(kEvents, ns, "", "involvedObject.uid=" + uid + ",type=Warning",
                                   kMaxEvents, context);
  if (!events.ok()) return "";  // evidence is welcome, not required
  std::string text;
  std::optional<WallTime> newest;
  for (const Json& event : *events) {
    const std::string reason = salve::GetString(event, {"reason"});
    const std::optional<WallTime> at = EventTime(event);
    if (!at || now - *at > kEventMemory || (newest && *at <= *newest)) continue;
    // It says no more than the container's own state does.
    if (reason == "BackOff") continue;
    newest = at;
    text = reason + ": " + salve::GetString(event, {"message"});
  }
  return Printable(text, kMaxEventText);
}

// The container to blame, else the first one that is the program's own.
std::string ContainerOf(const Pod& pod, const std::string& blamed) {
  if (!blamed.empty()) return blamed;
  for (const Container& c : pod.containers) {
    if (!c.init) return c.name;
  }
  return "";
}

bool HasRunBefore(const Pod& pod, const std::string& container) {
  return std::any_of(pod.containers.begin(), pod.containers.end(), [&](const Container& c) {
    return c.name == container && c.restarts > 0 && !c.last_reason.empty() &&
           c.state != Container::State::kTerminated;
  });
}

std::vector<std::string> LastLines(std::string_view text, int max_lines) {
  std::vector<std::string_view> lines = Lines(text);
  const auto wanted = static_cast<std::size_t>(std::max(0, max_lines));
  const std::size_t first = lines.size() > wanted ? lines.size() - wanted : 0;
  std::vector<std::string> out;
  for (std::size_t i = first; i < lines.size(); ++i) {
    out.push_back(Printable(lines[i], kMaxLine));
  }
  return out;
}

}  // namespace

StatusOr<Subject> ReadSubject(Cluster& cluster, View& view, const healing::TargetRef& ref,
                              const CallContext& context) {
  Subject subject;
  subject.ref = ref;
  const NamespacedName name{ref.ns, ref.name};
  if (ref.kind == kKindPod) {
    SALVE_ASSIGN_OR_RETURN(subject.object, cluster.Get(kPods, name, context));
    SALVE_ASSIGN_OR_RETURN(Pod pod, DecodePod(subject.object));
    subject.seen = view.Judge(std::make_shared<const Pod>(std::move(pod)));
    return subject;
  }
  const ResourceInfo* resource = WorkloadResource(ref.kind);
  if (resource == nullptr) {
    return InvalidArgumentError("\"" + Printable(ref.kind, 60) + "\" is no kind of target");
  }
  SALVE_ASSIGN_OR_RETURN(subject.object, cluster.Get(*resource, name, context));
  Snapshot snapshot;
  SALVE_ASSIGN_OR_RETURN(snapshot.workload, DecodeWorkload(ref.kind, subject.object));
  SALVE_ASSIGN_OR_RETURN(snapshot.revisions, ReadRevisions(cluster, snapshot.workload, context));
  SALVE_RETURN_IF_ERROR(ReadPods(cluster, snapshot, context));
  subject.seen = view.Judge(std::move(snapshot));
  return subject;
}

void AddEvents(Cluster& cluster, View& view, Subject& subject, const CallContext& context) {
  bool news = false;
  const WallTime now = view.Now();
  if (!subject.seen.verdict.ill.empty()) {
    const IllPod& worst = subject.seen.verdict.ill.front();
    const std::string condition = worst.illness.condition;
    if (condition == healing::kConditionConfigError ||
        condition == healing::kConditionPodNotReady) {
      const std::string text = NewestWarning(cluster, worst.pod->ns, worst.pod->uid, now, context);
      if (!text.empty()) {
        view.RememberPodEvent(*worst.pod, text);
        news = true;
      }
    }
  }
  if (!news) return;
  subject.seen =
      subject.seen.snapshot ? view.Judge(*subject.seen.snapshot) : view.Judge(subject.seen.pod);
}

StatusOr<std::vector<std::string>> ReadLogs(Cluster& cluster, const Seen& seen, int max_lines,
                                            const CallContext& context) {
  std::shared_ptr<const Pod> pod = seen.pod;
  std::string blamed;
  for (const IllPod& one : seen.verdict.ill) {
    pod = one.pod;
    blamed = one.illness.container;
    break;
  }
  if (pod == nullptr && seen.snapshot) {
    for (const auto& one : seen.snapshot->pods) {
      if (pod == nullptr || one->Restarts() > pod->Restarts()) pod = one;
    }
  }
  if (pod == nullptr) return std::vector<std::string>{};
  const std::string container = ContainerOf(*pod, blamed);
  const NamespacedName name{pod->ns, pod->name};
  const bool before = HasRunBefore(*pod, container);
  auto text = cluster.PodLogs(name, container, before, max_lines, context);
  if (before && !text.ok() && text.code() == Code::kInvalidArgument) {
    text = cluster.PodLogs(name, container, false, max_lines, context);
  }
  // A container that has not run yet has no log: the server calls the question a bad one.
  if (text.code() == Code::kInvalidArgument) return std::vector<std::string>{};
  if (!text.ok()) return text.status();
  return LastLines(*text, max_lines);
}

}  // namespace salve::backends::kubernetes
