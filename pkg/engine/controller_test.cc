// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/controller.h"

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/engine/manager.h"
#include "pkg/engine/predicates.h"
#include "pkg/engine/testing/widget.h"

namespace salve::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::FakeClient;
using testing::MakeWidget;
using testing::Name;
using testing::Settle;
using testing::Widget;
using testing::Widgets;
using testing::World;

// Runs a function per key and remembers the keys.
class FakeReconciler : public Reconciler {
 public:
  std::function<StatusOr<Result>(const NamespacedName&, ReconcileContext&)> body;
  std::vector<std::string> runs;

  StatusOr<Result> Reconcile(const NamespacedName& key, ReconcileContext& context) override {
    runs.push_back(key.name);
    return body ? body(key, context) : StatusOr<Result>(Result{});
  }
};

class CountingMetrics : public EngineMetrics {
 public:
  void ReconcileResult(const std::string&, const char* result) override { ++results[result]; }
  void ReconcilePanic(const std::string&) override { ++panics; }
  void ReconcileTimeout(const std::string&) override { ++timeouts; }
  std::map<std::string, int> results;
  int panics = 0;
  int timeouts = 0;
};

class ControllerTest : public ::testing::Test {
 protected:
  Environment env() { return {world_.clock, world_.random, metrics_}; }
  std::unique_ptr<Controller> Make(ControllerOptions options = {}) {
    auto controller = std::make_unique<Controller>("widget", reconciler_, options, env());
    controller->WatchOwn<Widget>(widgets_);
    return controller;
  }
  // Processes everything that is ready now; returns how many runs that were.
  static int Drain(Controller& controller) {
    int runs = 0;
    while (runs < 10'000 && controller.ProcessOne()) ++runs;
    return runs;
  }

  World world_;
  CountingMetrics metrics_;
  Informer<Widget> widgets_{World::Options(),
                            world_.client,
                            testing::DecodeWidget,
                            {world_.clock, world_.random, metrics_}};
  FakeReconciler reconciler_;
};

TEST_F(ControllerTest, NothingIsReconciledBeforeTheCacheHasSynced) {
  world_.Create("a");
  auto controller = Make();
  controller->Enqueue(Name("a"));
  EXPECT_FALSE(controller->ProcessOne());
  EXPECT_EQ(controller->Start().code(), Code::kUnavailable);

  Settle(widgets_, world_);
  EXPECT_TRUE(controller->ProcessOne());
  EXPECT_THAT(reconciler_.runs, ::testing::ElementsAre("a"));
}

TEST_F(ControllerTest, ManyChangesBeforeARunLeadToOneRun) {
  auto controller = Make();
  Settle(widgets_, world_);
  world_.Create("a");
  for (int size = 2; size < 50; ++size) world_.Resize("a", size);
  Settle(widgets_, world_);
  EXPECT_EQ(Drain(*controller), 1);
}

TEST_F(ControllerTest, AnErrorIsRetriedWithGrowingDelaysUntilSuccessForgetsThem) {
  auto controller = Make();
  Settle(widgets_, world_);
  reconciler_.body = [](const NamespacedName&, ReconcileContext&) -> StatusOr<Result> {
    return UnavailableError("not now");
  };
  controller->Enqueue(Name("a"));
  EXPECT_EQ(Drain(*controller), 1);
  for (const milliseconds wait : {milliseconds(5), milliseconds(10), milliseconds(20)}) {
    world_.clock.Advance(wait - milliseconds(1));
    EXPECT_EQ(Drain(*controller), 0) << "before " << wait.count() << " ms";
    world_.clock.Advance(milliseconds(1));
    EXPECT_EQ(Drain(*controller), 1) << "after " << wait.count() << " ms";
  }
  EXPECT_EQ(metrics_.results["error"], 4);

  reconciler_.body = nullptr;
  world_.clock.Advance(milliseconds(40));
  EXPECT_EQ(Drain(*controller), 1);
  EXPECT_EQ(controller->queue().Retries(Name("a")), 0);
}

TEST_F(ControllerTest, TheServersRetryAfterIsTheLeastDelayOfARetry) {
  auto controller = Make();
  Settle(widgets_, world_);
  reconciler_.body = [](const NamespacedName&, ReconcileContext&) -> StatusOr<Result> {
    return TooManyRequestsError("busy").WithRetryAfter(seconds(7));
  };
  controller->Enqueue(Name("a"));
  EXPECT_EQ(Drain(*controller), 1);
  EXPECT_EQ(controller->queue().NextDelayed(), world_.clock.Monotonic() + seconds(7));
}

TEST_F(ControllerTest, ATerminalErrorIsNotRetriedButAChangeBringsANewRun) {
  auto controller = Make();
  world_.Create("a");
  Settle(widgets_, world_);
  reconciler_.body = [](const NamespacedName&, ReconcileContext&) -> StatusOr<Result> {
    return InvalidArgumentError("no such backend").AsTerminal();
  };
  EXPECT_EQ(Drain(*controller), 1);
  world_.clock.Advance(std::chrono::hours(1));
  EXPECT_EQ(Drain(*controller), 0);
  EXPECT_EQ(metrics_.results["terminal"], 1);

  world_.Resize("a", 2);
  Settle(widgets_, world_);
  EXPECT_EQ(Drain(*controller), 1);
}

TEST_F(ControllerTest, RequeueAfterComesBackAfterExactlyThatLong) {
  auto controller = Make();
  Settle(widgets_, world_);
  reconciler_.body = [](const NamespacedName&, ReconcileContext&) -> StatusOr<Result> {
    return Result{seconds(10)};
  };
  controller->Enqueue(Name("a"));
  EXPECT_EQ(Drain(*controller), 1);
  world_.clock.Advance(seconds(10) - Duration(1));
  EXPECT_EQ(Drain(*controller), 0);
  world_.clock.Advance(Duration(1));
  EXPECT_EQ(Drain(*controller), 1);
  EXPECT_EQ(metrics_.results["requeue_after"], 2);
}

TEST_F(ControllerTest, AnExceptionIsCountedAndRetriedWhileOtherKeysGoOn) {
  auto controller = Make();
  Settle(widgets_, world_);
  reconciler_.body = [](const NamespacedName& key, ReconcileContext&) -> StatusOr<Result> {
    if (key.name == "poison") throw std::runtime_error("boom");
    if (key.name == "worse") throw 42;
    return Result{};
  };
  for (const char* name : {"poison", "worse", "good"}) controller->Enqueue(Name(name));
  EXPECT_EQ(Drain(*controller), 3);
  EXPECT_EQ(metrics_.panics, 2);
  EXPECT_EQ(metrics_.results["success"], 1);
  world_.clock.Advance(milliseconds(5));
  EXPECT_EQ(Drain(*controller), 2);
}

TEST_F(ControllerTest, AnExceptionWhileMappingAChangeDoesNotStopTheCache) {
  Controller controller("widget", reconciler_, {}, env());
  controller.Watch<Widget>(widgets_, [](const Change<Widget>& change) {
    if (change.header.name.name == "poison") throw std::runtime_error("boom");
    return std::vector<NamespacedName>{change.header.name};
  });
  world_.Create("poison");
  world_.Create("quite-good");
  Settle(widgets_, world_);
  EXPECT_EQ(Drain(controller), 1);
  EXPECT_EQ(metrics_.panics, 1);
  EXPECT_NE(widgets_.Get(Name("poison")), nullptr);
}

TEST_F(ControllerTest, ARunThatOutlastsItsDeadlineIsCountedApart) {
  ControllerOptions options;
  options.reconcile_timeout = seconds(3);
  auto controller = Make(options);
  Settle(widgets_, world_);
  MonoTime deadline;
  reconciler_.body = [&](const NamespacedName&, ReconcileContext& context) -> StatusOr<Result> {
    deadline = context.deadline;
    world_.clock.Advance(seconds(4));
    return DeadlineExceededError("the backend was slow");
  };
  const MonoTime start = world_.clock.Monotonic();
  controller->Enqueue(Name("a"));
  EXPECT_EQ(Drain(*controller), 1);
  EXPECT_EQ(deadline, start + seconds(3));
  EXPECT_EQ(metrics_.timeouts, 1);
  EXPECT_EQ(metrics_.results["error"], 1);
}

TEST_F(ControllerTest, OnesOwnStatusWritesDoNotWakeOneWithTheGenerationPredicate) {
  Controller controller("widget", reconciler_, {}, env());
  controller.WatchOwn<Widget>(widgets_, GenerationChanged<Widget>);
  world_.Create("a");
  Settle(widgets_, world_);
  EXPECT_EQ(Drain(controller), 1);

  Json object = *world_.server.Get(Widgets(), Name("a"));
  object["status"]["phase"] = "Ready";
  client::WriteOptions status;
  status.subresource = "status";
  ASSERT_TRUE(world_.client.Update(Widgets(), object, status).ok());
  Settle(widgets_, world_);
  EXPECT_EQ(Drain(controller), 0);

  world_.Resize("a", 5);
  Settle(widgets_, world_);
  EXPECT_EQ(Drain(controller), 1);
  world_.Remove("a");
  Settle(widgets_, world_);
  EXPECT_EQ(Drain(controller), 1) << "a deletion always passes";
}

TEST_F(ControllerTest, FreshChangesGoBeforeWhatWasThereAtTheStart) {
  auto controller = Make();
  for (const char* name : {"old-1", "old-2", "old-3"}) world_.Create(name);
  Settle(widgets_, world_);
  world_.Create("fresh");
  Settle(widgets_, world_);
  EXPECT_EQ(Drain(*controller), 4);
  EXPECT_THAT(reconciler_.runs, ::testing::ElementsAre("fresh", "old-1", "old-2", "old-3"));
}

// Writes `spec.size` into `status.size`, and only if that is not what it says already.
class StatusWriter : public Reconciler {
 public:
  StatusWriter(client::Client& client, Lister<Widget>& widgets)
      : client_(client), widgets_(widgets) {}

