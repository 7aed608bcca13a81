// SPDX-License-Identifier: Apache-2.0
// Functions over text: the standard ones, the strings extension and Kubernetes' find.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>

#include "pkg/apiserver/cel_functions.h"
#include "pkg/apiserver/schema_node.h"

namespace salve::apiserver::cel {
namespace {

using Type = Value::Type;

constexpr std::size_t kMaxBuiltBytes = 1U << 20U;
constexpr std::size_t kMaxBuiltItems = 100'000;

bool AreStrings(const CallContext& call, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (!call.Is(i, Type::kString)) return false;
  }
  call.budget -= static_cast<std::int64_t>(call[0].text().size() / 32);
  return true;
}

// The byte at which character `index` starts; text.size() for the end; npos beyond it.
std::size_t OffsetOf(const std::string& text, std::int64_t index) {
  std::size_t offset = 0;
  while (index > 0 && offset < text.size()) {
    ++offset;
    while (offset < text.size() && (static_cast<unsigned char>(text[offset]) & 0xC0U) == 0x80U) {
      ++offset;
    }
    --index;
  }
  return index == 0 ? offset : std::string::npos;
}

Value CharacterIndex(const std::string& text, std::size_t offset) {
  if (offset == std::string::npos) return Value::Int(-1);
  return Value::Int(
      static_cast<std::int64_t>(CountCharacters(std::string_view(text).substr(0, offset))));
}

Value StartsWith(const CallContext& call) {
  if (!AreStrings(call, 2)) return Value::NoOverload();
  return Value::Bool(call[0].text().starts_with(call[1].text()));
}

Value EndsWith(const CallContext& call) {
  if (!AreStrings(call, 2)) return Value::NoOverload();
  return Value::Bool(call[0].text().ends_with(call[1].text()));
}

Value Contains(const CallContext& call) {
  if (!AreStrings(call, 2)) return Value::NoOverload();
  return Value::Bool(call[0].text().find(call[1].text()) != std::string::npos);
}

// The constant pattern of the call, or one compiled now (at a price).
StatusOr<Pattern> PatternOf(const CallContext& call) {
  if (call.node.pattern) return *call.node.pattern;
  call.budget -= 1000;
  return Pattern::Compile(call[1].text());
}

Value Matches(const CallContext& call) {
  if (!AreStrings(call, 2)) return Value::NoOverload();
  auto pattern = PatternOf(call);
  if (!pattern.ok()) return Value::Error(pattern.status().message());
  return Value::Bool(pattern->Matches(call[0].text()));
}

Value Find(const CallContext& call) {
  if (!AreStrings(call, 2)) return Value::NoOverload();
  auto pattern = PatternOf(call);
  if (!pattern.ok()) return Value::Error(pattern.status().message());
  const auto found = pattern->Find(call[0].text());
  return Value::String(found ? std::string(*found) : "");
}

Value MapBytes(const CallContext& call, int (*change)(int)) {
  if (!AreStrings(call, 1)) return Value::NoOverload();
  std::string text = call[0].text();
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) c = static_cast<char>(change(byte));
  }
  return Value::String(std::move(text));
}

Value LowerAscii(const CallContext& call) { return MapBytes(call, std::tolower); }
Value UpperAscii(const CallContext& call) { return MapBytes(call, std::toupper); }

Value Trim(const CallContext& call) {
  if (!AreStrings(call, 1)) return Value::NoOverload();
  const std::string& text = call[0].text();
  const std::size_t first = text.find_first_not_of(" \t\r\n\v\f");
  if (first == std::string::npos) return Value::String("");
  return Value::String(text.substr(first, text.find_last_not_of(" \t\r\n\v\f") - first + 1));
}

Value CharAt(const CallContext& call) {
  if (!AreStrings(call, 1) || !call.Is(1, Type::kInt)) return Value::NoOverload();
  const std::string& text = call[0].text();
  const std::int64_t index = call[1].integer();
  const std::size_t begin = index < 0 ? std::string::npos : OffsetOf(text, index);
  if (begin == std::string::npos) return Value::Error("index out of range: " + call[1].Show());
  if (begin == text.size()) return Value::String("");
  return Value::String(text.substr(begin, OffsetOf(text, index + 1) - begin));
}

