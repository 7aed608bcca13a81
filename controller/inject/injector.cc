// SPDX-License-Identifier: Apache-2.0
#include "controller/inject/injector.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "controller/cli/session.h"
#include <signal.h>

namespace salve::inject {
namespace {

using backends::CallContext;
using backends::docker::Endpoint;
using backends::docker::EngineClient;
using backends::docker::ExecOutput;
using nlohmann::json;

constexpr std::chrono::milliseconds kBetweenTries{200};
constexpr int kTriesBeforeMore = 3;

// Fills up to the limit in one run: what a script has begun is not refused any more, so it must
// know how much is left. ARGV: bytes of one value, how many at most.
constexpr char kFillScript[] =
    "local n = tonumber(ARGV[2]) "
    "local seq = redis.call('INCR', 'salve:inject:seq') "
    "for i = 1, n do redis.call('SET', 'salve:inject:' .. seq .. ':' .. i, string.rep('x', "
    "ARGV[1])) end "
    "return n";
// Removes what the fill wrote. Bounded by the keys that are there.
constexpr char kUnfillScript[] =
    "local cursor = '0' repeat "
    "local page = redis.call('SCAN', cursor, 'MATCH', 'salve:inject:*', 'COUNT', 1000) cursor = "
    "page[1] "
    "for _, key in ipairs(page[2]) do redis.call('DEL', key) end until cursor == '0' return 'OK'";

// Keeps $3 connections open and idle: one client each, that waits on a pipe to which nobody writes.
// The shell's own list of jobs is empty where a trap would ask for it (dash), so the clients are
// noted. $1 port, $2 user.
std::string Holder(const std::string& client) {
  return "d=$(mktemp -d) && mkfifo \"$d/idle\" && exec 3<>\"$d/idle\" || exit 1; "
         "echo $$ >>/tmp/salve-inject.pids; clients=; i=0; "
         "trap 'kill $clients 2>/dev/null; rm -rf \"$d\"; exit 0' TERM; "
         "export PGPASSWORD=\"${PGPASSWORD:-$POSTGRES_PASSWORD}\"; "
         "while [ $i -lt \"$3\" ]; do " +
         client + " <&3 >/dev/null 2>&1 & clients=\"$clients $!\"; i=$((i+1)); done; wait";
}
constexpr char kPostgresClient[] = "psql -h 127.0.0.1 -p \"$1\" -U \"$2\" -d postgres";
// It connects and then waits for its last word; without -x it would first read all of COMMAND DOCS,
// megabytes for each client, and a container with a small limit would be killed by the kernel.
constexpr char kRedisClient[] = "redis-cli -p \"$1\" -x ECHO";
constexpr char kTryPostgres[] =
    "export PGPASSWORD=\"${PGPASSWORD:-$POSTGRES_PASSWORD}\"; "
    "exec psql -h 127.0.0.1 -p \"$1\" -U \"$2\" -d postgres -Atc 'show max_connections'";
// The file outlives a restart of the container, the processes do not: a number may be another's
// now.
constexpr char kRelease[] =
    "[ -f /tmp/salve-inject.pids ] || exit 0; "
    "for p in $(cat /tmp/salve-inject.pids); do "
    "grep -qs salve-inject \"/proc/$p/cmdline\" && kill \"$p\" 2>/dev/null; done; "
    "rm -f /tmp/salve-inject.pids";
// $1 the limit that the service had. The first one noted is the real one.
constexpr char kNoteLimit[] =
    "[ -s /tmp/salve-inject.maxclients ] || echo \"$1\" >/tmp/salve-inject.maxclients";
// The connections that were released may still be counted for a moment.
constexpr char kRestoreLimit[] =
    "[ -s /tmp/salve-inject.maxclients ] || exit 0; i=0; "
    "while [ $i -lt 50 ]; do i=$((i+1)); "
    "case $(redis-cli -p \"$1\" CONFIG SET maxclients \"$(cat /tmp/salve-inject.maxclients)\" "
    "2>&1) in "
    "OK) rm -f /tmp/salve-inject.maxclients; exit 0 ;; esac; sleep 0.1; done; exit 1";
// More clients than that would harm the container before the service's limit is reached: in number,
// and in what each takes of the container's memory.
constexpr std::int64_t kMaxHolders = 500;
constexpr std::int64_t kBytesPerHolder = 2 << 20;

// One injection: what all steps need.
struct Run {
  EngineClient& engine;
  const Request& request;
  const json& inspect;
  Clock& clock;
  MonoTime deadline;

  CallContext Context() const { return {deadline, {}}; }

