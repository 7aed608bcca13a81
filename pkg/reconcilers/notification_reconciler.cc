// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/notification_reconciler.h"

#include <algorithm>
#include <set>

#include "pkg/base/log.h"
#include "pkg/base/redact.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/evidence.h"
#include "pkg/healing/notification_text.h"

namespace salve::reconcilers {
namespace {

using healing::NextNotification;
using healing::QueuedNotification;

constexpr std::size_t kMaxMessage = 512;
// A sink that the configuration lacks may come back with the next one: looked at so often.
constexpr std::chrono::minutes kMissingSink{10};

std::string Bounded(const std::string& text) {
  return healing::SanitizeLine(Redact(text), kMaxMessage);
}

// Whether the sink as a whole is to be left alone, rather than this one message.
bool IsSinkFailure(const Status& why) { return !why.terminal(); }

// Evidence quotes logs: what looks like a secret there does not leave the house.
healing::Message Redacted(healing::Message message) {
  message.title = Redact(message.title);
  for (healing::MessagePart& part : message.parts) {
    for (std::string& line : part.lines) line = Redact(line);
  }
  return message;
}

}  // namespace

NotificationReconciler::NotificationReconciler(Shell& shell, const notify::SinkSet& sinks,
                                               StatusUpdater<v1::Incident>& incident_status,
                                               Random& random)
    : shell_(shell), sinks_(sinks), incident_status_(incident_status), random_(random) {}

NotificationReconciler::~NotificationReconciler() = default;

NotificationReconciler::Line& NotificationReconciler::LineOf(const std::string& sink) {
  MutexLock lock(mu_);
  std::unique_ptr<Line>& line = lines_[sink];
  if (line == nullptr) line = std::make_unique<Line>();
  return *line;
}

// Those with something pending, and the others of their policies.
std::vector<std::shared_ptr<const v1::Incident>> NotificationReconciler::IncidentsFor(
    const std::string& sink) const {
  std::vector<std::shared_ptr<const v1::Incident>> out;
  std::set<std::string> policies;
  for (const auto& incident : shell_.incidents.ByIndex(kIncidentsBySink, sink)) {
    policies.insert(incident->metadata.ns + "/" + incident->spec.policy_ref.name);
  }
  for (const std::string& policy : policies) {
    for (auto& incident : shell_.incidents.ByIndex(kIncidentsByPolicy, policy)) {
      out.push_back(std::move(incident));
    }
  }
  return out;
}

StatusOr<engine::Result> NotificationReconciler::Reconcile(const NamespacedName& key,
                                                           engine::ReconcileContext& context) {
  const std::string& name = key.name;
  Line& line = LineOf(name);
  SALVE_RETURN_IF_ERROR(WriteRecords(line));
  const auto incidents = IncidentsFor(name);
  std::vector<const v1::Incident*> pointers;
  std::size_t pending = 0;
  for (const auto& incident : incidents) {
    pointers.push_back(incident.get());
    pending += healing::HasPending(incident->status, name) ? 1 : 0;
  }
  shell_.metrics.NotificationsPending(name, pending);
  const notify::SinkSet::Entry* sink = sinks_.Find(name);
  if (sink != nullptr && line.state.groups == nullptr) {
    line.state.groups = [sink](const std::string& stage) { return sink->sink->Groups(stage); };
  }
  const WallTime now = shell_.clock.Now();
  const NextNotification next = healing::ChooseNotification(name, pointers, line.state, now);
  switch (next.what) {
    case NextNotification::What::kNothing:
      return LookAround(name, sink, std::nullopt, line, context);
    case NextNotification::What::kWait:
      return LookAround(name, sink, std::max<Duration>(next.at - now, Duration(0)), line, context);
    case NextNotification::What::kGiveUp:
      GiveUp(name, next.items.front(), next.items.front().entry->attempts,
             "it could not be delivered within 24 hours", line);
      SALVE_RETURN_IF_ERROR(WriteRecords(line));
      return engine::Result{Duration(0)};
    case NextNotification::What::kSend:
      break;
  }
  if (sink == nullptr) return engine::Result{kMissingSink};
  const Duration wait = RateWait(*sink, line);
  if (wait > Duration(0)) return engine::Result{wait};
  return Send(name, *sink, next, line, context);
}

StatusOr<engine::Result> NotificationReconciler::LookAround(const std::string& name,
                                                            const notify::SinkSet::Entry* sink,
                                                            std::optional<Duration> wait,
                                                            Line& line,
                                                            engine::ReconcileContext& context) {
  if (sink == nullptr) return engine::Result{wait};
  if (line.pull_requests == nullptr) {
    line.pull_requests = std::make_unique<PullRequestFollower>(shell_, incident_status_, name);
  }
  SALVE_ASSIGN_OR_RETURN(const std::optional<Duration> look,
                         line.pull_requests->Follow(*sink->sink, context));
  if (look) wait = wait ? std::min(*wait, *look) : *look;
  return engine::Result{wait};
}

Duration NotificationReconciler::RateWait(const notify::SinkSet::Entry& sink, Line& line) {
  const auto per_minute = static_cast<double>(std::max<std::int64_t>(1, sink.messages_per_minute));
  if (line.bucket == nullptr) {
    line.bucket = std::make_unique<TokenBucket>(per_minute / 60, std::min(per_minute, 10.0));
  }
  if (line.bucket->TryTake(shell_.clock.Monotonic())) return Duration(0);
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(60 / per_minute));
}

