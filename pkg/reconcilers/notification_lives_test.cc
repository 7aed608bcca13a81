// SPDX-License-Identifier: Apache-2.0
// Lives of incidents that people are told of: what arrives, whatever goes wrong on the way.
#include <algorithm>
#include <deque>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/time_format.h"
#include "pkg/healing/machine.h"
#include "pkg/reconcilers/policy_conditions.h"
#include "pkg/reconcilers/testing/world.h"

namespace salve::reconcilers {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Accident;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kNs;
using testing::MakePolicy;
using testing::World;

// What a sink has been given, and what it answers: the world outlives its processes, so does this.
struct Inbox {
  std::vector<healing::Message> messages;  // that were taken
  int calls = 0;
  // What the next calls answer; then they succeed.
  std::deque<Status> answers;
  // Asked first, if set.
  std::function<Status()> answer;
  // Where it makes a pull request of the first message: what a look at it shows.
  std::function<StatusOr<notify::PullRequestLook>()> look;
  std::vector<std::string> marks;  // that came with the looks

  std::vector<std::string> Stages() const {
    std::vector<std::string> out;
    for (const healing::Message& m : messages) out.push_back(m.stage);
    return out;
  }
};

class FakeSink final : public notify::Sink {
 public:
  explicit FakeSink(Inbox& inbox) : inbox_(inbox) {}
  StatusOr<std::string> Send(const healing::Message& message, const notify::SendContext&) override {
    ++inbox_.calls;
    Status answer = inbox_.answer != nullptr ? inbox_.answer() : Status::Ok();
    if (answer.ok() && !inbox_.answers.empty()) {
      answer = inbox_.answers.front();
      inbox_.answers.pop_front();
    }
    if (!answer.ok()) return answer;
    inbox_.messages.push_back(message);
    if (inbox_.look == nullptr) return std::string("taken");
    return "pull request #4 " + std::string(inbox_.messages.size() == 1 ? "made" : "commented") +
           ": https://github.example/4";
  }
  bool FollowsPullRequests() const override { return inbox_.look != nullptr; }
  StatusOr<notify::PullRequestLook> LookAtPullRequest(std::int64_t number, const std::string& mark,
                                                      const notify::SendContext&) override {
    EXPECT_EQ(number, 4);
    inbox_.marks.push_back(mark);
    return inbox_.look();
  }

 private:
  Inbox& inbox_;
};

v1::HealingPolicy Telling(const std::string& mode = v1::kModeAuto) {
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.mode = mode;
  policy.spec.notifications = {
      {"ops", {"Detected", "Proposed", "Executed", "Escalated", "Resolved"}}};
  return policy;
}

class NotificationTest : public ::testing::Test {
 protected:
  Inbox& AddSink(const std::string& name = "ops", std::int64_t per_minute = 6000) {
    Inbox& inbox = inboxes_.emplace_back();
    world.sinks.Add(name, {std::make_unique<FakeSink>(inbox), per_minute});
    return inbox;
  }
  void Begin(const v1::HealingPolicy& policy) {
    world.Restart();  // with the sinks that were added
    world.AddContainer("redis-1");
    world.Create(policy);
    world.Advance(seconds(25));
    world.figure["redis-1"] = 10;
  }
  bool Until(const std::string& phase) {
    return world.AdvanceUntil([&] { return world.Incident().status.phase == phase; }, minutes(40));
  }
  v1::NotificationStatus Noted(const std::string& stage, const std::string& sink = "ops") {
    for (const v1::NotificationStatus& entry : world.Incident().status.notifications) {
      if (entry.stage == stage && entry.sink == sink) return entry;
    }
    return {};
  }
  void TearDown() override {
    world.CheckRecords();
    EXPECT_THAT(world.broken(), IsEmpty());
  }

