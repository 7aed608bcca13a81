// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/event_recorder.h"

#include <algorithm>
#include <utility>

#include "pkg/base/log.h"
#include "pkg/base/time_format.h"

namespace salve::engine {
namespace {

using client::Json;

constexpr std::size_t kMaxMessageBytes = 1024;
constexpr std::size_t kMaxNameBytes = 230;  // leaves room for the suffix within 253

const client::ResourceInfo& Events() {
  static const client::ResourceInfo* info =
      new client::ResourceInfo{"", "v1", "events", "Event", true};
  return *info;
}

// At most `limit` bytes, without half a UTF-8 character at the end.
std::string Cut(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  text.resize(end);
  return text;
}

const char* TypeName(EventType type) { return type == EventType::kNormal ? "Normal" : "Warning"; }

std::string NamespaceOf(const ObjectReference& about) {
  return about.name.ns.empty() ? "default" : about.name.ns;
}

bool WorthRetrying(Code code) {
  return code == Code::kUnavailable || code == Code::kTooManyRequests ||
         code == Code::kDeadlineExceeded || code == Code::kAborted || code == Code::kInternal ||
         code == Code::kConflict;
}

}  // namespace

EventRecorder::EventRecorder(EventRecorderOptions options, client::Client& client, Environment env)
    : options_(std::move(options)), client_(client), env_(env) {}

EventRecorder::~EventRecorder() { Stop(env_.clock.Monotonic()); }

std::size_t EventRecorder::dropped() const {
  MutexLock lock(mu_);
  return dropped_;
}

std::size_t EventRecorder::queued() const {
  MutexLock lock(mu_);
  return queue_.size();
}

void EventRecorder::Event(const ObjectReference& about, EventType type, const std::string& reason,
                          const std::string& message) {
  Pending event;
  event.about = about;
  event.type = type;
  event.reason = reason;
  event.message = Cut(message, kMaxMessageBytes);
  event.key = about.api_version + "\n" + about.kind + "\n" + about.name.ToString() + "\n" +
              about.uid + "\n" + TypeName(type) + "\n" + reason + "\n" + event.message;
  event.first_at = event.last_at = env_.clock.Now();
  event.name = Cut(about.name.name, kMaxNameBytes) + "." + env_.random.Hex(16);

  MutexLock lock(mu_);
  if (const auto it = queued_by_key_.find(event.key); it != queued_by_key_.end()) {
    ++it->second->count;
    it->second->last_at = event.last_at;
    return;
  }
  if (stopping_ || queue_.size() >= options_.queue_limit) {
    ++dropped_;
    env_.metrics.EventDropped();
    return;
  }
  queue_.push_back(std::move(event));
  queued_by_key_[queue_.back().key] = &queue_.back();
  if (!manual_) EnsureThread();
  changed_.NotifyAll();
}

void EventRecorder::EnsureThread() {
  if (thread_alive_) return;
  thread_.Join();  // One that ended for lack of work; it no longer needs the lock.
  const Status status = thread_.Start("events", [this] { Run(); });
  thread_alive_ = status.ok();
  if (!status.ok()) {
    Log(Severity::kWarning, "events wait for a thread to write them",
        {{"error", status.ToString()}});
  }
}

bool EventRecorder::TakeDue(Pending* event, MonoTime* look_again) {
  *look_again = MonoTime::max();
  if (queue_.empty()) return false;
  if (!stopping_ && queue_.front().not_before > env_.clock.Monotonic()) {
    *look_again = queue_.front().not_before;
    return false;
  }
  queued_by_key_.erase(queue_.front().key);
  *event = std::move(queue_.front());
  queue_.pop_front();
  return true;
}

bool EventRecorder::WriteOne() {
  Pending event;
  {
    MutexLock lock(mu_);
    MonoTime look_again;
    if (!TakeDue(&event, &look_again)) return false;
  }
  WriteAndSettle(std::move(event));
  return true;
}

void EventRecorder::Run() {
  Pending event;
  while (WaitForDue(&event)) WriteAndSettle(std::move(event));
}

bool EventRecorder::WaitForDue(Pending* event) {
  MutexLock lock(mu_);
  const MonoTime idle_until = env_.clock.Monotonic() + options_.thread_idle;
  while (true) {
    const MonoTime now = env_.clock.Monotonic();
    if (stopping_ && now >= drain_until_) {
      for (std::size_t i = 0; i < queue_.size(); ++i) env_.metrics.EventDropped();
      dropped_ += queue_.size();
      queued_by_key_.clear();
      queue_.clear();
    }
    MonoTime look_again;
    if (TakeDue(event, &look_again)) return true;
    if (stopping_ || (queue_.empty() && now >= idle_until)) {
      thread_alive_ = false;
      return false;
    }
    (void)env_.clock.WaitUntil(changed_, mu_, queue_.empty() ? idle_until : look_again);
  }
}

void EventRecorder::WriteAndSettle(Pending event) {
  const Status status = Write(event);
  if (status.ok()) {
    env_.metrics.EventWritten();
    return;
  }
  ++event.attempts;
  MutexLock lock(mu_);
  if (!stopping_ && WorthRetrying(status.code()) && event.attempts < options_.attempts) {
    const Duration wait = std::max<Duration>(
        options_.retry_wait, status.retry_after().value_or(std::chrono::milliseconds(0)));
    event.not_before = env_.clock.Monotonic() + wait;
    if (!queued_by_key_.contains(event.key)) {
      queue_.push_front(std::move(event));
      queued_by_key_[queue_.front().key] = &queue_.front();
    } else {
      queued_by_key_[event.key]->count += event.count;
    }
    return;
  }
  ++dropped_;
  env_.metrics.EventDropped();
  Log(Severity::kWarning, "event dropped",
      {{"reason", event.reason},
       {"about", event.about.name.ToString()},
       {"attempts", event.attempts},
       {"error", status.ToString()}});
}

Status EventRecorder::Write(const Pending& event) {
  SALVE_ASSIGN_OR_RETURN(const bool raised, RaiseCount(event));
  if (raised) return Status::Ok();
  Status status = CreateEvent(event);
  // An earlier attempt whose answer was lost had made it: the name is ours alone.
  if (status.code() == Code::kAlreadyExists && event.attempts > 0) status = Status::Ok();
  if (status.ok()) Remember(event);
  return status;
}

StatusOr<bool> EventRecorder::RaiseCount(const Pending& event) {
  const auto it = known_.find(event.key);
  if (it == known_.end()) return false;
  Known& known = it->second;
  const MonoTime now = env_.clock.Monotonic();
  if (now - known.last_used > options_.forget_after) {
    ForgetKnown(event.key);
    return false;
  }
  const Json patch = {{"count", known.count + event.count},
                      {"lastTimestamp", FormatTime(event.last_at)}};
  const StatusOr<Json> stored =
      client_.Patch(Events(), known.name, client::PatchType::kMerge, patch);
  if (stored.code() == Code::kNotFound) {  // Somebody cleaned up.
    ForgetKnown(event.key);
    return false;
  }
  if (!stored.ok()) return stored.status();
  known.count += event.count;
  known.last_used = now;
  ages_.splice(ages_.end(), ages_, known.age);
  return true;
}

Status EventRecorder::CreateEvent(const Pending& event) {
  const std::string first = FormatTime(event.first_at);
  Json object = {{"apiVersion", "v1"},
                 {"kind", "Event"},
                 {"metadata", {{"name", event.name}, {"namespace", NamespaceOf(event.about)}}},
                 {"involvedObject",
                  {{"apiVersion", event.about.api_version},
                   {"kind", event.about.kind},
                   {"name", event.about.name.name}}},
                 {"type", TypeName(event.type)},
                 {"reason", event.reason},
                 {"message", event.message},
                 {"source", {{"component", options_.component}}},
                 {"reportingComponent", options_.component},
                 {"reportingInstance", options_.instance},
                 {"firstTimestamp", first},
                 {"lastTimestamp", FormatTime(event.last_at)},
                 {"count", event.count}};
  Json& involved = object["involvedObject"];
  if (!event.about.name.ns.empty()) involved["namespace"] = event.about.name.ns;
  if (!event.about.uid.empty()) involved["uid"] = event.about.uid;
  if (!event.about.resource_version.empty()) {
    involved["resourceVersion"] = event.about.resource_version;
  }
  if (!options_.instance.empty()) object["source"]["host"] = options_.instance;
  return client_.Create(Events(), object).status();
}

void EventRecorder::Remember(const Pending& event) {
  ForgetKnown(event.key);
  if (known_.size() >= options_.memory_limit && !ages_.empty()) {
    const std::string oldest = ages_.front();
    ForgetKnown(oldest);
  }
  ages_.push_back(event.key);
  known_[event.key] = Known{{NamespaceOf(event.about), event.name},
                            event.count,
                            env_.clock.Monotonic(),
                            std::prev(ages_.end())};
}

void EventRecorder::ForgetKnown(const std::string& key) {
  const auto it = known_.find(key);
  if (it == known_.end()) return;
  ages_.erase(it->second.age);
  known_.erase(it);
}

void EventRecorder::Stop(MonoTime drain_until) {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    drain_until_ = drain_until;
    changed_.NotifyAll();
  }
  thread_.Join();
}

}  // namespace salve::engine
