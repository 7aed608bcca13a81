// SPDX-License-Identifier: Apache-2.0
#include "pkg/audit/derive.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/machine.h"

namespace salve::audit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

v1::Incident Begun() {
  v1::Incident incident;
  incident.metadata.ns = "shop";
  incident.metadata.name = "redis-1";
  incident.metadata.uid = "uid-1";
  incident.spec.policy_ref.name = "redis";
  incident.spec.target = {"docker", "Container", "redis-a"};
  incident.spec.trigger = {"Probe", "memory", "used 99 %", "2026-11-21T10:00:00Z"};
  incident.status.phase = healing::kPhaseDetected;
  incident.status.detected_at = "2026-11-21T10:00:01.000000Z";
  return incident;
}

void Diagnose(v1::Incident& incident) {
  v1::DiagnosisStatus diagnosis;
  diagnosis.rule = "redis/oom";
  diagnosis.cause = "MemoryExhausted";
  diagnosis.confidence = 0.95;
  diagnosis.step = "flush";
  diagnosis.at = "2026-11-21T10:00:02.000000Z";
  incident.status.diagnosis = diagnosis;
}

void Propose(v1::Incident& incident, const std::string& digest = std::string(64, 'd')) {
  v1::Proposal proposal;
  proposal.digest = digest;
  proposal.step = "flush";
  proposal.action = "redisFlushAll";
  proposal.preview.command = "redis-cli FLUSHALL";
  proposal.risk.level = "High";
  proposal.required_approvals = 1;
  proposal.proposed_at = "2026-11-21T10:00:03.000000Z";
  incident.status.proposal = proposal;
}

void Wait(v1::Incident& incident, const std::string& phase, const std::string& gate,
          const std::string& reason) {
  incident.status.phase = phase;
  incident.status.gates = {{"KillSwitch", "Pass", "", "", "", ""},
                           {gate, "Block", reason, "why", "", "a person"}};
}

v1::Attempt& Intend(v1::Incident& incident) {
  v1::Attempt attempt;
  attempt.id = "attempt-1";
  attempt.step = "flush";
  attempt.action = "redisFlushAll";
  attempt.phase = healing::kAttemptIntended;
  attempt.command = "redis-cli FLUSHALL";
  attempt.started_at = "2026-11-21T10:01:00.000000Z";
  attempt.approved_by = "ann";
  incident.status.phase = healing::kPhaseExecuting;
  incident.status.gates = {{"KillSwitch", "Pass", "", "", "", ""}};
  incident.status.attempts.push_back(attempt);
  return incident.status.attempts.back();
}

void Resolve(v1::Incident& incident, const std::string& outcome) {
  incident.status.phase = healing::kPhaseResolved;
  incident.status.outcome = outcome;
  incident.status.resolved_at = "2026-11-21T10:02:00.000000Z";
  incident.status.conditions.push_back(
      {v1::kIncidentResolved, "True", 1, "2026-11-21T10:02:00Z", outcome, "it is over"});
}

Approvals Decision(const std::string& who, const std::string& decision,
                   const std::string& uid = "uid-1") {
  auto approval = std::make_shared<v1::IncidentApproval>();
  approval->metadata.uid = "approval-" + who;
  approval->metadata.creation_timestamp = "2026-11-21T10:00:30Z";
  approval->spec.incident_uid = uid;
  approval->spec.approver = who;
  approval->spec.decision = decision;
  approval->spec.reason = "I say so";
  return {approval};
}

std::vector<std::string> EventsOf(const std::vector<Record>& records) {
  std::vector<std::string> events;
  for (const Record& record : records) events.push_back(record.event);
  return events;
}

TEST(RecordsOf, AnIncidentThatHasNotBegunTellsNothing) {
  v1::Incident incident = Begun();
  incident.status = {};
  EXPECT_THAT(RecordsOf(incident, {}), ElementsAre());
}

