// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/selectors.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>

namespace salve::apiserver {
namespace {

// Enough for anything a person writes; keeps a hostile query from costing time per object.
constexpr std::size_t kMaxSelectorBytes = 16 * 1024;

bool IsAlnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool IsLowerAlnum(char c) { return IsAlnum(c) && (c < 'A' || c > 'Z'); }

// [A-Za-z0-9] at both ends, [-A-Za-z0-9_.] between; not empty.
bool IsLabelName(std::string_view text) {
  if (text.empty() || !IsAlnum(text.front()) || !IsAlnum(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return IsAlnum(c) || c == '-' || c == '_' || c == '.'; });
}

bool IsDnsSubdomain(std::string_view text) {
  bool start = true;
  char previous = 0;
  for (char c : text) {
    if (c == '.') {
      if (start || previous == '-') return false;
      start = true;
    } else {
      if (!IsLowerAlnum(c) && (c != '-' || start)) return false;
      start = false;
    }
    previous = c;
  }
  return !start && previous != '-';
}

constexpr char kNameRule[] =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation "
    "is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
constexpr char kValueRule[] =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
    "'12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
constexpr char kSubdomainRule[] =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', "
    "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
    "validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

void AddReason(std::string& out, const std::string& reason) {
  if (!out.empty()) out += "; ";
  out += reason;
}

std::optional<std::int64_t> ToInt(std::string_view text) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

enum class Token {
  kEnd,
  kError,
  kIdentifier,
  kIn,
  kNotIn,
  kOpen,
  kClose,
  kComma,
  kNot,
  kEqual,
  kNotEqual,
  kGreater,
  kLess
};

struct Lexeme {
  Token token = Token::kEnd;
  std::string text;
};

bool IsSpecial(char c) { return std::string_view("=!(),<>").find(c) != std::string_view::npos; }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::vector<Lexeme> Lex(std::string_view text) {
  std::vector<Lexeme> out;
  std::size_t i = 0;
  while (i < text.size()) {
    const char c = text[i];
    if (IsSpace(c)) {
      ++i;
      continue;
    }
    if (!IsSpecial(c)) {
      std::size_t end = i;
      while (end < text.size() && !IsSpecial(text[end]) && !IsSpace(text[end])) ++end;
      std::string word(text.substr(i, end - i));
      const Token token = word == "in"      ? Token::kIn
                          : word == "notin" ? Token::kNotIn
                                            : Token::kIdentifier;
      out.push_back({token, std::move(word)});
      i = end;
      continue;
    }
    const bool followed_by_equal = i + 1 < text.size() && text[i + 1] == '=';
    std::size_t length = 1;
    Token token = Token::kError;
    switch (c) {
      case '(':
        token = Token::kOpen;
        break;
      case ')':
        token = Token::kClose;
        break;
      case ',':
        token = Token::kComma;
        break;
      case '<':
        token = Token::kLess;
        break;
      case '>':
        token = Token::kGreater;
        break;
      case '=':
        token = Token::kEqual;
        length = followed_by_equal ? 2 : 1;
        break;
      case '!':
        token = followed_by_equal ? Token::kNotEqual : Token::kNot;
        length = followed_by_equal ? 2 : 1;
        break;
      default:
        break;
    }
    out.push_back({token, std::string(text.substr(i, length))});
    i += length;
  }
  out.push_back({});
  return out;
}

// Recursive descent over the grammar of k8s.io/apimachinery/pkg/labels; error() in its words.
class LabelParser {
 public:
  explicit LabelParser(std::string_view text) : lexemes_(Lex(text)) {}

  std::vector<LabelSelector::Requirement> Run();
  const std::string& error() const { return error_; }

