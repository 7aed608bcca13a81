// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_DISCOVERY_RESOURCE_H_
#define SALVE_PKG_APISERVER_DISCOVERY_RESOURCE_H_

#include <memory>
#include <string>
#include <vector>

#include "pkg/apiserver/schema.h"

// What the server serves: one description per resource, from which routing, discovery, OpenAPI and
// tables are derived.
namespace salve::apiserver {

struct PrinterColumn {
  std::string name;
  std::string type;  // string | integer | number | boolean | date
  std::string format;
  std::string description;
  int priority = 0;       // 1: shown by -o wide
  std::string json_path;  // ".status.phase"
};

struct Subresource {
  std::string name;  // "status"
  std::vector<std::string> verbs;
};

// Immutable after construction, shared by all threads.
struct ServedResource {
  ResourceInfo info;
  std::string singular;
  std::string list_kind;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  std::vector<std::string> verbs;  // sorted; reviews have only "create"
  std::vector<Subresource> subresources;
  // What a field selector may name, without a leading dot.
  std::vector<std::string> field_labels;
  // Printer columns of a CRD ("Name" and, without any, "Age" are added by the table); empty for
  // built-in kinds, whose tables are in code.
  std::vector<PrinterColumn> columns;
  // Defaulting, pruning, validation. Null only for kinds without a schema.
  std::shared_ptr<const CompiledSchema> schema;
  // openAPIV3Schema as compact JSON text: documents are made from it on demand.
  std::string schema_text;
  // From a CRD: no strategic merge patch, and generation counts changes of the spec.
  bool custom = false;

  bool HasVerb(const std::string& verb) const;
  bool HasStatus() const;
};

// Namespace, ConfigMap, Secret, Event, Service (an empty list) of the core group, Lease and the
// three SelfSubject reviews.
std::vector<ServedResource> BuiltInResources();

// One resource per served version of a CustomResourceDefinition (apiextensions.k8s.io/v1). The
// message of an error names the CRD and the path.
StatusOr<std::vector<ServedResource>> ServedResourcesFromCrd(const Json& crd);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_DISCOVERY_RESOURCE_H_
