// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_STATUS_BODY_H_
#define SALVE_PKG_APISERVER_STATUS_BODY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/apis/meta/v1/types.h"

// Bodies of metav1.Status: the words that kubectl prints. Pure functions, thread-safe. The HTTP
// code of an answer is the body's "code".
namespace salve::apiserver {

using Json = nlohmann::json;
using apis::meta::v1::ResourceInfo;

// One entry of details.causes. `reason` is a CauseType of metav1 (constants below), `field` a path
// such as "spec.ladder[1].action", `message` what follows "<field>: " in the summary.
struct Cause {
  std::string reason;
  std::string message;
  std::string field;

  bool operator==(const Cause&) const = default;
};

inline constexpr char kCauseInvalid[] = "FieldValueInvalid";
inline constexpr char kCauseTypeInvalid[] = "FieldValueTypeInvalid";
inline constexpr char kCauseRequired[] = "FieldValueRequired";
inline constexpr char kCauseNotSupported[] = "FieldValueNotSupported";
inline constexpr char kCauseDuplicate[] = "FieldValueDuplicate";
inline constexpr char kCauseForbidden[] = "FieldValueForbidden";
inline constexpr char kCauseTooLong[] = "FieldValueTooLong";
inline constexpr char kCauseTooMany[] = "FieldValueTooMany";

// A refusal: a Status body ready to be sent.
class ApiError {
 public:
  explicit ApiError(Json body) : body_(std::move(body)) {}

  int code() const { return body_.value("code", 500); }
  std::string reason() const { return body_.value("reason", ""); }
  std::string message() const { return body_.value("message", ""); }
  const Json& body() const { return body_; }
  // details.retryAfterSeconds, also to be sent as the header Retry-After; 0 = none.
  int retry_after_seconds() const;

 private:
  Json body_;
};

// A value or the Status to answer with. Test ok() first.
template <typename T>
class [[nodiscard]] ApiResult {
 public:
  ApiResult(T value) : rep_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  ApiResult(ApiError error) : rep_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<T>(rep_); }
  const T& value() const& { return std::get<T>(rep_); }
  T& value() & { return std::get<T>(rep_); }
  T&& value() && { return std::get<T>(std::move(rep_)); }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }
  const ApiError& error() const { return std::get<ApiError>(rep_); }

 private:
  std::variant<T, ApiError> rep_;
};

// --- 404, 409, 410
// ------------------------------------------------------------------------------------

ApiError NotFound(const ResourceInfo& resource, const std::string& name);
// A path or resource that is not served: "the server could not find the requested resource".
ApiError NotFoundPath();
// "create is not supported on resources of kind \"incidents.salve.dev\"": 405.
ApiError MethodNotSupported(const ResourceInfo& resource, const std::string& verb);
// A failure that the real server gives no reason for: 500.
ApiError Failed(const std::string& message);
ApiError AlreadyExists(const ResourceInfo& resource, const std::string& name);
// Create while the old object waits for its finalizers.
ApiError AlreadyExistsDeleting(const ResourceInfo& resource, const std::string& name);
// Update with a stale resourceVersion.
ApiError ConflictModified(const ResourceInfo& resource, const std::string& name);
// "Operation cannot be fulfilled on incidents.salve.dev \"i1\": <why>": failed preconditions,
// deletion.
ApiError Conflict(const ResourceInfo& resource, const std::string& name, const std::string& why);
// Create in a namespace that is being deleted (403, as the real server).
ApiError NamespaceTerminating(const ResourceInfo& resource, const std::string& name,
                              const std::string& ns);
// resourceVersion of a list is below the compaction.
ApiError ExpiredList();
// resourceVersion of a watch is below the compaction; the object of an ERROR event.
ApiError ExpiredWatch(std::int64_t requested, std::int64_t oldest);
// continue token too old. `new_token` lets a client go on inconsistently ("" = none).
ApiError ExpiredContinue(const std::string& new_token);
// Future resourceVersion on a list: 504 with retryAfterSeconds 1.
ApiError TooLargeResourceVersion(std::int64_t requested, std::int64_t current);

