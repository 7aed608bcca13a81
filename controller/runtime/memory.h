// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_MEMORY_H_
#define SALVE_CONTROLLER_RUNTIME_MEMORY_H_

namespace salve::runtime {

// Gives back what is not needed at the moment: freed heap, and the pages of program text that were
// read at the start or by work that is done. Text that is needed again is mapped again from the
// page cache, at the price of a minor fault. Never fails; changes no behaviour.
void ReleaseIdleMemory();

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_MEMORY_H_
