// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "pkg/backends/docker/action_handler.h"
#include "pkg/backends/docker/postgres_rescue.h"
#include "pkg/backends/docker/postgres_text.h"
#include "pkg/backends/text.h"

// postgresTerminateConnections, postgresTerminateBlocker: by psql inside the container.
namespace salve::backends::docker {
namespace {

namespace v1alpha1 = apis::salve::v1alpha1;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;
using Argv = std::vector<std::string>;

constexpr std::int64_t kDefaultPort = 5432;
constexpr int kRescues = 3;
constexpr int kExitConnectionBad = 2;  // of psql

// Either action, with its defaults filled in.
struct Order {
  std::int64_t port = kDefaultPort;
  std::string user;
  std::int64_t seconds = 0;
  bool blocker = false;
  std::string sql;

  Argv Psql() const {
    return {"psql", "-p", std::to_string(port), "-U", user, "-d", "postgres", "-w", "-XAtc", sql};
  }
};

StatusOr<Order> OrderOf(const Action& action, bool superusers) {
  Order order;
  std::optional<std::int64_t> port;
  if (action.postgres_terminate_connections) {
    const auto& a = *action.postgres_terminate_connections;
    port = a.port;
    order.user = a.user;
    order.seconds = a.idle_seconds;
    order.sql = TerminateIdleSql(order.seconds, superusers);
  } else {
    const auto& a = *action.postgres_terminate_blocker;
    port = a.port;
    order.user = a.user;
    order.seconds = a.min_blocked_seconds;
    order.blocker = true;
    order.sql = TerminateBlockerSql(order.seconds, superusers);
  }
  order.port = port.value_or(kDefaultPort);
  if (order.user.empty()) order.user = "postgres";
  SALVE_RETURN_IF_ERROR(CheckPostgresUser(order.user));
  if (order.port < 1 || order.port > 65535 || order.seconds < 0) {
    return InvalidArgumentError("postgres: port " + std::to_string(order.port) + " or " +
                                std::to_string(order.seconds) + " seconds is no number for that");
  }
  return order;
}

std::string Counted(const Order& order, const TerminateCounts& counts) {
  std::string text = "ended " + std::to_string(counts.ended) +
                     (order.blocker ? " blocking" : " idle") + " sessions";
  if (counts.ended == 0 && counts.superusers > 0) {
    text += "; " + std::to_string(counts.superusers) +
            " such sessions belong to superusers, which are left alone";
  } else if (counts.ended == 0) {
    text += order.blocker ? "; no session idles in a transaction while others wait for its lock"
                          : "; none was idle for " + std::to_string(order.seconds) + " s";
  }
  return text;
}

class PostgresHandler final : public ActionHandler {
 public:
  explicit PostgresHandler(ActionTools& tools) : tools_(tools) {}

  bool Handles(const Action& a) const override {
    return a.postgres_terminate_connections || a.postgres_terminate_blocker;
  }

  StatusOr<ActionPlan> Plan(const Action& action, const Subject& subject,
                            const CallContext&) const override {
    SALVE_ASSIGN_OR_RETURN(const Order order, OrderOf(action, tools_.terminate_superusers));
    ActionPlan plan = NewPlan(action, subject);
    plan.command = ExecCommand(subject, order.Psql());
    plan.base_risk = v1alpha1::kRiskMedium;
    plan.idempotency = healing::IdempotencyClass::kAtMostOnce;
    const std::string seconds = std::to_string(order.seconds) + " s";
    if (order.blocker) {
      plan.description = "Ends the sessions of PostgreSQL in " + subject.container.name +
                         " that idle in a transaction and hold a lock for which others have waited "
                         "for " +
                         seconds + " or more.";
      plan.risk_factors = {"the open transactions of those sessions are rolled back"};
    } else {
      plan.description = "Ends the sessions of PostgreSQL in " + subject.container.name +
                         " that have been idle for " + seconds +
                         " or more. If every slot is taken, one idle session is ended by a signal "
                         "first, to get in.";
      plan.risk_factors = {"their owners have to connect again",
                           "open transactions of idle sessions are rolled back"};
    }
    return plan;
  }

  StatusOr<ActionResult> Execute(const ActionRequest& request, const Subject& subject,
                                 const CallContext& context) const override {
    SALVE_ASSIGN_OR_RETURN(const Order order, OrderOf(request.action, tools_.terminate_superusers));
    std::string notes;
    bool rescued = false;
    for (int rescues = 0;; ++rescues) {
      SALVE_ASSIGN_OR_RETURN(ActionResult result, Run(order, subject, context));
      if (result.outcome != ActionResult::Outcome::kApplied) return result;
      const bool full = result.exit_code == kExitConnectionBad && IsFull(result.stderr_text);
      if (full && !order.blocker && rescues < kRescues) {
        const auto freed = EndOneIdleBackend(tools_, subject, order.seconds, order.user, context);
        if (freed.ok()) {
          notes += *freed + "; ";
          rescued = true;
          continue;
        }
        result.stderr_text += "\n" + freed.status().message();
      }
      Judge(order, result);
      if (rescued && result.outcome == ActionResult::Outcome::kNotApplied) {
        result.outcome = ActionResult::Outcome::kApplied;  // the one before is ended all the same
      }
      result.message = notes + result.message;
      return result;
    }
  }

  StatusOr<ActionResult> Outcome(const ActionRequest&, const Subject&,
                                 const CallContext&) const override {
    return Unknown("ended sessions leave no trace");
  }

 private:
  StatusOr<ActionResult> Run(const Order& order, const Subject& subject,
                             const CallContext& context) const {
    ExecSpec spec;
    spec.argv = order.Psql();
    spec.env = {"PGCONNECT_TIMEOUT=5", "PGAPPNAME=salve",
                "PGOPTIONS=-c statement_timeout=10000 -c lock_timeout=5000"};
    return RunInside(tools_, subject, std::move(spec), context);
  }

  static void Judge(const Order& order, ActionResult& result) {
    const auto counts = ParseCounts(result.stdout_text);
    if (result.exit_code == 0 && counts) {
      result.message = Counted(order, *counts);
      if (counts->ended == 0) result.outcome = ActionResult::Outcome::kNotApplied;
      return;
    }
    result.message = "psql: " + Printable(Trim(result.stderr_text), 400);
    // Connecting failed: nothing ran. A statement that failed half-way may have ended some
    // sessions.
    const bool no_connection = result.exit_code == kExitConnectionBad &&
                               result.stderr_text.find("connection to server") != std::string::npos;
    result.outcome =
        no_connection ? ActionResult::Outcome::kNotApplied : ActionResult::Outcome::kUnknown;
  }

  ActionTools& tools_;
};

}  // namespace

std::unique_ptr<ActionHandler> MakePostgresHandler(ActionTools& tools) {
  return std::make_unique<PostgresHandler>(tools);
}

}  // namespace salve::backends::docker
