// SPDX-License-Identifier: Apache-2.0
#include "pkg/audit/record.h"

#include <algorithm>
#include <charconv>

#include "pkg/base/json_access.h"
#include "pkg/client/wire.h"

namespace salve::audit {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kHashDigits = 64;

// The members that are text, in the order in which a line has them.
struct TextMember {
  const char* name;
  std::string Record::* value;
};
constexpr TextMember kTexts[] = {
    {"event", &Record::event},       {"id", &Record::id},         {"subject", &Record::subject},
    {"incident", &Record::incident}, {"policy", &Record::policy}, {"target", &Record::target},
    {"trigger", &Record::trigger},   {"cause", &Record::cause},   {"step", &Record::step},
    {"action", &Record::action},     {"risk", &Record::risk},     {"gates", &Record::gates},
    {"approver", &Record::approver}, {"result", &Record::result}, {"message", &Record::message},
};

bool IsHash(std::string_view text) {
  return text.size() == kHashDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

bool IsState(std::string_view event) {
  return event == kGatesEvaluated || event == kEscalated || event == kPolicySet ||
         event == kGuardrailSet;
}

bool EndsSubject(std::string_view event) {
  return event == kResolved || event == kIncidentDeleted || event == kPolicyDeleted ||
         event == kGuardrailDeleted;
}

const std::string& NoHash() {
  static const std::string* zeros = new std::string(kHashDigits, '0');
  return *zeros;
}

std::string FormatLine(const Entry& entry) {
  const Record& record = entry.record;
  Json line = {{"seq", entry.sequence},
               {"time", entry.time},
               {"at", record.at.empty() ? entry.time : record.at}};
  for (const TextMember& member : kTexts) {
    const std::string& value = record.*member.value;
    if (!value.empty()) line[member.name] = value;
  }
  if (record.confidence) line["confidence"] = *record.confidence;
  if (record.detail.is_object() && !record.detail.empty()) line["detail"] = record.detail;
  line["previous"] = entry.previous;
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

StatusOr<Entry> ParseLine(std::string_view line) {
  SALVE_ASSIGN_OR_RETURN(const nlohmann::json json, client::ParseJson(line));
  if (!json.is_object()) return InvalidArgumentError("it is not a JSON object");
  Entry entry;
  entry.sequence = GetInt(json, {"seq"});
  entry.time = GetString(json, {"time"});
  entry.previous = GetString(json, {"previous"});
  entry.record.at = GetString(json, {"at"});
  for (const TextMember& member : kTexts) {
    entry.record.*member.value = GetString(json, {member.name});
  }
  if (const nlohmann::json* confidence = Find(json, {"confidence"});
      confidence != nullptr && confidence->is_number()) {
    entry.record.confidence = confidence->get<double>();
  }
  if (const nlohmann::json* detail = Find(json, {"detail"});
      detail != nullptr && detail->is_object()) {
    entry.record.detail = *detail;
  }
  if (entry.sequence < 1 || entry.record.event.empty() || !IsHash(entry.previous)) {
    return InvalidArgumentError("it lacks \"seq\", \"event\" or \"previous\"");
  }
  return entry;
}

std::string FormatHead(const Head& head) { return std::to_string(head.sequence) + ":" + head.hash; }

StatusOr<Head> ParseHead(std::string_view text) {
  Head head;
  const std::size_t colon = text.find(':');
  const std::string_view number = text.substr(0, colon);
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), head.sequence);
  if (colon != std::string_view::npos) head.hash = text.substr(colon + 1);
  if (error != std::errc() || end != number.data() + number.size() || head.sequence < 1 ||
      !IsHash(head.hash)) {
    return InvalidArgumentError("\"" + std::string(text) +
                                "\" is not a head: SEQUENCE:HASH, as salve audit verify prints it");
  }
  return head;
}

}  // namespace salve::audit
