// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/github_text.h"

#include <algorithm>
#include <array>

#include "pkg/healing/explain.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/pull_requests.h"
#include "pkg/notify/escape.h"
#include "pkg/notify/github_place.h"

namespace salve::notify {
namespace {

using nlohmann::json;

constexpr std::string_view kZeroWidthSpace = "\u200b";
constexpr std::string_view kCut = "\n… the rest is cut: `salve report` has all of it.\n";
constexpr std::size_t kMaxError = 1024;
constexpr std::size_t kMaxSummary = 16u << 10;
constexpr std::size_t kThreadShown = 8;
constexpr std::size_t kLeastFence = 3;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool StartsWithNoCase(std::string_view text, std::string_view start) {
  return text.size() >= start.size() && std::equal(start.begin(), start.end(), text.begin(),
                                                   [](char a, char b) { return a == Lower(b); });
}

// What GitHub looks for in the finished text, however it is escaped there: people and issues are
// looked up after entities are read. Each is broken up by a character that nobody sees.
struct Call {
  std::string_view sign;  // in lower case
  std::string_view instead;
  std::string_view then;
};
constexpr std::array<Call, 6> kCalls = {{{"&#64;", "@", ""},
                                         {"@", "@", ""},
                                         {"#", "#", ""},
                                         {"&#58;", ":", ""},
                                         {"gh-", "GH", "-"},
                                         {"www.", "www", "."}}};

// `escaped` is Markdown as EscapeMarkdown makes it, or plain text.
std::string Silence(std::string_view escaped) {
  std::string out;
  for (std::size_t i = 0; i < escaped.size();) {
    const std::string_view rest = escaped.substr(i);
    const auto* call = std::find_if(kCalls.begin(), kCalls.end(), [&](const Call& one) {
      return StartsWithNoCase(rest, one.sign);
    });
    if (call == kCalls.end()) {
      out += escaped[i++];
      continue;
    }
    out += call->instead;
    out += kZeroWidthSpace;
    out += call->then;
    i += call->sign.size();
  }
  return out;
}

std::string Fence(const std::vector<std::string>& lines) {
  std::size_t longest = kLeastFence - 1;
  for (const std::string& line : lines) {
    std::size_t run = 0;
    for (const char c : line) {
      run = c == '`' ? run + 1 : 0;
      longest = std::max(longest, run);
    }
  }
  return std::string(longest + 1, '`');
}

std::string Part(const healing::MessagePart& part) {
  std::string out = "\n### " + EscapeGithub(part.label) + "\n\n";
  if (!part.code) {
    for (const std::string& line : part.lines) out += "- " + EscapeGithub(line) + "\n";
    return out;
  }
  const std::string fence = Fence(part.lines);
  out += fence + "text\n";
  for (const std::string& line : part.lines) out += healing::EscapeTerminal(line) + "\n";
  return out + fence + "\n";
}

// Of all that is said, what an error was: what is ill, in one line.
std::string ErrorOf(const healing::Message& message) {
  for (const healing::MessagePart& part : message.parts) {
    if (!part.code && !part.lines.empty()) return part.lines.front();
  }
  return message.title;
}

}  // namespace

std::string ThreadMarker(const healing::Message& message) {
  return "<!-- salve:incident " + message.thread + " -->";
}

std::string MessageMarker(const healing::Message& message) {
  return "<!-- salve:message " + message.id + " -->";
}

std::string EscapeGithub(std::string_view text) { return Silence(healing::EscapeMarkdown(text)); }

std::string EscapeGithubTitle(std::string_view text) {
  return Silence(healing::EscapeTerminal(text));
}

std::string GithubTitle(const healing::Message& message) {
  return Shorten(EscapeGithubTitle(message.title), kGithubMaxTitle);
}

std::string GithubBody(const healing::Message& message) {
  std::string out = ThreadMarker(message) + "\n" + MessageMarker(message) + "\n\n";
  out += "**" + EscapeGithub(message.title) + "**\n";
  for (const healing::MessagePart& part : message.parts) {
    const std::string text = Part(part);
    if (out.size() + text.size() + kCut.size() > kGithubMaxBody) return out + std::string(kCut);
    out += text;
  }
  return out;
}

json DispatchPayload(const healing::Message& message) {
  json payload = {{"error", Shorten(ErrorOf(message), kMaxError)},
                  {"incident", message.ns + "/" + message.incident},
                  {"policy", message.policy},
                  {"target", message.system},
                  {"stage", message.stage},
                  {"summary", Shorten(healing::PlainText(message), kMaxSummary)},
                  {"id", message.id}};
  std::vector<std::string> lines;
  for (const healing::MessagePart& part : message.parts) {
    if (!part.code) lines.insert(lines.end(), part.lines.begin(), part.lines.end());
  }
  if (const auto place = FindSourcePlace(lines)) {
    payload["file"] = place->file;
    payload["line"] = place->line;
  }
  return payload;
}

std::string BranchName(const healing::Message& message) {
  const std::string thread = message.thread.substr(message.thread.find('_') + 1);
  return healing::PullRequestBranchPrefix(message.incident) + thread.substr(0, kThreadShown);
}

std::string ReportPath(const healing::Message& message, const std::string& directory) {
  return directory + BranchName(message).substr(std::string_view("salve").size()) + ".md";
}

std::string CloseReason(const healing::Message& message) {
  const bool worked = message.outcome == healing::kAutoHealed ||
                      message.outcome == healing::kHealedAfterApproval ||
                      message.outcome == healing::kSelfResolved;
  return worked ? "completed" : "not_planned";
}

}  // namespace salve::notify
