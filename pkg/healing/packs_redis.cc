// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/packs.h"

namespace salve::healing {
namespace {

constexpr char kRedis[] = "redis";
constexpr char kUsed[] = "memory.used_bytes";
constexpr char kMax[] = "memory.max_bytes";
constexpr char kClients[] = "clients.connected";
constexpr char kMaxClients[] = "clients.max";

PackRule Rule(const std::string& name, const std::string& cause, const std::string& sentence) {
  PackRule rule;
  rule.name = "redis/" + name;
  rule.cause = cause;
  rule.sentence = sentence;
  rule.when.system = kRedis;
  return rule;
}

// What Redis says by itself and what is no reason to act on it.
PackRule Says(const std::string& name, const std::string& cause, const std::string& sentence,
              std::vector<std::string> lines, const char* verdict) {
  PackRule rule = Rule(name, cause, sentence);
  rule.when.lines = std::move(lines);
  rule.confidence = 0.95;
  rule.overriding = true;
  rule.verdict = verdict;
  const std::string line = rule.when.lines.front();
  rule.cases = {Hit("Redis that says \"" + line + "\"").System(kRedis).ProbeFails(line).Build(),
                Miss("a probe that fails without saying so")
                    .System(kRedis)
                    .ProbeFails("connection refused")
                    .Build(),
                Miss("the same words from something that is not Redis").ProbeFails(line).Build()};
  return rule;
}

PackRule Loading() {
  PackRule rule = Says("loading", "Loading",
                       "it is loading its data set; a restart would begin from the start again",
                       {"LOADING Redis is loading the dataset in memory"}, kVerdictDoNothing);
  rule.escalate_after_seconds = 1800;
  return rule;
}

PackRule MasterDown() {
  PackRule rule = Says("master-down", "DependencyDown",
                       "its primary is gone; this replica has nothing to be healed",
                       {"MASTERDOWN Link with MASTER is down"}, kVerdictDoNothing);
  rule.escalate_after_seconds = 300;
  return rule;
}

PackRule CorruptFile() {
  PackRule rule =
      Says("corrupt-file", "CorruptFile",
           "it cannot read its own data file; a person must choose between repair and loss",
           {"Bad file format reading the append only file",
            "Unexpected end of file reading the append only file",
            "Wrong signature trying to load DB from file", "Fatal error loading the DB"},
           kVerdictEscalate);
  rule.when.in_logs = true;
  rule.cases.push_back(Hit("the file error is in the log of a container that has exited")
                           .System(kRedis)
                           .Down({kConditionExited}, 1)
                           .Log("Bad file format reading the append only file "
                                "appendonly.aof.1.incr.aof: make a backup of your AOF file")
                           .Build());
  return rule;
}

void ActOnMemory(PackRule& rule) { rule.actions = {{"redisFlushAll", "redisSetConfig"}}; }

// Writes are refused. The metrics may contradict a line that is no longer true.
PackRule OutOfMemory() {
  PackRule rule = Rule("oom", "MemoryExhausted", "it refuses writes because its memory is used up");
  rule.when.lines = {"OOM command not allowed"};
  rule.when.unless_below = PackCondition::Ratio{kUsed, kMax, 0.5};
  rule.confidence = 0.95;
  ActOnMemory(rule);
  const char* line = "OOM command not allowed when used memory > 'maxmemory'.";
  rule.cases = {Hit("Redis that refuses writes").System(kRedis).ProbeFails(line).Build(),
                Miss("Redis whose memory is free again")
                    .System(kRedis)
                    .ProbeFails(line)
                    .Metric(kUsed, 1)
                    .Metric(kMax, 100)
                    .Build(),
                Miss("the words in a log that anybody may write").System(kRedis).Log(line).Build()};
  return rule;
}

PackRule MemoryFull() {
  PackRule rule = Rule("memory-full", "MemoryExhausted", "its memory is used up");
  rule.when.ratio = PackCondition::Ratio{kUsed, kMax, 0.9};
  rule.when.probe_unhealthy = true;
  rule.confidence = 0.9;
  ActOnMemory(rule);
  rule.cases = {Hit("95 of 100 bytes used")
                    .System(kRedis)
                    .ProbeFails("")
                    .Metric(kUsed, 95)
                    .Metric(kMax, 100)
                    .Build(),
                Miss("95 bytes used without a limit")
                    .System(kRedis)
                    .ProbeFails("")
                    .Metric(kUsed, 95)
                    .Metric(kMax, 0)
                    .Build()};
  return rule;
}

PackRule MemoryPressure() {
  PackRule rule = Rule("memory-pressure", "MemoryPressure", "its memory is filling up");
  rule.when.ratio = PackCondition::Ratio{kUsed, kMax, 0.3};
  rule.when.probe_unhealthy = true;
  rule.confidence = 0.7;
  ActOnMemory(rule);
  rule.cases = {Hit("60 of 100 bytes used and below the policy's threshold")
                    .System(kRedis)
                    .ProbeFails("")
                    .Metric(kUsed, 60)
                    .Metric(kMax, 100)
                    .Build(),
                Miss("60 of 100 bytes used and healthy")
                    .System(kRedis)
                    .Metric(kUsed, 60)
                    .Metric(kMax, 100)
                    .Build()};
  return rule;
}

void ActOnClients(PackRule& rule) {
  // A server whose every slot is taken also refuses the client that would kill the idle ones.
  rule.actions = {{"redisClientKill"}, {"restart"}};
  rule.default_action.emplace().redis_client_kill.emplace().idle_seconds = 60;
}

PackRule MaxClients() {
  PackRule rule = Rule("max-clients", "ClientsExhausted", "all its client slots are taken");
  rule.when.lines = {"max number of clients reached"};
  rule.confidence = 0.95;
  ActOnClients(rule);
  rule.cases = {Hit("Redis that turns clients away")
                    .System(kRedis)
                    .ProbeFails("ERR max number of clients reached")
                    .Build(),
                Miss("Redis that fails otherwise").System(kRedis).ProbeFails("timed out").Build()};
  return rule;
}

PackRule ClientsFull() {
  PackRule rule = Rule("clients-full", "ClientsExhausted", "nearly all its client slots are taken");
  rule.when.ratio = PackCondition::Ratio{kClients, kMaxClients, 0.9};
  rule.when.probe_unhealthy = true;
  rule.confidence = 0.92;
  ActOnClients(rule);
  rule.cases = {Hit("19 of 20 clients")
                    .System(kRedis)
                    .ProbeFails("")
                    .Metric(kClients, 19)
                    .Metric(kMaxClients, 20)
                    .Build(),
                Miss("2 of 20 clients")
                    .System(kRedis)
                    .ProbeFails("")
                    .Metric(kClients, 2)
                    .Metric(kMaxClients, 20)
                    .Build()};
  return rule;
}

PackRule BusyScript() {
  PackRule rule = Rule("busy-script", "ScriptRunning", "a script has been running for too long");
  rule.when.lines = {"BUSY Redis is busy running a script"};
  rule.confidence = 0.95;
  rule.actions = {{"redisScriptKill"}};
  rule.default_action.emplace().redis_script_kill.emplace();
  rule.cases = {
      Hit("Redis that is held up by a script")
          .System(kRedis)
          .ProbeFails("BUSY Redis is busy running a script. You can only call SCRIPT KILL")
          .Build(),
      Miss("Redis that is slow otherwise").System(kRedis).ProbeFails("timed out").Build()};
  return rule;
}

PackRule Unhealthy() {
  PackRule rule = Rule("unhealthy", "Unresponsive", "it runs but does not answer as it should");
  rule.when.probe_unhealthy = true;
  rule.when.running = true;
  rule.confidence = 0.7;
  rule.actions = {{"restart"}};
  rule.default_action.emplace().restart.emplace();
  rule.cases = {Hit("Redis that does not answer").System(kRedis).ProbeFails("timed out").Build(),
                Miss("Redis that does not run")
                    .System(kRedis)
                    .Down({kConditionExited}, 1)
                    .ProbeFails("connection refused")
                    .Build()};
  return rule;
}

}  // namespace

Pack RedisPack() {
  return {"redis",
          "1.0.0",
          {Loading(), MasterDown(),
           Says("auth-changed", "AuthenticationChanged",
                "it wants another password; who rotated it must tell, a restart would only hide it",
                {"NOAUTH Authentication required", "WRONGPASS invalid username-password pair"},
                kVerdictEscalate),
           Says("snapshot-failing", "SnapshotFailing",
                "it cannot write its snapshots, so it refuses writes; the storage is at fault",
                {"MISCONF Redis is configured to save RDB snapshots", "MISCONF Errors writing"},
                kVerdictEscalate),
           Says("read-only-replica", "RoleChanged",
                "it is a read-only replica; its role or the client's address is wrong",
                {"READONLY You can't write against a read only replica"}, kVerdictEscalate),
           CorruptFile(), OutOfMemory(), MemoryFull(), MemoryPressure(), MaxClients(),
           ClientsFull(), BusyScript(), Unhealthy()}};
}

}  // namespace salve::healing