  std::deque<Inbox> inboxes_;  // before the world, whose sinks refer to them
  World world;
};

TEST_F(NotificationTest, EachStageIsToldOnceInItsOrder) {
  Inbox& ops = AddSink();
  Begin(Telling());
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  world.Advance(minutes(5));
  EXPECT_THAT(ops.Stages(), ElementsAre("Detected", "Executed", "Resolved"));
  EXPECT_EQ(Noted("Resolved").state, healing::kNotificationSent);
  EXPECT_EQ(Noted("Resolved").message, "taken");
}

TEST_F(NotificationTest, APersonIsAskedAndHearsTheEnd) {
  Inbox& ops = AddSink();
  Begin(Telling(v1::kModeApprove));
  ASSERT_TRUE(Until(healing::kPhaseAwaitingApproval));
  world.Settle();
  ASSERT_THAT(ops.Stages(), ElementsAre("Detected", "Proposed"));
  const v1::Incident incident = world.Incident();
  EXPECT_THAT(healing::PlainText(ops.messages[1]),
              HasSubstr("salve approve " + incident.metadata.name + " -n shop --digest " +
                        incident.status.proposal->digest.substr(0, 12)));
  world.Decide(incident, "Approve");
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  world.Settle();
  EXPECT_THAT(ops.Stages(), ElementsAre("Detected", "Proposed", "Executed", "Resolved"));
}

// An incident that is over, and whose pull request is open.
class PullRequestTest : public NotificationTest {
 protected:
  Inbox& HealWithPullRequest() {
    Inbox& repo = AddSink();
    repo.look = [this]() -> StatusOr<notify::PullRequestLook> {
      return notify::PullRequestLook{end, Branch(), "mark"};
    };
    Begin(Telling());
    EXPECT_TRUE(Until(healing::kPhaseResolved));
    world.Settle();
    EXPECT_EQ(Noted("Detected").message, kMade);
    return repo;
  }
  std::string Branch() {
    return healing::PullRequestBranchPrefix(world.Incident().metadata.name) + "89abcdef";
  }
  void Merge() { end = {true, world.clock.Now(), world.clock.Now() - hours(1)}; }

