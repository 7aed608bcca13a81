// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/event_recorder.h"

#include <string>

#include <gtest/gtest.h>

#include "pkg/engine/testing/widget.h"

namespace salve::engine {
namespace {

using client::testing::Call;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Fault;
using testing::World;

const ResourceInfo kEvents{"", "v1", "events", "Event", true};
const ObjectReference kAbout{"test.dev/v1", "Widget", {"shop", "w"}, "u1", "7"};

class EventRecorderTest : public ::testing::Test {
 protected:
  EventRecorderTest() { recorder_.SetManual(); }
  Json Only() {
    const auto events = world_.server.Objects(kEvents);
    EXPECT_EQ(events.size(), 1u);
    return events.empty() ? Json() : events.begin()->second;
  }
  void WriteAll() {
    while (recorder_.WriteOne()) continue;
  }

  World world_;
  EventRecorder recorder_{{}, world_.client, world_.env()};
};

TEST_F(EventRecorderTest, AnEventTellsAboutWhatWhyAndWhen) {
  recorder_.Event(kAbout, EventType::kWarning, "Failed", "the action failed");
  WriteAll();
  const Json event = Only();
  EXPECT_EQ(event["involvedObject"]["kind"], "Widget");
  EXPECT_EQ(event["involvedObject"]["uid"], "u1");
  EXPECT_EQ(event["metadata"]["namespace"], "shop");
  EXPECT_EQ(event["type"], "Warning");
  EXPECT_EQ(event["reason"], "Failed");
  EXPECT_EQ(event["message"], "the action failed");
  EXPECT_EQ(event["count"], 1);
  EXPECT_EQ(event["source"]["component"], "salve");
  EXPECT_EQ(event["firstTimestamp"], event["lastTimestamp"]);
}

TEST_F(EventRecorderTest, ARepetitionRaisesTheCountInsteadOfMakingANewEvent) {
  recorder_.Event(kAbout, EventType::kNormal, "Healed", "again");
  WriteAll();
  for (int i = 0; i < 3; ++i) recorder_.Event(kAbout, EventType::kNormal, "Healed", "again");
  EXPECT_EQ(recorder_.queued(), 1u) << "counted while it waits, too";
  world_.clock.Advance(seconds(5));
  WriteAll();
  EXPECT_EQ(Only()["count"], 4);
  recorder_.Event(kAbout, EventType::kNormal, "Healed", "something else");
  WriteAll();
  EXPECT_EQ(world_.server.Objects(kEvents).size(), 2u);
}

TEST_F(EventRecorderTest, ARepetitionAfterTenMinutesIsANewEvent) {
  recorder_.Event(kAbout, EventType::kNormal, "Healed", "again");
  WriteAll();
  world_.clock.Advance(minutes(11));
  recorder_.Event(kAbout, EventType::kNormal, "Healed", "again");
  WriteAll();
  EXPECT_EQ(world_.server.Objects(kEvents).size(), 2u);
}

TEST_F(EventRecorderTest, ARepetitionOfAnEventThatSomebodyDeletedIsANewEvent) {
  recorder_.Event(kAbout, EventType::kNormal, "Healed", "again");
  WriteAll();
  ASSERT_TRUE(world_.server.Delete(kEvents, world_.server.Objects(kEvents).begin()->first).ok());
  recorder_.Event(kAbout, EventType::kNormal, "Healed", "again");
  WriteAll();
  EXPECT_EQ(Only()["count"], 1);
}

TEST_F(EventRecorderTest, WhatDoesNotFitInTheQueueIsDroppedAndCounted) {
  for (int i = 0; i < 1100; ++i) {
    recorder_.Event(kAbout, EventType::kNormal, "R", "message " + std::to_string(i));
  }
  EXPECT_EQ(recorder_.queued(), 1000u);
  EXPECT_EQ(recorder_.dropped(), 100u);
}

TEST_F(EventRecorderTest, AFailedWriteIsTriedTwelveTimesTenSecondsApartAndThenDropped) {
  int attempts = 0;
  world_.client.on_call = [&](const Call&) {
    ++attempts;
    return Fault::Refuse(UnavailableError("down"));
  };
  recorder_.Event(kAbout, EventType::kNormal, "R", "m");
  EXPECT_TRUE(recorder_.WriteOne());
  EXPECT_FALSE(recorder_.WriteOne()) << "not before ten seconds have passed";
  for (int i = 0; i < 30; ++i) {
    world_.clock.Advance(seconds(10));
    WriteAll();
  }
  EXPECT_EQ(attempts, 12);
  EXPECT_EQ(recorder_.dropped(), 1u);
}

TEST_F(EventRecorderTest, AWriteThatCanNeverSucceedIsDroppedAtOnce) {
  world_.client.on_call = [](const Call&) { return Fault::Refuse(PermissionDeniedError("403")); };
  recorder_.Event(kAbout, EventType::kNormal, "R", "m");
  WriteAll();
  EXPECT_EQ(recorder_.dropped(), 1u);
  EXPECT_EQ(recorder_.queued(), 0u);
}

TEST_F(EventRecorderTest, AnEventWhoseAnswerWasLostIsNotWrittenTwice) {
  bool lost = false;
  world_.client.on_call = [&](const Call&) {
    return std::exchange(lost, true) ? Fault::None() : Fault::LoseResponse();
  };
  recorder_.Event(kAbout, EventType::kNormal, "R", "m");
  WriteAll();
  world_.clock.Advance(seconds(10));
  WriteAll();
  EXPECT_EQ(Only()["count"], 1);
  EXPECT_EQ(recorder_.dropped(), 0u);
}

TEST_F(EventRecorderTest, LongMessagesAreCutBetweenCharacters) {
  std::string message(1023, 'x');
  message += "ü and more";
  recorder_.Event(kAbout, EventType::kNormal, "R", message);
  WriteAll();
  EXPECT_EQ(Only()["message"], std::string(1023, 'x'));
}

TEST(EventRecorderThreadTest, StopWritesWhatIsQueuedAndLaterEventsAreDropped) {
  SeededRandom random(1);
  testing::FakeClient server(SystemClock());
  EventRecorder recorder({}, server, {SystemClock(), random, NoMetrics()});
  for (int i = 0; i < 50; ++i) {
    recorder.Event(kAbout, EventType::kNormal, "R", "message " + std::to_string(i));
  }
  recorder.Stop(SystemClock().Monotonic() + seconds(20));
  EXPECT_EQ(server.Objects(kEvents).size(), 50u);
  recorder.Event(kAbout, EventType::kNormal, "R", "late");
  EXPECT_EQ(recorder.dropped(), 1u);
}

TEST(EventRecorderThreadTest, StopDoesNotWaitForAServerThatIsDown) {
  SeededRandom random(1);
  testing::FakeClient server(SystemClock());
  testing::InterceptorClient client(server);
  client.on_call = [](const Call&) { return Fault::Refuse(UnavailableError("down")); };
  EventRecorder recorder({}, client, {SystemClock(), random, NoMetrics()});
  for (int i = 0; i < 20; ++i) {
    recorder.Event(kAbout, EventType::kNormal, "R", "message " + std::to_string(i));
  }
  const MonoTime start = SystemClock().Monotonic();
  recorder.Stop(start + seconds(600));
  EXPECT_LT(SystemClock().Monotonic() - start, seconds(300));
  EXPECT_EQ(recorder.dropped(), 20u);
}

}  // namespace
}  // namespace salve::engine
