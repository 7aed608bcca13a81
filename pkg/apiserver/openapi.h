// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_OPENAPI_H_
#define SALVE_PKG_APISERVER_OPENAPI_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/apiserver/discovery.h"
#include "pkg/base/clock.h"

// OpenAPI v3, rich enough for explain, create, apply, edit and diff. Built on each request from the
// schemas' text (kubectl caches by hash), nothing is kept. Pure functions, thread-safe.
namespace salve::apiserver {

// GET /openapi/v3.
Document OpenApiRoot(const std::vector<ServedResource>& resources);

struct OpenApiAnswer {
  Document document;
  // Not empty: the request carried another hash; answer 301 to this path instead.
  std::string redirect;
};

// GET /openapi/v3/api/v1[?hash=H], /openapi/v3/apis/G/V[?hash=H]; nullopt: not served (404).
// `now` is for Expires (a year ahead) where the hash is right.
std::optional<OpenApiAnswer> OpenApiGroupVersion(const std::vector<ServedResource>& resources,
                                                 std::string_view group, std::string_view version,
                                                 std::string_view hash, WallTime now);

// GET /openapi/v2: a protobuf document of zero bytes, which lets old clients go on without
// client-side validation.
Document OpenApiV2();

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_OPENAPI_H_
