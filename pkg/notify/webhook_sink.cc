// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/webhook_sink.h"

#include "pkg/base/base64.h"
#include "pkg/base/hash.h"

namespace salve::notify {
namespace {

constexpr std::string_view kEncodedSecret = "whsec_";

std::string TypeOf(const healing::Message& message) {
  if (message.incident.empty()) return "test";
  std::string out = "incident.";
  for (std::size_t i = 0; i < message.stage.size(); ++i) {
    const char c = message.stage[i];
    const bool capital = c >= 'A' && c <= 'Z';
    if (capital && i > 0) out += '_';
    out += capital ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

}  // namespace

std::string StandardWebhookSignature(const std::string& secret, const std::string& id,
                                     const std::string& timestamp, const std::string& body) {
  std::string key = secret;
  if (secret.rfind(kEncodedSecret, 0) == 0) {
    key = Base64Decode(secret.substr(kEncodedSecret.size())).value_or(secret);
  }
  return "v1," + Base64Encode(HmacSha256(key, id + "." + timestamp + "." + body));
}

nlohmann::json WebhookBody(const healing::Message& message) {
  nlohmann::json data = {{"id", message.id},
                         {"stage", message.stage},
                         {"title", message.title},
                         {"text", healing::PlainText(message)},
                         {"severity", message.severity},
                         {"system", message.system}};
  if (!message.incident.empty()) {
    data["incident"] = message.incident;
    data["namespace"] = message.ns;
    data["policy"] = message.policy;
    data["thread"] = message.thread;
  }
  if (!message.outcome.empty()) data["outcome"] = message.outcome;
  nlohmann::json& parts = data["parts"] = nlohmann::json::array();
  for (const healing::MessagePart& part : message.parts) {
    parts.push_back({{"label", part.label}, {"lines", part.lines}, {"code", part.code}});
  }
  if (message.others_total > 0) {
    data["others"] = {{"total", message.others_total}, {"names", message.others}};
  }
  return {{"type", TypeOf(message)}, {"timestamp", message.at}, {"data", std::move(data)}};
}

StatusOr<std::string> WebhookSink::Send(const healing::Message& message,
                                        const SendContext& context) {
  const std::string body =
      WebhookBody(message).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const auto now = environment_.clock->Now().time_since_epoch();
  const std::string timestamp =
      std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  http::Headers headers{{"webhook-id", message.id}, {"webhook-timestamp", timestamp}};
  const auto& secret = configuration_.secret;
  if (!secret.env.empty() || !secret.file.empty()) {
    SALVE_ASSIGN_OR_RETURN(const std::string key, environment_.read_secret(secret));
    headers.Set("webhook-signature", StandardWebhookSignature(key, message.id, timestamp, body));
  }
  return poster_.Post(configuration_.url, std::move(headers), body, context);
}

}  // namespace salve::notify
