// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_OUTPUT_H_
#define SALVE_CONTROLLER_CLI_OUTPUT_H_

#include <optional>
#include <string>
#include <vector>

#include "controller/cli/jsonpath.h"
#include "controller/cli/resources.h"

namespace salve::cli {

// What -o asks for.
struct OutputFormat {
  enum class Kind { kTable, kWide, kName, kJson, kYaml, kJsonPath };
  Kind kind = Kind::kTable;
  std::optional<JsonPath> path;  // kJsonPath

  bool table() const { return kind == Kind::kTable || kind == Kind::kWide; }
};
// "", "wide", "name", "json", "yaml", "jsonpath=TEMPLATE". kInvalidArgument lists these.
StatusOr<OutputFormat> ParseOutput(const std::string& text);
inline constexpr char kOutputHelp[] = "wide, name, json, yaml or jsonpath=TEMPLATE";

// An object (or a List) in kJson, kYaml or kJsonPath. JSON and YAML end in a line break; a
// template's result ends as the template says. Managed fields are left out of JSON and YAML.
std::string FormatObject(const OutputFormat& format, Json object);

// Columns padded to their widest cell, three spaces between, nothing after the last. Cells are
// escaped.
std::string FormatColumns(const std::vector<std::vector<std::string>>& rows);

// Which rows and columns of a server's Table (meta.k8s.io/v1) to show.
struct TableStyle {
  bool wide = false;
  bool ns = false;  // a first column NAMESPACE
  bool headers = true;
  std::string name_prefix;  // before every name: "incident.salve.dev/"
};
// Cells of the table's rows, headers first. What is no Table gives nothing.
std::vector<std::vector<std::string>> TableRows(const Json& table, const TableStyle& style);

// Sorts a Table's rows or a List's items by creation, oldest first, then by name.
void SortByAge(Json& rows, bool table);

// Writes to stdout and flushes it. False if nobody reads any more.
bool Print(const std::string& text);

// Colour may be used: stdout is a terminal and NO_COLOR is not set.
bool UseColour();
// Asks "<question> [y/N] " on the terminal. kInvalidArgument where stdin or stdout is none (say
// --yes), kCancelled for any answer but yes.
Status Confirm(const std::string& question, bool yes);

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_OUTPUT_H_
