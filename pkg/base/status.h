// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_STATUS_H_
#define SALVE_PKG_BASE_STATUS_H_

#include <chrono>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace salve {

// What callers branch on. The words are those of gRPC and of Kubernetes' Status reasons; each code
// says what a caller may do next:
enum class Code {
  kOk,
  kNotFound,          // the named thing does not exist
  kAlreadyExists,     // create of something that exists
  kConflict,          // the object changed since it was read: read again, decide again
  kExpired,           // resourceVersion or continue token too old: list again
  kTooManyRequests,   // back off; retry_after() may say how long
  kUnavailable,       // the other side cannot be reached or is not ready: retry with back-off
  kDeadlineExceeded,  // no answer in time: the outcome of a write is unknown
  kPermissionDenied,  // known caller, missing right: a human must change something
  kUnauthenticated,   // credentials missing or wrong
  kInvalidArgument,   // the request can never succeed as it is
  kAborted,           // the connection broke after sending: the outcome of a write is unknown
  kCancelled,         // our own side asked to stop
  kUnimplemented,     // the other side does not know this operation
  kInternal,          // a bug, here or there
};

// "NotFound", "Conflict", …
std::string_view CodeName(Code code);

// The outcome of an operation. Value type; copies are independent. An OK status is empty and cheap.
//
// `message` is for a reader: what was tried, on what, what happened, what to do. `reason` is a
// CamelCase word for conditions and events ("" where none applies). A terminal error is one that a
// retry cannot mend: the engine does not requeue it.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  static Status Ok() { return {}; }

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& reason() const { return reason_; }
  bool terminal() const { return terminal_; }
  // Set where the other side said when to come back.
  std::optional<std::chrono::milliseconds> retry_after() const { return retry_after_; }

  Status WithReason(std::string reason) && {
    reason_ = std::move(reason);
    return std::move(*this);
  }
  Status AsTerminal() && {
    terminal_ = true;
    return std::move(*this);
  }
  Status WithRetryAfter(std::chrono::milliseconds wait) && {
    retry_after_ = wait;
    return std::move(*this);
  }
  // Prefixes the message: "reading x: <message>". Keeps everything else.
  Status Annotate(std::string_view context) const;

  // "NotFound: incidents \"i1\" not found", or "OK".
  std::string ToString() const;

 private:
  Code code_ = Code::kOk;
  bool terminal_ = false;
  std::optional<std::chrono::milliseconds> retry_after_;
  std::string message_;
  std::string reason_;
};

std::ostream& operator<<(std::ostream& os, const Status& status);

inline Status NotFoundError(std::string m) { return {Code::kNotFound, std::move(m)}; }
inline Status AlreadyExistsError(std::string m) { return {Code::kAlreadyExists, std::move(m)}; }
inline Status ConflictError(std::string m) { return {Code::kConflict, std::move(m)}; }
inline Status ExpiredError(std::string m) { return {Code::kExpired, std::move(m)}; }
inline Status TooManyRequestsError(std::string m) { return {Code::kTooManyRequests, std::move(m)}; }
inline Status UnavailableError(std::string m) { return {Code::kUnavailable, std::move(m)}; }
inline Status DeadlineExceededError(std::string m) {
  return {Code::kDeadlineExceeded, std::move(m)};
}
inline Status PermissionDeniedError(std::string m) {
  return {Code::kPermissionDenied, std::move(m)};
}
inline Status UnauthenticatedError(std::string m) { return {Code::kUnauthenticated, std::move(m)}; }
inline Status InvalidArgumentError(std::string m) { return {Code::kInvalidArgument, std::move(m)}; }
inline Status AbortedError(std::string m) { return {Code::kAborted, std::move(m)}; }
inline Status CancelledError(std::string m) { return {Code::kCancelled, std::move(m)}; }
inline Status UnimplementedError(std::string m) { return {Code::kUnimplemented, std::move(m)}; }
inline Status InternalError(std::string m) { return {Code::kInternal, std::move(m)}; }

// A value or the reason why there is none. Reading value() of an error ends the process: test ok()
// first.
template <typename T>
class [[nodiscard]] StatusOr {
 public:
  using value_type = T;

  StatusOr(Status status) : rep_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    if (std::get<Status>(rep_).ok()) std::get<Status>(rep_) = InternalError("OK without a value");
  }
  StatusOr(T value) : rep_(std::move(value)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<T>(rep_); }
  Status status() const { return ok() ? Status() : std::get<Status>(rep_); }
  Code code() const { return ok() ? Code::kOk : std::get<Status>(rep_).code(); }

  const T& value() const& { return std::get<T>(rep_); }
  T& value() & { return std::get<T>(rep_); }
  T&& value() && { return std::get<T>(std::move(rep_)); }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }
  template <class U>
  T value_or(U&& fallback) const& {
    return ok() ? value() : static_cast<T>(std::forward<U>(fallback));
  }

 private:
  std::variant<Status, T> rep_;
};

// Leaves the function with the status if it is an error.
#define SALVE_RETURN_IF_ERROR(expr)                                         \
  do {                                                                      \
    if (::salve::Status salve_s_ = (expr); !salve_s_.ok()) return salve_s_; \
  } while (false)

#define SALVE_CONCAT_(a, b) a##b
#define SALVE_CONCAT(a, b) SALVE_CONCAT_(a, b)
// SALVE_ASSIGN_OR_RETURN(auto x, MakeX());
#define SALVE_ASSIGN_OR_RETURN(lhs, expr) \
  SALVE_ASSIGN_OR_RETURN_(SALVE_CONCAT(salve_so_, __LINE__), lhs, expr)
#define SALVE_ASSIGN_OR_RETURN_(tmp, lhs, expr) \
  auto tmp = (expr);                            \
  if (!tmp.ok()) return tmp.status();           \
  lhs = std::move(tmp).value()

}  // namespace salve

#endif  // SALVE_PKG_BASE_STATUS_H_
