// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CRDGEN_FIELD_DOCS_H_
#define SALVE_CONTROLLER_CRDGEN_FIELD_DOCS_H_

#include <string>

#include "pkg/apis/kinds.h"

// The parts of docs/spec/ that come from the field tables. Pure.
namespace salve::crdgen {

// "healingpolicy.md"
std::string PageName(const apis::Kind& kind);

// A Markdown table of every field below `member` ("spec", "status") with type, default and meaning.
std::string FieldTable(const apis::Kind& kind, const std::string& member);

// `page` with the text between "<!-- fields: spec -->" and "<!-- end fields -->" replaced by the
// table, and the same for each further such pair. "" if a marker is not closed.
std::string WithFieldTables(const apis::Kind& kind, const std::string& page);

}  // namespace salve::crdgen

#endif  // SALVE_CONTROLLER_CRDGEN_FIELD_DOCS_H_
