// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_NOTIFY_CHAT_SINKS_H_
#define SALVE_PKG_NOTIFY_CHAT_SINKS_H_

#include <nlohmann/json.hpp>

#include "pkg/notify/http_post.h"
#include "pkg/notify/sink.h"

// Channels where people read along. They are only written to: nothing that is answered there
// reaches Salve.
namespace salve::notify {

// Posts blocks, with a plain text for notifications, to an incoming webhook of Slack.
class SlackSink final : public Sink {
 public:
  // `environment` outlives it.
  SlackSink(apis::config::v1alpha1::SlackSink configuration, const SinkEnvironment& environment)
      : configuration_(std::move(configuration)),
        environment_(environment),
        poster_(environment, "the Slack webhook's address") {}
  StatusOr<std::string> Send(const healing::Message& message, const SendContext& context) override;

 private:
  const apis::config::v1alpha1::SlackSink configuration_;
  const SinkEnvironment& environment_;
  HttpPoster poster_;
};
nlohmann::json SlackBody(const healing::Message& message);

// Posts an adaptive card to a workflow's webhook of Microsoft Teams.
class TeamsSink final : public Sink {
 public:
  // `environment` outlives it.
  TeamsSink(apis::config::v1alpha1::TeamsSink configuration, const SinkEnvironment& environment)
      : configuration_(std::move(configuration)),
        environment_(environment),
        poster_(environment, "the Teams webhook's address") {}
  StatusOr<std::string> Send(const healing::Message& message, const SendContext& context) override;

 private:
  const apis::config::v1alpha1::TeamsSink configuration_;
  const SinkEnvironment& environment_;
  HttpPoster poster_;
};
nlohmann::json TeamsBody(const healing::Message& message);

}  // namespace salve::notify

#endif  // SALVE_PKG_NOTIFY_CHAT_SINKS_H_
