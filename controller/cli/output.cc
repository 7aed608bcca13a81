// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/output.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "pkg/apis/yaml/yaml.h"
#include "pkg/healing/explain.h"

namespace salve::cli {
namespace {

void DropManagedFields(Json& object) {
  if (!object.is_object()) return;
  if (const auto meta = object.find("metadata"); meta != object.end() && meta->is_object()) {
    meta->erase("managedFields");
  }
  if (const auto items = object.find("items"); items != object.end() && items->is_array()) {
    for (Json& item : *items) DropManagedFields(item);
  }
}

std::string CellText(const Json& cell) {
  if (cell.is_string()) return healing::EscapeTerminal(cell.get_ref<const std::string&>());
  if (cell.is_null()) return "<none>";
  return cell.dump();
}

std::string Upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

// What a terminal shows of UTF-8: one column for each code point, which is right for all but rare
// text.
std::size_t Width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace

StatusOr<OutputFormat> ParseOutput(const std::string& text) {
  using Kind = OutputFormat::Kind;
  static const std::pair<const char*, Kind> words[] = {{"", Kind::kTable},
                                                       {"wide", Kind::kWide},
                                                       {"name", Kind::kName},
                                                       {"json", Kind::kJson},
                                                       {"yaml", Kind::kYaml}};
  OutputFormat format;
  for (const auto& [word, kind] : words) {
    if (text == word) {
      format.kind = kind;
      return format;
    }
  }
  constexpr std::string_view kPrefix = "jsonpath=";
  if (text.compare(0, kPrefix.size(), kPrefix) == 0) {
    format.kind = Kind::kJsonPath;
    SALVE_ASSIGN_OR_RETURN(format.path,
                           JsonPath::Parse(std::string_view(text).substr(kPrefix.size())));
    return format;
  }
  return InvalidArgumentError("-o: \"" + text + "\" is not " + kOutputHelp);
}

std::string FormatObject(const OutputFormat& format, Json object) {
  if (format.kind == OutputFormat::Kind::kJsonPath) return format.path->Evaluate(object);
  DropManagedFields(object);
  if (format.kind == OutputFormat::Kind::kYaml) return apis::yaml::Emit(object);
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string FormatColumns(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    if (row.size() > widths.size()) widths.resize(row.size(), 0);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - Width(row[i]) + 3, ' ');
    }
    line.resize(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::vector<std::vector<std::string>> TableRows(const Json& table, const TableStyle& style) {
  std::vector<std::vector<std::string>> out;
  const auto columns = table.find("columnDefinitions");
  const auto rows = table.find("rows");
  if (columns == table.end() || !columns->is_array() || rows == table.end() || !rows->is_array()) {
    return out;
  }
  std::vector<std::size_t> shown;
  std::vector<std::string> head;
  if (style.ns) head.push_back("NAMESPACE");
  for (std::size_t i = 0; i < columns->size(); ++i) {
    const Json& column = (*columns)[i];
    const auto priority = column.find("priority");
    if (!style.wide && priority != column.end() && priority->is_number() && *priority != 0)
      continue;
    shown.push_back(i);
    head.push_back(Upper(healing::EscapeTerminal(TextAt(column, {"name"}))));
  }
  if (style.headers) out.push_back(std::move(head));
  for (const Json& row : *rows) {
    std::vector<std::string> line;
    const auto object = row.find("object");
    if (style.ns) {
      line.push_back(object == row.end() ? "" : TextAt(*object, {"metadata", "namespace"}));
    }
    const auto cells = row.find("cells");
    for (std::size_t i : shown) {
      const bool there = cells != row.end() && cells->is_array() && i < cells->size();
      std::string text = there ? CellText((*cells)[i]) : "";
      if (i == 0) text.insert(0, style.name_prefix);
      line.push_back(std::move(text));
    }
    out.push_back(std::move(line));
  }
  return out;
}

void SortByAge(Json& rows, bool table) {
  if (!rows.is_array()) return;
  const auto key = [table](const Json& row) {
    static const Json none = Json::object();
    const auto it = table ? row.find("object") : row.end();
    const Json& object = !table ? row : it == row.end() ? none : *it;
    return std::pair(TextAt(object, {"metadata", "creationTimestamp"}),
                     TextAt(object, {"metadata", "name"}));
  };
  std::vector<Json> sorted(rows.begin(), rows.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&key](const Json& a, const Json& b) { return key(a) < key(b); });
  rows = Json(std::move(sorted));
}

bool Print(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
         std::fflush(stdout) == 0;
}

bool UseColour() {
  const char* no_colour = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

Status Confirm(const std::string& question, bool yes) {
  if (yes) return Status::Ok();
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1) {
    return InvalidArgumentError(question + " Nobody can be asked here; say --yes to go on");
  }
  Print(question + " [y/N] ");
  char answer[16] = {};
  if (std::fgets(answer, sizeof(answer), stdin) != nullptr &&
      (answer[0] == 'y' || answer[0] == 'Y')) {
    return Status::Ok();
  }
  return CancelledError("nothing was done");
}

}  // namespace salve::cli
