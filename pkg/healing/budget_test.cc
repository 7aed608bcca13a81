// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/test_support.h"

namespace salve::healing {
namespace {

using testing::After;
using testing::kNow;
using testing::Record;

constexpr v1::ActionBudget kThreePerHour{3, 3600};

TEST(Budget, AReservationIsSpentAtOnceAndWithoutAResult) {
  std::vector<v1::ActionRecord> records;
  ASSERT_TRUE(Reserve(records, {"a", "i", "t", "s", "restart"}, kThreePerHour, 3600, kNow).ok());
  const BudgetView view = SpentOf(records, kThreePerHour, kNow);
  EXPECT_EQ(view.spent, 1);
  EXPECT_EQ(view.remaining, 2);
  EXPECT_EQ(view.next_free_at, After(3600));
  EXPECT_EQ(records[0].result, "");
}

TEST(Budget, TheSameAttemptIsReservedOnce) {
  std::vector<v1::ActionRecord> records;
  ASSERT_TRUE(Reserve(records, {"a", "i", "t", "s", "x"}, kThreePerHour, 3600, kNow).ok());
  EXPECT_EQ(Reserve(records, {"a", "i", "t", "s", "x"}, kThreePerHour, 3600, kNow).code(),
            Code::kAlreadyExists);
  EXPECT_EQ(records.size(), 1u);
}

TEST(Budget, AnExhaustedBudgetRefusesAndSaysWhenTheNextIsFree) {
  std::vector<v1::ActionRecord> records = {Record("1", -3000, "Successful", -2990),
                                           Record("2", -2000, "", 0), Record("3", -1000, "", 0)};
  const Status status = Reserve(records, {"4", "i", "t", "s", "x"}, kThreePerHour, 3600, kNow);
  EXPECT_EQ(status.code(), Code::kTooManyRequests);
  EXPECT_THAT(status.message(), ::testing::HasSubstr(FormatTime(After(600))));
  EXPECT_EQ(records.size(), 3u);
}

TEST(Budget, ABudgetOfZeroNeverAllows) {
  std::vector<v1::ActionRecord> records;
  EXPECT_FALSE(Reserve(records, {"a", "i", "t", "s", "x"}, {0, 3600}, 3600, kNow).ok());
}

TEST(Budget, ATimeThatCannotBeReadCountsAsNow) {
  std::vector<v1::ActionRecord> records = {Record("1", -3000, "", 0)};
  records[0].reserved_at = "yesterday";
  EXPECT_EQ(SpentOf(records, kThreePerHour, kNow).spent, 1);
}

TEST(Budget, AFinishedRecordKeepsItsResult) {
  std::vector<v1::ActionRecord> records = {Record("1", -30, "", 0)};
  EXPECT_TRUE(Finish(records, "1", "Failed", kNow));
  EXPECT_FALSE(Finish(records, "1", "Successful", kNow));
  EXPECT_EQ(records[0].result, "Failed");
}

TEST(Budget, AReservationWithoutAnAttemptStaysSpentAsNotExecuted) {
  v1::Incident incident = testing::MakeTestIncident();
  std::vector<v1::ActionRecord> records = {Record("lost", -30, "", 0, incident.metadata.name)};
  EXPECT_TRUE(ReconcileRecords(records, incident, "", kNow));
  EXPECT_EQ(records[0].result, "NotExecuted");
  EXPECT_EQ(SpentOf(records, kThreePerHour, kNow).spent, 1);
  EXPECT_FALSE(ReconcileRecords(records, incident, "", kNow)) << "a second look changes nothing";
}

TEST(Budget, AReservationThatIsJustBeingUsedIsLeftAlone) {
  v1::Incident incident = testing::MakeTestIncident();
  std::vector<v1::ActionRecord> records = {Record("mine", -1, "", 0, incident.metadata.name)};
  EXPECT_FALSE(ReconcileRecords(records, incident, "mine", kNow));
  EXPECT_EQ(records[0].result, "");
}

TEST(Budget, ResultsComeFromTheAttempts) {
  v1::Incident incident = testing::MakeTestIncident();
  v1::Attempt attempt;
  attempt.id = "a";
  attempt.phase = kAttemptDone;
  attempt.executed_at = FormatTime(kNow);
  attempt.verification.emplace().outcome = kOutcomeFailed;
  incident.status.attempts = {attempt};
  std::vector<v1::ActionRecord> records = {Record("a", -30, "", 0, incident.metadata.name)};
  EXPECT_TRUE(ReconcileRecords(records, incident, "", kNow));
  EXPECT_EQ(records[0].result, "Failed");
}

TEST(Budget, ARecordWhoseIncidentIsGoneIsSettledAfterAWhile) {
  std::vector<v1::ActionRecord> records = {Record("old", -900, "", 0, "gone"),
                                           Record("young", -100, "", 0, "gone"),
                                           Record("live", -900, "", 0, "here")};
  EXPECT_TRUE(SettleOrphans(records, {"here"}, 600, kNow));
  EXPECT_EQ(records[0].result, "Inconclusive");
  EXPECT_EQ(records[1].result, "");
  EXPECT_EQ(records[2].result, "");
  EXPECT_FALSE(SettleOrphans(records, {"here"}, 600, kNow));
}

TEST(Budget, AnAttemptIdIsNeverTheIdOfALostReservation) {
  v1::Incident incident = testing::MakeTestIncident();
  std::vector<v1::ActionRecord> records;
  const std::string first = NextAttemptId(incident, records);
  EXPECT_EQ(first, NextAttemptId(incident, records)) << "deterministic";
  records.push_back(Record(first, -30, "", 0, incident.metadata.name));
  EXPECT_NE(NextAttemptId(incident, records), first);
}

TEST(Budget, GuardrailSpendsCountTheSameWay) {
  std::vector<v1::GuardrailSpend> spends;
  ASSERT_TRUE(ReserveSpend(spends, "default/a", "1", {1, 600}, kNow).ok());
  EXPECT_EQ(ReserveSpend(spends, "default/a", "1", {1, 600}, kNow).code(), Code::kAlreadyExists);
  EXPECT_EQ(ReserveSpend(spends, "default/b", "2", {1, 600}, kNow).code(), Code::kTooManyRequests);
  EXPECT_TRUE(ReserveSpend(spends, "default/a", "1", {1, 600}, After(600)).ok());
  EXPECT_EQ(spends[0].at, FormatMicroTime(After(600))) << "reserved anew, as of now";
  EXPECT_TRUE(ReserveSpend(spends, "default/b", "2", {1, 600}, After(1200)).ok());
  EXPECT_EQ(spends.size(), 1u) << "what has left the window is dropped";
}

TEST(Budget, TheEndOfARecordLiesBetweenItsReservationAndNowWhateverTheCalendarSaid) {
  for (const std::int64_t calendar : {-7200, 3600}) {
    v1::Incident incident = testing::MakeTestIncident();
    v1::Attempt attempt;
    attempt.id = "a-1";
    attempt.phase = kAttemptDone;
    attempt.executed_at = attempt.finished_at = FormatMicroTime(After(calendar));
    attempt.verification = v1::VerificationStatus{};
    attempt.verification->outcome = kOutcomeSuccessful;
    incident.status.attempts = {attempt};
    std::vector<v1::ActionRecord> records = {Record("a-1", -30, "", 0, incident.metadata.name)};
    ASSERT_TRUE(ReconcileRecords(records, incident, "", kNow));
    EXPECT_EQ(records[0].finished_at, FormatMicroTime(After(calendar < 0 ? -30 : 0)));
  }
}

TEST(Budget, PruningKeepsTheNewestOfEachTargetForTheBreaker) {
  std::vector<v1::ActionRecord> records;
  for (int i = 0; i < 30; ++i) {
    records.push_back(Record(std::to_string(i), -100000 + i, "Failed", -100000 + i));
  }
  records.push_back(Record("other", -200000, "Failed", -200000));
  records.back().target = "quiet";
  PruneRecords(records, 3600, kNow);
  EXPECT_EQ(records.size(), 11u);
  EXPECT_EQ(records[0].attempt_id, "20");
  EXPECT_EQ(records.back().target, "quiet");
}

TEST(Breaker, ASuccessThatLastedClosesIt) {
  const std::vector<v1::ActionRecord> records = {
      Record("1", -50000, "Failed", -49990), Record("2", -40000, "Failed", -39990),
      Record("3", -30000, "Failed", -29990), Record("4", -20000, "Successful", -19990)};
  const BreakerView view =
      EvaluateBreaker(records, "redis-test", v1::Breaker{}, 3600, std::nullopt, kNow);
  EXPECT_EQ(view.state, BreakerView::State::kClosed);
  EXPECT_EQ(view.consecutive_failures, 0);
}

TEST(Breaker, AFailedTryOpensItAgainForTheWholeTime) {
  std::vector<v1::ActionRecord> records = {Record("1", -9000, "Failed", -8990),
                                           Record("2", -8000, "Failed", -7990),
                                           Record("3", -7000, "Failed", -6990)};
  const v1::Breaker breaker{3, 3, 3600};
  EXPECT_EQ(EvaluateBreaker(records, "redis-test", breaker, 60, std::nullopt, kNow).state,
            BreakerView::State::kHalfOpen);
  records.push_back(Record("4", -20, "Failed", -10));
  const BreakerView view = EvaluateBreaker(records, "redis-test", breaker, 60, std::nullopt, kNow);
  EXPECT_EQ(view.state, BreakerView::State::kOpen);
  EXPECT_EQ(view.open_until, After(3590));
}

TEST(Breaker, WhatWasNeverExecutedIsNoFailure) {
  const std::vector<v1::ActionRecord> records = {Record("1", -300, "NotExecuted", -290),
                                                 Record("2", -200, "NotExecuted", -190),
                                                 Record("3", -100, "NotExecuted", -90)};
  EXPECT_EQ(EvaluateBreaker(records, "redis-test", v1::Breaker{}, 60, std::nullopt, kNow)
                .consecutive_failures,
            0);
}

TEST(Breaker, AnActorWhoUndoesOurFixEachMinuteOpensIt) {
  // K12: fixed, ill again a minute later, fixed, …
  const std::vector<v1::ActionRecord> records = {Record("1", -200, "Successful", -190),
                                                 Record("2", -130, "Successful", -120),
                                                 Record("3", -60, "Successful", -50)};
  const BreakerView view = EvaluateBreaker(records, "redis-test", v1::Breaker{}, 3600, kNow, kNow);
  EXPECT_EQ(view.state, BreakerView::State::kOpen);
  EXPECT_EQ(view.ineffective_fixes, 3);
}

TEST(Breaker, ForTheStatusOnlyAnOpenOneHasATime) {
  BreakerView view;
  view.state = BreakerView::State::kHalfOpen;
  view.open_until = kNow;
  EXPECT_EQ(ToBreakerStatus("t", view).open_until, "");
  view.state = BreakerView::State::kOpen;
  EXPECT_EQ(ToBreakerStatus("t", view).open_until, FormatTime(kNow));
}

}  // namespace
}  // namespace salve::healing
