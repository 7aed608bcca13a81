// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/aws/credential_source.h"
#include "pkg/base/time_format.h"

namespace salve::aws {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;

using Script = std::function<StatusOr<Credentials>(int call)>;

class ScriptedSource final : public CredentialSource {
 public:
  ScriptedSource(Script script, std::atomic<int>& calls)
      : script_(std::move(script)), calls_(calls) {}
  std::string name() const override { return "scripted"; }
  StatusOr<Credentials> Fetch(const WaitOptions& /*wait*/) override { return script_(++calls_); }

 private:
  const Script script_;
  std::atomic<int>& calls_;
};

class RefreshingProviderTest : public ::testing::Test {
 protected:
  std::unique_ptr<CredentialsProvider> Provider(Script script) {
    return MakeRefreshingProvider(std::make_unique<ScriptedSource>(std::move(script), calls_),
                                  clock_);
  }
  // Credentials named after the call, good for an hour from now.
  Script Hourly() {
    return [this](int call) { return StatusOr<Credentials>(Session(call, minutes(60))); };
  }
  Credentials Session(int call, Duration life) const {
    return {"KEY" + std::to_string(call), "secret", "token", clock_.Now() + life};
  }
  static std::string KeyOf(CredentialsProvider& provider) {
    const auto got = provider.Get({});
    return got.ok() ? got->access_key_id : got.status().ToString();
  }

  SimulatedClock clock_{*ParseTime("2026-01-02T03:04:05Z")};
  std::atomic<int> calls_{0};
};

TEST_F(RefreshingProviderTest, KeepsWhatItHasUntilAQuarterOfAnHourBeforeTheExpiry) {
  const auto provider = Provider(Hourly());
  EXPECT_EQ(KeyOf(*provider), "KEY1");
  clock_.Advance(minutes(44));
  EXPECT_EQ(KeyOf(*provider), "KEY1");
  clock_.Advance(minutes(1));
  EXPECT_EQ(KeyOf(*provider), "KEY2");
  EXPECT_EQ(calls_, 2);
}

TEST_F(RefreshingProviderTest, AFailedRenewalIsTriedOnceAMinuteAndTheOldOnesServeUntilTheyExpire) {
  const auto provider = Provider([this](int call) -> StatusOr<Credentials> {
    if (call == 1) return Session(call, minutes(60));
    return UnavailableError("the agent is out");
  });
  EXPECT_EQ(KeyOf(*provider), "KEY1");
  clock_.Advance(minutes(46));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(KeyOf(*provider), "KEY1");
  EXPECT_EQ(calls_, 2);
  clock_.Advance(minutes(1));
  EXPECT_EQ(KeyOf(*provider), "KEY1");
  EXPECT_EQ(calls_, 3);
  clock_.Advance(minutes(12));  // 59: inside the window in which a fetch is waited for
  EXPECT_EQ(KeyOf(*provider), "KEY1");
  clock_.Advance(minutes(1));
  const auto expired = provider->Get({});
  EXPECT_EQ(expired.code(), Code::kUnavailable);
  EXPECT_THAT(expired.status().message(), HasSubstr("the agent is out"));
}

TEST_F(RefreshingProviderTest, AFirstFailureStandsForFiveSeconds) {
  const auto provider = Provider([this](int call) -> StatusOr<Credentials> {
    if (call == 1) return NotConfigured("nothing here");
    return Session(call, minutes(60));
  });
  EXPECT_EQ(provider->Get({}).code(), Code::kNotFound);
  EXPECT_EQ(provider->Get({}).code(), Code::kNotFound);
  EXPECT_EQ(calls_, 1);
  clock_.Advance(seconds(5));
  EXPECT_EQ(KeyOf(*provider), "KEY2");
}

TEST_F(RefreshingProviderTest, KeysWithoutAnExpiryAreReadAgainEveryMinute) {
  const auto provider = Provider([](int call) -> StatusOr<Credentials> {
    if (call == 2) return InvalidArgumentError("line 1 of credentials is half");
    return Credentials{"KEY" + std::to_string(call), "secret", "", std::nullopt};
  });
  EXPECT_EQ(KeyOf(*provider), "KEY1");
  clock_.Advance(seconds(59));
  EXPECT_EQ(KeyOf(*provider), "KEY1");
  clock_.Advance(seconds(1));
  EXPECT_EQ(KeyOf(*provider), "KEY1") << "a file that is being written is no reason to stop";
  clock_.Advance(minutes(1));
  EXPECT_EQ(KeyOf(*provider), "KEY3");
}

TEST_F(RefreshingProviderTest, RefusedCredentialsAreFetchedAtOnceUnlessTheyAreNew) {
  const auto provider = Provider(Hourly());
  const Credentials first = *provider->Get({});
  provider->Reject(first);
  EXPECT_EQ(KeyOf(*provider), "KEY1") << "a service that refuses everything causes no fetches";
  clock_.Advance(seconds(31));
  provider->Reject(first);
  EXPECT_EQ(KeyOf(*provider), "KEY2");
  clock_.Advance(seconds(31));
  provider->Reject(first);
  EXPECT_EQ(KeyOf(*provider), "KEY2") << "only those that are in use can be refused";
}

TEST_F(RefreshingProviderTest, CredentialsThatAreExpiredAlreadyAreAnErrorAboutTheClock) {
  const auto provider =
      Provider([this](int call) { return StatusOr<Credentials>(Session(call, -minutes(1))); });
  const auto got = provider->Get({});
  EXPECT_EQ(got.code(), Code::kUnauthenticated);
  EXPECT_THAT(got.status().message(), HasSubstr("is this machine's clock right?"));
}

TEST_F(RefreshingProviderTest, ShortSessionsDoNotCauseAFetchForEveryCall) {
  const auto provider =
      Provider([this](int call) { return StatusOr<Credentials>(Session(call, minutes(4))); });
  for (int i = 0; i < 10; ++i) EXPECT_EQ(KeyOf(*provider), "KEY1");
  clock_.Advance(seconds(61));
  EXPECT_EQ(KeyOf(*provider), "KEY2");
}

TEST_F(RefreshingProviderTest, ARenewalLeavesTheCallerHalfOfItsTime) {
  class SlowSource final : public CredentialSource {
   public:
    explicit SlowSource(SimulatedClock& clock) : clock_(clock) {}
    std::string name() const override { return "slow"; }
    StatusOr<Credentials> Fetch(const WaitOptions& wait) override {
      if (!first_) {
        clock_.Advance(wait.deadline - clock_.Monotonic());
        return DeadlineExceededError("no answer in time");
      }
      first_ = false;
      return Credentials{"KEY1", "secret", "token", clock_.Now() + minutes(60)};
    }

   private:
    SimulatedClock& clock_;
    bool first_ = true;
  };
  const auto provider = MakeRefreshingProvider(std::make_unique<SlowSource>(clock_), clock_);
  ASSERT_EQ(KeyOf(*provider), "KEY1");
  clock_.Advance(minutes(50));
  const MonoTime start = clock_.Monotonic();
  WaitOptions wait;
  wait.deadline = start + seconds(6);
  EXPECT_TRUE(provider->Get(wait).ok());
  EXPECT_EQ(clock_.Monotonic() - start, seconds(3));
  EXPECT_TRUE(provider->Get(wait).ok());
  EXPECT_EQ(clock_.Monotonic() - start, seconds(3)) << "a failed renewal rests for a minute";
}

// A source that blocks until the test lets it go.
class Gate {
 public:
  void Wait() {
    MutexLock lock(mu_);
    ++waiting_;
    changed_.NotifyAll();
    while (!open_) changed_.Wait(mu_);
  }
  void AwaitWaiter() {
    MutexLock lock(mu_);
    while (waiting_ == 0) changed_.Wait(mu_);
  }
  void Open() {
    MutexLock lock(mu_);
    open_ = true;
    changed_.NotifyAll();
  }

