// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/watch.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

namespace salve::apiserver {
namespace {

http::Response ErrorResponse(const ApiError& error) {
  http::Response response;
  response.status = error.code();
  response.headers.Set("Content-Type", "application/json");
  if (error.retry_after_seconds() > 0) {
    response.headers.Set("Retry-After", std::to_string(error.retry_after_seconds()));
  }
  response.body = error.body().dump(-1, ' ', false, Json::error_handler_t::replace);
  return response;
}

}  // namespace

// One stream. Events reach it through Deliver, in order; while it starts they wait in `pending_`.
class WatchHub::Watcher {
 public:
  Watcher(std::uint64_t number, WatchView watched, Store& store, Clock& clock,
          const WatchLimits& limits)
      : id(number),
        resource(ResourceKey(watched.resource->info)),
        view(std::move(watched)),
        store_(store),
        clock_(clock),
        limits_(limits) {}

  const std::uint64_t id;
  const std::string resource;
  const WatchView view;
  // The reader has left. Set from any thread, also from within a Write of this watcher's own.
  std::atomic<bool> gone{false};
  bool bookmarks = false;
  MonoTime ends = MonoTime::max();

  void Deliver(OutgoingEvent& event) {
    MutexLock lock(mu_);
    if (closed_ || gone || event.event().revision <= position_) return;
    if (!starting_) {
      Send(event);
      return;
    }
    if (pending_.size() >= limits_.max_pending_events) {
      closed_ = true;
      if (sink_) sink_->Close();
      return;
    }
    pending_.push_back(event.event());
  }

  // Sends what came meanwhile, then goes live. `position`: included in what the sink has got.
  void GoLive(std::shared_ptr<http::StreamSink> sink, std::int64_t position, bool table_sent) {
    {
      MutexLock lock(mu_);
      sink_ = std::move(sink);
      position_ = position;
      first_ = !table_sent;
      if (closed_) sink_->Close();
    }
    for (;;) {
      std::vector<StoreEvent> events;
      MutexLock lock(mu_);
      if (closed_ || pending_.empty()) {
        starting_ = false;
        return;
      }
      events.swap(pending_);
      for (const StoreEvent& event : events) {
        if (event.revision <= position_) continue;
        OutgoingEvent outgoing(event, store_);
        Send(outgoing);
      }
    }
  }

  void Bookmark(std::int64_t revision) {
    MutexLock lock(mu_);
    if (closed_ || gone || starting_ || revision <= bookmarked_ || revision < position_) return;
    bookmarked_ = revision;
    if (!sink_->Write(BookmarkLine(view, revision, false))) closed_ = true;
  }

  void Close() {
    MutexLock lock(mu_);
    closed_ = true;
    if (sink_) sink_->Close();
  }

 private:
  void Send(OutgoingEvent& event) SALVE_REQUIRES(mu_) {
    position_ = event.event().revision;
    std::string line = event.LineFor(view, first_, clock_.Now());
    if (line.empty()) return;
    first_ = false;
    if (!sink_->Write(std::move(line))) closed_ = true;
  }

  Store& store_;
  Clock& clock_;
  const WatchLimits& limits_;

