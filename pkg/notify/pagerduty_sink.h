// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_NOTIFY_PAGERDUTY_SINK_H_
#define SALVE_PKG_NOTIFY_PAGERDUTY_SINK_H_

#include <nlohmann/json.hpp>

#include "pkg/notify/http_post.h"
#include "pkg/notify/sink.h"

namespace salve::notify {

// Sends events to PagerDuty's Events API v2: an incident of Salve's is one alert there, by its
// dedup_key. A person who is needed triggers it, an action acknowledges it, the end resolves it. An
// event that arrives twice changes nothing there.
class PagerDutySink final : public Sink {
 public:
  // `environment` outlives it.
  PagerDutySink(apis::config::v1alpha1::PagerDutySink configuration,
                const SinkEnvironment& environment)
      : configuration_(std::move(configuration)),
        environment_(environment),
        poster_(environment, "") {}
  StatusOr<std::string> Send(const healing::Message& message, const SendContext& context) override;
  // What closes an alert has to be sent for each.
  bool Groups(const std::string& stage) const override;

 private:
  const apis::config::v1alpha1::PagerDutySink configuration_;
  const SinkEnvironment& environment_;
  HttpPoster poster_;
};

// trigger | acknowledge | resolve
std::string PagerDutyAction(const std::string& stage);
nlohmann::json PagerDutyBody(const healing::Message& message, const std::string& routing_key);

}  // namespace salve::notify

#endif  // SALVE_PKG_NOTIFY_PAGERDUTY_SINK_H_
