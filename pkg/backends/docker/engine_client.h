// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_DOCKER_ENGINE_CLIENT_H_
#define SALVE_PKG_BACKENDS_DOCKER_ENGINE_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/backends/backend.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/status.h"
#include "pkg/http/transport.h"
#include "pkg/http/url.h"

namespace salve::backends::docker {

// Everything of the Engine API that Salve may call. What is not here cannot be asked for: requests
// are built from the table in engine_client.cc alone, whatever the socket would allow.
enum class Endpoint {
  kVersion,
  kInfo,
  kList,
  kInspect,
  kEvents,
  kLogs,
  kStart,
  kStop,
  kRestart,
  kKill,
  kPause,
  kUnpause,
  kUpdate,
  kExecCreate,
  kExecStart,
  kExecInspect,
};

struct ExecOutput {
  std::int64_t exit_code = 0;
  std::string stdout_text;  // printable UTF-8, at most kMaxExecOutput bytes each
  std::string stderr_text;
  bool truncated = false;
};
inline constexpr std::size_t kMaxExecOutput = 64u << 10;

struct ExecSpec {
  std::vector<std::string> argv;
  std::vector<std::string> env;  // "NAME=value"; may hold secrets: never logged
  std::string user;              // "" = the container's
};

// A client of one Docker engine. Thread-safe. Answers are bounded. Errors:
//   kUnavailable       no connection: nothing was sent
//   kAborted, kDeadlineExceeded   sent, no (whole) answer: a change may have happened
//   kNotFound 404, kConflict 409, kInvalidArgument 400, kPermissionDenied 401/403, kInternal 5xx:
//   the engine's own message, bounded.
// A call without a deadline gets kDefaultTimeout.
class EngineClient {
 public:
  static constexpr Duration kDefaultTimeout = std::chrono::seconds(10);

  EngineClient(std::unique_ptr<http::Transport> transport, Clock& clock);

  // Agrees on an API version: ours, or the engine's newest if that is older, or its oldest if that
  // is newer than ours (recent engines have dropped old versions; what we call did not change).
  // kUnimplemented for engines older than API 1.24. Every other call does this first where it has
  // not been done; a lost engine is asked again after Forget().
  Status Negotiate(const CallContext& context);
  void Forget();
  std::string api_version() const;

  // `subject` is a container or exec id or a container's name; kInvalidArgument if it is not made
  // of the characters that the engine allows. Any 2xx or 304 is OK; the value is null for an empty
  // body.
  StatusOr<nlohmann::json> Call(Endpoint endpoint, const std::string& subject,
                                const http::Query& query, const nlohmann::json* body,
                                const CallContext& context);
  // The same for answers that arrive over time (events, logs, exec output).
  StatusOr<std::unique_ptr<http::ResponseStream>> Open(Endpoint endpoint,
                                                       const std::string& subject,
                                                       const http::Query& query,
                                                       const nlohmann::json* body,
                                                       const CallContext& context);

  // Runs argv in the container and waits for its end. kInvalidArgument for an empty argv. An error
  // with code kNotFound, kConflict, kInvalidArgument or kUnavailable means that it did not start;
  // any other that it may have run.
  StatusOr<ExecOutput> Exec(const std::string& container, const ExecSpec& spec,
                            const CallContext& context);

  // The last lines, oldest first, at most `max_lines` of at most 1 kB.
  StatusOr<std::vector<std::string>> Logs(const std::string& container, bool tty, int max_lines,
                                          const CallContext& context);

 private:
  StatusOr<http::Request> Build(Endpoint endpoint, const std::string& subject,
                                const http::Query& query, const nlohmann::json* body) const;
  http::CallOptions Options(const CallContext& context, std::size_t max_body) const;

  const std::unique_ptr<http::Transport> transport_;
  Clock& clock_;
  mutable Mutex mu_;
  std::string api_version_ SALVE_GUARDED_BY(mu_);  // "1.41"; "" = not agreed yet
};

}  // namespace salve::backends::docker

#endif  // SALVE_PKG_BACKENDS_DOCKER_ENGINE_CLIENT_H_
