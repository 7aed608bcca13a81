// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_CREDENTIAL_ANSWER_H_
#define SALVE_PKG_AWS_CREDENTIAL_ANSWER_H_

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "pkg/aws/credentials.h"
#include "pkg/aws/platform.h"
#include "pkg/base/status.h"
#include "pkg/http/message.h"

// What the sources that ask over HTTP have in common.
namespace salve::aws {

// How the members of an answer are called.
struct AnswerNames {
  const char* access_key_id;
  const char* secret_access_key;
  const char* session_token;
  const char* expiration;  // RFC 3339, or a number of milliseconds
};

// Session credentials out of an answer; kUnauthenticated, with `what` and the name of the first
// member that is missing or cannot be read, for anything else.
StatusOr<Credentials> ReadCredentials(const std::string& what, const nlohmann::json& answer,
                                      const AnswerNames& names);

// One request of at most `timeout`, one answer of at most 64 kB. Errors are those of the transport,
// annotated with `what`; any status is an answer.
StatusOr<http::Response> Ask(const std::string& what, const std::string& base_url,
                             http::Request request, Duration timeout, const WaitOptions& wait,
                             const Platform& platform);

// "<what>: HTTP 403: <the first words of the answer>", as kPermissionDenied, kNotFound,
// kUnavailable …: what an answer other than 200 means.
Status AnswerError(const std::string& what, const http::Response& response);

// A token out of a file, without its line end. kInvalidArgument for one that a header cannot carry.
StatusOr<std::string> ReadToken(const std::string& path, const Platform& platform);

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_CREDENTIAL_ANSWER_H_
