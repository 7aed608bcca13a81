// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_REST_BUILTIN_H_
#define SALVE_PKG_APISERVER_REST_BUILTIN_H_

#include <vector>

#include "pkg/apiserver/discovery_resource.h"

// What the built-in kinds do beyond their schema: Namespace, ConfigMap, Secret, Event, Lease. Pure
// functions; other kinds pass unchanged.
namespace salve::apiserver {

// What decoding fills in, before anybody looks at the object.
void DefaultBuiltIn(Json& object, const ServedResource& resource);

// Fills in what the server adds on a write. `old` is null on create.
void PrepareBuiltIn(Json& object, const Json* old, const ServedResource& resource);

std::vector<Cause> ValidateBuiltIn(const Json& object, const Json* old,
                                   const ServedResource& resource);

// A PUT without resourceVersion overwrites whatever is there.
bool AllowsUnconditionalUpdate(const ServedResource& resource);

// A namespace as it is made at the first start.
// Whether a PUT of what does not exist creates it.
bool CreatesOnUpdate(const ServedResource& resource);

Json MakeNamespace(const std::string& name);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_REST_BUILTIN_H_
