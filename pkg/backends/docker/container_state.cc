// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/docker/container_state.h"

#include <array>
#include <charconv>
#include <utility>

#include "pkg/backends/text.h"
#include "pkg/base/json_access.h"
#include "pkg/base/time_format.h"

namespace salve::backends::docker {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxText = 512;
constexpr std::size_t kMaxLabels = 256;
constexpr std::size_t kMaxLabelValue = 4096;

constexpr std::array<std::pair<std::string_view, std::int64_t>, 22> kSignals = {{
    {"HUP", 1},   {"INT", 2},   {"QUIT", 3},   {"ILL", 4},   {"TRAP", 5},  {"ABRT", 6},
    {"BUS", 7},   {"FPE", 8},   {"KILL", 9},   {"USR1", 10}, {"SEGV", 11}, {"USR2", 12},
    {"PIPE", 13}, {"ALRM", 14}, {"TERM", 15},  {"CHLD", 17}, {"CONT", 18}, {"STOP", 19},
    {"TSTP", 20}, {"URG", 23},  {"WINCH", 28}, {"IO", 29},
}};

void ReadHealth(const json& inspect, ContainerState& out) {
  const json* health = Find(inspect, {"State", "Health"});
  if (health == nullptr) return;
  out.health = GetString(*health, {"Status"});
  if (out.health == "none") out.health.clear();
  const json* log = Find(*health, {"Log"});
  if (log == nullptr || !log->is_array() || log->empty()) return;
  out.health_output = Printable(Trim(GetString(log->back(), {"Output"})), kMaxText);
  out.health_exit_code = GetInt(log->back(), {"ExitCode"});
}

void ReadLabels(const json& inspect, ContainerState& out) {
  const json* labels = Find(inspect, {"Config", "Labels"});
  if (labels == nullptr || !labels->is_object()) return;
  for (const auto& [key, value] : labels->items()) {
    if (out.labels.size() >= kMaxLabels) return;
    if (value.is_string()) {
      out.labels[Printable(key, kMaxText)] = Printable(value.get<std::string>(), kMaxLabelValue);
    }
  }
}

void ReadLimits(const json& inspect, ContainerState& out) {
  out.memory_bytes = GetInt(inspect, {"HostConfig", "Memory"});
  out.memory_swap_bytes = GetInt(inspect, {"HostConfig", "MemorySwap"});
  out.nano_cpus = GetInt(inspect, {"HostConfig", "NanoCpus"});
  out.cpu_quota = GetInt(inspect, {"HostConfig", "CpuQuota"});
  out.cpu_period = GetInt(inspect, {"HostConfig", "CpuPeriod"});
  out.restart_policy = Printable(GetString(inspect, {"HostConfig", "RestartPolicy", "Name"}), 64);
  if (out.restart_policy.empty()) out.restart_policy = "no";
  out.pid_mode = Printable(GetString(inspect, {"HostConfig", "PidMode"}), 128);
}

}  // namespace

std::optional<std::int64_t> SignalNumber(const std::string& name) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc() && end == name.data() + name.size()) {
    if (number >= 1 && number <= 64) return number;
    return std::nullopt;
  }
  std::string_view word = name;
  if (word.substr(0, 3) == "SIG") word.remove_prefix(3);
  for (const auto& [known, value] : kSignals) {
    if (word == known) return value;
  }
  return std::nullopt;
}

StatusOr<ContainerState> ParseContainer(const json& inspect) {
  ContainerState out;
  out.id = GetString(inspect, {"Id"});
  out.name = GetString(inspect, {"Name"});
  if (!out.name.empty() && out.name.front() == '/') out.name.erase(0, 1);
  if (out.id.empty() || out.name.empty() || Find(inspect, {"State"}) == nullptr) {
    return InternalError("the engine's description of a container has no Id, Name or State");
  }
  out.name = Printable(out.name, 255);
  ReadLabels(inspect, out);
  out.image_id = Printable(GetString(inspect, {"Image"}), 128);
  out.status = Printable(GetString(inspect, {"State", "Status"}), 32);
  out.running = GetBool(inspect, {"State", "Running"});
  out.paused = GetBool(inspect, {"State", "Paused"});
  out.restarting = GetBool(inspect, {"State", "Restarting"});
  out.oom_killed = GetBool(inspect, {"State", "OOMKilled"});
  out.exit_code = GetInt(inspect, {"State", "ExitCode"});
  out.error = Printable(Trim(GetString(inspect, {"State", "Error"})), kMaxText);
  out.restart_count = GetInt(inspect, {"RestartCount"});
  out.tty = GetBool(inspect, {"Config", "Tty"});
  out.started_at_text = Printable(GetString(inspect, {"State", "StartedAt"}), 64);
  // "0001-01-01T00:00:00Z" is the engine's "never"; ParseTime does not go back that far.
  out.started_at = ParseTime(out.started_at_text);
  out.finished_at = ParseTime(GetString(inspect, {"State", "FinishedAt"}));
  out.stop_signal = SignalNumber(GetString(inspect, {"Config", "StopSignal"})).value_or(15);
  const json* timeout = Find(inspect, {"Config", "StopTimeout"});
  if (timeout != nullptr && timeout->is_number_integer()) {
    out.stop_timeout_seconds = timeout->get<std::int64_t>();
  }
  ReadHealth(inspect, out);
  ReadLimits(inspect, out);
  return out;
}

std::string ContainerState::Identity() const { return id.substr(0, 12) + "@" + started_at_text; }

std::string ContainerState::Configuration() const {
  // Everything else of a container is fixed by its id, which is part of the identity.
  return json{{"cpuPeriod", cpu_period},
              {"cpuQuota", cpu_quota},
              {"image", image_id},
              {"memoryBytes", memory_bytes},
              {"memorySwapBytes", memory_swap_bytes},
              {"nanoCpus", nano_cpus},
              {"restartPolicy", restart_policy}}
      .dump();
}

}  // namespace salve::backends::docker
