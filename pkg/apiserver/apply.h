// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_APPLY_H_
#define SALVE_PKG_APISERVER_APPLY_H_

#include <string>
#include <string_view>
#include <vector>

#include "pkg/apiserver/discovery_resource.h"
#include "pkg/apiserver/managed_fields.h"
#include "pkg/apiserver/rest_body.h"

// Server-side apply: PATCH with application/apply-patch+yaml. Pure functions, thread-safe.
namespace salve::apiserver {

struct ApplyRequest {
  FieldWriter writer;
  bool force = false;
};

// The object as it is to be stored, before defaults and what the server decides, and its list of
// managed fields (null: none).
struct Applied {
  Json object;
  Json managed_fields;
};

// The body of an apply patch: YAML, of which JSON is a part. `duplicates` of the result are keys
// that a map has twice.
ApiResult<DecodedBody> DecodeApplyBody(std::string_view body, std::size_t max_bytes);

// Whether the configuration may be applied to this resource at all: its kind, no managedFields, and
// fields and types that the schema declares (500 otherwise, as the real server).
std::optional<ApiError> CheckConfiguration(const Json& config, const ServedResource& resource);

// Merges a checked configuration into `live` (of a create: only apiVersion, kind and an empty
// metadata). Fields that the manager applied before and no longer does are removed unless somebody
// else owns them. 409 names the fields whose value somebody else has set, unless forced.
ApiResult<Applied> Apply(const Json& live, const Json& config, const ServedResource& resource,
                         const ApplyRequest& request);

// What keeps `config` from being of the schema's types, as ".spec.mode: expected string, got …"; at
// most 100.
std::vector<std::string> CheckTypes(const Json& config, const SchemaNode& schema);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_APPLY_H_
