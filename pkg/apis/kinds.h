// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_KINDS_H_
#define SALVE_PKG_APIS_KINDS_H_

#include <string>
#include <vector>

#include "pkg/apis/schema.h"

// Salve's own kinds and how they are served. Read-only, thread-safe.
namespace salve::apis {

struct PrinterColumn {
  std::string name;
  std::string type;  // string | integer | boolean | date
  std::string json_path;
  std::string description;
  int priority = 0;  // 1: only with -o wide
};

struct Kind {
  const Struct* table = nullptr;  // its `info` has group, version, plural and kind
  std::string description;
  std::string singular;
  std::vector<std::string> short_names;
  bool has_status = true;
  std::vector<PrinterColumn> columns;
  std::vector<std::string> selectable;  // JSON paths for --field-selector
};

// HealingPolicy, Incident, IncidentApproval, HealingGuardrail.
const std::vector<Kind>& SalveKinds();

// The CustomResourceDefinition (apiextensions.k8s.io/v1) of a kind.
Json CustomResourceDefinition(const Kind& kind);

// "salve.dev_incidents.yaml" and what stands in it.
std::string CrdFileName(const Kind& kind);
std::string CrdFileText(const Kind& kind);

}  // namespace salve::apis

#endif  // SALVE_PKG_APIS_KINDS_H_
