// SPDX-License-Identifier: Apache-2.0
#include "pkg/probes/bounds.h"

#include <cstdio>

namespace salve::probes {

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string OutOfBounds(const std::string& name, double value, const std::optional<double>& minimum,
                        const std::optional<double>& maximum) {
  const std::string head = name + " is " + Number(value);
  if (minimum && value < *minimum) return head + ", below " + Number(*minimum);
  if (maximum && value > *maximum) return head + ", above " + Number(*maximum);
  return "";
}

}  // namespace salve::probes
