// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/status_body.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace salve::apiserver {
namespace {

// A JSON string literal: what Go's %q gives for text without control characters.
std::string Quote(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

// "incidents.salve.dev", "namespaces".
std::string Qualified(const std::string& group, const std::string& name) {
  return group.empty() ? name : name + "." + group;
}

std::string Qualified(const ResourceInfo& resource) {
  return Qualified(resource.group, resource.plural);
}

Json Details(const std::string& group, const std::string& kind, const std::string& name) {
  Json details = Json::object();
  if (!name.empty()) details["name"] = name;
  if (!group.empty()) details["group"] = group;
  if (!kind.empty()) details["kind"] = kind;
  return details;
}

Json Details(const ResourceInfo& resource, const std::string& name) {
  return Details(resource.group, resource.plural, name);
}

ApiError Failure(int code, const std::string& reason, const std::string& message,
                 Json details = nullptr) {
  Json body = {{"kind", "Status"},
               {"apiVersion", "v1"},
               {"metadata", Json::object()},
               {"status", "Failure"},
               {"message", message}};
  if (!reason.empty()) body["reason"] = reason;
  if (!details.is_null()) body["details"] = std::move(details);
  body["code"] = code;
  return ApiError(std::move(body));
}

std::string Join(const std::vector<std::string>& parts, const std::string& separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

Json CauseJson(const Cause& cause) {
  Json json = Json::object();
  if (!cause.reason.empty()) json["reason"] = cause.reason;
  if (!cause.message.empty()) json["message"] = cause.message;
  if (!cause.field.empty()) json["field"] = cause.field;
  return json;
}

// "field: message", several in brackets, each text once: how Go prints an aggregate of errors.
std::string Summary(const std::vector<Cause>& causes) {
  std::vector<std::string> lines;
  for (const Cause& cause : causes) {
    std::string line = cause.field + ": " + cause.message;
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
  }
  return lines.size() == 1 ? lines[0] : "[" + Join(lines, ", ") + "]";
}

// Keeps an answer from looking like HTML to a browser, as the real server does for access messages.
std::string Sanitized(const std::string& text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace

int ApiError::retry_after_seconds() const {
  auto details = body_.find("details");
  if (details == body_.end() || !details->is_object()) return 0;
  return details->value("retryAfterSeconds", 0);
}

ApiError NotFound(const ResourceInfo& resource, const std::string& name) {
  return Failure(404, "NotFound", Qualified(resource) + " " + Quote(name) + " not found",
                 Details(resource, name));
}

ApiError NotFoundPath() {
  return Failure(404, "NotFound", "the server could not find the requested resource",
                 Json::object());
}

ApiError AlreadyExists(const ResourceInfo& resource, const std::string& name) {
  return Failure(409, "AlreadyExists", Qualified(resource) + " " + Quote(name) + " already exists",
                 Details(resource, name));
}

ApiError AlreadyExistsDeleting(const ResourceInfo& resource, const std::string& name) {
  return Failure(
      409, "AlreadyExists",
      "object is being deleted: " + Qualified(resource) + " " + Quote(name) + " already exists",
      Details(resource, name));
}

ApiError ConflictModified(const ResourceInfo& resource, const std::string& name) {
  return Conflict(resource, name,
                  "the object has been modified; please apply your changes to the latest version "
                  "and try again");
}

ApiError Conflict(const ResourceInfo& resource, const std::string& name, const std::string& why) {
  return Failure(
      409, "Conflict",
      "Operation cannot be fulfilled on " + Qualified(resource) + " " + Quote(name) + ": " + why,
      Details(resource, name));
}

ApiError NamespaceTerminating(const ResourceInfo& resource, const std::string& name,
                              const std::string& ns) {
  Json details = Details(resource, name);
  details["causes"] = Json::array({CauseJson(
      {"NamespaceTerminating", "namespace " + ns + " is being terminated", "metadata.namespace"})});
  return Failure(403, "Forbidden",
                 Qualified(resource) + " " + Quote(name) +
                     " is forbidden: unable to create new content in namespace " + ns +
                     " because it is being terminated",
                 std::move(details));
}

ApiError ExpiredList() {
  return Failure(410, "Expired", "The resourceVersion for the provided list is too old.");
}

ApiError ExpiredWatch(std::int64_t requested, std::int64_t oldest) {
  return Failure(410, "Expired",
                 "too old resource version: " + std::to_string(requested) + " (" +
                     std::to_string(oldest) + ")");
}

ApiError ExpiredContinue(const std::string& new_token) {
  ApiError error = Failure(
      410, "Expired",
      "The provided continue parameter is too old to display a consistent list result. You can "
      "start a new list without the continue parameter, or use the continue token in this response "
      "to retrieve the remainder of the results. Continuing with the provided token results in an "
      "inconsistent list - objects that were created, modified, or deleted between the time the "
      "first chunk was returned and now may show up in the list.");
  if (new_token.empty()) return error;
  Json body = error.body();
  body["metadata"]["continue"] = new_token;
  return ApiError(std::move(body));
}

ApiError TooLargeResourceVersion(std::int64_t requested, std::int64_t current) {
  Json details = {
      {"causes",
       Json::array({CauseJson({"ResourceVersionTooLarge", "Too large resource version", ""})})},
      {"retryAfterSeconds", 1}};
  return Failure(504, "Timeout",
                 "Timeout: Too large resource version: " + std::to_string(requested) +
                     ", current: " + std::to_string(current),
                 std::move(details));
}

ApiError BadRequest(const std::string& message) { return Failure(400, "BadRequest", message); }

ApiError Invalid(const std::string& group, const std::string& kind, const std::string& name,
                 const std::vector<Cause>& causes) {
  Json details = Details(group, kind, name);
  Json list = Json::array();
  for (const Cause& cause : causes) list.push_back(CauseJson(cause));
  details["causes"] = std::move(list);
  return Failure(422, "Invalid",
                 Qualified(group, kind) + " " + Quote(name) + " is invalid: " + Summary(causes),
                 std::move(details));
}

ApiError Invalid(const ResourceInfo& resource, const std::string& name,
                 const std::vector<Cause>& causes) {
  return Invalid(resource.group, resource.kind, name, causes);
}

ApiError InvalidOptions(const std::string& kind, const std::vector<Cause>& causes) {
  return Invalid("meta.k8s.io", kind, "", causes);
}

ApiError StrictDecoding(const ResourceInfo& resource, const std::vector<std::string>& problems) {
  return BadRequest(resource.kind + " in version " + Quote(resource.version) +
                    " cannot be handled as a " + resource.kind +
                    ": strict decoding error: " + Join(problems, ", "));
}

ApiError PatchRejected() {
  return Failure(422, "Invalid", "the server rejected our request due to an error in our request",
                 Json::object());
}

ApiError NameMismatch(const std::string& object_name, const std::string& url_name) {
  return BadRequest("the name of the object (" + object_name +
                    ") does not match the name on the URL (" + url_name + ")");
}

ApiError NamespaceMismatch() {
  return BadRequest(
      "the namespace of the provided object does not match the namespace sent on the request");
}

ApiError FieldLabelNotSupported(const std::string& label) {
  return BadRequest("field label not supported: " + label);
}

std::string UnknownFieldText(const std::string& path) { return "unknown field " + Quote(path); }

std::string DuplicateFieldText(const std::string& path) { return "duplicate field " + Quote(path); }

std::string WarningHeader(const std::string& text) { return "299 - " + Quote(text); }

ApiError Unauthorized() { return Failure(401, "Unauthorized", "Unauthorized"); }

ApiError ForbiddenAccess(const std::string& user, const std::string& verb,
                         const ResourceInfo& resource, const std::string& subresource,
                         const std::string& ns, const std::string& name) {
  std::string what = resource.plural;
  if (!subresource.empty()) what += "/" + subresource;
  std::string text = "User " + Quote(user) + " cannot " + verb + " resource " + Quote(what) +
                     " in API group " + Quote(resource.group);
  text += ns.empty() ? " at the cluster scope" : " in the namespace " + Quote(ns);
  return Forbidden(resource, name, Sanitized(text));
}

ApiError Forbidden(const ResourceInfo& resource, const std::string& name, const std::string& why) {
  std::string subject = Qualified(resource);
  if (!name.empty()) subject += " " + Quote(name);
  return Failure(403, "Forbidden", subject + " is forbidden: " + why, Details(resource, name));
}

ApiError ForbiddenPath(const std::string& user, const std::string& verb, const std::string& path) {
  return Failure(
      403, "Forbidden",
      "forbidden: " + Sanitized("User " + Quote(user) + " cannot " + verb + " path " + Quote(path)),
      Json::object());
}

ApiError MethodNotAllowed() {
  return Failure(405, "MethodNotAllowed",
                 "the server does not allow this method on the requested resource", Json::object());
}

ApiError MethodNotSupported(const ResourceInfo& resource, const std::string& verb) {
  return Failure(405, "MethodNotAllowed",
                 verb + " is not supported on resources of kind " + Quote(Qualified(resource)),
                 Details(resource, ""));
}

ApiError Failed(const std::string& message) { return Failure(500, "", message); }

ApiError NotAcceptable(const std::vector<std::string>& accepted) {
  return Failure(406, "NotAcceptable",
                 "only the following media types are accepted: " + Join(accepted, ", "));
}

ApiError UnsupportedMediaType(const std::vector<std::string>& supported) {
  return Failure(
      415, "UnsupportedMediaType",
      "the body of the request was in an unknown format - accepted media types include: " +
          Join(supported, ", "));
}

ApiError RequestEntityTooLarge(std::size_t limit_bytes) {
  return Failure(413, "RequestEntityTooLarge",
                 "Request entity too large: limit is " + std::to_string(limit_bytes));
}

ApiError TooManyRequests(int retry_after_seconds) {
  return Failure(429, "TooManyRequests",
                 "the server has received too many requests and has asked us to try again later",
                 {{"retryAfterSeconds", retry_after_seconds}});
}

ApiError ServiceUnavailable(const std::string& message) {
  return Failure(503, "ServiceUnavailable", message);
}

ApiError InternalFailure(const std::string& message) {
  Json details = {{"causes", Json::array({CauseJson({"", message, ""})})}};
  return Failure(500, "InternalError", "Internal error occurred: " + message, std::move(details));
}

Json DeletedStatus(const ResourceInfo& resource, const std::string& name, const std::string& uid) {
  Json status = SuccessStatus();
  status["details"] = Details(resource, name);
  if (!uid.empty()) status["details"]["uid"] = uid;
  return status;
}

Json SuccessStatus() {
  return {{"kind", "Status"},
          {"apiVersion", "v1"},
          {"metadata", Json::object()},
          {"status", "Success"}};
}

std::string ShowValue(const Json& value) {
  // Go writes a float64 that is a small whole number without a fraction.
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (number == 0 && std::signbit(number)) return "-0";
    if (number == std::trunc(number) && std::fabs(number) < 1e6) {
      return std::to_string(static_cast<std::int64_t>(number));
    }
    std::array<char, 32> text{};
    if (std::fabs(number) >= 1e6) {
      const auto end = std::to_chars(text.data(), text.data() + text.size(), number,
                                     std::chars_format::scientific);
      return std::string(text.data(), end.ptr);
    }
  }
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Cause RequiredCause(const std::string& field, const std::string& detail) {
  return {kCauseRequired, detail.empty() ? "Required value" : "Required value: " + detail, field};
}

Cause InvalidCause(const std::string& field, const Json& value, const std::string& detail) {
  return {kCauseInvalid, "Invalid value: " + ShowValue(value) + ": " + detail, field};
}

Cause TypeInvalidCause(const std::string& field, const Json& value, const std::string& detail) {
  return {kCauseTypeInvalid, "Invalid value: " + ShowValue(value) + ": " + detail, field};
}

Cause NotSupportedCause(const std::string& field, const Json& value,
                        const std::vector<std::string>& supported) {
  std::vector<std::string> quoted;
  for (const std::string& word : supported) quoted.push_back(Quote(word));
  std::string message = "Unsupported value: " + ShowValue(value);
  if (!quoted.empty()) message += ": supported values: " + Join(quoted, ", ");
  return {kCauseNotSupported, std::move(message), field};
}

Cause DuplicateCause(const std::string& field, const Json& value) {
  return {kCauseDuplicate, "Duplicate value: " + ShowValue(value), field};
}

Cause ForbiddenCause(const std::string& field, const std::string& detail) {
  return {kCauseForbidden, "Forbidden: " + detail, field};
}

Cause TooLongCause(const std::string& field, std::size_t max_bytes) {
  return {kCauseTooLong,
          "Too long: may not be more than " + std::to_string(max_bytes) +
              (max_bytes == 1 ? " byte" : " bytes"),
          field};
}

Cause TooManyCause(const std::string& field, std::size_t actual, std::size_t max) {
  return {kCauseTooMany,
          "Too many: " + std::to_string(actual) + ": must have at most " + std::to_string(max) +
              (max == 1 ? " item" : " items"),
          field};
}

}  // namespace salve::apiserver