  StatusOr<ExecOutput> Exec(std::vector<std::string> argv) const {
    return engine.Exec(request.container, {std::move(argv), {}, ""}, Context());
  }
  // A program that goes on when we have ended.
  Status Detach(const std::vector<std::string>& argv) const {
    const json create = {{"Cmd", argv}, {"AttachStdout", false}, {"AttachStderr", false}};
    SALVE_ASSIGN_OR_RETURN(const json made, engine.Call(Endpoint::kExecCreate, request.container,
                                                        {}, &create, Context()));
    const auto id = made.find("Id");
    if (id == made.end() || !id->is_string()) return InternalError("the engine gave no exec id");
    const json start = {{"Detach", true}, {"Tty", false}};
    return engine.Call(Endpoint::kExecStart, id->get<std::string>(), {}, &start, Context())
        .status();
  }
  Status Signal(const char* name) const {
    return engine.Call(Endpoint::kKill, request.container, {{"signal", name}}, nullptr, Context())
        .status();
  }
  // False when the time is over.
  bool Pause() const {
    const MonoTime until = clock.Monotonic() + kBetweenTries;
    if (until >= deadline) return false;
    cli::WaitUntil(clock, until);
    return true;
  }
  Status TooLate(const std::string& last) const {
    return DeadlineExceededError(request.fault + " on " + request.container +
                                 ": the service still works; its last answer: " + last);
  }
};

json At(const json& value, const std::vector<std::string>& path) {
  const json* at = &value;
  for (const std::string& key : path) {
    if (!at->is_object()) return nullptr;
    const auto it = at->find(key);
    if (it == at->end()) return nullptr;
    at = &*it;
  }
  return *at;
}

// "maxmemory:52428800" in the answer of INFO; -1 if it is not there.
std::int64_t InfoNumber(const std::string& info, const std::string& key) {
  const std::size_t at = info.find("\n" + key + ":");
  if (at == std::string::npos) return -1;
  std::int64_t value = -1;
  std::from_chars(info.data() + at + key.size() + 2, info.data() + info.size(), value);
  return value;
}

StatusOr<std::string> RedisMemory(const Run& run) {
  const std::string port =
      std::to_string(run.request.port ? run.request.port : PortOf(run.inspect, 6379));
  const auto redis = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"redis-cli", "-p", port});
    return run.Exec(std::move(words));
  };
  if (run.request.undo) {
    SALVE_ASSIGN_OR_RETURN(const ExecOutput out, redis({"EVAL", kUnfillScript, "0"}));
    return "removed what was filled in: " + out.stdout_text;
  }
  // With its header just below a size class of the allocator: what is counted is what is asked for.
  constexpr std::int64_t kValue = 81000;
  std::int64_t size = kValue;
  std::string last;
  do {
    SALVE_ASSIGN_OR_RETURN(const ExecOutput info, redis({"INFO", "memory"}));
    const std::int64_t limit = InfoNumber(info.stdout_text, "maxmemory");
    const std::int64_t used = InfoNumber(info.stdout_text, "used_memory");
    if (limit < 0)
      return UnavailableError("redis-cli INFO memory: " + info.stdout_text + info.stderr_text);
    if (limit == 0)
      return InvalidArgumentError("this Redis has no maxmemory: it never refuses to write");
    const std::int64_t count = std::max<std::int64_t>(1, (limit - used) / size);
    SALVE_ASSIGN_OR_RETURN(const ExecOutput fill,
                           redis({"EVAL", kFillScript, "0", std::to_string(size),
                                  std::to_string(std::min<std::int64_t>(count, 20000))}));
    // A small write, as any client makes it, is what counts.
    SALVE_ASSIGN_OR_RETURN(const ExecOutput write, redis({"SET", "salve:inject:last", "x"}));
    last = write.stdout_text + write.stderr_text;
    if (const std::string refusal = RefusalIn(last); !refusal.empty()) return refusal;
    if (limit - used < 2 * kValue) size = 1000;
  } while (run.Pause());
  return run.TooLate(last);
}

std::int64_t MaxHolders(const json& inspect) {
  const json memory = At(inspect, {"HostConfig", "Memory"});
  if (!memory.is_number_integer() || memory.get<std::int64_t>() <= 0) return kMaxHolders;
  return std::min(kMaxHolders, memory.get<std::int64_t>() / kBytesPerHolder);
}

