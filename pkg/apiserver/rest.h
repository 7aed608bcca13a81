// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_REST_H_
#define SALVE_PKG_APISERVER_REST_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pkg/apiserver/auth.h"
#include "pkg/apiserver/rest_admission.h"
#include "pkg/apiserver/rest_route.h"
#include "pkg/apiserver/store.h"
#include "pkg/apiserver/table.h"
#include "pkg/apiserver/watch.h"
#include "pkg/base/clock.h"
#include "pkg/base/random.h"
#include "pkg/http/handler.h"

// The verbs of the Kubernetes API on stored resources.
namespace salve::apiserver {

struct RestLimits {
  std::size_t max_object_bytes = 1'500'000;  // as stored
  std::size_t max_body_bytes = 3u << 20;     // of a request
  std::chrono::seconds event_ttl{3600};
};

// What the verbs work with. Everything outlives every request.
struct RestContext {
  Store& store;
  WatchHub& hub;
  Clock& clock;
  Random& random;
  const ResourceTable& resources;
  const std::vector<std::unique_ptr<AdmissionPlugin>>& admission;
  RestLimits limits;
};

// One authorized request on its way to its answer; shared by the steps of a write that waits for
// the disk.
struct Call {
  http::Request request;
  http::Target target;
  Route route;
  std::string verb;
  Identity user;
  const ServedResource* resource = nullptr;
  std::unique_ptr<http::ResponseWriter> writer;
  // Headers Warning of the answer.
  std::vector<std::string> warnings;

  ObjectKey Key() const;
};
using CallPtr = std::shared_ptr<Call>;

// Answers now or, for writes, when the outcome is durable. Thread-safe.
void ServeResource(const RestContext& context, const CallPtr& call);

// The verbs (rest_read.cc, rest_write.cc, rest_delete.cc).
void ServeGet(const RestContext& context, Call& call);
void ServeList(const RestContext& context, Call& call);
void ServeWatch(const RestContext& context, Call& call);
void ServeCreate(const RestContext& context, const CallPtr& call);
void ServeUpdate(const RestContext& context, const CallPtr& call);
void ServePatch(const RestContext& context, const CallPtr& call);
void ServeDelete(const RestContext& context, const CallPtr& call);
void ServeDeleteCollection(const RestContext& context, const CallPtr& call);

// --- answers (rest_reply.cc)
// --------------------------------------------------------------------------

std::string DumpJson(const Json& json);
void Reply(Call& call, int status, std::string body);
void ReplyError(Call& call, const ApiError& error);
void ReplyError(http::ResponseWriter& writer, const ApiError& error);
// 404 in plain text: where the real server has nobody to ask.
void ReplyNoPage(http::ResponseWriter& writer);
// The object in the form that the request's Accept asks for. `text` as it is stored.
void ReplyObject(const RestContext& context, Call& call, int status, std::string text);
// A failure of the store (not of a precondition): 429, 503 or 500.
ApiError StoreFailure(const Status& status);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_REST_H_
