// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/redact.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>

#include "pkg/base/mutex.h"

namespace salve {
namespace {

constexpr std::size_t kMinSecret = 6;
constexpr std::size_t kMaxSecrets = 1024;

struct Registry {
  Mutex mu;
  std::deque<std::string> values SALVE_GUARDED_BY(mu);
};

Registry& Secrets() {
  static Registry* registry =
      new Registry;  // Never destroyed: threads may log while the process ends.
  return *registry;
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsWordChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

bool IsSpace(char c) { return c == ' ' || c == '\t'; }

// Where a bare value ends: at white space, a quote, or what separates values in URLs and lists.
bool EndsValue(char c) {
  return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\'' || c == '&' || c == ',' ||
         c == ';' || c == '}' || c == ')' || c == '\\';
}

std::size_t SkipSpaces(std::string_view text, std::size_t at) {
  while (at < text.size() && IsSpace(text[at])) ++at;
  return at;
}

bool StartsWithNoCase(std::string_view text, std::string_view lower_prefix) {
  if (text.size() < lower_prefix.size()) return false;
  return std::equal(lower_prefix.begin(), lower_prefix.end(), text.begin(),
                    [](char a, char b) { return a == Lower(b); });
}

void ReplaceAll(std::string& text, std::string_view what) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + kRedacted.size())) {
    text.replace(at, what.size(), kRedacted);
  }
}

// Copies `text` to `out` while hiding what looks like a secret.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) { out_.reserve(text.size()); }

  std::string Run() {
    while (at_ < text_.size()) {
      if (HidePemKey() || HideUserInfo()) continue;
      if (IsWordChar(text_[at_])) {
        TakeWord();
      } else {
        out_ += text_[at_++];
      }
    }
    return std::move(out_);
  }

 private:
  bool HidePemKey() {
    constexpr std::string_view kBegin = "-----BEGIN ";
    const std::string_view rest = text_.substr(at_);
    if (rest.substr(0, kBegin.size()) != kBegin) return false;
    const std::string_view title = rest.substr(0, std::min<std::size_t>(rest.size(), 64));
    if (title.find("PRIVATE KEY") == std::string_view::npos) return false;
    const std::size_t end = rest.find("-----END ");
    const std::size_t close =
        end == std::string_view::npos ? end : rest.find("-----", end + kBegin.size());
    out_ += kRedacted;
    at_ = close == std::string_view::npos ? text_.size() : at_ + close + 5;
    return true;
  }

  // "scheme://user:password@host": the password goes, the user stays.
  bool HideUserInfo() {
    if (text_.substr(at_, 3) != "://") return false;
    const std::size_t start = at_ + 3;
    std::size_t end = start;
    while (end < text_.size() && static_cast<unsigned char>(text_[end]) > ' ' &&
           text_[end] != '/' && text_[end] != '"' && text_[end] != '\'') {
      ++end;
    }
    const std::string_view authority = text_.substr(start, end - start);
    const std::size_t host = authority.rfind('@');
    const std::size_t colon = authority.find(':');
    out_ += "://";
    at_ = start;
    if (host == std::string_view::npos || colon == std::string_view::npos || colon > host) {
      return true;
    }
    out_ += authority.substr(0, colon + 1);
    out_ += kRedacted;
    at_ = start + host;
    return true;
  }

  // A word is copied; if it names a secret, the value that follows is not.
  void TakeWord() {
    const std::size_t start = at_;
    while (at_ < text_.size() && IsWordChar(text_[at_])) ++at_;
    const std::string_view word = text_.substr(start, at_ - start);
    out_ += word;
    if (StartsWithNoCase(word, "bearer") && word.size() == 6) return HideAfterSpaces(8);
    if (StartsWithNoCase(word, "basic") && word.size() == 5) return HideAfterSpaces(8);
    if (StartsWithNoCase(word, "requirepass") || StartsWithNoCase(word, "masterauth")) {
      return HideAfterSpaces(1);
    }
    if (IsSecretName(word)) HideAssigned();
  }

  // "Bearer x": hides the next word if it has at least `min` bytes ("basic check" stays).
  void HideAfterSpaces(std::size_t min) {
    const std::size_t value = SkipSpaces(text_, at_);
    if (value == at_) return;
    std::size_t end = value;
    while (end < text_.size() && !EndsValue(text_[end])) ++end;
    if (end - value < min) return;
    out_ += text_.substr(at_, value - at_);
    out_ += kRedacted;
    at_ = end;
  }

  // `=value`, `: value`, `": "value"`, with or without quotes, escaped ones too.
  void HideAssigned() {
    std::size_t at = at_;
    TakeQuote(at);
    at = SkipSpaces(text_, at);
    if (at >= text_.size() || (text_[at] != '=' && text_[at] != ':')) return;
    at = SkipSpaces(text_, at + 1);
    const std::string_view quote = TakeQuote(at);
    std::size_t end = 0;
    if (!quote.empty()) {
      end = FindQuote(at, quote);
    } else {
      for (std::string_view scheme : {std::string_view("bearer"), std::string_view("basic")}) {
        if (StartsWithNoCase(text_.substr(at), scheme)) at = SkipSpaces(text_, at + scheme.size());
      }
      end = at;
      while (end < text_.size() && !EndsValue(text_[end])) ++end;
    }
    if (end == at) return;
    out_ += text_.substr(at_, at - at_);
    out_ += kRedacted;
    at_ = end;
  }

  // Moves `at` past a quote and returns it: `"`, `'`, `\"`, or nothing.
  std::string_view TakeQuote(std::size_t& at) const {
    const std::string_view rest = text_.substr(at);
    const std::size_t slash = rest.starts_with('\\') ? 1 : 0;
    if (rest.size() <= slash || (rest[slash] != '"' && rest[slash] != '\'')) return {};
    at += slash + 1;
    return rest.substr(0, slash + 1);
  }

  // Where the quoted value that starts at `at` ends.
  std::size_t FindQuote(std::size_t at, std::string_view quote) const {
    while (at < text_.size() && text_.substr(at, quote.size()) != quote) {
      at += text_[at] == '\\' ? 2 : 1;
    }
    return std::min(at, text_.size());
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

bool IsSecretName(std::string_view name) {
  static constexpr std::array<std::string_view, 12> kWords = {
      "password", "passwd",        "secret",     "token",       "apikey",     "api_key",
      "api-key",  "authorization", "credential", "private_key", "access_key", "accesskey"};
  // Names of things about secrets that are no secrets themselves.
  static constexpr std::array<std::string_view, 5> kInnocent = {
      "secretref", "secretname", "secretsmanager", "tokens", "tokenfile"};
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), Lower);
  if (std::find(kInnocent.begin(), kInnocent.end(), lower) != kInnocent.end()) return false;
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

void RegisterSecret(std::string_view value) {
  if (value.size() < kMinSecret) return;
  Registry& registry = Secrets();
  MutexLock lock(registry.mu);
  auto& values = registry.values;
  if (std::find(values.begin(), values.end(), value) != values.end()) return;
  if (values.size() >= kMaxSecrets) values.pop_front();
  values.emplace_back(value);
}

std::string Redact(std::string_view text) {
  std::string copy(text);
  {
    Registry& registry = Secrets();
    MutexLock lock(registry.mu);
    for (const std::string& value : registry.values) ReplaceAll(copy, value);
  }
  return Scanner(copy).Run();
}

}  // namespace salve
