// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_EXPORT_H_
#define SALVE_CONTROLLER_CLI_EXPORT_H_

#include <nlohmann/json.hpp>

namespace salve::cli {

// The object as a person would have written it: without what a server sets (uid, resourceVersion,
// generation, creationTimestamp, deletionTimestamp, managedFields, owners, last-applied) and,
// unless kept, without status. Pure.
nlohmann::json WithoutServerFields(nlohmann::json object, bool keep_status);

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_EXPORT_H_
