// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_CLOSER_H_
#define SALVE_PKG_BACKENDS_ECS_CLOSER_H_

#include "pkg/backends/ecs/reader.h"
#include "pkg/backends/ecs/view.h"

// What there is to see of a service besides itself.
namespace salve::backends::ecs {

// An error that another moment would not change: a right that is missing, a thing that is not
// there.
bool IsFinal(const Status& status);

// Fills in the tasks of snapshot.service, those that ended included, what its load balancers think
// of them, and its task definition. What is refused is left out, with a sentence in the snapshot;
// an error is one that may pass, and then the picture is half.
Status LookCloser(const Reader& reader, const ServiceName& name, const CallContext& context,
                  Snapshot& snapshot);

// The load balancers' part of it. Never an error: without it less is known.
void ReadTargets(const Reader& reader, const CallContext& context, Snapshot& snapshot);

// Asks ECS which revisions served before this process looked, where that could tell more than the
// view knows. A right that is missing leaves it at that.
void ReadHistory(const Reader& reader, const ServiceName& name, const Service& service,
                 const CallContext& context, View& view);

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_CLOSER_H_
