// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_EDGE_HEALTH_H_
#define SALVE_PKG_EDGE_HEALTH_H_

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/base/status.h"
#include "pkg/edge/router.h"

namespace salve::edge {

// The named conditions under which Salve can act. Filled before serving, then immutable;
// thread-safe if the checks are. A check must return at once: it looks at what is known, it does
// not go and ask.
class ReadyChecks {
 public:
  void Add(std::string name, std::function<Status()> check);

  // {"status": "ready"|"not ready", "checks": [{"name", "status": "ok"|"failed", "message"}]}.
  // `ready` says whether all passed.
  nlohmann::json Run(bool& ready) const;

 private:
  struct Check {
    std::string name;
    std::function<Status()> run;
  };
  std::vector<Check> checks_;
};

// GET /health, /api/v1/health (the process serves), /ready, /api/v1/health/ready (503 unless it can
// act), /metrics. All open. `checks` must outlive the router.
void AddHealthRoutes(Router& router, const ReadyChecks& checks);

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_HEALTH_H_
