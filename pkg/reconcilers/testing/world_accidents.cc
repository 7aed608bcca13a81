// SPDX-License-Identifier: Apache-2.0
// What goes wrong in a World.
#include "pkg/reconcilers/testing/judge.h"
#include "pkg/reconcilers/testing/process.h"

namespace salve::reconcilers::testing {
namespace {

using client::testing::Call;
using client::testing::Fault;
using std::chrono::seconds;
using What = Accident::What;
using Where = Accident::Where;

constexpr seconds kAwhile{30};
constexpr seconds kAway{60};
// Short of the checks that a verification may lose.
constexpr seconds kBlindness{5};
constexpr seconds kPauseTime{300};
constexpr std::chrono::hours kJump{1};

// A call that the server answers with no, whatever it asked for.
Fault RefusalOf(What what) {
  switch (what) {
    case What::kUnavailable:
      return Fault::Refuse(UnavailableError("the server is busy (injected)"));
    case What::kServerError:
      return Fault::Refuse(InternalError("etcdserver: request timed out (injected)"));
    case What::kTooMany:
      return Fault::Refuse(TooManyRequestsError("slow down (injected)").WithRetryAfter(seconds(5)));
    case What::kForbidden:
      return Fault::Refuse(PermissionDeniedError("not for us (injected)"));
    default:
      return Fault::None();
  }
}

}  // namespace

What World::Strikes(Process& process, Where where) {
  const int count = counts_[where];
  for (const Accident& accident : accidents) {
    if (accident.where != where || accident.at != count) continue;
    ++struck_;
    Note("ACCIDENT", Describe(accident));
    Disturb(process, accident.what);
    return accident.what;
  }
  return What::kNone;
}

void World::Disturb(Process& process, What what) {
  switch (what) {
    case What::kPause:
      Pause(process, kPauseTime);
      break;
    case What::kClockForward:
      clock.StepWall(kJump);
      break;
    case What::kClockBack:
      clock.StepWall(-kJump);
      break;
    case What::kReconnectStale:
    case What::kFreeze:
    case What::kCutWatches:
    case What::kGone:
      DisturbWatches(what);
      break;
    case What::kRelabel:
    case What::kDropLease:
      DisturbObjects(what);
      break;
    case What::kHandRestart:
    case What::kDrift:
    case What::kRecreate:
    case What::kBackendAway:
    case What::kBlind:
      DisturbTarget(what);
      break;
    default:
      break;
  }
}

void World::LagBehind(std::int64_t version, Duration time) {
  server.SetReplicaVersion(version);
  ++disturbances_;
  const int lag = ++lags_;
  After(time, "replica catches up", [this, lag] {
    if (lag != lags_) return;
    server.SetReplicaVersion(std::nullopt);
    ++disturbances_;
  });
}

void World::DisturbWatches(What what) {
  ++disturbances_;
  if (what == What::kFreeze || what == What::kReconnectStale) LagBehind(server.version(), kAwhile);
  if (what == What::kFreeze) return;
  if (what == What::kGone) server.Compact();
  server.EndWatches(AbortedError("connection reset (injected)"));
}

void World::DisturbObjects(What what) {
  if (what == What::kDropLease) {
    const client::ResourceInfo leases{"coordination.k8s.io", "v1", "leases", "Lease", true};
    leases_dropped_ = true;
    for (const auto& [name, lease] : server.Objects(leases)) Must(server.Delete(leases, name));
    return;
  }
  for (const client::ResourceInfo& kind : {v1::Incident::kInfo, v1::HealingPolicy::kInfo}) {
    for (const auto& [name, object] : server.Objects(kind)) {
      const client::Json patch = {{"metadata", {{"labels", {{"team", "blue"}}}}}};
      Must(server.Patch(kind, name, client::PatchType::kMerge, patch).status());
    }
  }
}

void World::DisturbTarget(What what) {
  using backends::fake::FakeContainer;
  using backends::fake::Operation;
  if (what == What::kBackendAway) {
    const auto set = [this](const Status& status, backends::fake::Fault fault) {
      for (const Operation o : {Operation::kObserve, Operation::kLogs, Operation::kPlan}) {
        docker.SetFault(o, fault);
      }
      docker.SetAvailable(status);
    };
    set(UnavailableError("no socket (injected)"), backends::fake::Fault::kUnavailable);
    After(kAway, "the backend is back", [set] { set(Status::Ok(), backends::fake::Fault::kNone); });
    return;
  }
  if (what == What::kBlind) {
    blind_ = true;
    After(kBlindness, "probes measure again", [this] { blind_ = false; });
    return;
  }
  for (const auto& [name, value] : figure) {
    if (value >= 70) continue;
    if (what == What::kRecreate) {
      FakeContainer fresh = docker.Get(name);
      fresh.starts += 100;
      docker.Remove(name);
      docker.Add(name, fresh);
      continue;
    }
    docker.Change(name, [what](FakeContainer& c) {
      if (what == What::kHandRestart) ++c.starts;
      if (what == What::kDrift) c.configuration = R"({"image":"redis:8"})";
    });
  }
}

void World::Pause(Process& process, Duration time) {
  process.paused = true;
  const MonoTime end = clock.Monotonic() + time;
  for (Settle(); !stuck_ && clock.Monotonic() < end; Settle()) {
    clock.Advance(std::min(NextEvent(), end) - clock.Monotonic());
  }
  process.paused = false;
  ++changes_;
}

Fault World::OnWrite(Process& process, const Call& call) {
  version_before_ = server.version();
  ++counts_[Where::kWrite];
  if (before_effect) {
    before_effect(call.verb + " " + call.resource.plural + "/" + call.subresource + " " +
                  call.name.name);
  }
  const What what = Strikes(process, Where::kWrite);
  switch (what) {
    case What::kCrashBefore:
      process.dead = true;
      return Fault::Refuse(UnavailableError("the process is dead"));
    case What::kRestartStale:
      LagBehind(version_before_, kAwhile);
      break;
    case What::kRestartOld:
      LagBehind(illness_version_ > 0 ? illness_version_ : version_before_, kAwhile);
      break;
    case What::kCrashAfter:
      break;
    case What::kLoseAnswer:
      return Fault::LoseResponse();
    case What::kLoseRequest:
      return Fault::Refuse(AbortedError("connection lost after sending"));
    case What::kConflict:
      return Fault::Refuse(ConflictError("the object has been modified (injected)"));
    default:
      return RefusalOf(what);
  }
  process.dead = true;
  return Fault::LoseResponse(UnavailableError("the process is dead"));
}

Fault World::OnRead(Process& process, const Call& call) {
  if (call.verb == "watch") return Fault::None();
  ++counts_[Where::kRead];
  const What what = Strikes(process, Where::kRead);
  switch (what) {
    case What::kCrashBefore:
      process.dead = true;
      return Fault::Refuse(UnavailableError("the process is dead"));
    default:
      return RefusalOf(what);
  }
}

void World::AfterCall(Process& process, const Call& call, const Status& status) {
  if (call.verb != "create" && call.verb != "update" && call.verb != "delete" &&
      call.verb != "patch") {
    return;
  }
  Note(std::to_string(process.number) + " " + call.verb + " " + call.resource.plural +
           (call.subresource.empty() ? "" : "/") + call.subresource + " " + call.name.name,
       CodeName(status.code()));
  judge_->AfterWrite(call);
}

}  // namespace salve::reconcilers::testing
