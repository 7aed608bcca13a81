// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_MESSAGE_H_
#define SALVE_PKG_HTTP_MESSAGE_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace salve::http {

// Header fields in the order of arrival. Names compare without case. Value type.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  // The first value, or nullopt.
  std::optional<std::string_view> Get(std::string_view name) const;
  std::vector<std::string_view> All(std::string_view name) const;
  // Replaces every value of `name`.
  void Set(std::string_view name, std::string value);
  void Add(std::string_view name, std::string value);

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  bool empty() const { return fields_.empty(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// A request, on either side. `target` is origin-form: an escaped path and perhaps "?query".
struct Request {
  std::string method = "GET";
  std::string target = "/";
  Headers headers;
  std::string body;
  // Server side only: "127.0.0.1:51234" or "unix"; "" in process.
  std::string peer;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
};

// Reason phrase of a status code; "" for unknown ones.
std::string_view ReasonPhrase(int status);

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_MESSAGE_H_
