// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_LAST_WORDS_H_
#define SALVE_PKG_BACKENDS_ECS_LAST_WORDS_H_

#include <map>
#include <string>

#include "pkg/backends/ecs/api.h"
#include "pkg/backends/ecs/view.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"

namespace salve::backends::ecs {

// What failed tasks said last, each asked for once it is known to have said anything: a line says
// more than an exit code. Thread-safe; bounded.
class LastWords {
 public:
  // `api` and `clock` outlive it.
  LastWords(Api& api, Clock& clock) : api_(api), clock_(clock) {}

  // Of the task that failed last, as far as it was asked for; no call.
  std::string Known(const Seen& seen) const;
  // Asks if need be. "" where it cannot be had now: evidence, not more.
  std::string Ask(const Seen& seen, const CallContext& context);

 private:
  Api& api_;
  Clock& clock_;
  mutable Mutex mu_;
  std::map<std::string, std::string> by_task_ SALVE_GUARDED_BY(mu_);  // by ARN
};

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_LAST_WORDS_H_
