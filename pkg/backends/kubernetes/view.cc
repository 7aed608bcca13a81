// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/kubernetes/view.h"

#include <algorithm>
#include <utility>

#include "pkg/backends/kubernetes/selector.h"
#include "pkg/backends/text.h"

namespace salve::backends::kubernetes {
namespace {

using apis::salve::v1alpha1::KubernetesTarget;
using healing::TargetRef;
using std::chrono::seconds;

constexpr char kByOwner[] = "owner";
constexpr seconds kLookAgain{5};

engine::ReflectorOptions Watching(const ResourceInfo& resource) {
  engine::ReflectorOptions options;
  options.resource = resource;
  options.transform = [](Json&) {};  // the decoders leave out more than that
  return options;
}

engine::ReflectorOptions WatchingCreateFailures() {
  engine::ReflectorOptions options = Watching(kEvents);
  options.field_selector = "reason=FailedCreate,type=Warning";
  return options;
}

engine::Informer<Workload> Workloads(const ResourceInfo& resource, client::Client& client,
                                     engine::Environment env) {
  return {Watching(resource), client,
          [kind = resource.kind](const Json& object) { return DecodeWorkload(kind, object); }, env};
}

template <class T>
std::vector<std::string> OwnerOf(const T& object) {
  if (object.owner_uid.empty()) return {};
  return {object.owner_uid};
}

// What time alone can change: a pod that is not there yet, one that will be called late.
bool Unsettled(const Seen& seen) {
  if (seen.verdict.state != healing::HealthState::kHealthy) return true;
  if (seen.verdict.Has(healing::kConditionStarting) ||
      seen.verdict.Has(healing::kConditionRolloutInProgress)) {
    return true;
  }
  if (!seen.snapshot) return false;
  // That it has served for long enough must be seen before another one takes its place.
  const auto& newest = seen.verdict.newest;
  if (newest != nullptr && seen.snapshot->workload.desired > 0 &&
      !seen.snapshot->proven.contains(newest->uid)) {
    return true;
  }
  const auto waits = [](const auto& pod) { return !pod->ready || pod->deleted; };
  return std::any_of(seen.snapshot->pods.begin(), seen.snapshot->pods.end(), waits);
}

std::string Fingerprint(const Verdict& verdict) {
  std::string text = std::to_string(static_cast<int>(verdict.state));
  for (const std::string& condition : verdict.conditions) text += " " + condition;
  for (const IllPod& one : verdict.ill) text += " " + one.pod->uid;
  return text;
}

}  // namespace

View::View(std::string backend, client::Client& client, engine::Environment env, OnChange on_change)
    : backend_(std::move(backend)),
      clock_(env.clock),
      on_change_(std::move(on_change)),
      deployments_(Workloads(kDeployments, client, env)),
      stateful_sets_(Workloads(kStatefulSets, client, env)),
      daemon_sets_(Workloads(kDaemonSets, client, env)),
      replica_sets_(Watching(kReplicaSets), client, &DecodeReplicaSet, env),
      controller_revisions_(Watching(kControllerRevisions), client, &DecodeControllerRevision, env),
      pods_(Watching(kPods), client, &DecodePod, env),
      create_failures_(WatchingCreateFailures(), client, &DecodeCreateFailure, env) {
  replica_sets_.AddIndex(kByOwner, &OwnerOf<Revision>);
  controller_revisions_.AddIndex(kByOwner, &OwnerOf<Revision>);
  pods_.AddIndex(kByOwner, &OwnerOf<Pod>);
  create_failures_.AddIndex(
      kByOwner, [](const CreateFailure& failure) { return std::vector<std::string>{failure.uid}; });
  WatchWorkloads(deployments_, kKindDeployment);
  WatchWorkloads(stateful_sets_, kKindStatefulSet);
  WatchWorkloads(daemon_sets_, kKindDaemonSet);
  WatchRevisions(replica_sets_);
  WatchRevisions(controller_revisions_);
  WatchPods();
  WatchCreateFailures();
}

View::~View() { Stop(); }

std::vector<engine::InformerBase*> View::Caches() {
  return {&deployments_,          &stateful_sets_, &daemon_sets_,    &replica_sets_,
          &controller_revisions_, &pods_,          &create_failures_};
}

Status View::Start() {
  {
    MutexLock lock(mu_);
    started_ = true;
  }
  for (engine::InformerBase* cache : Caches()) SALVE_RETURN_IF_ERROR(cache->Start());
  return thread_.Start("kube-" + backend_, [this] { Run(); });
}

void View::Stop() {
  stop_.request_stop();
  {
    MutexLock lock(mu_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  for (engine::InformerBase* cache : Caches()) cache->Stop();
  thread_.Join();
}

void View::Step() {
  for (engine::InformerBase* cache : Caches()) (void)cache->Step();
  LookAgain();
  CheckStatus();
}

void View::Run() {
  for (engine::InformerBase* cache : Caches()) {
    while (!cache->WaitForSync(clock_.Monotonic() + kLookAgain, stop_.get_token())) {
      if (stop_.stop_requested()) return;
      CheckStatus();
    }
  }
  while (!stop_.stop_requested()) {
    CheckStatus();
    LookAgain();
    const MonoTime next = clock_.Monotonic() + kLookAgain;
    MutexLock lock(mu_);
    while (!stopping_ && clock_.Monotonic() < next) (void)clock_.WaitUntil(wake_, mu_, next);
  }
}

void View::CheckStatus() {
  const Status now = status();
  const std::string text = now.ToString();
  {
    MutexLock lock(mu_);
    if (std::exchange(last_status_, text) == text) return;
  }
  on_change_({backend_, "", "", ""});
}

void View::LookAgain() {
  std::vector<std::pair<TargetRef, std::string>> due;
  {
    MutexLock lock(mu_);
    for (const auto& [ref, memo] : memos_) {
      if (memo.unsettled) due.emplace_back(ref, memo.fingerprint);
    }
  }
  for (const auto& [ref, before] : due) {
    const StatusOr<Seen> seen = Look(ref);
    if (seen.ok() && Fingerprint(seen->verdict) != before) on_change_(ref);
  }
}

Status View::status() const {
  const engine::InformerBase* caches[] = {&deployments_,    &stateful_sets_,        &daemon_sets_,
                                          &replica_sets_,   &controller_revisions_, &pods_,
                                          &create_failures_};
  for (const engine::InformerBase* cache : caches) {
    const std::string error = cache->last_error();
    if (!error.empty()) {
      const std::string what = "backend " + backend_ + ": ";
      if (error.rfind("PermissionDenied", 0) == 0) {
        return PermissionDeniedError(what + "needs: list and watch " + cache->name() +
                                     " in all namespaces: " + error);
      }
      return UnavailableError(what + error);
    }
    if (!cache->HasSynced()) {
      return UnavailableError("backend " + backend_ + ": " + cache->name() + " not read yet");
    }
  }
  return Status::Ok();
}

const engine::Informer<Workload>* View::WorkloadsOf(const std::string& kind) const {
  if (kind == kKindDeployment) return &deployments_;
  if (kind == kKindStatefulSet) return &stateful_sets_;
  if (kind == kKindDaemonSet) return &daemon_sets_;
  return nullptr;
}

std::shared_ptr<const Workload> View::FindWorkload(const TargetRef& ref) const {
  const auto* informer = WorkloadsOf(ref.kind);
  return informer == nullptr ? nullptr : informer->Get({ref.ns, ref.name});
}

StatusOr<std::vector<TargetRef>> View::Resolve(const KubernetesTarget& target,
                                               const std::string& ns) const {
  SALVE_RETURN_IF_ERROR(status());
  std::vector<TargetRef> refs;
  const auto consider = [&](const auto& object) {
    const bool named = !target.name.empty() && object.name == target.name;
    const bool selected =
        target.name.empty() && target.selector && Selects(*target.selector, object.labels);
    if (named || selected) refs.push_back({backend_, target.kind, object.name, ns});
  };
  if (ns.empty()) return InvalidArgumentError("backend " + backend_ + ": no namespace");
  if (target.kind == kKindPod) {
    for (const auto& pod : pods_.List(ns)) consider(*pod);
  } else if (const auto* workloads = WorkloadsOf(target.kind)) {
    for (const auto& workload : workloads->List(ns)) consider(*workload);
  } else {
    return InvalidArgumentError("backend " + backend_ + ": no kind \"" +
                                Printable(target.kind, 60) + "\"");
  }
  std::sort(refs.begin(), refs.end());
  return refs;
}

StatusOr<Seen> View::Look(const TargetRef& ref) {
  SALVE_RETURN_IF_ERROR(status());
  Seen seen;
  if (ref.kind == kKindPod) {
    auto pod = pods_.Get({ref.ns, ref.name});
    if (pod != nullptr) seen = Judge(std::move(pod));
  } else if (const auto workload = FindWorkload(ref)) {
    seen = Judge(SnapshotOf(*workload));
  }
  if (!seen.snapshot && seen.pod == nullptr) {
    return NotFoundError("backend " + backend_ + " has no " + ref.kind + " \"" + ref.ns + "/" +
                         ref.name + "\"");
  }
  const bool unsettled = Unsettled(seen);
  MutexLock lock(mu_);
  const auto memo = memos_.try_emplace(ref).first;
  const bool first = memo->second.fingerprint.empty();
  if (!first && memo->second.state != seen.verdict.state) memo->second.since = clock_.Now();
  memo->second.state = seen.verdict.state;
  memo->second.fingerprint = Fingerprint(seen.verdict);
  memo->second.unsettled = unsettled;
  return seen;
}

}  // namespace salve::backends::kubernetes
