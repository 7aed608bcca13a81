// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_NOTIFY_GITHUB_API_H_
#define SALVE_PKG_NOTIFY_GITHUB_API_H_

#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "pkg/http/message.h"
#include "pkg/http/url.h"
#include "pkg/notify/github_app.h"
#include "pkg/notify/sink.h"

namespace salve::notify {

// One request to GitHub. `what` and `right` are for errors: "opening an issue", "Issues: write".
struct GithubCall {
  std::string what;
  std::string right;
  std::string method = "GET";
  std::string path = {};  // below the repository: "/issues", or "" for itself
  http::Query query = {};
  nlohmann::json body = nullptr;  // null: none
  std::string unless = {};        // an ETag: where the answer would still be that one, it is null
};

// What an answer that is no success means; OK for 2xx. `headers` and `body` as they came.
//   kTooManyRequests   a limit of GitHub's; retry_after() says until when
//   kUnauthenticated   the log-in is wrong      kPermissionDenied  it may not do that
//   kNotFound          404: not there, or not to be seen by who asks
//   kConflict          409                      kAlreadyExists     422 because it is there
//   kInvalidArgument   terminal: GitHub will not take that as it is, also not later (400, 410, 422)
//   kUnavailable       anything else
Status JudgeGithub(const GithubCall& call, int status, const http::Headers& headers,
                   const std::string& body, WallTime now);

// Calls about one repository, logged in by the configured token or as the App. Redirects are not
// followed, answers are read up to kMaxAnswerBytes. While GitHub's limit is used up nothing is
// sent. Not thread-safe.
class GithubApi {
 public:
  static constexpr std::size_t kMaxAnswerBytes = 8u << 20;

  // Both outlive it.
  GithubApi(const apis::config::v1alpha1::GithubSink& configuration,
            const SinkEnvironment& environment)
      : configuration_(configuration), environment_(environment) {}

  // The answer's JSON (null where it has none). Errors as JudgeGithub, and those of a transport;
  // each names the repository and the call.
  StatusOr<nlohmann::json> Call(const GithubCall& call, const SendContext& context);

  // Of the last answer that was a success; "" if it had none that can be sent back.
  const std::string& etag() const { return etag_; }
  // What the last answer's header says that the token may do, of a classic one; nullopt: nothing.
  const std::optional<std::string>& scopes() const { return scopes_; }
  // "/repos/owner/name".
  std::string Repository() const { return "/repos/" + configuration_.repository; }

 private:
  StatusOr<nlohmann::json> Once(const GithubCall& call, const SendContext& context);
  // Sends `call` to `path` of the server, logged in as that says.
  StatusOr<nlohmann::json> Exchange(const GithubCall& call, const std::string& path,
                                    const std::string& authorization, const SendContext& context);
  StatusOr<std::string> Authorization(const SendContext& context);
  Status Connect();
  void NoteLimit(const http::Headers& headers, const Status& judged);

  const apis::config::v1alpha1::GithubSink& configuration_;
  const SinkEnvironment& environment_;
  std::string base_path_;
  std::unique_ptr<http::Transport> transport_;
  std::optional<GithubToken> app_token_;
  std::optional<std::string> scopes_;
  std::string etag_;
  MonoTime limited_until_{};
};

}  // namespace salve::notify

#endif  // SALVE_PKG_NOTIFY_GITHUB_API_H_
