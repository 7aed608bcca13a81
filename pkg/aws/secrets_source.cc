// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/secrets_source.h"

#include <algorithm>
#include <utility>

#include "pkg/aws/text.h"
#include "pkg/base/json_access.h"
#include "pkg/base/redact.h"

namespace salve::aws {
namespace {

constexpr Operation kGetParameter{"GetParameter", Repeat::kSafe, true};
constexpr Operation kGetSecretValue{"GetSecretValue", Repeat::kSafe, true};
constexpr std::size_t kMaxName = 2048;

// One call, whose errors say what is missing where.
StatusOr<Json> Ask(JsonClient& client, const Operation& operation, const Json& body,
                   const std::string& resource, const WaitOptions& wait) {
  Failure failure;
  CallOptions call;
  call.deadline = wait.deadline;
  call.stop = wait.stop;
  call.failure = &failure;
  StatusOr<Json> answer = client.Call(operation, body, call);
  if (answer.ok()) return answer;
  if (failure.http_status == 0) return WithoutAnswer(answer.status());
  // The key that encrypts a value has rights of its own, and each service words that its own way.
  // What to do comes first: the service's words may be cut.
  const std::string text = " (" + answer.status().message() + ")";
  if (text.find("kms:Decrypt") != std::string::npos || failure.code == "DecryptionFailure" ||
      failure.code == "InvalidKeyId") {
    return PermissionDeniedError("grant kms:Decrypt on the key that encrypts it" + text);
  }
  if (answer.code() != Code::kPermissionDenied) return answer;
  return PermissionDeniedError("grant " + std::string(client.service().name) + ":" +
                               std::string(operation.name) + " on " + resource + text);
}

// Where IAM grants it, as a policy would say it.
std::string Resource(const JsonClient& client, const std::string& kind, const std::string& name) {
  if (name.starts_with("arn:")) return name;
  return "arn:aws:" + std::string(client.service().name) + ":" + client.region() +
         ":ACCOUNT:" + kind + Quotable(name, 200);
}

// Faults that pass; every other error says something about the secret itself.
bool IsPassing(Code code) {
  return code == Code::kUnavailable || code == Code::kTooManyRequests ||
         code == Code::kDeadlineExceeded || code == Code::kAborted || code == Code::kInternal ||
         code == Code::kUnauthenticated;
}

std::string SecretName(const std::string& id) {
  return "Secrets Manager secret \"" + Quotable(id, 200) + "\"";
}

// The member `key` of a secret that is a JSON object.
StatusOr<std::string> Member(const std::string& what, const std::string& text,
                             const std::string& key) {
  const Json object = Json::parse(text, nullptr, false);
  const std::string name = "\"" + Quotable(key, 80) + "\"";
  if (!object.is_object()) {
    return InvalidArgumentError(what + " is no JSON object, so it has no " + name);
  }
  const auto at = object.find(key);
  if (at == object.end()) return InvalidArgumentError(what + " has no member " + name);
  if (at->is_string()) return at->get<std::string>();
  if (at->is_number()) return at->dump();
  return InvalidArgumentError("member " + name + " of " + what + " is neither a text nor a number");
}

}  // namespace

SecretsSource::SecretsSource(JsonClient& ssm, JsonClient& secrets_manager, SecretsOptions options,
                             Clock& clock)
    : ssm_(ssm), secrets_manager_(secrets_manager), options_(options), clock_(clock) {}

StatusOr<std::string> SecretsSource::Parameter(const std::string& name, const WaitOptions& wait) {
  const std::string what = "SSM parameter \"" + Quotable(name, 200) + "\"";
  if (name.empty() || name.size() > kMaxName) {
    return InvalidArgumentError(what + " has no usable name: 1 to 2048 bytes are needed");
  }
  return Cached("p:" + name, wait, [&]() -> StatusOr<std::string> {
    const StatusOr<Json> answer =
        Ask(ssm_, kGetParameter, Json{{"Name", name}, {"WithDecryption", true}},
            Resource(ssm_, name.starts_with("/") ? "parameter" : "parameter/",
                     name.starts_with("arn:") ? name : name.substr(0, name.find(':'))),
            wait);
    if (!answer.ok()) return answer.status().Annotate(what + " cannot be read");
    const Json* value = Find(*answer, {"Parameter", "Value"});
    if (value == nullptr || !value->is_string()) {
      return InternalError(what + " cannot be read: the answer has no value");
    }
    return value->get<std::string>();
  });
}

StatusOr<std::string> SecretsSource::Secret(const std::string& id, const std::string& json_key,
                                            const WaitOptions& wait) {
  const std::string what = SecretName(id);
  if (id.empty() || id.size() > kMaxName) {
    return InvalidArgumentError(what + " has no usable name: 1 to 2048 bytes are needed");
  }
  const StatusOr<std::string> whole = Cached("s:" + id, wait, [&]() -> StatusOr<std::string> {
    const StatusOr<Json> answer = Ask(secrets_manager_, kGetSecretValue, Json{{"SecretId", id}},
                                      Resource(secrets_manager_, "secret:", id + "-??????"), wait);
    if (!answer.ok()) return answer.status().Annotate(what + " cannot be read");
    const Json* value = Find(*answer, {"SecretString"});
    if (value != nullptr && value->is_string()) return value->get<std::string>();
    if (answer->contains("SecretBinary")) {
      return InvalidArgumentError(what + " is binary; Salve reads texts: store it as a string");
    }
    return InternalError(what + " cannot be read: the answer has no value");
  });
  if (!whole.ok() || json_key.empty()) return whole;
  StatusOr<std::string> member = Member(what, *whole, json_key);
  if (member.ok()) RegisterSecret(*member);
  return member;
}

template <typename Fetch>
StatusOr<std::string> SecretsSource::Cached(const std::string& key, const WaitOptions& wait,
                                            Fetch fetch) {
  const std::stop_callback on_stop(wait.stop, [this] {
    MutexLock lock(mu_);
    fetched_.NotifyAll();
  });
  {
    MutexLock lock(mu_);
    for (;;) {
      const MonoTime now = clock_.Monotonic();
      Entry& entry = entries_[key];
      entry.used_at = now;
      const bool wait_to_try = now < entry.next_try;
      const bool fresh = !entry.doubted && now - entry.fetched_at < options_.ttl;
      if (entry.known && (fresh || wait_to_try)) return entry.value;
      if (wait_to_try) return entry.problem;
      if (!entry.fetching) {
        entry.fetching = true;
        break;
      }
      if (wait.stop.stop_requested()) return CancelledError("reading a secret: stopped");
      if (now >= wait.deadline) {
        return DeadlineExceededError("reading a secret: another reader of it is still waiting");
      }
      (void)clock_.WaitUntil(fetched_, mu_, wait.deadline);
    }
    MakeRoom();
  }
  StatusOr<std::string> fetched = fetch();
  MutexLock lock(mu_);
  fetched_.NotifyAll();
  return Settle(key, std::move(fetched));
}

StatusOr<std::string> SecretsSource::Settle(const std::string& key, StatusOr<std::string> fetched) {
  Entry& entry = entries_[key];
  entry.fetching = false;
  entry.doubted = false;
  const MonoTime now = clock_.Monotonic();
  if (fetched.ok()) {
    if (!entry.known || entry.value != *fetched) RegisterSecret(*fetched);
    entry.value = *fetched;
    entry.known = true;
    entry.fetched_at = now;
    entry.next_try = MonoTime::min();
    return fetched;
  }
  // One caller's haste says nothing about the secret.
  if (fetched.code() != Code::kCancelled) entry.next_try = now + options_.between_tries;
  const bool young = entry.known && now - entry.fetched_at < options_.ttl + options_.max_stale;
  if (young && (IsPassing(fetched.code()) || fetched.code() == Code::kCancelled)) {
    return entry.value;
  }
  entry.known = false;
  entry.value.clear();
  entry.problem = fetched.status();
  return fetched.status();
}

void SecretsSource::Doubt(const std::string& key) {
  MutexLock lock(mu_);
  const auto at = entries_.find(key);
  if (at == entries_.end()) return;
  const bool just_read = clock_.Monotonic() - at->second.fetched_at < options_.between_tries;
  if (!just_read) at->second.doubted = true;
}

void SecretsSource::MakeRoom() {
  while (entries_.size() > options_.max_entries) {
    auto oldest = entries_.end();
    for (auto at = entries_.begin(); at != entries_.end(); ++at) {
      if (at->second.fetching) continue;
      if (oldest == entries_.end() || at->second.used_at < oldest->second.used_at) oldest = at;
    }
    if (oldest == entries_.end()) return;  // All are being fetched: as many as there are threads.
    entries_.erase(oldest);
  }
}

}  // namespace salve::aws
