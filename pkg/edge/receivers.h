// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_EDGE_RECEIVERS_H_
#define SALVE_PKG_EDGE_RECEIVERS_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/apis/meta/v1/types.h"
#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/edge/alert_payloads.h"
#include "pkg/edge/receiver_authentication.h"
#include "pkg/edge/router.h"
#include "pkg/edge/signal_board.h"
#include "pkg/edge/sns.h"
#include "pkg/edge/usage_plans.h"

// Where other people's monitoring delivers its alerts: POST /api/v1/webhooks/{name}.
namespace salve::edge {

// The log's message about an alert that no policy wants; `salve replay` reads it.
inline constexpr char kLogAlertUnmatched[] = "alert matched no policy";
// Writes a line about an alert from which it can be replayed; `policy` is namespace/name or "".
void LogAlert(const char* message, const healing::Alert& alert, const std::string& policy);

// What became of the alerts of one delivery.
struct IntakeResult {
  std::int64_t matched = 0;  // by a trigger of at least one policy
  std::int64_t refused = 0;  // of those: had no room on a policy
  std::vector<healing::Alert> unmatched;
};

// One policy's signal, as its status has it.
struct PolicySignal {
  apis::meta::v1::NamespacedName policy;
  apis::salve::v1alpha1::SignalStatus signal;
};

// As GET /api/v1/signals and `salve signals` show it.
nlohmann::json ToJson(const PolicySignal& one);

// Puts alerts on the policies that they concern. Given by wiring; thread-safe; blocks until stored.
class AlertIntake {
 public:
  virtual ~AlertIntake() = default;
  // OK means that all of it is stored. On an error some of it may be: a repeat does no harm.
  virtual StatusOr<IntakeResult> Take(const apis::config::v1alpha1::ReceiverConfiguration& receiver,
                                      const std::vector<healing::Alert>& alerts) = 0;
  // On how many incidents the end of a pull request was noted; OK as with Take.
  virtual StatusOr<std::int64_t> TakePullRequest(
      const apis::config::v1alpha1::ReceiverConfiguration& /*receiver*/,
      const PullRequestNews& /*news*/) {
    return std::int64_t{0};
  }
  virtual std::vector<PolicySignal> List() const = 0;
};

// Takes deliveries: limits, authentication, usage plan, then parsing, then storing; 202 with
// {"accepted", "matched", "unmatched"} only after that. What no policy wants goes to the board and
// is counted. Every attempt is logged, without what it showed to authenticate itself. Thread-safe.
class Receivers {
 public:
  // `clock` outlives it.
  Receivers(SecretLookup secrets, SnsFetch fetch, Clock& clock);

  // From now on these receivers take deliveries; before that, and after Close, all are answered
  // with 503 and come again.
  void Open(std::vector<apis::config::v1alpha1::ReceiverConfiguration> receivers,
            std::shared_ptr<AlertIntake> intake);
  // Returns when no delivery uses the intake any more.
  void Close();

  // A refusal that needs no body; nullopt: read on.
  std::optional<http::Response> Admit(const RoutedRequest& head);
  http::Response Deliver(const RoutedRequest& request);

  SignalBoard& board() { return board_; }
  // Of the policies; empty while closed.
  std::vector<PolicySignal> Signals();

 private:
  struct Desk {
    std::vector<apis::config::v1alpha1::ReceiverConfiguration> receivers;
    std::shared_ptr<AlertIntake> intake;
  };
  class Visit;  // keeps the desk open while a delivery is taken in

  // By its name, or by its kind where only one is of it; null: there is none.
  static const apis::config::v1alpha1::ReceiverConfiguration* Find(const Desk& desk,
                                                                   const std::string& name);
  http::Response Take(const Desk& desk,
                      const apis::config::v1alpha1::ReceiverConfiguration& receiver,
                      const RoutedRequest& request, std::string& result);
  static http::Response TooMany(const apis::config::v1alpha1::ReceiverConfiguration& receiver,
                                std::string& result);
  // From somebody who is believed. `batch` is there where it had to be opened for that.
  http::Response TakeIn(const Desk& desk,
                        const apis::config::v1alpha1::ReceiverConfiguration& receiver,
                        const RoutedRequest& request, const Authentication& who,
                        std::optional<StatusOr<AlertBatch>> batch, std::string& result);
  StatusOr<AlertBatch> Parse(const apis::config::v1alpha1::ReceiverConfiguration& receiver,
                             const RoutedRequest& request);
  http::Response Store(const Desk& desk,
                       const apis::config::v1alpha1::ReceiverConfiguration& receiver,
                       const AlertBatch& batch, std::string& result);
  // Logs and counts one attempt.
  void Note(const std::string& receiver, const RoutedRequest& request, const std::string& result,
            const http::Response& response);

  const SecretLookup secrets_;
  Clock& clock_;
  SnsDesk sns_;
  UsagePlans plans_;
  SeenDeliveries seen_;
  SignalBoard board_;

  Mutex mu_;
  CondVar left_;
  std::shared_ptr<const Desk> desk_ SALVE_GUARDED_BY(mu_);
  int visits_ SALVE_GUARDED_BY(mu_) = 0;
};

// POST /api/v1/webhooks/{name}
// GET  /api/v1/signals    what policies and the board know; for people with a token, each sees the
//                         namespaces whose incidents they may read
// Both must outlive the router.
void AddReceiverRoutes(Router& router, Receivers& receivers, std::shared_ptr<Authorizer> authorizer,
                       Clock& clock);

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_RECEIVERS_H_
