// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/lease.h"

#include <gtest/gtest.h>

#include "pkg/engine/testing/widget.h"

namespace salve::engine {
namespace {

using client::testing::Call;
using std::chrono::seconds;
using testing::Fault;
using testing::World;

const ResourceInfo kLeases{"coordination.k8s.io", "v1", "leases", "Lease", true};
const NamespacedName kTarget{"shop", "target-1"};

class LeaseTest : public ::testing::Test {
 protected:
  bool Get(TargetLeases& leases, const std::string& holder, Duration duration = seconds(30)) {
    const auto result = leases.Acquire(kTarget, holder, duration);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() && result->held;
  }
  std::string Holder() {
    const auto lease = world_.server.Get(kLeases, kTarget);
    return lease.ok() ? (*lease)["spec"].value("holderIdentity", "") : "(none)";
  }

  World world_;
  TargetLeases here_{world_.client, world_.clock};
  // Another process, with a clock of its own that tells quite another time.
  SimulatedClock other_clock_{WallTime(seconds(1'000'000'000))};
  TargetLeases there_{world_.client, other_clock_};
};

TEST_F(LeaseTest, TheFirstWhoAsksGetsItAndTheSecondLearnsWhoHasIt) {
  EXPECT_TRUE(Get(here_, "a"));
  const auto other = there_.Acquire(kTarget, "b", seconds(30));
  ASSERT_TRUE(other.ok());
  EXPECT_FALSE(other->held);
  EXPECT_EQ(other->holder, "a");
  EXPECT_EQ(other->until, other_clock_.Monotonic() + seconds(30));
}

TEST_F(LeaseTest, TheHolderProlongsItAndKeepsItForTheDurationFromBeforeTheRequest) {
  ASSERT_TRUE(Get(here_, "a"));
  world_.clock.Advance(seconds(20));
  const auto renewed = here_.Renew(kTarget, "a", seconds(30));
  ASSERT_TRUE(renewed.ok() && renewed->held);
  EXPECT_EQ(renewed->until, world_.clock.Monotonic() + seconds(30));
}

TEST_F(LeaseTest, SomebodyElsesLeaseIsFreeOneDurationAfterItWasFirstSeenByTheOwnClock) {
  ASSERT_TRUE(Get(here_, "a"));
  EXPECT_FALSE(Get(there_, "b"));
  other_clock_.Advance(seconds(29));
  EXPECT_FALSE(Get(there_, "b"));
  other_clock_.Advance(seconds(1));
  EXPECT_TRUE(Get(there_, "b"));
  EXPECT_EQ(Holder(), "b");
}

TEST_F(LeaseTest, NeitherAWrongWallClockNorTheLeasesOwnTimesFreeItSooner) {
  ASSERT_TRUE(Get(here_, "a"));
  other_clock_.StepWall(std::chrono::hours(24 * 365 * 20));
  EXPECT_FALSE(Get(there_, "b"));
  other_clock_.Advance(seconds(10));
  other_clock_.StepWall(-std::chrono::hours(24 * 365 * 20));
  EXPECT_FALSE(Get(there_, "b"));
}

TEST_F(LeaseTest, EachRenewalStartsTheWaitOfTheOthersAnew) {
  ASSERT_TRUE(Get(here_, "a"));
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(Get(there_, "b"));
    other_clock_.Advance(seconds(25));
    world_.clock.Advance(seconds(25));
    ASSERT_TRUE(Get(here_, "a"));
  }
  EXPECT_EQ(Holder(), "a");
}

TEST_F(LeaseTest, ARestartedHolderWithTheSameIdentityGoesOnAtOnce) {
  ASSERT_TRUE(Get(here_, "a"));
  TargetLeases restarted(world_.client, other_clock_);
  EXPECT_TRUE(Get(restarted, "a"));
}

TEST_F(LeaseTest, AReleasedLeaseIsFreeAtOnce) {
  ASSERT_TRUE(Get(here_, "a"));
  ASSERT_TRUE(here_.Release(kTarget, "a").ok());
  EXPECT_TRUE(Get(there_, "b"));
}

TEST_F(LeaseTest, NobodyReleasesSomebodyElsesLease) {
  ASSERT_TRUE(Get(here_, "a"));
  EXPECT_TRUE(there_.Release(kTarget, "b").ok());
  EXPECT_EQ(Holder(), "a");
  EXPECT_TRUE(here_.Release({"shop", "never-there"}, "a").ok());
}

TEST_F(LeaseTest, AReleaseThatComesLateDoesNotRemoveTheSuccessorsLease) {
  ASSERT_TRUE(Get(here_, "a"));
  EXPECT_FALSE(Get(there_, "b"));
  other_clock_.Advance(seconds(30));
  bool stolen = false;
  world_.client.on_call = [&](const Call& call) {
    if (call.verb == "delete" && !std::exchange(stolen, true)) {
      EXPECT_TRUE(Get(there_, "b"));
    }
    return Fault::None();
  };
  EXPECT_EQ(here_.Release(kTarget, "a").code(), Code::kConflict);
  EXPECT_EQ(Holder(), "b");
}

TEST_F(LeaseTest, RenewingALostLeaseDoesNotTakeItBack) {
  EXPECT_FALSE(here_.Renew(kTarget, "a", seconds(30))->held);
  ASSERT_TRUE(Get(here_, "a"));
  EXPECT_FALSE(Get(there_, "b"));
  other_clock_.Advance(seconds(30));
  ASSERT_TRUE(Get(there_, "b"));
  const auto renewed = here_.Renew(kTarget, "a", seconds(30));
  ASSERT_TRUE(renewed.ok());
  EXPECT_FALSE(renewed->held);
  EXPECT_EQ(renewed->holder, "b");
}

TEST_F(LeaseTest, OfTwoWhoTakeAFreeLeaseAtTheSameMomentOneGetsIt) {
  for (const bool exists : {false, true}) {
    if (exists) {
      ASSERT_TRUE(Get(here_, "old"));
      EXPECT_FALSE(Get(there_, "b"));
      EXPECT_FALSE(Get(here_, "a"));
      world_.clock.Advance(seconds(30));
      other_clock_.Advance(seconds(30));
    }
    bool raced = false;
    bool other_got_it = false;
    world_.client.on_call = [&](const Call& call) {
      if (call.verb != "get" && !std::exchange(raced, true)) other_got_it = Get(there_, "b");
      return Fault::None();
    };
    EXPECT_FALSE(Get(here_, "a")) << "lease existed: " << exists;
    EXPECT_TRUE(other_got_it);
    world_.client.on_call = nullptr;
    ASSERT_TRUE(there_.Release(kTarget, "b").ok());
  }
}

TEST_F(LeaseTest, AnAnswerLostWhileTakingItIsAnErrorAndTheNextAttemptFindsItHeld) {
  world_.client.on_call = [](const Call& call) {
    return call.verb == "create" ? Fault::LoseResponse() : Fault::None();
  };
  EXPECT_EQ(here_.Acquire(kTarget, "a", seconds(30)).code(), Code::kAborted);
  world_.client.on_call = nullptr;
  EXPECT_TRUE(Get(here_, "a"));
  EXPECT_EQ(world_.server.Objects(kLeases).size(), 1u);
}

TEST_F(LeaseTest, ALeaseWithNonsenseInItIsTakenAfterAtMostADay) {
  (void)world_.server.Create(
      kLeases, {{"metadata", {{"name", kTarget.name}, {"namespace", kTarget.ns}}},
                {"spec", {{"holderIdentity", "x"}, {"leaseDurationSeconds", 9'000'000'000'000}}}});
  EXPECT_FALSE(Get(here_, "a"));
  world_.clock.Advance(std::chrono::hours(24));
  EXPECT_TRUE(Get(here_, "a"));
}

TEST_F(LeaseTest, AnEmptyHolderOrATooShortDurationIsRefused) {
  EXPECT_EQ(here_.Acquire(kTarget, "", seconds(30)).code(), Code::kInvalidArgument);
  EXPECT_EQ(here_.Acquire(kTarget, "a", Duration(1)).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace salve::engine
