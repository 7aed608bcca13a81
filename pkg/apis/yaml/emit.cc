// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "pkg/apis/yaml/yaml.h"

namespace salve::apis::yaml {
namespace {

bool IsPrintable(const std::string& text, bool with_newlines) {
  for (const char c : text) {
    if (c == '\n' && with_newlines) continue;
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
  }
  // NEL, LS, PS and the byte order mark are line breaks or nothing to YAML 1.1 readers.
  return text.find("\xC2\x85") == std::string::npos &&
         text.find("\xE2\x80\xA8") == std::string::npos &&
         text.find("\xE2\x80\xA9") == std::string::npos &&
         text.find("\xEF\xBB\xBF") == std::string::npos;
}

// Whether a reader would take the plain text for something else than a string.
bool MeansSomethingElse(const std::string& text) {
  const StatusOr<Json> meaning = internal::ResolvePlain(text);
  return !meaning.ok() || !meaning->is_string() || text == "<<" || text == "=";
}

// Dates are strings to kubectl, but not to every reader.
bool LooksLikeDate(const std::string& text) {
  return text.size() >= 8 && text[0] >= '0' && text[0] <= '9' && text.find('-') == 4;
}

bool IsPlainSafe(const std::string& text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ' || text.back() == ':') return false;
  constexpr std::string_view kIndicators = "-?:,[]{}#&*!|>'\"%@`";
  if (kIndicators.find(text.front()) != std::string_view::npos) {
    const bool harmless_dash =
        text.front() == '-' && text.size() > 1 && text[1] != ' ' && text[1] != '-';
    if (!harmless_dash) return false;
  }
  return text.find(": ") == std::string::npos && text.find(" #") == std::string::npos;
}

std::string SingleQuoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    out += c;
    if (c == '\'') out += c;
  }
  return out + "'";
}

// JSON's escapes are a part of YAML's.
std::string DoubleQuoted(const std::string& text) {
  std::string out = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string result;
  for (const char c : out) {
    if (c == 0x7F) {
      result += "\\x7F";
    } else {
      result += c;
    }
  }
  const auto replace = [&result](const std::string& from, const std::string& to) {
    for (std::size_t at = result.find(from); at != std::string::npos;
         at = result.find(from, at + to.size())) {
      result.replace(at, from.size(), to);
    }
  };
  replace("\xC2\x85", "\\u0085");
  replace("\xE2\x80\xA8", "\\u2028");
  replace("\xE2\x80\xA9", "\\u2029");
  replace("\xEF\xBB\xBF", "\\uFEFF");
  return result;
}

// Whether the text can stand as a literal block: every line then reads back as it is.
bool IsBlockSafe(const std::string& text) {
  return text.find('\n') != std::string::npos && text.front() != ' ' && text.front() != '\n' &&
         IsPrintable(text, true) && text.find(" \n") == std::string::npos && text.back() != ' ';
}

std::string Block(const std::string& text, int indent) {
  const std::size_t last = text.find_last_not_of('\n');
  const std::size_t breaks = text.size() - last - 1;
  std::string out = breaks == 0 ? "|-" : breaks == 1 ? "|" : "|+";
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    out += '\n';
    if (end > begin) out += std::string(static_cast<std::size_t>(indent), ' ');
    out.append(text, begin, end - begin);
    begin = end + 1;
  }
  return out;
}

std::string Key(const std::string& text) {
  if (!IsPrintable(text, false)) return DoubleQuoted(text);
  if (MeansSomethingElse(text)) return DoubleQuoted(text);
  return IsPlainSafe(text) ? text : SingleQuoted(text);
}

std::string Scalar(const Json& value, int indent) {
  if (value.is_object()) return "{}";
  if (value.is_array()) return "[]";
  if (!value.is_string()) return value.dump();
  const auto& text = value.get_ref<const std::string&>();
  if (IsPrintable(text, false)) {
    if (MeansSomethingElse(text) || LooksLikeDate(text)) return DoubleQuoted(text);
    return IsPlainSafe(text) ? text : SingleQuoted(text);
  }
  return IsBlockSafe(text) ? Block(text, indent) : DoubleQuoted(text);
}

void EmitNode(const Json& value, int indent, bool continues_line, std::string& out);

void EmitMap(const Json& map, int indent, bool continues_line, std::string& out) {
  bool first = continues_line;
  for (const auto& [key, item] : map.items()) {
    if (!first) out += std::string(static_cast<std::size_t>(indent), ' ');
    first = false;
    out += Key(key) + ":";
    if (item.is_structured() && !item.empty()) {
      out += '\n';
      EmitNode(item, item.is_array() ? indent : indent + 2, false, out);
    } else {
      out += " " + Scalar(item, indent + 2) + "\n";
    }
  }
}

void EmitList(const Json& list, int indent, bool continues_line, std::string& out) {
  bool first = continues_line;
  for (const Json& item : list) {
    if (!first) out += std::string(static_cast<std::size_t>(indent), ' ');
    first = false;
    out += "- ";
    EmitNode(item, indent + 2, true, out);
  }
}

// `continues_line`: the indentation of the first line is there already.
void EmitNode(const Json& value, int indent, bool continues_line, std::string& out) {
  if (value.is_structured() && !value.empty()) {
    if (value.is_object()) {
      EmitMap(value, indent, continues_line, out);
    } else {
      EmitList(value, indent, continues_line, out);
    }
  } else {
    out += Scalar(value, indent) + "\n";
  }
}

}  // namespace

std::string Emit(const Json& value) {
  std::string out;
  EmitNode(value, 0, true, out);
  return out;
}

}  // namespace salve::apis::yaml