  StatusOr<Result> Reconcile(const NamespacedName& key, ReconcileContext&) override {
    if (widgets_.Get(key) == nullptr) return Result{};
    StatusOr<Json> object = client_.Get(Widgets(), key);
    if (object.code() == Code::kNotFound) return Result{};
    if (!object.ok()) return object.status();
    const Json& size = (*object)["spec"]["size"];
    if (object->contains("status") && (*object)["status"]["size"] == size) return Result{};
    (*object)["status"]["size"] = size;
    client::WriteOptions options;
    options.subresource = "status";
    const StatusOr<Json> stored = client_.Update(Widgets(), *object, options);
    if (!stored.ok()) return stored.status();
    return Result{};
  }

 private:
  client::Client& client_;
  Lister<Widget>& widgets_;
};

TEST_F(ControllerTest, ASecondRunWithNothingChangedWritesNothing) {
  StatusWriter writer(world_.client, widgets_);
  Controller controller("widget", writer, {}, env());
  controller.WatchOwn<Widget>(widgets_);
  world_.Create("a", 3);
  Settle(widgets_, world_);
  Drain(controller);
  Settle(widgets_, world_);
  Drain(controller);
  const std::int64_t writes = world_.server.writes();
  for (int i = 0; i < 5; ++i) {
    controller.Enqueue(Name("a"));
    Drain(controller);
  }
  EXPECT_EQ(world_.server.writes(), writes);
}

TEST_F(ControllerTest, AnySingleLostEventLeadsToTheSameEnd) {
  // A reference run counts the events; then each of them is lost once.
  const auto run = [](int lost) {
    World world;
    int seen = 0;
    world.client.on_event = [&](const ResourceInfo&, const client::WatchEvent&) {
      testing::EventFault fault;
      if (seen++ == lost) fault.kind = testing::EventFault::Kind::kDrop;
      return fault;
    };
    Informer<Widget> widgets(World::Options(), world.client, testing::DecodeWidget, world.env());
    StatusWriter writer(world.client, widgets);
    Controller controller("widget", writer, {}, world.env());
    controller.WatchOwn<Widget>(widgets);
    Settle(widgets, world);
    const auto settle = [&] {
      for (int i = 0; i < 3; ++i) {
        Settle(widgets, world);
        Drain(controller);
      }
    };
    world.Create("a", 1);
    settle();
    world.Resize("a", 2);
    world.Create("b", 1);
    settle();
    world.Remove("b");
    world.Resize("a", 3);
    settle();
    // What was lost is found at the next list at the latest.
    world.server.Compact();
    world.server.EndWatches(ExpiredError("410"));
    for (int i = 0; i < 20; ++i) {
      world.clock.Advance(seconds(2));
      settle();
    }
    std::string end;
    for (const auto& [name, object] : world.server.Objects(Widgets())) {
      end += name.name + ":" + object["spec"].dump() + object["status"].dump() + "\n";
    }
    EXPECT_EQ(widgets.List().size(), world.server.Objects(Widgets()).size()) << "lost " << lost;
    return std::make_pair(end, seen);
  };
  const auto [reference, events] = run(-1);
  ASSERT_GT(events, 5);
  for (int lost = 0; lost < events; ++lost) {
    EXPECT_EQ(run(lost).first, reference) << "when event " << lost << " is lost";
  }
}

TEST_F(ControllerTest, AConflictIsRetriedFromAFreshReadAndNothingIsOverwritten) {
  StatusWriter writer(world_.client, widgets_);
  Controller controller("widget", writer, {}, env());
  controller.WatchOwn<Widget>(widgets_);
  world_.Create("a", 3);
  Settle(widgets_, world_);
  // Somebody else writes between the read and the write of the first run.
  bool disturbed = false;
  world_.client.on_call = [&](const client::testing::Call& call) {
    if (call.verb == "update" && !disturbed) {
      disturbed = true;
      world_.Resize("a", 4);
    }
    return testing::Fault::None();
  };
  EXPECT_EQ(Drain(controller), 1);
  EXPECT_EQ(metrics_.results["error"], 1);
  world_.clock.Advance(milliseconds(5));
  Settle(widgets_, world_);
  Drain(controller);
  const Json object = *world_.server.Get(Widgets(), Name("a"));
  EXPECT_EQ(object["status"]["size"], 4);
  for (const auto& call : world_.server.Calls()) {
    if (call.verb != "update") continue;
    EXPECT_FALSE(call.resource_version.empty()) << call.name.ToString();
  }
}

TEST_F(ControllerTest, AWriteWhoseAnswerWasLostIsReadAgainAndNotRepeated) {
  StatusWriter writer(world_.client, widgets_);
  Controller controller("widget", writer, {}, env());
  controller.WatchOwn<Widget>(widgets_);
  world_.Create("a", 3);
  Settle(widgets_, world_);
  const std::int64_t before = world_.server.writes();
  bool lost = false;
  world_.client.on_call = [&](const client::testing::Call& call) {
    if (call.verb != "update" || std::exchange(lost, true)) return testing::Fault::None();
    return testing::Fault::LoseResponse();
  };
  Drain(controller);
  world_.clock.Advance(milliseconds(5));
  EXPECT_EQ(Drain(controller), 1);
  EXPECT_EQ(world_.server.writes(), before + 1);
}

// ---- With threads ----

class ThreadedControllerTest : public ::testing::Test {
 protected:
  // Waits on the real clock for a condition, within a bound.
  bool Eventually(const std::function<bool()>& condition) {
    const MonoTime deadline = SystemClock().Monotonic() + seconds(120);
    MutexLock lock(mu_);
    while (!condition()) {
      if (SystemClock().Monotonic() >= deadline) return false;
      (void)SystemClock().WaitUntil(changed_, mu_, SystemClock().Monotonic() + milliseconds(1));
    }
    return true;
  }

