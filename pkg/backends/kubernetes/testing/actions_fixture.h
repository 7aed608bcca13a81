// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_KUBERNETES_TESTING_ACTIONS_FIXTURE_H_
#define SALVE_PKG_BACKENDS_KUBERNETES_TESTING_ACTIONS_FIXTURE_H_

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/backends/kubernetes/testing/shop.h"

// What tests of actions do again and again.
namespace salve::backends::kubernetes::testing {

using client::testing::Call;
using client::testing::Fault;
using healing::Action;
using healing::ActionPlan;
using Outcome = healing::ActionResult::Outcome;

class ActionsTest : public ::testing::Test {
 protected:
  static Action Undo() {
    Action action;
    action.rollout_undo.emplace();
    return action;
  }
  static Action Restart() {
    Action action;
    action.rollout_restart.emplace();
    return action;
  }
  static Action Scale(std::int64_t replicas) {
    Action action;
    action.scale.emplace().replicas = replicas;
    return action;
  }
  static Action DeletePod() {
    Action action;
    action.delete_pod.emplace();
    return action;
  }
  static Action EvictPod() {
    Action action;
    action.evict_pod.emplace();
    return action;
  }
  static Action More(std::int64_t percent) {
    Action action;
    action.set_resources.emplace().memory_percent = percent;
    return action;
  }

  void BadRelease() { shop.RollingOut(Waiting("ImagePullBackOff", "no such image")); }
  // One of three pods is ill, of the template that served.
  void OneIllPod(const std::string& last_reason = "Error") {
    shop.Serving();
    shop.Drop(kPods, "web-1-c");
    shop.IllPod("web-1-d", 1, Waiting("CrashLoopBackOff"), 3,
                Terminated(last_reason, 137, shop.At(-12), shop.At(-10)));
    shop.PutDeployment({.available = 2});
  }

  StatusOr<ActionPlan> Plan(const Action& action) {
    return shop.backend->Plan(action, shop.web(), {});
  }
  ActionPlan MustPlan(const Action& action) {
    auto plan = Plan(action);
    EXPECT_TRUE(plan.ok()) << plan.status();
    return plan.ok() ? *plan : ActionPlan{};
  }
  void Refuses(const Action& action, const std::string& because) {
    const std::int64_t writes = shop.server.writes();
    const auto plan = Plan(action);
    EXPECT_EQ(plan.code(), Code::kInvalidArgument) << plan.status();
    EXPECT_THAT(plan.status().message(), ::testing::HasSubstr(because));
    EXPECT_EQ(shop.server.writes(), writes);
  }
  Outcome Execute(const ActionRequest& request) {
    const auto result = shop.backend->Execute(request);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? result->outcome : Outcome::kUnknown;
  }
  Outcome Ask(const ActionRequest& request) {
    const auto result = shop.backend->Outcome(request);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? result->outcome : Outcome::kUnknown;
  }
  ActionRequest UndoRequest(const ActionPlan& plan) {
    ActionRequest request;
    request.attempt_id = "a1-undo";
    request.action = *plan.undo;
    request.target = plan.target;
    request.identity_before = shop.Observe().identity;
    request.undo_token = plan.undo_token;
    return request;
  }
  Json Web() { return shop.Get(kDeployments, "web"); }
  std::string Image() { return Web()["spec"]["template"]["spec"]["containers"][0]["image"]; }
  Json Limits() {
    return Web()["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"];
  }
  Json Requests() {
    return Web()["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"];
  }
  // The next call of that verb meets `fault`.
  void Break(const std::string& verb, const Fault& fault) {
    shop.client.on_call = [verb, fault](const Call& call) {
      return call.verb == verb ? fault : Fault::None();
    };
  }

  Shop shop;
};

}  // namespace salve::backends::kubernetes::testing

#endif  // SALVE_PKG_BACKENDS_KUBERNETES_TESTING_ACTIONS_FIXTURE_H_
