// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/packs.h"

namespace salve::healing {
namespace {

constexpr char kPostgres[] = "postgres";
constexpr char kUsed[] = "connections.used";
constexpr char kMax[] = "connections.max";
constexpr char kBlocked[] = "connections.waiting_for_lock";

PackRule Rule(const std::string& name, const std::string& cause, const std::string& sentence) {
  PackRule rule;
  rule.name = "postgres/" + name;
  rule.cause = cause;
  rule.sentence = sentence;
  rule.when.system = kPostgres;
  return rule;
}

// What PostgreSQL says by itself and what is no reason to act on it.
PackRule Says(const std::string& name, const std::string& cause, const std::string& sentence,
              std::vector<std::string> lines, const char* verdict) {
  PackRule rule = Rule(name, cause, sentence);
  rule.when.lines = std::move(lines);
  rule.confidence = 0.95;
  rule.overriding = true;
  rule.verdict = verdict;
  const std::string line = "FATAL:  " + rule.when.lines.front();
  rule.cases = {
      Hit("PostgreSQL that says \"" + line + "\"").System(kPostgres).ProbeFails(line).Build(),
      Miss("a probe that fails without saying so")
          .System(kPostgres)
          .ProbeFails("connection refused")
          .Build(),
      Miss("the same words from something that is not PostgreSQL").ProbeFails(line).Build()};
  return rule;
}

PackRule Held(PackRule rule, std::int64_t seconds) {
  rule.escalate_after_seconds = seconds;
  return rule;
}

PackRule Corrupt() {
  PackRule rule = Says("corrupt", "CorruptData",
                       "its files are damaged or of another version; every restart may "
                       "make it worse",
                       {"could not locate a valid checkpoint record", "invalid page in block",
                        "database files are incompatible with server"},
                       kVerdictEscalate);
  rule.when.in_logs = true;
  rule.cases.push_back(Hit("the damage is in the log of a container that has exited")
                           .System(kPostgres)
                           .Down({kConditionExited}, 1)
                           .Log("PANIC:  could not locate a valid checkpoint record")
                           .Build());
  return rule;
}

void ActOnConnections(PackRule& rule) {
  rule.actions = {{"postgresTerminateConnections"}};
  rule.default_action.emplace().postgres_terminate_connections.emplace().idle_seconds = 60;
}

PackRule TooManyClients() {
  PackRule rule =
      Rule("too-many-clients", "ConnectionsExhausted", "all its connection slots are taken");
  rule.when.lines = {"sorry, too many clients already", "remaining connection slots are reserved"};
  rule.confidence = 0.95;
  ActOnConnections(rule);
  rule.cases = {
      Hit("PostgreSQL that turns clients away")
          .System(kPostgres)
          .ProbeFails("FATAL:  sorry, too many clients already")
          .Build(),
      Hit("PostgreSQL that keeps its last slots for superusers")
          .System(kPostgres)
          .ProbeFails("FATAL:  remaining connection slots are reserved for "
                      "non-replication superuser connections")
          .Build(),
      Miss("PostgreSQL that fails otherwise").System(kPostgres).ProbeFails("timed out").Build()};
  return rule;
}

PackRule ConnectionsFull() {
  PackRule rule =
      Rule("connections-full", "ConnectionsExhausted", "nearly all its connection slots are taken");
  rule.when.ratio = PackCondition::Ratio{kUsed, kMax, 0.9};
  rule.when.probe_unhealthy = true;
  rule.confidence = 0.9;
  ActOnConnections(rule);
  rule.cases = {Hit("19 of 20 connections")
                    .System(kPostgres)
                    .ProbeFails("")
                    .Metric(kUsed, 19)
                    .Metric(kMax, 20)
                    .Build(),
                Miss("3 of 20 connections")
                    .System(kPostgres)
                    .ProbeFails("")
                    .Metric(kUsed, 3)
                    .Metric(kMax, 20)
                    .Build()};
  return rule;
}

PackRule ConnectionPressure() {
  PackRule rule =
      Rule("connection-pressure", "ConnectionPressure", "its connection slots are filling up");
  rule.when.ratio = PackCondition::Ratio{kUsed, kMax, 0.3};
  rule.when.probe_unhealthy = true;
  rule.confidence = 0.7;
  ActOnConnections(rule);
  rule.cases = {Hit("10 of 20 connections and below the policy's threshold")
                    .System(kPostgres)
                    .ProbeFails("")
                    .Metric(kUsed, 10)
                    .Metric(kMax, 20)
                    .Build(),
                Miss("10 of 20 connections and healthy")
                    .System(kPostgres)
                    .Metric(kUsed, 10)
                    .Metric(kMax, 20)
                    .Build()};
  return rule;
}

PackRule Blocked() {
  PackRule rule =
      Rule("blocked-sessions", "LockHeld", "sessions wait for a lock that one of them holds");
  rule.when.metric_positive = kBlocked;
  rule.when.probe_unhealthy = true;
  rule.confidence = 0.8;
  rule.actions = {{"postgresTerminateBlocker"}};
  rule.cases = {
      Hit("sessions that wait behind a lock")
          .System(kPostgres)
          .ProbeFails("")
          .Metric(kBlocked, 4)
          .Build(),
      Miss("no session waits").System(kPostgres).ProbeFails("").Metric(kBlocked, 0).Build()};
  return rule;
}

PackRule Unhealthy() {
  PackRule rule = Rule("unhealthy", "Unresponsive", "it runs but does not answer as it should");
  rule.when.probe_unhealthy = true;
  rule.when.running = true;
  rule.confidence = 0.7;
  rule.actions = {{"restart"}};
  rule.default_action.emplace().restart.emplace();
  rule.cases = {
      Hit("PostgreSQL that does not answer").System(kPostgres).ProbeFails("timed out").Build(),
      Miss("PostgreSQL that does not run")
          .System(kPostgres)
          .Down({kConditionExited}, 1)
          .ProbeFails("connection refused")
          .Build()};
  return rule;
}

}  // namespace

Pack PostgresPack() {
  return {
      "postgres",
      "1.0.0",
      {Held(Says("starting", "Starting", "it is starting or recovering; a restart begins that anew",
                 {"the database system is starting up",
                  "the database system is not yet accepting connections",
                  "the database system is in recovery mode"},
                 kVerdictDoNothing),
            1800),
       Held(Says("shutting-down", "ShuttingDown", "it is shutting down because it was asked to",
                 {"the database system is shutting down"}, kVerdictDoNothing),
            300),
       Says("wraparound", "TransactionIdsExhausted",
            "it stopped taking commands to protect its data; it needs a vacuum, not a restart",
            {"database is not accepting commands to avoid wraparound data loss",
             "database is not accepting commands that assign new"},
            kVerdictEscalate),
       Says("auth-changed", "AuthenticationChanged",
            "it refuses the login; credentials or its access rules were changed",
            {"password authentication failed", "no pg_hba.conf entry for host"}, kVerdictEscalate),
       Corrupt(), TooManyClients(), ConnectionsFull(), ConnectionPressure(), Blocked(),
       Unhealthy()}};
}

}  // namespace salve::healing
