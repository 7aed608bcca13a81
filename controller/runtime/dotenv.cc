// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/dotenv.h"

#include <algorithm>
#include <utility>

namespace salve::runtime {
namespace {

using Variable = std::pair<std::string, std::string>;

bool IsSpace(char c) { return c == ' ' || c == '\t'; }

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

// What may follow a closing quote: nothing but a comment.
bool IsRest(std::string_view rest) {
  rest = Trimmed(rest);
  return rest.empty() || rest.front() == '#';
}

StatusOr<std::string> SingleQuoted(std::string_view text) {
  const std::size_t end = text.find('\'', 1);
  if (end == std::string_view::npos) return InvalidArgumentError("the quote is not closed");
  if (!IsRest(text.substr(end + 1))) return InvalidArgumentError("something follows the quote");
  return std::string(text.substr(1, end - 1));
}

StatusOr<std::string> DoubleQuoted(std::string_view text) {
  static constexpr std::string_view kEscapes = "nrt\"\\$";
  static constexpr std::string_view kMeanings = "\n\r\t\"\\$";
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      if (!IsRest(text.substr(i + 1))) return InvalidArgumentError("something follows the quote");
      return value;
    }
    if (text[i] == '\\' && i + 1 < text.size()) {
      const std::size_t which = kEscapes.find(text[++i]);
      if (which == std::string_view::npos) {
        return InvalidArgumentError("after a backslash only n, r, t, \", \\ and $ are known");
      }
      value += kMeanings[which];
    } else {
      value += text[i];
    }
  }
  return InvalidArgumentError("the quote is not closed");
}

std::string Plain(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '#' && (i == 0 || IsSpace(text[i - 1]))) text = text.substr(0, i);
  }
  return std::string(Trimmed(text));
}

StatusOr<Variable> ParseLine(std::string_view line) {
  constexpr std::string_view kExport = "export";
  if (line.starts_with(kExport) && line.size() > kExport.size() && IsSpace(line[kExport.size()])) {
    line = Trimmed(line.substr(kExport.size()));
  }
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return InvalidArgumentError("it is not NAME=value");
  const std::string_view name = Trimmed(line.substr(0, equals));
  if (!IsVariableName(name)) {
    return InvalidArgumentError("before the = is not a name of letters, digits and _");
  }
  const std::string_view text = Trimmed(line.substr(equals + 1));
  const char quote = text.empty() ? ' ' : text.front();
  StatusOr<std::string> value = quote == '\''  ? SingleQuoted(text)
                                : quote == '"' ? DoubleQuoted(text)
                                               : Plain(text);
  if (!value.ok()) return value.status();
  if (value->size() > kMaxVariableBytes) return InvalidArgumentError("the value is over 64 kB");
  return Variable(name, *std::move(value));
}

}  // namespace

bool IsVariableName(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  };
  const auto good = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 255 && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), good);
}

StatusOr<std::map<std::string, std::string>> ParseDotenv(const std::string& file,
                                                         std::string_view text) {
  std::map<std::string, std::string> variables;
  for (int number = 1; !text.empty(); ++number) {
    const auto wrong = [&](const std::string& why) {
      return InvalidArgumentError(file + ":" + std::to_string(number) + ": " + why);
    };
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = Trimmed(line);
    if (line.empty() || line.front() == '#') continue;
    if (line.find('\0') != std::string_view::npos) return wrong("there is a NUL in it");
    StatusOr<Variable> variable = ParseLine(line);
    if (!variable.ok()) return wrong(variable.status().message());
    const std::string name = variable->first;
    if (!variables.insert(*std::move(variable)).second) return wrong(name + " is set twice");
    if (variables.size() > kMaxVariables) return wrong("more than 1000 variables");
  }
  return variables;
}

}  // namespace salve::runtime
