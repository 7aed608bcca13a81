// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_KUBERNETES_POD_HEALTH_H_
#define SALVE_PKG_BACKENDS_KUBERNETES_POD_HEALTH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pkg/backends/kubernetes/objects.h"
#include "pkg/base/clock.h"

// What is wrong with one pod. Pure functions.
namespace salve::backends::kubernetes {

// What its present state does not tell any more, or never did.
struct PodMemory {
  bool image_failed = false;  // an image of it could not be pulled, more than once
  std::string event;          // the newest Warning of it that names its cause: "FailedMount: …"
};

struct Illness {
  const char* condition = "";  // one of healing/types.h
  bool oom_killed = false;     // beside that
  int severity = 0;            // the larger, the worse
  std::string container;       // "" = the pod itself
  std::string what;            // "ImagePullBackOff: Back-off pulling image …"
  std::optional<std::int64_t> exit_code;
};

// Ill is what will not become well by waiting a little: an image that cannot be pulled, a container
// that ends again and again (also while it runs between two crashes), one that runs and is not
// ready although it was, or for longer than `start_patience`. nullopt: well, or starting in time.
std::optional<Illness> JudgePod(const Pod& pod, const PodMemory& memory, Duration start_patience,
                                WallTime now);

// Ready, not on its way out, and both for at least that long.
bool ServesSince(const Pod& pod, Duration at_least, WallTime now);

// Whether this state is one that JudgePod wants remembered in PodMemory::image_failed.
bool ImagePullBacksOff(const Pod& pod);

// How long the run before the present state lasted; nullopt if there was none.
std::optional<Duration> LastRun(const Container& container);

}  // namespace salve::backends::kubernetes

#endif  // SALVE_PKG_BACKENDS_KUBERNETES_POD_HEALTH_H_
