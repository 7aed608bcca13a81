// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/notification_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/machine.h"
#include "pkg/healing/test_support.h"

namespace salve::healing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::kNow;
using testing::MakePolicy;
using testing::MakeTestIncident;
using ::testing::Not;

const std::string kDigest = "0123456789abcdef" + std::string(48, 'f');

v1::Incident Incident() {
  v1::Incident incident = MakeTestIncident();
  incident.spec.severity = "Critical";
  ApplyBegin(incident, incident.status, kNow);
  v1::DiagnosisStatus& d = incident.status.diagnosis.emplace();
  d.rule = "redis/oom";
  d.cause = "MemoryExhausted";
  d.object = "redis-test";
  d.confidence = 0.954;
  d.message = "writes are refused because the memory is full";
  d.evidence = {"log: OOM command not allowed", "memory.used_bytes 50000000"};
  return incident;
}

v1::Incident Asking() {
  v1::Incident incident = Incident();
  incident.status.phase = kPhaseAwaitingApproval;
  v1::Proposal& p = incident.status.proposal.emplace();
  p.digest = kDigest;
  p.step = "flush";
  p.description = "Deletes all keys.";
  p.preview = {"redis-cli FLUSHALL", {"container redis-test"}};
  p.risk = {"High", {"all keys are lost"}};
  p.expected = "memory below 20 %";
  p.required_approvals = 2;
  p.approvers = {"alice"};
  p.expires_at = "2026-12-01T12:15:00Z";
  return incident;
}

v1::NotificationStatus Entry(const std::string& stage, const std::string& key = "1") {
  v1::NotificationStatus entry;
  entry.sink = "ops";
  entry.stage = stage;
  entry.key = key;
  entry.at = "2026-12-01T12:00:00Z";
  return entry;
}

std::string TextOf(const v1::Incident& incident, const v1::NotificationStatus& entry) {
  const v1::HealingPolicy policy = MakePolicy();
  return PlainText(BuildMessage(incident, entry, &policy));
}

TEST(BuildMessage, AProposalSaysWhatIsIllWhyWhatWouldRunAndWhatToType) {
  const std::string text = TextOf(Asking(), Entry(kStageProposed, kDigest.substr(0, 16)));
  EXPECT_THAT(text, HasSubstr("Approval needed: flush redis-test (docker container)\n"));
  EXPECT_THAT(text, HasSubstr("Probe memory, used 50 of 50 MB\n"));
  EXPECT_THAT(text, HasSubstr("MemoryExhausted of redis-test (95 %, rule redis/oom)\n"));
  EXPECT_THAT(text, HasSubstr("log: OOM command not allowed\n"));
  EXPECT_THAT(text, HasSubstr("\nSalve wants to run\n    redis-cli FLUSHALL\n"));
  EXPECT_THAT(text, HasSubstr("    High\n    all keys are lost\n"));
  EXPECT_THAT(text, HasSubstr("1 of 2, until 2026-12-01T12:15:00Z\n"));
  EXPECT_THAT(text,
              HasSubstr("\nTo approve\n    salve approve redis-redis-test-00000000-1 -n default "
                        "--digest 0123456789ab\n"));
  EXPECT_THAT(text,
              HasSubstr("\nTo refuse\n    salve reject redis-redis-test-00000000-1 -n default "
                        "--digest 0123456789ab\n"));
  EXPECT_THAT(text, HasSubstr("salve why redis-redis-test-00000000-1 -n default\n"));
}

TEST(BuildMessage, AProposalThatIsNoLongerOpenIsNotAskedFor) {
  v1::Incident incident = Asking();
  const v1::NotificationStatus entry = Entry(kStageProposed, kDigest.substr(0, 16));
  for (const bool decided : {true, false}) {
    if (decided) {
      incident.status.phase = kPhaseExecuting;
    } else {  // another proposal took its place
      incident = Asking();
      incident.status.proposal->digest = std::string(64, 'e');
    }
    const std::string text = TextOf(incident, entry);
    EXPECT_THAT(text, HasSubstr("no longer waits for anybody"));
    EXPECT_THAT(text, Not(HasSubstr("salve approve")));
  }
}

TEST(BuildMessage, ABlockSaysWhichGateUntilWhenAndWhatOpensIt) {
  v1::Incident incident = Incident();
  incident.status.phase = kPhaseBlocked;
  incident.status.gates = {
      {"Mode", "Pass", "", "mode Auto", "", ""},
      {"Cooldown", "Block", "CoolingDown", "acted 10 s ago", "2026-12-01T12:05:00Z", "waiting"}};
  const std::string text = TextOf(incident, Entry(kStageBlocked, "CoolingDown"));
  EXPECT_THAT(text, HasSubstr("Ill, and Salve does nothing: redis-test"));
  EXPECT_THAT(text, HasSubstr("Cooldown: acted 10 s ago, until 2026-12-01T12:05:00Z; opens by: "
                              "waiting\n"));
  EXPECT_THAT(text, Not(HasSubstr("mode Auto")));
}

TEST(BuildMessage, AnActionSaysWhatRanWhoApprovedItAndWhatCameOfIt) {
  v1::Incident incident = Incident();
  v1::Attempt& attempt = incident.status.attempts.emplace_back();
  attempt.id = "a-1";
  attempt.step = "flush";
  attempt.command = "redis-cli FLUSHALL";
  attempt.approved_by = "alice, bob";
  attempt.result.emplace().outcome = "Applied";
  attempt.result->duration_millis = 2118;
  const std::string text = TextOf(incident, Entry(kStageExecuted, "a-1"));
  EXPECT_THAT(text, HasSubstr("Salve ran flush on redis-test"));
  EXPECT_THAT(text,
              HasSubstr("approved by alice, bob\n    Applied after 2s\n    now Salve checks"));
}

