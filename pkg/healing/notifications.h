// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_NOTIFICATIONS_H_
#define SALVE_PKG_HEALING_NOTIFICATIONS_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/base/clock.h"
#include "pkg/base/random.h"
#include "pkg/healing/types.h"

// Who is to be told of what, and in which order. The queue of messages is status.notifications of
// the incidents themselves: what is Pending there is to be sent, by whatever process. Pure but for
// the randomness that is handed in.
namespace salve::healing {

// Stages, as in HealingPolicy.spec.notifications.stages.
inline constexpr char kStageDetected[] = "Detected";
inline constexpr char kStageProposed[] = "Proposed";  // a person is asked
inline constexpr char kStageBlocked[] = "Blocked";
inline constexpr char kStageExecuted[] = "Executed";
inline constexpr char kStageRolledBack[] = "RolledBack";
inline constexpr char kStageEscalated[] = "Escalated";
inline constexpr char kStageResolved[] = "Resolved";

inline constexpr char kNotificationPending[] = "Pending";
inline constexpr char kNotificationSent[] = "Sent";
inline constexpr char kNotificationFailed[] = "Failed";
// What `message` of one that was not sent by itself begins with.
inline constexpr char kInSummary[] = "in a summary";

inline constexpr std::size_t kMaxNotifications = 150;  // of one incident
inline constexpr std::int64_t kMaxSendAttempts = 10;
inline constexpr std::chrono::hours kMaxNotificationAge{24};
// Of one policy, stage and sink: so many in ten minutes go out one by one, then one a minute.
inline constexpr int kSingleMessages = 5;
inline constexpr std::chrono::minutes kSingleWindow{10};
inline constexpr std::chrono::minutes kSummaryInterval{1};
inline constexpr std::size_t kMaxInSummary = 500;

// Whether a sink of that name exists and is open to the incident's namespace.
using SinkIsOpen = std::function<bool(const std::string& sink)>;

// Adds to `incident.status` as Pending what should have been said by now and is not there: for each
// stage that the policy names. Nothing is taken away. `policy` null (deleted): only the end, to
// those who were told of the incident. True if anything was added.
bool AddNotifications(const v1::HealingPolicy* policy, const SinkIsOpen& open, WallTime now,
                      v1::Incident& incident);

// The list that holds what either writer knows: the entries of `stored` as they are, then those of
// `ours` that are not in it.
std::vector<v1::NotificationStatus> MergeNotifications(
    const std::vector<v1::NotificationStatus>& stored,
    const std::vector<v1::NotificationStatus>& ours);

// nullptr if there is none for that sink, stage and key.
v1::NotificationStatus* FindNotification(v1::IncidentStatus& status, const std::string& sink,
                                         const std::string& stage, const std::string& key);
bool HasPending(const v1::IncidentStatus& status, const std::string& sink);

// By which a sink recognises a repetition: the same for each attempt at one message, unlike any
// other message's. Letters, digits and "_".
std::string NotificationId(const v1::Incident& incident, const v1::NotificationStatus& entry);

// One entry of one incident's list; both outlive it.
struct QueuedNotification {
  const v1::Incident* incident = nullptr;
  const v1::NotificationStatus* entry = nullptr;
};

// What is known of a sink besides the lists: lost in a crash, and then learnt anew.
struct SinkState {
  WallTime hold_until{};  // it does not answer: nobody is sent to it before then
  std::optional<WallTime> recovered_at = {};  // when it took a message again
  bool takes_summaries(const std::string& stage) const {
    return groups == nullptr || groups(stage);
  }
  std::function<bool(const std::string& stage)> groups;  // null: every stage
};

struct NextNotification {
  enum class What { kNothing, kWait, kSend, kGiveUp };
  What what = What::kNothing;
  WallTime at{};                          // kWait: look again then
  std::vector<QueuedNotification> items;  // kSend: the first carries the message, the others are
                                          // told of in it; kGiveUp: too old
};
// What is to be done for one sink. `incidents` are those with something pending for it, and the
// others of the same policies (for what was sent lately).
NextNotification ChooseNotification(const std::string& sink,
                                    const std::vector<const v1::Incident*>& incidents,
                                    const SinkState& state, WallTime now);

// When a message that was refused for the `attempts`-th time is tried again.
Duration NotificationBackoff(std::int64_t attempts, Random& random);
// How long a sink that failed so often in a row is left alone.
Duration SinkHold(int failures);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_NOTIFICATIONS_H_
