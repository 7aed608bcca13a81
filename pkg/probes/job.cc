// SPDX-License-Identifier: Apache-2.0
#include "pkg/probes/prober.h"

namespace salve::probes {

std::string ProbeJob::Key() const {
  return ns + "/" + policy + "/" + target.backend + "/" + target.name + "/" + probe.name;
}

}  // namespace salve::probes
