// SPDX-License-Identifier: Apache-2.0
#include "pkg/audit/recorder.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/audit/query.h"
#include "pkg/audit/verify.h"
#include "pkg/base/log.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/machine.h"

namespace salve::audit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class RecorderTest : public ::testing::Test {
 protected:
  RecorderTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "salve-audit-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    directory_ = root_ + "/audit";
    SetLogWriterForTest([](std::string_view) {});
  }
  ~RecorderTest() override {
    SetLogWriterForTest(nullptr);
    std::filesystem::remove_all(root_);
  }

  std::unique_ptr<Recorder> Start(bool in_log = false) {
    auto recorder = std::make_unique<Recorder>(
        Recorder::Options{in_log ? "" : directory_, kDefaultRetentionDays}, SystemClock(),
        registry_);
    EXPECT_TRUE(recorder->Start().ok());
    return recorder;
  }

  static v1::Incident Incident(const std::string& name, const std::string& phase) {
    v1::Incident incident;
    incident.metadata.ns = "shop";
    incident.metadata.name = name;
    incident.metadata.uid = "uid-" + name;
    incident.metadata.resource_version = phase;
    incident.spec.policy_ref.name = "redis";
    incident.status.phase = phase;
    incident.status.detected_at = FormatMicroTime(SystemClock().Now());
    if (phase == healing::kPhaseResolved) {
      incident.status.outcome = healing::kAutoHealed;
      incident.status.resolved_at = incident.status.detected_at;
      incident.status.conditions.push_back(
          {v1::kIncidentResolved, "True", 1, "", healing::kAutoHealed, "it is over"});
    }
    return incident;
  }

  static void Show(Recorder& recorder, const v1::Incident& incident) {
    recorder.Observe(incident, {});
    recorder.Await({incident.metadata.ns, incident.metadata.name});
  }

  std::vector<std::string> Events() const {
    std::vector<std::string> events;
    const auto read = ReadJournal(directory_, {}, [&](const Entry& entry, const std::string&) {
      events.push_back(entry.record.event);
      return true;
    });
    EXPECT_TRUE(read.ok()) << read.status();
    const auto verdict = Verify(directory_, std::nullopt);
    EXPECT_TRUE(verdict.ok() && verdict->flaw_count == 0);
    return events;
  }

  std::string root_;
  std::string directory_;
  metrics::Registry registry_;
};

TEST_F(RecorderTest, WhatWasShownIsInTheJournalWhenAwaitReturns) {
  const auto recorder = Start();
  Show(*recorder, Incident("a", healing::kPhaseDetected));
  EXPECT_THAT(Events(), ElementsAre(kDetected));
  Show(*recorder, Incident("a", healing::kPhaseResolved));
  EXPECT_THAT(Events(), ElementsAre(kDetected, kResolved));
  EXPECT_THAT(registry_.Serialize(), HasSubstr("salve_audit_head_sequence 2"));
}

TEST_F(RecorderTest, ASuccessorAddsWhatIsMissingAndDoublesNothing) {
  {
    const auto recorder = Start();
    Show(*recorder, Incident("a", healing::kPhaseDetected));
    Show(*recorder, Incident("b", healing::kPhaseResolved));
  }
  const auto recorder = Start();
  // As they are found after a crash between the write of `a` and its record.
  Show(*recorder, Incident("a", healing::kPhaseResolved));
  Show(*recorder, Incident("b", healing::kPhaseResolved));
  EXPECT_THAT(Events(), ElementsAre(kDetected, kDetected, kResolved, kResolved));
}

TEST_F(RecorderTest, AGateThatClosesAgainIsToldAgain) {
  const auto recorder = Start();
  v1::Incident incident = Incident("a", healing::kPhaseBlocked);
  int version = 0;
  for (const std::string reason : {"OutsideWindow", "OutsideWindow", "Spent", "OutsideWindow"}) {
    incident.metadata.resource_version = std::to_string(++version);
    incident.status.gates = {{"Window", "Block", reason, "", "", ""}};
    Show(*recorder, incident);
  }
  EXPECT_THAT(Events(), ElementsAre(kDetected, kGatesEvaluated, kGatesEvaluated, kGatesEvaluated));
}