 private:
  using Op = LabelSelector::Op;
  // `in` and `notin` are words like any other where a key or a value is expected.
  static bool IsWord(const Lexeme& lexeme) {
    return lexeme.token == Token::kIdentifier || lexeme.token == Token::kIn ||
           lexeme.token == Token::kNotIn;
  }
  const Lexeme& Peek() const { return lexemes_[position_]; }
  const Lexeme& Next() {
    const Lexeme& lexeme = lexemes_[position_];
    if (position_ + 1 < lexemes_.size()) ++position_;
    return lexeme;
  }
  bool Fail(const std::string& message) {
    if (error_.empty()) error_ = message;
    return false;
  }
  bool Expected(const Lexeme& found, const std::string& what) {
    return Fail("found '" + found.text + "', expected: " + what);
  }
  bool Requirement(LabelSelector::Requirement& out);
  bool Operator(Op& op, bool& set);
  bool Values(std::vector<std::string>& out);
  bool Check(const LabelSelector::Requirement& requirement);

  std::vector<Lexeme> lexemes_;
  std::size_t position_ = 0;
  std::string error_;
};

std::vector<LabelSelector::Requirement> LabelParser::Run() {
  std::vector<LabelSelector::Requirement> out;
  while (Peek().token != Token::kEnd) {
    if (!IsWord(Peek()) && Peek().token != Token::kNot) {
      Expected(Peek(), "!, identifier, or 'end of string'");
      return {};
    }
    LabelSelector::Requirement requirement;
    if (!Requirement(requirement)) {
      error_ = "unable to parse requirement: " + error_;
      return {};
    }
    out.push_back(std::move(requirement));
    const Lexeme& separator = Next();
    if (separator.token == Token::kEnd) break;
    if (separator.token != Token::kComma) {
      Expected(separator, "',' or 'end of string'");
      return {};
    }
    if (!IsWord(Peek()) && Peek().token != Token::kNot) {
      Expected(Peek(), "identifier after ','");
      return {};
    }
  }
  return out;
}

bool LabelParser::Requirement(LabelSelector::Requirement& out) {
  const bool negated = Peek().token == Token::kNot;
  if (negated) Next();
  const Lexeme& key = Next();
  if (!IsWord(key)) return Expected(key, "identifier");
  out.key = key.text;
  if (std::string why = CheckLabelKey(out.key); !why.empty()) {
    return Fail("<nil>: Invalid value: " + ShowValue(out.key) + ": " + why);
  }
  if (Peek().token == Token::kEnd || Peek().token == Token::kComma) {
    out.op = negated ? Op::kNotExists : Op::kExists;
    return true;
  }
  if (negated) {
    // "!key" stands alone; what follows must be the end of the requirement.
    out.op = Op::kNotExists;
    return true;
  }
  bool set = false;
  if (!Operator(out.op, set)) return false;
  if (set) {
    if (!Values(out.values)) return false;
  } else if (Peek().token == Token::kEnd || Peek().token == Token::kComma) {
    out.values = {""};
  } else {
    const Lexeme& value = Next();
    if (!IsWord(value)) return Expected(value, "identifier");
    out.values = {value.text};
  }
  return Check(out);
}

bool LabelParser::Operator(Op& op, bool& set) {
  const Lexeme& found = Next();
  switch (found.token) {
    case Token::kIn:
      op = Op::kIn;
      set = true;
      return true;
    case Token::kNotIn:
      op = Op::kNotIn;
      set = true;
      return true;
    case Token::kEqual:
      op = Op::kIn;
      return true;
    case Token::kNotEqual:
      op = Op::kNotIn;
      return true;
    case Token::kGreater:
      op = Op::kGreaterThan;
      return true;
    case Token::kLess:
      op = Op::kLessThan;
      return true;
    default:
      return Expected(found, "in, notin, =, ==, !=, gt, lt");
  }
}

bool LabelParser::Values(std::vector<std::string>& out) {
  const Lexeme& open = Next();
  if (open.token != Token::kOpen) return Fail("found '" + open.text + "' expected: '('");
  bool want_value = true;
  while (true) {
    const Lexeme& found = Next();
    if (IsWord(found) && want_value) {
      out.push_back(found.text);
      want_value = false;
    } else if (found.token == Token::kComma || found.token == Token::kClose) {
      if (want_value) out.emplace_back();
      if (found.token == Token::kClose) return true;
      want_value = true;
    } else {
      return Expected(found, want_value ? "',', or identifier" : "',' or ')'");
    }
  }
}

bool LabelParser::Check(const LabelSelector::Requirement& requirement) {
  const bool compares = requirement.op == Op::kGreaterThan || requirement.op == Op::kLessThan;
  for (const std::string& value : requirement.values) {
    if (compares && !ToInt(value)) {
      return Fail("values[0]: Invalid value: " + ShowValue(value) +
                  ": for 'Gt', 'Lt' operators, the value must be an integer");
    }
    if (std::string why = CheckLabelValue(value); !why.empty()) {
      return Fail("values[0][" + requirement.key + "]: Invalid value: " + ShowValue(value) + ": " +
                  why);
    }
  }
  return true;
}

bool Contains(const std::vector<std::string>& values, const std::string& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

bool MatchesOne(const LabelSelector::Requirement& requirement, const std::string* value) {
  using Op = LabelSelector::Op;
  switch (requirement.op) {
    case Op::kExists:
      return value != nullptr;
    case Op::kNotExists:
      return value == nullptr;
    case Op::kIn:
      return value != nullptr && Contains(requirement.values, *value);
    case Op::kNotIn:
      return value == nullptr || !Contains(requirement.values, *value);
    case Op::kGreaterThan:
    case Op::kLessThan:
      break;
  }
  if (value == nullptr) return false;
  const std::optional<std::int64_t> have = ToInt(*value);
  const std::optional<std::int64_t> bound = ToInt(requirement.values[0]);
  if (!have || !bound) return false;
  return requirement.op == Op::kGreaterThan ? *have > *bound : *have < *bound;
}

}  // namespace

std::string CheckLabelKey(std::string_view text) {
  std::string out;
  std::string_view name = text;
  if (std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    const std::string_view prefix = text.substr(0, slash);
    name = text.substr(slash + 1);
    if (name.find('/') != std::string_view::npos) {
      return std::string("a valid label key ") + kNameRule +
             " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
    }
    if (prefix.empty()) {
      AddReason(out, "prefix part must be non-empty");
    } else {
      if (prefix.size() > 253) AddReason(out, "prefix part must be no more than 253 bytes");
      if (!IsDnsSubdomain(prefix)) AddReason(out, std::string("prefix part ") + kSubdomainRule);
    }
  }
  if (name.empty()) AddReason(out, "name part must be non-empty");
  if (name.size() > 63) AddReason(out, "name part must be no more than 63 bytes");
  if (!IsLabelName(name)) AddReason(out, std::string("name part ") + kNameRule);
  return out;
}

std::string CheckLabelValue(std::string_view text) {
  std::string out;
  if (text.size() > 63) AddReason(out, "must be no more than 63 bytes");
  if (!text.empty() && !IsLabelName(text)) AddReason(out, kValueRule);
  return out;
}

ApiResult<LabelSelector> LabelSelector::Parse(std::string_view text) {
  if (text.size() > kMaxSelectorBytes) {
    return BadRequest("labelSelector is longer than " + std::to_string(kMaxSelectorBytes) +
                      " bytes");
  }
  LabelParser parser(text);
  LabelSelector selector;
  selector.requirements_ = parser.Run();
  if (!parser.error().empty()) return BadRequest(parser.error());
  return selector;
}

bool LabelSelector::Matches(const Json& object) const {
  if (requirements_.empty()) return true;
  const Json* labels = nullptr;
  if (auto meta = object.find("metadata"); meta != object.end() && meta->is_object()) {
    if (auto found = meta->find("labels"); found != meta->end() && found->is_object()) {
      labels = &*found;
    }
  }
  return std::all_of(requirements_.begin(), requirements_.end(), [&](const Requirement& one) {
    const std::string* value = nullptr;
    if (labels != nullptr) {
      if (auto it = labels->find(one.key); it != labels->end() && it->is_string()) {
        value = it->get_ptr<const std::string*>();
      }
    }
    return MatchesOne(one, value);
  });
}

}  // namespace salve::apiserver
