// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_TESTING_ECS_FIXTURE_H_
#define SALVE_PKG_BACKENDS_ECS_TESTING_ECS_FIXTURE_H_

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/backends/ecs/ecs_backend.h"
#include "pkg/backends/ecs/testing/fake_ecs.h"
#include "pkg/base/time_format.h"

// What tests of the backend do again and again.
namespace salve::backends::ecs::testing {

using healing::Action;
using healing::ActionPlan;
using healing::HealthState;
using healing::TargetObservation;
using healing::TargetRef;
using std::chrono::minutes;
using std::chrono::seconds;
using Outcome = healing::ActionResult::Outcome;

// Time that passes as soon as anybody waits for it.
class HastyClock final : public SimulatedClock {
 public:
  using SimulatedClock::SimulatedClock;
  bool WaitUntil(CondVar& /*cv*/, Mutex& mu, MonoTime deadline) override SALVE_REQUIRES(mu) {
    mu.Unlock();
    Advance(deadline - Monotonic());
    mu.Lock();
    return false;
  }
};

// An Api that somebody else owns.
class Borrowed final : public Api {
 public:
  explicit Borrowed(Api& api) : api_(api) {}
  StatusOr<Json> Call(const Permission& call, const Json& body,
                      const CallContext& context) override {
    return api_.Call(call, body, context);
  }

 private:
  Api& api_;
};

class EcsTest : public ::testing::Test {
 protected:
  EcsTest() { Restart(); }

  // Another process of ours on the same account: it remembers nothing.
  void Restart() {
    EcsOptions options;
    options.region = kRegion;
    options.api = std::make_unique<Borrowed>(ecs);
    options.clock = &clock;
    backend = MakeEcsBackend(std::move(options));
  }

  static TargetRef Web() { return {"aws", "Service", "shop/web", ""}; }
  CallContext Soon() { return {clock.Monotonic() + seconds(120), {}}; }

  // A service "web" of two tasks that has been steady for ten minutes.
  void Serving(std::int64_t desired = 2) {
    ecs.Register("web");
    ecs.AddService("web", desired);
    clock.Advance(minutes(10));
  }
  // One task after the other ends with that exit code, as long as ECS starts new ones.
  void TasksDie(std::int64_t exit_code = 1, int count = 3) {
    ecs.ClearTasks();
    for (int i = 0; i < count; ++i) {
      clock.Advance(seconds(10));
      ecs.AddEnded("web", exit_code);
    }
    ecs.service("web")["runningCount"] = 0;
  }
  // A new revision, whose tasks do not start while those of the old one serve.
  std::string BadRelease() {
    const std::string next = ecs.Register("web");
    ecs.Deploy("web", next);
    for (int i = 0; i < 3; ++i) {
      clock.Advance(seconds(10));
      ecs.AddNotStarted("web", "CannotPullContainerError: pull image manifest: not found");
    }
    return next;
  }

  TargetObservation Look() {
    auto seen = backend->Observe(Web(), Soon());
    EXPECT_TRUE(seen.ok()) << seen.status();
    return seen.ok() ? *seen : TargetObservation{};
  }
  StatusOr<ActionPlan> Plan(const Action& action) { return backend->Plan(action, Web(), Soon()); }

  // The attempt that a plan and a look make.
  ActionRequest RequestFor(const ActionPlan& plan, const std::string& attempt = "web-1-1") {
    ActionRequest request;
    request.attempt_id = attempt;
    request.action = plan.action;
    request.target = Web();
    request.identity_before = Look().identity;
    request.subject = plan.subject;
    request.deadline = clock.Monotonic() + seconds(120);
    return request;
  }
  static ActionRequest UndoOf(const ActionPlan& plan, const ActionRequest& request) {
    ActionRequest undo = request;
    undo.attempt_id += "-undo";
    undo.action = *plan.undo;
    undo.undo_token = plan.undo_token;
    undo.subject.clear();
    return undo;
  }

  static Action Redeploy() {
    Action action;
    action.force_new_deployment.emplace();
    return action;
  }
  static Action Rollback(const std::string& to = "") {
    Action action;
    action.rollback_task_definition.emplace().task_definition = to;
    return action;
  }
  static Action Count(std::int64_t count) {
    Action action;
    action.set_desired_count.emplace().count = count;
    return action;
  }
  static Action StopTask() {
    Action action;
    action.stop_task.emplace();
    return action;
  }
  static Action More(std::int64_t percent) {
    Action action;
    action.update_task_resources.emplace().memory_percent = percent;
    return action;
  }

  HastyClock clock{*ParseTime("2026-11-21T12:00:00Z")};
  FakeEcs ecs{clock};
  std::unique_ptr<Backend> backend;
};

}  // namespace salve::backends::ecs::testing

#endif  // SALVE_PKG_BACKENDS_ECS_TESTING_ECS_FIXTURE_H_
