// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_ENDPOINT_H_
#define SALVE_PKG_AWS_ENDPOINT_H_

#include <optional>
#include <string>

#include "pkg/aws/platform.h"
#include "pkg/aws/service.h"
#include "pkg/base/status.h"

namespace salve::aws {

// Where a service of a region is reached.
struct Endpoint {
  std::string base_url;     // "https://ecs.eu-west-1.amazonaws.com", for http::MakeTcpTransport
  std::string host;         // what the Host field says and the signature covers: with a port
                            // unless it is the scheme's own
  std::string path_prefix;  // "" or "/…" without a slash at its end, of an own endpoint
  std::string region;       // that of the signature
};

struct EndpointOptions {
  std::string region;  // "eu-west-1"
  // An endpoint of one's own (a test server, a VPC endpoint), before everything else.
  std::string url;
  bool fips = false;
  bool dual_stack = false;
};

// The endpoint: options.url, else $AWS_ENDPOINT_URL_<SERVICE>, else $AWS_ENDPOINT_URL (both unless
// $AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true), else the regional one of the region's partition
// (aws, aws-cn, aws-us-gov, the isolated and the European sovereign ones). FIPS also by
// $AWS_USE_FIPS_ENDPOINT, dual stack by $AWS_USE_DUALSTACK_ENDPOINT. kInvalidArgument for a region
// that is none, for an endpoint that is no URL, for plain http to anywhere but this machine, and
// where dual stack does not exist.
StatusOr<Endpoint> ResolveEndpoint(const Service& service, const EndpointOptions& options,
                                   const Environment& env);

// A literal loopback address or "localhost": the only place to which a request may go unencrypted.
bool IsLoopbackHost(const std::string& host);

// One DNS label of lower-case letters, digits and hyphens: it becomes part of a host name.
bool IsRegionName(const std::string& region);

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_ENDPOINT_H_
