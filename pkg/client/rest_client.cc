// SPDX-License-Identifier: Apache-2.0
#include "pkg/client/rest_client.h"

#include <algorithm>
#include <utility>

#include "pkg/base/mutex.h"
#include "pkg/client/rest_watch.h"
#include "pkg/client/wire.h"

namespace salve::client {
namespace {

constexpr std::size_t kMaxErrorBodyBytes = 64u << 10;
const ResourceInfo kPodResource{"", "v1", "pods", "Pod", true};

// "GET /api/v1/…", for messages: without the query, which may be long.
std::string Describe(const http::Request& request) {
  return request.method + " " + request.target.substr(0, request.target.find('?'));
}

std::string TextMember(const Json& object, const char* outer, const char* name) {
  const auto it = object.find(outer);
  if (it == object.end() || !it->is_object()) return "";
  const auto member = it->find(name);
  return member != it->end() && member->is_string() ? member->get<std::string>() : "";
}

http::Query WriteQuery(const WriteOptions& options) {
  http::Query query;
  if (!options.field_manager.empty()) query.Add("fieldManager", options.field_manager);
  if (options.dry_run) query.Add("dryRun", "All");
  return query;
}

void AddSelection(http::Query& query, const std::string& labels, const std::string& fields) {
  if (!labels.empty()) query.Add("labelSelector", labels);
  if (!fields.empty()) query.Add("fieldSelector", fields);
}

const char* ContentType(PatchType type) {
  switch (type) {
    case PatchType::kJson:
      return "application/json-patch+json";
    case PatchType::kMerge:
      return "application/merge-patch+json";
    case PatchType::kApply:
      return "application/apply-patch+yaml";
  }
  return "";
}

// The body of an error answer of a stream, as far as it is short and arrives.
std::string ReadErrorBody(http::ResponseStream& stream, MonoTime deadline) {
  std::string body;
  while (body.size() < kMaxErrorBodyBytes) {
    const StatusOr<std::string> chunk = stream.Read(deadline);
    if (!chunk.ok() || chunk->empty()) break;
    body += *chunk;
  }
  return body;
}

}  // namespace

RestClient::RestClient(http::Transport& transport, RestClientOptions options, Clock& clock,
                       Random& random)
    : transport_(transport), options_(std::move(options)), clock_(clock), random_(random) {}

void RestClient::Complete(http::Request& request) const {
  request.target.insert(0, options_.path_prefix);
  if (!request.headers.Get("Accept")) request.headers.Set("Accept", "application/json");
  request.headers.Set("User-Agent", options_.user_agent);
  for (const auto& [name, value] : options_.headers) request.headers.Set(name, value);
}

http::Request RestClient::MakeRequest(const std::string& method, const std::string& path,
                                      const http::Query& query) const {
  http::Request request;
  request.method = method;
  request.target = query.empty() ? path : path + "?" + query.Encode();
  return request;
}

bool RestClient::Sleep(Duration wait, MonoTime deadline) const {
  const MonoTime until = clock_.Monotonic() + wait;
  if (until >= deadline) return false;
  Mutex mu;
  CondVar wake;
  const std::stop_callback on_stop(options_.stop, [&mu, &wake] {
    MutexLock lock(mu);
    wake.NotifyAll();
  });
  MutexLock lock(mu);
  while (clock_.Monotonic() < until) {
    if (options_.stop.stop_requested()) return false;
    (void)clock_.WaitUntil(wake, mu, until);
  }
  return !options_.stop.stop_requested();
}

std::optional<Duration> RestClient::RetryWait(const http::Request& request, const Status& status,
                                              bool answered) const {
  if (answered) {
    // Only a server that says when to come back has certainly not carried out the request.
    if (!status.retry_after()) return std::nullopt;
    return std::chrono::duration_cast<Duration>(*status.retry_after());
  }
  if (request.method == "GET" && status.code() == Code::kAborted) return Duration::zero();
  return std::nullopt;
}

StatusOr<http::Response> RestClient::Send(http::Request request, MonoTime deadline) {
  Complete(request);
  const std::string what = Describe(request);
  http::CallOptions call;
  call.deadline = std::min(deadline, clock_.Monotonic() + options_.call_timeout);
  call.stop = options_.stop;
  call.max_body_bytes = options_.max_body_bytes;
  Backoff backoff(options_.backoff);
  for (int attempt = 0;; ++attempt) {
    if (options_.stop.stop_requested()) return CancelledError(what + ": the client is stopping");
    StatusOr<http::Response> response = transport_.Send(request, call);
    const bool answered = response.ok();
    if (options_.on_request) {
      options_.on_request(request.method, answered ? response->status : 0);
    }
    if (answered && response->status >= 200 && response->status < 300) return response;
    const Status status = answered ? StatusFromHttp(what, response->status, response->body,
                                                    response->headers.Get("Retry-After"))
                                   : response.status().Annotate(what);
    const bool may_repeat = !answered || response->status == 429 || response->status >= 500;
    const std::optional<Duration> wait =
        may_repeat ? RetryWait(request, status, answered) : std::nullopt;
    if (!wait || attempt >= options_.max_retries) return status;
    if (!Sleep(std::max(*wait, backoff.Next(random_)), call.deadline)) return status;
  }
}

StatusOr<std::unique_ptr<http::ResponseStream>> RestClient::Open(http::Request request) {
  Complete(request);
  const std::string what = Describe(request);
  http::CallOptions call;
  call.deadline = clock_.Monotonic() + options_.call_timeout;
  call.stop = options_.stop;
  StatusOr<std::unique_ptr<http::ResponseStream>> stream = transport_.Open(request, call);
  if (options_.on_request) {
    options_.on_request(request.method, stream.ok() ? (*stream)->status() : 0);
  }
  if (!stream.ok()) return stream.status().Annotate(what);
  http::ResponseStream& opened = **stream;
  if (opened.status() >= 200 && opened.status() < 300) return stream;
  const std::string body = ReadErrorBody(opened, call.deadline);
  return StatusFromHttp(what, opened.status(), body, opened.headers().Get("Retry-After"));
}

StatusOr<Json> RestClient::SendJson(http::Request request, MonoTime deadline) {
  const std::string what = Describe(request);
  SALVE_ASSIGN_OR_RETURN(http::Response response, Send(std::move(request), deadline));
  StatusOr<Json> object = ParseJson(response.body);
  if (!object.ok() || !object->is_object()) {
    return InternalError(what + ": the answer is no JSON object");
  }
  return object;
}

StatusOr<Json> RestClient::Get(const ResourceInfo& resource, const NamespacedName& name) {
  return SendJson(MakeRequest("GET", ResourcePath(resource, name.ns, name.name, ""), {}));
}

StatusOr<ObjectList> RestClient::List(const ResourceInfo& resource, const ListOptions& options) {
  http::Query query;
  AddSelection(query, options.label_selector, options.field_selector);
  if (options.resource_version) query.Add("resourceVersion", *options.resource_version);
  if (options.limit > 0) query.Add("limit", std::to_string(options.limit));
  if (!options.continue_token.empty()) query.Add("continue", options.continue_token);
  http::Request request = MakeRequest("GET", ResourcePath(resource, options.ns, "", ""), query);
  const std::string what = Describe(request);
  SALVE_ASSIGN_OR_RETURN(Json body, SendJson(std::move(request), options.deadline));
  const auto items = body.find("items");
  if (items == body.end() || !(items->is_array() || items->is_null())) {
    return InternalError(what + ": the answer is no list");
  }
  ObjectList list;
  list.resource_version = TextMember(body, "metadata", "resourceVersion");
  list.continue_token = TextMember(body, "metadata", "continue");
  list.items.reserve(items->size());
  if (items->is_array()) {
    for (Json& item : *items) {
      FillTypeMeta(resource, item);
      list.items.push_back(std::move(item));
    }
  }
  return list;
}

StatusOr<std::string> RestClient::PodLogs(const NamespacedName& pod, const PodLogOptions& options) {
  http::Query query;
  if (!options.container.empty()) query.Add("container", options.container);
  if (options.previous) query.Add("previous", "true");
  if (options.tail_lines > 0) query.Add("tailLines", std::to_string(options.tail_lines));
  if (options.limit_bytes > 0) query.Add("limitBytes", std::to_string(options.limit_bytes));
  http::Request request =
      MakeRequest("GET", ResourcePath(kPodResource, pod.ns, pod.name, "log"), query);
  request.headers.Set("Accept", "text/plain, application/json");
  SALVE_ASSIGN_OR_RETURN(http::Response response, Send(std::move(request), options.deadline));
  return std::move(response.body);
}

StatusOr<std::unique_ptr<WatchStream>> RestClient::Watch(const ResourceInfo& resource,
                                                         const WatchOptions& options) {
  http::Query query{{"watch", "true"}};
  AddSelection(query, options.label_selector, options.field_selector);
  if (!options.resource_version.empty()) query.Add("resourceVersion", options.resource_version);
  if (options.allow_bookmarks) query.Add("allowWatchBookmarks", "true");
  if (options.timeout_seconds > 0) {
    query.Add("timeoutSeconds", std::to_string(options.timeout_seconds));
  }
  http::Request request = MakeRequest("GET", ResourcePath(resource, options.ns, "", ""), query);
  const std::string what = "WATCH " + ResourcePath(resource, options.ns, "", "");
  SALVE_ASSIGN_OR_RETURN(std::unique_ptr<http::ResponseStream> stream, Open(std::move(request)));
  return std::unique_ptr<WatchStream>(
      std::make_unique<RestWatch>(what, resource, std::move(stream)));
}

StatusOr<Json> RestClient::Create(const ResourceInfo& resource, const Json& object,
                                  const WriteOptions& options) {
  const std::string name =
      options.subresource.empty() ? "" : TextMember(object, "metadata", "name");
  http::Request request =
      MakeRequest("POST",
                  ResourcePath(resource, TextMember(object, "metadata", "namespace"), name,
                               options.subresource),
                  WriteQuery(options));
  request.headers.Set("Content-Type", "application/json");
  request.body = object.dump(-1, ' ', false, Json::error_handler_t::replace);
  return SendJson(std::move(request), options.deadline);
}

StatusOr<Json> RestClient::Update(const ResourceInfo& resource, const Json& object,
                                  const WriteOptions& options) {
  const std::string name = TextMember(object, "metadata", "name");
  const std::string path = ResourcePath(resource, TextMember(object, "metadata", "namespace"), name,
                                        options.subresource);
  if (name.empty() || TextMember(object, "metadata", "resourceVersion").empty()) {
    return InvalidArgumentError("PUT " + path +
                                ": metadata.name and metadata.resourceVersion must be set: read "
                                "the object first");
  }
  http::Request request = MakeRequest("PUT", path, WriteQuery(options));
  request.headers.Set("Content-Type", "application/json");
  request.body = object.dump(-1, ' ', false, Json::error_handler_t::replace);
  return SendJson(std::move(request), options.deadline);
}

StatusOr<Json> RestClient::Patch(const ResourceInfo& resource, const NamespacedName& name,
                                 PatchType type, const Json& patch, const WriteOptions& options) {
  http::Query query = WriteQuery(options);
  if (type == PatchType::kApply && options.force) query.Add("force", "true");
  http::Request request =
      MakeRequest("PATCH", ResourcePath(resource, name.ns, name.name, options.subresource), query);
  request.headers.Set("Content-Type", ContentType(type));
  request.body = patch.dump(-1, ' ', false, Json::error_handler_t::replace);
  return SendJson(std::move(request), options.deadline);
}

Status RestClient::Delete(const ResourceInfo& resource, const NamespacedName& name,
                          const DeleteOptions& options) {
  http::Request request = MakeRequest("DELETE", ResourcePath(resource, name.ns, name.name, ""), {});
  Json body = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (options.uid) body["preconditions"]["uid"] = *options.uid;
  if (options.resource_version) {
    body["preconditions"]["resourceVersion"] = *options.resource_version;
  }
  if (options.grace_period_seconds) body["gracePeriodSeconds"] = *options.grace_period_seconds;
  if (!options.propagation_policy.empty()) body["propagationPolicy"] = options.propagation_policy;
  request.headers.Set("Content-Type", "application/json");
  request.body = body.dump();
  return Send(std::move(request), options.deadline).status();
}

}  // namespace salve::client
