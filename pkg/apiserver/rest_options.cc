// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/rest_options.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "pkg/base/base64.h"

namespace salve::apiserver {
namespace {

constexpr std::int64_t kMaxTimeoutSeconds = 24 * 3600;

std::optional<std::int64_t> ParseInt(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    return std::nullopt;
  }
  return value;
}

std::optional<bool> ParseBool(std::string_view text) {
  if (text == "true" || text == "1" || text == "True" || text == "TRUE" || text == "t") return true;
  if (text == "false" || text == "0" || text == "False" || text == "FALSE" || text == "f" ||
      text.empty()) {
    return false;
  }
  return std::nullopt;
}

ApiResult<bool> BoolParameter(const http::Query& query, std::string_view name) {
  const auto text = query.Get(name);
  if (!text) return false;
  const auto value = ParseBool(*text);
  if (!value) {
    return BadRequest("invalid value \"" + std::string(*text) + "\" for the parameter " +
                      std::string(name) + ": true or false is needed");
  }
  return *value;
}

Cause UnsupportedDryRun(const std::vector<std::string>& words) {
  return {kCauseNotSupported,
          "Unsupported value: " + ShowValue(Json(words)) + ": supported values: \"All\"", "dryRun"};
}

// nullopt: no dryRun. An error: another word than All.
ApiResult<bool> DryRunOf(const http::Query& query, const std::string& kind) {
  std::vector<std::string> words;
  for (const auto& [name, value] : query) {
    if (name == "dryRun") words.emplace_back(value);
  }
  const bool known = std::all_of(words.begin(), words.end(),
                                 [](const std::string& word) { return word == "All"; });
  if (!known) return InvalidOptions(kind, {UnsupportedDryRun(words)});
  return !words.empty();
}

constexpr std::size_t kMaxFieldManagerBytes = 128;

std::vector<Cause> FieldManagerCauses(const std::string& manager) {
  if (manager.size() > kMaxFieldManagerBytes) {
    return {TooLongCause("fieldManager", kMaxFieldManagerBytes)};
  }
  for (std::size_t i = 0; i < manager.size(); ++i) {
    const auto byte = static_cast<unsigned char>(manager[i]);
    if (byte >= 0x20 && byte != 0x7f) continue;
    constexpr std::string_view kHex = "0123456789ABCDEF";
    const std::string code = {kHex[byte >> 4], kHex[byte & 15]};
    return {
        InvalidCause("fieldManager", manager,
                     "invalid character U+00" + code + " (at position " + std::to_string(i) + ")")};
  }
  return {};
}

ApiResult<std::optional<std::int64_t>> ResourceVersionOf(const http::Query& query) {
  const auto text = query.Get("resourceVersion");
  if (!text || text->empty()) return std::optional<std::int64_t>();
  const auto value = ParseInt(*text);
  if (!value || *value < 0) {
    return BadRequest("invalid resource version: resourceVersion: Invalid value: \"" +
                      std::string(*text) + "\": strconv.ParseUint: parsing \"" +
                      std::string(*text) +
                      "\": " + (IsDigits(*text) ? "value out of range" : "invalid syntax"));
  }
  return value;
}

struct Selection {
  LabelSelector labels;
  FieldSelector fields;
};

ApiResult<Selection> SelectionOf(const http::Query& query, const ServedResource& resource) {
  Selection selection;
  auto labels = LabelSelector::Parse(query.Get("labelSelector").value_or(""));
  if (!labels.ok()) return labels.error();
  auto fields =
      FieldSelector::Parse(query.Get("fieldSelector").value_or(""), resource.field_labels);
  if (!fields.ok()) return fields.error();
  selection.labels = std::move(labels).value();
  selection.fields = std::move(fields).value();
  return selection;
}

Cause MatchForbidden(const std::string& detail) {
  return ForbiddenCause("resourceVersionMatch", detail);
}

// The token travels in URLs: the URL-safe alphabet, without padding.
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string EncodeForUrl(std::string_view in) {
  std::string out = Base64Encode(in);
  out.erase(out.find_last_not_of('=') + 1);
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  return out;
}

std::optional<std::string> DecodeFromUrl(std::string_view in) {
  std::string out;
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : in) {
    const auto digit = kBase64.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    buffer = buffer << 6 | static_cast<unsigned>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>(buffer >> bits & 255);
    }
  }
  return out;
}

