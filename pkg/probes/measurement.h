// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_PROBES_MEASUREMENT_H_
#define SALVE_PKG_PROBES_MEASUREMENT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/healing/types.h"

// How answers become measurements. Pure functions.
namespace salve::probes {

// The service is ill: health 0, with what it said (or did not say) as error line.
healing::Measurement Ill(const std::string& line);
// Nothing can be said about the service: wrong password, name not found, address refused.
healing::Measurement NotMeasured(const std::string& why, const std::string& line = "");
// Health 100.
healing::Measurement Well(const std::string& message);
// kHealthy or kUnhealthy, by the probe's own bound.
healing::Measurement Graded(const apis::salve::v1alpha1::Probe& probe, double health,
                            const std::string& message);

// One printable line of at most 512 bytes.
std::string OneLine(std::string_view text);
// "49.8 MB"
std::string Megabytes(double bytes);

}  // namespace salve::probes

#endif  // SALVE_PKG_PROBES_MEASUREMENT_H_
