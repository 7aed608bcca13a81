// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_PAUSES_H_
#define SALVE_CONTROLLER_CLI_PAUSES_H_

#include <string>

#include <nlohmann/json.hpp>

namespace salve::cli {

using Json = nlohmann::json;

// The list spec.pauses of a policy as `salve pause` edits it. Pure functions; only entries named
// "cli-…" are ever changed: the others belong to whoever wrote them.

// [] if there is none.
Json PausesOf(const Json& policy);
// "cli-alice-example.com": the entry of a user, made of characters that a name may have.
std::string PauseName(const std::string& user);
// Adds the entry, or replaces the one of the same name. `until` "" = until it is removed.
Json AddPause(Json pauses, const std::string& name, const std::string& reason,
              const std::string& until);
// Without every entry that `salve pause` made.
Json RemovePauses(const Json& pauses);

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_PAUSES_H_