// "<revision>/<ns>/<name>/<remaining>"
std::optional<ContinueToken> DecodeContinue(std::string_view text) {
  const auto plain = DecodeFromUrl(text);
  if (!plain) return std::nullopt;
  const auto first = plain->find('/');
  if (first == std::string::npos) return std::nullopt;
  const auto second = plain->find('/', first + 1);
  if (second == std::string::npos) return std::nullopt;
  const auto revision = ParseInt(std::string_view(*plain).substr(0, first));
  if (!revision || *revision < 0) return std::nullopt;
  ContinueToken token{*revision, plain->substr(first + 1, second - first - 1),
                      plain->substr(second + 1), std::nullopt};
  const auto third = token.name.find('/');
  if (third == std::string::npos) return std::nullopt;
  token.remaining = ParseInt(std::string_view(token.name).substr(third + 1));
  token.name.resize(third);
  if (token.name.empty() || token.name.size() > 253 || token.ns.size() > 253) return std::nullopt;
  return token;
}

}  // namespace

bool IsDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string EncodeContinue(const ContinueToken& token) {
  return EncodeForUrl(std::to_string(token.revision) + "/" + token.ns + "/" + token.name + "/" +
                      (token.remaining ? std::to_string(*token.remaining) : ""));
}

ApiResult<WriteOptions> ParseWriteOptions(const http::Query& query, const std::string& kind) {
  WriteOptions options;
  const auto dry_run = DryRunOf(query, kind);
  if (!dry_run.ok()) return dry_run.error();
  options.dry_run = *dry_run;
  const auto validation = query.Get("fieldValidation").value_or("");
  if (validation == "Strict") {
    options.validation = FieldValidation::kStrict;
  } else if (validation == "Ignore") {
    options.validation = FieldValidation::kIgnore;
  } else if (!validation.empty() && validation != "Warn") {
    return InvalidOptions(kind, {NotSupportedCause("fieldValidation", std::string(validation),
                                                   {"", "Ignore", "Strict", "Warn"})});
  }
  options.field_manager = std::string(query.Get("fieldManager").value_or(""));
  const auto causes = FieldManagerCauses(options.field_manager);
  if (!causes.empty()) return InvalidOptions(kind, causes);
  // Whatever is not false is true, as the real server reads it.
  const auto force = query.Get("force");
  options.force = force && *force != "false" && *force != "0";
  return options;
}

