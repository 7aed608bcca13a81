// SPDX-License-Identifier: Apache-2.0
#include "pkg/client/testing/fake_watch.h"

namespace salve::client::testing {

FakeClient::Stream::Stream(FakeClient& server, ResourceInfo resource, WatchOptions options,
                           Selector selector, std::int64_t from, MonoTime opened)
    : server_(server),
      resource_(std::move(resource)),
      options_(std::move(options)),
      selector_(std::move(selector)),
      ends_at_(options_.timeout_seconds > 0
                   ? opened + std::chrono::seconds(options_.timeout_seconds)
                   : MonoTime::max()),
      position_(from) {}

FakeClient::Stream::~Stream() {
  MutexLock lock(server_.mu_);
  server_.streams_.erase(this);
}

void FakeClient::Stream::Close() {
  MutexLock lock(server_.mu_);
  closed_ = true;
  server_.streams_.erase(this);
  server_.changed_.NotifyAll();
}

bool FakeClient::Stream::Selected(const NamespacedName& name, const Json& object) const {
  return !object.is_null() && (options_.ns.empty() || name.ns == options_.ns) &&
         selector_.Matches(object);
}

void FakeClient::Stream::AddInitial(const NamespacedName& name, const Json& object) {
  if (Selected(name, object)) initial_.push_back({WatchEvent::Type::kAdded, object});
}

std::optional<WatchEvent> FakeClient::Stream::EventOf(const Change& change) const {
  const bool was = Selected(change.name, change.before);
  const bool is = Selected(change.name, change.after);
  if (!was && !is) return std::nullopt;
  if (is) {
    return WatchEvent{was ? WatchEvent::Type::kModified : WatchEvent::Type::kAdded, change.after};
  }
  // Gone, or gone from the selection: the last state that was selected, with the version of its
  // end.
  WatchEvent event{WatchEvent::Type::kDeleted, change.before};
  event.object["metadata"]["resourceVersion"] = std::to_string(change.version);
  return event;
}

StatusOr<std::optional<WatchEvent>> FakeClient::Stream::Ready() {
  if (!initial_.empty()) {
    std::optional<WatchEvent> event(std::move(initial_.front()));
    initial_.pop_front();
    return event;
  }
  if (position_ < server_.compacted_) {
    return ExpiredError("watching " + resource_.plural +
                        ": 410: too old resource version: " + std::to_string(position_))
        .WithReason("Expired");
  }
  const std::int64_t visible = server_.replica_.value_or(server_.version_);
  auto it = std::upper_bound(
      server_.history_.begin(), server_.history_.end(), position_,
      [](std::int64_t version, const Change& change) { return version < change.version; });
  for (; it != server_.history_.end() && it->version <= visible; ++it) {
    position_ = it->version;
    if (it->kind != KeyOf(resource_)) continue;
    if (std::optional<WatchEvent> event = EventOf(*it)) return event;
  }
  if (bookmark_) {
    bookmark_ = false;
    Json object = {{"apiVersion", resource_.ApiVersion()},
                   {"kind", resource_.kind},
                   {"metadata", {{"resourceVersion", std::to_string(position_)}}}};
    return std::optional<WatchEvent>(WatchEvent{WatchEvent::Type::kBookmark, std::move(object)});
  }
  return std::optional<WatchEvent>();
}

StatusOr<std::optional<WatchEvent>> FakeClient::Stream::Next(MonoTime deadline) {
  MutexLock lock(server_.mu_);
  while (true) {
    if (closed_) return CancelledError("watching " + resource_.plural + ": closed");
    if (ended_) {
      if (!ended_->ok()) return *ended_;
      return std::optional<WatchEvent>();
    }
    StatusOr<std::optional<WatchEvent>> event = Ready();
    if (!event.ok() || event->has_value()) return event;
    const MonoTime now = server_.clock_.Monotonic();
    if (now >= ends_at_) return std::optional<WatchEvent>();
    if (now >= deadline) {
      return DeadlineExceededError("watching " + resource_.plural + ": no event yet");
    }
    (void)server_.clock_.WaitUntil(server_.changed_, server_.mu_, std::min(deadline, ends_at_));
  }
}

}  // namespace salve::client::testing
