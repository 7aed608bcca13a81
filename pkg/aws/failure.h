// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_FAILURE_H_
#define SALVE_PKG_AWS_FAILURE_H_

#include <optional>
#include <string>
#include <string_view>

#include "pkg/aws/credentials.h"
#include "pkg/aws/service.h"
#include "pkg/base/clock.h"
#include "pkg/base/status.h"
#include "pkg/http/message.h"

namespace salve::aws {

// An error that a service answered, taken apart. Texts are printable, bounded and without secrets.
struct Failure {
  int http_status = 0;     // 0: there was no answer
  std::string code;        // "ClusterNotFoundException"; "" where the answer names none
  std::string message;     // the service's own words
  std::string request_id;  // what AWS's support asks for; "" where the answer has none
};

// Reads the answer of `service`. `signer` is what must not appear in it: a service repeats the
// signed request, with its token, when a signature does not match.
Failure ReadFailure(const Service& service, const http::Response& response,
                    const Credentials& signer);

// What a caller can do about a failure, from the error code before the HTTP status. The reason is
// the AWS error code; the message is "<what>: <code>: <message> (HTTP <status>, request <id>)".
//   kNotFound          …NotFound…, ClusterNotFoundException, ServiceNotActiveException
//   kPermissionDenied  AccessDenied…: the message names "<service>:<operation>", the missing right
//   kUnauthenticated   a key or token that is unknown, expired or does not fit
//   kTooManyRequests   throttling
//   kConflict          a change that another one forbids
//   kInvalidArgument   every other 4xx
//   kUnavailable       5xx
Status FailureStatus(const std::string& what, const Failure& failure);

// A call that ended without an answer of the service. Where the credentials are missing, refused or
// cannot be read, nothing that was asked for is known to be missing, refused or wrong: those become
// kUnavailable.
Status WithoutAnswer(const Status& status);

// The words by which services say "later" without having done anything.
bool IsThrottling(const Failure& failure);
// A fault that may pass: 500, 502, 503, 504, RequestTimeout.
bool IsTransient(const Failure& failure);
// The signature was refused, perhaps for its time.
bool MayBeClockSkew(const Failure& failure);
// The key or token is no longer, or not yet, known.
bool IsCredentialRefusal(const Failure& failure);

// How long the service asks to wait: x-amz-retry-after (milliseconds), else Retry-After (seconds).
// nullopt for anything that is neither, never negative, at most a day.
std::optional<Duration> RetryAfter(const http::Headers& headers);

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_FAILURE_H_