// indexOf(text[, from]) of a string, indexOf(item) of a list.
Value IndexOf(const CallContext& call) {
  if (call.Is(0, Type::kList)) {
    if (call.size() != 2) return Value::NoOverload();
    for (std::size_t i = 0; i < call[0].size() && call.budget > 0; ++i) {
      if (Equal(call[0].At(i), call[1], call.budget)) {
        return Value::Int(static_cast<std::int64_t>(i));
      }
    }
    return Value::Int(-1);
  }
  if (!AreStrings(call, 2) || (call.size() == 3 && !call.Is(2, Type::kInt))) {
    return Value::NoOverload();
  }
  const std::int64_t from = call.size() == 3 ? call[2].integer() : 0;
  const std::size_t start = from < 0 ? std::string::npos : OffsetOf(call[0].text(), from);
  if (start == std::string::npos) return Value::Error("index out of range: " + call[2].Show());
  return CharacterIndex(call[0].text(), call[0].text().find(call[1].text(), start));
}

Value LastIndexOf(const CallContext& call) {
  if (call.Is(0, Type::kList)) {
    for (std::size_t i = call[0].size(); i > 0 && call.budget > 0; --i) {
      if (Equal(call[0].At(i - 1), call[1], call.budget)) {
        return Value::Int(static_cast<std::int64_t>(i - 1));
      }
    }
    return Value::Int(-1);
  }
  if (!AreStrings(call, 2)) return Value::NoOverload();
  return CharacterIndex(call[0].text(), call[0].text().rfind(call[1].text()));
}

Value Substring(const CallContext& call) {
  if (!AreStrings(call, 1) || !call.Is(1, Type::kInt) ||
      (call.size() == 3 && !call.Is(2, Type::kInt))) {
    return Value::NoOverload();
  }
  const std::string& text = call[0].text();
  const std::int64_t from = call[1].integer();
  const std::size_t begin = from < 0 ? std::string::npos : OffsetOf(text, from);
  std::size_t end = text.size();
  if (call.size() == 3) {
    end = call[2].integer() < 0 ? std::string::npos : OffsetOf(text, call[2].integer());
  }
  if (begin == std::string::npos || end == std::string::npos || begin > end) {
    return Value::Error("index out of range: " + call[1].Show());
  }
  return Value::String(text.substr(begin, end - begin));
}

Value Replace(const CallContext& call) {
  if (!AreStrings(call, 3) || (call.size() == 4 && !call.Is(3, Type::kInt))) {
    return Value::NoOverload();
  }
  const std::string& text = call[0].text();
  const std::string& from = call[1].text();
  std::int64_t left = call.size() == 4 ? call[3].integer() : -1;
  if (from.empty()) return Value::Error("replace: the text to replace is empty");
  std::string out;
  std::size_t position = 0;
  while (left != 0 && out.size() <= kMaxBuiltBytes) {
    const std::size_t found = text.find(from, position);
    if (found == std::string::npos) break;
    out += text.substr(position, found - position) + call[2].text();
    position = found + from.size();
    --left;
  }
  out += text.substr(position);
  if (out.size() > kMaxBuiltBytes) return Value::Error("replace: the result is too long");
  call.budget -= static_cast<std::int64_t>(out.size() / 32);
  return Value::String(std::move(out));
}

Value Split(const CallContext& call) {
  if (!AreStrings(call, 2) || (call.size() == 3 && !call.Is(2, Type::kInt))) {
    return Value::NoOverload();
  }
  const std::string& text = call[0].text();
  const std::string& separator = call[1].text();
  std::int64_t left = call.size() == 3 ? call[2].integer() : -1;
  Value::Items parts;
  if (left == 0) return Value::List(std::move(parts));
  std::size_t position = 0;
  while (left != 1 && position <= text.size()) {
    // An empty separator splits after each character.
    const std::size_t end = separator.empty() ? position + OffsetOf(text.substr(position, 4), 1)
                                              : text.find(separator, position);
    if (end == std::string::npos || (separator.empty() && end >= text.size())) break;
    parts.push_back(Value::String(text.substr(position, end - position)));
    if (parts.size() >= kMaxBuiltItems) return Value::Error("split: the result is too long");
    position = end + separator.size();
    --left;
  }
  if (!separator.empty() || position < text.size()) {
    parts.push_back(Value::String(text.substr(position)));
  }
  call.budget -= static_cast<std::int64_t>(parts.size());
  return Value::List(std::move(parts));
}

Value Join(const CallContext& call) {
  if (!call.Is(0, Type::kList) || (call.size() == 2 && !call.Is(1, Type::kString))) {
    return Value::NoOverload();
  }
  std::string out;
  for (std::size_t i = 0; i < call[0].size(); ++i) {
    const Value item = call[0].At(i);
    if (!item.is(Type::kString)) return Value::NoOverload();
    if (i > 0 && call.size() == 2) out += call[1].text();
    out += item.text();
    if (out.size() > kMaxBuiltBytes) return Value::Error("join: the result is too long");
  }
  call.budget -= static_cast<std::int64_t>(call[0].size() + out.size() / 32);
  return Value::String(std::move(out));
}

