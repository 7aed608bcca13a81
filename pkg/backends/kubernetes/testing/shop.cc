// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/kubernetes/testing/shop.h"

#include <utility>

#include <gtest/gtest.h>

#include "pkg/base/time_format.h"

namespace salve::backends::kubernetes::testing {
namespace {

using std::chrono::seconds;

std::string SetName(std::int64_t revision) { return "web-" + std::to_string(revision); }
std::string Hash(std::int64_t revision) { return "hash" + std::to_string(revision); }

Json Template(std::int64_t revision) {
  return {{"metadata", {{"labels", {{"app", "web"}}}}},
          {"spec",
           {{"containers",
             {{{"name", "web"},
               {"image", "shop/web:" + std::to_string(revision)},
               {"resources",
                {{"limits", {{"memory", "64Mi"}, {"cpu", "1"}}},
                 {"requests", {{"memory", "64Mi"}, {"cpu", "100m"}}}}}}}},
            {"restartPolicy", "Always"}}}};
}

Json Condition(const std::string& type, bool value, const std::string& reason,
               const std::string& message, const std::string& at) {
  return {{"type", type},         {"status", value ? "True" : "False"},
          {"reason", reason},     {"message", message},
          {"lastUpdateTime", at}, {"lastTransitionTime", at}};
}

Json Owner(const char* kind, const Json& owner) {
  return Json::array({{{"apiVersion", "apps/v1"},
                       {"kind", kind},
                       {"name", owner["metadata"]["name"]},
                       {"uid", owner["metadata"]["uid"]},
                       {"controller", true}}});
}

}  // namespace

Json Waiting(const std::string& reason, const std::string& message) {
  Json state = {{"waiting", {{"reason", reason}}}};
  if (!message.empty()) state["waiting"]["message"] = message;
  return state;
}

Json Running(const std::string& since) { return {{"running", {{"startedAt", since}}}}; }

Json Terminated(const std::string& reason, std::int64_t exit_code, const std::string& started,
                const std::string& finished) {
  return {{"terminated",
           {{"reason", reason},
            {"exitCode", exit_code},
            {"startedAt", started},
            {"finishedAt", finished}}}};
}

Shop::Shop() : clock(WallTime(seconds(1'790'000'000))) {
  KubernetesOptions options;
  options.client = std::shared_ptr<client::Client>(std::shared_ptr<void>(), &client);
  options.clock = &clock;
  options.random = &random;
  options.metrics = &metrics;
  backend = MakeKubernetesBackend(std::move(options));
}

Shop::~Shop() { backend->Stop(); }

std::string Shop::At(std::int64_t from_now) const {
  return FormatTime(clock.Now() + seconds(from_now));
}

void Shop::Pass(std::int64_t by) { clock.Advance(seconds(by)); }

Json Shop::Put(const ResourceInfo& resource, Json object) {
  object["metadata"]["namespace"] = kShop;
  const NamespacedName name{kShop, object["metadata"]["name"]};
  const bool has_status = resource.group == "apps" && object.contains("status");
  const auto present = server.Get(resource, name);
  Json stored;
  if (present.ok()) {
    object["metadata"]["resourceVersion"] = (*present)["metadata"]["resourceVersion"];
    const auto updated = server.Update(resource, object);
    EXPECT_TRUE(updated.ok()) << updated.status();
    stored = *updated;
  } else {
    const auto created = server.Create(resource, object);
    EXPECT_TRUE(created.ok()) << created.status();
    stored = *created;
  }
  if (!has_status) return stored;
  stored["status"] = object["status"];
  // The controllers have seen what is there, unless the test says otherwise.
  if (!stored["status"].contains("observedGeneration")) {
    stored["status"]["observedGeneration"] = stored["metadata"]["generation"];
  }
  const auto written = server.Update(resource, stored, {.subresource = "status"});
  EXPECT_TRUE(written.ok()) << written.status();
  return *written;
}

Json Shop::Get(const ResourceInfo& resource, const std::string& name) {
  const auto object = server.Get(resource, {kShop, name});
  EXPECT_TRUE(object.ok()) << object.status();
  return object.ok() ? *object : Json();
}

bool Shop::Exists(const ResourceInfo& resource, const std::string& name) {
  return server.Get(resource, {kShop, name}).ok();
}

void Shop::Drop(const ResourceInfo& resource, const std::string& name) {
  EXPECT_TRUE(server.Delete(resource, {kShop, name}).ok());
}

Json Shop::PutDeployment(const DeploymentFacts& facts) {
  const std::string long_ago = At(-3600);
  Json object = {
      {"metadata",
       {{"name", "web"},
        {"labels", {{"app", "web"}, {"tier", "front"}}},
        {"annotations", {{"deployment.kubernetes.io/revision", std::to_string(facts.revision)}}}}},
      {"spec",
       {{"replicas", facts.desired},
        {"progressDeadlineSeconds", 600},
        {"selector", {{"matchLabels", {{"app", "web"}}}}},
        {"strategy",
         {{"type", "RollingUpdate"},
          {"rollingUpdate", {{"maxSurge", "25%"}, {"maxUnavailable", "25%"}}}}},
        {"template", Template(facts.revision)}}},
      {"status",
       {{"replicas", facts.replicas},
        {"updatedReplicas", facts.updated},
        {"availableReplicas", facts.available},
        {"readyReplicas", facts.available},
        {"conditions",
         {Condition("Available", facts.enough, "MinimumReplicasAvailable", "", long_ago),
          Condition("Progressing", facts.progressing, facts.progress,
                    "ReplicaSet \"web-" + std::to_string(facts.revision) + "\" …",
                    facts.progress == "NewReplicaSetAvailable" ? long_ago : At(-30))}}}}};
  return Put(kDeployments, std::move(object));
}

Json Shop::PutReplicaSet(std::int64_t revision, std::int64_t desired, std::int64_t available,
                         const std::string& failure) {
  const Json deployment = Get(kDeployments, "web");
  Json pod_template = Template(revision);
  pod_template["metadata"]["labels"]["pod-template-hash"] = Hash(revision);
  Json object = {{"metadata",
                  {{"name", SetName(revision)},
                   {"labels", {{"app", "web"}, {"pod-template-hash", Hash(revision)}}},
                   {"annotations",
                    {{"deployment.kubernetes.io/revision", std::to_string(revision)},
                     {"deployment.kubernetes.io/desired-replicas", "3"}}},
                   {"ownerReferences", Owner(kKindDeployment, deployment)}}},
                 {"spec", {{"replicas", desired}, {"template", pod_template}}},
                 {"status", {{"replicas", desired}, {"availableReplicas", available}}}};
  if (!failure.empty()) {
    object["status"]["conditions"] =
        Json::array({Condition("ReplicaFailure", true, "FailedCreate", failure, At(-5))});
  }
  return Put(kReplicaSets, std::move(object));
}

Json Shop::MakePod(const std::string& name, std::int64_t revision, std::int64_t age) const {
  auto& api = const_cast<client::testing::FakeClient&>(server);
  const auto set = api.Get(kReplicaSets, {kShop, SetName(revision)});
  EXPECT_TRUE(set.ok()) << set.status();
  return {{"metadata",
           {{"name", name},
            {"creationTimestamp", At(-age)},
            {"labels", {{"app", "web"}, {"pod-template-hash", Hash(revision)}}},
            {"ownerReferences", Owner(kKindReplicaSet, *set)}}},
          {"spec", {{"nodeName", "node-1"}, {"containers", {{{"name", "web"}}}}}},
          {"status", {{"phase", "Running"}}}};
}

Json Shop::ReadyPod(const std::string& name, std::int64_t revision, std::int64_t ready_since) {
  Json pod = MakePod(name, revision, ready_since + 5);
  pod["status"]["conditions"] = Json::array({Condition("Ready", true, "", "", At(-ready_since))});
  pod["status"]["containerStatuses"] = Json::array({{{"name", "web"},
                                                     {"ready", true},
                                                     {"restartCount", 0},
                                                     {"state", Running(At(-ready_since - 2))}}});
  return Put(kPods, std::move(pod));
}

Json Shop::IllPod(const std::string& name, std::int64_t revision, const Json& state,
                  std::int64_t restarts, const Json& last, std::int64_t age) {
  Json pod = MakePod(name, revision, age);
  pod["status"]["phase"] = restarts > 0 || state.contains("running") ? "Running" : "Pending";
  pod["status"]["conditions"] =
      Json::array({Condition("Ready", false, "ContainersNotReady", "", At(-age))});
  Json container = {
      {"name", "web"}, {"ready", false}, {"restartCount", restarts}, {"state", state}};
  if (!last.is_null()) container["lastState"] = last;
  pod["status"]["containerStatuses"] = Json::array({std::move(container)});
  return Put(kPods, std::move(pod));
}

void Shop::Serving() {
  PutDeployment({});
  PutReplicaSet(1, 3, 3);
  for (const char* name : {"web-1-a", "web-1-b", "web-1-c"}) ReadyPod(name, 1);
}

void Shop::RollingOut(const Json& state, std::int64_t restarts, const Json& last) {
  Serving();
  PutDeployment({.replicas = 4, .updated = 1, .revision = 2, .progress = "ReplicaSetUpdated"});
  PutReplicaSet(2, 1, 0);
  IllPod("web-2-a", 2, state, restarts, last);
}

healing::TargetObservation Shop::Observe(const healing::TargetRef& ref) {
  const auto seen = backend->Observe(ref, {});
  EXPECT_TRUE(seen.ok()) << seen.status();
  return seen.ok() ? *seen : healing::TargetObservation{};
}

ActionRequest Shop::RequestFor(const healing::ActionPlan& plan) {
  ActionRequest request;
  request.attempt_id = "a1";
  request.action = plan.action;
  request.target = plan.target;
  request.identity_before = Observe(plan.target).identity;
  request.subject = plan.subject;
  return request;
}

}  // namespace salve::backends::kubernetes::testing
