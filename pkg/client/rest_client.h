// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_CLIENT_REST_CLIENT_H_
#define SALVE_PKG_CLIENT_REST_CLIENT_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "pkg/base/backoff.h"
#include "pkg/base/clock.h"
#include "pkg/base/random.h"
#include "pkg/client/client.h"
#include "pkg/http/transport.h"
#include "pkg/http/url.h"

namespace salve::client {

struct RestClientOptions {
  http::Headers headers;    // added to every request, for example Authorization
  std::string path_prefix;  // before every path: an API server behind a proxy ("/k8s/clusters/c1")
  std::string user_agent = "salve";
  // Everything of one call: connecting, waiting, repeating.
  Duration call_timeout = std::chrono::seconds(30);
  // Repetitions of a call that was answered with 429 or 5xx and a Retry-After, and of a read whose
  // connection broke. The wait is the longer one of Retry-After and the back-off.
  int max_retries = 10;
  Backoff::Options backoff{std::chrono::milliseconds(50), std::chrono::seconds(5), 2.0, 1.0};
  std::size_t max_body_bytes = 64u << 20;  // of one answer
  // Ends every call that is under way, and refuses new ones: kCancelled.
  std::stop_token stop;
  // Called after each HTTP exchange with its method and status (0: no answer):
  // rest_client_requests_total.
  std::function<void(const std::string& method, int status)> on_request;
};

// The Kubernetes API over HTTP. Thread-safe.
class RestClient final : public Client {
 public:
  // All references must outlive it.
  RestClient(http::Transport& transport, RestClientOptions options, Clock& clock, Random& random);

  StatusOr<Json> Get(const ResourceInfo& resource, const NamespacedName& name) override;
  StatusOr<ObjectList> List(const ResourceInfo& resource, const ListOptions& options) override;
  StatusOr<std::string> PodLogs(const NamespacedName& pod, const PodLogOptions& options) override;
  StatusOr<std::unique_ptr<WatchStream>> Watch(const ResourceInfo& resource,
                                               const WatchOptions& options) override;
  StatusOr<Json> Create(const ResourceInfo& resource, const Json& object,
                        const WriteOptions& options) override;
  StatusOr<Json> Update(const ResourceInfo& resource, const Json& object,
                        const WriteOptions& options) override;
  StatusOr<Json> Patch(const ResourceInfo& resource, const NamespacedName& name, PatchType type,
                       const Json& patch, const WriteOptions& options) override;
  Status Delete(const ResourceInfo& resource, const NamespacedName& name,
                const DeleteOptions& options) override;

  // Any other request, with this client's headers, deadline and repetitions. An error status of the
  // server is an error here. For the command line.
  // It ends at `deadline` if that comes before this client's own.
  StatusOr<http::Response> Send(http::Request request, MonoTime deadline = MonoTime::max());
  // The same for a stream (logs, a Table watch): the caller reads and decodes it. Not repeated.
  StatusOr<std::unique_ptr<http::ResponseStream>> Open(http::Request request);

 private:
  http::Request MakeRequest(const std::string& method, const std::string& path,
                            const http::Query& query) const;
  StatusOr<Json> SendJson(http::Request request, MonoTime deadline = MonoTime::max());
  // Headers and path prefix.
  void Complete(http::Request& request) const;
  // How long to wait before another try, or nullopt if the answer stands.
  std::optional<Duration> RetryWait(const http::Request& request, const Status& status,
                                    bool answered) const;
  // False if `deadline` or the stop token comes first.
  bool Sleep(Duration wait, MonoTime deadline) const;

  http::Transport& transport_;
  const RestClientOptions options_;
  Clock& clock_;
  Random& random_;
};

}  // namespace salve::client

#endif  // SALVE_PKG_CLIENT_REST_CLIENT_H_
