// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/docker/postgres_text.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>

#include "pkg/backends/text.h"

namespace salve::backends::docker {
namespace {

constexpr double kTicksPerSecond = 100;  // USER_HZ, the same on every Linux that runs containers

std::string Statement(const std::string& candidates, bool superusers) {
  // OFFSET 0 keeps the planner from moving the function into places where it runs for other rows,
  // CASE keeps the order of evaluation.
  return "WITH s AS (SELECT a.pid, coalesce(r.rolsuper, true) AS super FROM pg_stat_activity a "
         "LEFT JOIN pg_roles r ON r.oid = a.usesysid WHERE a.pid <> pg_backend_pid() "
         "AND a.backend_type = 'client backend' AND a.application_name NOT LIKE 'pg\\_%' AND " +
         candidates +
         " OFFSET 0) SELECT count(*) FILTER (WHERE done), count(*) FILTER (WHERE NOT super), "
         "count(*) FILTER (WHERE super) FROM (SELECT super, CASE WHEN NOT super" +
         (superusers ? " OR NOT EXISTS (SELECT 1 FROM s WHERE NOT super)" : "") +
         " THEN pg_terminate_backend(pid) ELSE false END AS done FROM s OFFSET 0) t";
}

std::string Interval(std::int64_t seconds) {
  return "interval '" + std::to_string(std::clamp<std::int64_t>(seconds, 0, 86400 * 365)) +
         " seconds'";
}

template <typename T>
std::optional<T> Number(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

// "postgres: [cluster: ]user database host state", as setproctitle leaves it.
std::optional<BackendProcess> ParseTitle(std::string_view title) {
  constexpr std::string_view kPrefix = "postgres: ";
  title = Trim(title);
  if (title.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  std::vector<std::string> words = Words(title.substr(kPrefix.size()));
  if (!words.empty() && words.front().back() == ':') words.erase(words.begin());
  BackendProcess process;
  if (words.size() == 4 && words[3] == "idle") {
    process.in_transaction = false;
  } else if (words.size() >= 6 && words[3] == "idle" && words[4] == "in" &&
             words[5] == "transaction") {
    process.in_transaction = true;
  } else {
    return std::nullopt;
  }
  process.user = words[0];
  return process;
}

// Field 22 of /proc/PID/stat: start after boot, in ticks. The name before it may hold spaces.
std::optional<double> StartedSeconds(std::string_view stat) {
  const std::size_t close = stat.rfind(')');
  if (close == std::string_view::npos) return std::nullopt;
  const std::vector<std::string> words = Words(stat.substr(close + 1));
  if (words.size() < 20) return std::nullopt;
  const auto ticks = Number<std::int64_t>(words[19]);
  if (!ticks) return std::nullopt;
  return static_cast<double>(*ticks) / kTicksPerSecond;
}

}  // namespace

Status CheckPostgresUser(const std::string& user) {
  const bool good =
      !user.empty() && user.size() <= 63 && std::all_of(user.begin(), user.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
      });
  if (good) return Status::Ok();
  return InvalidArgumentError("postgres user \"" + Printable(user, 63) +
                              "\" is none: letters, digits and _ only");
}

std::string TerminateIdleSql(std::int64_t idle_seconds, bool superusers) {
  return Statement(
      "a.state IN ('idle', 'idle in transaction', 'idle in transaction (aborted)') AND "
      "a.state_change <= now() - " +
          Interval(idle_seconds),
      superusers);
}

std::string TerminateBlockerSql(std::int64_t min_blocked_seconds, bool superusers) {
  return Statement(
      "a.state IN ('idle in transaction', 'idle in transaction (aborted)') AND a.pid IN "
      "(SELECT unnest(pg_blocking_pids(w.pid)) FROM pg_stat_activity w WHERE "
      "w.wait_event_type = 'Lock' AND w.query_start <= now() - " +
          Interval(min_blocked_seconds) + ")",
      superusers);
}

std::optional<TerminateCounts> ParseCounts(std::string_view answer) {
  answer = Trim(answer);
  const std::size_t first = answer.find('|');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = answer.find('|', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto ended = Number<std::int64_t>(answer.substr(0, first));
  const auto ordinary = Number<std::int64_t>(answer.substr(first + 1, second - first - 1));
  const auto superusers = Number<std::int64_t>(answer.substr(second + 1));
  if (!ended || !ordinary || !superusers) return std::nullopt;
  return TerminateCounts{*ended, *ordinary, *superusers};
}

bool IsFull(std::string_view error) {
  return error.find("too many clients already") != std::string_view::npos ||
         error.find("remaining connection slots are reserved") != std::string_view::npos ||
         error.find("too many connections for") != std::string_view::npos;
}

std::vector<BackendProcess> IdleBackends(std::string_view head_output) {
  constexpr std::string_view kOpen = "==> /proc/";
  constexpr std::string_view kClose = " <==";
  std::map<std::string, std::string> files;  // "12/cmdline" → text
  std::string current;
  for (const std::string_view line : Lines(head_output)) {
    // head starts a file's heading on a line of its own only where the file before ended with one.
    const std::size_t open = line.find(kOpen);
    const std::size_t close = line.rfind(kClose);
    if (open != std::string_view::npos && close != std::string_view::npos && close > open) {
      if (!current.empty()) files[current] += line.substr(0, open);
      current = std::string(line.substr(open + kOpen.size(), close - open - kOpen.size()));
      files[current];
    } else if (!current.empty()) {
      files[current] += line;
    }
  }
  const double uptime = std::strtod(files["uptime"].c_str(), nullptr);
  std::vector<BackendProcess> found;
  for (const auto& [file, text] : files) {
    const std::size_t slash = file.find("/cmdline");
    if (slash == std::string::npos) continue;
    auto process = ParseTitle(text);
    const auto pid = Number<std::int64_t>(std::string_view(file).substr(0, slash));
    const auto stat = files.find(file.substr(0, slash) + "/stat");
    if (!process || !pid || stat == files.end()) continue;
    const auto started = StartedSeconds(stat->second);
    if (!started) continue;
    process->pid = *pid;
    process->age_seconds = uptime - *started;
    found.push_back(*std::move(process));
  }
  return found;
}

}  // namespace salve::backends::docker
