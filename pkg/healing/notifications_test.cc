// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/notifications.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/machine.h"
#include "pkg/healing/test_support.h"

namespace salve::healing {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::After;
using ::testing::ElementsAre;
using testing::kNow;
using testing::MakePolicy;
using testing::MakeTestIncident;
using What = NextNotification::What;

const SinkIsOpen kAnySink = [](const std::string&) { return true; };

v1::HealingPolicy Telling(const std::string& sink, std::vector<std::string> stages = {}) {
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.notifications = {{sink, std::move(stages)}};
  return policy;
}

void SetCondition(v1::Incident& incident, const char* type, const std::string& reason) {
  metav1::Condition condition;
  condition.type = type;
  condition.status = "True";
  condition.reason = reason;
  condition.message = "because";
  metav1::SetCondition(incident.status.conditions, condition, "2026-12-01T12:00:00Z");
}

v1::Incident Detected() {
  v1::Incident incident = MakeTestIncident();
  ApplyBegin(incident, incident.status, kNow);
  return incident;
}
v1::Incident Asking(const std::string& digest = std::string(64, 'a')) {
  v1::Incident incident = Detected();
  incident.status.phase = kPhaseAwaitingApproval;
  incident.status.proposal.emplace().digest = digest;
  return incident;
}
v1::Incident Waiting(const std::string& reason) {
  v1::Incident incident = Detected();
  incident.status.phase = kPhaseBlocked;
  SetCondition(incident, v1::kIncidentBlocked, reason);
  return incident;
}
v1::Attempt Ran(const std::string& id) {
  v1::Attempt attempt;
  attempt.id = id;
  attempt.step = "restart";
  attempt.phase = kAttemptExecuted;
  attempt.result.emplace().outcome = "Applied";
  return attempt;
}
v1::Incident Over(const std::string& outcome = kAutoHealed) {
  v1::Incident incident = Detected();
  incident.status.attempts = {Ran("a-1")};
  ApplyClose(incident.status, outcome, "Verified", "it helped", kNow);
  return incident;
}

std::vector<std::string> Told(const v1::Incident& incident) {
  std::vector<std::string> out;
  for (const v1::NotificationStatus& e : incident.status.notifications) {
    out.push_back(e.sink + " " + e.stage + " " + e.key.substr(0, 8));
  }
  return out;
}

struct StageCase {
  const char* sentence;
  v1::Incident incident;
  std::vector<std::string> stages;  // of the policy
  std::vector<std::string> want;    // stages that are noted
};

TEST(AddNotifications, NotesTheStagesThatWereReachedAndAskedFor) {
  v1::Incident undone = Detected();
  undone.status.attempts = {Ran("a-1")};
  undone.status.attempts[0].phase = kAttemptUndone;
  v1::Incident escalated = Detected();
  SetCondition(escalated, v1::kIncidentEscalated, "LadderExhausted");
  v1::Incident not_applied = Detected();
  not_applied.status.attempts = {Ran("a-1")};
  not_applied.status.attempts[0].result->outcome = "NotApplied";
  const std::vector<std::string> all = {"Detected",   "Proposed",  "Blocked", "Executed",
                                        "RolledBack", "Escalated", "Resolved"};
  const StageCase cases[] = {
      {"an incident that nobody has looked at", MakeTestIncident(), all, {}},
      {"one that was just detected", Detected(), all, {"Detected"}},
      {"detection is not told unless asked for", Detected(), {}, {}},
      {"one that waits for approval", Asking(), {}, {"Proposed"}},
      {"one that waits for approval, and only its end is asked for", Asking(), {"Resolved"}, {}},
      {"one that is blocked", Waiting("Cooldown"), {}, {"Blocked"}},
      {"an undone attempt was executed first", undone, all, {"Detected", "Executed", "RolledBack"}},
      {"an action that did not happen", not_applied, {"Executed"}, {}},
      {"one that needs a person", escalated, {}, {"Escalated"}},
      {"one that is over", Over(), {}, {"Resolved"}},
  };
  for (const StageCase& c : cases) {
    SCOPED_TRACE(c.sentence);
    v1::Incident incident = c.incident;
    const v1::HealingPolicy policy = Telling("ops", c.stages);
    EXPECT_EQ(AddNotifications(&policy, kAnySink, kNow, incident), !c.want.empty());
    std::vector<std::string> stages;
    for (const v1::NotificationStatus& e : incident.status.notifications) {
      stages.push_back(e.stage);
      EXPECT_EQ(e.sink, "ops");
      EXPECT_EQ(e.state, kNotificationPending);
      EXPECT_EQ(e.at, "2026-12-01T12:00:00.000000Z");
    }
    EXPECT_EQ(stages, c.want);
    EXPECT_FALSE(AddNotifications(&policy, kAnySink, After(60), incident)) << "noted twice";
  }
}

TEST(AddNotifications, ASecondProposalIsASecondMessage) {
  v1::Incident incident = Asking(std::string(64, 'a'));
  const v1::HealingPolicy policy = Telling("ops");
  AddNotifications(&policy, kAnySink, kNow, incident);
  incident.status.proposal->digest = std::string(64, 'b');
  AddNotifications(&policy, kAnySink, kNow, incident);
  EXPECT_THAT(Told(incident), ElementsAre("ops Proposed aaaaaaaa", "ops Proposed bbbbbbbb"));
  EXPECT_NE(NotificationId(incident, incident.status.notifications[0]),
            NotificationId(incident, incident.status.notifications[1]));
}

TEST(AddNotifications, TheSameBlockIsToldOnceHoweverOftenItComesAndGoes) {
  v1::Incident incident = Waiting("Cooldown");
  const v1::HealingPolicy policy = Telling("ops");
  AddNotifications(&policy, kAnySink, kNow, incident);
  incident.status.phase = kPhaseDiagnosing;
  AddNotifications(&policy, kAnySink, kNow, incident);
  incident.status.phase = kPhaseBlocked;
  AddNotifications(&policy, kAnySink, kNow, incident);
  EXPECT_THAT(Told(incident), ElementsAre("ops Blocked Cooldown"));
}

TEST(AddNotifications, ASinkThatIsNotOpenIsLeftOut) {
  v1::Incident incident = Asking();
  v1::HealingPolicy policy = Telling("secret");
  policy.spec.notifications.push_back({"ops", {}});
  AddNotifications(&policy, [](const std::string& sink) { return sink == "ops"; }, kNow, incident);
  EXPECT_THAT(Told(incident), ElementsAre("ops Proposed aaaaaaaa"));
}

TEST(AddNotifications, WhoeverAnEscalationCallsIsToldOfItAndOfTheEnd) {
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.ladder.back().escalate->sinks = {"pager"};
  v1::Incident incident = Detected();
  EXPECT_FALSE(AddNotifications(&policy, kAnySink, kNow, incident));
  ApplyEscalation(incident.status, "LadderExhausted", "nothing helped", kNow);
  AddNotifications(&policy, kAnySink, kNow, incident);
  ApplyClose(incident.status, kEscalated, "Healthy", "healthy again", kNow);
  AddNotifications(&policy, kAnySink, kNow, incident);
  EXPECT_THAT(Told(incident), ElementsAre("pager Escalated LadderEx", "pager Resolved Escalate"));
}

TEST(AddNotifications, WithoutThePolicyOnlyTheEndIsToldToThoseWhoKnowOfTheIncident) {
  v1::Incident incident = Asking();
  const v1::HealingPolicy policy = Telling("ops");
  AddNotifications(&policy, kAnySink, kNow, incident);
  ApplyClose(incident.status, kCancelled, "PolicyDeleted", "the policy is gone", kNow);
  AddNotifications(nullptr, kAnySink, kNow, incident);
  EXPECT_THAT(Told(incident), ElementsAre("ops Proposed aaaaaaaa", "ops Resolved Cancelle"));
  v1::Incident unknown = Over();
  EXPECT_FALSE(AddNotifications(nullptr, kAnySink, kNow, unknown));
}

TEST(AddNotifications, TheListIsBoundedAndTheEndStillGoesIn) {
  v1::Incident incident = Detected();
  const v1::HealingPolicy policy = Telling("ops", {"Executed", "Resolved"});
  for (int i = 0; i < 300; ++i) incident.status.attempts.push_back(Ran("a-" + std::to_string(i)));
  AddNotifications(&policy, kAnySink, kNow, incident);
  EXPECT_EQ(incident.status.notifications.size(), kMaxNotifications);
  ApplyClose(incident.status, kAutoHealed, "Verified", "it helped", kNow);
  AddNotifications(&policy, kAnySink, kNow, incident);
  EXPECT_EQ(incident.status.notifications.size(), kMaxNotifications + 1);
  EXPECT_EQ(incident.status.notifications.back().stage, kStageResolved);
}

TEST(MergeNotifications, KeepsWhatWasSentMeanwhileAndWhatIsNew) {
  v1::Incident incident = Asking();
  const v1::HealingPolicy policy = Telling("ops");
  AddNotifications(&policy, kAnySink, kNow, incident);
  std::vector<v1::NotificationStatus> stored = incident.status.notifications;
  stored[0].state = kNotificationSent;
  ApplyClose(incident.status, kAutoHealed, "Verified", "it helped", kNow);
  AddNotifications(&policy, kAnySink, kNow, incident);
  const auto merged = MergeNotifications(stored, incident.status.notifications);
  ASSERT_EQ(merged.size(), 2u);
  EXPECT_EQ(merged[0].state, kNotificationSent);
  EXPECT_EQ(merged[1].stage, kStageResolved);
}

// --- what is sent next

// Incidents of one policy, each with entries for sink "ops".
class Queue {
 public:
  v1::Incident& Add(const std::string& name, const std::string& stage, WallTime at,
                    const std::string& policy = "redis") {
    v1::Incident& incident = incidents_[name];
    if (incident.metadata.name.empty()) incident = MakeTestIncident();
    incident.metadata.name = name;
    incident.metadata.uid = name;
    incident.spec.policy_ref.name = policy;
    v1::NotificationStatus entry;
    entry.sink = "ops";
    entry.stage = stage;
    entry.key = "1";
    entry.state = kNotificationPending;
    entry.at = FormatMicroTime(at);
    incident.status.notifications.push_back(entry);
    return incident;
  }
  NextNotification Next(WallTime now) const {
    std::vector<const v1::Incident*> pointers;
    for (const auto& [name, incident] : incidents_) pointers.push_back(&incident);
    return ChooseNotification("ops", pointers, state, now);
  }
  // Sends what is next, as the shell notes it.
  NextNotification Send(WallTime now) {
    const NextNotification next = Next(now);
    if (next.what != What::kSend) return next;
    for (std::size_t i = 0; i < next.items.size(); ++i) {
      v1::NotificationStatus& entry =
          *FindNotification(incidents_[next.items[i].incident->metadata.name].status, "ops",
                            next.items[i].entry->stage, next.items[i].entry->key);
      entry.state = kNotificationSent;
      entry.at = FormatMicroTime(now);
      entry.message = i == 0 ? "taken" : std::string(kInSummary) + " with another";
    }
    return next;
  }
  SinkState state;

