// SPDX-License-Identifier: Apache-2.0
// Deliveries through the whole edge, the graph's caches and an API server in memory.
#include "controller/runtime/alert_intake.h"

#include <atomic>
#include <fstream>
#include <thread>

#include "controller/runtime/graph_runner.h"
#include "controller/runtime/metrics.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/apis/codec.h"
#include "pkg/base/file_source.h"
#include "pkg/base/log.h"
#include "pkg/client/testing/fake_client.h"
#include "pkg/client/testing/interceptor_client.h"
#include "pkg/http/transports.h"

namespace salve::runtime {
namespace {

namespace v1 = apis::salve::v1alpha1;
using client::testing::Call;
using client::testing::Fault;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class Nobody final : public EdgeIdentities {
 public:
  std::optional<edge::Identity> Authenticate(std::string_view) override { return std::nullopt; }
  bool MayReadIncidents(const edge::Identity&, const std::string&) override { return false; }
  Status CreateApproval(const edge::Identity&, const client::Json&) override {
    return UnauthenticatedError("nobody");
  }
};

// Never leads: what stands by takes alerts in as well, and no reconcile is in the way.
class NeverLeads final : public engine::LeaderElector {
 public:
  Status Acquire(std::stop_token stop) override {
    const std::stop_callback wake(stop, [this] {
      MutexLock lock(mu_);
      changed_.NotifyAll();
    });
    MutexLock lock(mu_);
    while (!stop.stop_requested()) changed_.Wait(mu_);
    return CancelledError("asked to stop");
  }
  bool IsLeader() const override { return false; }
  void OnLost(std::function<void()>) override {}
  void Release() override {}

 private:
  Mutex mu_;
  CondVar changed_;
};

class AlertIntakeTest : public ::testing::Test {
 protected:
  AlertIntakeTest() {
    SetLogWriterForTest([](std::string_view) {});
    token_file_ = ::testing::TempDir() + "alert-intake-token";
    config_file_ = ::testing::TempDir() + "alert-intake.yaml";
    Write(token_file_, "first-token\n");
    Write(config_file_,
          "apiVersion: config.salve.dev/v1alpha1\nkind: ControllerConfiguration\n"
          "backends: [{name: docker, docker: {host: 'unix:///nowhere/docker.sock'}}]\n"
          "receivers:\n- {name: am, kind: alertmanager, authentication: {bearer: [{file: " +
              token_file_ +
              "}]}}\n- {name: shop, kind: alertmanager, authentication: {bearer: [{file: " +
              token_file_ + "}]}, allowedNamespaces: [shop]}\n" +
              "- {name: hub, kind: github, authentication: {bearer: [{file: " + token_file_ +
              "}]}}\n- {name: hub-shop, kind: github, authentication: {bearer: [{file: " +
              token_file_ + "}]}, allowedNamespaces: [shop]}\n" +
              "sinks: [{name: repo, github: {repository: Acme/shop, token: {env: T}, "
              "pullRequest: {}}}]\n");
    Create("redis", "default");
    GraphRunnerOptions options;
    options.input.client = &gated_;
    options.input.event_client = &server_;
    options.input.intake_client = &intake_;
    options.input.elector = &elector_;
    options.input.engine_metrics = &engine_metrics_;
    options.input.healing_metrics = &healing_metrics_;
    options.input.instance = "test";
    options.config_file = config_file_;
    options.standing_by = [] { return true; };
    gated_.on_call = [](const Call& call) {
      return call.verb == "update" ? Fault::Refuse(PermissionDeniedError("does not lead"))
                                   : Fault::None();
    };
    runner_ = std::make_unique<GraphRunner>(std::move(options), edge_, SystemFiles(), metrics_,
                                            SystemClock(), SystemRandom());
  }
  ~AlertIntakeTest() override {
    runner_.reset();
    SetLogWriterForTest(nullptr);
  }

