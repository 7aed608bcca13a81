// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_TESTING_SCRIPTED_TRANSPORT_H_
#define SALVE_PKG_HTTP_TESTING_SCRIPTED_TRANSPORT_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pkg/base/mutex.h"
#include "pkg/http/transport.h"

namespace salve::http {

// A transport whose answers a function makes up, and that remembers what it was asked. Thread-safe
// if the function is.
class ScriptedTransport final : public Transport {
 public:
  using Script = std::function<StatusOr<Response>(const Request&, const CallOptions&)>;
  explicit ScriptedTransport(Script script) : script_(std::move(script)) {}

  StatusOr<Response> Send(const Request& request, const CallOptions& options) override;
  // The script's body is the whole stream.
  StatusOr<std::unique_ptr<ResponseStream>> Open(const Request& request,
                                                 const CallOptions& options) override;

  std::vector<Request> requests() const;

 private:
  const Script script_;
  mutable Mutex mu_;
  std::vector<Request> requests_ SALVE_GUARDED_BY(mu_);
};

// A stream of chunks that is ready at once and ends with `end` (OK: regularly).
std::unique_ptr<ResponseStream> MakeCannedStream(Response head, std::vector<std::string> chunks,
                                                 Status end = {});

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_TESTING_SCRIPTED_TRANSPORT_H_