  Mutex mu_;
  std::shared_ptr<http::StreamSink> sink_ SALVE_GUARDED_BY(mu_);
  bool starting_ SALVE_GUARDED_BY(mu_) = true;
  bool closed_ SALVE_GUARDED_BY(mu_) = false;
  bool first_ SALVE_GUARDED_BY(mu_) = true;
  std::int64_t position_ SALVE_GUARDED_BY(mu_) = 0;
  std::int64_t bookmarked_ SALVE_GUARDED_BY(mu_) = 0;
  std::vector<StoreEvent> pending_ SALVE_GUARDED_BY(mu_);
};

// What a stream begins with.
struct WatchHub::Initial {
  std::string text;
  std::int64_t position = 0;
  bool any_object = false;
};

WatchHub::WatchHub(Store& store, Clock& clock, const WatchLimits& limits)
    : store_(store),
      clock_(clock),
      limits_(limits),
      started_(store.revision()),
      published_(store.revision()) {}

WatchHub::~WatchHub() { Stop(); }

void WatchHub::Start(const WatchRequest& request, std::unique_ptr<http::ResponseWriter> writer) {
  std::int64_t through = 0;
  const auto watcher = Register(request, &through, *writer);
  if (!watcher) return;

  auto initial = MakeInitial(request, through);
  http::Response head;
  head.headers.Set("Content-Type", "application/json");
  head.headers.Set("Cache-Control", "no-cache, private");
  if (!initial.ok()) {
    Remove(watcher->id);
    if (initial.code() == Code::kExpired) {
      // As the real server: the stream begins, and says at once why it ends.
      const ApiError error = ExpiredWatch(request.from, store_.compacted());
      const std::string text = error.body().dump(-1, ' ', false, Json::error_handler_t::replace);
      const auto sink = writer->Stream(std::move(head), text.size() + 4096);
      sink->Write(WatchLine("ERROR", text));
      sink->Close();
    } else if (initial.code() == Code::kUnavailable) {
      writer->Send(ErrorResponse(TooLargeResourceVersion(request.from, store_.revision())));
    } else {
      writer->Send(ErrorResponse(InternalFailure(initial.status().message())));
    }
    return;
  }
  auto sink = writer->Stream(std::move(head), initial->text.size() + limits_.buffer_bytes);
  // Only a mark: the hub may be gone by then, and a Write may be what calls.
  sink->OnClosed([weak = std::weak_ptr(watcher)] {
    if (const auto alive = weak.lock()) alive->gone = true;
  });
  if (!initial->text.empty()) sink->Write(std::move(initial->text));
  watcher->GoLive(std::move(sink), initial->position, initial->any_object);
}

std::shared_ptr<WatchHub::Watcher> WatchHub::Register(const WatchRequest& request,
                                                      std::int64_t* through,
                                                      http::ResponseWriter& writer) {
  std::optional<ApiError> refusal;
  {
    MutexLock lock(mu_);
    ForgetGone();
    if (stopping_) {
      refusal = ServiceUnavailable("the server is shutting down");
    } else if (watchers_.size() >= limits_.max_watches) {
      refusal = TooManyRequests(5);
    } else {
      auto watcher = std::make_shared<Watcher>(next_id_++, request.view, store_, clock_, limits_);
      watcher->bookmarks = request.bookmarks;
      watcher->ends = clock_.Monotonic() + request.timeout;
      watchers_.emplace(watcher->id, watcher);
      *through = started_;
      if (request.bookmarks && next_bookmarks_ == MonoTime::max()) {
        next_bookmarks_ = clock_.Monotonic() + limits_.bookmark_period;
      }
      if (!timer_.joinable()) timer_ = std::thread([this] { TimerLoop(); });
      wake_.NotifyAll();
      return watcher;
    }
  }
  writer.Send(ErrorResponse(*refusal));
  return nullptr;
}

StatusOr<WatchHub::Initial> WatchHub::MakeInitial(const WatchRequest& request,
                                                  std::int64_t through) {
  SALVE_ASSIGN_OR_RETURN(Initial initial, request.initial_state ? MakeInitialState(request)
                                                                : MakeReplay(request, through));
  if (request.initial_end_bookmark) {
    initial.text += BookmarkLine(request.view, initial.position, true);
  }
  return initial;
}

StatusOr<WatchHub::Initial> WatchHub::MakeInitialState(const WatchRequest& request) {
  Initial initial;
  const WatchView& view = request.view;
  const bool needs_object = view.NeedsObject();
  const WallTime now = clock_.Now();
  ListQuery query;
  query.resource = ResourceKey(view.resource->info);
  query.ns = view.ns;
  const auto revision = store_.List(query, [&](const RowView& row) {
    if (!view.MayMatch(row.ns, row.name)) return true;
    std::optional<Json> object;
    if (needs_object) {
      object = Json::parse(row.text, nullptr, /*allow_exceptions=*/false);
      if (!view.Matches(*object)) return true;
    }
    initial.text += WatchLine("ADDED", RenderObject(view, row.text, object ? &*object : nullptr,
                                                    !initial.any_object, now));
    initial.any_object = true;
    return true;
  });
  if (!revision.ok()) return revision.status();
  if (*revision < request.from) return UnavailableError("too large resource version");
  initial.position = *revision;
  return initial;
}

StatusOr<WatchHub::Initial> WatchHub::MakeReplay(const WatchRequest& request,
                                                 std::int64_t through) {
  Initial initial;
  initial.position = std::max(through, request.from);
  if (request.from == 0 || request.from >= through) return initial;
  const std::string resource = ResourceKey(request.view.resource->info);
  std::vector<StoreEvent> events;
  SALVE_RETURN_IF_ERROR(store_.History(resource, request.from, through, [&](const RowView& row) {
    if (!request.view.MayMatch(row.ns, row.name)) return true;
    StoreEvent event;
    event.type = row.type;
    event.key = {resource, std::string(row.ns), std::string(row.name)};
    event.revision = row.revision;
    event.previous = row.previous;
    event.text = std::make_shared<const std::string>(row.text);
    events.push_back(std::move(event));
    return true;
  }));
  for (const StoreEvent& event : events) {
    OutgoingEvent outgoing(event, store_);
    const std::string line = outgoing.LineFor(request.view, !initial.any_object, clock_.Now());
    if (line.empty()) continue;
    initial.text += line;
    initial.any_object = true;
  }
  return initial;
}

void WatchHub::Publish(const std::vector<StoreEvent>& events) {
  std::vector<std::shared_ptr<Watcher>> watchers;
  {
    MutexLock lock(mu_);
    started_ = events.back().revision;
    ForgetGone();
    for (const auto& [id, watcher] : watchers_) watchers.push_back(watcher);
  }
  for (const StoreEvent& event : events) {
    OutgoingEvent outgoing(event, store_);
    for (const auto& watcher : watchers) {
      if (watcher->resource == event.key.resource) watcher->Deliver(outgoing);
    }
  }
  MutexLock lock(mu_);
  published_ = events.back().revision;
}

void WatchHub::Remove(std::uint64_t id) {
  std::shared_ptr<Watcher> last;
  MutexLock lock(mu_);
  if (const auto it = watchers_.find(id); it != watchers_.end()) {
    last = std::move(it->second);
    watchers_.erase(it);
  }
}

void WatchHub::ForgetGone() {
  for (auto it = watchers_.begin(); it != watchers_.end();) {
    it = it->second->gone ? watchers_.erase(it) : std::next(it);
  }
}

MonoTime WatchHub::NextWake() const {
  MonoTime next = next_bookmarks_;
  for (const auto& [id, watcher] : watchers_) next = std::min(next, watcher->ends);
  return next;
}

void WatchHub::TimerLoop() {
  for (;;) {
    std::vector<std::shared_ptr<Watcher>> ended;
    std::vector<std::shared_ptr<Watcher>> to_bookmark;
    std::int64_t revision = 0;
    {
      MutexLock lock(mu_);
      while (!stopping_ && clock_.Monotonic() < NextWake()) {
        clock_.WaitUntil(wake_, mu_, NextWake());
      }
      if (stopping_) return;
      ForgetGone();
      const MonoTime now = clock_.Monotonic();
      const bool bookmarks_due = now >= next_bookmarks_;
      bool want_bookmarks = false;
      for (auto it = watchers_.begin(); it != watchers_.end();) {
        if (now >= it->second->ends) {
          ended.push_back(std::move(it->second));
          it = watchers_.erase(it);
          continue;
        }
        want_bookmarks |= it->second->bookmarks;
        if (bookmarks_due && it->second->bookmarks) to_bookmark.push_back(it->second);
        ++it;
      }
      if (bookmarks_due) {
        next_bookmarks_ = want_bookmarks ? now + limits_.bookmark_period : MonoTime::max();
      }
      revision = published_;
    }
    for (const auto& watcher : ended) watcher->Close();
    for (const auto& watcher : to_bookmark) watcher->Bookmark(revision);
  }
}

void WatchHub::Stop() {
  std::map<std::uint64_t, std::shared_ptr<Watcher>> watchers;
  std::thread timer;
  {
    MutexLock lock(mu_);
    stopping_ = true;
    watchers.swap(watchers_);
    timer.swap(timer_);
    wake_.NotifyAll();
  }
  for (const auto& [id, watcher] : watchers) watcher->Close();
  if (timer.joinable()) timer.join();
}

std::size_t WatchHub::watches() const {
  MutexLock lock(mu_);
  return watchers_.size();
}

}  // namespace salve::apiserver
