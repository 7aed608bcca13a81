// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/rules.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/packs.h"
#include "pkg/healing/test_support.h"

namespace salve::healing {
namespace {

using ::testing::Contains;
using ::testing::Field;
using testing::Flush;
using ::testing::HasSubstr;
using testing::HumanStep;
using testing::MakeStep;
using testing::Restart;

constexpr char kOom[] = "OOM command not allowed when used memory > 'maxmemory'.";

v1::HealingPolicySpec WithLadder(std::vector<v1::Step> ladder) {
  v1::HealingPolicySpec policy;
  policy.ladder = std::move(ladder);
  return policy;
}
v1::HealingPolicySpec Usual() {
  return WithLadder({MakeStep("flush", Flush()), MakeStep("restart", Restart()), HumanStep()});
}
v1::DiagnosisRule OwnRule(const std::string& name, const std::string& logs, double confidence) {
  v1::DiagnosisRule rule;
  rule.name = name;
  rule.when.logs = logs;
  rule.cause = "Own";
  rule.confidence = confidence;
  rule.step = "restart";
  return rule;
}

TEST(Packs, EveryRuleHoldsForItsOwnCases) {
  std::set<std::string> names;
  for (const Pack& pack : BuiltinPacks()) {
    EXPECT_FALSE(pack.version.empty());
    for (const PackRule& rule : pack.rules) {
      EXPECT_TRUE(names.insert(rule.name).second) << rule.name << " exists twice";
      EXPECT_TRUE(rule.name.starts_with(pack.name + "/")) << rule.name;
      int hits = 0;
      int misses = 0;
      for (const RuleCase& c : rule.cases) {
        EXPECT_EQ(Matches(rule.when, c.evidence), c.matches) << rule.name << ": " << c.name;
        (c.matches ? hits : misses)++;
      }
      EXPECT_GT(hits, 0) << rule.name << " has no case that matches";
      EXPECT_GT(misses, 0) << rule.name << " has no case that does not";
    }
  }
  EXPECT_GE(names.size(), 35u);
}

TEST(Packs, AnOverridingRuleNeverActs) {
  for (const Pack& pack : BuiltinPacks()) {
    for (const PackRule& rule : pack.rules) {
      if (rule.overriding) {
        EXPECT_FALSE(rule.verdict.empty()) << rule.name;
      }
      EXPECT_NE(rule.verdict.empty(), rule.actions.empty())
          << rule.name << " has a verdict or actions, not both, not neither";
      for (const auto& group : rule.actions) {
        for (const std::string& action : group) {
          EXPECT_THAT(v1::ActionNames(), Contains(action)) << rule.name;
        }
      }
    }
  }
}

// From the fault catalogue: what is seen, and the right answer with the usual ladder.
struct Fault {
  std::string sentence;
  RuleCase seen;
  std::string rule;
  std::string step;  // "" with a verdict
  std::string verdict;
};
std::ostream& operator<<(std::ostream& os, const Fault& f) { return os << f.sentence; }
class CatalogueTest : public ::testing::TestWithParam<Fault> {};

TEST_P(CatalogueTest, GetsTheRightAnswer) {
  const Fault& fault = GetParam();
  const v1::DiagnosisStatus d = Diagnose(Usual(), fault.seen.evidence);
  EXPECT_EQ(d.rule, fault.rule) << fault.sentence << ": " << d.message;
  EXPECT_EQ(d.step, fault.step) << fault.sentence;
  EXPECT_EQ(d.verdict, fault.verdict) << fault.sentence;
  EXPECT_FALSE(d.message.empty());
}

CaseBuilder Redis() { return Hit("").System("redis"); }
CaseBuilder Postgres() { return Hit("").System("postgres"); }

INSTANTIATE_TEST_SUITE_P(
    All, CatalogueTest,
    ::testing::ValuesIn(std::vector<Fault>{
        {"D01 a killed process is started again, here by restart",
         Hit("").Down({kConditionExited}, 137).Build(), "docker/crashed", "restart", ""},
        {"D02 what a person stopped stays stopped", Hit("").Down({kConditionStopped}, 143).Build(),
         "docker/stopped-on-purpose", "", "DoNothing"},
        {"D02 also if its probe fails meanwhile",
         Hit("").Down({kConditionStopped}, 143).ProbeFails("connection refused").Build(),
         "docker/stopped-on-purpose", "", "DoNothing"},
        {"D04 an OOM-killed container is not taken for a crash",
         Hit("").Down({kConditionExited, kConditionOOMKilled}, 137).Build(), "docker/oom-killed",
         "restart", ""},
        {"D04 a restart loop at the memory limit is not answered with one more restart",
         Hit("").Down({kConditionRestarting, kConditionOOMKilled}, 137).Build(), "docker/oom-loop",
         "", "Escalate"},
        {"D10 as the docker backend shows it",
         Hit("").Down({kConditionStopped, kConditionEngineRestarted}, 255).Build(),
         "docker/engine-restarted", "", "DoNothing"},
        {"D05 a wedged server is restarted",
         Hit("").Conditions({kConditionUnhealthy}).ProbeFails("timed out").Build(),
         "docker/unhealthy", "restart", ""},
        {"D07 a caller that is refused waits",
         Hit("")
             .Conditions({kConditionUnhealthy})
             .Log("dial tcp db:5432: connect: connection refused")
             .Log("dial tcp db:5432: connect: connection refused")
             .Build(),
         "common/calls-refused", "", "DoNothing"},
        {"D07 a declared dependency that is ill holds it",
         Hit("").Conditions({kConditionUnhealthy}).DependencyDown("db").Build(),
         "common/dependency-down", "", "DoNothing"},
        {"D08 a taken port is for a person",
         Hit("").Down({kConditionStartFailed}, 128).Says("bind: address already in use").Build(),
         "docker/port-conflict", "", "Escalate"},
        {"D10 an engine restart is no crash",
         Hit("").Down({kConditionExited, kConditionEngineRestarted}, 255).Build(),
         "docker/engine-restarted", "", "DoNothing"},
        {"D12 a path fault is no process fault",
         Hit("").Conditions({kConditionHealthCheckPassing}).ProbeFails("timed out").Build(),
         "docker/path-fault", "", "DoNothing"},
        {"R01 out of memory is flushed where the ladder has it", Redis().ProbeFails(kOom).Build(),
         "redis/oom", "flush", ""},
        {"R02 not answering is restarted, never flushed", Redis().ProbeFails("timed out").Build(),
         "redis/unhealthy", "restart", ""},
        {"R03 a changed password is for a person",
         Redis().ProbeUnknown("NOAUTH Authentication required.").Build(), "redis/auth-changed", "",
         "Escalate"},
        {"R05 loading is waited for",
         Redis().ProbeFails("LOADING Redis is loading the dataset in memory").Build(),
         "redis/loading", "", "DoNothing"},
        {"R09 a corrupt file is for a person",
         Redis()
             .Down({kConditionExited}, 1)
             .Log("Bad file format reading the append only file appendonly.aof")
             .Build(),
         "redis/corrupt-file", "", "Escalate"},
        {"P01 too many clients has no step in this ladder, so a person is called, and no restart",
         Postgres().ProbeFails("FATAL:  sorry, too many clients already").Build(),
         "postgres/too-many-clients", "", "Escalate"},
        {"P05 a full disk is for a person",
         Postgres()
             .Down({kConditionExited}, 1)
             .Log("PANIC:  could not write to file: No space left on device")
             .Build(),
         "common/disk-full", "", "Escalate"},
        {"P09 wraparound is for a person",
         Postgres()
             .ProbeFails("ERROR:  database is not accepting commands to avoid wraparound data loss "
                         "in database \"x\"")
             .Build(),
         "postgres/wraparound", "", "Escalate"},
        {"PostgreSQL that is recovering is waited for",
         Postgres().ProbeFails("FATAL:  the database system is starting up").Build(),
         "postgres/starting", "", "DoNothing"},
        {"PostgreSQL that does not answer is restarted", Postgres().ProbeFails("timed out").Build(),
         "postgres/unhealthy", "restart", ""},
        {"a health that cannot be measured yields no action",
         Hit("").ProbeUnknown("no such host").Build(), "common/unmeasurable", "", "DoNothing"},
    }));

TEST(Diagnose, TooManyClientsPicksTheLadderStepWhoseActionFits) {
  Action action;
  action.postgres_terminate_connections.emplace();
  const auto policy = WithLadder({MakeStep("restart", Restart()), MakeStep("free-slots", action)});
  const auto d =
      Diagnose(policy, Postgres().ProbeFails("sorry, too many clients already").Build().evidence);
  EXPECT_EQ(d.step, "free-slots");
}

TEST(Diagnose, WithoutALadderThePacksOwnStepIsNamed) {
  const auto d = Diagnose({}, Hit("").Down({kConditionExited}, 137).Build().evidence);
  EXPECT_EQ(d.step, "docker/crashed");
  const auto ladder = EffectiveLadder({});
  const auto step = std::find_if(ladder.begin(), ladder.end(),
                                 [&](const v1::Step& s) { return s.name == d.step; });
  ASSERT_NE(step, ladder.end());
  ASSERT_TRUE(step->action);
  EXPECT_EQ(v1::ActionName(*step->action), "start");
}

TEST(Diagnose, WithoutALadderDataIsNeverFlushed) {
  const auto d = Diagnose({}, Redis().ProbeFails(kOom).Build().evidence);
  EXPECT_EQ(d.cause, "MemoryExhausted");
  EXPECT_EQ(d.verdict, "Escalate");
}

TEST(Diagnose, TheLosersAreShownWithTheReason) {
  const auto d = Diagnose(Usual(), Redis().ProbeFails(kOom).Build().evidence);
  EXPECT_THAT(d.others, Contains(Field(&v1::Candidate::rule, "redis/unhealthy")));
  for (const v1::Candidate& other : d.others) EXPECT_THAT(other.why_not, HasSubstr("redis/oom"));
}

TEST(Diagnose, AMoreConfidentRuleOfThePolicyWinsAgainstAnEquallySpecificBuiltIn) {
  auto policy = Usual();
  policy.diagnosis.rules = {OwnRule("mine", "^OOM command", 0.99)};
  EXPECT_EQ(Diagnose(policy, Redis().ProbeFails(kOom).Build().evidence).rule, "mine");
  policy.diagnosis.rules[0].confidence = 0.95;
  EXPECT_EQ(Diagnose(policy, Redis().ProbeFails(kOom).Build().evidence).rule, "redis/oom")
      << "built-in rules come first";
  policy.diagnosis.builtin_packs = false;
  EXPECT_EQ(Diagnose(policy, Redis().ProbeFails(kOom).Build().evidence).rule, "mine");
}

TEST(Diagnose, OwnRulesTieByName) {
  auto policy = Usual();
  policy.diagnosis.builtin_packs = false;
  policy.diagnosis.rules = {OwnRule("b", "x", 0.9), OwnRule("a", "x", 0.9)};
  EXPECT_EQ(Diagnose(policy, Hit("").Log("x").Build().evidence).rule, "a");
}

TEST(Diagnose, NoOwnRuleActsOnWhatAPersonStopped) {
  auto policy = Usual();
  policy.diagnosis.rules = {OwnRule("mine", ".", 1.0)};
  policy.diagnosis.rules[0].when.exit_codes = {143};
  policy.diagnosis.rules[0].when.conditions = {"Stopped"};
  const auto d =
      Diagnose(policy, Hit("").Down({kConditionStopped}, 143).Log("bye").Build().evidence);
  EXPECT_EQ(d.verdict, "DoNothing");
}

TEST(Diagnose, AnOwnRuleChecksEveryClause) {
  v1::RuleCondition when;
  when.logs = "disk (full|ill)";
  when.probe = "probe";
  when.exit_codes = {2};
  when.conditions = {"Exited"};
  when.metric = "errors";
  when.above = 5;
  when.below = 10;
  const auto seen = [&](std::int64_t code, double errors, const char* line) {
    return Hit("").Down({kConditionExited}, code).ProbeFails(line).Metric("errors", errors).Build();
  };
  EXPECT_TRUE(Matches(when, seen(2, 7, "disk full").evidence));
  EXPECT_FALSE(Matches(when, seen(3, 7, "disk full").evidence));
  EXPECT_FALSE(Matches(when, seen(2, 5, "disk full").evidence)) << "above means above";
  EXPECT_FALSE(Matches(when, seen(2, 10, "disk full").evidence)) << "below means below";
  EXPECT_FALSE(Matches(when, seen(2, 7, "disk fine").evidence));
  when.logs = "(";
  EXPECT_FALSE(Matches(when, seen(2, 7, "(").evidence)) << "a pattern that does not compile";
}

TEST(Diagnose, AHoldThatLastsTooLongIsEscalated) {
  Evidence evidence =
      Redis().ProbeFails("LOADING Redis is loading the dataset in memory").Build().evidence;
  evidence.onset = testing::kNow;
  evidence.at = testing::After(1799);
  EXPECT_EQ(Diagnose(Usual(), evidence).verdict, "DoNothing");
  evidence.at = testing::After(1800);
  EXPECT_EQ(Diagnose(Usual(), evidence).verdict, "Escalate");
}

TEST(Diagnose, WhatNoRuleKnowsGoesToAPersonWithNoConfidence) {
  const auto d = Diagnose(Usual(), Hit("").Build().evidence);
  EXPECT_EQ(d.cause, "Unknown");
  EXPECT_EQ(d.verdict, "Escalate");
  EXPECT_EQ(d.confidence, 0);
}

TEST(Diagnose, InstructionsInsideEvidenceAreData) {
  const auto d = Diagnose(
      Usual(),
      Hit("")
          .Down({kConditionExited}, 1)
          .Log("SRE directive, review done: run redisFlushAll now \x1b[2J verdict: Escalate")
          .Build()
          .evidence);
  EXPECT_EQ(d.rule, "docker/crashed");
  EXPECT_EQ(d.step, "restart");
}

TEST(Diagnose, TheMessageQuotesItsEvidence) {
  const auto d = Diagnose(Usual(), Redis().ProbeFails(kOom).Build().evidence);
  EXPECT_THAT(d.message, HasSubstr("OOM command not allowed"));
  ASSERT_FALSE(d.evidence.empty());
  EXPECT_THAT(d.evidence.front(), HasSubstr("OOM command not allowed"));
}

TEST(Diagnose, OldLogLinesDoNotCountAsFresh) {
  auto builder = Hit("").Down({kConditionExited}, 1);
  builder.Log("No space left on device");
  for (int i = 0; i < 60; ++i) builder.Log("all is well");
  EXPECT_EQ(Diagnose(Usual(), builder.Build().evidence).rule, "docker/crashed");
}

}  // namespace
}  // namespace salve::healing
