// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_CLIENT_WIRE_H_
#define SALVE_PKG_CLIENT_WIRE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "pkg/base/status.h"
#include "pkg/client/client.h"

// How the Kubernetes API looks on the wire: paths and errors. Pure functions.
namespace salve::client {

// Deeper JSON than any object has; parsing and printing recurse.
inline constexpr std::size_t kMaxJsonDepth = 128;

// "/apis/salve.dev/v1alpha1/namespaces/shop/incidents/i1/status"; empty parts are left out. Every
// part is escaped.
std::string ResourcePath(const ResourceInfo& resource, const std::string& ns,
                         const std::string& name, const std::string& subresource);

// Parses a whole JSON text. kInvalidArgument for anything else, and for nesting beyond
// kMaxJsonDepth.
StatusOr<Json> ParseJson(std::string_view text);

// What an answer with an error status means. `body` may be a metav1.Status or anything at all; what
// is quoted of it is bounded and free of control characters. `retry_after` is the header's value.
Status StatusFromHttp(const std::string& what, int http_status, std::string_view body,
                      std::optional<std::string_view> retry_after);

// The same for a metav1.Status object inside a watch (an ERROR event).
Status StatusFromObject(const std::string& what, const Json& status);

// Sets apiVersion and kind where they are missing (the items of a list carry none).
void FillTypeMeta(const ResourceInfo& resource, Json& object);

}  // namespace salve::client

#endif  // SALVE_PKG_CLIENT_WIRE_H_
