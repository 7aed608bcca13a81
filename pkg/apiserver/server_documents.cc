// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/server_documents.h"

#include <optional>
#include <utility>
#include <vector>

#include "pkg/apiserver/auth.h"
#include "pkg/apiserver/discovery.h"
#include "pkg/apiserver/openapi.h"
#include "pkg/apiserver/table.h"

namespace salve::apiserver {
namespace {

http::Response ErrorResponse(const ApiError& error) {
  return {error.code(),
          {{"Content-Type", "application/json"}},
          error.body().dump(-1, ' ', false, Json::error_handler_t::replace)};
}

http::Response DocumentResponse(const http::Request& request, Document document) {
  http::Response response;
  if (!document.etag.empty()) response.headers.Set("ETag", document.etag);
  if (!document.cache_control.empty()) {
    response.headers.Set("Cache-Control", document.cache_control);
  }
  if (!document.expires.empty()) response.headers.Set("Expires", document.expires);
  if (document.vary_accept) response.headers.Set("Vary", "Accept");
  const auto known = request.headers.Get("If-None-Match");
  if (known && !document.etag.empty() && EtagMatches(*known, document.etag)) {
    response.status = 304;
    return response;
  }
  response.headers.Set("Content-Type", document.content_type);
  response.body = std::move(document.body);
  return response;
}

http::Response ServeDiscoveryRoot(const http::Request& request, bool core,
                                  const ResourceTable& resources) {
  const auto format = NegotiateDiscovery(request.headers.Get("Accept").value_or(""));
  if (!format.ok()) return ErrorResponse(format.error());
  const bool aggregated = *format == DiscoveryFormat::kAggregatedV2;
  return DocumentResponse(request, core ? ApiDocument(resources.all(), aggregated)
                                        : ApisDocument(resources.all(), aggregated));
}

http::Response NoPage() {
  return {404,
          {{"Content-Type", "text/plain; charset=utf-8"}, {"X-Content-Type-Options", "nosniff"}},
          "404 page not found\n"};
}

http::Response ServeOpenApi(const http::Request& request, const http::Target& target,
                            const std::vector<std::string>& path, const ResourceTable& resources,
                            WallTime now) {
  if (path.size() == 2 && path[1] == "v2") return DocumentResponse(request, OpenApiV2());
  if (path.size() < 2 || path[1] != "v3") return NoPage();
  if (path.size() == 2) return DocumentResponse(request, OpenApiRoot(resources.all()));
  std::optional<OpenApiAnswer> answer;
  const auto hash = target.query.Get("hash").value_or("");
  if (path.size() == 4 && path[2] == "api") {
    answer = OpenApiGroupVersion(resources.all(), "", path[3], hash, now);
  } else if (path.size() == 5 && path[2] == "apis") {
    answer = OpenApiGroupVersion(resources.all(), path[3], path[4], hash, now);
  }
  if (!answer) return ErrorResponse(NotFoundPath());
  if (!answer->redirect.empty()) return {301, {{"Location", answer->redirect}}, ""};
  return DocumentResponse(request, std::move(answer->document));
}

}  // namespace

http::Response ServeDocument(const http::Request& request, const http::Target& target,
                             const ResourceTable& resources, const std::string& version,
                             WallTime now) {
  if (request.method != "GET" && request.method != "HEAD") return ErrorResponse(MethodNotAllowed());
  std::vector<std::string> path = target.segments;
  if (!path.empty() && path.back().empty()) path.pop_back();
  if (path.empty()) return ErrorResponse(NotFoundPath());
  if (path[0] == "openapi") return ServeOpenApi(request, target, path, resources, now);
  if (path.size() == 1) {
    if (path[0] == "api") return ServeDiscoveryRoot(request, true, resources);
    if (path[0] == "apis") return ServeDiscoveryRoot(request, false, resources);
    if (path[0] == "version") return DocumentResponse(request, VersionDocument(version));
    if (IsPublicPath(target.path)) {
      return {200, {{"Content-Type", "text/plain; charset=utf-8"}}, "ok"};
    }
  }
  std::optional<Document> document;
  if (path[0] == "api" && path.size() == 2) {
    document = GroupVersionDocument(resources.all(), "", path[1]);
  } else if (path[0] == "apis" && path.size() == 2) {
    document = GroupDocument(resources.all(), path[1]);
  } else if (path[0] == "apis" && path.size() == 3) {
    document = GroupVersionDocument(resources.all(), path[1], path[2]);
  }
  if (!document) return path[0] == "api" ? ErrorResponse(NotFoundPath()) : NoPage();
  return DocumentResponse(request, *std::move(document));
}

}  // namespace salve::apiserver
