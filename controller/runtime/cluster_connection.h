// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_CLUSTER_CONNECTION_H_
#define SALVE_CONTROLLER_RUNTIME_CLUSTER_CONNECTION_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/file_source.h"
#include "pkg/client/kubeconfig.h"
#include "pkg/http/transport.h"

namespace salve::runtime {

// Where an API server is and who we are there, read from files each time that it is asked.
class ClusterConnection {
 public:
  using Environment = std::function<std::optional<std::string>(const std::string&)>;

  // A kubeconfig if `kubeconfig` or $KUBECONFIG names one; else what Kubernetes puts into a pod, if
  // this is one; else ~/.kube/config. Errors name the file, the field or the variable. `files`
  // outlives it.
  static StatusOr<ClusterConnection> Find(const std::string& kubeconfig, const std::string& context,
                                          FileSource& files, const Environment& env);

  // The credentials as they are now.
  StatusOr<client::Connection> Load() const { return load_(); }
  // "kubeconfig /root/.kube/config" or "the pod's service account".
  const std::string& source() const { return source_; }

 private:
  ClusterConnection(std::string source, std::function<StatusOr<client::Connection>()> load)
      : source_(std::move(source)), load_(std::move(load)) {}
  std::string source_;
  std::function<StatusOr<client::Connection>()> load_;
};

// What of the connection's credentials a transport shows.
enum class Credentials {
  kOwn,   // token, password or client certificate
  kNone,  // neither: for requests that carry somebody else's
};

// A transport to that server which follows rotations: at most a minute after a token, a certificate
// or an authority's file has changed, and at once after a 401, new requests use the new one. Where
// the files cannot be read, what was read last stays in use. Streams that are open go on.
// Thread-safe. Errors are those of Load and of MakeTcpTransport.
StatusOr<std::unique_ptr<http::Transport>> MakeClusterTransport(ClusterConnection connection,
                                                                Credentials credentials,
                                                                Clock& clock);

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_CLUSTER_CONNECTION_H_
