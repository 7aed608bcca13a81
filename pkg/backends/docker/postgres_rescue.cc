// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/docker/postgres_rescue.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "pkg/backends/docker/postgres_text.h"
#include "pkg/backends/text.h"

namespace salve::backends::docker {
namespace {

using Argv = std::vector<std::string>;

constexpr std::size_t kMaxProcesses = 400;

// Runs a read-only command (or pg_ctl) and gives its output; a non-zero exit is an error unless
// told not to be (processes come and go while they are read).
StatusOr<std::string> Output(const ActionTools& tools, const Subject& subject, Argv argv,
                             const std::string& user, bool any_exit, const CallContext& context) {
  ExecSpec spec;
  spec.argv = std::move(argv);
  spec.user = user;
  const std::string program = spec.argv.front();
  SALVE_ASSIGN_OR_RETURN(const ExecOutput output,
                         tools.client.Exec(subject.container.id, spec, context));
  const bool missing = output.exit_code == 126 || output.exit_code == 127;
  if (missing || (!any_exit && output.exit_code != 0)) {
    return InvalidArgumentError(program + ": exit code " + std::to_string(output.exit_code) + ": " +
                                Printable(Trim(output.stderr_text + output.stdout_text), 200));
  }
  return output.stdout_text;
}

StatusOr<std::vector<BackendProcess>> ListIdle(const ActionTools& tools, const Subject& subject,
                                               const CallContext& context) {
  SALVE_ASSIGN_OR_RETURN(const std::string names,
                         Output(tools, subject, {"ls", "/proc"}, "", false, context));
  Argv head = {"head", "-c", "320", "/proc/uptime"};
  for (const std::string_view name : Lines(names)) {
    if (name.find_first_not_of("0123456789") != std::string_view::npos) continue;
    if (head.size() > 2 * kMaxProcesses) break;
    head.push_back("/proc/" + std::string(name) + "/cmdline");
    head.push_back("/proc/" + std::string(name) + "/stat");
  }
  SALVE_ASSIGN_OR_RETURN(const std::string text,
                         Output(tools, subject, std::move(head), "", true, context));
  return IdleBackends(text);
}

// The numeric user that the process runs as.
StatusOr<std::string> OwnerOf(const ActionTools& tools, const Subject& subject, std::int64_t pid,
                              const CallContext& context) {
  SALVE_ASSIGN_OR_RETURN(
      const std::string status,
      Output(tools, subject, {"head", "-n", "20", "/proc/" + std::to_string(pid) + "/status"}, "",
             false, context));
  for (const std::string_view line : Lines(status)) {
    if (line.substr(0, 4) != "Uid:") continue;
    const std::string_view rest = Trim(line.substr(4));
    return std::string(rest.substr(0, rest.find_first_not_of("0123456789")));
  }
  return NotFoundError("the owner of process " + std::to_string(pid) + " is not known");
}

}  // namespace

StatusOr<std::string> EndOneIdleBackend(const ActionTools& tools, const Subject& subject,
                                        std::int64_t min_age_seconds, const std::string& admin,
                                        const CallContext& context) {
  if (!subject.container.pid_mode.empty() && subject.container.pid_mode != "private") {
    return InvalidArgumentError("the container shares its processes with others (pid mode " +
                                subject.container.pid_mode + ")");
  }
  SALVE_ASSIGN_OR_RETURN(std::vector<BackendProcess> idle, ListIdle(tools, subject, context));
  const auto unfit = [&](const BackendProcess& p) {
    return p.age_seconds < static_cast<double>(min_age_seconds) ||
           (p.user == admin && !tools.terminate_superusers);
  };
  idle.erase(std::remove_if(idle.begin(), idle.end(), unfit), idle.end());
  if (idle.empty()) {
    return NotFoundError("no idle session of an ordinary role that is old enough holds a slot");
  }
  // Not in a transaction before in one, ordinary before admin, the oldest first.
  const auto victim = std::min_element(
      idle.begin(), idle.end(), [&](const BackendProcess& a, const BackendProcess& b) {
        return std::make_tuple(a.in_transaction, a.user == admin, -a.age_seconds) <
               std::make_tuple(b.in_transaction, b.user == admin, -b.age_seconds);
      });
  const std::string pid = std::to_string(victim->pid);
  SALVE_ASSIGN_OR_RETURN(const std::string owner, OwnerOf(tools, subject, victim->pid, context));
  SALVE_ASSIGN_OR_RETURN(
      const std::string link,
      Output(tools, subject, {"readlink", "/proc/" + pid + "/exe"}, owner, false, context));
  const std::string binary(Trim(link));
  const std::size_t slash = binary.rfind('/');
  if (slash == std::string::npos || binary.substr(slash) != "/postgres") {
    return InvalidArgumentError("process " + pid + " is " + Printable(binary, 120) +
                                ", not a PostgreSQL server");
  }
  const std::string pg_ctl = binary.substr(0, slash) + "/pg_ctl";
  const auto killed = Output(tools, subject, {pg_ctl, "kill", "TERM", pid}, owner, false, context);
  if (!killed.ok()) return killed.status();
  return "ended idle session " + pid + " of " + Printable(victim->user, 63) + " to get in";
}

}  // namespace salve::backends::docker
