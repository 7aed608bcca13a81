// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/graph_runner.h"

#include <map>
#include <thread>

#include "controller/runtime/gated_backend.h"
#include "controller/runtime/metrics.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/backends/fake/fake_backend.h"
#include "pkg/base/log.h"
#include "pkg/client/testing/fake_client.h"

namespace salve::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr char kFile[] = "/etc/salve/salve.yaml";

std::string ConfigFor(const std::string& ns) {
  return "apiVersion: config.salve.dev/v1alpha1\nkind: ControllerConfiguration\nbackends:\n"
         "- name: docker\n  docker: {host: 'unix:///nowhere/docker.sock', allowedNamespaces: [" +
         ns + "]}\n";
}

class MapFiles final : public FileSource {
 public:
  void Set(const std::string& path, const std::string& text) {
    MutexLock lock(mu_);
    files_[path] = text;
  }
  void Remove(const std::string& path) {
    MutexLock lock(mu_);
    files_.erase(path);
  }
  StatusOr<std::string> Read(const std::string& path, std::size_t) override {
    MutexLock lock(mu_);
    ++reads_;
    const auto it = files_.find(path);
    if (it == files_.end()) return NotFoundError("reading " + path + ": No such file or directory");
    return it->second;
  }
  int reads() {
    MutexLock lock(mu_);
    return reads_;
  }

 private:
  Mutex mu_;
  std::map<std::string, std::string> files_ SALVE_GUARDED_BY(mu_);
  int reads_ SALVE_GUARDED_BY(mu_) = 0;
};

// Leads when the test says so.
class TestElector final : public engine::LeaderElector {
 public:
  Status Acquire(std::stop_token stop) override {
    const std::stop_callback wake(stop, [this] { Change([] {}); });
    MutexLock lock(mu_);
    waiting_ = true;
    while (!may_lead_ && !stop.stop_requested()) changed_.Wait(mu_);
    waiting_ = false;
    if (!may_lead_) return CancelledError("asked to stop");
    leads_ = true;
    ++acquired_;
    return Status::Ok();
  }
  bool IsLeader() const override {
    MutexLock lock(mu_);
    return leads_;
  }
  void OnLost(std::function<void()>) override {}
  void Release() override {
    Change([this] {
      released_ += leads_ ? 1 : 0;
      leads_ = false;
    });
  }
  void LetLead(bool may) {
    Change([this, may] { may_lead_ = may; });
  }
  bool waiting() const {
    MutexLock lock(mu_);
    return waiting_;
  }
  int acquired() const {
    MutexLock lock(mu_);
    return acquired_;
  }
  int released() const {
    MutexLock lock(mu_);
    return released_;
  }

 private:
  template <class Function>
  void Change(Function change) {
    MutexLock lock(mu_);
    change();
    changed_.NotifyAll();
  }
  mutable Mutex mu_;
  CondVar changed_;
  bool may_lead_ = true;
  bool leads_ = false;
  bool waiting_ = false;
  int acquired_ = 0;
  int released_ = 0;
};

class Nobody final : public EdgeIdentities {
 public:
  std::optional<edge::Identity> Authenticate(std::string_view) override { return std::nullopt; }
  bool MayReadIncidents(const edge::Identity&, const std::string&) override { return false; }
  Status CreateApproval(const edge::Identity&, const client::Json&) override {
    return UnauthenticatedError("nobody");
  }
};

class GraphRunnerTest : public ::testing::Test {
 protected:
  GraphRunnerTest() {
    SetLogWriterForTest([this](std::string_view line) {
      MutexLock lock(mu_);
      log_ += std::string(line) + "\n";
    });
    files_.Set(kFile, ConfigFor("shop"));
  }
  ~GraphRunnerTest() override {
    runner_.reset();
    SetLogWriterForTest(nullptr);
  }

  GraphRunner& Runner(GraphRunnerOptions options = {}) {
    options.input.client = &server_;
    options.input.event_client = &server_;
    options.input.elector = &elector_;
    options.input.engine_metrics = &engine_metrics_;
    options.input.healing_metrics = &healing_metrics_;
    options.input.instance = "test";
    options.config_file = kFile;
    runner_ =
        std::make_unique<GraphRunner>(std::move(options), edge_, files_, metrics_, clock_, random_);
    return *runner_;
  }