// Holds connections and adds some until a new client is refused.
StatusOr<std::string> Exhaust(const Run& run, const std::vector<std::string>& holder,
                              const std::vector<std::string>& attempt, std::int64_t limit) {
  const std::int64_t most = MaxHolders(run.inspect);
  if (limit <= 0 || limit > most) {
    return InvalidArgumentError("the service's limit is " + std::to_string(limit) +
                                " connections; only 1 to " + std::to_string(most) +
                                " can be held open in this container without killing it");
  }
  std::string last;
  std::int64_t more = limit;
  int tries = 0;
  do {
    if (more > 0) {
      std::vector<std::string> argv = holder;
      argv.push_back(std::to_string(more));
      SALVE_RETURN_IF_ERROR(run.Detach(argv));
      more = 0;
    }
    SALVE_ASSIGN_OR_RETURN(const ExecOutput out, run.Exec(attempt));
    last = out.stdout_text + out.stderr_text;
    if (const std::string refusal = RefusalIn(last); !refusal.empty()) return refusal;
    // A place that somebody else held for a moment (a probe, this try) is free again, and was
    // refused to one of the first ones: it is taken before a healer has seen how few are left.
    if (++tries % kTriesBeforeMore == 0) more = 2;
  } while (run.Pause());
  return run.TooLate(last);
}

std::string EnvironmentOf(const json& inspect, const std::string& name) {
  const json env = At(inspect, {"Config", "Env"});
  for (const json& entry : env.is_array() ? env : json::array()) {
    const std::string text = entry.is_string() ? entry.get<std::string>() : "";
    if (text.compare(0, name.size() + 1, name + "=") == 0) return text.substr(name.size() + 1);
  }
  return "";
}

StatusOr<std::string> Release(const Run& run) {
  SALVE_ASSIGN_OR_RETURN(const ExecOutput out, run.Exec({"sh", "-c", kRelease}));
  if (out.exit_code != 0) return InternalError("the holder could not be ended: " + out.stderr_text);
  return std::string("connections released");
}

StatusOr<std::string> PostgresConnections(const Run& run) {
  if (run.request.undo) return Release(run);
  const std::string port =
      std::to_string(run.request.port ? run.request.port : PortOf(run.inspect, 5432));
  std::string user = run.request.user;
  if (user.empty()) user = EnvironmentOf(run.inspect, "POSTGRES_USER");
  if (user.empty()) user = "postgres";
  const std::vector<std::string> attempt = {"sh", "-c", kTryPostgres, "sh", port, user};
  SALVE_ASSIGN_OR_RETURN(const ExecOutput now, run.Exec(attempt));
  if (const std::string refusal = RefusalIn(now.stderr_text); !refusal.empty()) return refusal;
  std::int64_t limit = 0;
  std::from_chars(now.stdout_text.data(), now.stdout_text.data() + now.stdout_text.size(), limit);
  if (limit == 0)
    return UnavailableError("psql as " + user + ": " + now.stdout_text + now.stderr_text);
  return Exhaust(run, {"sh", "-c", Holder(kPostgresClient), "sh", port, user}, attempt, limit);
}

// A limit that can be reached: where the service's own (10000 as it comes) cannot, it is lowered
// for as long as the fault lasts; what it was stays in the container for --undo.
StatusOr<std::int64_t> LowerMaxClients(const Run& run, const std::string& port,
                                       std::int64_t limit) {
  const std::int64_t most = MaxHolders(run.inspect);
  if (limit <= most) return limit;
  SALVE_ASSIGN_OR_RETURN(const ExecOutput noted,
                         run.Exec({"sh", "-c", kNoteLimit, "sh", std::to_string(limit)}));
  if (noted.exit_code != 0) return InternalError("noting maxclients: " + noted.stderr_text);
  SALVE_ASSIGN_OR_RETURN(const ExecOutput set, run.Exec({"redis-cli", "-p", port, "CONFIG", "SET",
                                                         "maxclients", std::to_string(most)}));
  if (set.stdout_text.rfind("OK", 0) == 0) return most;
  return InvalidArgumentError("maxclients is " + std::to_string(limit) + ", at most " +
                              std::to_string(most) + " connections can be held open, and it " +
                              "cannot be lowered: " + set.stdout_text + set.stderr_text);
}

StatusOr<std::string> RedisClients(const Run& run) {
  const std::string port =
      std::to_string(run.request.port ? run.request.port : PortOf(run.inspect, 6379));
  if (run.request.undo) {
    SALVE_ASSIGN_OR_RETURN(std::string released, Release(run));
    SALVE_ASSIGN_OR_RETURN(const ExecOutput out, run.Exec({"sh", "-c", kRestoreLimit, "sh", port}));
    if (out.exit_code == 0) return released;
    return InternalError("maxclients could not be set back: " + out.stdout_text + out.stderr_text);
  }
  SALVE_ASSIGN_OR_RETURN(const ExecOutput info,
                         run.Exec({"redis-cli", "-p", port, "INFO", "clients"}));
  if (const std::string refusal = RefusalIn(info.stdout_text); !refusal.empty()) return refusal;
  const std::int64_t limit = InfoNumber(info.stdout_text, "maxclients");
  if (limit <= 0)
    return UnavailableError("redis-cli INFO clients: " + info.stdout_text + info.stderr_text);
  SALVE_ASSIGN_OR_RETURN(const std::int64_t reachable, LowerMaxClients(run, port, limit));
  return Exhaust(run, {"sh", "-c", Holder(kRedisClient), "sh", port, "-"},
                 {"redis-cli", "-p", port, "PING"}, reachable);
}