TEST(RecordsOf, EachStepOfALifeAddsItsRecords) {
  v1::Incident incident = Begun();
  EXPECT_THAT(EventsOf(RecordsOf(incident, {})), ElementsAre(kDetected));
  Diagnose(incident);
  EXPECT_THAT(EventsOf(RecordsOf(incident, {})), ElementsAre(kDetected, kDiagnosed));
  Propose(incident);
  Wait(incident, healing::kPhaseAwaitingApproval, "Approval", "ApprovalNeeded");
  EXPECT_THAT(EventsOf(RecordsOf(incident, {})),
              ElementsAre(kDetected, kDiagnosed, kProposed, kGatesEvaluated));
  const Approvals approvals = Decision("ann", "Approve");
  v1::Attempt& attempt = Intend(incident);
  EXPECT_THAT(EventsOf(RecordsOf(incident, approvals)),
              ElementsAre(kDetected, kDiagnosed, kProposed, kDecided, kExecuting));
  attempt.phase = healing::kAttemptVerifying;
  attempt.result.emplace().outcome = "Applied";
  attempt.verification.emplace();
  incident.status.phase = healing::kPhaseVerifying;
  EXPECT_THAT(EventsOf(RecordsOf(incident, approvals)),
              ElementsAre(kDetected, kDiagnosed, kProposed, kDecided, kExecuting, kExecuted));
  attempt.phase = healing::kAttemptDone;
  attempt.verification->outcome = "Successful";
  Resolve(incident, healing::kHealedAfterApproval);
  EXPECT_THAT(EventsOf(RecordsOf(incident, approvals)),
              ElementsAre(kDetected, kDiagnosed, kProposed, kDecided, kExecuting, kExecuted,
                          kVerified, kResolved));
}

TEST(RecordsOf, TheIntentSaysWhatDecidedItAndWhoApproved) {
  v1::Incident incident = Begun();
  Diagnose(incident);
  Propose(incident);
  Intend(incident);
  const Record intent = RecordsOf(incident, {}).back();
  ASSERT_EQ(intent.event, kExecuting);
  EXPECT_EQ(intent.incident, "shop/redis-1");
  EXPECT_EQ(intent.policy, "shop/redis");
  EXPECT_EQ(intent.target, "docker/Container/redis-a");
  EXPECT_EQ(intent.cause, "MemoryExhausted");
  EXPECT_EQ(intent.confidence, 0.95);
  EXPECT_EQ(intent.risk, "High");
  EXPECT_EQ(intent.gates, "all passed");
  EXPECT_EQ(intent.approver, "ann");
  EXPECT_EQ(intent.message, "redis-cli FLUSHALL");
}

TEST(RecordsOf, AnUndoIsToldWithItsResultAndItsVerification) {
  v1::Incident incident = Begun();
  v1::Attempt& attempt = Intend(incident);
  attempt.result.emplace().outcome = "Applied";
  attempt.verification.emplace().outcome = "Failed";
  attempt.phase = healing::kAttemptUndoIntended;
  EXPECT_THAT(EventsOf(RecordsOf(incident, {})),
              ElementsAre(kDetected, kExecuting, kExecuted, kVerified, kUndoing));
  attempt.phase = healing::kAttemptUndone;
  attempt.undo_result.emplace().outcome = "Applied";
  attempt.undo_verification.emplace().outcome = "Successful";
  EXPECT_THAT(
      EventsOf(RecordsOf(incident, {})),
      ElementsAre(kDetected, kExecuting, kExecuted, kVerified, kUndoing, kUndone, kUndoVerified));
}

