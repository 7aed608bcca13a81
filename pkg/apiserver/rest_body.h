// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_REST_BODY_H_
#define SALVE_PKG_APISERVER_REST_BODY_H_

#include <string>
#include <string_view>
#include <vector>

#include "pkg/apiserver/discovery_resource.h"
#include "pkg/http/message.h"

namespace salve::apiserver {

// What a request carries.
struct DecodedBody {
  Json value;
  // `duplicate field "spec.mode"`: problems under fieldValidation Strict, warnings under Warn.
  std::vector<std::string> duplicates;
};

// JSON, YAML or kubectl's protobuf by Content-Type; 413 over `max_bytes`. An empty body is null.
ApiResult<DecodedBody> DecodeBody(const http::Request& request, std::size_t max_bytes);
// The same for bodies that are JSON whatever the type says: patches.
ApiResult<DecodedBody> DecodeJsonBody(std::string_view body, std::size_t max_bytes);

// Checks that the object is of the resource's kind (built-in kinds may leave that out) and that its
// metadata is an object; makes both so.
std::optional<ApiError> NormalizeKind(Json& object, const ServedResource& resource);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_REST_BODY_H_
