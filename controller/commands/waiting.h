// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_COMMANDS_WAITING_H_
#define SALVE_CONTROLLER_COMMANDS_WAITING_H_

#include <string>
#include <vector>

#include "controller/cli/session.h"
#include "controller/cli/wait_for.h"

namespace salve::commands {

// One object that a command was told to act on.
struct Selected {
  cli::ResourceType type;
  std::string ns;
  std::string name;
};

// What TYPE NAME… or TYPE/NAME… mean; where no name is given all that `labels` select, or all with
// `all`. kInvalidArgument where nothing says which.
StatusOr<std::vector<Selected>> ObjectsOf(cli::Session& session,
                                          const std::vector<std::string>& arguments,
                                          const std::string& labels, bool all);

// Reads once, then follows the object's changes until `condition` holds: Ok. kDeadlineExceeded at
// `deadline`, with what is there then; kNotFound if there is nothing to wait for.
Status WaitForOne(cli::Session& session, const Selected& what, const cli::WaitFor& condition,
                  MonoTime deadline);

}  // namespace salve::commands

#endif  // SALVE_CONTROLLER_COMMANDS_WAITING_H_