  static constexpr char kMade[] = "pull request #4 made: https://github.example/4";
  std::optional<healing::PullRequestEnd> end;
};

TEST_F(PullRequestTest, IsLookedAtMoreAndMoreSeldomAndItsEndIsNoted) {
  const Inbox& repo = HealWithPullRequest();
  world.Advance(hours(1));
  EXPECT_GE(repo.marks.size(), 10u);
  EXPECT_LE(repo.marks.size(), 25u);
  EXPECT_EQ(repo.marks.front(), "");
  EXPECT_EQ(repo.marks.back(), "mark") << "so that nothing is sent where nothing is new";
  EXPECT_EQ(Noted("Detected").message, kMade);
  Merge();
  world.Advance(minutes(20));
  EXPECT_THAT(Noted("Detected").message,
              HasSubstr("pull request #4 made, merged at " + FormatTime(end->at) +
                        ", after 60m: https://github.example/4"));
  EXPECT_EQ(Noted("Resolved").message, "pull request #4 commented: https://github.example/4");
  const std::size_t looks = repo.marks.size();
  world.Advance(hours(12));
  EXPECT_EQ(repo.marks.size(), looks) << "what is over is not looked at again";
}

TEST_F(PullRequestTest, IsFollowedByTheNextProcess) {
  const Inbox& repo = HealWithPullRequest();
  world.Advance(hours(2));
  Merge();
  world.Restart();
  const std::size_t looks = repo.marks.size();
  world.Advance(minutes(1));
  EXPECT_THAT(Noted("Detected").message, HasSubstr(", merged at "));
  ASSERT_EQ(repo.marks.size(), looks + 1);
  EXPECT_EQ(repo.marks.back(), "");
}

TEST_F(PullRequestTest, ASinkThatDoesNotAnswerIsNotHammeredAndAskedAgain) {
  Inbox& repo = HealWithPullRequest();
  const auto well = repo.look;
  repo.look = []() -> StatusOr<notify::PullRequestLook> {
    return TooManyRequestsError("limit").WithRetryAfter(minutes(40));
  };
  const std::size_t looks = repo.marks.size();
  world.Advance(minutes(39));
  EXPECT_LE(repo.marks.size(), looks + 1);
  repo.look = well;
  Merge();
  world.Advance(minutes(30));
  EXPECT_THAT(Noted("Detected").message, HasSubstr(", merged at "));
}

TEST_F(PullRequestTest, ThatOfAnotherBranchIsNotBelieved) {
  Inbox& repo = HealWithPullRequest();
  repo.look = [this]() -> StatusOr<notify::PullRequestLook> {
    return notify::PullRequestLook{end, "feature/4", ""};
  };
  Merge();
  world.Advance(hours(2));
  EXPECT_EQ(Noted("Detected").message, kMade);
}

TEST_F(NotificationTest, WithoutSinksNothingIsNoted) {
  Begin(Telling());
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_THAT(world.Incident().status.notifications, IsEmpty());
}

TEST_F(NotificationTest, ASinkThatIsDownGetsItsMessagesWhenItIsBack) {
  Inbox& ops = AddSink();
  bool down = true;
  ops.answer = [&] { return down ? UnavailableError("no route to host") : Status::Ok(); };
  Begin(Telling());
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  world.Advance(minutes(30));
  EXPECT_THAT(ops.Stages(), IsEmpty());
  EXPECT_EQ(Noted("Detected").state, healing::kNotificationPending);
  EXPECT_EQ(Noted("Detected").message, "no route to host");
  EXPECT_GT(Noted("Detected").attempts, 3);
  // The later ones have not been tried: the first would have come after them.
  EXPECT_EQ(Noted("Resolved").attempts, 0);
  EXPECT_LE(ops.calls, 10) << "a sink that is down is not hammered";
  down = false;
  world.Advance(hours(5));
  EXPECT_THAT(ops.Stages(), ElementsAre("Detected", "Executed", "Resolved"));
}

TEST_F(NotificationTest, ADeadSinkDelaysNeitherHealingNorAnother) {
  Inbox& dead = AddSink("dead");
  dead.answer = [] { return DeadlineExceededError("no answer in time"); };
  Inbox& ops = AddSink();
  v1::HealingPolicy policy = Telling();
  policy.spec.notifications.push_back({"dead", policy.spec.notifications[0].stages});
  Begin(policy);
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  world.Settle();
  EXPECT_THAT(ops.Stages(), ElementsAre("Detected", "Executed", "Resolved"));
  EXPECT_EQ(Noted("Detected", "dead").state, healing::kNotificationPending);
}

TEST_F(NotificationTest, AfterTenAttemptsAMessageIsGivenUpAndAnEventSaysSo) {
  Inbox& ops = AddSink();
  ops.answer = [] { return UnavailableError("out of order"); };
  v1::HealingPolicy policy = Telling();
  policy.spec.notifications[0].stages = {"Resolved"};
  Begin(policy);
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  world.Advance(hours(23));
  EXPECT_EQ(Noted("Resolved").state, healing::kNotificationFailed);
  EXPECT_EQ(Noted("Resolved").attempts, healing::kMaxSendAttempts);
  EXPECT_EQ(ops.calls, healing::kMaxSendAttempts);
  std::string events;
  for (const auto& [name, event] : world.server.Objects({"", "v1", "events", "Event", true})) {
    events += event.value("reason", "") + ": " + event.value("message", "") + "\n";
  }
  EXPECT_THAT(events,
              HasSubstr("NotificationFailed: sink ops was not told of Resolved: out of order"));
  const int calls = ops.calls;
  world.Advance(hours(24));
  EXPECT_EQ(ops.calls, calls) << "given up is given up";
}

TEST_F(NotificationTest, AMessageThatWillNeverBeTakenIsGivenUpAtOnceAndTheNextOneGoes) {
  Inbox& ops = AddSink();
  ops.answers = {InvalidArgumentError("it answered 400").AsTerminal()};
  Begin(Telling());
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  world.Settle();
  EXPECT_EQ(Noted("Detected").state, healing::kNotificationFailed);
  EXPECT_THAT(ops.Stages(), ElementsAre("Executed", "Resolved"));
}

TEST_F(NotificationTest, TheSinkSaysWhenToComeBack) {
  Inbox& ops = AddSink();
  ops.answers = {TooManyRequestsError("slow down").WithRetryAfter(minutes(7))};
  v1::HealingPolicy policy = Telling();
  policy.spec.notifications[0].stages = {"Detected"};
  Begin(policy);
  ASSERT_TRUE(world.AdvanceUntil([&] { return ops.calls == 1; }, minutes(10)));
  world.Advance(minutes(7) - seconds(1));
  EXPECT_EQ(ops.calls, 1);
  world.Advance(seconds(2));
  EXPECT_THAT(ops.Stages(), ElementsAre("Detected"));
}

TEST_F(NotificationTest, NoMoreMessagesAMinuteThanTheSinkTakes) {
  Inbox& ops = AddSink("ops", 1);
  Begin(Telling());
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  const MonoTime began = world.clock.Monotonic();
  ASSERT_TRUE(world.AdvanceUntil([&] { return ops.messages.size() == 3; }, minutes(10)));
  EXPECT_GE(world.clock.Monotonic() - began, seconds(90));
}

TEST_F(NotificationTest, WhatWasOverBeforeASinkWasNamedIsOldNews) {
  Inbox& ops = AddSink();
  v1::HealingPolicy quiet = Telling();
  quiet.spec.notifications.clear();
  Begin(quiet);
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  world.Edit<v1::HealingPolicy>({kNs, "redis"},
                                [](v1::HealingPolicy& p) { p.spec.notifications = {{"ops", {}}}; });
  world.Advance(minutes(10));
  world.Restart();
  world.Advance(minutes(10));
  EXPECT_THAT(ops.Stages(), IsEmpty());
}

TEST_F(NotificationTest, ASinkThatIsNamedWhileAnIncidentIsOpenHearsOfItAsItIsNow) {
  Inbox& ops = AddSink();
  v1::HealingPolicy policy = Telling(v1::kModeApprove);
  policy.spec.notifications.clear();
  policy.spec.approval.expires_after_seconds = 86400;
  Begin(policy);
  ASSERT_TRUE(Until(healing::kPhaseAwaitingApproval));
  world.Advance(minutes(2));
  world.Edit<v1::HealingPolicy>({kNs, "redis"},
                                [](v1::HealingPolicy& p) { p.spec.notifications = {{"ops", {}}}; });
  world.Advance(minutes(2));
  EXPECT_THAT(ops.Stages(), ElementsAre("Proposed"));
}

TEST_F(NotificationTest, APolicyThatNamesASinkThatIsNotThereSaysSo) {
  AddSink();
  v1::HealingPolicy policy = Telling();
  policy.spec.notifications.push_back({"nowhere", {}});
  Begin(policy);
  const v1::HealingPolicy stored = world.Policy();
  const auto* usable = apis::meta::v1::FindCondition(stored.status.conditions, kPolicySinksUsable);
  ASSERT_NE(usable, nullptr);
  EXPECT_EQ(usable->status, "False");
  EXPECT_EQ(usable->reason, "SinkNotConfigured");
  EXPECT_THAT(usable->message, HasSubstr("\"nowhere\""));
}

TEST_F(NotificationTest, APolicyWithoutSinksHasNoWordAboutThem) {
  Begin(MakePolicy());
  EXPECT_EQ(apis::meta::v1::FindCondition(world.Policy().status.conditions, kPolicySinksUsable),
            nullptr);
}

// --- accidents at every write: a message may come twice, with one id, but never not at all.

struct Heard {
  std::vector<std::string> stages;  // each id once, and no stage twice in a row
  std::string outcome;
  int writes = 0;
  std::vector<std::string> broken;
  std::size_t deliveries = 0;
};

Heard Live(const std::vector<Accident>& accidents, bool approves) {
  Inbox inbox;
  World world;
  world.sinks.Add("ops", {std::make_unique<FakeSink>(inbox), 6000});
  world.accidents = accidents;
  world.Restart();
  world.AddContainer("redis-1");
  world.Create(Telling(approves ? v1::kModeApprove : v1::kModeAuto));
  world.Advance(seconds(15));
  world.figure["redis-1"] = 10;
  std::set<std::string> approved;
  (void)world.AdvanceUntil(
      [&] {
        const v1::Incident incident = world.Incident();
        const bool asks = incident.status.phase == healing::kPhaseAwaitingApproval;
        if (approves && asks && approved.insert(incident.status.proposal->digest).second) {
          world.Decide(incident, "Approve");
          world.Settle();
        }
        return healing::IsResolved(incident.status);
      },
      minutes(30));
  world.Advance(minutes(10));
  Heard heard;
  std::set<std::string> ids;
  for (const healing::Message& m : inbox.messages) {
    // A crash can lead to another proposal, which is another message.
    const bool again = !heard.stages.empty() && heard.stages.back() == m.stage;
    if (ids.insert(m.id).second && !again) heard.stages.push_back(m.stage);
  }
  heard.deliveries = inbox.messages.size();
  heard.outcome = world.Incident().status.outcome;
  heard.writes = world.writes();
  world.CheckRecords();
  heard.broken = world.broken();
  for (const v1::NotificationStatus& entry : world.Incident().status.notifications) {
    if (entry.state != healing::kNotificationSent)
      heard.broken.push_back(entry.stage + " is not sent");
  }
  return heard;
}

class NotificationAccidentTest : public ::testing::TestWithParam<bool> {};

TEST_P(NotificationAccidentTest, WhateverHappensAtAnyWriteEveryStageIsTold) {
  const Heard reference = Live({}, GetParam());
  ASSERT_THAT(reference.broken, IsEmpty());
  ASSERT_GT(reference.stages.size(), 2u);
  EXPECT_EQ(reference.deliveries, reference.stages.size()) << "undisturbed, nothing comes twice";
  for (const Accident::What what :
       {Accident::What::kCrashBefore, Accident::What::kCrashAfter, Accident::What::kLoseAnswer,
        Accident::What::kConflict, Accident::What::kUnavailable}) {
    for (int at = 1; at <= reference.writes && !HasFailure(); ++at) {
      const std::vector<Accident> accidents{{what, Accident::Where::kWrite, at}};
      SCOPED_TRACE(Describe(accidents));
      const Heard heard = Live(accidents, GetParam());
      EXPECT_THAT(heard.broken, IsEmpty());
      EXPECT_EQ(heard.outcome, reference.outcome);
      EXPECT_EQ(heard.stages, reference.stages);
      EXPECT_LE(heard.deliveries, reference.deliveries + 2);
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Lives, NotificationAccidentTest, ::testing::Values(false, true));

}  // namespace
}  // namespace salve::reconcilers
