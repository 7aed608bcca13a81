// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_PROBES_BOUNDS_H_
#define SALVE_PKG_PROBES_BOUNDS_H_

#include <optional>
#include <string>

namespace salve::probes {

// "0.25": six significant digits.
std::string Number(double value);

// "errors is 7, above 5"; "" for a value within the bounds.
std::string OutOfBounds(const std::string& name, double value, const std::optional<double>& minimum,
                        const std::optional<double>& maximum);

}  // namespace salve::probes

#endif  // SALVE_PKG_PROBES_BOUNDS_H_
