// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/sns.h"

#include <algorithm>
#include <initializer_list>

#include "pkg/base/base64.h"
#include "pkg/base/crypto_rsa.h"
#include "pkg/base/log.h"
#include "pkg/base/time_format.h"
#include "pkg/edge/payload_shape.h"
#include "pkg/http/url.h"

namespace salve::edge {
namespace {

using apis::config::v1alpha1::ReceiverConfiguration;
using nlohmann::json;
using Envelope = std::map<std::string, std::string>;

constexpr std::size_t kMaxCertificates = 16;
// SNS goes on trying for an hour at most; after that it is a copy.
constexpr std::chrono::seconds kMaxAge{3600};
constexpr char kNotification[] = "Notification";
constexpr char kSubscription[] = "SubscriptionConfirmation";
constexpr char kUnsubscription[] = "UnsubscribeConfirmation";

std::string At(const Envelope& envelope, const char* name) {
  const auto it = envelope.find(name);
  return it == envelope.end() ? "" : it->second;
}

StatusOr<Envelope> ReadEnvelope(const json& body) {
  PayloadShape shape;
  const json& root = shape.Object(body, "");
  Envelope envelope;
  for (const char* name : {"Type", "MessageId", "TopicArn", "Message", "Timestamp"}) {
    envelope[name] = shape.Text(root, "", name, true);
  }
  for (const char* name :
       {"Subject", "SubscribeURL", "Token", "SignatureVersion", "Signature", "SigningCertURL"}) {
    const std::string text = shape.Text(root, "", name);
    if (!text.empty()) envelope[name] = text;
  }
  const std::string& type = envelope["Type"];
  if (type != kNotification && type != kSubscription && type != kUnsubscription) {
    shape.Wrong(".Type", "not a type of message that SNS sends");
  }
  if (!shape.status().ok()) return shape.status();
  return envelope;
}

Status CheckAge(const Envelope& envelope, WallTime now) {
  const auto sent = ParseTime(At(envelope, "Timestamp"));
  if (!sent) return InvalidArgumentError(".Timestamp: not a time as RFC 3339 writes it");
  if (now - *sent > kMaxAge || *sent - now > kMaxAge) {
    return PermissionDeniedError(
        "the message is more than an hour from this clock: sent too late, or repeated");
  }
  return Status::Ok();
}

bool IsCertificatePath(const std::string& path) {
  constexpr std::string_view kHead = "/SimpleNotificationService-";
  constexpr std::string_view kTail = ".pem";
  if (path.size() <= kHead.size() + kTail.size() || path.size() > 128) return false;
  if (path.compare(0, kHead.size(), kHead) != 0 || !path.ends_with(kTail)) return false;
  return std::all_of(path.begin() + kHead.size(), path.end() - kTail.size(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

}  // namespace

bool IsSnsAddress(const std::string& url) {
  const auto parsed = http::ParseUrl(url);
  // A user name in front of the host would be one way to make it look like another.
  if (!parsed.ok() || parsed->scheme != "https" || parsed->port != 443 ||
      url.find('@') != std::string::npos || url.size() > 2048) {
    return false;
  }
  std::string_view host = parsed->host;
  constexpr std::string_view kHead = "sns.";
  if (!host.starts_with(kHead)) return false;
  host.remove_prefix(kHead.size());
  for (const std::string_view tail : {".amazonaws.com.cn", ".amazonaws.com"}) {
    if (!host.ends_with(tail)) continue;
    host.remove_suffix(tail.size());
    return host.size() >= 3 && std::all_of(host.begin(), host.end(), [](char c) {
             return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
           });
  }
  return false;
}

std::string SnsStringToSign(const Envelope& envelope) {
  std::string text;
  const auto add = [&](std::initializer_list<const char*> names) {
    for (const char* name : names) {
      const auto it = envelope.find(name);
      if (it != envelope.end()) text += std::string(name) + "\n" + it->second + "\n";
    }
  };
  if (At(envelope, "Type") == kNotification) {
    add({"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"});
  } else {
    add({"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"});
  }
  return text;
}

SnsDesk::SnsDesk(SnsFetch fetch, Clock& clock)
    : fetch_(std::move(fetch)), clock_(clock), fetches_(0.2, 10) {}

StatusOr<std::string> SnsDesk::CertificateAt(const std::string& url) {
  const auto parsed = http::ParseUrl(url);
  if (!IsSnsAddress(url) || !IsCertificatePath(parsed->path)) {
    return PermissionDeniedError("SigningCertURL is not an address of Amazon SNS");
  }
  {
    MutexLock lock(mu_);
    const auto known = certificates_.find(url);
    if (known != certificates_.end()) return known->second;
    if (!fetch_) return UnavailableError("certificates of SNS cannot be fetched here");
    // Nobody has shown yet who he is: he shall not make us ask all the time.
    if (!fetches_.TryTake(clock_.Monotonic())) {
      return UnavailableError("too many certificates were asked for");
    }
  }
  auto fetched = fetch_(url);
  if (!fetched.ok()) {
    return UnavailableError("certificate of SNS: " + fetched.status().message());
  }
  MutexLock lock(mu_);
  if (certificates_.size() >= kMaxCertificates) certificates_.erase(certificates_.begin());
  certificates_[url] = *fetched;
  return fetched;
}

Status SnsDesk::Verify(const Envelope& envelope) {
  const std::string version = At(envelope, "SignatureVersion");
  const std::string url = At(envelope, "SigningCertURL");
  if (At(envelope, "Signature").empty() || url.empty()) {
    return UnauthenticatedError("a message signed by SNS is needed");
  }
  if (version != "1" && version != "2") {
    return PermissionDeniedError("SignatureVersion is neither 1 nor 2");
  }
  const auto signature = Base64Decode(At(envelope, "Signature"));
  if (!signature) return PermissionDeniedError("the signature is wrong");
  SALVE_ASSIGN_OR_RETURN(const std::string certificate, CertificateAt(url));
  const Status verified =
      VerifyRsaSignature(certificate, version == "2" ? RsaDigest::kSha256 : RsaDigest::kSha1,
                         SnsStringToSign(envelope), *signature);
  if (verified.code() != Code::kInvalidArgument) return verified;
  MutexLock lock(mu_);
  certificates_.erase(url);
  return UnavailableError("what SNS serves as its certificate is none");
}

StatusOr<AlertBatch> SnsDesk::Open(const ReceiverConfiguration& receiver, const json& body) {
  SALVE_ASSIGN_OR_RETURN(const Envelope envelope, ReadEnvelope(body));
  const std::string topic = At(envelope, "TopicArn");
  const auto& topics = receiver.topic_arns;
  if (std::find(topics.begin(), topics.end(), topic) == topics.end()) {
    return PermissionDeniedError("the topic is not one of the receiver's");
  }
  SALVE_RETURN_IF_ERROR(Verify(envelope));
  SALVE_RETURN_IF_ERROR(CheckAge(envelope, clock_.Now()));
  const std::string type = At(envelope, "Type");
  AlertBatch batch;
  if (type == kNotification) {
    SALVE_ASSIGN_OR_RETURN(batch, AlertsOfSnsMessage(topic, At(envelope, "Subject"),
                                                     At(envelope, "Message"), clock_.Now()));
    for (healing::Alert& alert : batch.alerts) alert.receiver = receiver.name;
  } else if (type == kSubscription) {
    const std::string url = At(envelope, "SubscribeURL");
    if (!IsSnsAddress(url)) {
      return PermissionDeniedError("SubscribeURL is not an address of Amazon SNS");
    }
    const auto confirmed = fetch_(url);
    if (!confirmed.ok()) {
      return UnavailableError("confirming the subscription: " + confirmed.status().message());
    }
    Log(Severity::kInfo, "subscription to a topic confirmed", {{"topic", topic}});
    batch.ignored = "the subscription is confirmed";
  } else {
    Log(Severity::kWarning, "a topic is not subscribed to any more", {{"topic", topic}});
    batch.ignored = "nothing comes from this topic any more";
  }
  batch.delivery_id = At(envelope, "MessageId");
  return batch;
}

}  // namespace salve::edge
