// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_NOTIFY_GITHUB_TEXT_H_
#define SALVE_PKG_NOTIFY_GITHUB_TEXT_H_

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "pkg/healing/notification_text.h"

// Messages as GitHub takes them. Pure functions. Text from outside calls nobody (@…), refers to
// nothing (#1, GH-1, addresses) and is no markup, HTML or marker there.
namespace salve::notify {

inline constexpr std::size_t kGithubMaxTitle = 256;
inline constexpr std::size_t kGithubMaxBody = 65536;
inline constexpr std::size_t kGithubMaxPayload = 64u << 10;
inline constexpr std::size_t kGithubMaxProperties = 10;  // of an event's payload

// Comments that nobody sees, by which issues and comments are found again: whose story it is, and
// which message. Text from outside cannot make one.
std::string ThreadMarker(const healing::Message& message);
std::string MessageMarker(const healing::Message& message);

std::string GithubTitle(const healing::Message& message);
// The message as Markdown, with both markers; at most kGithubMaxBody bytes.
std::string GithubBody(const healing::Message& message);

// {error, file, line, incident, policy, target, stage, summary, id}: file and line only where a
// stack trace names them, id the same for each attempt at one message. At most kGithubMaxPayload
// bytes.
nlohmann::json DispatchPayload(const healing::Message& message);

// "salve/INCIDENT-1a2b3c4d": with a piece of the thread, because another namespace or cluster may
// have an incident of the same name.
std::string BranchName(const healing::Message& message);
std::string ReportPath(const healing::Message& message, const std::string& directory);

// Whether the end that a message tells of is one that was worked for ("completed") or not
// ("not_planned"): GitHub's reasons to close an issue.
std::string CloseReason(const healing::Message& message);

// Text in Markdown, and where there is no markup (titles).
std::string EscapeGithub(std::string_view text);
std::string EscapeGithubTitle(std::string_view text);

}  // namespace salve::notify

#endif  // SALVE_PKG_NOTIFY_GITHUB_TEXT_H_
