// SPDX-License-Identifier: Apache-2.0
// Lives of incidents of which a record is kept: whatever goes wrong, the record has all that was
// ever stored, once. The witness is the server, whose every version of the incident is compared.
#include <algorithm>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/audit/recorder.h"
#include "pkg/healing/machine.h"
#include "pkg/reconcilers/testing/world.h"

namespace salve::reconcilers {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::Accident;
using testing::kNs;
using testing::MakePolicy;
using testing::MakeStep;
using testing::World;
using What = testing::Accident::What;
using Where = testing::Accident::Where;

// A journal in memory: it outlives the processes, and knows what it has. It is as lazy as it may
// be: what is shown is recorded when somebody waits for it, and dies with the process before.
class MemoryJournal final : public audit::Sink {
 public:
  explicit MemoryJournal(const World& world) : world_(world) {}

  void Observe(const v1::Incident& incident, const audit::Approvals& approvals) override {
    for (const audit::Record& record : audit::RecordsOf(incident, approvals)) Take(record);
  }
  void Observe(const v1::HealingPolicy& policy) override { Take(audit::RecordOf(policy)); }
  void Observe(const v1::HealingGuardrail& guardrail) override { Take(audit::RecordOf(guardrail)); }
  void Await(const NamespacedName& /*incident*/) override {
    DropOfTheDead();
    for (const audit::Record& record : std::exchange(shown_, {})) {
      if (known_.Learn(record)) told.push_back(record);
    }
  }
  void IncidentGone(const NamespacedName& /*name*/) override {}
  void PolicyGone(const NamespacedName& /*name*/) override {}
  void GuardrailGone(const std::string& /*name*/) override {}

  std::vector<audit::Record> told;

 private:
  void Take(const audit::Record& record) {
    DropOfTheDead();
    shown_.push_back(record);
  }
  void DropOfTheDead() {
    if (std::exchange(crashes_, world_.crashes()) != world_.crashes()) shown_.clear();
  }

