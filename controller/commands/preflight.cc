// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <memory>

#include "controller/cli/output.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"
#include "controller/inject/injector.h"
#include "controller/runtime/options.h"
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/base/file_source.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/explain.h"

namespace salve::commands {
namespace {

struct PreflightOptions {
  runtime::StandaloneOptions standalone;
  std::string output;
};

Status CheckDocker() {
  SALVE_ASSIGN_OR_RETURN(const auto engine, inject::MakeEngine(SystemClock()));
  return engine->Negotiate({SystemClock().Monotonic() + std::chrono::seconds(5), {}});
}

// The directory, or the closest one above it that exists and in which it would be made.
Status CheckDataDir(const std::string& directory) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(directory, error);
  while (!path.empty() && !std::filesystem::exists(path, error) && path != path.root_path()) {
    path = path.parent_path();
  }
  if (::access(path.c_str(), W_OK | X_OK) == 0) return Status::Ok();
  return PermissionDeniedError(path.string() + " is not writable; choose another --data-dir");
}

// Whether nobody listens there, by listening for a moment. IPv4 and "localhost"; others are not
// tried.
Status CheckPort(const std::string& flag, const std::string& address) {
  SALVE_ASSIGN_OR_RETURN(const auto parsed, runtime::ParseListen(flag, address));
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return UnavailableError("no socket can be opened");
  const int on = 1;
  (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(parsed.first == "0.0.0.0" ? INADDR_ANY : INADDR_LOOPBACK);
  where.sin_port = htons(static_cast<std::uint16_t>(parsed.second));
  const bool free = ::bind(fd, reinterpret_cast<const sockaddr*>(&where), sizeof(where)) == 0;
  ::close(fd);
  if (free) return Status::Ok();
  return UnavailableError(address + " is taken or not allowed; choose another " + flag);
}

Status CheckConfig(const std::string& file) {
  if (file.empty()) return Status::Ok();
  SALVE_ASSIGN_OR_RETURN(const std::string text, SystemFiles().Read(file, 1u << 20));
  return apis::config::v1alpha1::LoadConfiguration(text, file).status();
}

// Certificates and tokens of a machine whose clock was never set are worth nothing.
Status CheckClock() {
  const auto built = ParseTime("2025-01-01T00:00:00Z");
  if (SystemClock().Now() > *built) return Status::Ok();
  return InvalidArgumentError("the clock says " + FormatTime(SystemClock().Now()) + "; set it");
}

int Preflight(const PreflightOptions& options) {
  const runtime::StandaloneOptions& wanted = options.standalone;
  const std::pair<const char*, Status> checks[] = {
      {"docker engine", CheckDocker()},
      {"data directory", CheckDataDir(wanted.data_dir)},
      {"API port", CheckPort("--listen", wanted.listen)},
      {"HTTP port", CheckPort("--http-listen", wanted.http_listen)},
      {"configuration", CheckConfig(wanted.config_file)},
      {"clock", CheckClock()}};
  std::vector<std::vector<std::string>> rows = {{"CHECK", "RESULT", "MESSAGE"}};
  cli::Json list = cli::Json::array();
  bool good = true;
  for (const auto& [name, status] : checks) {
    good &= status.ok();
    rows.push_back(
        {name, status.ok() ? "ok" : "FAILED", healing::EscapeTerminal(status.message())});
    list.push_back({{"check", name}, {"ok", status.ok()}, {"message", status.message()}});
  }
  cli::Print(options.output == "json"
                 ? list.dump(2, ' ', false, cli::Json::error_handler_t::replace) + "\n"
                 : cli::FormatColumns(rows));
  return good ? kExitOk : kExitFailure;
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
  command.Option("-o,--output", options->output, "json").OneOf({"json"});
  command.Run(exit_code, [options] { return Preflight(*options); });
}

}  // namespace salve::commands
