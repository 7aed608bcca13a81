// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_LIFE_TESTING_H_
#define SALVE_PKG_HEALING_LIFE_TESTING_H_

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "pkg/healing/machine.h"
#include "pkg/healing/test_support.h"

namespace salve::healing::testing {

// An incident with policy, at a chosen point of its life.
struct Life {
  Situation situation;
  v1::Incident& incident = situation.incident;
  v1::IncidentStatus& status = situation.incident.status;
  IncidentView view;

  Life() {
    view.incident = &incident;
    view.policy = &situation.policy;
    view.now = kNow;
    situation.Gates();
    view.limits = &situation.limits;
  }
  Life& Begun() {
    ApplyBegin(incident, status, kNow);
    return *this;
  }
  Life& Seen(HealthState state = HealthState::kUnhealthy, int health = 10) {
    view.health = HealthOf(state, health);
    return *this;
  }
  Life& Diagnosed(const std::string& step = "restart", const std::string& verdict = "",
                  const std::string& rule = "redis/unhealthy") {
    v1::DiagnosisStatus d;
    d.rule = rule;
    d.cause = "Unresponsive";
    d.object = "redis-test";
    d.confidence = 0.9;
    d.step = step;
    d.verdict = verdict;
    d.message = "it does not answer";
    ApplyDiagnosis(status, d, view.now);
    view.diagnosed = true;
    return *this;
  }
  Life& Proposed(std::int64_t approvals = 0, const std::string& digest = std::string(64, 'a')) {
    ProposalInput input;
    input.step = FindStep(situation.policy.spec.ladder, "restart");
    input.plan = &situation.plan;
    input.risk.level = v1::kRiskMedium;
    input.need.required = approvals;
    input.digest = digest;
    input.expires_after_seconds = 900;
    ApplyProposal(status, input, view.now);
    view.proposed = true;
    return *this;
  }
  Life& Gated(const std::function<void(Situation&)>& change = [](Situation&) {}) {
    change(situation);
    view.gates = situation.Gates();
    ApplyGates(status, *view.gates, situation.input.approval, view.now);
    return *this;
  }
  Life& Intended() {
    const v1::Step* step = FindStep(situation.policy.spec.ladder, "restart");
    v1::Observation before;
    before.state = "Unhealthy";
    before.health = 50;
    const Status licence =
        ApplyIntent(status, {"attempt-1", step, &situation.plan, before}, view.now);
    EXPECT_TRUE(licence.ok()) << licence;
    return *this;
  }
  Life& Ran(ActionResult::Outcome outcome = ActionResult::Outcome::kApplied) {
    ActionResult result;
    result.outcome = outcome;
    ApplyResult(status, "attempt-1", result, situation.policy.spec.verification, view.now);
    return *this;
  }
  Life& Checked(Verdict verdict, int times, int health = 100) {
    for (int i = 0; i < times; ++i) {
      FreshCheck check;
      check.verdict = verdict;
      check.state = verdict == Verdict::kGood  ? HealthState::kHealthy
                    : verdict == Verdict::kBad ? HealthState::kUnhealthy
                                               : HealthState::kUnknown;
      check.health = health;
      check.at = view.now = view.now + std::chrono::seconds(2);
      ApplyCheck(status, "attempt-1", check, ToObservation(std::nullopt, check),
                 situation.policy.spec.verification, view.now);
    }
    return *this;
  }
  // Up to the moment before Execute.
  Life& Ready() { return Begun().Seen().Diagnosed().Proposed().Gated(); }
  // A new reconcile: the facts of the last one are gone.
  Life& Anew() {
    view.health.reset();
    view.gates.reset();
    view.recovered.reset();
    view.diagnosed = view.proposed = false;
    return *this;
  }
  v1::Step& Step() { return situation.policy.spec.ladder[1]; }
};

}  // namespace salve::healing::testing

#endif  // SALVE_PKG_HEALING_LIFE_TESTING_H_