  const World& world_;
  int crashes_ = 0;
  std::vector<audit::Record> shown_;
  audit::Known known_;
};

struct Life {
  const char* name;
  v1::HealingPolicy policy;
  bool approves = false;
};

std::vector<Life> Lives() {
  Life approval{"approval", MakePolicy(), true};
  approval.policy.spec.mode = v1::kModeApprove;
  Life undo{"undo", MakePolicy(), false};
  v1::HealingPolicySpec& spec = undo.policy.spec;
  spec.ladder.insert(spec.ladder.begin(), MakeStep("memory", testing::MoreMemory()));
  spec.ladder[0].on_verification_failed = "RollbackThenNext";
  spec.diagnosis.rules[0].step = "memory";
  return {approval, undo};
}

// What one life told, and what the server had.
struct Heard {
  std::vector<audit::Record> told;
  std::vector<audit::Record> stored;  // of every version, each once
  int writes = 0;
  int crashes = 0;
  std::string outcome;
};

std::vector<audit::Record> EverStored(client::WatchStream& stream) {
  std::vector<audit::Record> records;
  audit::Known known;
  for (;;) {
    const auto event = stream.Next(MonoTime::min());
    if (!event.ok() || !*event) return records;
    const auto incident = apis::Decode<v1::Incident>((*event)->object);
    if (!incident.ok()) continue;
    for (const audit::Record& record : audit::RecordsOf(*incident, {})) {
      if (known.Learn(record)) records.push_back(record);
    }
  }
}

Heard Live(const Life& life, const std::vector<Accident>& accidents) {
  World world;
  MemoryJournal journal(world);
  world.audit = &journal;
  world.accidents = accidents;
  world.Restart();
  world.AddContainer("redis-1");
  world.Create(life.policy);
  client::WatchOptions watch;
  watch.resource_version = std::to_string(world.server.version());
  const auto stream = world.server.Watch(v1::Incident::kInfo, watch);
  EXPECT_TRUE(stream.ok()) << stream.status();
  world.Advance(seconds(15));
  world.figure["redis-1"] = 10;
  std::set<std::string> approved;
  const auto ended = [&] {
    const v1::Incident incident = world.Incident();
    const bool asks =
        incident.status.phase == healing::kPhaseAwaitingApproval && incident.status.proposal;
    if (life.approves && asks && approved.insert(incident.status.proposal->digest).second) {
      world.Decide(incident, "Approve");
      world.Settle();
    }
    return healing::IsResolved(incident.status);
  };
  (void)world.AdvanceUntil(ended, minutes(30));
  world.Advance(minutes(2));
  journal.Await({});
  return {journal.told, EverStored(**stream), world.writes(), world.crashes(),
          world.Incident().status.outcome};
}

void ExpectAllToldOnce(const Heard& heard) {
  std::map<std::pair<std::string, std::string>, int> told;
  for (const audit::Record& record : heard.told) ++told[{record.event, record.id}];
  for (const audit::Record& record : heard.stored) {
    EXPECT_EQ(told.count({record.event, record.id}), 1u)
        << record.event << " was stored and not told: " << record.message;
  }
  for (const auto& [what, times] : told) {
    if (audit::IsState(what.first)) continue;
    EXPECT_EQ(times, 1) << what.first << " was told twice";
  }
}

TEST(AuditLives, AllThatWasStoredIsToldWhateverDiesAtWhichWrite) {
  int crashes = 0;
  for (const Life& life : Lives()) {
    const Heard undisturbed = Live(life, {});
    ASSERT_NE(undisturbed.outcome, "") << life.name;
    ASSERT_EQ(undisturbed.stored.back().event, audit::kResolved) << "the witness saw little";
    ExpectAllToldOnce(undisturbed);
    for (int at = 1; at <= undisturbed.writes; ++at) {
      for (const What what : {What::kCrashBefore, What::kCrashAfter, What::kLoseAnswer}) {
        const Accident accident{what, Where::kWrite, at};
        SCOPED_TRACE(std::string(life.name) + ": " + testing::Describe(accident));
        const Heard heard = Live(life, {accident});
        ExpectAllToldOnce(heard);
        crashes += heard.crashes;
        if (::testing::Test::HasFailure()) return;
      }
    }
  }
  EXPECT_GT(crashes, 20);
}

TEST(AuditLives, TwoCrashesInARowLoseNothingEither) {
  const Life life = Lives()[0];
  const int writes = Live(life, {}).writes;
  for (int at = 1; at < writes; ++at) {
    SCOPED_TRACE(at);
    ExpectAllToldOnce(Live(life, {{What::kCrashAfter, Where::kWrite, at},
                                  {What::kCrashAfter, Where::kWrite, at + 1}}));
  }
}

TEST(AuditLives, ADecisionIsToldBeforeTheActionThatItLicenses) {
  const Heard heard = Live(Lives()[0], {});
  std::vector<std::string> events;
  std::string approver;
  for (const audit::Record& record : heard.told) {
    events.push_back(record.event);
    if (record.event == audit::kExecuting) approver = record.approver;
  }
  const auto decided = std::find(events.begin(), events.end(), audit::kDecided);
  const auto executing = std::find(events.begin(), events.end(), audit::kExecuting);
  ASSERT_NE(executing, events.end());
  EXPECT_LT(decided, executing);
  EXPECT_EQ(approver, "alice");
}

// Its policy opens it again at once, under the same name.
TEST(AuditLives, AnIncidentThatIsDeletedWhileTheTargetIsIllIsToldOfAsTwo) {
  World world;
  MemoryJournal journal(world);
  world.audit = &journal;
  world.Restart();
  world.AddContainer("redis-1");
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.mode = v1::kModeApprove;
  world.Create(policy);
  world.Advance(seconds(15));
  world.figure["redis-1"] = 10;
  const auto asks = [&] {
    return world.Incident().status.phase == healing::kPhaseAwaitingApproval;
  };
  ASSERT_TRUE(world.AdvanceUntil(asks, minutes(5)));
  const std::string name = world.Incident().metadata.name;
  ASSERT_TRUE(world.server.Delete(v1::Incident::kInfo, {kNs, name}).ok());
  ASSERT_TRUE(world.AdvanceUntil(asks, minutes(5)));
  journal.Await({});
  std::set<std::string> subjects;
  for (const audit::Record& record : journal.told) {
    if (record.event == audit::kProposed) subjects.insert(record.subject);
  }
  EXPECT_EQ(subjects.size(), 2u);
}

}  // namespace
}  // namespace salve::reconcilers
