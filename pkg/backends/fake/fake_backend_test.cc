// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/fake/fake_backend.h"

#include <thread>

#include <gtest/gtest.h>

namespace salve::backends::fake {
namespace {

using Outcome = healing::ActionResult::Outcome;

class FakeBackendTest : public ::testing::Test {
 protected:
  FakeBackendTest() { backend.Add("web"); }

  ActionRequest Restart(const std::string& attempt) {
    ActionRequest request;
    request.attempt_id = attempt;
    request.action.restart.emplace();
    request.target = ref;
    request.identity_before = backend.Get("web").Identity();
    request.deadline = clock.Monotonic() + std::chrono::seconds(5);
    return request;
  }

  SimulatedClock clock{WallTime(std::chrono::hours(24 * 365 * 50))};
  FakeBackend backend{"docker", clock};
  const healing::TargetRef ref{"docker", "Container", "web"};
};

TEST_F(FakeBackendTest, ARestartHealsCountsOnceAndIsRecognised) {
  backend.Change("web", [](FakeContainer& c) { c.conditions = {healing::kConditionUnhealthy}; });
  EXPECT_EQ(backend.Observe(ref, {})->state, healing::HealthState::kUnhealthy);
  const ActionRequest request = Restart("a1");
  EXPECT_EQ(backend.Outcome(request)->outcome, Outcome::kNotApplied);
  EXPECT_EQ(backend.Execute(request)->outcome, Outcome::kApplied);
  EXPECT_EQ(backend.Outcome(request)->outcome, Outcome::kApplied);
  EXPECT_EQ(backend.Observe(ref, {})->state, healing::HealthState::kHealthy);
  EXPECT_EQ(backend.Execute(request).code(), Code::kConflict);
  EXPECT_EQ(backend.Executions("a1"), 1);
}

TEST_F(FakeBackendTest, ALostResponseIsUnknownYetApplied) {
  backend.SetFault(Operation::kExecute, Fault::kLoseResponse);
  const ActionRequest request = Restart("a1");
  EXPECT_EQ(backend.Execute(request)->outcome, Outcome::kUnknown);
  EXPECT_EQ(backend.Outcome(request)->outcome, Outcome::kApplied);
  EXPECT_EQ(backend.Executions("a1"), 1);
}

TEST_F(FakeBackendTest, ALostRequestIsUnknownAndNotApplied) {
  backend.SetFault(Operation::kExecute, Fault::kLoseRequest);
  const ActionRequest request = Restart("a1");
  EXPECT_EQ(backend.Execute(request)->outcome, Outcome::kUnknown);
  EXPECT_EQ(backend.Outcome(request)->outcome, Outcome::kNotApplied);
  EXPECT_EQ(backend.TotalExecutions(), 0);
}

TEST_F(FakeBackendTest, AHangEndsAtTheDeadlineAndIsUnknown) {
  backend.SetFault(Operation::kExecute, Fault::kHang);
  const ActionRequest request = Restart("a1");
  Outcome outcome = Outcome::kApplied;
  std::thread caller([&] { outcome = backend.Execute(request)->outcome; });
  while (clock.NextDeadline() != request.deadline) std::this_thread::yield();
  clock.Advance(std::chrono::seconds(5));
  caller.join();
  EXPECT_EQ(outcome, Outcome::kUnknown);
  EXPECT_EQ(backend.TotalExecutions(), 0);
}

TEST_F(FakeBackendTest, AnUnavailableBackendDoesNothing) {
  backend.SetFault(Operation::kExecute, Fault::kUnavailable);
  EXPECT_EQ(backend.Execute(Restart("a1")).code(), Code::kUnavailable);
  backend.SetAvailable(UnavailableError("away"));
  EXPECT_EQ(backend.Cached(ref).code(), Code::kUnavailable);
  EXPECT_EQ(backend.TotalExecutions(), 0);
}

}  // namespace
}  // namespace salve::backends::fake
