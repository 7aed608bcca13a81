// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/digest.h"

#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "pkg/base/random.h"
#include "pkg/healing/test_support.h"

namespace salve::healing {
namespace {

// Everything that the digest is about, in one value.
struct Inputs {
  ActionPlan plan = testing::PlanOf(testing::Restart());
  TargetObservation observation = testing::RunningTarget();
  metav1::ObjectMeta policy = testing::MakePolicy().metadata;
  v1::Step step = testing::MakeStep("restart", testing::Restart());
  std::string incident_uid = "uid";
  std::int64_t ordinal = 1;

  Inputs() {
    plan.undo = testing::MoreMemory();
    plan.undo_command = "docker update";
  }
  std::string Digest() const {
    return ProposalDigest(plan, observation, policy, step, incident_uid, ordinal);
  }
};

struct Change {
  std::string what;
  std::function<void(Inputs&)> apply;
};
std::vector<Change> Changes() {
  return {
      {"the action's kind", [](Inputs& i) { i.plan.action = testing::Flush(); }},
      {"a parameter of the action",
       [](Inputs& i) { i.plan.action.restart->stop_timeout_seconds = 5; }},
      {"the command", [](Inputs& i) { i.plan.command += " --force"; }},
      {"what is affected", [](Inputs& i) { i.plan.affected.push_back("another"); }},
      {"the inverse", [](Inputs& i) { i.plan.undo->update_resources->memory_bytes = 101; }},
      {"whether there is an inverse", [](Inputs& i) { i.plan.undo.reset(); }},
      {"the inverse's command", [](Inputs& i) { i.plan.undo_command += "x"; }},
      {"the backend", [](Inputs& i) { i.plan.target.backend = "other"; }},
      {"the kind of target", [](Inputs& i) { i.plan.target.kind = "Pod"; }},
      {"the target", [](Inputs& i) { i.plan.target.name = "redis-prod"; }},
      {"the target's identity", [](Inputs& i) { i.observation.identity += "x"; }},
      {"the target's configuration", [](Inputs& i) { i.observation.configuration = "{}"; }},
      {"the policy's uid", [](Inputs& i) { i.policy.uid = "other"; }},
      {"the policy's generation", [](Inputs& i) { ++i.policy.generation; }},
      {"the step", [](Inputs& i) { i.step.name = "other"; }},
      {"the incident", [](Inputs& i) { i.incident_uid = "other"; }},
      {"which attempt it is", [](Inputs& i) { ++i.ordinal; }},
      {"a byte that is not UTF-8", [](Inputs& i) { i.plan.command += "\xff"; }},
  };
}

TEST(Digest, IsStableAnd64HexDigits) {
  const std::string digest = Inputs().Digest();
  EXPECT_EQ(digest.size(), 64u);
  EXPECT_EQ(digest.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(digest, Inputs().Digest());
}

TEST(Digest, ChangesWithEachOfItsInputs) {
  for (const Change& change : Changes()) {
    Inputs inputs;
    change.apply(inputs);
    EXPECT_NE(inputs.Digest(), Inputs().Digest()) << change.what;
  }
}

TEST(Digest, ChangesWithEveryCombinationOfItsInputs) {
  const std::vector<Change> changes = Changes();
  SeededRandom random(11);
  std::set<std::string> digests;
  std::set<std::uint64_t> combinations;
  for (int i = 0; i < 2000; ++i) {
    // Not both: the kind of action and its parameter; the inverse and its absence.
    const std::uint64_t bits = random.Next() & ((1u << changes.size()) - 1) & ~0x12ull;
    Inputs inputs;
    for (std::size_t k = 0; k < changes.size(); ++k) {
      if (bits >> k & 1) changes[k].apply(inputs);
    }
    combinations.insert(bits);
    digests.insert(inputs.Digest());
  }
  EXPECT_EQ(digests.size(), combinations.size());
}

TEST(Digest, TextCannotMoveFromOneFieldToTheNext) {
  Inputs a;
  a.plan.command = "ab";
  a.plan.undo_command = "c";
  Inputs b;
  b.plan.command = "a";
  b.plan.undo_command = "bc";
  EXPECT_NE(a.Digest(), b.Digest());
}

TEST(Digest, DoesNotDependOnWhatIsNeitherExecutedNorActedOn) {
  Inputs inputs;
  inputs.observation.message = "other words";
  inputs.observation.at = testing::After(60);
  inputs.plan.description = "other words";
  inputs.policy.resource_version = "77";
  EXPECT_EQ(inputs.Digest(), Inputs().Digest());
}

TEST(CanonicalAction, NamesOnlyWhatIsSet) {
  EXPECT_EQ(CanonicalAction(testing::Restart()), R"({"restart":{}})");
  EXPECT_EQ(CanonicalAction(testing::MoreMemory()), R"({"updateResources":{"memoryBytes":100}})");
}

}  // namespace
}  // namespace salve::healing
