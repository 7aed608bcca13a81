// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_CREDENTIALS_H_
#define SALVE_PKG_AWS_CREDENTIALS_H_

#include <memory>
#include <optional>
#include <ostream>
#include <stop_token>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/status.h"

namespace salve::aws {

// Who signs a request. Value type. Printing one shows nothing of it.
struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;           // "" for long-lived keys
  std::optional<WallTime> expires_at;  // nullopt: they do not expire by themselves

  bool operator==(const Credentials&) const = default;
};

// "[REDACTED]", whatever they are: logs and test frameworks print what they can.
std::ostream& operator<<(std::ostream& os, const Credentials& credentials);

// How long a caller waits for something that may need the network.
struct WaitOptions {
  MonoTime deadline = MonoTime::max();
  std::stop_token stop;
};

// Gives credentials that are good now. Thread-safe.
class CredentialsProvider {
 public:
  virtual ~CredentialsProvider() = default;

  // kNotFound: nothing is configured that could give any; the message tells what was tried, in
  // order, and why each gave none. Any other error: something is configured, but it failed
  // (kUnauthenticated and kPermissionDenied where it was refused). No message holds a secret.
  virtual StatusOr<Credentials> Get(const WaitOptions& options) = 0;

  // A service has refused `credentials` as expired or unknown: the next Get() fetches new ones if
  // these are still what it would return.
  virtual void Reject(const Credentials& credentials) = 0;
};

// Always the same ones. Reject() does nothing.
std::unique_ptr<CredentialsProvider> MakeStaticCredentials(Credentials credentials);

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_CREDENTIALS_H_
