// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_DISCOVERY_H_
#define SALVE_PKG_APISERVER_DISCOVERY_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/apiserver/discovery_resource.h"

// Discovery documents, built on demand from the served resources. Pure functions, thread-safe.
namespace salve::apiserver {

// Something to send: the caller adds Cache-Control and Vary as named here.
struct Document {
  std::string body;
  std::string content_type = "application/json";
  std::string etag;           // quoted; "" = none
  std::string cache_control;  // "" = none
  std::string expires;        // "" = none
  bool vary_accept = false;
};

// True iff the request's If-None-Match names the document's etag: answer 304 without a body.
bool EtagMatches(std::string_view if_none_match, const std::string& etag);

// GET /api and GET /apis; `aggregated` comes from NegotiateDiscovery.
Document ApiDocument(const std::vector<ServedResource>& resources, bool aggregated);
Document ApisDocument(const std::vector<ServedResource>& resources, bool aggregated);
// GET /apis/G; nullopt: not served.
std::optional<Document> GroupDocument(const std::vector<ServedResource>& resources,
                                      std::string_view group);
// GET /api/v1, GET /apis/G/V; nullopt: not served.
std::optional<Document> GroupVersionDocument(const std::vector<ServedResource>& resources,
                                             std::string_view group, std::string_view version);
// GET /version. `git_version` must be semver with a leading v ("v1.36.0").
Document VersionDocument(const std::string& git_version);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_DISCOVERY_H_
