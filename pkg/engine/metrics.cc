// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/metrics.h"

namespace salve::engine {

EngineMetrics& NoMetrics() {
  static EngineMetrics* metrics =
      new EngineMetrics;  // Never destroyed: threads may outlive statics.
  return *metrics;
}

}  // namespace salve::engine
