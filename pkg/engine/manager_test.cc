// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/manager.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/engine/testing/widget.h"

namespace salve::engine {
namespace {

using client::testing::Call;
using std::chrono::milliseconds;
using testing::Fault;
using testing::Widget;
using testing::World;

class NoopReconciler : public Reconciler {
 public:
  StatusOr<Result> Reconcile(const NamespacedName&, ReconcileContext&) override { return Result{}; }
};

class ManagerTest : public ::testing::Test {
 protected:
  FunctionRunnable Part(const std::string& name, const Status& start = Status::Ok()) {
    return FunctionRunnable(
        name,
        [this, name, start] {
          log_.push_back("start " + name);
          return start;
        },
        [this, name](MonoTime) { log_.push_back("stop " + name); });
  }

  SeededRandom random_{1};
  testing::FakeClient server_{SystemClock()};
  testing::InterceptorClient client_{server_};
  Environment env_{SystemClock(), random_, NoMetrics()};
  Informer<Widget> widgets_{World::Options(), client_, testing::DecodeWidget, env_};
  NoopReconciler reconciler_;
  Controller controller_{"widget", reconciler_, {}, env_};
  AlwaysLeader leader_;
  std::vector<std::string> log_;
};

TEST_F(ManagerTest, PartsStartServersFirstAndStopInReverse) {
  FunctionRunnable backend = Part("backend");
  FunctionRunnable server = Part("server");
  controller_.WatchOwn<Widget>(widgets_);
  Manager manager({}, leader_, env_);
  manager.Add(backend);
  manager.Add(server, Manager::Group::kServers);
  manager.Add(widgets_);
  manager.Add(controller_);
  EXPECT_FALSE(manager.ready());
  ASSERT_TRUE(manager.Start({}).ok());
  EXPECT_TRUE(manager.ready());
  EXPECT_TRUE(controller_.running());
  manager.Stop();
  manager.Stop();
  EXPECT_THAT(
      log_, ::testing::ElementsAre("start server", "start backend", "stop backend", "stop server"));
  EXPECT_FALSE(controller_.running());
  EXPECT_EQ(server_.open_watches(), 0);
}

TEST_F(ManagerTest, APartThatDoesNotStartEndsTheStartAndWhatRanIsStopped) {
  FunctionRunnable good = Part("good");
  FunctionRunnable bad = Part("bad", UnavailableError("port taken"));
  Manager manager({}, leader_, env_);
  manager.Add(good);
  manager.Add(bad);
  manager.Add(controller_);
  const Status status = manager.Start({});
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_THAT(status.message(), ::testing::HasSubstr("starting bad: port taken"));
  EXPECT_THAT(log_, ::testing::ElementsAre("start good", "start bad", "stop good"));
  EXPECT_FALSE(controller_.running());
}

TEST_F(ManagerTest, CachesThatDoNotSyncInTimeEndTheStartAndAreNamedWithTheirError) {
  client_.on_call = [](const Call&) {
    return Fault::Refuse(PermissionDeniedError("403 forbidden"));
  };
  ManagerOptions options;
  options.cache_sync_timeout = milliseconds(50);
  Manager manager(options, leader_, env_);
  controller_.WatchOwn<Widget>(widgets_);
  manager.Add(widgets_);
  manager.Add(controller_);
  const Status status = manager.Start({});
  EXPECT_EQ(status.code(), Code::kDeadlineExceeded);
  EXPECT_THAT(status.message(), ::testing::HasSubstr("widgets.test.dev"));
  EXPECT_THAT(status.message(), ::testing::HasSubstr("403 forbidden"));
  EXPECT_FALSE(manager.ready());
  EXPECT_FALSE(controller_.running());
}

TEST_F(ManagerTest, AStopRequestEndsTheWaitForCaches) {
  std::stop_source stop;
  client_.on_call = [&](const Call&) {
    stop.request_stop();
    return Fault::Refuse(UnavailableError("down"));
  };
  Manager manager({}, leader_, env_);
  manager.Add(widgets_);
  // Not kDeadlineExceeded: that is how the wait ends by itself.
  EXPECT_EQ(manager.Start(stop.get_token()).code(), Code::kCancelled);
}

TEST_F(ManagerTest, HealthNamesWhatIsWrong) {
  Manager manager({}, leader_, env_);
  controller_.WatchOwn<Widget>(widgets_);
  manager.Add(widgets_);
  manager.Add(controller_);
  Status backend = UnavailableError("docker: no such socket");
  manager.AddHealthCheck("backend docker", [&backend] { return backend; });
  const auto before = manager.CheckHealth();
  ASSERT_EQ(before.size(), 4u);
  EXPECT_EQ(before[0].name, "caches");
  EXPECT_THAT(before[0].message, ::testing::HasSubstr("widgets.test.dev"));
  EXPECT_FALSE(before[1].ok);
  ASSERT_TRUE(manager.Start({}).ok());
  backend = Status::Ok();
  for (const HealthCheckResult& check : manager.CheckHealth()) {
    EXPECT_TRUE(check.ok) << check.name << ": " << check.message;
  }
  manager.Stop();
  EXPECT_FALSE(manager.CheckHealth()[1].ok) << "a stopped controller is no healthy one";
}

TEST_F(ManagerTest, AManagerStartsOnlyOnce) {
  Manager manager({}, leader_, env_);
  ASSERT_TRUE(manager.Start({}).ok());
  EXPECT_EQ(manager.Start({}).code(), Code::kInvalidArgument);
}

// Leads only when told to.
class ManualElector final : public LeaderElector {
 public:
  explicit ManualElector(bool gets_it) : gets_it_(gets_it) {}
  Status Acquire(std::stop_token) override {
    return gets_it_ ? Status::Ok() : CancelledError("stopped while waiting");
  }
  bool IsLeader() const override { return gets_it_ && !released; }
  void OnLost(std::function<void()>) override {}
  void Release() override { released = true; }
  bool released = false;

 private:
  bool gets_it_;
};

TEST_F(ManagerTest, WithoutLeadershipNoControllerRunsAndItIsReleasedAfterTheControllersEnd) {
  ManualElector never(false);
  Manager waiting({}, never, env_);
  waiting.Add(controller_);
  EXPECT_EQ(waiting.Start({}).code(), Code::kCancelled);
  EXPECT_FALSE(controller_.running());
  EXPECT_FALSE(never.released);

  ManualElector elector(true);
  Controller second("second", reconciler_, {}, env_);
  Manager manager({}, elector, env_);
  manager.Add(second);
  ASSERT_TRUE(manager.Start({}).ok());
  EXPECT_TRUE(second.running());
  manager.Stop();
  EXPECT_TRUE(elector.released);
}

}  // namespace
}  // namespace salve::engine
