// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_OPENAPI_H_
#define SALVE_PKG_APIS_OPENAPI_H_

#include <string>

#include "pkg/apis/schema.h"

namespace salve::apis {

// The structural OpenAPI v3 schema of a table, as a CRD carries it.
//
// Defaults inside the items of lists stand in the description only: a server that filled them in
// would make `kubectl apply` of the same file print "configured" for ever. Decode fills them in.
Json OpenApiSchema(const Struct& table);

// The CEL rule and message of "exactly one of these members".
CelRule ExactlyOneRule(const std::vector<std::string>& members);

}  // namespace salve::apis

#endif  // SALVE_PKG_APIS_OPENAPI_H_
