// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_PROTOCOL_H_
#define SALVE_PKG_AWS_PROTOCOL_H_

#include <nlohmann/json.hpp>

#include "pkg/aws/endpoint.h"
#include "pkg/aws/service.h"
#include "pkg/base/status.h"
#include "pkg/http/message.h"

// How the protocols of AWS's services are written and read. Pure functions.
namespace salve::aws {

// The request without its signature, with Host and Content-Type. kInvalidArgument for a body that
// the protocol cannot carry.
StatusOr<http::Request> BuildRequest(const Service& service, const Operation& operation,
                                     const Endpoint& endpoint, const nlohmann::json& body);

// The content of an answer with a status of 2xx: an object, {} for an empty body. kInternal for
// anything else.
StatusOr<nlohmann::json> ReadResult(const Service& service, const Operation& operation,
                                    const http::Response& response);

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_PROTOCOL_H_
