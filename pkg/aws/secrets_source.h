// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_SECRETS_SOURCE_H_
#define SALVE_PKG_AWS_SECRETS_SOURCE_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "pkg/aws/credentials.h"
#include "pkg/aws/json_client.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/status.h"

namespace salve::aws {

struct SecretsOptions {
  // How long a value is used before it is read again: what a rotation takes to be noticed.
  Duration ttl = std::chrono::minutes(5);
  // How long the last value is used while it cannot be read again for a passing reason.
  Duration max_stale = std::chrono::hours(1);
  // After a fetch the next one of that name comes at least so much later: neither an outage nor a
  // secret that is missing or wrong costs a call at every use.
  Duration between_tries = std::chrono::seconds(10);
  std::size_t max_entries = 256;  // the one unused for longest goes first
};

// Reads SSM parameters (decrypted) and Secrets Manager values, and remembers them. Thread-safe;
// one fetch per name at a time.
//
// Errors name the reference, never a value: kNotFound, kPermissionDenied (with the missing right)
// and kInvalidArgument (a binary secret, no JSON, no such member) at once, even where an old value
// is known; kUnavailable (no credentials, no answer), kTooManyRequests and the like only where none
// is known that is young enough. An error too is remembered, for a moment. Values are registered
// for redaction.
class SecretsSource {
 public:
  // The clients are for kSsm and kSecretsManager and must outlive it.
  SecretsSource(JsonClient& ssm, JsonClient& secrets_manager, SecretsOptions options, Clock& clock);

  // `name`: "/salve/redis/password", with ":3" or ":label" for a version, or an ARN.
  StatusOr<std::string> Parameter(const std::string& name, const WaitOptions& wait);
  // `id`: a name or an ARN. With `json_key` the member of that name of a secret that is a JSON
  // object, a text or a number; "" = the whole secret.
  StatusOr<std::string> Secret(const std::string& id, const std::string& json_key,
                               const WaitOptions& wait);

  // Somebody has refused what was read of that name: the next use reads it anew, unless that was
  // done a moment ago. Returns at once.
  void DoubtParameter(const std::string& name) { Doubt("p:" + name); }
  void DoubtSecret(const std::string& id) { Doubt("s:" + id); }

 private:
  struct Entry {
    std::string value;
    bool known = false;
    bool fetching = false;
    MonoTime fetched_at{};
    MonoTime next_try = MonoTime::min();  // the last fetch failed: nothing new until then
    Status problem;                       // why it failed, where no value is known
    bool doubted = false;
    MonoTime used_at{};
  };

  void Doubt(const std::string& key);
  template <typename Fetch>
  StatusOr<std::string> Cached(const std::string& key, const WaitOptions& wait, Fetch fetch);
  StatusOr<std::string> Settle(const std::string& key, StatusOr<std::string> fetched)
      SALVE_REQUIRES(mu_);
  void MakeRoom() SALVE_REQUIRES(mu_);

  JsonClient& ssm_;
  JsonClient& secrets_manager_;
  const SecretsOptions options_;
  Clock& clock_;
  Mutex mu_;
  CondVar fetched_;
  std::map<std::string, Entry> entries_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_SECRETS_SOURCE_H_
