// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_REST_ROUTE_H_
#define SALVE_PKG_APISERVER_REST_ROUTE_H_

#include <string>
#include <string_view>
#include <vector>

#include "pkg/apiserver/auth.h"
#include "pkg/apiserver/discovery_resource.h"
#include "pkg/http/url.h"

namespace salve::apiserver {

// Which resource a path means: /apis/G/V/namespaces/NS/PLURAL/NAME/SUBRESOURCE and its shorter
// forms.
struct Route {
  bool is_resource = false;
  std::string group;
  std::string version;
  std::string plural;
  std::string ns;
  std::string name;
  std::string subresource;
};
Route ParseRoute(const std::vector<std::string>& segments);

// The verb of the Kubernetes API for a method on a route: "" for a method that no resource knows.
std::string VerbOf(const std::string& method, const Route& route, const http::Query& query);

// What the authorizer is asked for a request.
Attributes AttributesOf(const std::string& method, const http::Target& target, const Route& route);

// The served resources, found by what stands in a path or in an object. Immutable, thread-safe.
class ResourceTable {
 public:
  explicit ResourceTable(std::vector<ServedResource> resources)
      : resources_(std::move(resources)) {}

  const std::vector<ServedResource>& all() const { return resources_; }
  // nullptr: not served.
  const ServedResource* Find(std::string_view group, std::string_view version,
                             std::string_view plural) const;
  const ServedResource* FindKind(std::string_view api_version, std::string_view kind) const;
  // Whether the group and version have kinds that are not made from CRDs.
  bool HasBuiltIn(std::string_view group, std::string_view version) const;
  // By the name in the store, "incidents.salve.dev".
  const ServedResource* FindKey(std::string_view resource_key) const;

 private:
  const std::vector<ServedResource> resources_;
};

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_REST_ROUTE_H_