TEST(BuildMessage, AnEscalationCarriesThePolicysOwnWordsAndWhatWasTried) {
  v1::Incident incident = Incident();
  v1::Attempt& attempt = incident.status.attempts.emplace_back();
  attempt.step = "restart";
  attempt.command = "docker restart redis-test";
  attempt.verification.emplace().outcome = "Failed";
  attempt.verification->message = "still full";
  ApplyEscalation(incident.status, "LadderExhausted", "nothing is left to try", kNow);
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.ladder.back().escalate->message = "runbook: https://wiki/redis";
  const std::string text =
      PlainText(BuildMessage(incident, Entry(kStageEscalated, "LadderExhausted"), &policy));
  EXPECT_THAT(text, AllOf(HasSubstr("A person is needed: redis-test"),
                          HasSubstr("LadderExhausted: nothing is left to try"),
                          HasSubstr("runbook: https://wiki/redis"),
                          HasSubstr("restart: docker restart redis-test, Failed: still full")));
}

TEST(BuildMessage, TheEndSaysHowItEndedAndWhereTheTimeWent) {
  v1::Incident incident = Incident();
  incident.status.durations.approval_wait_millis = 90'000;
  incident.status.durations.verify_millis = 400;
  ApplyClose(incident.status, kHealedAfterApproval, "Verified", "step flush helped",
             kNow + std::chrono::seconds(125));
  const Message message =
      BuildMessage(incident, Entry(kStageResolved, kHealedAfterApproval), nullptr);
  EXPECT_EQ(message.outcome, kHealedAfterApproval);
  EXPECT_EQ(message.at, "2026-12-01T12:02:05.000000Z");
  const std::string text = PlainText(message);
  EXPECT_THAT(text,
              HasSubstr("Resolved, HealedAfterApproval: redis-test (docker container) after "));
  EXPECT_THAT(text, HasSubstr("step flush helped"));
  EXPECT_THAT(text, HasSubstr("waiting for a person 90s, verify 400 ms"));
  EXPECT_THAT(text, HasSubstr("nothing was done"));
}

TEST(BuildMessage, ForeignTextIsBoundedAndHasNoControlCharacters) {
  v1::Incident incident = Asking();
  const std::string evil = "a\r\nBcc: x@y\x1b[2J\x07 \u202e" + std::string(100'000, 'z');
  incident.spec.trigger.message = evil;
  incident.spec.affected_system = evil;
  incident.status.diagnosis->message = evil;
  incident.status.diagnosis->evidence = std::vector<std::string>(1000, evil);
  incident.status.proposal->preview.command = evil;
  incident.status.proposal->risk.factors = std::vector<std::string>(1000, evil);
  for (const char* stage : {kStageDetected, kStageProposed, kStageBlocked, kStageResolved}) {
    const Message message = BuildMessage(incident, Entry(stage, kDigest.substr(0, 16)), nullptr);
    EXPECT_LE(message.title.size(), 200u);
    EXPECT_LE(PlainText(message).size(), 32'000u);
    std::string all = message.title + message.system;
    for (const MessagePart& part : message.parts) {
      for (const std::string& line : part.lines) all += line;
    }
    for (const char c : all) EXPECT_GE(static_cast<unsigned char>(c), 32u);
    EXPECT_THAT(all, Not(HasSubstr("\u202e")));
  }
}

TEST(BuildSummary, NamesTheOthersAndSaysHowManyThereAre) {
  std::vector<v1::Incident> incidents(38, Asking());
  std::vector<v1::NotificationStatus> entries(38, Entry(kStageProposed, kDigest.substr(0, 16)));
  std::vector<QueuedNotification> items;
  for (std::size_t i = 0; i < incidents.size(); ++i) {
    incidents[i].metadata.name = "inc-" + std::to_string(i);
    items.push_back({&incidents[i], &entries[i]});
  }
  const Message message = BuildSummary(items, nullptr);
  EXPECT_EQ(message.incident, "inc-0");
  EXPECT_EQ(message.others_total, 37u);
  EXPECT_EQ(message.others.size(), 20u);
  const std::string text = PlainText(message);
  EXPECT_THAT(text, HasSubstr("(and 37 more)\n"));
  EXPECT_THAT(text, HasSubstr("And 37 more incidents of policy redis wait for approval\n"));
  EXPECT_THAT(text, HasSubstr("inc-20 (redis-test"));
  EXPECT_THAT(text, HasSubstr("… and 17 more\n"));
  EXPECT_THAT(text, HasSubstr("salve get incidents -n default\n"));
  EXPECT_THAT(text, HasSubstr("salve approve inc-0 "));
}

TEST(BuildMessage, AllMessagesAboutAnIncidentShareAThreadAndHaveTheirOwnIds) {
  const v1::Incident incident = Asking();
  const Message a = BuildMessage(incident, Entry(kStageProposed), nullptr);
  const Message b = BuildMessage(incident, Entry(kStageResolved), nullptr);
  EXPECT_EQ(a.thread, b.thread);
  EXPECT_NE(a.id, b.id);
  EXPECT_EQ(a.id, BuildMessage(incident, Entry(kStageProposed), nullptr).id);
  v1::Incident other = incident;
  other.metadata.uid = "another-uid";
  EXPECT_NE(BuildMessage(other, Entry(kStageProposed), nullptr).thread, a.thread);
}

}  // namespace
}  // namespace salve::healing
