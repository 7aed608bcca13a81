// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/sink.h"

#include "pkg/notify/chat_sinks.h"
#include "pkg/notify/email_sink.h"
#include "pkg/notify/github_sink.h"
#include "pkg/notify/pagerduty_sink.h"
#include "pkg/notify/webhook_sink.h"

namespace salve::notify {

std::vector<std::string> SinkSet::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

std::unique_ptr<Sink> MakeSink(const apis::config::v1alpha1::SinkConfiguration& c,
                               const SinkEnvironment& environment) {
  if (c.webhook) return std::make_unique<WebhookSink>(*c.webhook, environment);
  if (c.slack) return std::make_unique<SlackSink>(*c.slack, environment);
  if (c.teams) return std::make_unique<TeamsSink>(*c.teams, environment);
  if (c.pagerduty) return std::make_unique<PagerDutySink>(*c.pagerduty, environment);
  if (c.github) return std::make_unique<GithubSink>(*c.github, environment);
  return std::make_unique<EmailSink>(*c.email, environment);
}

SinkSet MakeSinks(const std::vector<apis::config::v1alpha1::SinkConfiguration>& configurations,
                  const SinkEnvironment& environment) {
  SinkSet sinks;
  for (const auto& configuration : configurations) {
    std::unique_ptr<Sink> sink = MakeSink(configuration, environment);
    sinks.Add(configuration.name, {std::move(sink), configuration.messages_per_minute});
  }
  return sinks;
}

}  // namespace salve::notify
