// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_MEMORY_H_
#define SALVE_CONTROLLER_RUNTIME_MEMORY_H_

namespace salve::runtime {

// Gives back what only the start needed: freed heap, and the pages of program text that were read
// while libraries initialized themselves. Text that is needed again is mapped again from the page
// cache, at the price of a minor fault. Call it once, when the process has settled. Never fails;
// changes no behaviour.
void ReleaseStartupMemory();

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_MEMORY_H_
