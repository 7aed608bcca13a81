// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/reflector.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "pkg/base/log.h"
#include "pkg/client/reasons.h"

namespace salve::engine {
namespace {

// A watch that ends sooner than this is a failure, whatever the server calls it.
constexpr Duration kShortWatch = std::chrono::seconds(1);
// More pages than any real list has: a server that never ends its list is broken.
constexpr int kMaxPages = 100'000;

std::string NameOf(const ResourceInfo& resource) {
  return resource.group.empty() ? resource.plural : resource.plural + "." + resource.group;
}

std::string BookmarkVersion(const Json& object) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return "";
  const auto version = metadata->find("resourceVersion");
  return version != metadata->end() && version->is_string() ? version->get<std::string>() : "";
}

void StripManagedFields(Json& object) {
  const auto metadata = object.find("metadata");
  if (metadata != object.end() && metadata->is_object()) metadata->erase("managedFields");
}

}  // namespace

Reflector::Reflector(ReflectorOptions options, client::Reader& reader, client::Watcher& watcher,
                     Store& store, Decoder decoder, Clock& clock, Random& random,
                     EngineMetrics& metrics)
    : options_(std::move(options)),
      reader_(reader),
      watcher_(watcher),
      store_(store),
      decoder_(std::move(decoder)),
      clock_(clock),
      random_(random),
      metrics_(metrics),
      name_(NameOf(options_.resource)),
      backoff_(options_.backoff) {}

Reflector::~Reflector() { CloseStream(); }

std::string Reflector::last_error() const {
  MutexLock lock(mu_);
  return last_error_;
}

void Reflector::Stop() {
  std::shared_ptr<client::WatchStream> stream;
  {
    MutexLock lock(mu_);
    stopped_ = true;
    stream = stream_;
  }
  if (stream != nullptr) stream->Close();
}

void Reflector::CloseStream() {
  std::shared_ptr<client::WatchStream> stream;
  {
    MutexLock lock(mu_);
    stream.swap(stream_);
  }
  if (stream != nullptr) stream->Close();
}

void Reflector::Note(const Status& status) {
  MutexLock lock(mu_);
  last_error_ = status.ok() ? "" : status.ToString();
}

MonoTime Reflector::Step(MonoTime read_until) {
  {
    MutexLock lock(mu_);
    if (stopped_) state_ = State::kStopped;
  }
  if (Now() < not_before_) return not_before_;
  switch (state_) {
    case State::kList:
      return List();
    case State::kWatch:
      return OpenWatch();
    case State::kStream:
      return ReadStream(read_until);
    case State::kStopped:
      CloseStream();
      break;
  }
  return MonoTime::max();
}

MonoTime Reflector::Wait(Duration at_least) {
  if (healthy_since_ != MonoTime::max() && Now() - healthy_since_ >= options_.healthy_after) {
    backoff_.Reset();
  }
  healthy_since_ = MonoTime::max();
  not_before_ = Now() + std::max(backoff_.Next(random_), at_least);
  return not_before_;
}

MonoTime Reflector::Fail(const Status& status) {
  Note(status);
  metrics_.ReflectorError(name_, std::string(CodeName(status.code())));
  const MonoTime next = Wait(status.retry_after().value_or(std::chrono::milliseconds(0)));
  Log(Severity::kWarning, "cache cannot follow the server, trying again",
      {{"kind", name_},
       {"error", status.ToString()},
       {"wait_ms", std::chrono::duration_cast<std::chrono::milliseconds>(next - Now()).count()}});
  return next;
}

void Reflector::RelistFrom(std::string version) {
  CloseStream();
  list_version_ = std::move(version);
  state_ = State::kList;
  internal_errors_since_.reset();
}

void Reflector::DecodeInto(Json object, std::vector<CachedPtr>* items,
                           std::set<NamespacedName>* opaque) {
  std::string why;
  try {
    if (options_.transform != nullptr) {
      options_.transform(object);
    } else {
      StripManagedFields(object);
    }
    StatusOr<CachedPtr> entry = decoder_(object);
    if (entry.ok()) {
      items->push_back(std::move(entry).value());
      return;
    }
    why = entry.status().ToString();
  } catch (const std::exception& e) {
    why = std::string("exception: ") + e.what();
  }
  metrics_.ObjectSkipped(name_);
  const StatusOr<ObjectHeader> header = ReadHeader(object);
  if (header.ok()) opaque->insert(header->name);
  Log(Severity::kWarning, "object left out of the cache: it cannot be understood",
      {{"kind", name_},
       {"object", header.ok() ? header->name.ToString() : "(no name)"},
       {"error", why}});
}

