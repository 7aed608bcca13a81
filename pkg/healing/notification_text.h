// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_NOTIFICATION_TEXT_H_
#define SALVE_PKG_HEALING_NOTIFICATION_TEXT_H_

#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/base/clock.h"
#include "pkg/healing/notifications.h"

// What people are told. Pure functions of the incident as it is now.
namespace salve::healing {

// A part of a message: what it is about, and lines. Text is bounded and has no control characters,
// but is not escaped: each sink does that in its own way.
struct MessagePart {
  std::string label;  // "Cause"
  std::vector<std::string> lines;
  bool code = false;  // something to be run or that was run: shown as it is, to be copied
};

// One message, whatever the sink.
struct Message {
  std::string id;        // NotificationId
  std::string thread;    // the same for all messages about one incident
  std::string stage;     // kStage…
  std::string title;     // one line
  std::string severity;  // Info | Warning | Critical
  std::string ns;
  std::string incident;
  std::string policy;
  std::string system;   // what is ill
  std::string outcome;  // of a resolved incident
  std::string at;       // RFC 3339: when the stage was reached
  std::vector<MessagePart> parts;
  // The other incidents that a summary is about; `others_total` counts all of them.
  std::vector<std::string> others;
  std::size_t others_total = 0;
};

// `policy` may be null.
Message BuildMessage(const v1::Incident& incident, const v1::NotificationStatus& entry,
                     const v1::HealingPolicy* policy);
// One message for several incidents of a policy that are at the same stage: that of the first, and
// which others there are. `items` as in NextNotification.
Message BuildSummary(const std::vector<QueuedNotification>& items, const v1::HealingPolicy* policy);
// What `salve notify test` sends.
Message BuildTestMessage(const std::string& sink, WallTime now);

// The message as plain text: what mail is, and what every other sink falls back to. Ends with "\n".
std::string PlainText(const Message& message);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_NOTIFICATION_TEXT_H_
