// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/docker/watcher.h"

#include <algorithm>
#include <utility>

#include "pkg/backends/text.h"
#include "pkg/base/backoff.h"
#include "pkg/base/json_access.h"
#include "pkg/base/log.h"

namespace salve::backends::docker {
namespace {

using nlohmann::json;

constexpr Backoff::Options kBackoff{std::chrono::milliseconds(200), std::chrono::seconds(10), 2.0,
                                    0.5};
// How long the engine may take to give out the events that it remembers.
constexpr std::chrono::seconds kReplayPatience{2};
// Containers may end a little before the stream does, and start for a while after the engine came
// back.
constexpr std::chrono::seconds kOutageBefore{15};
constexpr std::chrono::seconds kOutageAfter{30};

// "1795227519.382753574", as the engine takes times.
std::string EngineTime(WallTime t) {
  const auto nanos = t.time_since_epoch().count();
  std::string fraction = std::to_string(nanos % 1000000000);
  fraction.insert(0, 9 - std::min<std::size_t>(9, fraction.size()), '0');
  return std::to_string(nanos / 1000000000) + "." + fraction;
}

}  // namespace

Watcher::Watcher(std::string backend, EngineClient& client, View& view, Clock& clock,
                 Random& random, std::function<void(const std::string& name)> on_change)
    : backend_(std::move(backend)),
      client_(client),
      view_(view),
      clock_(clock),
      random_(random),
      on_change_(std::move(on_change)) {}

Watcher::~Watcher() { Stop(); }

void Watcher::Start() {
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
}

void Watcher::Stop() {
  stop_.request_stop();
  std::shared_ptr<http::ResponseStream> stream;
  {
    MutexLock lock(mu_);
    stopping_ = true;
    stream = stream_;
    wake_.NotifyAll();
  }
  if (stream != nullptr) stream->Close();
  if (thread_.joinable()) thread_.join();
}

CallContext Watcher::Context() const {
  return {clock_.Monotonic() + EngineClient::kDefaultTimeout, stop_.get_token()};
}

void Watcher::Run() {
  Backoff backoff(kBackoff);
  for (;;) {
    const Status status = Session();
    if (stop_.stop_requested()) return;
    if (was_complete_) {
      backoff.Reset();
      lost_at_ = clock_.Now();
      refused_ = false;
      was_complete_ = false;
    }
    refused_ = refused_ || status.code() == Code::kUnavailable;
    client_.Forget();  // it may come back as another version
    // One line per outage, not one per attempt.
    if (view_.SetStatus(
            Status(status.code() == Code::kPermissionDenied || status.code() == Code::kUnimplemented
                       ? status.code()
                       : Code::kUnavailable,
                   "backend " + backend_ + ": " + status.message()))) {
      Log(Severity::kWarning, "docker engine not available, trying again",
          {{"backend", backend_}, {"error", status.ToString()}});
      on_change_("");
    }
    const MonoTime until = clock_.Monotonic() + backoff.Next(random_);
    MutexLock lock(mu_);
    while (!stopping_ && clock_.Monotonic() < until) clock_.WaitUntil(wake_, mu_, until);
    if (stopping_) return;
  }
}

Status Watcher::Session() {
  auto opened =
      client_.Open(Endpoint::kEvents, "", {{"filters", EventFilters()}}, nullptr, Context());
  if (!opened.ok()) return opened.status();
  {
    MutexLock lock(mu_);
    if (stopping_) return CancelledError("stopping");
    stream_ = std::move(opened).value();
  }
  // An engine that ends in an orderly way stops its containers before it cuts the stream.
  const auto before = view_.RunningSince(lost_at_ ? *lost_at_ - kOutageBefore : WallTime::max());
  Status status = Replay();
  if (status.ok()) status = Resync();
  if (status.ok()) {
    RecogniseOutage(before);
    was_complete_ = true;
    if (view_.SetStatus(Status::Ok())) {
      Log(Severity::kInfo, "watching the docker engine",
          {{"backend", backend_}, {"apiVersion", client_.api_version()}});
    }
    on_change_("");
    status = Follow();
  }
  MutexLock lock(mu_);
  stream_.reset();
  return status;
}

Status Watcher::Replay() {
  // The engine keeps its last 256 events: enough to know who ended what while nobody listened.
  const http::Query query = {{"since", last_event_ ? EngineTime(*last_event_) : "1"},
                             {"until", EngineTime(clock_.Now())},
                             {"filters", EventFilters()}};
  SALVE_ASSIGN_OR_RETURN(const auto stream,
                         client_.Open(Endpoint::kEvents, "", query, nullptr, Context()));
  EventParser parser;
  const MonoTime deadline = clock_.Monotonic() + kReplayPatience;
  for (;;) {
    const auto piece = stream->Read(deadline);
    // An engine whose clock is behind ours holds the answer open until then: what came has come.
    if (piece.code() == Code::kDeadlineExceeded) return Status::Ok();
    if (!piece.ok()) return piece.status().Annotate("replaying docker events");
    if (piece->empty()) return Status::Ok();
    const std::vector<Event> events = parser.Feed(*piece);
    Remember(events);
    std::string removed;
    for (const Event& event : events) view_.Note(event, &removed);
  }
}

void Watcher::Remember(const std::vector<Event>& events) {
  for (const Event& event : events) {
    if (!last_event_ || event.at > *last_event_) last_event_ = event.at;
  }
}

Status Watcher::Resync() {
  SALVE_ASSIGN_OR_RETURN(const json list,
                         client_.Call(Endpoint::kList, "", {{"all", "1"}}, nullptr, Context()));
  if (!list.is_array()) return InternalError("the engine's list of containers is no array");
  std::set<std::string> ids;
  for (const json& item : list) ids.insert(GetString(item, {"Id"}));
  for (const std::string& name : view_.Retain(ids)) on_change_(name);
  for (const std::string& id : ids) SALVE_RETURN_IF_ERROR(Refresh(id));
  return Status::Ok();
}

Status Watcher::Refresh(const std::string& id) {
  const auto inspect = client_.Call(Endpoint::kInspect, id, {}, nullptr, Context());
  if (inspect.code() == Code::kNotFound) {
    const std::string name = view_.Remove(id);
    if (!name.empty()) on_change_(name);
    return Status::Ok();
  }
  if (!inspect.ok()) return inspect.status();
  auto state = ParseContainer(*inspect);
  if (!state.ok()) {
    // One odd container must not cost the view of all others.
    Log(Severity::kWarning, "docker container cannot be read",
        {{"backend", backend_}, {"id", id.substr(0, 12)}, {"error", state.status().message()}});
    return Status::Ok();
  }
  const std::string old_name = view_.NameOf(id);
  const std::string name = state->name;
  if (view_.Put(std::move(state).value(), clock_.Now())) {
    on_change_(name);
    if (!old_name.empty() && old_name != name) on_change_(old_name);
  }
  return Status::Ok();
}

void Watcher::RecogniseOutage(const std::map<std::string, std::string>& before) {
  // Either nobody answered for a while, or several containers changed together; one alone may have
  // crashed while only the connection was gone.
  if (!lost_at_ || before.empty() || (!refused_ && before.size() < 2)) return;
  const auto now = view_.RunningSince();
  const bool survivor = std::any_of(before.begin(), before.end(), [&](const auto& container) {
    const auto it = now.find(container.first);
    return it != now.end() && it->second == container.second;
  });
  if (survivor) return;  // live restore, or only the connection was gone
  view_.SetOutage({*lost_at_ - kOutageBefore, clock_.Now() + kOutageAfter});
  Log(Severity::kInfo, "the docker engine was restarted: its containers' ends count as no crash",
      {{"backend", backend_}, {"containers", before.size()}});
}

Status Watcher::Follow() {
  std::shared_ptr<http::ResponseStream> stream;
  {
    MutexLock lock(mu_);
    stream = stream_;
  }
  EventParser parser;
  MonoTime resync = clock_.Monotonic() + kResyncPeriod;
  for (;;) {
    const auto piece = stream->Read(resync);
    if (piece.code() == Code::kDeadlineExceeded) {
      SALVE_RETURN_IF_ERROR(Resync());
      resync = clock_.Monotonic() + kResyncPeriod;
      continue;
    }
    if (!piece.ok()) return piece.status().Annotate("docker event stream");
    if (piece->empty()) return AbortedError("the engine ended the event stream");
    SALVE_RETURN_IF_ERROR(Take(parser.Feed(*piece)));
  }
}

Status Watcher::Take(const std::vector<Event>& events) {
  Remember(events);
  std::vector<std::string> dirty;  // in order of arrival, each once
  for (const Event& event : events) {
    std::string removed;
    if (view_.Note(event, &removed)) {
      if (std::find(dirty.begin(), dirty.end(), event.id) == dirty.end()) {
        dirty.push_back(event.id);
      }
    } else if (!removed.empty()) {
      on_change_(removed);
    }
  }
  for (const std::string& id : dirty) SALVE_RETURN_IF_ERROR(Refresh(id));
  return Status::Ok();
}

}  // namespace salve::backends::docker
