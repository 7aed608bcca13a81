// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/sigv4.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "pkg/aws/text.h"
#include "pkg/base/hash.h"
#include "pkg/base/time_format.h"
#include "pkg/http/url.h"

namespace salve::aws {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr int kMaxExpires = 7 * 24 * 3600;

// What may change between here and the service.
constexpr std::array<std::string_view, 6> kUnsignedFields = {
    "authorization", "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Without white space at the ends, and one space for every run of it inside.
std::string CollapseSpace(std::string_view value) {
  std::string out;
  for (const char c : Trim(value)) {
    if (!IsSpace(c)) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

// RFC 3986's removal of dot segments, and of empty ones.
std::string NormalizePath(std::string_view path) {
  std::vector<std::string_view> kept;
  std::string_view rest = path;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(segment.size());
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (!segment.empty() && segment != ".") {
      kept.push_back(segment);
    }
  }
  std::string out;
  for (const std::string_view segment : kept) (out += '/') += segment;
  const bool directory = out.empty() || path.ends_with('/');
  return directory ? out + "/" : out;
}

// Escapes what is on the wire once more, as every service but S3 does.
std::string CanonicalPath(std::string_view path, bool normalize) {
  const std::string clean = normalize ? NormalizePath(path) : std::string(path);
  std::string out;
  std::string_view rest = clean;
  while (!rest.empty()) {
    const std::string_view segment = rest.substr(0, rest.find('/'));
    out += http::Escape(segment);
    rest.remove_prefix(segment.size());
    if (rest.empty()) break;
    out += '/';
    rest.remove_prefix(1);
  }
  return out;
}

std::string CanonicalQuery(const http::Query& query) {
  std::vector<std::pair<std::string, std::string>> items;
  for (const auto& [name, value] : query) {
    items.emplace_back(http::Escape(name), http::Escape(value));
  }
  std::sort(items.begin(), items.end());
  std::string out;
  for (const auto& [name, value] : items) {
    if (!out.empty()) out += '&';
    out += name + "=" + value;
  }
  return out;
}

// Lower-case name → values in order, joined by commas.
std::map<std::string, std::string> SignedFields(const http::Headers& headers) {
  std::map<std::string, std::string> fields;
  for (const auto& [name, value] : headers) {
    std::string key = Lower(name);
    if (std::find(kUnsignedFields.begin(), kUnsignedFields.end(), key) != kUnsignedFields.end()) {
      continue;
    }
    const auto [at, first] = fields.emplace(std::move(key), "");
    if (!first) at->second += ',';
    at->second += CollapseSpace(value);
  }
  return fields;
}

std::string SignedFieldNames(const http::Headers& headers) {
  std::string out;
  for (const auto& [name, value] : SignedFields(headers)) {
    if (!out.empty()) out += ';';
    out += name;
  }
  return out;
}

std::string Scope(const SigningOptions& options) {
  return AmzDate(options.now).substr(0, 8) + "/" + options.region + "/" + options.service +
         "/aws4_request";
}

std::string PayloadHash(const http::Request& request, const SigningOptions& options) {
  return options.payload_hash.empty() ? Sha256Hex(request.body) : options.payload_hash;
}

StatusOr<std::string> SignatureOf(const http::Request& request, const Credentials& credentials,
                                  const SigningOptions& options) {
  if (!request.headers.Get("Host")) {
    return InvalidArgumentError("signing " + request.method + ": the request has no Host field");
  }
  SALVE_ASSIGN_OR_RETURN(
      const std::string canonical,
      CanonicalRequest(request, PayloadHash(request, options), options.normalize_path));
  return Signature(credentials, options, StringToSign(options, canonical));
}

}  // namespace

std::string AmzDate(WallTime t) {
  std::string out = FormatTime(t);  // "2015-08-30T12:36:00Z"
  std::erase_if(out, [](char c) { return c == '-' || c == ':'; });
  return out;
}

StatusOr<std::string> CanonicalRequest(const http::Request& request, std::string_view payload_hash,
                                       bool normalize_path) {
  SALVE_ASSIGN_OR_RETURN(const http::Target target, http::ParseTarget(request.target));
  std::string out = request.method + "\n" + CanonicalPath(target.path, normalize_path) + "\n" +
                    CanonicalQuery(target.query) + "\n";
  for (const auto& [name, value] : SignedFields(request.headers)) out += name + ":" + value + "\n";
  out += "\n" + SignedFieldNames(request.headers) + "\n";
  out += payload_hash;
  return out;
}

std::string StringToSign(const SigningOptions& options, std::string_view canonical_request) {
  return std::string(kAlgorithm) + "\n" + AmzDate(options.now) + "\n" + Scope(options) + "\n" +
         Sha256Hex(canonical_request);
}

std::string Signature(const Credentials& credentials, const SigningOptions& options,
                      std::string_view string_to_sign) {
  const std::string date = AmzDate(options.now).substr(0, 8);
  std::string key = HmacSha256("AWS4" + credentials.secret_access_key, date);
  key = HmacSha256(key, options.region);
  key = HmacSha256(key, options.service);
  key = HmacSha256(key, "aws4_request");
  return HexEncode(HmacSha256(key, string_to_sign));
}

Status SignHeaders(http::Request& request, const Credentials& credentials,
                   const SigningOptions& options) {
  request.headers.Set("X-Amz-Date", AmzDate(options.now));
  const bool token = !credentials.session_token.empty();
  if (token && !options.token_unsigned) {
    request.headers.Set("X-Amz-Security-Token", credentials.session_token);
  }
  if (options.payload_hash_header) {
    request.headers.Set("X-Amz-Content-Sha256", PayloadHash(request, options));
  }
  SALVE_ASSIGN_OR_RETURN(const std::string signature, SignatureOf(request, credentials, options));
  const std::string names = SignedFieldNames(request.headers);
  if (token && options.token_unsigned) {
    request.headers.Set("X-Amz-Security-Token", credentials.session_token);
  }
  request.headers.Set("Authorization",
                      std::string(kAlgorithm) + " Credential=" + credentials.access_key_id + "/" +
                          Scope(options) + ", SignedHeaders=" + names + ", Signature=" + signature);
  return {};
}

StatusOr<std::string> PresignTarget(const http::Request& request, const Credentials& credentials,
                                    const SigningOptions& options, int expires_seconds) {
  if (expires_seconds < 1 || expires_seconds > kMaxExpires) {
    return InvalidArgumentError("presigning " + request.method + ": " +
                                std::to_string(expires_seconds) +
                                " seconds; 1 to 604800 (a week) are allowed");
  }
  const http::Query token{{"X-Amz-Security-Token", credentials.session_token}};
  const bool has_token = !credentials.session_token.empty();
  http::Query query{{"X-Amz-Algorithm", std::string(kAlgorithm)},
                    {"X-Amz-Credential", credentials.access_key_id + "/" + Scope(options)},
                    {"X-Amz-Date", AmzDate(options.now)},
                    {"X-Amz-SignedHeaders", SignedFieldNames(request.headers)},
                    {"X-Amz-Expires", std::to_string(expires_seconds)}};
  http::Request copy = request;
  copy.target += request.target.find('?') == std::string::npos ? '?' : '&';
  copy.target += query.Encode();
  if (has_token && !options.token_unsigned) copy.target += "&" + token.Encode();
  SALVE_ASSIGN_OR_RETURN(const std::string signature, SignatureOf(copy, credentials, options));
  if (has_token && options.token_unsigned) copy.target += "&" + token.Encode();
  return copy.target + "&X-Amz-Signature=" + signature;
}

std::string ChunkSignature(const Credentials& credentials, const SigningOptions& options,
                           std::string_view previous, std::string_view chunk) {
  const std::string text = "AWS4-HMAC-SHA256-PAYLOAD\n" + AmzDate(options.now) + "\n" +
                           Scope(options) + "\n" + std::string(previous) + "\n" +
                           std::string(kEmptyPayloadHash) + "\n" + Sha256Hex(chunk);
  return Signature(credentials, options, text);
}

}  // namespace salve::aws