  static void Write(const std::string& file, const std::string& text) {
    std::ofstream(file, std::ios::trunc) << text;
  }
  void Create(const std::string& name, const std::string& ns) {
    v1::HealingPolicy policy;
    policy.metadata.name = name;
    policy.metadata.ns = ns;
    policy.spec.target.docker.emplace().container = "redis";
    v1::PolicyTrigger& trigger = policy.spec.triggers.emplace_back();
    trigger.name = "down";
    trigger.alert.emplace().matchers = {"alertname=\"RedisDown\""};
    ASSERT_TRUE(server_.Create(v1::HealingPolicy::kInfo, apis::Encode(policy)).ok());
  }
  v1::HealingPolicy Policy(const std::string& name = "redis") {
    return *apis::Decode<v1::HealingPolicy>(
        *server_.Get(v1::HealingPolicy::kInfo, {"default", name}));
  }
  http::Response Post(const std::string& receiver, const std::string& instance) {
    http::Request request;
    request.method = "POST";
    request.target = "/api/v1/webhooks/" + receiver;
    request.headers = {{"Content-Type", "application/json"},
                       {"Authorization", "Bearer first-token"}};
    request.body = R"({"version":"4","alerts":[{"status":"firing","labels":{"alertname":)"
                   R"("RedisDown","instance":")" +
                   instance + R"("},"annotations":{},"startsAt":"2026-01-01T00:00:00Z"}]})";
    auto response = transport_->Send(request, {});
    EXPECT_TRUE(response.ok()) << response.status();
    return *std::move(response);
  }
  // What GitHub posts when somebody merges pull request 4 of that branch.
  http::Response PostMerged(const std::string& receiver, const std::string& branch) {
    http::Request request;
    request.method = "POST";
    request.target = "/api/v1/webhooks/" + receiver;
    request.headers = {{"Content-Type", "application/json"},
                       {"X-GitHub-Event", "pull_request"},
                       {"Authorization", "Bearer first-token"}};
    request.body = R"({"action":"closed","repository":{"full_name":"acme/Shop"},"pull_request":{)"
                   R"("number":4,"created_at":"2026-01-01T00:00:00Z","closed_at":)"
                   R"("2026-01-01T03:00:00Z","merged_at":"2026-01-01T03:00:00Z","head":{"ref":")" +
                   branch + R"("}}})";
    auto response = transport_->Send(request, {});
    EXPECT_TRUE(response.ok()) << response.status();
    return *std::move(response);
  }
  // An incident that tells of pull request 4.
  void CreateIncident(const std::string& name) {
    v1::Incident incident;
    incident.metadata.name = name;
    incident.metadata.ns = "default";
    v1::NotificationStatus& entry = incident.status.notifications.emplace_back();
    entry.sink = "repo";
    entry.state = "Sent";
    entry.at = "2026-01-01T00:00:00Z";
    entry.message = "pull request #4 made: https://github.com/acme/shop/pull/4";
    const client::Json json = apis::Encode(incident);
    ASSERT_TRUE(server_.Create(v1::Incident::kInfo, json).ok());
    client::WriteOptions options;
    options.subresource = "status";
    client::Json stored = *server_.Get(v1::Incident::kInfo, {"default", name});
    stored["status"] = json["status"];
    ASSERT_TRUE(server_.Update(v1::Incident::kInfo, stored, options).ok());
  }
  std::string NoteOn(const std::string& name) {
    return apis::Decode<v1::Incident>(*server_.Get(v1::Incident::kInfo, {"default", name}))
        ->status.notifications[0]
        .message;
  }

  // Until the caches are complete and the policy is known.
  void Start() {
    ASSERT_TRUE(runner_->StartInBackground().ok());
    const MonoTime give_up = SystemClock().Monotonic() + std::chrono::seconds(30);
    while (SystemClock().Monotonic() < give_up) {
      const auto response = Post("am", "warm");
      if (response.status == 202 && response.body.find("\"matched\":1") != std::string::npos)
        return;
      std::this_thread::yield();
    }
    FAIL() << "never took an alert in";
  }

  std::string token_file_;
  std::string config_file_;
  client::testing::FakeClient server_{SystemClock()};
  client::testing::InterceptorClient gated_{server_};
  client::testing::InterceptorClient intake_{server_};
  NeverLeads elector_;
  metrics::Registry metrics_;
  PrometheusEngineMetrics engine_metrics_{metrics_};
  PrometheusHealingMetrics healing_metrics_{metrics_};
  EdgeWiring edge_{std::make_shared<Nobody>(), SystemClock(), SystemRandom()};
  std::unique_ptr<http::Transport> transport_ =
      http::MakeInProcessTransport(edge_.handler(), http::Headers{}, SystemClock());
  std::unique_ptr<GraphRunner> runner_;
};

TEST_F(AlertIntakeTest, WhatWasAcceptedIsOnThePolicyAlsoWhereAnotherProcessLeads) {
  EXPECT_EQ(Post("am", "a").status, 503) << "before its caches are complete";
  Start();
  EXPECT_EQ(Post("am", "a").status, 202);
  const auto signals = Policy().status.signals;
  ASSERT_THAT(signals, SizeIs(2));
  EXPECT_EQ(signals[1].labels.at("instance"), "a");
  runner_->Stop();
  EXPECT_EQ(Post("am", "b").status, 503) << "after its end";
}

