// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/receiver_authentication.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "pkg/base/base64.h"
#include "pkg/base/constant_time.h"
#include "pkg/base/hash.h"

namespace salve::edge {
namespace {

using apis::config::v1alpha1::ReceiverAuthentication;
using apis::config::v1alpha1::ReceiverConfiguration;
using apis::config::v1alpha1::SecretReference;

constexpr std::size_t kMaxSignatures = 16;
constexpr std::size_t kMaxDeliveryId = 256;

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// What follows the scheme in Authorization; nullopt if it is another scheme, or there are two.
std::optional<std::string_view> Credentials(const http::Request& head, std::string_view scheme) {
  const auto fields = head.headers.All("Authorization");
  if (fields.size() != 1 || fields.front().size() <= scheme.size()) return std::nullopt;
  const std::string_view field = fields.front();
  const bool same = std::equal(scheme.begin(), scheme.end(), field.begin(), [](char a, char b) {
    return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
  });
  if (!same || field[scheme.size()] != ' ') return std::nullopt;
  const std::string_view shown = Trimmed(field.substr(scheme.size() + 1));
  if (shown.empty()) return std::nullopt;
  return shown;
}

// The header, if it is there exactly once.
std::optional<std::string_view> Only(const http::Request& request, std::string_view name) {
  const auto fields = request.headers.All(name);
  if (fields.size() != 1 || fields.front().empty()) return std::nullopt;
  return fields.front();
}

// Tries every secret, so that how long it takes does not tell which one it was.
template <class Matches>
Authentication TryAll(const std::vector<SecretReference>& references, const char* list,
                      const SecretLookup& secrets, const Matches& matches) {
  Authentication found{PermissionDeniedError("the credentials are wrong"), "", ""};
  bool any = false;
  Status problem;
  for (std::size_t i = 0; i < references.size(); ++i) {
    const auto secret = secrets(references[i]);
    if (!secret.ok() || secret->empty()) {
      // An empty secret is none: anybody can present it.
      problem = secret.ok() ? UnavailableError("a secret is empty") : secret.status();
      continue;
    }
    any = true;
    if (matches(*secret) && !found.status.ok()) {
      found.status = Status::Ok();
      found.key = std::string(list) + "[" + std::to_string(i) + "]";
    }
  }
  if (!any) found.status = UnavailableError("no secret of this receiver can be read here");
  return found;
}

// Of the hash, so that the lengths tell nothing either.
bool SameSecret(std::string_view a, std::string_view b) {
  return EqualInConstantTime(Sha256Hex(a), Sha256Hex(b));
}

Authentication CheckBearer(const std::vector<SecretReference>& references,
                           const http::Request& head, const SecretLookup& secrets) {
  auto token = Credentials(head, "bearer");
  if (!token) token = Only(head, "X-API-Key");
  if (!token) {
    return {
        UnauthenticatedError("a token is needed: \"Authorization: Bearer …\" or \"X-API-Key: …\""),
        "", ""};
  }
  return TryAll(references, "bearer", secrets,
                [&](const std::string& secret) { return SameSecret(secret, *token); });
}

Authentication CheckBasic(const std::vector<SecretReference>& references, const http::Request& head,
                          const SecretLookup& secrets) {
  const auto encoded = Credentials(head, "basic");
  if (!encoded) {
    return {UnauthenticatedError("user and password are needed: \"Authorization: Basic …\""), "",
            ""};
  }
  const auto pair = Base64Decode(*encoded);
  return TryAll(references, "basic", secrets,
                [&](const std::string& secret) { return pair && SameSecret(secret, *pair); });
}

Authentication CheckHexSignature(const std::vector<SecretReference>& references,
                                 const http::Request& request, const char* header,
                                 std::string_view prefix, const SecretLookup& secrets) {
  auto given = Only(request, header);
  if (!given)
    return {UnauthenticatedError(std::string("a signature is needed: ") + header), "", ""};
  if (given->substr(0, prefix.size()) != prefix) {
    return {PermissionDeniedError("the credentials are wrong"), "", ""};
  }
  given->remove_prefix(prefix.size());
  return TryAll(references, "hmac", secrets, [&](const std::string& secret) {
    return EqualInConstantTime(HexEncode(HmacSha256(secret, request.body)), *given);
  });
}

// The key of a Standard Webhooks secret; "" if it is broken.
std::string SigningKey(const std::string& secret) {
  constexpr std::string_view kPrefix = "whsec_";
  if (secret.compare(0, kPrefix.size(), kPrefix) != 0) return secret;
  return Base64Decode(secret.substr(kPrefix.size())).value_or("");
}

std::vector<std::string_view> SignaturesOf(std::string_view list) {
  std::vector<std::string_view> signatures;
  while (!list.empty() && signatures.size() < kMaxSignatures) {
    const std::size_t end = std::min(list.find(' '), list.size());
    const std::string_view one = list.substr(0, end);
    if (one.substr(0, 3) == "v1,") signatures.push_back(one.substr(3));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return signatures;
}

Authentication CheckStandardWebhook(const std::vector<SecretReference>& references,
                                    const http::Request& request, const SecretLookup& secrets,
                                    WallTime now) {
  const auto id = Only(request, "webhook-id");
  const auto timestamp = Only(request, "webhook-timestamp");
  const auto list = Only(request, "webhook-signature");
  if (!id || !timestamp || !list || id->size() > kMaxDeliveryId) {
    return {UnauthenticatedError("a signature is needed: webhook-id, webhook-timestamp and "
                                 "webhook-signature, each once"),
            "", ""};
  }
  const std::vector<std::string_view> given = SignaturesOf(*list);
  const std::string signed_text =
      std::string(*id) + "." + std::string(*timestamp) + "." + request.body;
  Authentication found = TryAll(references, "hmac", secrets, [&](const std::string& secret) {
    const std::string key = SigningKey(secret);
    if (key.empty()) return false;
    const std::string expected = Base64Encode(HmacSha256(key, signed_text));
    bool any = false;
    for (const std::string_view one : given) any = EqualInConstantTime(expected, one) || any;
    return any;
  });
  if (!found.status.ok()) return found;
  // Only now: to a stranger an old time and a wrong signature are the same.
  std::int64_t sent = 0;
  const char* end = timestamp->data() + timestamp->size();
  const auto [at, error] = std::from_chars(timestamp->data(), end, sent);
  const std::int64_t ours =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  const std::int64_t tolerance = kTimestampTolerance.count();
  if (error != std::errc() || at != end || sent < ours - tolerance || sent > ours + tolerance) {
    found.status = PermissionDeniedError(
        "webhook-timestamp is more than five minutes from this clock: sent too late, or repeated");
    return found;
  }
  found.delivery_id = *id;
  return found;
}

}  // namespace

Status AuthenticateHead(const ReceiverConfiguration& receiver, const http::Request& head,
                        const SecretLookup& secrets) {
  const ReceiverAuthentication& how = receiver.authentication;
  if (!how.bearer.empty()) return CheckBearer(how.bearer, head, secrets).status;
  if (!how.basic.empty()) return CheckBasic(how.basic, head, secrets).status;
  return Status::Ok();
}

Authentication Authenticate(const ReceiverConfiguration& receiver, const http::Request& request,
                            const SecretLookup& secrets, WallTime now) {
  const ReceiverAuthentication& how = receiver.authentication;
  if (!how.bearer.empty()) return CheckBearer(how.bearer, request, secrets);
  if (!how.basic.empty()) return CheckBasic(how.basic, request, secrets);
  if (receiver.kind == "github") {
    return CheckHexSignature(how.hmac, request, "X-Hub-Signature-256", "sha256=", secrets);
  }
  if (receiver.kind == "sentry") {
    return CheckHexSignature(how.hmac, request, "Sentry-Hook-Signature", "", secrets);
  }
  return CheckStandardWebhook(how.hmac, request, secrets, now);
}

bool SeenDeliveries::Contains(const std::string& receiver, const std::string& id) {
  MutexLock lock(mu_);
  return keys_.contains(receiver + "/" + id);
}

void SeenDeliveries::Remember(const std::string& receiver, const std::string& id, MonoTime now) {
  MutexLock lock(mu_);
  // A timestamp may be ahead by the tolerance and is believed until it is behind by it.
  while (!order_.empty() &&
         (order_.size() >= kMax || now - order_.front().at > 2 * kTimestampTolerance)) {
    keys_.erase(order_.front().key);
    order_.pop_front();
  }
  std::string key = receiver + "/" + id;
  if (keys_.insert(key).second) order_.push_back({std::move(key), now});
}

}  // namespace salve::edge
