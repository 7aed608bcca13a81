// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/files.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "pkg/base/hash.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/alerts.h"
#include "pkg/healing/evidence.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/signals.h"

namespace salve::healing {
namespace {

constexpr std::size_t kMaxName = 1024;
constexpr std::size_t kMaxMessage = 1024;
constexpr char kNotExecuted[] = "NotExecuted";  // of an action's record

std::string_view Base(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view Parent(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

bool IsEnvironmentFile(std::string_view path) {
  const std::string_view name = Base(path);
  return name == ".env" || name.rfind(".env.", 0) == 0 ||
         (name.size() > 4 && name.substr(name.size() - 4) == ".env");
}

bool HoldsMigrations(std::string_view directory) {
  static constexpr std::array<std::string_view, 5> kNames = {"migrations", "migrate", "alembic",
                                                             "versions", "db"};
  const auto known = [](std::string_view name) {
    return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
  };
  return known(Base(directory)) || known(Base(Parent(directory)));
}

std::string Joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

const v1::PolicyTrigger* TriggerOf(const v1::HealingPolicySpec& spec, const std::string& name) {
  for (const v1::PolicyTrigger& trigger : spec.triggers) {
    if (trigger.name == name && trigger.file_change) return &trigger;
  }
  return nullptr;
}

bool IsChanged(const v1::FileStatus& entry) { return entry.state == v1::kFilesChanged; }

bool About(const v1::SignalStatus& signal, const v1::FileStatus& entry) {
  return signal.trigger == entry.trigger && signal.target == entry.target;
}

bool Fires(const std::vector<v1::SignalStatus>& signals, const v1::FileStatus& entry) {
  return std::any_of(signals.begin(), signals.end(), [&](const v1::SignalStatus& signal) {
    return About(signal, entry) && signal.state == kSignalFiring;
  });
}

// --- what a target runs with
// -------------------------------------------------------------------------------------------------

void BeginWith(v1::FileStatus& entry, std::map<std::string, std::string> paths, WallTime since) {
  entry.paths = std::move(paths);
  entry.content = ContentDigest(entry.paths);
  entry.state = v1::kFilesCurrent;
  entry.since = FormatMicroTime(since);
  entry.found.clear();
  entry.found_paths.clear();
  entry.reasons.clear();
  entry.files.clear();
}

// The target runs with what was found.
void TakeOver(v1::FileStatus& entry, WallTime since) {
  std::map<std::string, std::string> paths = entry.paths;
  for (const auto& [path, digest] : entry.found_paths) paths[path] = digest;
  BeginWith(entry, std::move(paths), since);
}

// The policy's author has changed the list of paths: what is new has not changed, and what is not
// listed any more is nobody's business.
void AdoptPaths(const FileSight& sight, v1::FileStatus& entry) {
  bool changed = false;
  for (const auto& [path, digest] : sight.paths) {
    changed = entry.paths.emplace(path, digest).second || changed;
  }
  const auto gone = [&](const auto& item) { return sight.paths.count(item.first) == 0; };
  changed = std::erase_if(entry.paths, gone) > 0 || changed;
  if (changed) entry.content = ContentDigest(entry.paths);
}

// The last action that made the target read its files, begun after what the entry has found.
const v1::ActionRecord* ActionSince(const FileFacts& facts, const v1::FileStatus& entry) {
  const auto found = ParseTime(entry.since);
  const v1::ActionRecord* last = nullptr;
  for (const v1::ActionRecord& record : facts.actions) {
    if (record.target != entry.target || record.result == kNotExecuted) continue;
    if (!ReadsFilesAnew(record.action)) continue;
    const auto begun = ParseTime(record.reserved_at);
    if (begun && found && *begun >= *found) last = &record;
  }
  return last;
}

// What was found while an action ran is the next incident's: it must not look older than the end of
// the last one, which would swallow it.
WallTime FoundAt(const FileFacts& facts, const std::string& target, WallTime since) {
  const auto healed = facts.healed.find(target);
  if (healed == facts.healed.end() || healed->second < since) return since;
  return healed->second + std::chrono::microseconds(1);
}

void DescribeFound(const FileSight& sight, const v1::FileChangeTrigger& trigger,
                   v1::FileStatus& entry) {
  std::set<std::string> reasons;
  entry.files.clear();
  for (const auto& [path, digest] : entry.found_paths) {
    const auto known = sight.differences.find({path, entry.paths[path]});
    const std::vector<std::string> names =
        known == sight.differences.end() ? std::vector<std::string>{} : known->second;
    reasons.merge(ReasonsFor(trigger, path, sight.directories.count(path) > 0, names));
    const std::vector<std::string> listed = names.empty() ? std::vector<std::string>{path} : names;
    for (const std::string& name : listed) {
      if (entry.files.size() < kMaxChangedNames) {
        entry.files.push_back(SanitizeLine(name, kMaxName));
      }
    }
  }
  entry.reasons.assign(reasons.begin(), reasons.end());
}

void CompareWith(const FileFacts& facts, const FileSight& sight,
                 const v1::FileChangeTrigger& trigger, v1::FileStatus& entry) {
  std::map<std::string, std::string> found;
  for (const auto& [path, digest] : sight.paths) {
    if (entry.paths[path] != digest) found[path] = digest;
  }
  if (found.empty()) {
    if (IsChanged(entry)) BeginWith(entry, entry.paths, facts.now);
    return;
  }
  std::map<std::string, std::string> whole = entry.paths;
  for (const auto& [path, digest] : found) whole[path] = digest;
  const std::string content = ContentDigest(whole);
  const auto since = ParseTime(entry.since);
  if (IsChanged(entry) && entry.found == content) {
    // Found during an action whose incident has ended since.
    if (ActionSince(facts, entry) == nullptr && since) {
      entry.since = FormatMicroTime(FoundAt(facts, entry.target, *since));
    }
    return;
  }
  entry.state = v1::kFilesChanged;
  entry.found = content;
  entry.found_paths = std::move(found);
  entry.since = FormatMicroTime(FoundAt(facts, entry.target, sight.since));
  DescribeFound(sight, trigger, entry);
}

void SettleEntry(const FileFacts& facts, const FileSight& sight,
                 const v1::FileChangeTrigger& trigger, v1::FileStatus& entry) {
  if (IsChanged(entry)) {
    if (const v1::ActionRecord* action = ActionSince(facts, entry)) {
      const bool verified = action->result == kOutcomeSuccessful;
      // It changed once more meanwhile: the target may run with what was found before, and surely
      // not with what it ran with at first.
      const bool overtaken =
          sight.message.empty() && !sight.paths.empty() &&
          std::any_of(entry.found_paths.begin(), entry.found_paths.end(), [&](const auto& item) {
            const auto now = sight.paths.find(item.first);
            return now == sight.paths.end() || now->second != item.second;
          });
      if (verified || overtaken) TakeOver(entry, facts.now);
    }
  }
  entry.message = SanitizeLine(sight.message, kMaxMessage);
  if (!sight.message.empty()) return;
  if (entry.state == v1::kFilesUnknown || entry.paths.empty()) {
    BeginWith(entry, sight.paths, sight.since);
    return;
  }
  AdoptPaths(sight, entry);
  for (const std::string& path : sight.empty) {
    if (entry.paths[path] == sight.paths.at(path)) continue;
    entry.message =
        SanitizeLine(path + " is empty all at once: not taken for a change", kMaxMessage);
    return;
  }
  CompareWith(facts, sight, trigger, entry);
}

std::vector<v1::FileStatus> Entries(const FileFacts& facts, std::vector<v1::FileStatus> before) {
  std::vector<v1::FileStatus> out;
  std::size_t paths = 0;
  for (const v1::PolicyTrigger& trigger : facts.spec.triggers) {
    if (!trigger.file_change) continue;
    for (const std::string& target : facts.targets) {
      paths += trigger.file_change->paths.size();
      if (out.size() >= kMaxFileEntries || paths > kMaxFilePaths) return out;
      const auto known = std::find_if(before.begin(), before.end(), [&](const auto& entry) {
        return entry.trigger == trigger.name && entry.target == target;
      });
      if (known != before.end()) {
        out.push_back(std::move(*known));
        continue;
      }
      v1::FileStatus& entry = out.emplace_back();
      entry.trigger = trigger.name;
      entry.target = target;
      entry.state = v1::kFilesUnknown;
    }
  }
  return out;
}

// --- signals
// -------------------------------------------------------------------------------------------------

// Whose turn it is: one target after another, as a person would restart them. Who has begun stays.
std::string NextTarget(const std::vector<v1::FileStatus>& files,
                       const std::vector<v1::SignalStatus>& signals) {
  std::string first;
  for (const v1::FileStatus& entry : files) {
    if (!IsChanged(entry)) continue;
    if (Fires(signals, entry)) return entry.target;
    if (first.empty() || entry.target < first) first = entry.target;
  }
  return first;
}

v1::SignalStatus* SignalAbout(std::vector<v1::SignalStatus>& signals, const v1::FileStatus& entry) {
  const auto it = std::find_if(signals.begin(), signals.end(),
                               [&](const auto& signal) { return About(signal, entry); });
  return it == signals.end() ? nullptr : &*it;
}

Alert AlertAbout(const v1::FileStatus& entry, WallTime since, bool firing) {
  Alert alert;
  alert.labels = {{"target", entry.target}};
  alert.severity = kSeverityWarning;
  alert.firing = firing;
  alert.since = since;
  alert.told = true;
  return alert;
}

void Raise(const FileFacts& facts, const v1::PolicyTrigger& trigger, const v1::FileStatus& entry,
           std::vector<v1::SignalStatus>& signals) {
  const v1::SignalStatus* known = SignalAbout(signals, entry);
  if (known != nullptr && known->state == kSignalFiring && known->since == entry.since) return;
  Alert alert = AlertAbout(entry, ParseTime(entry.since).value_or(facts.now), true);
  alert.message = DescribeChange(entry);
  const WallTime now = std::max(facts.now, alert.since);
  // An end that its beginning does not come after would be taken for a late delivery.
  if (known != nullptr && known->state != kSignalFiring) alert.told = false;
  ApplyAlert(signals, {entry.trigger, trigger.severity, entry.target}, alert, 0, now);
  v1::SignalStatus* raised = SignalAbout(signals, entry);
  if (raised == nullptr) return;  // no room: the policy's condition says so
  raised->since = entry.since;
  raised->message = SanitizeLine(alert.message, kMaxMessage);
  raised->labels = {{kLabelReason, SanitizeLine(Joined(entry.reasons), kMaxName)},
                    {kLabelFiles, SanitizeLine(Joined(entry.files), kMaxName)}};
}

void Settle(const FileFacts& facts, const v1::FileStatus& entry,
            std::vector<v1::SignalStatus>& signals) {
  v1::SignalStatus* known = SignalAbout(signals, entry);
  if (known == nullptr || known->state != kSignalFiring) return;
  const WallTime since = std::max(facts.now, ParseTime(known->since).value_or(facts.now));
  ApplyAlert(signals, {entry.trigger, "", entry.target}, AlertAbout(entry, since, false), 0, since);
}

}  // namespace

std::string ContentDigest(const std::map<std::string, std::string>& paths) {
  // Lengths first, so that no two lists give one text.
  std::string text;
  for (const auto& [path, digest] : paths) {
    text += std::to_string(path.size()) + ":" + path + digest + "\n";
  }
  return Sha256Hex(text);
}

std::set<std::string> ReasonsFor(const v1::FileChangeTrigger& trigger, const std::string& path,
                                 bool directory, const std::vector<std::string>& names) {
  if (!trigger.reason.empty()) return {trigger.reason};
  if (!directory) return {IsEnvironmentFile(path) ? kReasonEnv : kReasonFiles};
  if (names.empty()) return {HoldsMigrations(path) ? kReasonMigrations : kReasonFiles};
  std::set<std::string> reasons;
  for (const std::string& name : names) {
    reasons.insert(IsEnvironmentFile(name)                                  ? kReasonEnv
                   : HoldsMigrations(Parent(name)) || HoldsMigrations(path) ? kReasonMigrations
                                                                            : kReasonFiles);
  }
  return reasons;
}

bool ReadsFilesAnew(const std::string& action) {
  static constexpr std::array<std::string_view, 16> kNot = {"redisFlushAll",
                                                            "redisSetConfig",
                                                            "redisScriptKill",
                                                            "redisClientKill",
                                                            "postgresTerminateConnections",
                                                            "postgresTerminateBlocker",
                                                            "updateResources",
                                                            "updateTaskResources",
                                                            "setDesiredCount",
                                                            "scale",
                                                            "pause",
                                                            "unpause",
                                                            "stop",
                                                            "kill",
                                                            "wait",
                                                            ""};
  return std::find(kNot.begin(), kNot.end(), action) == kNot.end();
}

void SettleFiles(const FileFacts& facts, std::vector<v1::FileStatus>& files,
                 std::vector<v1::SignalStatus>& signals) {
  files = Entries(facts, std::move(files));
  for (v1::FileStatus& entry : files) {
    const auto sight = facts.sights.find(entry.trigger);
    if (sight == facts.sights.end()) continue;
    SettleEntry(facts, sight->second, *TriggerOf(facts.spec, entry.trigger)->file_change, entry);
  }
  std::erase_if(signals, [&](const v1::SignalStatus& signal) {
    return TriggerOf(facts.spec, signal.trigger) != nullptr &&
           std::none_of(files.begin(), files.end(),
                        [&](const v1::FileStatus& entry) { return About(signal, entry); });
  });
  const std::string turn = NextTarget(files, signals);
  for (const v1::FileStatus& entry : files) {
    if (IsChanged(entry) && entry.target == turn) {
      Raise(facts, *TriggerOf(facts.spec, entry.trigger), entry, signals);
    } else {
      Settle(facts, entry, signals);
    }
  }
}

std::vector<IndicatorState> FileIndicators(const v1::HealingPolicy& policy,
                                           const std::string& target) {
  std::vector<IndicatorState> out;
  for (const v1::FileStatus& entry : policy.status.files) {
    if (entry.target != target || entry.state == v1::kFilesUnknown) continue;
    if (TriggerOf(policy.spec, entry.trigger) == nullptr) continue;
    IndicatorState indicator;
    indicator.name = entry.trigger;
    indicator.source = kSourceFile;
    indicator.state = HealthState::kHealthy;
    indicator.health = 100;
    indicator.measured = true;
    indicator.since = ParseTime(entry.since).value_or(WallTime{});
    indicator.last_measured = indicator.since;
    indicator.message = IsChanged(entry) ? DescribeChange(entry) + "; another target comes first"
                                         : "as it was started with";
    for (const v1::SignalStatus& signal : policy.status.signals) {
      if (!About(signal, entry) || signal.state != kSignalFiring) continue;
      indicator.state = HealthState::kUnhealthy;
      indicator.health = 0;
      indicator.severity = signal.severity;
      indicator.message = signal.message;
      indicator.since = ParseTime(signal.since).value_or(indicator.since);
      indicator.error_lines = {signal.message};
    }
    out.push_back(std::move(indicator));
  }
  return out;
}

FreshCheck AwaitFiles(FreshCheck check, const v1::HealingPolicy& policy,
                      const v1::Incident& incident) {
  if (check.verdict != Verdict::kGood) return check;
  const std::string& target = incident.spec.target.name;
  const v1::Attempt* attempt = RunningAttempt(incident.status);
  if (attempt == nullptr && RequestedIndicator(incident)) {
    check.verdict = Verdict::kBetween;
    return check;
  }
  const bool about_files = incident.spec.trigger.source == kSourceFile;
  if (attempt != nullptr && (!about_files || ReadsFilesAnew(attempt->action))) return check;
  for (const v1::FileStatus& entry : policy.status.files) {
    if (entry.target != target || !Fires(policy.status.signals, entry)) continue;
    check.verdict = Verdict::kBetween;
    check.message = "runs with files that have changed (" + DescribeChange(entry) + ")" +
                    (check.message.empty() ? "" : "; " + check.message);
    return check;
  }
  return check;
}

std::optional<IndicatorState> RequestedIndicator(const v1::Incident& incident) {
  const v1::Trigger& trigger = incident.spec.trigger;
  if (trigger.source != kSourceFile || trigger.name != kTriggerRequested) return std::nullopt;
  if (HasActed(incident.status)) return std::nullopt;
  IndicatorState indicator;
  indicator.name = kTriggerRequested;
  indicator.source = kSourceFile;
  indicator.state = HealthState::kUnhealthy;
  indicator.measured = true;
  indicator.message = SanitizeLine(trigger.message, kMaxMessage);
  indicator.since = ParseTime(trigger.at).value_or(WallTime{});
  indicator.last_measured = indicator.since;
  indicator.severity = incident.spec.severity;
  return indicator;
}

std::string DescribeChange(const v1::FileStatus& entry) {
  return Joined(entry.reasons) + ": " + Joined(entry.files);
}

}  // namespace salve::healing