// One clause of format(): %s %d %f %x %X %o %b.
Value FormatOne(char verb, int precision, const Value& arg) {
  std::array<char, 400> buffer{};
  switch (verb) {
    case 's':
      return Value::String(arg.Show());
    case 'd':
      if (!arg.is(Type::kInt) && !arg.is(Type::kUint)) return Value::NoOverload();
      return Value::String(arg.Show());
    case 'f':
      if (!arg.IsNumber()) return Value::NoOverload();
      std::snprintf(buffer.data(), buffer.size(), "%.*f", precision, arg.AsDouble());
      return Value::String(buffer.data());
    case 'x':
    case 'X':
    case 'o':
      if (!arg.is(Type::kInt) && !arg.is(Type::kUint)) return Value::NoOverload();
      std::snprintf(buffer.data(), buffer.size(),
                    verb == 'x' ? "%llx" : (verb == 'X' ? "%llX" : "%llo"),
                    static_cast<unsigned long long>(arg.unsigned_integer()));
      return Value::String(buffer.data());
    case 'b': {
      if (arg.is(Type::kBool)) return Value::String(arg.boolean() ? "1" : "0");
      if (!arg.is(Type::kInt) && !arg.is(Type::kUint)) return Value::NoOverload();
      std::string bits;
      for (std::uint64_t n = arg.unsigned_integer(); n != 0; n >>= 1U) {
        bits.insert(bits.begin(), (n & 1U) != 0 ? '1' : '0');
      }
      return Value::String(bits.empty() ? "0" : bits);
    }
    default:
      return Value::Error(std::string("format: unknown clause %") + verb);
  }
}

Value Format(const CallContext& call) {
  if (!AreStrings(call, 1) || !call.Is(1, Type::kList)) return Value::NoOverload();
  const std::string& text = call[0].text();
  std::string out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    ++i;
    int precision = 6;
    if (i + 1 < text.size() && text[i] == '.') {
      precision = 0;
      for (++i; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
        precision = std::min(precision * 10 + (text[i] - '0'), 50);
      }
    }
    if (i >= text.size()) return Value::Error("format: unfinished clause at the end");
    if (text[i] == '%') {
      out += '%';
      continue;
    }
    if (next >= call[1].size()) return Value::Error("format: too few arguments");
    const Value piece = FormatOne(text[i], precision, call[1].At(next++));
    if (piece.is_error()) return piece;
    out += piece.text();
    if (out.size() > kMaxBuiltBytes) return Value::Error("format: the result is too long");
  }
  call.budget -= static_cast<std::int64_t>(out.size() / 32);
  return Value::String(std::move(out));
}

Value HasFormat(const CallContext& call, std::string_view format) {
  if (!AreStrings(call, 1)) return Value::NoOverload();
  return Value::Bool(MatchesFormat(format, call[0].text()));
}

Value IsUrl(const CallContext& call) { return HasFormat(call, "uri"); }
Value IsCidr(const CallContext& call) { return HasFormat(call, "cidr"); }

Value IsIp(const CallContext& call) {
  const Value v4 = HasFormat(call, "ipv4");
  return v4.is_error() || v4.IsTrue() ? v4 : HasFormat(call, "ipv6");
}

}  // namespace

const std::vector<Function>& StringFunctions() {
  static const std::vector<Function> functions = {
      {"startsWith", false, true, 2, 2, StartsWith},
      {"endsWith", false, true, 2, 2, EndsWith},
      {"contains", false, true, 2, 2, Contains},
      {"matches", true, true, 2, 2, Matches},
      {"find", false, true, 2, 2, Find},
      {"lowerAscii", false, true, 1, 1, LowerAscii},
      {"upperAscii", false, true, 1, 1, UpperAscii},
      {"trim", false, true, 1, 1, Trim},
      {"charAt", false, true, 2, 2, CharAt},
      {"indexOf", false, true, 2, 3, IndexOf},
      {"lastIndexOf", false, true, 2, 2, LastIndexOf},
      {"substring", false, true, 2, 3, Substring},
      {"replace", false, true, 3, 4, Replace},
      {"split", false, true, 2, 3, Split},
      {"join", false, true, 1, 2, Join},
      {"format", false, true, 2, 2, Format},
      {"isURL", true, false, 1, 1, IsUrl},
      {"isIP", true, false, 1, 1, IsIp},
      {"isCIDR", true, false, 1, 1, IsCidr},
  };
  return functions;
}

}  // namespace salve::apiserver::cel
