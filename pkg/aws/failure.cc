// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/failure.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <nlohmann/json.hpp>

#include "pkg/aws/text.h"
#include "pkg/aws/xml.h"
#include "pkg/base/json_access.h"

namespace salve::aws {
namespace {

constexpr std::size_t kMaxMessage = 512;
constexpr std::size_t kMaxWord = 128;

template <std::size_t N>
bool OneOf(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The list of AWS's "standard" retry mode.
constexpr std::array<std::string_view, 14> kThrottling = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
};
constexpr std::array<std::string_view, 2> kTransient = {"RequestTimeout",
                                                        "RequestTimeoutException"};
constexpr std::array<std::string_view, 6> kSkew = {
    "RequestTimeTooSkewed",      "RequestExpired",        "RequestInTheFuture",
    "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure"};
constexpr std::array<std::string_view, 8> kRefusedKeys = {
    "ExpiredToken",          "ExpiredTokenException",       "UnrecognizedClientException",
    "InvalidClientTokenId",  "InvalidAccessKeyId",          "TokenRefreshRequired",
    "InvalidTokenException", "IncompleteSignatureException"};
constexpr std::array<std::string_view, 4> kMissing = {
    "ServiceNotActiveException", "NotFoundException", "ResourceNotFound", "ParameterNotFound"};
constexpr std::array<std::string_view, 6> kConflicts = {
    "ConflictException",       "ResourceInUseException", "UpdateInProgressException",
    "ResourceExistsException", "BlockedException",       "TaskSetInUseException"};
constexpr std::array<std::string_view, 5> kDenied = {"AccessDenied", "AccessDeniedException",
                                                     "UnauthorizedOperation", "NotAuthorized",
                                                     "AuthorizationError"};

// "com.amazonaws.ecs#ClusterNotFoundException:http://…" → "ClusterNotFoundException".
std::string BareCode(std::string_view code) {
  if (const std::size_t hash = code.rfind('#'); hash != std::string_view::npos) {
    code.remove_prefix(hash + 1);
  }
  return Quotable(Trim(code.substr(0, code.find_first_of(":;"))), kMaxWord);
}

void ReadJson(const http::Response& response, Failure& failure) {
  const nlohmann::json body = nlohmann::json::parse(response.body, nullptr, false);
  std::string code(response.headers.Get("x-amzn-query-error").value_or(""));
  if (code.empty()) code = response.headers.Get("x-amzn-ErrorType").value_or("");
  if (code.empty()) code = GetString(body, {"__type"});
  if (code.empty()) code = GetString(body, {"code"});
  failure.code = code;
  failure.message = GetString(body, {"message"});
  if (failure.message.empty()) failure.message = GetString(body, {"Message"});
}

void ReadXml(const http::Response& response, Failure& failure) {
  const StatusOr<XmlElement> root = ParseXml(response.body);
  if (!root.ok()) return;
  const XmlElement* error = root->Child("Error");
  if (const XmlElement* errors = root->Child("Errors"); errors != nullptr) {
    error = errors->Child("Error");
  }
  if (error != nullptr) {
    failure.code = error->ChildText("Code");
    failure.message = error->ChildText("Message");
  }
  failure.request_id = root->ChildText("RequestId");
  if (failure.request_id.empty()) failure.request_id = root->ChildText("RequestID");
}

std::string RequestId(const http::Headers& headers) {
  for (const char* name : {"x-amzn-RequestId", "x-amz-request-id", "x-amz-id-2"}) {
    if (const auto id = headers.Get(name)) return std::string(*id);
  }
  return "";
}

// A signature's refusal goes on with the canonical request, which holds the session token: only
// its first line is for reading.
std::string Words(const Failure& failure, const Credentials& signer) {
  std::string text = failure.message;
  if (MayBeClockSkew(failure)) text = text.substr(0, text.find('\n'));
  Hide(text, signer.secret_access_key);
  Hide(text, signer.session_token);
  return Quotable(text, kMaxMessage);
}

bool IsMissing(const std::string& code) {
  return OneOf(kMissing, code) || code.ends_with("NotFoundException") ||
         code.ends_with("NotFoundFault") || code.ends_with("NotFound") ||
         code.starts_with("NoSuch");
}

Code CodeByHttp(int status) {
  if (status == 401) return Code::kUnauthenticated;
  if (status == 403) return Code::kPermissionDenied;
  if (status == 404) return Code::kNotFound;
  if (status == 408 || status >= 500) return Code::kUnavailable;
  if (status == 429) return Code::kTooManyRequests;
  return status >= 400 ? Code::kInvalidArgument : Code::kInternal;
}

Code CodeOf(const Failure& failure) {
  if (IsThrottling(failure)) return Code::kTooManyRequests;
  if (IsTransient(failure)) return Code::kUnavailable;
  if (MayBeClockSkew(failure) || IsCredentialRefusal(failure) ||
      failure.code == "MissingAuthenticationTokenException" ||
      failure.code == "MissingAuthenticationToken") {
    return Code::kUnauthenticated;
  }
  if (OneOf(kDenied, failure.code)) return Code::kPermissionDenied;
  if (IsMissing(failure.code)) return Code::kNotFound;
  if (OneOf(kConflicts, failure.code)) return Code::kConflict;
  if (!failure.code.empty() && failure.http_status >= 400 && failure.http_status < 500) {
    return Code::kInvalidArgument;
  }
  return CodeByHttp(failure.http_status);
}

std::optional<std::int64_t> WholeNumber(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Failure ReadFailure(const Service& service, const http::Response& response,
                    const Credentials& signer) {
  Failure failure;
  failure.http_status = response.status;
  if (service.protocol == Protocol::kQuery) {
    ReadXml(response, failure);
  } else {
    ReadJson(response, failure);
  }
  if (failure.request_id.empty()) failure.request_id = RequestId(response.headers);
  failure.request_id = Quotable(failure.request_id, kMaxWord);
  failure.code = BareCode(failure.code);
  failure.message = Words(failure, signer);
  return failure;
}

Status FailureStatus(const std::string& what, const Failure& failure) {
  std::string text = what + ": ";
  text += failure.code.empty() ? "the service refused" : failure.code;
  if (!failure.message.empty()) text += ": " + failure.message;
  text += " (HTTP " + std::to_string(failure.http_status);
  if (!failure.request_id.empty()) text += ", request " + failure.request_id;
  text += ")";
  return Status(CodeOf(failure), std::move(text)).WithReason(failure.code);
}

Status WithoutAnswer(const Status& status) {
  switch (status.code()) {
    case Code::kNotFound:
    case Code::kInvalidArgument:
    case Code::kPermissionDenied:
    case Code::kUnimplemented:
      return Status(Code::kUnavailable, status.message()).WithReason(status.reason());
    default:
      return status;
  }
}

bool IsThrottling(const Failure& failure) {
  return OneOf(kThrottling, failure.code) || failure.http_status == 429;
}

bool IsTransient(const Failure& failure) {
  const int status = failure.http_status;
  return OneOf(kTransient, failure.code) || status == 500 || status == 502 || status == 503 ||
         status == 504;
}

bool MayBeClockSkew(const Failure& failure) { return OneOf(kSkew, failure.code); }

bool IsCredentialRefusal(const Failure& failure) { return OneOf(kRefusedKeys, failure.code); }

std::optional<Duration> RetryAfter(const http::Headers& headers) {
  constexpr Duration kMost = std::chrono::hours(24);
  if (const auto text = headers.Get("x-amz-retry-after")) {
    const auto value = WholeNumber(Trim(*text));
    if (value && *value >= 0) {
      return std::min<Duration>(kMost, std::chrono::milliseconds(std::min<std::int64_t>(
                                           *value, std::int64_t{86'400'000})));
    }
  }
  if (const auto text = headers.Get("Retry-After")) {
    const auto value = WholeNumber(Trim(*text));
    if (value && *value >= 0) {
      return std::min<Duration>(
          kMost, std::chrono::seconds(std::min<std::int64_t>(*value, std::int64_t{86'400})));
    }
  }
  return std::nullopt;
}

}  // namespace salve::aws