StatusOr<engine::Result> NotificationReconciler::Send(const std::string& name,
                                                      const notify::SinkSet::Entry& sink,
                                                      const NextNotification& next, Line& line,
                                                      engine::ReconcileContext& context) {
  const QueuedNotification& first = next.items.front();
  const auto policy =
      shell_.policies.Get({first.incident->metadata.ns, first.incident->spec.policy_ref.name});
  const healing::Message message = Redacted(healing::BuildSummary(next.items, policy.get()));
  const notify::SendContext send{
      std::min(context.deadline, shell_.clock.Monotonic() + notify::kSendTimeout), context.stop};
  const auto taken = sink.sink->Send(message, send);
  // Whether it arrived is not known, and the next process will ask again.
  if (!taken.ok() && context.stop.stop_requested()) return taken.status();
  if (taken.ok()) {
    NoteSent(name, next, *taken, line);
  } else {
    NoteRefused(name, first, taken.status(), line);
  }
  SALVE_RETURN_IF_ERROR(WriteRecords(line));
  return engine::Result{Duration(0)};
}

void NotificationReconciler::NoteSent(const std::string& sink, const NextNotification& next,
                                      const std::string& where, Line& line) {
  const WallTime now = shell_.clock.Now();
  if (line.failures > 0) line.state.recovered_at = now;
  line.failures = 0;
  line.state.hold_until = {};
  const std::string carrier = next.items.front().incident->metadata.name;
  for (std::size_t i = 0; i < next.items.size(); ++i) {
    const QueuedNotification& item = next.items[i];
    Record record{{item.incident->metadata.ns, item.incident->metadata.name},
                  item.incident->metadata.uid,
                  *item.entry};
    record.entry.state = healing::kNotificationSent;
    record.entry.at = FormatMicroTime(now);
    record.entry.next_attempt_at.clear();
    record.entry.attempts += i == 0 ? 1 : 0;
    record.entry.message =
        i == 0 ? Bounded(where) : Bounded(std::string(healing::kInSummary) + " with " + carrier);
    line.unrecorded.push_back(std::move(record));
    shell_.metrics.NotificationDone(sink, i == 0 ? "sent" : "summarized");
  }
  Log(Severity::kInfo, "notification sent",
      {{"sink", sink},
       {"incident", carrier},
       {"stage", next.items.front().entry->stage},
       {"incidents", next.items.size()}});
}

void NotificationReconciler::NoteRefused(const std::string& sink, const QueuedNotification& item,
                                         const Status& why, Line& line) {
  const WallTime now = shell_.clock.Now();
  const std::int64_t attempts = item.entry->attempts + 1;
  if (IsSinkFailure(why)) {
    ++line.failures;
    Duration hold = healing::SinkHold(line.failures);
    if (why.retry_after()) hold = std::max<Duration>(hold, *why.retry_after());
    line.state.hold_until = now + hold;
    line.state.recovered_at.reset();
  }
  if (why.terminal() || attempts >= healing::kMaxSendAttempts) {
    GiveUp(sink, item, attempts, why.message(), line);
    return;
  }
  Record record{{item.incident->metadata.ns, item.incident->metadata.name},
                item.incident->metadata.uid,
                *item.entry};
  Duration wait = healing::NotificationBackoff(attempts, random_);
  if (why.retry_after()) wait = std::max<Duration>(wait, *why.retry_after());
  record.entry.attempts = attempts;
  record.entry.next_attempt_at = FormatMicroTime(now + wait);
  record.entry.message = Bounded(why.message());
  line.unrecorded.push_back(std::move(record));
  shell_.metrics.NotificationDone(sink, "retried");
  Log(Severity::kWarning, "notification not taken, trying again later",
      {{"sink", sink},
       {"incident", item.incident->metadata.name},
       {"stage", item.entry->stage},
       {"attempts", attempts},
       {"error", why.message()}});
}

void NotificationReconciler::GiveUp(const std::string& sink, const QueuedNotification& item,
                                    std::int64_t attempts, const std::string& why, Line& line) {
  Record record{{item.incident->metadata.ns, item.incident->metadata.name},
                item.incident->metadata.uid,
                *item.entry};
  record.entry.state = healing::kNotificationFailed;
  record.entry.attempts = attempts;
  record.entry.at = FormatMicroTime(shell_.clock.Now());
  record.entry.next_attempt_at.clear();
  record.entry.message = Bounded(why);
  line.unrecorded.push_back(std::move(record));
  shell_.metrics.NotificationDone(sink, "failed");
  shell_.events.Event(
      ReferenceTo(*item.incident), engine::EventType::kWarning, "NotificationFailed",
      "sink " + sink + " was not told of " + item.entry->stage + ": " + Bounded(why));
  Log(Severity::kError, "notification given up",
      {{"sink", sink},
       {"incident", item.incident->metadata.name},
       {"stage", item.entry->stage},
       {"error", why}});
}

// Notes what became of messages, oldest first. What cannot be noted stays to be noted.
Status NotificationReconciler::WriteRecords(Line& line) {
  while (!line.unrecorded.empty()) {
    const Record& record = line.unrecorded.front();
    bool noted = false;
    const auto stored = incident_status_.Update(
        record.incident, [&record, &noted](v1::Incident& current) -> StatusOr<bool> {
          noted = false;
          if (current.metadata.uid != record.uid) return false;  // another one of that name
          v1::NotificationStatus* entry = healing::FindNotification(
              current.status, record.entry.sink, record.entry.stage, record.entry.key);
          if (entry == nullptr || entry->state != healing::kNotificationPending) return false;
          *entry = record.entry;
          noted = true;
          return true;
        });
    if (!stored.ok() && stored.code() != Code::kNotFound) return stored.status();
    if (stored.ok() && noted && healing::TellsOfNewPullRequest(record.entry)) {
      shell_.metrics.PullRequest("opened", std::nullopt);
    }
    line.unrecorded.erase(line.unrecorded.begin());
  }
  return Status::Ok();
}

}  // namespace salve::reconcilers
