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
  // Something worth knowing that decides nothing ("leader": "standing by"). Returns at once, too.
  void AddDetail(std::string name, std::function<std::string()> detail);

  // {"status": "ready"|"not ready", "checks": [{"name", "status": "ok"|"failed", "message"}],
  //  "details": {name: text}}; without details where there are none.
  // `ready` says whether all passed.
  nlohmann::json Run(bool& ready) const;

 private:
  struct Check {
    std::string name;
    std::function<Status()> run;
  };
  struct Detail {
    std::string name;
    std::function<std::string()> tell;
  };
  std::vector<Check> checks_;
  std::vector<Detail> details_;
};

// GET /health, /api/v1/health (the process serves), /ready, /api/v1/health/ready (503 unless it can
// act), /metrics. All open. `checks` must outlive the router. `more_metrics` is called at each
// scrape: what it returns (text exposition format) follows the process's own registry, which it may
// bring up to date. May be null.
void AddHealthRoutes(Router& router, const ReadyChecks& checks,
                     std::function<std::string()> more_metrics = nullptr);

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_HEALTH_H_
