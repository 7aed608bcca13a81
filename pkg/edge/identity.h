// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_EDGE_IDENTITY_H_
#define SALVE_PKG_EDGE_IDENTITY_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace salve::edge {

// Who is asking.
struct Identity {
  std::string user;
  std::vector<std::string> groups;
};

// Tells who holds a token. Given by wiring; thread-safe; compares in constant time.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  virtual std::optional<Identity> Authenticate(std::string_view bearer_token) = 0;
};

// Tells what somebody may see. Given by wiring; thread-safe. Called without a lock held and
// remembered for at most a minute per stream.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  virtual bool MayReadIncidents(const Identity& identity, const std::string& ns) = 0;
};

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_IDENTITY_H_
