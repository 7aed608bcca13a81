// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_SIGNALS_H_
#define SALVE_CONTROLLER_RUNTIME_SIGNALS_H_

#include <functional>

namespace salve::runtime {

// Makes SIGTERM, SIGINT and SIGHUP wait for WaitForTermination instead of ending the process. Call
// before the first thread is started: threads inherit it.
void BlockSignals();

// Waits for SIGTERM or SIGINT and returns its number; calls `reload` for each SIGHUP, and `tidy`
// ten seconds after the call and then once a minute. A second SIGTERM or SIGINT, later, ends the
// process at once.
int WaitForTermination(const std::function<void()>& reload, const std::function<void()>& tidy);

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_SIGNALS_H_
