// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_DOCKER_EVENTS_H_
#define SALVE_PKG_BACKENDS_DOCKER_EVENTS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/clock.h"

namespace salve::backends::docker {

// One container event of the engine. A network's `disconnect` is one too: it is the only event of a
// container whose start failed.
struct Event {
  std::string action;  // "die"; health_status without what follows the colon
  std::string id;      // the container's
  std::string name;
  std::string signal;  // of `kill`
  WallTime at;         // by the engine's clock
};

// Which events we ask for; everything else (exec_* by every health check above all) stays in the
// engine.
std::string EventFilters();

// Cuts the event stream, one JSON object a line, into events. Lines that are no container events
// are dropped, so is a line longer than 64 kB. Not thread-safe.
class EventParser {
 public:
  std::vector<Event> Feed(std::string_view bytes);

 private:
  std::string open_;
  bool skipping_ = false;
};

}  // namespace salve::backends::docker

#endif  // SALVE_PKG_BACKENDS_DOCKER_EVENTS_H_
