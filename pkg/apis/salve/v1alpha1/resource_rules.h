// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_SALVE_V1ALPHA1_RESOURCE_RULES_H_
#define SALVE_PKG_APIS_SALVE_V1ALPHA1_RESOURCE_RULES_H_

#include <utility>

#include "pkg/apis/schema_builder.h"

namespace salve::apis {

// What holds for every action that changes limits: updateResources, setResources. The same in
// ValidateResources.
inline StructBuilder WithResourceRules(StructBuilder table) {
  table
      .Cel("has(self.memoryBytes) || has(self.memoryPercent) || has(self.cpuMillis)",
           "one of memoryBytes, memoryPercent, cpuMillis must be set")
      .Cel("!(has(self.memoryBytes) && has(self.memoryPercent))",
           "memoryBytes and memoryPercent exclude each other")
      .Cel("!has(self.memoryPercent) || has(self.maxMemoryBytes)",
           "memoryPercent needs maxMemoryBytes");
  return table;
}

// memoryPercent of either.
template <auto P>
FieldBuilder MemoryPercent() {
  return F<P>("memoryPercent",
              "Raises the memory limit by this part of what it is now: 50 is half as much again.")
      .Range(1, 400);
}

}  // namespace salve::apis

#endif  // SALVE_PKG_APIS_SALVE_V1ALPHA1_RESOURCE_RULES_H_
