// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/url.h"

#include <algorithm>
#include <charconv>

namespace salve::http {
namespace {

constexpr std::size_t kMaxSegments = 64;
constexpr std::size_t kMaxParameters = 256;

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Status BadTarget(std::string_view target, std::string_view why) {
  return InvalidArgumentError("request target \"" + std::string(target.substr(0, 200)) +
                              "\": " + std::string(why));
}

// Takes what stands before the next `separator` off the front of `rest`.
std::string_view TakeUntil(std::string_view& rest, char separator) {
  const std::size_t at = rest.find(separator);
  const std::string_view head = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return head;
}

Status ParseSegments(std::string_view target, Target& out) {
  std::string_view rest = std::string_view(out.path).substr(1);
  while (!rest.empty()) {
    const std::string_view raw = TakeUntil(rest, '/');
    std::optional<std::string> segment = Unescape(raw);
    if (!segment) return BadTarget(target, "broken %-escape in the path");
    if (out.segments.size() == kMaxSegments) return BadTarget(target, "more than 64 segments");
    out.segments.push_back(*std::move(segment));
  }
  return {};
}

Status ParseQuery(std::string_view target, std::string_view query, Target& out) {
  std::size_t count = 0;
  while (!query.empty()) {
    std::string_view item = TakeUntil(query, '&');
    if (item.empty()) continue;
    const std::string_view raw_name = TakeUntil(item, '=');
    std::optional<std::string> name = Unescape(raw_name, true);
    std::optional<std::string> value = Unescape(item, true);
    if (!name || !value) return BadTarget(target, "broken %-escape in the query");
    if (++count > kMaxParameters) return BadTarget(target, "more than 256 query parameters");
    out.query.Add(*std::move(name), *std::move(value));
  }
  return {};
}

int DefaultPort(std::string_view scheme) {
  if (scheme == "http") return 80;
  if (scheme == "https") return 443;
  return 0;
}

bool IsScheme(std::string_view scheme) {
  const auto is_alpha = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !scheme.empty() && is_alpha(scheme.front()) &&
         std::all_of(scheme.begin(), scheme.end(), [&](char c) {
           return is_alpha(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
         });
}

// "host", "host:port", "[v6]" or "[v6]:port".
Status ParseAuthority(std::string_view authority, Url& out) {
  const auto bad = [](std::string_view why) {
    return InvalidArgumentError("URL: " + std::string(why));
  };
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return bad("\"[\" without \"]\" in the host");
    out.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
    if (!port.empty() && !port.starts_with(':')) return bad("unexpected text after \"]\"");
  } else {
    const std::size_t colon = authority.find(':');
    out.host = authority.substr(0, colon);
    port = colon == std::string_view::npos ? "" : authority.substr(colon);
  }
  const auto bad_host_char = [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || c == '\\' || c == '"' ||
           c == '<' || c == '>' || c == '[' || c == ']';
  };
  if (std::any_of(out.host.begin(), out.host.end(), bad_host_char)) {
    return bad("the host has a character that no host name may have");
  }
  out.port = DefaultPort(out.scheme);
  if (port.size() <= 1) return port.empty() ? Status() : bad("empty port");
  port.remove_prefix(1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (error != std::errc() || end != port.data() + port.size() || out.port < 1 ||
      out.port > 65535) {
    return bad("port \"" + std::string(port.substr(0, 20)) + "\" is not in 1–65535");
  }
  return {};
}

}  // namespace

std::string Escape(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    if (IsUnreserved(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 0xF];
    }
  }
  return out;
}

std::optional<std::string> Unescape(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = HexDigit(text[i + 1]);
      const int low = HexDigit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::optional<std::string_view> Query::Get(std::string_view name) const {
  for (const auto& [key, value] : items_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

void Query::Add(std::string name, std::string value) {
  items_.emplace_back(std::move(name), std::move(value));
}

std::string Query::Encode() const {
  std::string out;
  for (const auto& [key, value] : items_) {
    if (!out.empty()) out += '&';
    out += Escape(key) + "=" + Escape(value);
  }
  return out;
}

StatusOr<Target> ParseTarget(std::string_view target) {
  if (!target.starts_with('/')) return BadTarget(target, "does not start with \"/\"");
  Target out;
  const std::string_view without_fragment = target.substr(0, target.find('#'));
  const std::size_t question = without_fragment.find('?');
  out.path = without_fragment.substr(0, question);
  SALVE_RETURN_IF_ERROR(ParseSegments(target, out));
  if (question != std::string_view::npos) {
    SALVE_RETURN_IF_ERROR(ParseQuery(target, without_fragment.substr(question + 1), out));
  }
  return out;
}

StatusOr<Url> ParseUrl(std::string_view url) {
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos || !IsScheme(url.substr(0, colon))) {
    return InvalidArgumentError("URL: expected \"scheme://host\"");
  }
  Url out;
  out.scheme = url.substr(0, colon);
  std::transform(out.scheme.begin(), out.scheme.end(), out.scheme.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const std::string_view rest = url.substr(colon + 3);
  const std::size_t slash = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, slash);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    authority.remove_prefix(at + 1);
  }
  SALVE_RETURN_IF_ERROR(ParseAuthority(authority, out));
  // unix:///path has no host; whatever goes over the network needs one.
  if (out.host.empty() && DefaultPort(out.scheme) != 0) {
    return InvalidArgumentError("URL: no host after \"" + out.scheme + "://\"");
  }
  if (slash != std::string_view::npos) {
    out.path = rest.substr(slash);
    out.path.resize(std::min(out.path.size(), out.path.find('#')));
    if (!out.path.empty() && out.path.front() == '?') out.path.insert(0, 1, '/');
  }
  return out;
}

std::string BracketedHost(const Url& url) {
  return url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
}

std::string BaseUrl(const Url& url) {
  return url.scheme + "://" + BracketedHost(url) + ":" + std::to_string(url.port);
}

}  // namespace salve::http
