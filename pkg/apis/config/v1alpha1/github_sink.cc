// SPDX-License-Identifier: Apache-2.0
// The part of the configuration that says what is done in a repository at GitHub.
#include "pkg/apis/config/v1alpha1/sinks.h"
#include "pkg/apis/config/v1alpha1/tables.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"
#include "pkg/apis/syntax.h"
#include "pkg/base/pattern.h"

namespace salve::apis {

using config::v1alpha1::GithubApp;
using config::v1alpha1::GithubDispatch;
using config::v1alpha1::GithubIssue;
using config::v1alpha1::GithubPullRequest;
using config::v1alpha1::GithubSink;

SALVE_APIS_TABLE(
    GithubApp,
    Describe(
        "GithubApp",
        {
            F<&GithubApp::id>("id", "The App's number.").Required().Range(1, 9'007'199'254'740'991),
            F<&GithubApp::installation>("installation",
                                        "The number of its installation in the account.")
                .Required()
                .Range(1, 9'007'199'254'740'991),
            F<&GithubApp::private_key>("privateKey", "Its private key, PEM.").Required(),
        }));

SALVE_APIS_TABLE(
    GithubIssue,
    Describe("GithubIssue",
             {
                 F<&GithubIssue::labels>(
                     "labels", "What they are labelled; found again by the first. Default ai-fix.")
                     .MaxItems(20),
                 F<&GithubIssue::close_on_resolved>("closeOnResolved",
                                                    "Whether the end of the incident closes it.")
                     .Default(),
             }));

SALVE_APIS_TABLE(GithubDispatch,
                 Describe("GithubDispatch",
                          {
                              F<&GithubDispatch::event_type>(
                                  "eventType", "What workflows run on; default error-detected.")
                                  .MaxLength(100),
                          }));

SALVE_APIS_TABLE(
    GithubPullRequest,
    Describe("GithubPullRequest",
             {
                 F<&GithubPullRequest::base>("base", "The branch to merge into; default main.")
                     .MaxLength(200),
                 F<&GithubPullRequest::directory>("directory",
                                                  "Where the reports are put; default incidents.")
                     .MaxLength(200),
                 F<&GithubPullRequest::labels>("labels", "What they are labelled; default salve.")
                     .MaxItems(20),
             }));

SALVE_APIS_TABLE(
    GithubSink,
    Describe("GithubSink",
             {
                 F<&GithubSink::repository>("repository", "Which: owner/name.")
                     .Required()
                     .Matching("^[A-Za-z0-9](-?[A-Za-z0-9]){0,38}/[A-Za-z0-9_.-]{1,100}$"),
                 F<&GithubSink::url>("url",
                                     "Default the public API; of an Enterprise server "
                                     "https://HOST/api/v3."),
                 F<&GithubSink::token>("token", "A token to log in with."),
                 F<&GithubSink::app>("app", "An installed App to log in as, instead of a token."),
                 F<&GithubSink::issue>("issue", "Keeps an issue for each incident."),
                 F<&GithubSink::dispatch>("dispatch", "Starts workflows (repository_dispatch)."),
                 F<&GithubSink::pull_request>("pullRequest",
                                              "Proposes a report of each incident as a file."),
             }));

namespace config::v1alpha1 {
namespace {

constexpr std::size_t kMaxLabel = 50;  // GitHub's bound, in characters: bytes err on its side

void CheckLabels(const std::vector<std::string>& labels, const std::string& path,
                 FieldErrors& errors) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::string& label = labels[i];
    bool good =
        !label.empty() && label.size() <= kMaxLabel && label.front() != ' ' && label.back() != ' ';
    // A comma would make two of it where issues are listed by it.
    for (const char c : label) good = good && c != ',' && (c < 0 || c >= ' ') && c != '\x7f';
    if (good) continue;
    errors.push_back(InvalidField(
        apis::At(path, i), Quoted(label),
        "must be 1 to 50 bytes without a comma, control characters or space at either end"));
  }
}

void CheckPath(const std::string& value, const std::string& path, const std::string& what,
               FieldErrors& errors) {
  // Parts do not begin with a dot or a dash: neither ".." nor an option nor .github is named.
  static const auto parts =
      Pattern::Compile("[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*");
  if (parts.ok() && parts->MatchesAll(value) && value.find("..") == std::string::npos) return;
  errors.push_back(InvalidField(path, Quoted(value), "must be " + what));
}

}  // namespace

void CheckGithub(const GithubSink& github, const std::string& path, FieldErrors& errors) {
  const std::string name = github.repository.substr(github.repository.find('/') + 1);
  if (name == "." || name == "..") {
    errors.push_back(
        InvalidField(path + ".repository", Quoted(github.repository), "must be owner/name"));
  }
  if (!github.url.empty()) {
    std::string why = CheckHttpUrl(github.url);
    if (why.empty() && github.url.find('?') != std::string::npos) why = "must not have a query";
    if (!why.empty()) errors.push_back(InvalidField(path + ".url", Quoted(github.url), why));
  }
  const bool token = github.token != SecretReference{};
  if (token == github.app.has_value()) {
    errors.push_back(token ? ForbiddenField(path + ".app", "one of token and app only")
                           : RequiredField(path, "one of token and app, to log in with"));
  }
  if (token) CheckSecret(github.token, path + ".token", errors);
  if (github.app) CheckSecret(github.app->private_key, path + ".app.privateKey", errors);
  if (!github.issue && !github.dispatch && !github.pull_request) {
    errors.push_back(
        RequiredField(path, "at least one of issue, dispatch and pullRequest, to be done there"));
  }
  if (github.issue) CheckLabels(github.issue->labels, path + ".issue.labels", errors);
  if (!github.pull_request) return;
  const std::string request = path + ".pullRequest";
  CheckLabels(github.pull_request->labels, request + ".labels", errors);
  if (!github.pull_request->base.empty()) {
    CheckPath(github.pull_request->base, request + ".base", "a branch, like main", errors);
  }
  if (!github.pull_request->directory.empty()) {
    CheckPath(github.pull_request->directory, request + ".directory",
              "a relative path, like docs/incidents", errors);
  }
}

void CompleteGithub(GithubSink& github) {
  const auto fill = [](std::string& value, const char* with) {
    if (value.empty()) value = with;
  };
  fill(github.url, kGithubApi);
  while (github.url.back() == '/') github.url.pop_back();
  if (github.issue && github.issue->labels.empty()) github.issue->labels = {"ai-fix"};
  if (github.dispatch) fill(github.dispatch->event_type, "error-detected");
  if (!github.pull_request) return;
  fill(github.pull_request->base, "main");
  fill(github.pull_request->directory, "incidents");
  if (github.pull_request->labels.empty()) github.pull_request->labels = {"salve"};
}

}  // namespace config::v1alpha1
}  // namespace salve::apis