TEST(RecordsOf, EscalationsAndRejectionsAndCancellationsAreTold) {
  v1::Incident incident = Begun();
  incident.status.conditions.push_back({v1::kIncidentEscalated, "True", 1, "2026-11-21T10:01:00Z",
                                        "BudgetSpent", "a person is needed"});
  incident.spec.cancel = true;
  Resolve(incident, healing::kRejected);
  const auto records = RecordsOf(incident, Decision("ben", "Reject"));
  EXPECT_THAT(EventsOf(records),
              ElementsAre(kDetected, kDecided, kCancelRequested, kEscalated, kResolved));
  EXPECT_EQ(records[1].approver, "ben");
  EXPECT_EQ(records[1].result, "Reject");
  EXPECT_EQ(records[3].result, "BudgetSpent");
}

TEST(RecordsOf, DecisionsAboutAnotherIncidentAreNotItsOwn) {
  EXPECT_THAT(EventsOf(RecordsOf(Begun(), Decision("ann", "Approve", "uid-of-another"))),
              ElementsAre(kDetected));
}

TEST(RecordsOf, TheSameStateGivesTheSameIdsAndEachThingItsOwn) {
  v1::Incident incident = Begun();
  Diagnose(incident);
  Propose(incident);
  Intend(incident).result.emplace().outcome = "Applied";
  const auto once = RecordsOf(incident, Decision("ann", "Approve"));
  const auto again = RecordsOf(incident, Decision("ann", "Approve"));
  std::set<std::string> ids;
  for (std::size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(once[i].id, again[i].id);
    ids.insert(once[i].id);
  }
  EXPECT_EQ(ids.size(), once.size());
}

TEST(RecordsOf, AnotherGateOrAnotherProposalIsAnotherRecord) {
  v1::Incident incident = Begun();
  Wait(incident, healing::kPhaseBlocked, "Window", "OutsideWindow");
  const std::string window = RecordsOf(incident, {}).back().id;
  Wait(incident, healing::kPhaseBlocked, "Budget", "Spent");
  EXPECT_NE(RecordsOf(incident, {}).back().id, window);
  incident.status.phase = healing::kPhaseDiagnosing;
  Propose(incident);
  const std::string first = RecordsOf(incident, {}).back().id;
  Propose(incident, std::string(64, 'e'));
  EXPECT_NE(RecordsOf(incident, {}).back().id, first);
}

TEST(RecordsOf, TextFromOutsideIsRedactedPrintableAndBounded) {
  v1::Incident incident = Begun();
  incident.spec.trigger.message =
      "password=hunter2hunter2 \x1b[31m" + std::string(100'000, 'x') + " token=abcdefabcdef";
  incident.spec.error_logs.assign(500, std::string(10'000, 'y'));
  const auto records = RecordsOf(incident, {});
  const std::string line = FormatLine({records[0], 1, "2026-11-21T10:00:00Z", NoHash()});
  EXPECT_THAT(line, Not(HasSubstr("hunter2")));
  EXPECT_THAT(line, Not(HasSubstr("abcdefabcdef")));
  EXPECT_THAT(line, Not(HasSubstr("\x1b")));
  EXPECT_LT(line.size(), 16u << 10);
}

TEST(RecordOf, APolicyTellsModePausesAndTheDigestOfItsRules) {
  v1::HealingPolicy policy;
  policy.metadata.ns = "shop";
  policy.metadata.name = "redis";
  policy.metadata.uid = "policy-uid";
  policy.metadata.generation = 2;
  policy.spec.mode = "Auto";
  const Record running = RecordOf(policy);
  EXPECT_EQ(running.event, kPolicySet);
  EXPECT_EQ(running.result, "Auto");
  policy.metadata.generation = 3;
  policy.spec.pauses = {{"upgrade", "moving house", ""}};
  const Record paused = RecordOf(policy);
  EXPECT_EQ(paused.result, "Paused");
  EXPECT_EQ(paused.message, "paused by upgrade: moving house");
  EXPECT_NE(paused.id, running.id);
  EXPECT_NE(paused.detail["specDigest"], running.detail["specDigest"]);
}

}  // namespace
}  // namespace salve::audit
