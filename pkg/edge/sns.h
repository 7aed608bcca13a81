// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_EDGE_SNS_H_
#define SALVE_PKG_EDGE_SNS_H_

#include <functional>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/token_bucket.h"
#include "pkg/edge/alert_payloads.h"

namespace salve::edge {

// GETs an https address whose host has been checked, with the system's roots, without redirects;
// answers at most 64 KiB of a 200. Given by wiring; thread-safe; at most some seconds.
using SnsFetch = std::function<StatusOr<std::string>(const std::string& url)>;

// Whether an address may be asked on behalf of a message that nobody has believed yet: https,
// sns.REGION.amazonaws.com or .com.cn, the usual port.
bool IsSnsAddress(const std::string& url);

// What SNS signs of an envelope (AWS, "Verifying the signatures of Amazon SNS messages").
std::string SnsStringToSign(const std::map<std::string, std::string>& envelope);

// Opens the envelopes of Amazon SNS: believes only those of listed topics whose signature (version
// 1 or 2) is right, and confirms subscriptions of listed topics. Thread-safe; may fetch a
// certificate, which is kept.
class SnsDesk {
 public:
  // `clock` outlives it. A null `fetch` cannot verify anything: kUnavailable.
  SnsDesk(SnsFetch fetch, Clock& clock);

  // kUnauthenticated: not signed. kPermissionDenied: another topic, a wrong signature, too old.
  // kInvalidArgument: not an envelope. kUnavailable: AWS could not be asked.
  StatusOr<AlertBatch> Open(const apis::config::v1alpha1::ReceiverConfiguration& receiver,
                            const nlohmann::json& body);

 private:
  Status Verify(const std::map<std::string, std::string>& envelope);
  StatusOr<std::string> CertificateAt(const std::string& url);

  const SnsFetch fetch_;
  Clock& clock_;
  Mutex mu_;
  std::map<std::string, std::string> certificates_ SALVE_GUARDED_BY(mu_);  // by URL, bounded
  TokenBucket fetches_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_SNS_H_
