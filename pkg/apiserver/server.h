// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_SERVER_H_
#define SALVE_PKG_APISERVER_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "pkg/apiserver/rest.h"
#include "pkg/apiserver/store.h"
#include "pkg/apiserver/tokens.h"
#include "pkg/apiserver/watch.h"
#include "pkg/base/clock.h"
#include "pkg/base/random.h"
#include "pkg/base/status.h"
#include "pkg/http/handler.h"

namespace salve::apiserver {

struct ApiServerOptions {
  std::string data_dir;  // "": nothing is kept, for tests
  // CustomResourceDefinitions (apiextensions.k8s.io/v1) to serve.
  std::vector<Json> crds;
  StoreLimits store;
  WatchLimits watch;
  RestLimits rest;
  // What GET /version says; semver with a leading v.
  std::string version = "v1.36.0";
};

// A Kubernetes API server for one machine: serves the given CRDs and a few built-in kinds out of a
// Store, with the tokens of a TokenStore. It is a handler: give it to an http::Server for kubectl,
// to an in-process transport for the controller. Every request carries a bearer token, in process,
// too. Thread-safe.
class ApiServer {
 public:
  // Opens the data directory (errors as Store::Open and TokenStore::Open), makes the namespaces
  // default, kube-system and salve-system. kInvalidArgument names a bad CRD. `clock` and `random`
  // must outlive the server; `random` makes secrets.
  static StatusOr<std::unique_ptr<ApiServer>> Create(ApiServerOptions options, Clock& clock,
                                                     Random& random);
  // Ends watches, finishes writes. No request may be running or come after.
  virtual ~ApiServer() = default;

  virtual http::Handler& handler() = 0;
  virtual TokenStore& tokens() = 0;
  virtual Store& store() = 0;
  virtual const ResourceTable& resources() const = 0;
  // The token of the controller's own identity; valid for this process.
  virtual const std::string& controller_token() const = 0;
  // Ends every watch, so that an http::Server can stop; requests go on.
  virtual void StopWatches() = 0;
  virtual std::size_t watches() const = 0;
};

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_SERVER_H_
