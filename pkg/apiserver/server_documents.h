// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_SERVER_DOCUMENTS_H_
#define SALVE_PKG_APISERVER_SERVER_DOCUMENTS_H_

#include <string>

#include "pkg/apiserver/rest_route.h"
#include "pkg/base/clock.h"
#include "pkg/http/message.h"

namespace salve::apiserver {

// GET of what is not a resource: discovery, OpenAPI, version, health; a 404 Status for the rest.
// Pure.
http::Response ServeDocument(const http::Request& request, const http::Target& target,
                             const ResourceTable& resources, const std::string& version,
                             WallTime now);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_SERVER_DOCUMENTS_H_