  // Lets time pass until `done`.
  template <class Done>
  ::testing::AssertionResult Eventually(const Done& done) {
    const auto give_up = std::chrono::steady_clock::now() + seconds(30);
    while (!done()) {
      if (std::chrono::steady_clock::now() > give_up) {
        return ::testing::AssertionFailure() << runner_->Ready() << "\n" << log();
      }
      clock_.Advance(milliseconds(100));
      std::this_thread::yield();
    }
    return ::testing::AssertionSuccess();
  }
  // As long as it takes to look at the file several times.
  void LetItLook(int times) {
    const int before = files_.reads();
    ASSERT_TRUE(Eventually([&] { return files_.reads() >= before + times; }));
  }

  // What is not the backend's absence, which is none of the runner's business.
  bool Runs() {
    const Status ready = runner_->Ready();
    return ready.ok() || ready.message().find("backend docker") != std::string::npos;
  }
  double Reloads(const std::string& result) {
    return metrics_.Counters("salve_configuration_reloads_total", "", {"result"})
        .With({result})
        .Value();
  }
  double Valid() { return metrics_.Gauges("salve_configuration_valid", "", {}).With({}).Value(); }
  std::string log() {
    MutexLock lock(mu_);
    return log_;
  }

  Mutex mu_;
  std::string log_ SALVE_GUARDED_BY(mu_);
  SimulatedClock clock_{WallTime(seconds(1'790'000'000))};
  SeededRandom random_{7};
  metrics::Registry metrics_;
  PrometheusEngineMetrics engine_metrics_{metrics_};
  PrometheusHealingMetrics healing_metrics_{metrics_};
  client::testing::FakeClient server_{clock_};
  MapFiles files_;
  TestElector elector_;
  EdgeWiring edge_{std::make_shared<Nobody>(), clock_, random_};
  std::unique_ptr<GraphRunner> runner_;
};

TEST_F(GraphRunnerTest, ABackendActsOnlyWhileTheProcessLeads) {
  auto fake = std::make_unique<backends::fake::FakeBackend>("docker", clock_);
  backends::fake::FakeBackend& engine = *fake;
  engine.Add("redis");
  GatedBackend gated(std::move(fake), elector_);
  backends::ActionRequest request;
  request.attempt_id = "a-1";
  request.action.restart = apis::salve::v1alpha1::RestartAction{};
  apis::salve::v1alpha1::Target target;
  target.docker.emplace().container = "redis";
  request.target = engine.Resolve(target, "default")->at(0);
  request.identity_before = gated.Cached(request.target)->identity;
  request.deadline = clock_.Monotonic() + seconds(10);
  EXPECT_EQ(gated.Execute(request).code(), Code::kUnavailable);
  EXPECT_EQ(engine.Calls(backends::fake::Operation::kExecute), 0);
  ASSERT_TRUE(elector_.Acquire({}).ok());
  EXPECT_TRUE(gated.Execute(request).ok());
  EXPECT_EQ(engine.TotalExecutions(), 1);
}

TEST_F(GraphRunnerTest, AStartWithABadFileNamesTheLine) {
  files_.Set(kFile, ConfigFor("shop") + "probez: {}\n");
  const Status status = Runner().Start();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("salve.yaml:6"));
}

TEST_F(GraphRunnerTest, AChangedFileIsTakenOverWhileTheLeadIsKept) {
  ASSERT_TRUE(Runner().Start().ok());
  ASSERT_TRUE(Runs()) << runner_->Ready();
  LetItLook(3);
  EXPECT_EQ(Reloads("success"), 0);
  files_.Set(kFile, ConfigFor("bank"));
  ASSERT_TRUE(Eventually([&] { return Reloads("success") == 1; }));
  EXPECT_TRUE(Runs()) << runner_->Ready();
  EXPECT_EQ(Valid(), 1);
  EXPECT_EQ(elector_.acquired(), 1);
  EXPECT_EQ(elector_.released(), 0);
  runner_->Stop();
  EXPECT_EQ(elector_.released(), 1);
}

TEST_F(GraphRunnerTest, AHalfWrittenFileIsNotJudged) {
  ASSERT_TRUE(Runner().Start().ok());
  const std::string text = ConfigFor("bank");
  for (std::size_t length = 10; length < text.size(); length += 15) {
    const int before = files_.reads();
    files_.Set(kFile, text.substr(0, length));
    ASSERT_TRUE(Eventually([&] { return files_.reads() > before; }));
  }
  EXPECT_EQ(Reloads("failure"), 0);
  files_.Set(kFile, text);
  ASSERT_TRUE(Eventually([&] { return Reloads("success") == 1; }));
  EXPECT_EQ(Reloads("failure"), 0);
}

TEST_F(GraphRunnerTest, ABrokenFileIsReportedOnceAndTheOldOneStaysInForce) {
  ASSERT_TRUE(Runner().Start().ok());
  files_.Set(kFile, ConfigFor("bank") + "probez: {}\n");
  ASSERT_TRUE(Eventually([&] { return Reloads("failure") == 1; }));
  LetItLook(5);
  EXPECT_EQ(Reloads("failure"), 1);
  EXPECT_EQ(Valid(), 0);
  EXPECT_THAT(log(), HasSubstr("salve.yaml:6"));
  EXPECT_THAT(runner_->ConfigurationState(), HasSubstr("salve.yaml:6"));
  EXPECT_TRUE(Runs()) << runner_->Ready();

  files_.Set(kFile, ConfigFor("shop"));
  ASSERT_TRUE(Eventually([&] { return Valid() == 1; }));
  EXPECT_EQ(runner_->ConfigurationState(), "valid");
}

TEST_F(GraphRunnerTest, ABackendThatCannotBeBuiltIsABrokenFileToo) {
  ASSERT_TRUE(Runner().Start().ok());
  files_.Set(kFile,
             "apiVersion: config.salve.dev/v1alpha1\nkind: ControllerConfiguration\nbackends:\n"
             "- name: docker\n  docker: {host: 'tcp://engine:2376', tls: {caFile: /no/ca.pem}}\n");
  ASSERT_TRUE(Eventually([&] { return Reloads("failure") == 1; }));
  EXPECT_THAT(runner_->ConfigurationState(), HasSubstr("/no/ca.pem"));
  EXPECT_TRUE(Runs()) << runner_->Ready();
}

TEST_F(GraphRunnerTest, AFileThatIsGoneIsReportedAndWhatWasReadStaysInForce) {
  ASSERT_TRUE(Runner().Start().ok());
  files_.Remove(kFile);
  ASSERT_TRUE(Eventually([&] { return Reloads("failure") == 1; }));
  EXPECT_THAT(runner_->ConfigurationState(), HasSubstr(kFile));
  EXPECT_TRUE(Runs()) << runner_->Ready();
}

TEST_F(GraphRunnerTest, ASignalTakesTheFileOverEvenIfItsTextIsTheSame) {
  ASSERT_TRUE(Runner().Start().ok());
  runner_->Reload();
  ASSERT_TRUE(Eventually([&] { return Reloads("success") == 1; }));
  EXPECT_TRUE(Runs()) << runner_->Ready();
}

TEST_F(GraphRunnerTest, InTheBackgroundItStartsAsSoonAsWhatItNeedsIsThere) {
  std::atomic<bool> there{false};
  GraphRunnerOptions options;
  options.prerequisites = [&there] {
    return there ? Status::Ok() : UnavailableError("no kinds; kubectl apply -f crds/");
  };
  ASSERT_TRUE(Runner(std::move(options)).StartInBackground().ok());
  ASSERT_TRUE(Eventually([&] {
    return runner_->Ready().message().find("kubectl apply -f crds/") != std::string::npos;
  }));
  there = true;
  EXPECT_TRUE(Eventually([&] { return Runs(); }));
}

TEST_F(GraphRunnerTest, WhoStandsByIsReadyAndTakesOverWithTheConfigurationOfThatMoment) {
  elector_.LetLead(false);
  GraphRunnerOptions options;
  options.standing_by = [this] { return elector_.waiting(); };
  ASSERT_TRUE(Runner(std::move(options)).StartInBackground().ok());
  ASSERT_TRUE(Eventually([&] { return elector_.waiting() && Runs(); }));
  files_.Set(kFile, ConfigFor("bank"));
  elector_.LetLead(true);
  ASSERT_TRUE(Eventually([&] { return Reloads("success") == 1; }));
  ASSERT_TRUE(Eventually([&] { return elector_.IsLeader() && Runs(); }));
  EXPECT_EQ(elector_.acquired(), 1);
}

TEST_F(GraphRunnerTest, AStopEndsTheWaitForTheLead) {
  elector_.LetLead(false);
  ASSERT_TRUE(Runner().StartInBackground().ok());
  ASSERT_TRUE(Eventually([&] { return elector_.waiting(); }));
  runner_->Stop();
  EXPECT_EQ(elector_.acquired(), 0);
  EXPECT_FALSE(runner_->Ready().ok());
}

}  // namespace
}  // namespace salve::runtime
