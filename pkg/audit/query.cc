// SPDX-License-Identifier: Apache-2.0
#include "pkg/audit/query.h"

#include <array>
#include <cstdio>

#include "pkg/audit/files.h"
#include "pkg/base/json_access.h"
#include "pkg/base/time_format.h"

namespace salve::audit {
namespace {

// `wanted` is the whole of `path`, or what is behind one of its slashes.
bool IsOrEndsPath(const std::string& path, const std::string& wanted) {
  return path == wanted || path.ends_with("/" + wanted);
}

bool IsOneOf(const std::string& list, const std::string& wanted) {
  constexpr std::string_view kBetween = ", ";
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = list.find(kBetween, begin);
    if (list.substr(begin, end - begin) == wanted) return true;
    if (end == std::string::npos) return false;
    begin = end + kBetween.size();
  }
}

bool InTime(const Filter& filter, const Record& record) {
  if (!filter.from && !filter.to) return true;
  const auto at = ParseTime(record.at);
  return at && (!filter.from || *at >= *filter.from) && (!filter.to || *at < *filter.to);
}

std::string Confidence(const Record& record) {
  if (!record.confidence) return "";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f", *record.confidence);
  return text.data();
}

std::string CsvCell(std::string cell) {
  constexpr std::string_view kFormula = "=+-@\t\r";
  if (!cell.empty() && kFormula.find(cell.front()) != std::string_view::npos) {
    cell.insert(cell.begin(), '\'');
  }
  if (cell.find_first_of(",\"\r\n;\t ") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

}  // namespace

bool Matches(const Filter& filter, const Record& record) {
  const auto wants = [](const std::string& wanted, bool has) { return wanted.empty() || has; };
  return wants(filter.incident,
               IsOrEndsPath(record.incident, filter.incident) ||
                   (!record.incident.empty() && record.subject == filter.incident)) &&
         wants(filter.policy, IsOrEndsPath(record.policy, filter.policy)) &&
         wants(filter.target, IsOrEndsPath(record.target, filter.target)) &&
         wants(filter.action, record.action == filter.action) &&
         wants(filter.approver, IsOneOf(record.approver, filter.approver)) &&
         wants(filter.event, record.event == filter.event) && InTime(filter, record);
}

StatusOr<WallTime> ParseMoment(const std::string& text) {
  auto moment = ParseTime(text);
  if (!moment) moment = ParseTime(text + "T00:00:00Z");
  if (moment) return *moment;
  return InvalidArgumentError("\"" + text + "\" is no time: 2026-11-21 or 2026-11-21T18:00:00Z");
}

StatusOr<std::int64_t> ReadJournal(const std::string& directory, const Filter& filter,
                                   const EachRecord& each) {
  SALVE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFiles(directory));
  if (names.empty()) return NotFoundError("there is no audit journal in " + directory);
  std::int64_t unreadable = 0;
  for (const std::string& name : names) {
    SALVE_ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(directory + "/" + name));
    LineReader::Line line;
    while (reader.Next(line)) {
      // One that is being written now is none yet.
      if (!line.terminated && name == names.back()) break;
      const auto entry = ParseLine(line.text);
      if (!entry.ok()) {
        ++unreadable;
      } else if (Matches(filter, entry->record) && !each(*entry, line.text)) {
        return unreadable;
      }
    }
    SALVE_RETURN_IF_ERROR(reader.status());
  }
  return unreadable;
}

std::string CsvLine(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) {
    if (&cell != &cells.front()) line += ',';
    line += CsvCell(cell);
  }
  return line + "\r\n";
}

const std::vector<std::string>& CsvHeader() {
  static const auto* header = new std::vector<std::string>{
      "seq",      "time",   "at",         "event",   "incident", "policy", "target",
      "trigger",  "cause",  "confidence", "step",    "action",   "risk",   "gates",
      "approver", "result", "message",    "command", "id"};
  return *header;
}

std::vector<std::string> CsvCells(const Entry& entry) {
  const Record& r = entry.record;
  return {std::to_string(entry.sequence),
          entry.time,
          r.at,
          r.event,
          r.incident,
          r.policy,
          r.target,
          r.trigger,
          r.cause,
          Confidence(r),
          r.step,
          r.action,
          r.risk,
          r.gates,
          r.approver,
          r.result,
          r.message,
          GetString(r.detail, {"command"}),
          r.id};
}

}  // namespace salve::audit
