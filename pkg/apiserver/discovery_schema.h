// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_DISCOVERY_SCHEMA_H_
#define SALVE_PKG_APISERVER_DISCOVERY_SCHEMA_H_

#include <string>
#include <string_view>

#include "pkg/apiserver/status_body.h"

// What discovery and OpenAPI share. Pure functions, thread-safe.
namespace salve::apiserver {

// A resource's schema as it stands in components.schemas: with apiVersion, kind, a reference to
// ObjectMeta and the kind's name. Compact JSON.
std::string PublishedSchema(Json schema, const ResourceInfo& info);

// "dev.salve.v1alpha1.Incident", "io.k8s.api.core.v1.ConfigMap": the schema's key.
std::string SchemaKey(const ResourceInfo& info);

inline constexpr char kObjectMetaKey[] = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

// Names a version of a document: hexadecimal digits that change with the text.
std::string ContentHash(std::string_view text);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_DISCOVERY_SCHEMA_H_