// SIGKILL from outside the engine, as the kernel or a fault would send it: a kill through the
// engine counts as somebody's wish, and restart policies do not act on it. Only where the process
// is on this machine.
bool KillHere(const json& inspect) {
  const json pid = At(inspect, {"State", "Pid"});
  const json id = At(inspect, {"Id"});
  if (!pid.is_number_integer() || pid.get<std::int64_t>() <= 1 || !id.is_string()) return false;
  std::ifstream file("/proc/" + std::to_string(pid.get<std::int64_t>()) + "/cgroup");
  std::ostringstream text;
  text << file.rdbuf();
  if (text.str().find(id.get<std::string>()) == std::string::npos) return false;
  return ::kill(static_cast<pid_t>(pid.get<std::int64_t>()), SIGKILL) == 0;
}

StatusOr<std::string> Crash(const Run& run) {
  if (run.request.undo) {
    SALVE_RETURN_IF_ERROR(
        run.engine.Call(Endpoint::kStart, run.request.container, {}, nullptr, run.Context())
            .status());
    return run.request.container + " started";
  }
  if (KillHere(run.inspect))
    return "main process of " + run.request.container + " killed with SIGKILL";
  SALVE_RETURN_IF_ERROR(run.Signal("SIGKILL"));
  return "main process of " + run.request.container +
         " killed with SIGKILL through the engine (restart policies do not act on that)";
}

StatusOr<std::string> Hang(const Run& run) {
  SALVE_RETURN_IF_ERROR(run.Signal(run.request.undo ? "SIGCONT" : "SIGSTOP"));
  return "main process of " + run.request.container +
         (run.request.undo ? " continues" : " stopped with SIGSTOP");
}

struct Fault {
  const char* name;
  StatusOr<std::string> (*run)(const Run&);
};
constexpr Fault kFaults[] = {{"redis-memory", RedisMemory},
                             {"redis-clients", RedisClients},
                             {"postgres-connections", PostgresConnections},
                             {"crash", Crash},
                             {"hang", Hang}};

}  // namespace

const std::vector<std::string>& Faults() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Fault& fault : kFaults) all.emplace_back(fault.name);
    return all;
  }();
  return names;
}

std::int64_t PortOf(const json& inspect, std::int64_t fallback) {
  std::vector<std::string> words;
  for (const std::vector<std::string>& path :
       {std::vector<std::string>{"Config", "Entrypoint"}, {"Config", "Cmd"}}) {
    const json list = At(inspect, path);
    if (!list.is_array()) continue;
    for (const json& word : list) {
      if (word.is_string()) words.push_back(word.get<std::string>());
    }
  }
  const auto number = [](const std::string& text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    return whole && value > 0 && value < 65536 ? value : std::int64_t{0};
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string digits;
    if (words[i] == "--port" || words[i] == "-p") digits = i + 1 < words.size() ? words[i + 1] : "";
    for (const char* prefix : {"port=", "--port=", "-cport="}) {
      if (words[i].rfind(prefix, 0) == 0) digits = words[i].substr(std::string(prefix).size());
    }
    if (const std::int64_t port = number(digits)) return port;
  }
  return fallback;
}

std::string RefusalIn(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    for (const char* sign :
         {"OOM command not allowed", "max number of clients reached",
          "FATAL:  sorry, too many clients already", "FATAL:  remaining connection slots"}) {
      if (const std::size_t at = line.find(sign); at != std::string::npos) return line.substr(at);
    }
  }
  return "";
}

StatusOr<std::string> Inject(EngineClient& engine, const Request& request, Clock& clock,
                             MonoTime deadline) {
  SALVE_ASSIGN_OR_RETURN(const json inspect, engine.Call(Endpoint::kInspect, request.container, {},
                                                         nullptr, {deadline, {}}));
  if (At(inspect, {"Config", "Labels", kConsentLabel}) != "allowed") {
    return PermissionDeniedError("container " + request.container + " does not carry the label " +
                                 kConsentLabel + "=allowed; it is left alone");
  }
  const Run run{engine, request, inspect, clock, deadline};
  for (const Fault& fault : kFaults) {
    if (request.fault == fault.name) return fault.run(run);
  }
  return InvalidArgumentError("there is no fault \"" + request.fault + "\"");
}

}  // namespace salve::inject
