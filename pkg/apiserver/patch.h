// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_PATCH_H_
#define SALVE_PKG_APISERVER_PATCH_H_

#include <optional>
#include <string_view>

#include "pkg/apiserver/status_body.h"

// Patches as Kubernetes knows them. Pure functions, thread-safe; the original is never changed.
namespace salve::apiserver {

enum class PatchType {
  kJson,       // application/json-patch+json, RFC 6902
  kMerge,      // application/merge-patch+json, RFC 7386
  kStrategic,  // application/strategic-merge-patch+json: built-in kinds only
  kApply,      // application/apply-patch+yaml
};

// From a Content-Type, parameters ignored; nullopt for anything else (answer UnsupportedMediaType).
std::optional<PatchType> ParsePatchType(std::string_view content_type);

// Patches with more operations than this are refused, as the real server does.
inline constexpr std::size_t kMaxJsonPatchOperations = 10000;

// A malformed patch is a 400, one that does not fit the document (missing path, failed test) a 422.
ApiResult<Json> ApplyJsonPatch(const Json& document, const Json& patch);

// null removes; the patch must be an object.
ApiResult<Json> ApplyMergePatch(const Json& document, const Json& patch);

// For Namespace, ConfigMap, Secret, Event, Lease: merge by map, but metadata.finalizers are a set
// and metadata.ownerReferences are merged by uid; `$patch: delete|replace|merge`, `$retainKeys`,
// `$deleteFromPrimitiveList/…` and `$setElementOrder/…` are understood.
ApiResult<Json> ApplyStrategicMergePatch(const Json& document, const Json& patch);

// Dispatches on the first three types; kApply is the caller's.
ApiResult<Json> ApplyPatch(PatchType type, const Json& document, const Json& patch);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_PATCH_H_
