// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_NOTIFY_GITHUB_ISSUE_H_
#define SALVE_PKG_NOTIFY_GITHUB_ISSUE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "pkg/notify/github_api.h"

namespace salve::notify {

// An issue as far as Salve needs to know it; a pull request is one, too.
struct GithubThread {
  std::int64_t number = 0;
  std::string url;  // for people; "" if it is no address
  std::string body;
  bool open = true;
  bool locked = false;
  std::string reason;  // why it was closed, in GitHub's word
};
// nullopt: `json` is no issue.
std::optional<GithubThread> ReadGithubThread(const nlohmann::json& json);

// Writes the message below the issue or pull request, unless it stands there already: it is looked
// for by its marker among the comments since the stage was reached.
Status CommentOnce(GithubApi& api, std::int64_t number, const healing::Message& message,
                   const SendContext& context);

// Keeps an issue for each incident: opened with the first message that is not the end, which then
// gets the later ones as comments and is closed by the end. Looked for by label and marker before
// it is opened, among the label's newest thousand, so that a message that comes twice makes neither
// two issues nor two comments. Not thread-safe.
class GithubIssues {
 public:
  // Both outlive it.
  GithubIssues(GithubApi& api, const apis::config::v1alpha1::GithubIssue& configuration)
      : api_(api), configuration_(configuration) {}
  // What comes back says what became of it: "issue #3 opened: https://…".
  StatusOr<std::string> Tell(const healing::Message& message, const SendContext& context);

 private:
  // nullopt: the incident has none.
  StatusOr<std::optional<GithubThread>> Look(const healing::Message& message,
                                             const SendContext& context);
  StatusOr<std::optional<GithubThread>> LookThroughAll(const healing::Message& message,
                                                       const SendContext& context);
  StatusOr<std::string> Open(const healing::Message& message, const SendContext& context);
  Status Close(const GithubThread& issue, const healing::Message& message,
               const SendContext& context);
  void Remember(const std::string& thread, std::int64_t number);

  GithubApi& api_;
  const apis::config::v1alpha1::GithubIssue& configuration_;
  std::map<std::string, std::int64_t> numbers_;  // by thread: what need not be looked for again
};

}  // namespace salve::notify

#endif  // SALVE_PKG_NOTIFY_GITHUB_ISSUE_H_
