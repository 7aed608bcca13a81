// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/cel_lexer.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdlib>

namespace salve::apiserver::cel {
namespace {

bool IsIdentifierStart(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
}
bool IsIdentifierChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

constexpr std::array<std::string_view, 17> kReserved = {
    "as",  "break", "const",   "continue",  "else",   "for", "function", "if",   "import",
    "let", "loop",  "package", "namespace", "return", "var", "void",     "while"};

void AppendUtf8(std::uint32_t code, std::string& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0U | (code >> 6U));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0U | (code >> 12U));
    out += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  } else {
    out += static_cast<char>(0xF0U | (code >> 18U));
    out += static_cast<char>(0x80U | ((code >> 12U) & 0x3FU));
    out += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  }
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  StatusOr<std::vector<Lexeme>> Run();

 private:
  Status Error(const std::string& what) const {
    return InvalidArgumentError("CEL expression, offset " + std::to_string(position_) + ": " +
                                what);
  }
  char Peek(std::size_t ahead = 0) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
  }
  void SkipSpace();
  Status Next(Lexeme& out);
  Status Number(Lexeme& out);
  // The length of a string's prefix (r, b, rb, br) if a string starts here.
  std::optional<std::size_t> StringPrefix() const;
  Status String(std::size_t prefix, Lexeme& out);
  Status Escape(bool bytes, std::string& out);
  Status Punctuation(Lexeme& out);

  const std::string_view text_;
  std::size_t position_ = 0;
};

void Lexer::SkipSpace() {
  while (position_ < text_.size()) {
    if (std::isspace(static_cast<unsigned char>(Peek())) != 0) {
      ++position_;
    } else if (Peek() == '/' && Peek(1) == '/') {
      while (position_ < text_.size() && Peek() != '\n') ++position_;
    } else {
      return;
    }
  }
}

StatusOr<std::vector<Lexeme>> Lexer::Run() {
  std::vector<Lexeme> out;
  while (true) {
    SkipSpace();
    Lexeme lexeme;
    lexeme.offset = position_;
    if (position_ < text_.size()) SALVE_RETURN_IF_ERROR(Next(lexeme));
    out.push_back(std::move(lexeme));
    if (out.back().kind == Lexeme::Kind::kEnd) return out;
  }
}

Status Lexer::Next(Lexeme& out) {
  if (auto prefix = StringPrefix()) return String(*prefix, out);
  const char c = Peek();
  if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return Number(out);
  if (!IsIdentifierStart(c)) return Punctuation(out);
  const std::size_t start = position_;
  while (IsIdentifierChar(Peek())) ++position_;
  out.text = std::string(text_.substr(start, position_ - start));
  out.kind = Lexeme::Kind::kLiteral;
  if (out.text == "true" || out.text == "false") {
    out.literal = Value::Bool(out.text == "true");
  } else if (out.text == "null") {
    out.literal = Value();
  } else if (out.text == "in") {
    out.kind = Lexeme::Kind::kPunctuation;
  } else if (std::find(kReserved.begin(), kReserved.end(), out.text) != kReserved.end()) {
    return Error("reserved identifier: " + out.text);
  } else {
    out.kind = Lexeme::Kind::kIdentifier;
  }
  return Status::Ok();
}

