// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_REST_DECODE_H_
#define SALVE_PKG_APISERVER_REST_DECODE_H_

#include <string>

#include "pkg/apiserver/discovery_resource.h"

namespace salve::apiserver {

// Why the real server's decoder could not read the object into the types of its language, in its
// words; "" if it could. Of custom resources only the metadata has types there, of built-in kinds
// all of it. Pure function.
std::string CheckDecodes(const Json& object, const ServedResource& resource);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_REST_DECODE_H_