StatusOr<std::string> Reflector::FetchAll(std::vector<CachedPtr>* items,
                                          std::set<NamespacedName>* opaque) {
  client::ListOptions options;
  options.ns = options_.ns;
  options.label_selector = options_.label_selector;
  options.field_selector = options_.field_selector;
  if (!list_version_.empty()) options.resource_version = list_version_;
  // With a limit, a server takes any other version for an exact one instead of a minimum, and reads
  // it from disk instead of its cache.
  const bool any_version = list_version_.empty() || list_version_ == "0";
  options.limit = paged_ && any_version ? options_.page_size : 0;
  std::string version;
  for (int page = 0; page < kMaxPages; ++page) {
    StatusOr<client::ObjectList> list = reader_.List(options_.resource, options);
    if (!list.ok()) {
      // The token of a later page has expired: only a list in one piece is sure to end (checklist
      // 2c).
      if (page > 0 && list.code() == Code::kExpired) paged_ = false;
      return list.status();
    }
    // All pages show the state of the first one; should they not, its version is the safe one.
    if (page == 0) version = list->resource_version;
    for (Json& object : list->items) DecodeInto(std::move(object), items, opaque);
    if (list->continue_token.empty()) return version;
    if (list->continue_token == options.continue_token) break;
    options.continue_token = list->continue_token;
    options.resource_version.reset();
  }
  return InternalError("listing " + name_ + ": the server's pages do not end");
}

MonoTime Reflector::List() {
  std::vector<CachedPtr> items;
  std::set<NamespacedName> opaque;
  const bool was_paged = paged_;
  const StatusOr<std::string> version = FetchAll(&items, &opaque);
  if (!version.ok()) {
    const Status status = version.status();
    const bool forgotten = status.code() == Code::kExpired || client::IsVersionTooLarge(status);
    // At once and once only from the newest state: then a failure is one like any other.
    if (forgotten && (!list_version_.empty() || was_paged != paged_)) {
      metrics_.ReflectorError(name_, std::string(CodeName(status.code())));
      list_version_.clear();
      return Now();
    }
    return Fail(status.Annotate("listing " + name_));
  }
  if (version->empty()) return Fail(InternalError("listing " + name_ + ": no resourceVersion"));
  const bool went_back = Older(*version, store_.version());
  if (went_back && !list_version_.empty()) {
    // A replica that lags behind in spite of what was asked for. The newest state is the way out.
    metrics_.ReflectorError(name_, "Stale");
    list_version_.clear();
    return Now();
  }
  if (went_back) {
    Log(Severity::kWarning, "the server's history went back (restored from a backup?)",
        {{"kind", name_}, {"known", store_.version()}, {"server", *version}});
  }
  metrics_.ReflectorList(name_, items.size());
  store_.Replace(std::move(items), opaque, *version, went_back);
  metrics_.ReflectorVersion(name_, *version);
  Note(Status::Ok());
  version_ = *version;
  list_version_ = *version;
  paged_ = true;
  if (healthy_since_ == MonoTime::max()) healthy_since_ = Now();
  state_ = State::kWatch;
  return Now();
}

MonoTime Reflector::OpenWatch() {
  client::WatchOptions options;
  options.ns = options_.ns;
  options.label_selector = options_.label_selector;
  options.field_selector = options_.field_selector;
  options.resource_version = version_;
  const double share = 1.0 + random_.Fraction();
  const auto timeout = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::duration<double>(options_.watch_min) * share);
  options.timeout_seconds = std::max(1, static_cast<int>(timeout.count()));

  StatusOr<std::unique_ptr<client::WatchStream>> opened =
      watcher_.Watch(options_.resource, options);
  if (!opened.ok()) {
    const Status status = opened.status().Annotate("watching " + name_);
    stream_opened_ = Now();
    return EndStream(status);
  }
  metrics_.ReflectorWatch(name_);
  Note(Status::Ok());
  stream_events_ = 0;
  stream_opened_ = Now();
  stream_dead_at_ =
      stream_opened_ + std::chrono::seconds(options.timeout_seconds) + options_.watch_margin;
  std::shared_ptr<client::WatchStream> stream = std::move(opened).value();
  bool stopped = false;
  {
    MutexLock lock(mu_);
    stream_ = stream;
    stopped = stopped_;
  }
  if (stopped) stream->Close();
  if (healthy_since_ == MonoTime::max()) healthy_since_ = Now();
  state_ = State::kStream;
  return Now();
}

