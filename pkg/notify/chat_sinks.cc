// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/chat_sinks.h"

#include "pkg/notify/escape.h"

namespace salve::notify {
namespace {

using nlohmann::json;

// What the other sides take at most.
constexpr std::size_t kSlackHeader = 150;
constexpr std::size_t kSlackSection = 2900;
constexpr std::size_t kSlackFallback = 3000;
constexpr std::size_t kCardBytes = 20u << 10;  // of the 28 kB that a whole message may have

std::string Dump(const json& body) {
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

json SlackSection(const healing::MessagePart& part) {
  std::string lines;
  for (const std::string& line : part.lines) {
    lines += (lines.empty() ? "" : "\n") + (part.code ? EscapeSlackCode(line) : EscapeSlack(line));
  }
  const std::string label = EscapeSlack(part.label);
  lines = Shorten(lines, kSlackSection - label.size());
  const std::string text = "*" + label + "*\n" + (part.code ? "```" + lines + "```" : lines);
  return {{"type", "section"}, {"text", {{"type", "mrkdwn"}, {"text", text}}}};
}

json CardText(const std::string& text) {
  return {{"type", "TextBlock"}, {"text", text}, {"wrap", true}};
}

}  // namespace

json SlackBody(const healing::Message& message) {
  json blocks = json::array();
  // Plain text is shown as it is: nothing in it is markup, and nothing is escaped.
  blocks.push_back({{"type", "header"},
                    {"text",
                     {{"type", "plain_text"},
                      {"text", Shorten(message.title, kSlackHeader)},
                      {"emoji", false}}}});
  for (const healing::MessagePart& part : message.parts) blocks.push_back(SlackSection(part));
  return {{"text", Shorten(EscapeSlack(healing::PlainText(message)), kSlackFallback)},
          {"blocks", std::move(blocks)},
          {"unfurl_links", false},
          {"unfurl_media", false}};
}

json TeamsBody(const healing::Message& message) {
  json card = json::array();
  json title = CardText(EscapeCard(message.title));
  title["weight"] = "Bolder";
  title["size"] = "Medium";
  card.push_back(std::move(title));
  std::size_t bytes = message.title.size();
  for (const healing::MessagePart& part : message.parts) {
    json label = CardText(EscapeCard(part.label));
    label["weight"] = "Bolder";
    label["spacing"] = "Medium";
    card.push_back(std::move(label));
    for (const std::string& line : part.lines) {
      bytes += line.size();
      if (bytes > kCardBytes) break;
      // A code block has no Markdown in it; a text block has.
      json block = part.code ? json{{"type", "CodeBlock"},
                                    {"codeSnippet", line},
                                    {"language", "Bash"},
                                    {"fallback", CardText(EscapeCard(line))}}
                             : CardText(EscapeCard(line));
      block["spacing"] = "None";
      card.push_back(std::move(block));
    }
  }
  return {{"type", "message"},
          {"attachments",
           {{{"contentType", "application/vnd.microsoft.card.adaptive"},
             {"content",
              {{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
               {"type", "AdaptiveCard"},
               {"version", "1.4"},
               {"fallbackText", Shorten(EscapeCard(message.title), kSlackFallback)},
               {"body", std::move(card)}}}}}}};
}

StatusOr<std::string> SlackSink::Send(const healing::Message& message, const SendContext& context) {
  SALVE_ASSIGN_OR_RETURN(const std::string url, environment_.read_secret(configuration_.url));
  return poster_.Post(url, {}, Dump(SlackBody(message)), context);
}

StatusOr<std::string> TeamsSink::Send(const healing::Message& message, const SendContext& context) {
  SALVE_ASSIGN_OR_RETURN(const std::string url, environment_.read_secret(configuration_.url));
  return poster_.Post(url, {}, Dump(TeamsBody(message)), context);
}

}  // namespace salve::notify