// --- 400, 422
// -----------------------------------------------------------------------------------------

ApiError BadRequest(const std::string& message);
// "HealingPolicy.salve.dev \"bad\" is invalid: …" from the causes. At least one cause.
ApiError Invalid(const std::string& group, const std::string& kind, const std::string& name,
                 const std::vector<Cause>& causes);
ApiError Invalid(const ResourceInfo& resource, const std::string& name,
                 const std::vector<Cause>& causes);
// Bad query options: kind "CreateOptions", "PatchOptions", "ListOptions" … of group meta.k8s.io.
ApiError InvalidOptions(const std::string& kind, const std::vector<Cause>& causes);
// fieldValidation=Strict: `problems` are whole phrases as UnknownFieldText/DuplicateFieldText make
// them.
ApiError StrictDecoding(const ResourceInfo& resource, const std::vector<std::string>& problems);
// A JSON patch that cannot be applied: 422 without a name.
ApiError PatchRejected();
ApiError NameMismatch(const std::string& object_name, const std::string& url_name);
ApiError NamespaceMismatch();
ApiError FieldLabelNotSupported(const std::string& label);

// `unknown field "spec.colour"`; also the text of the Warning header.
std::string UnknownFieldText(const std::string& path);
std::string DuplicateFieldText(const std::string& path);
// `299 - "unknown field \"spec.colour\""`: value of a header Warning.
std::string WarningHeader(const std::string& text);

// --- 401, 403, and what is left
// -----------------------------------------------------------------------

ApiError Unauthorized();
// `User "bob" cannot list resource "incidents" in API group "salve.dev" in the namespace
// "default"`. name and ns may be empty; subresource "" or "status".
ApiError ForbiddenAccess(const std::string& user, const std::string& verb,
                         const ResourceInfo& resource, const std::string& subresource,
                         const std::string& ns, const std::string& name);
// `incidents.salve.dev "i1" is forbidden: <why>` (admission).
ApiError Forbidden(const ResourceInfo& resource, const std::string& name, const std::string& why);
// `forbidden: User "bob" cannot get path "/x"`.
ApiError ForbiddenPath(const std::string& user, const std::string& verb, const std::string& path);
ApiError MethodNotAllowed();
// `accepted`: media types that would have been served.
ApiError NotAcceptable(const std::vector<std::string>& accepted);
ApiError UnsupportedMediaType(const std::vector<std::string>& supported);
ApiError RequestEntityTooLarge(std::size_t limit_bytes);
ApiError TooManyRequests(int retry_after_seconds);
ApiError ServiceUnavailable(const std::string& message);
ApiError InternalFailure(const std::string& message);

// Success after a delete: details.uid lets `kubectl delete` recognise a recreated object.
Json DeletedStatus(const ResourceInfo& resource, const std::string& name, const std::string& uid);
// Success without details.
Json SuccessStatus();

// --- causes, worded as k8s.io/apimachinery's field errors
// --------------------------------------------

// The way a value is shown inside a message: strings quoted, other scalars bare, composites as
// JSON.
std::string ShowValue(const Json& value);
Cause RequiredCause(const std::string& field, const std::string& detail = "");
Cause InvalidCause(const std::string& field, const Json& value, const std::string& detail);
Cause TypeInvalidCause(const std::string& field, const Json& value, const std::string& detail);
Cause NotSupportedCause(const std::string& field, const Json& value,
                        const std::vector<std::string>& supported);
Cause DuplicateCause(const std::string& field, const Json& value);
Cause ForbiddenCause(const std::string& field, const std::string& detail);
Cause TooLongCause(const std::string& field, std::size_t max_bytes);
Cause TooManyCause(const std::string& field, std::size_t actual, std::size_t max);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_STATUS_BODY_H_
