// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/pull_request_follower.h"

#include <algorithm>

#include "pkg/base/log.h"

namespace salve::reconcilers {
namespace {

// Of one sink, however many it has made: messages, which go by the same door, come first.
constexpr std::chrono::seconds kBetweenLooks{10};
constexpr std::chrono::minutes kAfterFailure{5};

}  // namespace

StatusOr<bool> NotePullRequestEnd(Shell& shell, StatusUpdater<v1::Incident>& incidents,
                                  const NamespacedName& incident, const std::string& uid,
                                  const std::string& sink, std::int64_t number,
                                  const healing::PullRequestEnd& end) {
  bool noted = false;
  const auto stored = incidents.Update(incident, [&](v1::Incident& current) -> StatusOr<bool> {
    noted = (uid.empty() || current.metadata.uid == uid) &&
            healing::NoteEnd(sink, number, end, current.status);
    return noted;
  });
  if (stored.code() == Code::kNotFound) return false;
  if (!stored.ok()) return stored.status();
  if (!noted) return false;
  const char* state = end.merged ? "merged" : "rejected";
  std::optional<Duration> took;
  if (end.merged && end.made) took = std::max<Duration>(end.at - *end.made, Duration(0));
  shell.metrics.PullRequest(state, took);
  Log(Severity::kInfo, "a pull request has ended",
      {{"incident", incident.ToString()}, {"sink", sink}, {"number", number}, {"state", state}});
  return true;
}

std::vector<PullRequestFollower::Followed> PullRequestFollower::All() const {
  std::vector<Followed> all;
  const WallTime now = shell_.clock.Now();
  for (auto& incident : shell_.incidents.ByIndex(kIncidentsByPullRequest, sink_)) {
    for (healing::OpenPullRequest& request : healing::OpenPullRequests(incident->status)) {
      if (request.sink != sink_ || now - request.told > healing::kFollowedFor) continue;
      std::string key = incident->metadata.uid + "#" + std::to_string(request.number);
      all.push_back({incident, std::move(request), std::move(key)});
    }
  }
  return all;
}

const PullRequestFollower::Followed& PullRequestFollower::First(const std::vector<Followed>& all) {
  const MonoTime now = shell_.clock.Monotonic();
  std::map<std::string, Look> looks;
  const Followed* first = &all.front();
  for (const Followed& one : all) {
    const auto known = looks_.find(one.key);
    Look& look = looks[one.key];
    if (known != looks_.end()) {
      look = known->second;
    } else {
      // New, or new to this process: then the time since it was made has passed unseen.
      const Duration open = shell_.clock.Now() - one.request.told;
      look.next = now + std::max<Duration>(healing::NextLookAfter(Duration(0)) - open, Duration(0));
    }
    if (look.next < looks[first->key].next) first = &one;
  }
  looks_ = std::move(looks);
  return *first;
}

StatusOr<std::optional<Duration>> PullRequestFollower::Follow(notify::Sink& sink,
                                                              engine::ReconcileContext& context) {
  if (!sink.FollowsPullRequests()) return std::optional<Duration>();
  const std::vector<Followed> all = All();
  if (all.empty()) {
    looks_.clear();
    return std::optional<Duration>();
  }
  const Followed& first = First(all);
  const MonoTime due = std::max(looks_[first.key].next, free_at_);
  const MonoTime now = shell_.clock.Monotonic();
  if (due > now) return std::optional<Duration>(due - now);
  SALVE_RETURN_IF_ERROR(LookAt(first, sink, context));
  return std::optional<Duration>(std::max<Duration>(free_at_ - now, kBetweenLooks));
}

Status PullRequestFollower::LookAt(const Followed& followed, notify::Sink& sink,
                                   engine::ReconcileContext& context) {
  const MonoTime now = shell_.clock.Monotonic();
  Look& look = looks_[followed.key];
  const Duration open = std::max<Duration>(shell_.clock.Now() - followed.request.told, Duration(0));
  look.next = now + healing::NextLookAfter(open);
  free_at_ = now + kBetweenLooks;
  const notify::SendContext send{std::min(context.deadline, now + notify::kSendTimeout),
                                 context.stop};
  const auto seen = sink.LookAtPullRequest(followed.request.number, look.mark, send);
  if (!seen.ok()) {
    if (context.stop.stop_requested()) return seen.status();
    const Duration wait = seen.status().retry_after().value_or(std::chrono::milliseconds(0));
    // One that is gone says nothing about the others.
    if (seen.code() != Code::kNotFound) free_at_ = now + std::max<Duration>(kAfterFailure, wait);
    Log(Severity::kWarning, "a pull request cannot be looked at, trying again later",
        {{"sink", sink_},
         {"incident", followed.incident->metadata.name},
         {"number", followed.request.number},
         {"error", seen.status().message()}});
    return Status::Ok();
  }
  look.mark = seen->mark;
  const auto& metadata = followed.incident->metadata;
  // A number of another repository, if the sink's was changed meanwhile.
  if (!seen->end || !healing::IsPullRequestBranch(metadata.name, seen->branch)) return Status::Ok();
  const auto noted = NotePullRequestEnd(shell_, incident_status_, {metadata.ns, metadata.name},
                                        metadata.uid, sink_, followed.request.number, *seen->end);
  if (noted.ok()) return Status::Ok();
  // What was seen is not noted: the next look has to say it again.
  look = {now, ""};
  return noted.status();
}

}  // namespace salve::reconcilers
