// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/lease_elector.h"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/engine/testing/widget.h"
#include "pkg/engine/write_gate.h"

namespace salve::engine {
namespace {

using client::testing::Call;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Fault;
using ::testing::HasSubstr;

const ResourceInfo kLeases{"coordination.k8s.io", "v1", "leases", "Lease", true};
const NamespacedName kLease{"salve-system", "salve-controller"};

// Two processes, each with a clock and a way to the server of its own.
struct Process {
  Process(client::Client& server, const std::string& identity, std::uint64_t seed,
          LeaseElectorOptions options = {})
      : random(seed), client(server) {
    options.lease = kLease;
    options.identity = identity;
    elector = std::move(LeaseElector::Create(options, client, clock, random)).value();
    elector->OnLost([this] { ++lost; });
  }

  // Lets `time` pass, doing what is due on the way.
  void Run(Duration time) {
    const MonoTime end = clock.Monotonic() + time;
    for (;;) {
      if (next <= clock.Monotonic()) next = elector->Step();
      const MonoTime now = clock.Monotonic();
      if (next <= now) continue;
      if (next > end) {
        clock.Advance(end - now);
        return;
      }
      clock.Advance(next - now);
    }
  }

  SimulatedClock clock{WallTime(seconds(1'790'000'000))};
  SeededRandom random;
  testing::InterceptorClient client;
  std::unique_ptr<LeaseElector> elector;
  MonoTime next{};
  int lost = 0;
};

class LeaseElectorTest : public ::testing::Test {
 protected:
  // Time passes for both at the same speed, in small steps; at most one may lead at any moment.
  void RunBoth(Duration time, Duration step = milliseconds(100)) {
    for (Duration done{}; done < time; done += step) {
      a_.Run(step);
      b_.Run(step);
      ASSERT_FALSE(a_.elector->IsLeader() && b_.elector->IsLeader());
    }
  }
  std::string Holder() {
    const auto lease = server_.Get(kLeases, kLease);
    return lease.ok() ? (*lease)["spec"].value("holderIdentity", "") : "(none)";
  }
  static std::function<Fault(const Call&)> Refusing(const Status& status) {
    return [status](const Call&) { return Fault::Refuse(status); };
  }

  SimulatedClock server_clock_{WallTime(seconds(1'790'000'000))};
  client::testing::FakeClient server_{server_clock_};
  Process a_{server_, "a", 1};
  Process b_{server_, "b", 2};
};

TEST_F(LeaseElectorTest, TheFirstLeadsAndTheSecondStandsByAndKnowsWhoLeads) {
  RunBoth(seconds(60));
  EXPECT_TRUE(a_.elector->IsLeader());
  EXPECT_FALSE(b_.elector->IsLeader());
  EXPECT_EQ(b_.elector->Holder(), "a");
  EXPECT_EQ(b_.elector->Problem(), "");
  EXPECT_EQ(a_.lost + b_.lost, 0);
}

TEST_F(LeaseElectorTest, WhenTheLeaderDiesTheOtherTakesOverOnceTheDurationHasPassed) {
  RunBoth(seconds(5));
  ASSERT_TRUE(a_.elector->IsLeader());
  // a is killed: nobody steps it any more.
  b_.Run(seconds(12));
  EXPECT_FALSE(b_.elector->IsLeader());
  b_.Run(seconds(6));
  EXPECT_TRUE(b_.elector->IsLeader());
  EXPECT_EQ(Holder(), "b");
}

TEST_F(LeaseElectorTest, ALeaderThatCannotRenewStopsAtTheDeadlineBeforeAnybodyElseCanLead) {
  RunBoth(seconds(5));
  ASSERT_TRUE(a_.elector->IsLeader());
  a_.client.on_call = Refusing(UnavailableError("connection refused"));
  const MonoTime cut = a_.clock.Monotonic();
  MonoTime stopped = MonoTime::max();
  MonoTime taken = MonoTime::max();
  while (taken == MonoTime::max() && a_.clock.Monotonic() < cut + seconds(40)) {
    RunBoth(milliseconds(100));
    if (!a_.elector->IsLeader()) stopped = std::min(stopped, a_.clock.Monotonic());
    if (b_.elector->IsLeader()) taken = b_.clock.Monotonic();
  }
  EXPECT_LE(stopped - cut, seconds(10) + milliseconds(100));
  EXPECT_GE(taken - stopped, seconds(4));
  EXPECT_LE(taken - cut, seconds(18));
  EXPECT_EQ(a_.lost, 1);
  EXPECT_THAT(a_.elector->Problem(), HasSubstr("lost"));
}

TEST_F(LeaseElectorTest, TheDeadlineCountsFromTheFirstAttemptIfNoRenewalFollows) {
  a_.Run(milliseconds(10));
  ASSERT_TRUE(a_.elector->IsLeader());
  a_.client.on_call = Refusing(UnavailableError("connection refused"));
  a_.Run(milliseconds(9900));
  EXPECT_TRUE(a_.elector->IsLeader());
  a_.Run(milliseconds(200));
  EXPECT_FALSE(a_.elector->IsLeader());
  EXPECT_EQ(a_.lost, 1);
}

TEST_F(LeaseElectorTest, LeadershipThatWasLostDoesNotComeBack) {
  a_.Run(seconds(5));
  a_.client.on_call = Refusing(InternalError("500"));
  a_.Run(seconds(12));
  EXPECT_EQ(a_.lost, 1);
  a_.client.on_call = nullptr;
  a_.Run(seconds(60));
  EXPECT_FALSE(a_.elector->IsLeader());
  EXPECT_EQ(a_.lost, 1);
  EXPECT_EQ(a_.elector->Step(), MonoTime::max());
}

TEST_F(LeaseElectorTest, AFailureShorterThanTheDeadlineIsAProblemThatPasses) {
  a_.Run(seconds(5));
  a_.client.on_call = Refusing(PermissionDeniedError("leases is forbidden"));
  a_.Run(seconds(6));
  EXPECT_TRUE(a_.elector->IsLeader());
  EXPECT_THAT(a_.elector->Problem(), HasSubstr("forbidden"));
  a_.client.on_call = nullptr;
  a_.Run(seconds(20));
  EXPECT_TRUE(a_.elector->IsLeader());
  EXPECT_EQ(a_.elector->Problem(), "");
  EXPECT_EQ(a_.lost, 0);
}

TEST_F(LeaseElectorTest, AProcessThatWasStoppedAndGoesOnKnowsAtOnceThatItDoesNotLead) {
  RunBoth(seconds(5));
  b_.Run(seconds(20));  // SIGSTOP for a: its clock goes on, its threads do not.
  ASSERT_TRUE(b_.elector->IsLeader());
  a_.clock.Advance(seconds(20));
  EXPECT_FALSE(a_.elector->IsLeader());
  a_.Run(seconds(1));
  EXPECT_EQ(a_.lost, 1);
  EXPECT_EQ(Holder(), "b");
}

TEST_F(LeaseElectorTest, AClockThatIsSetGivesNobodyTheLeadAndTakesItFromNobody) {
  RunBoth(seconds(5));
  a_.clock.StepWall(-hours(24 * 365));
  b_.clock.StepWall(hours(24 * 365 * 20));
  RunBoth(seconds(30));
  b_.clock.StepWall(-hours(24 * 365 * 40));
  RunBoth(seconds(30));
  EXPECT_TRUE(a_.elector->IsLeader());
  EXPECT_EQ(a_.lost + b_.lost, 0);
}

TEST_F(LeaseElectorTest, ALostAnswerWhileTakingTheLeaseIsFoundOutByTheNextAttempt) {
  bool once = false;
  a_.client.on_call = [&](const Call& call) {
    return call.verb == "create" && !std::exchange(once, true) ? Fault::LoseResponse()
                                                               : Fault::None();
  };
  a_.Run(milliseconds(10));
  EXPECT_FALSE(a_.elector->IsLeader());
  a_.Run(seconds(3));
  EXPECT_TRUE(a_.elector->IsLeader());
}

TEST_F(LeaseElectorTest, RenewalsWhoseAnswersAreLostDoNotCountAndTheLeadEndsAtTheDeadline) {
  RunBoth(seconds(5));
  a_.client.on_call = [](const Call& call) {
    return call.verb == "update" ? Fault::LoseResponse() : Fault::None();
  };
  RunBoth(seconds(11));
  EXPECT_FALSE(a_.elector->IsLeader());
  EXPECT_EQ(a_.lost, 1);
}

TEST_F(LeaseElectorTest, AnAnswerThatComesAfterTheDeadlineDoesNotBringTheLeadBack) {
  a_.Run(seconds(5));
  a_.client.on_call = [&](const Call& call) {
    if (call.verb == "update") a_.clock.Advance(seconds(11));
    return Fault::None();
  };
  a_.Run(seconds(3));
  EXPECT_FALSE(a_.elector->IsLeader());
  EXPECT_EQ(a_.lost, 1);
}

TEST_F(LeaseElectorTest, AReleaseLetsTheNextOneLeadWithinOnePeriod) {
  RunBoth(seconds(5));
  a_.elector->Release();
  EXPECT_FALSE(a_.elector->IsLeader());
  EXPECT_EQ(Holder(), "");
  EXPECT_EQ(a_.lost, 0);
  b_.Run(seconds(3));
  EXPECT_TRUE(b_.elector->IsLeader());
}

TEST_F(LeaseElectorTest, AReleaseIsRepeatedAfterAConflictAndNeverTouchesSomebodyElsesLease) {
  a_.Run(seconds(5));
  int conflicts = 0;
  a_.client.on_call = [&](const Call& call) {
    if (call.verb != "update" || conflicts == 2) return Fault::None();
    ++conflicts;
    return Fault::Refuse(ConflictError("the object has been modified"));
  };
  a_.elector->Release();
  EXPECT_EQ(Holder(), "");
  EXPECT_EQ(conflicts, 2);

  b_.Run(seconds(3));
  Process c(server_, "c", 3);
  // An attempt without an answer: it cannot know that the lease is not its own.
  c.client.on_call = Refusing(AbortedError("connection lost"));
  c.Run(milliseconds(10));
  c.client.on_call = nullptr;
  c.elector->Release();
  EXPECT_EQ(Holder(), "b");
}

TEST_F(LeaseElectorTest, ACandidateWhoseAttemptHadNoAnswerEmptiesTheLeaseWhenItIsCancelled) {
  a_.client.on_call = [](const Call& call) {
    return call.verb == "create" ? Fault::LoseResponse() : Fault::None();
  };
  a_.Run(milliseconds(10));
  EXPECT_EQ(Holder(), "a");
  a_.elector->Release();
  EXPECT_EQ(Holder(), "");
}

TEST_F(LeaseElectorTest, ALeaseThatSomebodyRemovesIsMadeAgainByItsLeader) {
  a_.Run(seconds(5));
  ASSERT_TRUE(server_.Delete(kLeases, kLease).ok());
  a_.Run(seconds(5));
  EXPECT_TRUE(a_.elector->IsLeader());
  EXPECT_EQ(Holder(), "a");
  EXPECT_EQ(a_.lost, 0);
}

TEST_F(LeaseElectorTest, ALeaderThatFindsSomebodyElseInTheLeaseStopsAtOnce) {
  a_.Run(seconds(5));
  auto lease = server_.Get(kLeases, kLease);
  ASSERT_TRUE(lease.ok());
  (*lease)["spec"]["holderIdentity"] = "thief";
  ASSERT_TRUE(server_.Update(kLeases, *lease).ok());
  a_.Run(seconds(3));
  EXPECT_FALSE(a_.elector->IsLeader());
  EXPECT_EQ(a_.lost, 1);
  EXPECT_EQ(a_.elector->Holder(), "thief");
}

TEST_F(LeaseElectorTest, ACandidateOutlivesAnyErrorAndLeadsWhenTheServerIsBack) {
  a_.client.on_call = Refusing(NotFoundError("namespaces \"salve-system\" not found"));
  a_.Run(std::chrono::minutes(10));
  EXPECT_THAT(a_.elector->Problem(), HasSubstr("kubectl create namespace salve-system"));
  a_.client.on_call = nullptr;
  a_.Run(seconds(3));
  EXPECT_TRUE(a_.elector->IsLeader());
  EXPECT_EQ(a_.elector->Problem(), "");
}

TEST_F(LeaseElectorTest, WhateverFailsAtRandomThereAreNeverTwoLeaders) {
  int led = 0;
  int lost = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    client::testing::FakeClient server(server_clock_);
    SeededRandom dice(seed);
    Process x(server, "x", seed * 2);
    Process y(server, "y", seed * 2 + 1);
    for (Process* p : {&x, &y}) {
      p->client.on_call = [&dice](const Call&) {
        const double roll = dice.Fraction();
        if (roll < 0.3) return Fault::Refuse(UnavailableError("refused"));
        if (roll < 0.5) return Fault::LoseResponse();
        return Fault::None();
      };
    }
    for (int step = 0; step < 1200; ++step) {
      x.Run(milliseconds(100));
      y.Run(milliseconds(100));
      ASSERT_FALSE(x.elector->IsLeader() && y.elector->IsLeader()) << "seed " << seed;
      if (x.lost > 1 || y.lost > 1) FAIL() << "told twice, seed " << seed;
    }
    led += (x.elector->IsLeader() || x.lost > 0) + (y.elector->IsLeader() || y.lost > 0);
    lost += x.lost + y.lost;
  }
  EXPECT_GE(led, 20) << "else the test shows nothing";
  EXPECT_GE(lost, 5);
}

TEST_F(LeaseElectorTest, TimingsThatCannotBeSafeAreRefused) {
  const auto with = [this](Duration duration, Duration deadline, Duration period) {
    LeaseElectorOptions options;
    options.lease = kLease;
    options.identity = "a";
    options.lease_duration = duration;
    options.renew_deadline = deadline;
    options.retry_period = period;
    return LeaseElector::Create(options, server_, server_clock_, a_.random).status().code();
  };
  EXPECT_EQ(with(seconds(15), seconds(10), seconds(2)), Code::kOk);
  EXPECT_EQ(with(seconds(10), seconds(10), seconds(2)), Code::kInvalidArgument);
  EXPECT_EQ(with(seconds(15), milliseconds(2400), seconds(2)), Code::kInvalidArgument);
  EXPECT_EQ(with(seconds(15), seconds(10), Duration(0)), Code::kInvalidArgument);
  LeaseElectorOptions nobody;
  nobody.lease = kLease;
  EXPECT_EQ(LeaseElector::Create(nobody, server_, server_clock_, a_.random).status().code(),
            Code::kInvalidArgument);
}

TEST_F(LeaseElectorTest, AWriteOfAProcessThatDoesNotLeadIsNotSent) {
  WriteGate gate(a_.client, *a_.elector);
  const auto code = [&] {
    return gate.Create(testing::Widgets(), testing::MakeWidget("w"), {}).status().code();
  };
  EXPECT_EQ(code(), Code::kUnavailable);
  a_.Run(seconds(5));
  EXPECT_EQ(code(), Code::kOk);
  a_.clock.Advance(seconds(20));
  const auto writes = server_.writes();
  EXPECT_EQ(gate.Delete(testing::Widgets(), testing::Name("w"), {}).code(), Code::kUnavailable);
  EXPECT_EQ(gate.Patch(testing::Widgets(), testing::Name("w"), client::PatchType::kMerge,
                       {{"spec", {{"size", 2}}}}, {})
                .status()
                .code(),
            Code::kUnavailable);
  const auto read = gate.Get(testing::Widgets(), testing::Name("w"));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(gate.Update(testing::Widgets(), *read, {}).status().code(), Code::kUnavailable);
  EXPECT_EQ(server_.writes(), writes);
}

// With the threads that production uses; time is the test's.
class LeaseElectorThreadTest : public LeaseElectorTest {
 protected:
  // Moves a's clock from wait to wait until `done`.
  template <class Done>
  void Drive(const Done& done) {
    const auto give_up = std::chrono::steady_clock::now() + seconds(30);
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up);
      const MonoTime next = a_.clock.NextDeadline();
      if (next != MonoTime::max() && next > a_.clock.Monotonic()) {
        a_.clock.Advance(next - a_.clock.Monotonic());
      }
      std::this_thread::yield();
    }
  }
};

TEST_F(LeaseElectorThreadTest, TheLeadIsKeptAndGivenBack) {
  ASSERT_TRUE(a_.elector->Acquire({}).ok());
  for (int renewals = 1; renewals <= 3; ++renewals) {
    // Only when the renewing thread waits for its period may time pass.
    const MonoTime now = a_.clock.Monotonic();
    while (a_.clock.NextDeadline() > now + seconds(3)) std::this_thread::yield();
    const auto writes = server_.writes();
    a_.clock.Advance(a_.clock.NextDeadline() - now);
    while (server_.writes() == writes) std::this_thread::yield();
  }
  EXPECT_TRUE(a_.elector->IsLeader());
  a_.elector->Release();
  EXPECT_EQ(Holder(), "");
}

TEST_F(LeaseElectorThreadTest, ARenewalThatHangsDoesNotKeepOthersFromHearingThatTheLeadIsLost) {
  std::atomic<bool> hang{false};
  std::atomic<bool> lost{false};
  Mutex mu;
  CondVar changed;
  bool answer = false;
  a_.elector->OnLost([&] { lost = true; });
  a_.client.on_call = [&](const Call& call) {
    if (call.verb != "get" || !hang) return Fault::None();
    MutexLock lock(mu);
    while (!answer) changed.Wait(mu);
    return Fault::Refuse(DeadlineExceededError("no answer"));
  };
  ASSERT_TRUE(a_.elector->Acquire({}).ok());
  hang = true;
  Drive([&] { return lost.load(); });
  EXPECT_FALSE(a_.elector->IsLeader());
  {
    MutexLock lock(mu);
    answer = true;
    changed.NotifyAll();
  }
  a_.elector->Release();
}

TEST_F(LeaseElectorThreadTest, AStopEndsTheWaitOfACandidate) {
  ASSERT_TRUE(b_.elector->Acquire({}).ok());
  std::stop_source stop;
  std::thread stopper([&] {
    while (a_.elector->Holder() != "b") std::this_thread::yield();
    stop.request_stop();
  });
  EXPECT_EQ(a_.elector->Acquire(stop.get_token()).code(), Code::kCancelled);
  stopper.join();
  a_.elector->Release();
  EXPECT_EQ(Holder(), "b");
}

}  // namespace
}  // namespace salve::engine