 private:
  Mutex mu_;
  CondVar changed_;
  int waiting_ SALVE_GUARDED_BY(mu_) = 0;
  bool open_ SALVE_GUARDED_BY(mu_) = false;
};

TEST_F(RefreshingProviderTest, ManyCallersShareOneFetch) {
  Gate gate;
  const auto provider = Provider([&](int call) {
    gate.Wait();
    return StatusOr<Credentials>(Session(call, minutes(60)));
  });
  std::vector<std::thread> callers;
  std::atomic<int> right{0};
  for (int i = 0; i < 16; ++i) {
    callers.emplace_back([&] { right += KeyOf(*provider) == "KEY1" ? 1 : 0; });
  }
  gate.AwaitWaiter();
  gate.Open();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(right, 16);
  EXPECT_EQ(calls_, 1);
}

TEST_F(RefreshingProviderTest, WhileOneRenewsEarlyTheOthersGoOnWithTheOldOnes) {
  Gate gate;
  const auto provider = Provider([&](int call) {
    if (call > 1) gate.Wait();
    return StatusOr<Credentials>(Session(call, minutes(60)));
  });
  EXPECT_EQ(KeyOf(*provider), "KEY1");
  clock_.Advance(minutes(46));
  std::thread renewing([&] { EXPECT_EQ(KeyOf(*provider), "KEY2"); });
  gate.AwaitWaiter();
  EXPECT_EQ(KeyOf(*provider), "KEY1");
  gate.Open();
  renewing.join();
  EXPECT_EQ(KeyOf(*provider), "KEY2");
}

TEST_F(RefreshingProviderTest, AStopEndsTheWaitForAnothersFetch) {
  Gate gate;
  const auto provider = Provider([&](int call) {
    gate.Wait();
    return StatusOr<Credentials>(Session(call, minutes(60)));
  });
  std::thread fetching([&] { EXPECT_EQ(KeyOf(*provider), "KEY1"); });
  gate.AwaitWaiter();
  std::stop_source stop;
  Status stopped;
  std::thread waiting([&] {
    WaitOptions wait;
    wait.stop = stop.get_token();
    stopped = provider->Get(wait).status();
  });
  stop.request_stop();
  waiting.join();
  EXPECT_EQ(stopped.code(), Code::kCancelled);
  gate.Open();
  fetching.join();
}

}  // namespace
}  // namespace salve::aws
