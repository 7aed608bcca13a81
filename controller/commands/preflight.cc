// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <memory>

#include "controller/cli/kubeconfig.h"
#include "controller/cli/output.h"
#include "controller/cli/results.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"
#include "controller/inject/injector.h"
#include "controller/runtime/options.h"
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/base/file_source.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/explain.h"

namespace salve::commands {
namespace {

struct PreflightOptions {
  runtime::StandaloneOptions standalone;
  cli::ClientOptions client;
  std::string output;
};

// One line of the answer. A warning is about something that salve standalone can do without.
struct Check {
  const char* name;
  Status status;
  std::string found;  // said when all is well
  bool warning = false;
};

constexpr std::uint64_t kMinFreeBytes = 64u << 20;

Check CheckDocker() {
  Check check{"docker engine", Status::Ok(), "", false};
  const char* host = std::getenv("DOCKER_HOST");
  check.found = host == nullptr || *host == '\0' ? "unix:///var/run/docker.sock" : host;
  const auto engine = inject::MakeEngine(SystemClock());
  check.status =
      engine.ok() ? (*engine)->Negotiate({SystemClock().Monotonic() + std::chrono::seconds(5), {}})
                  : engine.status();
  if (!check.status.ok()) {
    check.status = UnavailableError("no engine answers at " + check.found + " (" +
                                    check.status.message() + "); start it, or set DOCKER_HOST");
  }
  return check;
}

// A file without a name is made and vanishes: permissions, read-only mounts and file systems that
// are none show, also to root, and nothing is left. Where that cannot be done the file has a name
// for a moment.
bool CanWrite(const std::string& directory) {
  const int fd = ::open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (fd >= 0) {
    ::close(fd);
    return true;
  }
  if (errno != EOPNOTSUPP && errno != EISDIR) return false;
  std::string name = directory + "/.salve-preflight-XXXXXX";
  const int named = ::mkstemp(name.data());
  if (named < 0) return false;
  ::close(named);
  return ::unlink(name.c_str()) == 0;
}

// The directory, or the closest one above it that exists and in which it would be made.
Check CheckDataDir(const std::string& directory) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(directory, error);
  while (!path.empty() && !std::filesystem::exists(path, error) && path != path.root_path()) {
    path = path.parent_path();
  }
  Check check{"data directory", Status::Ok(), directory, false};
  const std::string shown = path.string();
  if (!std::filesystem::is_directory(path, error)) {
    check.status = InvalidArgumentError(shown + " is no directory; choose another --data-dir");
  } else if (!CanWrite(shown)) {
    check.status = PermissionDeniedError(shown + " is not writable; choose another --data-dir");
  } else if (struct statvfs fs{}; ::statvfs(shown.c_str(), &fs) == 0 &&
                                  std::uint64_t{fs.f_bavail} * fs.f_frsize < kMinFreeBytes) {
    check.status = UnavailableError(shown + " has less than 64 MB left; make room");
  }
  return check;
}

// Whether nobody listens there, by taking the address for a moment.
Status TryBind(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string service = std::to_string(port);
  const int failed =
      ::getaddrinfo(host.empty() ? nullptr : host.c_str(), service.c_str(), &hints, &found);
  if (failed != 0) return InvalidArgumentError(::gai_strerror(failed));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, ::freeaddrinfo);
  const int fd = ::socket(addresses->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return UnavailableError("no socket can be opened");
  const int on = 1;
  (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const bool free = ::bind(fd, addresses->ai_addr, addresses->ai_addrlen) == 0;
  const int why = errno;
  ::close(fd);
  if (free) return Status::Ok();
  return UnavailableError(why == EADDRINUSE      ? "somebody listens there already"
                          : why == EACCES        ? "the port needs more rights"
                          : why == EADDRNOTAVAIL ? "the address is not one of this machine"
                                                 : "it cannot be bound");
}

Check CheckPort(const char* name, const std::string& flag, const std::string& address) {
  Check check{name, Status::Ok(), address, false};
  const auto parsed = runtime::ParseListen(flag, address);
  check.status = parsed.status();
  if (!parsed.ok()) return check;
  if (const Status free = TryBind(parsed->first, parsed->second); !free.ok()) {
    check.status = UnavailableError(address + ": " + free.message() + "; choose another " + flag);
  }
  return check;
}

Check CheckConfig(const std::string& file) {
  Check check{"configuration", Status::Ok(), file.empty() ? "built-in defaults" : file, false};
  if (file.empty()) return check;
  const auto text = SystemFiles().Read(file, 1u << 20);
  check.status =
      text.ok() ? apis::config::v1alpha1::LoadConfiguration(*text, file).status() : text.status();
  return check;
}

// Certificates and tokens of a machine whose clock was never set are worth nothing.
Check CheckClock() {
  const std::string now = FormatTime(SystemClock().Now());
  Check check{"clock", Status::Ok(), now, false};
  if (SystemClock().Now() < *ParseTime("2025-01-01T00:00:00Z")) {
    check.status = InvalidArgumentError("the clock says " + now + "; set it");
  }
  return check;
}

// What get, apply and the others would use. A server that standalone is yet to be is no fault, so
// that only a file which was named must work.
Check CheckKubeconfig(const PreflightOptions& options) {
  Check check{"kubeconfig", Status::Ok(), "", false};
  const auto found = cli::FindKubeconfig(options.client.kubeconfig, cli::RealKubeconfigWorld());
  check.warning = options.client.kubeconfig.empty();
  if (!found.ok() && check.warning && std::getenv("KUBECONFIG") == nullptr) {
    check.found =
        "none yet; salve standalone writes " + options.standalone.data_dir + "/kubeconfig";
    return check;
  }
  check.status = found.status();
  if (!found.ok()) return check;
  const auto session = cli::Session::Open(options.client);
  check.status = session.status();
  if (!session.ok()) return check;
  const auto me = (*session)->WhoAmI();
  const std::string where = (*session)->server() + " (" + (*session)->kubeconfig() + ")";
  check.found = where + " knows us as " + (me.ok() ? *me : std::string());
  if (!me.ok()) {
    check.status = UnavailableError(where + ": " + me.status().message() +
                                    "; start that server, or name another kubeconfig");
  }
  return check;
}

int Preflight(PreflightOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("preflight", results.status());
  const runtime::StandaloneOptions& wanted = options.standalone;
  options.client.request_timeout = "5s";
  const Check checks[] = {CheckDocker(),
                          CheckDataDir(wanted.data_dir),
                          CheckPort("API port", "--listen", wanted.listen),
                          CheckPort("HTTP port", "--http-listen", wanted.http_listen),
                          CheckConfig(wanted.config_file),
                          CheckClock(),
                          CheckKubeconfig(options)};
  std::vector<std::vector<std::string>> rows = {{"CHECK", "RESULT", "MESSAGE"}};
  bool good = true;
  for (const Check& check : checks) {
    const bool ok = check.status.ok();
    const bool warning = !ok && check.warning;
    good &= ok || warning;
    const std::string& message = ok ? check.found : check.status.message();
    rows.push_back({check.name,
                    ok        ? "ok"
                    : warning ? "warning"
                              : "FAILED",
                    healing::EscapeTerminal(message)});
    if (results->text()) continue;
    results->Add("", check.name,
                 {{"check", check.name}, {"ok", ok}, {"warning", warning}, {"message", message}});
  }
  if (results->text()) cli::Print(cli::FormatColumns(rows));
  // A list whatever it holds; the exit code must not keep it back.
  const int printed = results->Finish(kExitOk, true);
  return printed != kExitOk ? printed : good ? kExitOk : kExitFailure;
}

}  // namespace

void AddPreflight(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<PreflightOptions>();
  cli::Command command(app, "preflight",
                       "Check whether salve standalone can run here; changes nothing",
                       "salve preflight --data-dir ~/.salve");
  command.Option("--data-dir", options->standalone.data_dir, "As for salve standalone");
  command.Option("--listen", options->standalone.listen, "As for salve standalone");
  command.Option("--http-listen", options->standalone.http_listen, "As for salve standalone");
  command.Option("--config", options->standalone.config_file, "As for salve standalone");
  command.Option("--kubeconfig", options->client.kubeconfig,
                 "As for get and the others; named here it must work");
  command.Option("--context", options->client.context, "As for get and the others");
  cli::DeclareOutput(command, options->output);
  command.Run(exit_code, [options] { return Preflight(*options); });
}

}  // namespace salve::commands
