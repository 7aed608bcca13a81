// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_FILES_H_
#define SALVE_PKG_HEALING_FILES_H_

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/healing/health.h"
#include "pkg/healing/types.h"
#include "pkg/healing/verification.h"

// Files as triggers: what was found of a policy's files becomes status.files (what each target runs
// with) and status.signals. Pure functions; the status is the only memory, so that a restart
// forgets nothing. One target of a policy after another has its signal: see
// docs/design/2026-11-21-files-as-triggers.md.
namespace salve::healing {

// A diagnosis' cause.
inline constexpr char kCauseConfigurationChanged[] = "ConfigurationChanged";

inline constexpr char kReasonEnv[] = "env_changed";
inline constexpr char kReasonMigrations[] = "migrations_changed";
inline constexpr char kReasonFiles[] = "files_changed";

// Labels of the signals that files give.
inline constexpr char kLabelReason[] = "reason";  // "env_changed, migrations_changed"
inline constexpr char kLabelFiles[] = "files";    // names of what changed

inline constexpr std::size_t kMaxChangedNames = 10;  // listed in a status
// All entries of one policy together watch at most so many paths.
inline constexpr std::size_t kMaxFileEntries = 200;
inline constexpr std::size_t kMaxFilePaths = 500;

// What the files of one trigger hold, the same for as long as its debounceSeconds ask for.
struct FileSight {
  std::string message;                       // why they cannot be read; "" = the rest says it
  std::map<std::string, std::string> paths;  // path → digest
  std::set<std::string> directories;         // those of the paths
  std::set<std::string> empty;               // directories without any file
  // (path, an earlier digest) → the full names of what differs from it now; as far as remembered.
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> differences;
  WallTime since;  // when it was first seen to be so, by the time that actions are counted by
};

// 64 hex digits over paths and their digests.
std::string ContentDigest(const std::map<std::string, std::string>& paths);

// What a change of `path` is called. `names`: the files below it that differ, if that is known.
std::set<std::string> ReasonsFor(const v1::FileChangeTrigger& trigger, const std::string& path,
                                 bool directory, const std::vector<std::string>& names);

// Whether a target reads its files anew by that action (a restart does, a flush does not).
bool ReadsFilesAnew(const std::string& action);

struct FileFacts {
  const v1::HealingPolicySpec& spec;
  // Those that are awake. Who sleeps starts with what it finds, and is forgotten.
  std::vector<std::string> targets;
  std::map<std::string, FileSight> sights;  // by trigger; none: not looked at so far
  const std::vector<v1::ActionRecord>& actions;
  // Target → when its last incident ended with a verified fix.
  std::map<std::string, WallTime> healed;
  WallTime now;
};
// Brings both lists up to what was found. The first content that is seen is what a target runs
// with; another one makes the trigger's signal about the target fire, until the old content is back
// or an action that made the target read its files, begun after that content was found, was
// verified.
void SettleFiles(const FileFacts& facts, std::vector<v1::FileStatus>& files,
                 std::vector<v1::SignalStatus>& signals);

// One indicator per trigger with fileChange that the target has an entry for, named after it:
// Unhealthy while its signal fires, else Healthy.
std::vector<IndicatorState> FileIndicators(const v1::HealingPolicy& policy,
                                           const std::string& target);

// What otherwise is good is only in between while the target's files wait for a restart. An
// attempt that runs (its action makes the target read them, or the incident is about something
// else) is judged without them: what was found since it began is the next incident's.
FreshCheck AwaitFiles(FreshCheck check, const v1::HealingPolicy& policy,
                      const v1::Incident& incident);

// Name of the trigger (source File) of an incident that a person made to have a target restarted.
// No trigger of a policy can be called so.
inline constexpr char kTriggerRequested[] = "restart requested";

// What makes a target count as ill that may be well: somebody asked for its restart, and nothing
// has been done about it yet. Whoever may create incidents may ask; every gate applies as ever.
std::optional<IndicatorState> RequestedIndicator(const v1::Incident& incident);

// "env_changed: /srv/shop/shop.env"; of an entry that is Changed.
std::string DescribeChange(const v1::FileStatus& entry);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_FILES_H_