ApiResult<ListOptions> ParseListOptions(const http::Query& query, const ServedResource& resource) {
  ListOptions options;
  auto selection = SelectionOf(query, resource);
  if (!selection.ok()) return selection.error();
  options.labels = std::move(selection->labels);
  options.fields = std::move(selection->fields);

  if (const auto text = query.Get("limit")) {
    const auto limit = ParseInt(*text);
    if (!limit) {
      return BadRequest("strconv.ParseInt: parsing " + ShowValue(std::string(*text)) +
                        ": invalid syntax");
    }
    options.limit = *limit < 0 ? 0 : *limit;
  }
  auto version = ResourceVersionOf(query);
  if (!version.ok()) return version.error();
  options.resource_version = *version;

  const auto match = query.Get("resourceVersionMatch").value_or("");
  std::vector<Cause> causes;
  if (query.Has("sendInitialEvents")) {
    causes.push_back(
        ForbiddenCause("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  }
  if (!match.empty()) {
    if (!options.resource_version) {
      causes.push_back(
          MatchForbidden("resourceVersionMatch is forbidden unless resourceVersion is provided"));
    }
    if (query.Has("continue")) {
      causes.push_back(
          MatchForbidden("resourceVersionMatch is forbidden when continue is provided"));
    }
    if (match != "Exact" && match != "NotOlderThan") {
      causes.push_back(NotSupportedCause("resourceVersionMatch", std::string(match),
                                         {"Exact", "NotOlderThan", ""}));
    }
    options.exact = match == "Exact";
    if (options.exact && options.resource_version == 0) {
      causes.push_back(
          MatchForbidden("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""));
    }
  }
  if (!causes.empty()) return InvalidOptions("ListOptions", causes);
  // A limited list at a version is of exactly that one: as the real server.
  if (match.empty() && options.limit > 0 && options.resource_version.value_or(0) > 0) {
    options.exact = true;
  }
  if (const auto text = query.Get("continue"); text && !text->empty()) {
    options.page = DecodeContinue(*text);
    if (!options.page) return BadRequest("invalid continue token: the token is not one of ours");
    if (options.resource_version.value_or(0) != 0) {
      return BadRequest("specifying resource version is not allowed when using continue");
    }
    options.resource_version.reset();
  }
  return options;
}

ApiResult<WatchOptions> ParseWatchOptions(const http::Query& query,
                                          const ServedResource& resource) {
  WatchOptions options;
  auto selection = SelectionOf(query, resource);
  if (!selection.ok()) return selection.error();
  options.labels = std::move(selection->labels);
  options.fields = std::move(selection->fields);
  auto version = ResourceVersionOf(query);
  if (!version.ok()) return version.error();
  options.resource_version = *version;
  const auto bookmarks = BoolParameter(query, "allowWatchBookmarks");
  if (!bookmarks.ok()) return bookmarks.error();
  options.bookmarks = *bookmarks;

  if (const auto text = query.Get("timeoutSeconds"); text && !text->empty()) {
    const auto seconds = ParseInt(*text);
    if (!seconds) {
      return BadRequest("invalid timeoutSeconds \"" + std::string(*text) + "\": not a number");
    }
    if (*seconds > 0) {
      options.timeout = std::chrono::seconds(std::min(*seconds, kMaxTimeoutSeconds));
    }
  }
  const auto match = query.Get("resourceVersionMatch").value_or("");
  if (query.Has("sendInitialEvents")) {
    const auto send = BoolParameter(query, "sendInitialEvents");
    if (!send.ok()) return send.error();
    options.send_initial_events = *send;
  }
  std::vector<Cause> causes;
  if (options.send_initial_events && match != "NotOlderThan") {
    causes.push_back(
        MatchForbidden("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
  } else if (!options.send_initial_events && !match.empty()) {
    causes.push_back(MatchForbidden(
        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"));
  }
  if (!match.empty() && match != "NotOlderThan") {
    causes.push_back(
        NotSupportedCause("resourceVersionMatch", std::string(match), {"NotOlderThan"}));
  }
  if (!causes.empty()) return InvalidOptions("ListOptions", causes);
  return options;
}

ApiResult<DeleteOptions> ParseDeleteOptions(const http::Query& query, const Json& body) {
  DeleteOptions options;
  const auto dry_run = DryRunOf(query, "DeleteOptions");
  if (!dry_run.ok()) return dry_run.error();
  options.dry_run = *dry_run;
  std::string policy(query.Get("propagationPolicy").value_or(""));
  bool orphan = ParseBool(query.Get("orphanDependents").value_or("")).value_or(false);

  if (body.is_object()) {
    const std::string kind = body.value("kind", Json()).is_string() ? body["kind"] : Json("");
    if (!kind.empty() && kind != "DeleteOptions") {
      return BadRequest("no kind " + ShowValue(kind) + " is registered for what a delete takes");
    }
    if (const auto it = body.find("dryRun"); it != body.end() && it->is_array()) {
      for (const Json& word : *it) {
        if (word != "All") {
          return InvalidOptions(
              "DeleteOptions",
              {UnsupportedDryRun({word.is_string() ? word.get<std::string>() : word.dump()})});
        }
        options.dry_run = true;
      }
    }
    if (const auto it = body.find("propagationPolicy"); it != body.end() && it->is_string()) {
      policy = it->get<std::string>();
    }
    if (const auto it = body.find("orphanDependents"); it != body.end() && it->is_boolean()) {
      orphan = it->get<bool>();
    }
    if (body.contains("orphanDependents") && !policy.empty()) {
      return InvalidOptions(
          "DeleteOptions",
          {InvalidCause("propagationPolicy", policy,
                        "orphanDependents and deletionPropagation cannot be both set")});
    }
    if (const auto it = body.find("preconditions"); it != body.end() && it->is_object()) {
      const auto text = [&it](const char* key) -> std::optional<std::string> {
        const auto found = it->find(key);
        if (found == it->end() || !found->is_string()) return std::nullopt;
        return found->get<std::string>();
      };
      options.uid = text("uid");
      options.resource_version = text("resourceVersion");
    }
  } else if (!body.is_null()) {
    return BadRequest("the body of a delete must be DeleteOptions");
  }
  if (policy == "Foreground") {
    options.propagation = Propagation::kForeground;
  } else if (policy == "Orphan" || (policy.empty() && orphan)) {
    options.propagation = Propagation::kOrphan;
  } else if (!policy.empty() && policy != "Background") {
    return InvalidOptions("DeleteOptions",
                          {NotSupportedCause("propagationPolicy", policy,
                                             {"Foreground", "Background", "Orphan", "nil"})});
  }
  return options;
}

}  // namespace salve::apiserver