TEST_F(AlertIntakeTest, AWriteThatMeetsAnotherIsDecidedAnew) {
  Start();
  std::atomic<int> conflicts{2};
  intake_.on_call = [&](const Call& call) {
    if (call.verb == "update" && conflicts-- > 0) {
      // Somebody else wrote in between.
      v1::HealingPolicy current = Policy();
      current.status.health = std::to_string(conflicts);
      client::WriteOptions options;
      options.subresource = "status";
      EXPECT_TRUE(server_.Update(v1::HealingPolicy::kInfo, apis::Encode(current), options).ok());
    }
    return Fault::None();
  };
  EXPECT_EQ(Post("am", "a").status, 202);
  EXPECT_THAT(Policy().status.signals, SizeIs(2));
  EXPECT_EQ(Policy().status.health, "0") << "what the other one wrote is still there";
}

TEST_F(AlertIntakeTest, ALostAnswerIsSentAgainAndCountsOnce) {
  Start();
  std::atomic<bool> lose{true};
  intake_.on_call = [&](const Call& call) {
    return call.verb == "update" && lose.exchange(false) ? Fault::LoseResponse() : Fault::None();
  };
  EXPECT_EQ(Post("am", "a").status, 503);
  EXPECT_EQ(Post("am", "a").status, 202);
  const auto signals = Policy().status.signals;
  ASSERT_THAT(signals, SizeIs(2));
  EXPECT_EQ(signals[1].occurrences, 1);
}

TEST_F(AlertIntakeTest, WhatIsKnownIsNotWrittenAgain) {
  Start();
  Post("am", "a");
  std::atomic<int> writes{0};
  intake_.on_call = [&](const Call& call) {
    if (call.verb == "update") ++writes;
    return Fault::None();
  };
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Post("am", "a").status, 202);
  EXPECT_EQ(writes, 0);
}

TEST_F(AlertIntakeTest, AMergedPullRequestIsNotedOnItsIncidentAndCountedOnce) {
  CreateIncident("cart-1");
  CreateIncident("cart-2");
  Start();
  const std::string before = NoteOn("cart-1");
  EXPECT_EQ(PostMerged("hub-shop", "salve/cart-1-89abcdef").status, 202);
  EXPECT_EQ(PostMerged("hub", "salve/cart-3-89abcdef").status, 202);
  EXPECT_EQ(NoteOn("cart-1"), before) << "not open to that receiver, and not its branch";
  const auto response = PostMerged("hub", "salve/cart-1-89abcdef");
  EXPECT_EQ(response.status, 202);
  EXPECT_THAT(response.body, HasSubstr("\"followed\":1"));
  EXPECT_EQ(NoteOn("cart-1"),
            "pull request #4 made, merged at 2026-01-01T03:00:00Z, after 3h: "
            "https://github.com/acme/shop/pull/4");
  EXPECT_EQ(NoteOn("cart-2"), before);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(PostMerged("hub", "salve/cart-1-89abcdef").status, 202);
  }
  const std::string text = metrics_.Serialize();
  EXPECT_THAT(text, HasSubstr("salve_github_pull_requests_total{state=\"merged\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("salve_github_pull_request_merge_seconds_sum 10800\n"));
}

TEST_F(AlertIntakeTest, TheEndOfAPullRequestThatCannotBeStoredComesAgain) {
  CreateIncident("cart-1");
  Start();
  std::atomic<bool> lose{true};
  intake_.on_call = [&](const Call& call) {
    return call.verb == "update" && lose.exchange(false) ? Fault::LoseResponse() : Fault::None();
  };
  EXPECT_EQ(PostMerged("hub", "salve/cart-1-89abcdef").status, 503);
  EXPECT_EQ(PostMerged("hub", "salve/cart-1-89abcdef").status, 202);
  EXPECT_THAT(NoteOn("cart-1"), HasSubstr(", merged at 2026-01-01T03:00:00Z"));
}

TEST_F(AlertIntakeTest, AReceiverReachesOnlyTheNamespacesThatItIsOpenTo) {
  Start();
  const auto response = Post("shop", "a");
  EXPECT_THAT(response.body, HasSubstr("\"unmatched\":1"));
  EXPECT_THAT(Policy().status.signals, SizeIs(1));
}

TEST_F(AlertIntakeTest, ASecretThatIsReplacedCountsAtOnce) {
  Start();
  Write(token_file_, "second-token\n");
  EXPECT_EQ(Post("am", "a").status, 403);
  Write(token_file_, "first-token\n");
  EXPECT_EQ(Post("am", "a").status, 202);
}

}  // namespace
}  // namespace salve::runtime