Status Lexer::Number(Lexeme& out) {
  out.kind = Lexeme::Kind::kLiteral;
  const bool hex = Peek() == '0' && (Peek(1) == 'x' || Peek(1) == 'X');
  std::size_t end = position_ + (hex ? 2 : 0);
  bool floating = false;
  const auto digit = [&](char c) {
    return hex ? std::isxdigit(static_cast<unsigned char>(c)) != 0 : IsDigit(c);
  };
  const auto at = [&](std::size_t i) { return i < text_.size() ? text_[i] : '\0'; };
  while (digit(at(end))) ++end;
  if (!hex && at(end) == '.' && IsDigit(at(end + 1))) {
    floating = true;
    ++end;
    while (IsDigit(at(end))) ++end;
  }
  if (!hex && (at(end) == 'e' || at(end) == 'E')) {
    std::size_t exponent = end + 1;
    if (at(exponent) == '+' || at(exponent) == '-') ++exponent;
    if (IsDigit(at(exponent))) {
      floating = true;
      end = exponent;
      while (IsDigit(at(end))) ++end;
    }
  }
  const std::string digits(
      text_.substr(position_ + (hex ? 2 : 0), end - position_ - (hex ? 2 : 0)));
  if (floating) {
    out.literal = Value::Double(std::strtod(digits.c_str(), nullptr));
  } else {
    std::uint64_t value = 0;
    auto [stop, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
    if (digits.empty() || error != std::errc()) return Error("malformed number");
    if (at(end) == 'u' || at(end) == 'U') {
      ++end;
      out.literal = Value::Uint(value);
    } else if (value > 9223372036854775807ULL) {
      return Error("integer literal is out of range");
    } else {
      out.literal = Value::Int(static_cast<std::int64_t>(value));
    }
  }
  position_ = end;
  if (IsIdentifierStart(Peek())) return Error("malformed number");
  return Status::Ok();
}

std::optional<std::size_t> Lexer::StringPrefix() const {
  for (std::size_t length = 0; length <= 2; ++length) {
    const char c = Peek(length);
    if (c == '"' || c == '\'') return length;
    if (std::string_view("rRbB").find(c) == std::string_view::npos || c == '\0') break;
  }
  return std::nullopt;
}

Status Lexer::String(std::size_t prefix, Lexeme& out) {
  bool raw = false;
  bool bytes = false;
  for (std::size_t i = 0; i < prefix; ++i) {
    const char c = Peek(i);
    raw = raw || c == 'r' || c == 'R';
    bytes = bytes || c == 'b' || c == 'B';
  }
  position_ += prefix;
  const char quote = Peek();
  const bool triple = Peek(1) == quote && Peek(2) == quote;
  const std::string end(triple ? 3 : 1, quote);
  position_ += end.size();
  std::string value;
  while (text_.substr(position_, end.size()) != end) {
    if (position_ >= text_.size()) return Error("unterminated string");
    if (!triple && Peek() == '\n') return Error("newline in string");
    if (Peek() == '\\' && !raw) {
      SALVE_RETURN_IF_ERROR(Escape(bytes, value));
    } else {
      value += text_[position_++];
    }
  }
  position_ += end.size();
  out.kind = Lexeme::Kind::kLiteral;
  out.literal = bytes ? Value::Bytes(std::move(value)) : Value::String(std::move(value));
  return Status::Ok();
}

Status Lexer::Escape(bool bytes, std::string& out) {
  static constexpr std::string_view kNames = "abfnrtv\\?\"'`";
  static constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\?\"'`";
  const char c = Peek(1);
  if (std::size_t i = kNames.find(c); i != std::string_view::npos && c != '\0') {
    out += kValues[i];
    position_ += 2;
    return Status::Ok();
  }
  std::size_t digits = 0;
  int base = 16;
  std::size_t skip = 2;
  if (c == 'x' || c == 'X') {
    digits = 2;
  } else if (c == 'u' && !bytes) {
    digits = 4;
  } else if (c == 'U' && !bytes) {
    digits = 8;
  } else if (c >= '0' && c <= '3') {
    digits = 3;
    base = 8;
    skip = 1;
  } else {
    return Error("unknown escape in string");
  }
  const std::string_view code = text_.substr(position_, skip + digits).substr(skip);
  std::uint32_t value = 0;
  auto [stop, error] = std::from_chars(code.data(), code.data() + code.size(), value, base);
  if (code.size() != digits || error != std::errc() || stop != code.data() + code.size() ||
      value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
    return Error("malformed escape in string");
  }
  if (bytes) {
    out += static_cast<char>(value);
  } else {
    AppendUtf8(value, out);
  }
  position_ += skip + digits;
  return Status::Ok();
}

Status Lexer::Punctuation(Lexeme& out) {
  static constexpr std::array<std::string_view, 26> kWords = {
      "&&", "||", "==", "!=", "<=", ">=", ".?", "[?", "(", ")", "[", "]", "{",
      "}",  ".",  ",",  ":",  "?",  "+",  "-",  "*",  "/", "%", "!", "<", ">"};
  for (std::string_view word : kWords) {
    if (text_.substr(position_, word.size()) == word) {
      out.kind = Lexeme::Kind::kPunctuation;
      out.text = std::string(word);
      position_ += word.size();
      return Status::Ok();
    }
  }
  return Error("unexpected character");
}

}  // namespace

StatusOr<std::vector<Lexeme>> Tokenize(std::string_view text) { return Lexer(text).Run(); }

}  // namespace salve::apiserver::cel
