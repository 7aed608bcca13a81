// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_NOTIFY_WEBHOOK_SINK_H_
#define SALVE_PKG_NOTIFY_WEBHOOK_SINK_H_

#include <string>

#include <nlohmann/json.hpp>

#include "pkg/notify/http_post.h"
#include "pkg/notify/sink.h"

namespace salve::notify {

// Posts {"type": "incident.proposed", "timestamp": …, "data": {…}} to any program, signed as
// Standard Webhooks says (https://www.standardwebhooks.com). webhook-id is the message's id: the
// same for each attempt.
class WebhookSink final : public Sink {
 public:
  // `environment` outlives it.
  WebhookSink(apis::config::v1alpha1::WebhookSink configuration, const SinkEnvironment& environment)
      : configuration_(std::move(configuration)),
        environment_(environment),
        poster_(environment, "") {}
  StatusOr<std::string> Send(const healing::Message& message, const SendContext& context) override;

 private:
  const apis::config::v1alpha1::WebhookSink configuration_;
  const SinkEnvironment& environment_;
  HttpPoster poster_;
};

// "v1,<base64>" over "id.timestamp.body". A secret that begins with "whsec_" is base64 behind it,
// any other is taken as it is.
std::string StandardWebhookSignature(const std::string& secret, const std::string& id,
                                     const std::string& timestamp, const std::string& body);

// The body.
nlohmann::json WebhookBody(const healing::Message& message);

}  // namespace salve::notify

#endif  // SALVE_PKG_NOTIFY_WEBHOOK_SINK_H_
