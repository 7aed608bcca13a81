// SPDX-License-Identifier: Apache-2.0
#include "pkg/probes/postgres_answers.h"

#include <algorithm>
#include <array>

#include "pkg/probes/measurement.h"

namespace salve::probes {

using healing::Measurement;

namespace {

// Messages that say that we may not measure, not that the service is ill.
constexpr std::array<std::string_view, 9> kAboutUs = {
    "password authentication failed",
    "no password supplied",
    "fe_sendauth",
    "no pg_hba.conf entry",
    "pg_hba.conf rejects",
    "is not permitted to log in",
    "does not exist",
    "permission denied",
    "authentication method",
};

// libpq puts the place before what the server said: "connection to server at … failed: FATAL:  …".
std::string_view ServerWords(std::string_view text) {
  for (const std::string_view level : {"FATAL:", "PANIC:", "ERROR:"}) {
    const std::size_t at = text.find(level);
    if (at != std::string_view::npos) return text.substr(at);
  }
  return text;
}

}  // namespace

Measurement JudgePostgres(const apis::salve::v1alpha1::Probe& probe, const PostgresFigures& f) {
  if (f.max_connections <= 0) return NotMeasured("the server's answer has no max_connections");
  const double used = static_cast<double>(f.connections) / static_cast<double>(f.max_connections);
  std::string message = std::to_string(f.connections) + " of " + std::to_string(f.max_connections) +
                        " connections, " + std::to_string(f.idle) + " idle, " +
                        std::to_string(f.idle_in_transaction) + " idle in a transaction";
  if (f.waiting_for_lock > 0) {
    message += ", " + std::to_string(f.waiting_for_lock) + " waiting for a lock";
  }
  Measurement m = Graded(probe, 100 - used * 100, message);
  m.metrics = {{"connections.used", static_cast<double>(f.connections)},
               {"connections.max", static_cast<double>(f.max_connections)},
               {"connections.reserved", static_cast<double>(f.reserved)},
               {"connections.active", static_cast<double>(f.active)},
               {"connections.idle", static_cast<double>(f.idle)},
               {"connections.idle_in_transaction", static_cast<double>(f.idle_in_transaction)},
               {"connections.waiting_for_lock", static_cast<double>(f.waiting_for_lock)}};
  return m;
}

Measurement JudgePostgresError(std::string_view text) {
  const std::string line = OneLine(ServerWords(text));
  const bool about_us = std::any_of(kAboutUs.begin(), kAboutUs.end(), [&](std::string_view words) {
    return line.find(words) != std::string::npos;
  });
  return about_us ? NotMeasured(line, line) : Ill(line);
}

}  // namespace salve::probes