TEST_F(RecorderTest, AnOpenIncidentThatIsDeletedIsToldOfAndAClosedOneIsNot) {
  const auto recorder = Start();
  Show(*recorder, Incident("a", healing::kPhaseDetected));
  Show(*recorder, Incident("b", healing::kPhaseResolved));
  recorder->IncidentGone({"shop", "a"});
  recorder->IncidentGone({"shop", "b"});
  recorder->IncidentGone({"shop", "never seen"});
  recorder->Stop();
  EXPECT_THAT(Events(), ElementsAre(kDetected, kDetected, kResolved, kIncidentDeleted));
}

TEST_F(RecorderTest, OneThatWasMadeAnewUnderTheSameNameEndsTheFirst) {
  const auto recorder = Start();
  v1::Incident incident = Incident("a", healing::kPhaseDetected);
  Show(*recorder, incident);
  incident.metadata.uid = "uid-of-the-second";
  Show(*recorder, incident);
  EXPECT_THAT(Events(), ElementsAre(kDetected, kIncidentDeleted, kDetected));
}

TEST_F(RecorderTest, AGenerationOfAPolicyIsToldOnce) {
  v1::HealingPolicy policy;
  policy.metadata.ns = "shop";
  policy.metadata.name = "redis";
  policy.metadata.uid = "p";
  policy.metadata.generation = 1;
  {
    const auto recorder = Start();
    recorder->Observe(policy);
    recorder->Observe(policy);
  }
  const auto recorder = Start();
  recorder->Observe(policy);
  policy.metadata.generation = 2;
  recorder->Observe(policy);
  recorder->PolicyGone({"shop", "redis"});
  recorder->Stop();
  EXPECT_THAT(Events(), ElementsAre(kPolicySet, kPolicySet, kPolicyDeleted));
}

TEST_F(RecorderTest, WhatIsOlderThanTheRetentionDoesNotComeBack) {
  v1::Incident old = Incident("a", healing::kPhaseResolved);
  old.status.detected_at = old.status.resolved_at = "2020-01-01T00:00:00Z";
  const auto recorder = Start();
  Show(*recorder, old);
  Show(*recorder, Incident("b", healing::kPhaseDetected));
  EXPECT_THAT(Events(), ElementsAre(kDetected));
}

TEST_F(RecorderTest, WhileItCannotBeWrittenNobodyWaitsAndAfterwardsNothingIsMissing) {
  std::ofstream(directory_) << "a file is in the way\n";
  const auto recorder = Start();
  const MonoTime begin = SystemClock().Monotonic();
  for (int i = 0; i < 50; ++i) {
    Show(*recorder, Incident("i" + std::to_string(i), healing::kPhaseDetected));
  }
  EXPECT_LT(SystemClock().Monotonic() - begin, 20 * Recorder::kPatience);  // not 50 times
  EXPECT_THAT(recorder->State(), HasSubstr("not written"));
  std::filesystem::remove(directory_);
  recorder->Stop();  // tries once more
  EXPECT_THAT(Events(), SizeIs(50));
}

TEST_F(RecorderTest, ManyAtOnceAreAllWrittenOnce) {
  const auto recorder = Start();
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&recorder, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string name = std::to_string(t) + "-" + std::to_string(i);
        Show(*recorder, Incident(name, healing::kPhaseDetected));
        Show(*recorder, Incident(name, healing::kPhaseResolved));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(Events(), SizeIs(800));
}

TEST_F(RecorderTest, WithoutADirectoryTheRecordsAreLinesOfTheLog) {
  std::vector<std::string> lines;
  SetLogWriterForTest([&lines](std::string_view line) { lines.emplace_back(line); });
  const auto recorder = Start(true);
  Show(*recorder, Incident("old", healing::kPhaseResolved));  // an earlier process told of it
  Show(*recorder, Incident("a", healing::kPhaseDetected));
  recorder->Stop();
  EXPECT_THAT(lines, ElementsAre(testing::AllOf(HasSubstr("\"msg\":\"audit\""),
                                                HasSubstr("\"event\":\"Detected\""),
                                                HasSubstr("\"incident\":\"shop/a\""))));
  SetLogWriterForTest([](std::string_view) {});
}

TEST(Known, AnEndedSubjectIsForgottenWhenItIsGone) {
  Known known;
  Record record;
  record.subject = "uid";
  record.event = kResolved;
  record.id = "x";
  EXPECT_TRUE(known.Learn(record));
  EXPECT_FALSE(known.Learn(record));
  known.Forget("uid");
  EXPECT_TRUE(known.Learn(record));
}

}  // namespace
}  // namespace salve::audit
