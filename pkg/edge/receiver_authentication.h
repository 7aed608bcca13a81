// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_EDGE_RECEIVER_AUTHENTICATION_H_
#define SALVE_PKG_EDGE_RECEIVER_AUTHENTICATION_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <unordered_set>

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/status.h"
#include "pkg/http/message.h"

namespace salve::edge {

// Reads a secret of the configuration as it is now. Given by wiring; thread-safe; never blocks for
// longer than a small file takes.
using SecretLookup =
    std::function<StatusOr<std::string>(const apis::config::v1alpha1::SecretReference&)>;

// How far a signed delivery's own time may be from ours.
inline constexpr std::chrono::seconds kTimestampTolerance{300};

// Who sent a delivery, as far as it could show it.
struct Authentication {
  // kUnauthenticated: it showed nothing (401). kPermissionDenied: what it showed is wrong (403).
  // kUnavailable: none of our secrets can be read.
  Status status;
  std::string key;          // which of the receiver's secrets it was: "bearer[0]"
  std::string delivery_id;  // under a signature, else ""
};

// Checks what can be told before the body is there: OK also where the body has to be seen.
Status AuthenticateHead(const apis::config::v1alpha1::ReceiverConfiguration& receiver,
                        const http::Request& head, const SecretLookup& secrets);

// Checks a whole delivery; compares in constant time. Of kinds that sign:
//   github     X-Hub-Signature-256 over the body
//   sentry     Sentry-Hook-Signature over the body
//   others     Standard Webhooks: webhook-signature over "webhook-id.webhook-timestamp.body"; a
//              secret that begins with whsec_ is base64, any other is taken as it is
// SNS is not for this function.
Authentication Authenticate(const apis::config::v1alpha1::ReceiverConfiguration& receiver,
                            const http::Request& request, const SecretLookup& secrets,
                            WallTime now);

// The ids of signed deliveries that were taken in, for as long as a copy of them would be believed.
// Bounded. Thread-safe.
class SeenDeliveries {
 public:
  static constexpr std::size_t kMax = 20'000;

  bool Contains(const std::string& receiver, const std::string& id);
  // After it was stored: a delivery that failed has to be repeated.
  void Remember(const std::string& receiver, const std::string& id, MonoTime now);

 private:
  struct Entry {
    std::string key;
    MonoTime at;
  };
  Mutex mu_;
  std::unordered_set<std::string> keys_ SALVE_GUARDED_BY(mu_);
  std::deque<Entry> order_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_RECEIVER_AUTHENTICATION_H_
