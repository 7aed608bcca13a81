// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_COMMANDS_EXIT_CODES_H_
#define SALVE_CONTROLLER_COMMANDS_EXIT_CODES_H_

namespace salve::commands {

// What the process's exit code says. Documented in docs/cli.md; scripts rely on it.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotFound = 3;
inline constexpr int kExitDenied = 4;          // unauthenticated or forbidden
inline constexpr int kExitConflict = 5;        // changed meanwhile, stale digest
inline constexpr int kExitUnreachable = 6;     // no answer from the server
inline constexpr int kExitLostLeadership = 7;  // salve controller: somebody else may lead now
inline constexpr int kExitDifferent = 8;       // salve replay: not as --expect says
inline constexpr int kExitChanged = 9;         // salve restart --check-only: files have changed
inline constexpr int kExitWaiting = 10;        // salve restart: it waits for a person or a time
inline constexpr int kExitTimeout = 124;       // the time given was not enough

}  // namespace salve::commands

#endif  // SALVE_CONTROLLER_COMMANDS_EXIT_CODES_H_
