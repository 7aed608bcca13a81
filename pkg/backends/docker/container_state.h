// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_DOCKER_CONTAINER_STATE_H_
#define SALVE_PKG_BACKENDS_DOCKER_CONTAINER_STATE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "pkg/base/clock.h"
#include "pkg/base/status.h"
#include "pkg/healing/types.h"

namespace salve::backends::docker {

// What Salve keeps of a container: the parts of the engine's inspect answer that anybody reads.
// Value.
struct ContainerState {
  std::string id;
  std::string name;  // without the leading "/"
  std::map<std::string, std::string> labels;
  std::string image_id;

  std::string status;  // created running paused restarting removing exited dead
  bool running = false;
  bool paused = false;
  bool restarting = false;
  bool oom_killed = false;
  bool tty = false;
  std::int64_t exit_code = 0;
  std::int64_t restart_count = 0;
  std::string error;                    // the engine's, when a start failed
  std::string started_at_text;          // as the engine writes it: part of the identity
  std::optional<WallTime> started_at;   // nullopt: never
  std::optional<WallTime> finished_at;  // nullopt: never
  std::string health;                   // "" (no check), starting, healthy, unhealthy
  std::string health_output;            // of the last check, printable
  std::int64_t health_exit_code = 0;

  std::int64_t memory_bytes = 0;  // 0 = no limit
  std::int64_t memory_swap_bytes = 0;
  std::int64_t nano_cpus = 0;
  std::int64_t cpu_quota = 0;
  std::int64_t cpu_period = 0;
  std::string restart_policy;  // no always unless-stopped on-failure
  std::string pid_mode;
  std::int64_t stop_signal = 15;
  std::optional<std::int64_t> stop_timeout_seconds;  // the container's own

  std::string Identity() const;       // "<id12>@<StartedAt>"
  std::string Configuration() const;  // canonical JSON of what an update can change, and the image
};

// kInternal if it is no inspect answer.
StatusOr<ContainerState> ParseContainer(const nlohmann::json& inspect);

// "15", "SIGTERM", "TERM" → 15; nullopt for unknown ones.
std::optional<std::int64_t> SignalNumber(const std::string& name);

// What the event stream told of the container's current run: the engine's own state does not say
// who ended it. Emptied by each start.
struct RunTrace {
  std::optional<WallTime> kill_at;  // the last signal that asks a process to end
  std::optional<WallTime> die_at;
  std::optional<WallTime> stop_at;  // "docker stop" done
  std::optional<WallTime> oom_at;   // any process of it was OOM-killed
};

// A time in which the engine itself was not there and, when it came back, had ended what ran.
struct EngineOutage {
  WallTime from;
  WallTime to;
};

enum class EndedBy { kItself, kSomebody, kEngine };

// Who ended a container that does not run. With the `die` event at hand: somebody, if a signal
// asked for it shortly before, or if `docker stop` or `docker kill` reported; else itself. Without
// it (it ended before Salve watched) the rest decides, and doubt counts as a person's wish, because
// starting what somebody stopped does more harm than leaving it:
//   restart policy always or unless-stopped → somebody (the engine would have started it again)
//   ended while the engine was away         → the engine (also where a signal was seen: an engine
//   that
//                                             ends in an orderly way stops its containers first)
//   exit code 0, 130, 143, or 137 not by OOM → somebody;  any other → itself
EndedBy WhoEnded(const ContainerState& state, const RunTrace& trace,
                 const std::optional<EngineOutage>& outage);

// The observation as backends report it. EngineRestarted stands next to Stopped where the engine's
// end ended the container, and on a running one for a minute after the engine came back.
healing::TargetObservation Observation(const std::string& backend, const ContainerState& state,
                                       const RunTrace& trace,
                                       const std::optional<EngineOutage>& outage, WallTime now);
// Of a container that does not exist.
healing::TargetObservation MissingObservation(const healing::TargetRef& ref, WallTime now);

}  // namespace salve::backends::docker

#endif  // SALVE_PKG_BACKENDS_DOCKER_CONTAINER_STATE_H_
