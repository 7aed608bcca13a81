// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "pkg/healing/files.h"
#include "pkg/healing/packs.h"

namespace salve::healing {
namespace {

PackRule DependencyDown() {
  PackRule rule;
  rule.name = "common/dependency-down";
  rule.cause = "DependencyDown";
  rule.sentence = "what it depends on is ill; the dependency is healed first, this target waits";
  rule.when.dependency_down = true;
  rule.confidence = 0.95;
  rule.overriding = true;
  rule.verdict = kVerdictDoNothing;
  rule.cases = {Hit("an ill target whose dependency is ill waits")
                    .ProbeFails("")
                    .DependencyDown("db")
                    .Build(),
                Miss("an ill target without dependencies does not wait").ProbeFails("").Build()};
  return rule;
}

PackRule CallsRefused() {
  PackRule rule;
  rule.name = "common/calls-refused";
  rule.cause = "DependencyUnreachable";
  rule.sentence =
      "its own log says that what it calls cannot be reached; restarting the caller heals "
      "nothing";
  rule.when.recent_log_lines = {
      "connection refused", "Connection refused",        "ECONNREFUSED",
      "no such host",       "Name or service not known", "Temporary failure in name resolution"};
  rule.when.running = true;
  rule.confidence = 0.75;
  rule.verdict = kVerdictDoNothing;
  rule.escalate_after_seconds = 600;
  rule.cases = {Hit("a caller that is refused again and again waits")
                    .Log("dial tcp db:5432: connection refused")
                    .Log("dial tcp db:5432: connection refused")
                    .Build(),
                Miss("one refused call is noise").Log("connection refused").Build(),
                Miss("our own probe being refused says nothing about dependencies")
                    .ProbeFails("connection refused")
                    .Build()};
  return rule;
}

PackRule DiskFull() {
  PackRule rule;
  rule.name = "common/disk-full";
  rule.cause = "DiskFull";
  rule.sentence = "its storage is full; a restart frees nothing and deleting is for people";
  rule.when.lines = {"No space left on device", "no space left on device"};
  rule.when.in_logs = true;
  rule.confidence = 0.95;
  rule.overriding = true;
  rule.verdict = kVerdictEscalate;
  rule.cases = {Hit("a write that failed for lack of space goes to a person")
                    .Down({kConditionExited}, 1)
                    .Log("PANIC:  could not write to file \"pg_wal/xlogtemp.29\": No space left on "
                         "device")
                    .Build(),
                Miss("a crash without that line does not").Down({kConditionExited}, 1).Build()};
  return rule;
}

PackRule Unmeasurable() {
  PackRule rule;
  rule.name = "common/unmeasurable";
  rule.cause = "Unmeasurable";
  rule.sentence = "its health cannot be measured; nothing is done blindly";
  rule.when.unmeasurable = true;
  rule.confidence = 0.6;
  rule.verdict = kVerdictDoNothing;
  rule.escalate_after_seconds = 300;
  rule.cases = {
      Hit("a probe that cannot measure is no reason to act").ProbeUnknown("no such host").Build(),
      Miss("a probe that measured an ill target is").ProbeFails("").Build()};
  return rule;
}

}  // namespace

PackRule ConfigurationChanged(const std::string& system, Action action, CaseBuilder hit,
                              CaseBuilder miss) {
  PackRule rule;
  rule.name = system + "/configuration-changed";
  rule.cause = kCauseConfigurationChanged;
  rule.sentence = "it was started with other files than there are now, and must read them anew";
  rule.when.system = system;
  rule.when.files_changed = true;
  rule.confidence = 0.9;
  rule.actions = {{"restart", "rolloutRestart", "forceNewDeployment"},
                  {"deletePod", "evictPod", "stopTask"},
                  {"exec"}};
  rule.default_action = std::move(action);
  rule.cases = {hit.FilesChanged().Build(), miss.ProbeFails("timed out").Build()};
  return rule;
}

Pack CommonPack() {
  return {"common", "1.0.0", {DependencyDown(), CallsRefused(), DiskFull(), Unmeasurable()}};
}

}  // namespace salve::healing
