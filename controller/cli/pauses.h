// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_PAUSES_H_
#define SALVE_CONTROLLER_CLI_PAUSES_H_

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/base/clock.h"

namespace salve::cli {

using Json = nlohmann::json;

// The list spec.pauses of a policy as `salve pause` edits it. Pure functions; entries that are not
// named "cli-…" belong to whoever wrote them and are only removed by name.

// [] if there is none.
Json PausesOf(const Json& policy);
// "cli-alice-example.com": the entry of a user, made of characters that a name may have.
std::string PauseName(const std::string& user);
// Adds the entry, or replaces the one of the same name. `until` "" = until it is removed.
Json AddPause(Json pauses, const std::string& name, const std::string& reason,
              const std::string& until);
// Without the entry `name`; "" = without every entry that `salve pause` made.
Json RemovePauses(const Json& pauses, const std::string& name = "");
// The entries that are in force at `now`, for people: "upgrade" (new disks).
std::vector<std::string> PausesInForce(const Json& pauses, WallTime now);

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_PAUSES_H_
