// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_ENGINE_TESTING_WIDGET_H_
#define SALVE_PKG_ENGINE_TESTING_WIDGET_H_

#include <cstdint>
#include <functional>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/random.h"
#include "pkg/client/client.h"
#include "pkg/client/testing/fake_client.h"
#include "pkg/client/testing/interceptor_client.h"
#include "pkg/engine/informer.h"
#include "pkg/engine/metrics.h"

// A kind for the engine's own tests, and a world to run it in.
namespace salve::engine::testing {

using client::testing::EventFault;
using client::testing::FakeClient;
using client::testing::Fault;
using client::testing::InterceptorClient;

struct Widget {
  std::string name;
  std::string uid;
  std::string version;
  std::string owner;
  std::int64_t size = 0;
};

inline const ResourceInfo& Widgets() {
  static const ResourceInfo* info = new ResourceInfo{"test.dev", "v1", "widgets", "Widget", true};
  return *info;
}

inline StatusOr<Widget> DecodeWidget(const Json& object) {
  if (!object.contains("spec") || !object["spec"].is_object()) {
    return InvalidArgumentError("spec: missing");
  }
  const Json& metadata = object["metadata"];
  Widget widget;
  widget.name = metadata.value("name", "");
  widget.uid = metadata.value("uid", "");
  widget.version = metadata.value("resourceVersion", "");
  widget.owner = object["spec"].value("owner", "");
  widget.size = object["spec"].value("size", std::int64_t{0});
  return widget;
}

inline Json MakeWidget(const std::string& name, std::int64_t size = 1,
                       const std::string& owner = "") {
  return {{"apiVersion", "test.dev/v1"},
          {"kind", "Widget"},
          {"metadata", {{"name", name}, {"namespace", "shop"}}},
          {"spec", {{"size", size}, {"owner", owner}}}};
}

inline NamespacedName Name(const std::string& name) { return {"shop", name}; }

inline WallTime TestStart() { return WallTime(std::chrono::seconds(1'790'000'000)); }

// A simulated world: clock, randomness, server, faults on the way to it, and one informer.
struct World {
  SimulatedClock clock{TestStart()};
  SeededRandom random{7};
  EngineMetrics metrics;
  FakeClient server{clock};
  InterceptorClient client{server};

  Environment env() { return {clock, random, metrics}; }
  static ReflectorOptions Options() {
    ReflectorOptions options;
    options.resource = Widgets();
    return options;
  }

  void Create(const std::string& name, std::int64_t size = 1, const std::string& owner = "") {
    (void)server.Create(Widgets(), MakeWidget(name, size, owner));
  }
  void Resize(const std::string& name, std::int64_t size) {
    (void)server.Patch(Widgets(), Name(name), client::PatchType::kMerge,
                       {{"spec", {{"size", size}}}});
  }
  void Remove(const std::string& name) { (void)server.Delete(Widgets(), Name(name)); }
};

// Steps `informer` until it has nothing to do at the present time.
inline void Settle(InformerBase& informer, World& world) {
  for (int i = 0; i < 100'000; ++i) {
    if (informer.Step() > world.clock.Monotonic()) return;
  }
}

// The same, letting time pass while it waits, until `done` or until `limit` has passed and nothing
// is left to do at that time.
inline bool SettleUntil(InformerBase& informer, World& world, const std::function<bool()>& done,
                        Duration limit = std::chrono::minutes(10)) {
  const MonoTime end = world.clock.Monotonic() + limit;
  for (int i = 0; i < 1'000'000; ++i) {
    if (done()) return true;
    const MonoTime next = informer.Step();
    const MonoTime now = world.clock.Monotonic();
    if (next <= now) continue;
    if (now >= end) return done();
    world.clock.Advance(std::min<Duration>({next - now, end - now, std::chrono::seconds(1)}));
  }
  return false;
}

}  // namespace salve::engine::testing

#endif  // SALVE_PKG_ENGINE_TESTING_WIDGET_H_