 private:
  std::map<std::string, v1::Incident> incidents_;
};

std::vector<std::string> Names(const NextNotification& next) {
  std::vector<std::string> out;
  for (const QueuedNotification& item : next.items) out.push_back(item.incident->metadata.name);
  return out;
}

TEST(ChooseNotification, NothingPendingMeansNothingToDo) {
  Queue queue;
  EXPECT_EQ(queue.Next(kNow).what, What::kNothing);
}

TEST(ChooseNotification, AnIncidentsStoryIsToldInItsOrder) {
  Queue queue;
  queue.Add("a", kStageProposed, kNow);
  queue.Add("a", kStageResolved, kNow);
  const NextNotification first = queue.Send(kNow);
  EXPECT_EQ(first.items.at(0).entry->stage, kStageProposed);
  EXPECT_EQ(queue.Send(kNow).items.at(0).entry->stage, kStageResolved);
  EXPECT_EQ(queue.Next(kNow).what, What::kNothing);
}

TEST(ChooseNotification, WhatWasRefusedWaitsForItsTimeAndHoldsBackTheRestOfItsStory) {
  Queue queue;
  v1::Incident& a = queue.Add("a", kStageProposed, kNow);
  queue.Add("a", kStageResolved, kNow);
  a.status.notifications[0].next_attempt_at = FormatMicroTime(After(40));
  const NextNotification next = queue.Next(kNow);
  EXPECT_EQ(next.what, What::kWait);
  EXPECT_EQ(next.at, After(40));
  EXPECT_EQ(queue.Next(After(40)).items.at(0).entry->stage, kStageProposed);
}

TEST(ChooseNotification, OtherIncidentsDoNotWaitForARefusedOne) {
  Queue queue;
  queue.Add("a", kStageProposed, kNow).status.notifications[0].next_attempt_at =
      FormatMicroTime(After(40));
  queue.Add("b", kStageProposed, kNow);
  EXPECT_THAT(Names(queue.Next(kNow)), ElementsAre("b"));
}

TEST(ChooseNotification, ASinkThatDoesNotAnswerIsLeftAlone) {
  Queue queue;
  queue.Add("a", kStageProposed, kNow);
  queue.state.hold_until = After(30);
  EXPECT_EQ(queue.Next(kNow).what, What::kWait);
  EXPECT_EQ(queue.Next(kNow).at, After(30));
  EXPECT_EQ(queue.Next(After(30)).what, What::kSend);
}

TEST(ChooseNotification, ASinkThatIsBackSoonGetsWhatItMissed) {
  Queue queue;
  queue.Add("a", kStageProposed, kNow).status.notifications[0].next_attempt_at =
      FormatMicroTime(kNow + hours(4));
  EXPECT_EQ(queue.Next(kNow).at, kNow + hours(4));
  queue.state.recovered_at = kNow;
  EXPECT_EQ(queue.Next(kNow).at, kNow + minutes(1));
  EXPECT_EQ(queue.Next(kNow + minutes(1)).what, What::kSend);
}

TEST(ChooseNotification, WhatIsADayOldIsGivenUp) {
  Queue queue;
  queue.Add("a", kStageProposed, kNow);
  EXPECT_EQ(queue.Next(kNow + hours(24)).what, What::kSend);
  const NextNotification next = queue.Next(kNow + hours(24) + seconds(1));
  EXPECT_EQ(next.what, What::kGiveUp);
  EXPECT_THAT(Names(next), ElementsAre("a"));
}

TEST(ChooseNotification, AStormIsFiveMessagesAndThenOneAMinute) {
  Queue queue;
  for (int i = 0; i < 500; ++i) queue.Add("inc-" + std::to_string(1000 + i), kStageProposed, kNow);
  WallTime now = kNow;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(queue.Send(now).items.size(), 1u);
  NextNotification next = queue.Send(now);
  EXPECT_EQ(next.what, What::kWait);
  EXPECT_EQ(next.at, kNow + minutes(1));
  queue.Add("late", kStageProposed, After(30));
  now = next.at;
  next = queue.Send(now);
  ASSERT_EQ(next.what, What::kSend);
  EXPECT_EQ(next.items.size(), 496u);
  EXPECT_EQ(queue.Next(now).what, What::kNothing);
  queue.Add("later", kStageProposed, now);
  EXPECT_EQ(queue.Next(now).at, now + minutes(1));
  EXPECT_THAT(Names(queue.Send(now + minutes(1))), ElementsAre("later"));
}

TEST(ChooseNotification, AStormOfOnePolicyOrStageHoldsUpNoOther) {
  Queue queue;
  for (int i = 0; i < 9; ++i) queue.Add("inc-" + std::to_string(i), kStageProposed, kNow);
  for (int i = 0; i < 5; ++i) queue.Send(kNow);
  queue.Add("other", kStageProposed, kNow, "postgres");
  EXPECT_THAT(Names(queue.Send(kNow)), ElementsAre("other"));
  queue.Add("ended", kStageResolved, kNow);
  EXPECT_THAT(Names(queue.Send(kNow)), ElementsAre("ended"));
}

TEST(ChooseNotification, AfterTenQuietMinutesMessagesAreSingleAgain) {
  Queue queue;
  for (int i = 0; i < 6; ++i) queue.Add("inc-" + std::to_string(i), kStageProposed, kNow);
  for (int i = 0; i < 5; ++i) queue.Send(kNow);
  queue.Send(kNow + minutes(1));
  for (int i = 0; i < 2; ++i) queue.Add("new-" + std::to_string(i), kStageProposed, After(700));
  EXPECT_THAT(Names(queue.Send(After(700))), ElementsAre("new-0"));
  EXPECT_THAT(Names(queue.Send(After(700))), ElementsAre("new-1"));
}

TEST(ChooseNotification, ASinkThatTakesNoSummariesGetsEachByItself) {
  Queue queue;
  queue.state.groups = [](const std::string&) { return false; };
  for (int i = 0; i < 20; ++i) queue.Add("inc-" + std::to_string(i), kStageResolved, kNow);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(queue.Send(kNow).items.size(), 1u);
}

TEST(NotificationBackoff, GrowsAndCoversMostOfADayInTenAttempts) {
  SeededRandom random(1);
  Duration total{0};
  Duration last{0};
  for (std::int64_t attempt = 1; attempt < kMaxSendAttempts; ++attempt) {
    const Duration wait = NotificationBackoff(attempt, random);
    EXPECT_GE(wait, std::min<Duration>(last, hours(4)));
    EXPECT_LE(wait, hours(6));
    last = wait;
    total += wait;
  }
  EXPECT_GE(total, hours(8));
  EXPECT_LE(total, hours(20));
  EXPECT_LE(NotificationBackoff(1, random), seconds(8));
  EXPECT_LE(NotificationBackoff(1'000'000, random), hours(6));
}

TEST(SinkHold, GrowsToFiveMinutes) {
  EXPECT_EQ(SinkHold(0), Duration(0));
  EXPECT_EQ(SinkHold(1), seconds(5));
  EXPECT_EQ(SinkHold(2), seconds(10));
  EXPECT_EQ(SinkHold(1000), minutes(5));
}

}  // namespace
}  // namespace salve::healing
