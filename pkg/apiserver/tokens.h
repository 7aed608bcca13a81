// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_TOKENS_H_
#define SALVE_PKG_APISERVER_TOKENS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/apiserver/auth.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/random.h"
#include "pkg/base/status.h"

namespace salve::apiserver {

// What a token stands for. Times are RFC 3339; "" means never.
struct TokenRecord {
  std::string id;  // chosen by the store
  Identity identity;
  std::string description;
  std::string created;
  std::string expires;
};

struct NewToken {
  TokenRecord record;
  std::string secret;  // shown once; only its SHA-256 is kept
};

// Bearer tokens and who they are: `tokens.json` in the data directory, mode 0600, replaced as a
// whole. Several processes may use it at once (`salve token` beside a running server): changes are
// made under a file lock, and a running server sees them within a second. Thread-safe.
class TokenStore {
 public:
  static constexpr std::size_t kMaxTokens = 10000;

  // `data_dir` empty: in memory only. A file that cannot be understood is kInvalidArgument. `clock`
  // and `random` must outlive the store; `random` must be fit for secrets.
  static StatusOr<std::unique_ptr<TokenStore>> Open(const std::string& data_dir, Clock& clock,
                                                    Random& random);

  // `record.identity.user` is required; id and created are filled in. kInvalidArgument names what
  // is wrong.
  StatusOr<NewToken> Add(TokenRecord record);
  std::vector<TokenRecord> List();
  // kNotFound names the id.
  Status Revoke(const std::string& id);
  // For identities that live as long as the process: kept in memory, not listed.
  std::string AddEphemeral(Identity identity);

  // Who a token is; nullopt for an unknown or expired one.
  std::optional<Identity> Authenticate(std::string_view secret);

 private:
  struct Entry {
    TokenRecord record;
    std::string sha256;
    bool ephemeral = false;
  };

  TokenStore(std::string path, Clock& clock, Random& random)
      : path_(std::move(path)), clock_(clock), random_(random) {}

  static StatusOr<std::vector<Entry>> Parse(const std::string& text);
  static std::string Format(const std::vector<Entry>& entries);
  Status Load() SALVE_REQUIRES(mu_);
  Status Save() SALVE_REQUIRES(mu_);
  void ReloadIfChanged() SALVE_REQUIRES(mu_);

  const std::string path_;  // "" in memory
  Clock& clock_;
  Random& random_;
  Mutex mu_;
  std::vector<Entry> entries_ SALVE_GUARDED_BY(mu_);
  std::uint64_t stamp_ SALVE_GUARDED_BY(mu_) = 0;
  MonoTime next_check_ SALVE_GUARDED_BY(mu_){};
};

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_TOKENS_H_
