// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_EDGE_ROUTER_H_
#define SALVE_PKG_EDGE_ROUTER_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/random.h"
#include "pkg/edge/identity.h"
#include "pkg/http/handler.h"
#include "pkg/http/url.h"

namespace salve::edge {

enum class Access {
  kOpen,           // anybody: health, metrics, what authenticates by its own means
  kAuthenticated,  // a known token
};

// A request that found its route.
struct RoutedRequest {
  http::Request request;
  http::Target target;
  std::map<std::string, std::string> params;  // of "{name}" segments, unescaped
  Identity identity;                          // empty for kOpen
  std::string id;                             // X-Request-Id
};

struct Route {
  std::string method;   // GET also serves HEAD
  std::string pattern;  // "/api/v1/incidents/{namespace}/{name}"
  Access access = Access::kAuthenticated;
  std::size_t max_body_bytes = 64u << 10;  // below the server's own cap; 413
  bool quiet = false;                      // logged at debug only: asked every few seconds
  // Asked with a request whose body has not been read: an answer ends it there. May be null.
  std::function<std::optional<http::Response>(const RoutedRequest& head)> admit;
  // `writer` as in http::Handler.
  std::function<void(RoutedRequest, std::unique_ptr<http::ResponseWriter>)> handle;
};

// Finds the route of each request, refuses (404, 405 with Allow, 401, 413) before the body is read,
// gives every request an id, and writes one log line when it is answered. Add routes before
// serving; after that it is immutable and thread-safe.
class Router final : public http::Handler {
 public:
  // A null `authenticator` knows nobody: every kAuthenticated route answers 401.
  Router(std::shared_ptr<Authenticator> authenticator, Clock& clock, Random& random);

  void Add(Route route);

  void Handle(http::Request request, std::unique_ptr<http::ResponseWriter> writer) override;
  bool AdmitHead(const http::Request& head, http::Response* refusal) override;

 private:
  struct Entry {
    Route route;
    std::vector<std::string> segments;
  };

  // Fills `out` (but for the request) and returns its route, or fills `refusal` and returns null.
  const Route* Resolve(const http::Request& head, RoutedRequest& out,
                       http::Response& refusal) const;
  bool Identify(const http::Request& head, RoutedRequest& out, http::Response& refusal) const;
  std::string RequestId(const http::Request& head) const;

  const std::shared_ptr<Authenticator> authenticator_;
  Clock& clock_;
  Random& random_;
  std::vector<Entry> routes_;
};

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_ROUTER_H_
