// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/syntax.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <arpa/inet.h>

#include "pkg/base/pattern.h"

namespace salve::apis {
namespace {

constexpr std::size_t kMaxHost = 253;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlnum(char c) { return IsLower(c) || IsDigit(c) || (c >= 'A' && c <= 'Z'); }

bool AllOf(std::string_view text, bool (*allowed)(char)) {
  return std::all_of(text.begin(), text.end(), allowed);
}

std::optional<int> Number(std::string_view digits, int high) {
  int number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc() || stop != end || number < 0 || number > high) return std::nullopt;
  return number;
}

bool IsAddress(int family, std::string_view text) {
  unsigned char buffer[16];
  return inet_pton(family, std::string(text).c_str(), buffer) == 1;
}

// A host name or an IPv4 address; names with underscores are accepted: Compose makes such.
bool IsHostName(std::string_view text) {
  if (text.empty() || text.size() > kMaxHost || !IsAlnum(text.front()) || !IsAlnum(text.back())) {
    return false;
  }
  if (text.find("..") != std::string_view::npos) return false;
  if (!AllOf(text, [](char c) { return IsAlnum(c) || c == '.' || c == '-' || c == '_'; }))
    return false;
  // What looks like an IPv4 address must be one: resolvers read 1.2.3 and 0x7f.1 each in their own
  // way.
  return !AllOf(text, [](char c) { return IsDigit(c) || c == '.'; }) || IsAddress(AF_INET, text);
}

struct HostPort {
  std::string_view host;
  std::string_view port;
  bool bracketed = false;
  bool has_port = false;
};

std::optional<HostPort> Split(std::string_view text) {
  HostPort parts;
  std::string_view rest;
  if (text.starts_with("[")) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    parts.bracketed = true;
    parts.host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return std::nullopt;
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    parts.host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  parts.has_port = !rest.empty();
  if (parts.has_port) parts.port = rest.substr(1);
  return parts;
}

std::string CheckHost(const HostPort& parts) {
  if (parts.bracketed) {
    return IsAddress(AF_INET6, parts.host) ? "" : "must have an IPv6 address between the brackets";
  }
  return IsHostName(parts.host) ? "" : "must begin with a host name or an IP address";
}

std::string CheckPort(std::string_view port) {
  return Number(port, 65535).value_or(0) > 0 ? "" : "must have a port from 1 to 65535";
}

bool IsLabelText(std::string_view text) {
  return IsAlnum(text.front()) && IsAlnum(text.back()) &&
         AllOf(text, [](char c) { return IsAlnum(c) || c == '-' || c == '_' || c == '.'; });
}

}  // namespace

std::string CheckHostPort(std::string_view text) {
  const auto parts = Split(text);
  if (!parts || !parts->has_port) return "must be host:port, as in 127.0.0.1:6379 or [::1]:6379";
  if (std::string why = CheckHost(*parts); !why.empty()) return why;
  return CheckPort(parts->port);
}

std::string CheckHttpUrl(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else {
    return "must be an http or https URL, as in http://127.0.0.1:8080/health";
  }
  if (std::any_of(rest.begin(), rest.end(), [](char c) { return c > '\0' && c <= ' '; }) ||
      rest.find('\0') != std::string_view::npos) {
    return "must not contain white space or control characters";
  }
  if (rest.find('#') != std::string_view::npos) return "must not have a fragment (#…)";
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  if (authority.find('@') != std::string_view::npos)
    return "must not carry a user name or password";
  const auto parts = Split(authority);
  if (!parts) return "must have a host";
  if (std::string why = CheckHost(*parts); !why.empty())
    return "must have a host name or an IP address";
  return parts->has_port ? CheckPort(parts->port) : "";
}

std::string CheckCidr(const std::string& text) {
  constexpr char kWanted[] = "must be an address and a prefix length, like 10.0.0.0/8";
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return kWanted;
  const std::string address = text.substr(0, slash);
  const bool v4 = IsAddress(AF_INET, address);
  if (!v4 && !IsAddress(AF_INET6, address)) return kWanted;
  return Number(std::string_view(text).substr(slash + 1), v4 ? 32 : 128) ? "" : kWanted;
}

std::string CheckObjectName(std::string_view text) {
  const auto ends = [](char c) { return IsLower(c) || IsDigit(c); };
  if (text.empty() || text.size() > 253 || !ends(text.front()) || !ends(text.back()) ||
      text.find("..") != std::string_view::npos || text.find(".-") != std::string_view::npos ||
      text.find("-.") != std::string_view::npos ||
      !AllOf(text, [](char c) { return IsLower(c) || IsDigit(c) || c == '-' || c == '.'; })) {
    return "must be the name of an object: lower-case letters, digits, '-' and '.', as in "
           "redis-main";
  }
  return "";
}

std::string CheckLabelKey(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view name = slash == std::string_view::npos ? text : text.substr(slash + 1);
  const bool prefix_fine =
      slash == std::string_view::npos || CheckObjectName(text.substr(0, slash)).empty();
  if (prefix_fine && !name.empty() && name.size() <= 63 && IsLabelText(name)) return "";
  return "must be a label's name, as in team or example.com/team";
}

std::string CheckLabelValue(std::string_view text) {
  if (text.empty() || (text.size() <= 63 && IsLabelText(text))) return "";
  return "must be a label's value: at most 63 letters, digits, '-', '_' and '.', with a letter or "
         "digit "
         "at both ends";
}

void CheckArgv(const std::vector<std::string>& argv, const std::string& path, FieldErrors& errors) {
  if (!argv.empty() && argv[0].empty()) {
    errors.push_back(
        InvalidField(At(path, 0), "\"\"", "the first element must be the program to run"));
  }
  for (std::size_t i = 0; i < argv.size(); ++i) {
    if (argv[i].find('\0') == std::string::npos) continue;
    errors.push_back(
        InvalidField(At(path, i), Quoted(argv[i]), "must not contain a NUL character"));
  }
}

bool IsArgvRegex(std::string_view element) {
  return element.size() >= 2 && element.front() == '/' && element.back() == '/';
}

void CheckArgvPatterns(const std::vector<std::vector<std::string>>& patterns,
                       const std::string& path, FieldErrors& errors) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const std::string here = At(path, i);
    if (patterns[i].empty()) {
      errors.push_back(RequiredField(here, "an allowed command has at least the program"));
    }
    CheckArgv(patterns[i], here, errors);
    for (std::size_t k = 0; k < patterns[i].size(); ++k) {
      const std::string& element = patterns[i][k];
      if (!IsArgvRegex(element)) continue;
      const auto compiled =
          Pattern::Compile(std::string_view(element).substr(1, element.size() - 2));
      if (compiled.ok()) continue;
      errors.push_back(InvalidField(At(here, k), Quoted(element), compiled.status().message()));
    }
  }
}

std::string At(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

}  // namespace salve::apis
