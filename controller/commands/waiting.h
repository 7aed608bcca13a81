// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_COMMANDS_WAITING_H_
#define SALVE_CONTROLLER_COMMANDS_WAITING_H_

#include <string>

#include "controller/cli/session.h"
#include "controller/cli/wait_for.h"

namespace salve::commands {

struct Waiting {
  cli::ResourceType type;
  std::string ns;
  std::string name;
};

// Reads once, then follows the object's changes until `condition` holds: Ok. kDeadlineExceeded at
// `deadline`, with what is there then; kNotFound if there is nothing to wait for.
Status WaitForOne(cli::Session& session, const Waiting& what, const cli::WaitFor& condition,
                  MonoTime deadline);

}  // namespace salve::commands

#endif  // SALVE_CONTROLLER_COMMANDS_WAITING_H_
