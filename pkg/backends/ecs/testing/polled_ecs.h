// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_TESTING_POLLED_ECS_H_
#define SALVE_PKG_BACKENDS_ECS_TESTING_POLLED_ECS_H_

#include <string>
#include <vector>

#include "pkg/backends/ecs/poller.h"
#include "pkg/backends/ecs/testing/ecs_fixture.h"

namespace salve::backends::ecs::testing {

// A poller with all that it works with, which looks at each service every ten seconds and closer
// every twenty; `told` collects whose changes it tells of, "*" for all.
class PolledEcs : public ::testing::Test {
 protected:
  HastyClock clock{*ParseTime("2026-11-21T12:00:00Z")};
  FakeEcs ecs{clock};
  CallRate rate{clock};
  PacedApi polling{ecs, rate, PacedApi::For::kPolling};
  PacedApi now{ecs, rate, PacedApi::For::kNow};
  DefinitionCache definitions;
  Reader reader{polling, definitions};
  Reader closer{now, definitions};
  View view{clock, seconds(10)};
  Inspector inspector{closer, rate, view, clock, seconds(20)};
  std::vector<std::string> told;
  Poller poller{"aws", {reader, inspector, rate}, view, clock, [this](const ServiceName* name) {
                  told.push_back(name == nullptr ? "*" : name->ToString());
                }};
};

}  // namespace salve::backends::ecs::testing

#endif  // SALVE_PKG_BACKENDS_ECS_TESTING_POLLED_ECS_H_
