// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/github_check.h"

#include <vector>

#include "pkg/base/json_access.h"
#include "pkg/healing/evidence.h"
#include "pkg/healing/explain.h"

namespace salve::notify {
namespace {

using apis::config::v1alpha1::GithubSink;
using nlohmann::json;

constexpr std::size_t kMaxScopes = 200;

std::string Joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

Status Refuse(const GithubSink& sink, const std::string& why) {
  return PermissionDeniedError(sink.repository + ": " + why);
}

bool ScopeMissing(const GithubApi& api, bool is_private) {
  if (!api.scopes() || api.scopes()->empty()) return false;
  const std::string scopes = ", " + *api.scopes() + ",";
  const auto has = [&scopes](const char* one) {
    return scopes.find(std::string(", ") + one + ",") != std::string::npos;
  };
  return !has("repo") && (is_private || !has("public_repo"));
}

// A token shows what its owner may; what an App may has been asked for with its token.
Status CheckRights(const GithubApi& api, const GithubSink& sink, const json& repository) {
  if (sink.app) return Status::Ok();
  if (ScopeMissing(api, GetBool(repository, {"private"}))) {
    return Refuse(sink,
                  "the token has the scopes \"" +
                      healing::EscapeTerminal(healing::SanitizeLine(*api.scopes(), kMaxScopes)) +
                      "\"; it takes repo (for a public repository public_repo)");
  }
  if (Find(repository, {"permissions"}) == nullptr) return Status::Ok();
  const bool push = GetBool(repository, {"permissions", "push"});
  if ((sink.dispatch || sink.pull_request) && !push) {
    return Refuse(sink, "the token's owner may not write: it takes the role Write");
  }
  if (sink.issue && !push && !GetBool(repository, {"permissions", "triage"})) {
    return Refuse(sink,
                  "the token's owner may not label issues: it takes the role Triage or Write");
  }
  return Status::Ok();
}

}  // namespace

StatusOr<std::string> CheckGithubAccess(GithubApi& api, const GithubSink& sink,
                                        const SendContext& context) {
  const GithubCall look{"looking at the repository", "Metadata: read"};
  SALVE_ASSIGN_OR_RETURN(const json repository, api.Call(look, context));
  if (GetBool(repository, {"archived"})) {
    return Refuse(sink, "it is archived: nothing can be written there");
  }
  const json* issues = Find(repository, {"has_issues"});
  if (sink.issue && issues != nullptr && *issues == false) {
    return Refuse(sink, "issues are switched off there");
  }
  SALVE_RETURN_IF_ERROR(CheckRights(api, sink, repository));
  std::vector<std::string> would;
  if (sink.issue) would.push_back("open issues labelled " + Joined(sink.issue->labels));
  if (sink.pull_request) {
    const GithubCall base{"looking for branch " + sink.pull_request->base,
                          "Contents: read and write", "GET",
                          "/git/ref/heads/" + sink.pull_request->base};
    SALVE_RETURN_IF_ERROR(api.Call(base, context).status());
    would.push_back("propose files in " + sink.pull_request->directory + "/ for " +
                    sink.pull_request->base);
  }
  if (sink.dispatch) would.push_back("send " + sink.dispatch->event_type + " events");
  return "reaches " + sink.repository + (sink.app ? " as an App" : "") + " and would " +
         Joined(would) + "; nothing was made";
}

}  // namespace salve::notify