  Mutex mu_;
  CondVar changed_;
  SeededRandom random_{1};
  FakeClient server_{SystemClock()};
  Informer<Widget> widgets_{
      World::Options(), server_, testing::DecodeWidget, {SystemClock(), random_, NoMetrics()}};
  AlwaysLeader leader_;
};

// Blocks in each run until it is let go.
class BlockingReconciler : public Reconciler {
 public:
  StatusOr<Result> Reconcile(const NamespacedName& key, ReconcileContext& context) override {
    MutexLock lock(mu_);
    ++running;
    peak = std::max(peak.load(), running.load());
    if (!active_.insert(key).second) ++overlaps;
    while (!open_ && !context.stop.stop_requested()) {
      (void)SystemClock().WaitUntil(changed_, mu_, SystemClock().Monotonic() + milliseconds(1));
    }
    active_.erase(key);
    --running;
    ++done;
    if (context.stop.stop_requested()) ++stopped;
    return Result{};
  }
  void Open() {
    MutexLock lock(mu_);
    open_ = true;
    changed_.NotifyAll();
  }
  std::atomic<int> running{0};
  std::atomic<int> peak{0};
  std::atomic<int> done{0};
  std::atomic<int> stopped{0};
  std::atomic<int> overlaps{0};

 private:
  Mutex mu_;
  CondVar changed_;
  bool open_ = false;
  std::set<NamespacedName> active_;
};

TEST_F(ThreadedControllerTest, WorkersAreStartedWhenKeysWaitAndEndWhenIdle) {
  BlockingReconciler reconciler;
  ControllerOptions options;
  options.max_concurrent = 8;
  options.worker_idle = milliseconds(20);
  Controller controller("widget", reconciler, options, {SystemClock(), random_, NoMetrics()});
  ASSERT_TRUE(controller.Start().ok());
  EXPECT_EQ(controller.workers(), 1);
  for (int i = 0; i < 20; ++i) controller.Enqueue(Name("w" + std::to_string(i)));
  EXPECT_TRUE(Eventually([&] { return reconciler.running == 8; }));
  EXPECT_EQ(controller.workers(), 8);
  reconciler.Open();
  EXPECT_TRUE(Eventually([&] { return reconciler.done == 20; }));
  EXPECT_TRUE(Eventually([&] { return controller.workers() == 1; }));
  EXPECT_EQ(reconciler.peak, 8);
  // The one that stayed still serves changes and delays.
  controller.EnqueueAfter(Name("later"), milliseconds(5));
  controller.Enqueue(Name("now"));
  EXPECT_TRUE(Eventually([&] { return reconciler.done == 22; }));
}

TEST_F(ThreadedControllerTest, OneKeyIsNeverInTwoWorkers) {
  BlockingReconciler reconciler;
  reconciler.Open();
  Controller controller("widget", reconciler, {}, {SystemClock(), random_, NoMetrics()});
  ASSERT_TRUE(controller.Start().ok());
  for (int i = 0; i < 2000; ++i) controller.Enqueue(Name("k" + std::to_string(i % 3)));
  EXPECT_TRUE(Eventually(
      [&] { return controller.queue().depth() == 0 && controller.queue().processing() == 0; }));
  EXPECT_EQ(reconciler.overlaps, 0);
  EXPECT_GE(reconciler.done, 3);
}

TEST_F(ThreadedControllerTest, StoppingLetsWhatRunsFinish) {
  BlockingReconciler reconciler;
  Controller controller("widget", reconciler, {}, {SystemClock(), random_, NoMetrics()});
  ASSERT_TRUE(controller.Start().ok());
  controller.Enqueue(Name("a"));
  ASSERT_TRUE(Eventually([&] { return reconciler.running == 1; }));
  Thread opener;
  ASSERT_TRUE(opener
                  .Start("opener",
                         [&] {
                           (void)Eventually([&] { return controller.queue().shutting_down(); });
                           reconciler.Open();
                         })
                  .ok());
  controller.Stop(SystemClock().Monotonic() + seconds(20));
  EXPECT_EQ(reconciler.done, 1);
  EXPECT_EQ(reconciler.stopped, 0);
  EXPECT_FALSE(controller.running());
}

TEST_F(ThreadedControllerTest, WhatOutlastsTheDrainTimeIsAskedToStop) {
  BlockingReconciler reconciler;
  Controller controller("widget", reconciler, {}, {SystemClock(), random_, NoMetrics()});
  ASSERT_TRUE(controller.Start().ok());
  controller.Enqueue(Name("a"));
  ASSERT_TRUE(Eventually([&] { return reconciler.running == 1; }));
  controller.Stop(SystemClock().Monotonic() + milliseconds(10));
  EXPECT_EQ(reconciler.stopped, 1);
}

TEST_F(ThreadedControllerTest, StoppingWithNothingToDoReturnsAtOnceAndTwiceIsFine) {
  BlockingReconciler reconciler;
  Controller controller("widget", reconciler, {}, {SystemClock(), random_, NoMetrics()});
  ASSERT_TRUE(controller.Start().ok());
  controller.Stop(MonoTime::max());
  controller.Stop(MonoTime::max());
  controller.Enqueue(Name("late"));
  EXPECT_EQ(controller.queue().depth(), 0u);
}

TEST_F(ThreadedControllerTest, AManagerRunsItAllAndAChangeReachesTheReconciler) {
  BlockingReconciler reconciler;
  reconciler.Open();
  const Environment env{SystemClock(), random_, NoMetrics()};
  Controller controller("widget", reconciler, {}, env);
  controller.WatchOwn<Widget>(widgets_);
  Manager manager({}, leader_, env);
  manager.Add(widgets_);
  manager.Add(controller);
  ASSERT_TRUE(server_.Create(Widgets(), MakeWidget("a")).ok());
  ASSERT_TRUE(manager.Start({}).ok());
  EXPECT_TRUE(Eventually([&] { return reconciler.done == 1; }));
  ASSERT_TRUE(server_.Create(Widgets(), MakeWidget("b")).ok());
  EXPECT_TRUE(Eventually([&] { return reconciler.done == 2; }));
  EXPECT_TRUE(manager.ready());
  manager.Stop();
  EXPECT_FALSE(manager.ready());
}

}  // namespace
}  // namespace salve::engine
