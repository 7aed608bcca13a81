// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_SESSION_H_
#define SALVE_CONTROLLER_CLI_SESSION_H_

#include <memory>
#include <string>
#include <vector>

#include "controller/cli/command.h"
#include "controller/cli/resources.h"

#include "pkg/base/clock.h"
#include "pkg/client/kubeconfig.h"
#include "pkg/client/rest_client.h"

namespace salve::cli {

// What every command that speaks to an API server takes.
struct ClientOptions {
  std::string kubeconfig;
  std::string context;
  std::string ns;
  std::string request_timeout = "30s";
};
void Declare(Command& command, ClientOptions& options);

// A connection to the API server of the kubeconfig. Nothing is sent before the first call.
// Thread-safe.
class Session {
 public:
  static StatusOr<std::unique_ptr<Session>> Open(const ClientOptions& options);

  client::RestClient& client() { return *client_; }
  // -n, else the context's.
  const std::string& ns() const { return ns_; }
  // The context's: what a command without -n would use.
  const std::string& default_ns() const { return default_ns_; }
  // For messages: "https://127.0.0.1:6443" and the file that said so.
  const std::string& server() const { return server_; }
  const std::string& kubeconfig() const { return kubeconfig_; }

  // One JSON call; `content_type` is for the body ("" = none). As RestClient's, errors are the
  // server's.
  StatusOr<Json> Call(const std::string& method, const std::string& target,
                      const std::string& content_type = "", const Json& body = nullptr,
                      const std::string& accept = "");
  // The kinds that the words "incidents", "inc,healpol", "healing" or "deployments.apps" mean. Asks
  // the server only for kinds that Salve does not know.
  StatusOr<std::vector<ResourceType>> Kinds(const std::string& words);
  // By apiVersion and kind of an object.
  StatusOr<ResourceType> KindOf(const Json& object);
  // Where the object is that one argument names ("x", "incident/x", "shop/x"; see ParseNamed).
  // kInvalidArgument if the argument says another kind than `kind` or another namespace than -n.
  StatusOr<client::NamespacedName> Locate(const std::string& argument, const std::string& kind);
  // The user that the server takes us for.
  StatusOr<std::string> WhoAmI();

 private:
  Session() = default;
  StatusOr<std::vector<ResourceType>> Discover();

  std::unique_ptr<http::Transport> transport_;
  std::unique_ptr<client::RestClient> client_;
  std::string ns_;
  bool ns_given_ = false;
  std::string default_ns_;
  std::string server_;
  std::string kubeconfig_;
};

// The exit code that an error means (exit_codes.h).
int ExitCodeOf(const Status& status);
// Prints "salve <command>: <message>" to stderr, escaped; returns ExitCodeOf(status).
int Fail(const std::string& command, const Status& status);
// The same where `status` is about what was typed: kInvalidArgument is exit code 2.
int FailUsage(const std::string& command, const Status& status);

// "30s", "5m", "1h30m", "250ms", "2d"; a bare number is seconds. kInvalidArgument names the text.
StatusOr<Duration> ParseDuration(const std::string& text);

// Waits until `until`; for pauses between attempts to reconnect.
void WaitUntil(Clock& clock, MonoTime until);

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_SESSION_H_
