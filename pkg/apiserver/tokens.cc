// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/tokens.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

#include "pkg/apiserver/store_file.h"
#include "pkg/base/constant_time.h"
#include "pkg/base/hash.h"
#include "pkg/base/log.h"
#include "pkg/base/time_format.h"

namespace salve::apiserver {
namespace {

using Json = nlohmann::json;

constexpr char kFile[] = "tokens.json";
constexpr std::size_t kMaxFileBytes = 16u << 20;
constexpr std::size_t kIdDigits = 10;
constexpr std::size_t kSecretDigits = 48;
constexpr std::string_view kPrefix = "salve_";
constexpr Duration kCheckEvery = std::chrono::seconds(1);

// Keeps other processes from changing the file between our reading and our writing.
class FileLock {
 public:
  explicit FileLock(const std::string& path) {
    if (path.empty()) return;
    fd_ = ::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0 || ::flock(fd_, LOCK_EX) != 0) {
      status_ = PermissionDeniedError("locking " + path + ": " + std::strerror(errno));
    }
  }
  ~FileLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  const Status& status() const { return status_; }

 private:
  int fd_ = -1;
  Status status_;
};

std::string Text(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::vector<std::string> Texts(const Json& object, const char* key) {
  std::vector<std::string> out;
  const auto it = object.find(key);
  if (it == object.end() || !it->is_array()) return out;
  for (const Json& item : *it) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

Status CheckRecord(const TokenRecord& record) {
  const auto bad = [](const std::string& text) {
    return text.empty() || text.size() > 253 ||
           std::any_of(text.begin(), text.end(),
                       [](unsigned char c) { return c <= ' ' || c == 0x7f; });
  };
  if (bad(record.identity.user)) {
    return InvalidArgumentError("user: 1 to 253 characters without spaces are needed");
  }
  if (record.identity.user == kControllerUser) {
    return InvalidArgumentError("user: " + record.identity.user +
                                " is the controller's own identity and gets no other token; "
                                "for another controller take any name and the group " +
                                kControllersGroup);
  }
  for (const auto* list :
       {&record.identity.groups, &record.identity.namespaces, &record.identity.policies}) {
    if (list->size() > 100 || std::any_of(list->begin(), list->end(), bad)) {
      return InvalidArgumentError(
          "groups, namespaces, policies: at most 100 words of 1 to 253 characters each");
    }
  }
  if (record.description.size() > 1024) {
    return InvalidArgumentError("description: at most 1024 bytes");
  }
  if (!record.expires.empty() && !ParseTime(record.expires)) {
    return InvalidArgumentError("expires: \"" + record.expires +
                                "\" is not an RFC 3339 time such as 2027-01-01T00:00:00Z");
  }
  return Status::Ok();
}

}  // namespace

StatusOr<std::unique_ptr<TokenStore>> TokenStore::Open(const std::string& data_dir, Clock& clock,
                                                       Random& random) {
  std::string path;
  if (!data_dir.empty()) {
    SALVE_RETURN_IF_ERROR(MakeDirectory(data_dir));
    path = data_dir + "/" + kFile;
  }
  std::unique_ptr<TokenStore> store(new TokenStore(std::move(path), clock, random));
  MutexLock lock(store->mu_);
  SALVE_RETURN_IF_ERROR(store->Load());
  return store;
}

StatusOr<NewToken> TokenStore::Add(TokenRecord record) {
  SALVE_RETURN_IF_ERROR(CheckRecord(record));
  NewToken token;
  record.id = random_.Hex(kIdDigits);
  record.created = FormatTime(clock_.Now());
  token.record = record;
  token.secret = std::string(kPrefix) + record.id + "_" + random_.Hex(kSecretDigits);

  MutexLock lock(mu_);
  FileLock file(path_);
  SALVE_RETURN_IF_ERROR(file.status());
  SALVE_RETURN_IF_ERROR(Load());
  if (entries_.size() >= kMaxTokens) {
    return TooManyRequestsError("there are " + std::to_string(kMaxTokens) +
                                " tokens: revoke some first");
  }
  entries_.push_back({std::move(record), Sha256Hex(token.secret), false});
  SALVE_RETURN_IF_ERROR(Save());
  return token;
}

std::vector<TokenRecord> TokenStore::List() {
  MutexLock lock(mu_);
  ReloadIfChanged();
  std::vector<TokenRecord> records;
  for (const Entry& entry : entries_) {
    if (!entry.ephemeral) records.push_back(entry.record);
  }
  return records;
}

Status TokenStore::Revoke(const std::string& id) {
  MutexLock lock(mu_);
  FileLock file(path_);
  SALVE_RETURN_IF_ERROR(file.status());
  SALVE_RETURN_IF_ERROR(Load());
  const auto it = std::find_if(entries_.begin(), entries_.end(), [&id](const Entry& entry) {
    return !entry.ephemeral && entry.record.id == id;
  });
  if (it == entries_.end()) return NotFoundError("there is no token \"" + id + "\"");
  entries_.erase(it);
  return Save();
}

std::string TokenStore::AddEphemeral(Identity identity) {
  Entry entry;
  entry.ephemeral = true;
  entry.record.id = random_.Hex(kIdDigits);
  entry.record.identity = std::move(identity);
  std::string secret = std::string(kPrefix) + entry.record.id + "_" + random_.Hex(kSecretDigits);
  entry.sha256 = Sha256Hex(secret);
  MutexLock lock(mu_);
  entries_.push_back(std::move(entry));
  return secret;
}

std::optional<Identity> TokenStore::Authenticate(std::string_view secret) {
  // "salve_<id>_<digits>": the id finds the entry, the hash of the whole decides.
  if (secret.size() != kPrefix.size() + kIdDigits + 1 + kSecretDigits) return std::nullopt;
  if (secret.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  const std::string_view id = secret.substr(kPrefix.size(), kIdDigits);
  const std::string hash = Sha256Hex(secret);

  MutexLock lock(mu_);
  ReloadIfChanged();
  for (const Entry& entry : entries_) {
    if (entry.record.id != id) continue;
    if (!EqualInConstantTime(entry.sha256, hash)) return std::nullopt;
    if (!entry.record.expires.empty()) {
      const auto expires = ParseTime(entry.record.expires);
      if (!expires || clock_.Now() >= *expires) return std::nullopt;
    }
    return entry.record.identity;
  }
  return std::nullopt;
}

StatusOr<std::vector<TokenStore::Entry>> TokenStore::Parse(const std::string& text) {
  const Json document = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto tokens = document.is_object() ? document.find("tokens") : document.end();
  if (!document.is_object() || tokens == document.end() || !tokens->is_array()) {
    return InvalidArgumentError("is not a table of tokens");
  }
  std::vector<Entry> entries;
  for (const Json& item : *tokens) {
    if (!item.is_object()) return InvalidArgumentError("holds a token that is not an object");
    Entry entry;
    entry.record.id = Text(item, "id");
    entry.record.identity.user = Text(item, "user");
    entry.record.identity.groups = Texts(item, "groups");
    entry.record.identity.namespaces = Texts(item, "namespaces");
    entry.record.identity.policies = Texts(item, "policies");
    entry.record.description = Text(item, "description");
    entry.record.created = Text(item, "created");
    entry.record.expires = Text(item, "expires");
    entry.sha256 = Text(item, "sha256");
    SALVE_RETURN_IF_ERROR(CheckRecord(entry.record));
    if (entry.record.id.size() != kIdDigits || entry.sha256.size() != 64) {
      return InvalidArgumentError("holds a token without a valid id or hash");
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string TokenStore::Format(const std::vector<Entry>& entries) {
  Json tokens = Json::array();
  for (const Entry& entry : entries) {
    if (entry.ephemeral) continue;
    const TokenRecord& record = entry.record;
    tokens.push_back({{"id", record.id},
                      {"user", record.identity.user},
                      {"groups", record.identity.groups},
                      {"namespaces", record.identity.namespaces},
                      {"policies", record.identity.policies},
                      {"description", record.description},
                      {"created", record.created},
                      {"expires", record.expires},
                      {"sha256", entry.sha256}});
  }
  const Json document = {{"version", 1}, {"tokens", std::move(tokens)}};
  return document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Status TokenStore::Load() {
  if (path_.empty()) return Status::Ok();
  const std::uint64_t stamp = FileStamp(path_);
  std::vector<Entry> loaded;
  if (stamp != 0) {
    SALVE_ASSIGN_OR_RETURN(const std::string text, ReadFile(path_, kMaxFileBytes));
    auto parsed = Parse(text);
    if (!parsed.ok()) return parsed.status().Annotate("the token file " + path_);
    loaded = std::move(parsed).value();
  }
  for (Entry& entry : entries_) {
    if (entry.ephemeral) loaded.push_back(std::move(entry));
  }
  entries_ = std::move(loaded);
  stamp_ = stamp;
  return Status::Ok();
}

Status TokenStore::Save() {
  if (path_.empty()) return Status::Ok();
  SALVE_RETURN_IF_ERROR(ReplaceFile(path_, Format(entries_)));
  stamp_ = FileStamp(path_);
  return Status::Ok();
}

void TokenStore::ReloadIfChanged() {
  if (path_.empty() || clock_.Monotonic() < next_check_) return;
  next_check_ = clock_.Monotonic() + kCheckEvery;
  if (FileStamp(path_) == stamp_) return;
  // A broken file must not lock everybody out: the last good one stays in force.
  if (const Status status = Load(); !status.ok()) {
    Log(Severity::kError, "the changed token file was refused, the old tokens stay",
        {{"error", status.message()}});
    stamp_ = FileStamp(path_);
  }
}

}  // namespace salve::apiserver
