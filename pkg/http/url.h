// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_URL_H_
#define SALVE_PKG_HTTP_URL_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pkg/base/status.h"

namespace salve::http {

// RFC 3986: everything but unreserved characters becomes %XX. For one path segment or one query
// component.
std::string Escape(std::string_view text);
// The inverse ("+" is a space only if `plus_is_space`). nullopt on a broken escape.
std::optional<std::string> Unescape(std::string_view text, bool plus_is_space = false);

// Query parameters in order. Value type.
class Query {
 public:
  Query() = default;
  Query(std::initializer_list<std::pair<std::string, std::string>> items) : items_(items) {}

  std::optional<std::string_view> Get(std::string_view name) const;
  bool Has(std::string_view name) const { return Get(name).has_value(); }
  void Add(std::string name, std::string value);
  // "a=b&c=d", escaped; "" if empty.
  std::string Encode() const;

  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  bool empty() const { return items_.empty(); }

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

// A request target taken apart. `segments` are unescaped: "/a/b%2Fc" is {"a", "b/c"}.
struct Target {
  std::string path;  // as received, escaped
  std::vector<std::string> segments;
  Query query;
};
// InvalidArgument on broken escapes, more than 64 segments or 256 parameters.
StatusOr<Target> ParseTarget(std::string_view target);

// "scheme://[user:password@]host[:port][/path]". Password is accepted only to be told apart.
struct Url {
  std::string scheme;
  std::string host;  // without brackets
  int port = 0;      // the scheme's default if absent (http 80, https 443), else 0
  std::string path;  // "" or "/…", with the query
};
StatusOr<Url> ParseUrl(std::string_view url);
// The host as a URL has it: an IPv6 address in brackets.
std::string BracketedHost(const Url& url);
// "scheme://host:port", whatever the path: what a transport is made for.
std::string BaseUrl(const Url& url);

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_URL_H_
