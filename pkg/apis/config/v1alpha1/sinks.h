// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_CONFIG_V1ALPHA1_SINKS_H_
#define SALVE_PKG_APIS_CONFIG_V1ALPHA1_SINKS_H_

#include <vector>

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/apis/field_error.h"
#include "pkg/apis/schema.h"

// How notification sinks stand in the configuration file. Pure functions.
namespace salve::apis {

template <>
const Struct& SchemaOf<config::v1alpha1::SinkConfiguration>();

namespace config::v1alpha1 {

// What the table cannot say: one kind each, unique names, addresses that can be ones, no password
// over a line that anybody can read. Adds what is wrong.
void CheckSinks(const std::vector<SinkConfiguration>& sinks, FieldErrors& errors);

// Fills in what was left out.
void CompleteSinks(std::vector<SinkConfiguration>& sinks);

// Where PagerDuty takes events unless the configuration says otherwise.
inline constexpr char kPagerDutyEvents[] = "https://events.pagerduty.com/v2/enqueue";
// GitHub's API unless the configuration says otherwise.
inline constexpr char kGithubApi[] = "https://api.github.com";

}  // namespace config::v1alpha1
}  // namespace salve::apis

#endif  // SALVE_PKG_APIS_CONFIG_V1ALPHA1_SINKS_H_
