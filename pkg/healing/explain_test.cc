// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/machine.h"
#include "pkg/healing/test_support.h"

namespace salve::healing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::kNow;
using ::testing::Not;
using testing::Situation;

std::string Joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

v1::Incident BlockedIncident() {
  Situation situation;
  v1::Incident& incident = situation.incident;
  ApplyBegin(incident, incident.status, kNow);
  v1::DiagnosisStatus diagnosis;
  diagnosis.rule = "redis/unhealthy";
  diagnosis.cause = "Unresponsive";
  diagnosis.object = "redis-test";
  diagnosis.confidence = 0.7;
  diagnosis.step = "restart";
  diagnosis.message = "redis-test does not answer";
  diagnosis.others = {{"docker/unresponsive", "Unresponsive", 0.65, "restart", "",
                       "less confident than redis/unhealthy"}};
  ApplyDiagnosis(incident.status, diagnosis, kNow);
  ProposalInput proposal;
  proposal.step = FindStep(situation.policy.spec.ladder, "restart");
  proposal.plan = &situation.plan;
  proposal.risk = {v1::kRiskMedium, {"it is the only target"}};
  proposal.digest = std::string(64, 'd');
  ApplyProposal(incident.status, proposal, kNow);
  situation.input.lease_holder = "other";
  situation.input.lease_until = testing::After(15);
  const std::vector<Gate> gates = situation.Gates();
  ApplyGates(incident.status, gates, situation.input.approval, kNow);
  return incident;
}

TEST(Why, ShowsEveryGateAndWhatWouldOpenTheBlockedOne) {
  const std::string text = Joined(Why(BlockedIncident(), nullptr, kNow));
  for (const Gate& gate : Situation().Gates()) EXPECT_THAT(text, HasSubstr(gate.name));
  EXPECT_THAT(text, AllOf(HasSubstr("1 of 18 block"), HasSubstr("BLOCK  Concurrency"),
                          HasSubstr("until 2026-12-01T12:00:15Z (in 15s)"),
                          HasSubstr("opens by: the holder lets go")));
}

TEST(Why, ShowsTheDiagnosisWithItsLosersAndTheExactCommand) {
  const std::string text = Joined(Why(BlockedIncident(), nullptr, kNow));
  EXPECT_THAT(text, AllOf(HasSubstr("Unresponsive of redis-test, by rule redis/unhealthy"),
                          HasSubstr("70 %"), HasSubstr("not docker/unresponsive"),
                          HasSubstr("docker restart redis-test"), HasSubstr(std::string(64, 'd'))));
}

TEST(Why, LetsNoControlCharacterThrough) {
  v1::Incident incident = BlockedIncident();
  incident.spec.trigger.name =
      "x\x1b[2J\x07\xC2\x9B"
      "31m\xE2\x80\xAE";
  for (const std::string& line : Why(incident, nullptr, kNow)) {
    for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << line;
    EXPECT_THAT(line, Not(HasSubstr("\xE2\x80\xAE"))) << "text that runs backwards";
    EXPECT_THAT(line, Not(HasSubstr("\xC2\x9B"))) << "C1";
  }
}

TEST(Why, ANewIncidentIsExplainedAsWell) {
  v1::Incident incident = testing::MakeTestIncident();
  EXPECT_THAT(Joined(Why(incident, nullptr, kNow)), HasSubstr("Diagnosis: none yet"));
}

TEST(Report, TellsTheWholeStory) {
  v1::Incident incident = BlockedIncident();
  incident.spec.error_logs = {"OOM command not allowed"};
  v1::Attempt attempt;
  attempt.step = "restart";
  attempt.command = "docker restart redis-test";
  attempt.result.emplace().outcome = "Applied";
  attempt.result->stdout_text = "redis-test\n";
  attempt.result->stderr_text = "warning";
  attempt.verification.emplace().outcome = "Successful";
  incident.status.attempts = {attempt};
  ApplyClose(incident.status, kAutoHealed, "Verified", "healthy", testing::After(30));
  const std::string text = Report(incident);
  EXPECT_THAT(
      text,
      AllOf(HasSubstr("# Incident redis-redis-test"), HasSubstr("| Outcome | AutoHealed |"),
            HasSubstr("docker restart redis-test"), HasSubstr("warning"), HasSubstr("## Timeline"),
            HasSubstr("| total | 40.0 s |"), HasSubstr("2026-12-01T12:00:30")));
}

TEST(Report, EscapesWhatCameFromOutside) {
  v1::Incident incident = BlockedIncident();
  incident.spec.affected_system = "<script>alert(1)</script> [x](http://evil) @all | `rm`";
  incident.spec.error_logs = {"```", "# not a heading"};
  const std::string text = Report(incident);
  EXPECT_THAT(text, Not(HasSubstr("<script>")));
  EXPECT_THAT(text, Not(HasSubstr("[x](http")));
  EXPECT_THAT(text, Not(HasSubstr("@all")));
  EXPECT_THAT(text, HasSubstr("\\|")) << "a cell stays a cell";
  EXPECT_THAT(text, HasSubstr("````text")) << "a fence that the text cannot close";
}

}  // namespace
}  // namespace salve::healing
