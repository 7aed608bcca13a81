// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_KUBERNETES_TESTING_SHOP_H_
#define SALVE_PKG_BACKENDS_KUBERNETES_TESTING_SHOP_H_

#include <cstdint>
#include <memory>
#include <string>

#include "pkg/backends/kubernetes/kubernetes_backend.h"
#include "pkg/backends/kubernetes/objects.h"
#include "pkg/base/clock.h"
#include "pkg/base/random.h"
#include "pkg/client/testing/fake_client.h"
#include "pkg/client/testing/interceptor_client.h"
#include "pkg/engine/metrics.h"

// A namespace "shop" on an API server in memory, with objects as a real cluster writes them.
namespace salve::backends::kubernetes::testing {

inline constexpr char kShop[] = "shop";

// As far as it matters; the defaults are a Deployment that is complete and well.
struct DeploymentFacts {
  std::int64_t desired = 3;
  std::int64_t replicas = 3;
  std::int64_t updated = 3;
  std::int64_t available = 3;
  std::int64_t revision = 1;
  bool enough = true;  // condition Available
  bool progressing = true;
  std::string progress = "NewReplicaSetAvailable";
};

class Shop {
 public:
  Shop();
  ~Shop();

  // "2026-…Z", so many seconds from now (negative: ago).
  std::string At(std::int64_t seconds) const;
  void Pass(std::int64_t seconds);

  // Creates or replaces an object, status and all; the server's answer.
  Json Put(const ResourceInfo& resource, Json object);
  Json Get(const ResourceInfo& resource, const std::string& name);
  bool Exists(const ResourceInfo& resource, const std::string& name);
  void Drop(const ResourceInfo& resource, const std::string& name);

  // A Deployment "web" of image shop/web:<revision>, with one container "web".
  Json PutDeployment(const DeploymentFacts& facts);
  // Its ReplicaSet "web-<revision>", template and all.
  Json PutReplicaSet(std::int64_t revision, std::int64_t desired, std::int64_t available,
                     const std::string& failure = "");
  // A pod of that ReplicaSet, ready since `ready_since` seconds ago.
  Json ReadyPod(const std::string& name, std::int64_t revision, std::int64_t ready_since = 3600);
  // One whose container is in that state: {"waiting": {…}}, …; not ready since its creation.
  Json IllPod(const std::string& name, std::int64_t revision, const Json& state,
              std::int64_t restarts = 0, const Json& last = Json(), std::int64_t age = 500);
  // Neither is stored yet, for changes.
  Json MakePod(const std::string& name, std::int64_t revision, std::int64_t age) const;

  // Revision 1 serves with three pods.
  void Serving();
  // Revision 2 is being rolled out over it: one new pod, in that state; three old ones serve.
  void RollingOut(const Json& state, std::int64_t restarts = 0, const Json& last = Json());

  healing::TargetRef web() const { return {"kubernetes", kKindDeployment, "web", kShop}; }
  healing::TargetRef Pod(const std::string& name) const {
    return {"kubernetes", kKindPod, name, kShop};
  }
  healing::TargetObservation Observe(const healing::TargetRef& ref);
  healing::TargetObservation Observe() { return Observe(web()); }
  // A request to do what was planned, as attempt "a1".
  ActionRequest RequestFor(const healing::ActionPlan& plan);

  SimulatedClock clock;
  SeededRandom random{7};
  engine::EngineMetrics metrics;
  client::testing::FakeClient server{clock};
  client::testing::InterceptorClient client{server};
  std::unique_ptr<Backend> backend;
};

// Container states.
Json Waiting(const std::string& reason, const std::string& message = "");
Json Running(const std::string& since);
Json Terminated(const std::string& reason, std::int64_t exit_code, const std::string& started,
                const std::string& finished);

}  // namespace salve::backends::kubernetes::testing

#endif  // SALVE_PKG_BACKENDS_KUBERNETES_TESTING_SHOP_H_
