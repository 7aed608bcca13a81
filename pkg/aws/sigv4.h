// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_SIGV4_H_
#define SALVE_PKG_AWS_SIGV4_H_

#include <string>
#include <string_view>

#include "pkg/aws/credentials.h"
#include "pkg/base/clock.h"
#include "pkg/base/status.h"
#include "pkg/http/message.h"

// AWS's Signature Version 4. Pure functions; nothing here logs or keeps a key.
namespace salve::aws {

// What may stand in the place of the payload's hash where a service allows it.
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
inline constexpr std::string_view kStreamingPayload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
inline constexpr std::string_view kStreamingUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
// SHA-256 of nothing.
inline constexpr std::string_view kEmptyPayloadHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct SigningOptions {
  std::string region;
  std::string service;
  WallTime now{};  // the service refuses one that is more than five minutes off
  // Resolves "." and ".." and doubled slashes before signing: all services but S3.
  bool normalize_path = true;
  // "" = SHA-256 of the body; else this text, for example kUnsignedPayload.
  std::string payload_hash;
  // Adds and signs x-amz-content-sha256.
  bool payload_hash_header = false;
  // Adds the session token after signing instead of before.
  bool token_unsigned = false;
};

// Adds X-Amz-Date, X-Amz-Security-Token, perhaps X-Amz-Content-Sha256, and Authorization. Every
// field that the request has is signed, except those that proxies and HTTP libraries change
// (Authorization, User-Agent, Connection, Expect, Transfer-Encoding, X-Amzn-Trace-Id).
// kInvalidArgument: no Host field, or a target that cannot be taken apart.
Status SignHeaders(http::Request& request, const Credentials& credentials,
                   const SigningOptions& options);

// The request's target with the signature as query parameters, good for `expires_seconds`
// (1…604800). Whoever sends it must send the request's fields as well. Errors as above.
StatusOr<std::string> PresignTarget(const http::Request& request, const Credentials& credentials,
                                    const SigningOptions& options, int expires_seconds);

// The signature of one chunk of a kStreamingPayload body. `previous` is the signature of the chunk
// before, for the first one that of the request.
std::string ChunkSignature(const Credentials& credentials, const SigningOptions& options,
                           std::string_view previous, std::string_view chunk);

// The steps on the way, for tests and for messages about refused signatures.
StatusOr<std::string> CanonicalRequest(const http::Request& request, std::string_view payload_hash,
                                       bool normalize_path);
std::string StringToSign(const SigningOptions& options, std::string_view canonical_request);
std::string Signature(const Credentials& credentials, const SigningOptions& options,
                      std::string_view string_to_sign);

// "20150830T123600Z".
std::string AmzDate(WallTime t);

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_SIGV4_H_
