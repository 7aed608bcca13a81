// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_EDGE_H_
#define SALVE_CONTROLLER_CLI_EDGE_H_

#include <memory>
#include <string>

#include "pkg/base/status.h"
#include "pkg/http/transport.h"
#include "pkg/http/url.h"

namespace salve::cli {

inline constexpr char kAuthorityFlag[] = "--certificate-authority";
inline constexpr char kAuthorityHelp[] =
    "PEM file that the certificate of an https address is checked against; default the system's";

// The way to Salve's own HTTP port. `authority` is what kAuthorityFlag was given, "" = nothing;
// errors name the flag and the file.
StatusOr<std::unique_ptr<http::Transport>> EdgeTransport(const http::Url& url,
                                                         const std::string& authority);

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_EDGE_H_