MonoTime Reflector::ReadStream(MonoTime read_until) {
  std::shared_ptr<client::WatchStream> stream;
  {
    MutexLock lock(mu_);
    stream = stream_;
  }
  StatusOr<std::optional<client::WatchEvent>> next =
      stream->Next(std::min(read_until, stream_dead_at_));
  if (next.ok() && next->has_value()) {
    HandleEvent(std::move(**next));
    return Now();
  }
  if (next.ok()) return EndStream(Status::Ok());
  if (next.code() == Code::kDeadlineExceeded && !client::IsVersionTooLarge(next.status())) {
    if (Now() < stream_dead_at_) return stream_dead_at_;  // Nothing yet.
    return EndStream(
        AbortedError("watching " + name_ + ": open beyond its time-out, taken for dead"));
  }
  return EndStream(next.status().Annotate("watching " + name_));
}

void Reflector::HandleEvent(client::WatchEvent event) {
  ++stream_events_;
  internal_errors_since_.reset();
  Note(Status::Ok());
  if (event.type == client::WatchEvent::Type::kBookmark) {
    const std::string version = BookmarkVersion(event.object);
    if (version.empty()) return;
    store_.Advance(version);
  } else if (event.type == client::WatchEvent::Type::kDeleted) {
    const StatusOr<ObjectHeader> header = ReadHeader(event.object);
    if (!header.ok()) {
      metrics_.ObjectSkipped(name_);
      Log(Severity::kWarning, "deletion of an object without identity ignored",
          {{"kind", name_}, {"error", header.status().ToString()}});
      return;
    }
    (void)store_.Delete(*header);
  } else {
    std::vector<CachedPtr> items;
    std::set<NamespacedName> opaque;
    DecodeInto(std::move(event.object), &items, &opaque);
    for (CachedPtr& item : items) (void)store_.Upsert(std::move(item));
  }
  version_ = store_.version();
  list_version_ = version_;
  metrics_.ReflectorVersion(name_, version_);
}

MonoTime Reflector::EndStream(const Status& status) {
  CloseStream();
  const bool opened = state_ == State::kStream;
  const bool short_lived = Now() - stream_opened_ < kShortWatch;
  state_ = State::kWatch;
  if (status.code() == Code::kCancelled) return Wait(Duration::zero());
  if (status.code() == Code::kExpired || client::IsVersionTooLarge(status)) {
    metrics_.ReflectorError(name_, std::string(CodeName(status.code())));
    RelistFrom("");
    // A list whose watch is refused right away, again and again, must not become a hot loop.
    ++expired_in_a_row_;
    return expired_in_a_row_ > 1 && short_lived ? Wait(Duration::zero()) : Now();
  }
  if (stream_events_ > 0 || !short_lived) expired_in_a_row_ = 0;
  switch (status.code()) {
    case Code::kOk:
    case Code::kAborted:
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
    case Code::kTooManyRequests:
      break;  // The version is as good as before: watch again from there, no list.
    case Code::kInternal: {
      if (status.reason() == client::kReasonMalformedEvent) {
        RelistFrom(list_version_);
        break;
      }
      if (!internal_errors_since_) internal_errors_since_ = Now();
      if (Now() - *internal_errors_since_ >= options_.internal_error_window) {
        RelistFrom(list_version_);
      }
      break;
    }
    default:
      RelistFrom(list_version_);
  }
  if (!status.ok() && (short_lived || !opened || status.code() != Code::kAborted)) {
    return Fail(status);
  }
  return short_lived ? Wait(Duration::zero()) : Now();
}

}  // namespace salve::engine
