// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "pkg/apiserver/rest.h"
#include "pkg/apiserver/watch_event.h"

namespace salve::apiserver {

std::string DumpJson(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

ObjectKey Call::Key() const { return {ResourceKey(resource->info), route.ns, route.name}; }

void Reply(Call& call, int status, std::string body) {
  http::Response response;
  response.status = status;
  response.headers.Set("Content-Type", "application/json");
  response.headers.Set("Cache-Control", "no-cache, private");
  for (const std::string& warning : call.warnings) {
    response.headers.Add("Warning", WarningHeader(warning));
  }
  response.body = std::move(body);
  call.writer->Send(std::move(response));
}

void ReplyError(Call& call, const ApiError& error) { ReplyError(*call.writer, error); }

void ReplyError(http::ResponseWriter& writer, const ApiError& error) {
  http::Response response;
  response.status = error.code();
  response.headers.Set("Content-Type", "application/json");
  response.headers.Set("Cache-Control", "no-cache, private");
  if (error.retry_after_seconds() > 0) {
    response.headers.Set("Retry-After", std::to_string(error.retry_after_seconds()));
  }
  if (error.code() == 401) response.headers.Set("WWW-Authenticate", "Bearer");
  response.body = DumpJson(error.body());
  writer.Send(std::move(response));
}

void ReplyNoPage(http::ResponseWriter& writer) {
  writer.Send(
      {404,
       {{"Content-Type", "text/plain; charset=utf-8"}, {"X-Content-Type-Options", "nosniff"}},
       "404 page not found\n"});
}

void ReplyObject(const RestContext& context, Call& call, int status, std::string text) {
  const auto representation = NegotiateObject(call.request.headers.Get("Accept").value_or(""));
  if (!representation.ok()) return ReplyError(call, representation.error());
  if (*representation == Representation::kObject) return Reply(call, status, std::move(text));
  const Json object = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (*representation == Representation::kPartialMetadata) {
    return Reply(call, status, DumpJson(MakePartialMetadata(object)));
  }
  const auto include = ParseIncludeObject(call.target.query.Get("includeObject").value_or(""));
  if (!include.ok()) return ReplyError(call, include.error());
  Reply(call, status, DumpJson(MakeTableOf(*call.resource, object, *include, context.clock.Now())));
}

ApiError StoreFailure(const Status& status) {
  switch (status.code()) {
    case Code::kTooManyRequests:
      return TooManyRequests(1);
    case Code::kUnavailable:
      return ServiceUnavailable(status.message());
    default:
      return InternalFailure(status.message());
  }
}

}  // namespace salve::apiserver
