// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/server_testing.h"

#include <utility>

#include <gtest/gtest.h>

#include "pkg/apis/kinds.h"
#include "pkg/base/time_format.h"

namespace salve::apiserver::testing {
namespace {

constexpr Duration kPatience = std::chrono::seconds(120);

MonoTime Deadline() { return SystemClock().Monotonic() + kPatience; }

// Collects one answer.
struct Slot {
  Mutex mu;
  CondVar changed;
  std::optional<http::Response> response SALVE_GUARDED_BY(mu);
  std::shared_ptr<WatchReader> stream SALVE_GUARDED_BY(mu);
};

class SlotWriter final : public http::ResponseWriter {
 public:
  explicit SlotWriter(std::shared_ptr<Slot> slot) : slot_(std::move(slot)) {}
  ~SlotWriter() override {
    if (!answered_) Send({500, {}, "dropped"});
  }

  void Send(http::Response response) override {
    answered_ = true;
    MutexLock lock(slot_->mu);
    EXPECT_FALSE(slot_->response.has_value()) << "answered twice";
    slot_->response = std::move(response);
    slot_->changed.NotifyAll();
  }

  std::shared_ptr<http::StreamSink> Stream(http::Response head, std::size_t bytes) override {
    answered_ = true;
    MutexLock lock(slot_->mu);
    slot_->response = std::move(head);
    slot_->stream = std::make_shared<WatchReader>(bytes);
    slot_->changed.NotifyAll();
    return slot_->stream;
  }

 private:
  const std::shared_ptr<Slot> slot_;
  bool answered_ = false;
};

}  // namespace

bool WatchReader::Write(std::string chunk) {
  std::function<void()> callback;
  {
    MutexLock lock(mu_);
    if (closed_) return false;
    if (unread_.size() + chunk.size() <= buffer_bytes_) {
      unread_ += chunk;
      changed_.NotifyAll();
      return true;
    }
    closed_ = true;
    callback = std::move(on_closed_);
    changed_.NotifyAll();
  }
  if (callback) callback();
  return false;
}

void WatchReader::Close() {
  MutexLock lock(mu_);
  closed_ = true;
  changed_.NotifyAll();
}

bool WatchReader::closed() const {
  MutexLock lock(mu_);
  return closed_;
}

void WatchReader::OnClosed(std::function<void()> callback) {
  MutexLock lock(mu_);
  on_closed_ = std::move(callback);
}

Json WatchReader::Next() {
  const MonoTime deadline = Deadline();
  MutexLock lock(mu_);
  while (unread_.find('\n') == std::string::npos) {
    if (closed_) return nullptr;
    if (!SystemClock().WaitUntil(changed_, mu_, deadline)) {
      ADD_FAILURE() << "no event came in two minutes";
      return nullptr;
    }
  }
  const auto end = unread_.find('\n');
  Json event = Json::parse(unread_.substr(0, end), nullptr, false);
  unread_.erase(0, end + 1);
  return event;
}

bool WatchReader::Ended() {
  const MonoTime deadline = Deadline();
  MutexLock lock(mu_);
  while (!closed_) {
    if (!SystemClock().WaitUntil(changed_, mu_, deadline)) return false;
  }
  return unread_.empty();
}

std::vector<Json> WatchReader::Drain() {
  std::vector<Json> events;
  MutexLock lock(mu_);
  for (auto end = unread_.find('\n'); end != std::string::npos; end = unread_.find('\n')) {
    events.push_back(Json::parse(unread_.substr(0, end), nullptr, false));
    unread_.erase(0, end + 1);
  }
  return events;
}

void WatchReader::Leave() {
  std::function<void()> callback;
  {
    MutexLock lock(mu_);
    closed_ = true;
    callback = std::move(on_closed_);
  }
  if (callback) callback();
}

TestServer::TestServer(ApiServerOptions options) : clock(*ParseTime("2026-01-02T03:04:05Z")) {
  if (options.crds.empty()) options.crds = SalveCrds();
  auto created = ApiServer::Create(std::move(options), clock, random);
  if (!created.ok()) {
    ADD_FAILURE() << created.status();
    std::abort();
  }
  api = std::move(created).value();
  admin = Token("admin", {kAdminsGroup});
}

std::string TestServer::Token(const std::string& user, std::vector<std::string> groups,
                              std::vector<std::string> namespaces,
                              std::vector<std::string> policies) {
  TokenRecord record;
  record.identity = {user, std::move(groups), std::move(namespaces), std::move(policies)};
  const auto token = api->tokens().Add(record);
  EXPECT_TRUE(token.ok()) << token.status();
  return token.ok() ? token->secret : "";
}

Answer TestServer::Send(http::Request request) {
  auto slot = std::make_shared<Slot>();
  api->handler().Handle(std::move(request), std::make_unique<SlotWriter>(slot));
  const MonoTime deadline = Deadline();
  Answer answer;
  MutexLock lock(slot->mu);
  while (!slot->response) {
    if (!SystemClock().WaitUntil(slot->changed, slot->mu, deadline) && !slot->response) {
      ADD_FAILURE() << "no answer in two minutes";
      return answer;
    }
  }
  answer.status = slot->response->status;
  answer.headers = slot->response->headers;
  answer.text = slot->response->body;
  answer.body = Json::parse(answer.text, nullptr, /*allow_exceptions=*/false);
  return answer;
}

Answer TestServer::Do(const std::string& method, const std::string& target, const Json& body,
                      http::Headers headers) {
  http::Request request;
  request.method = method;
  request.target = target;
  request.headers = std::move(headers);
  if (!request.headers.Get("Authorization")) {
    request.headers.Set("Authorization", "Bearer " + admin);
  }
  if (!body.is_null()) {
    request.body = body.dump();
    if (!request.headers.Get("Content-Type")) {
      request.headers.Set("Content-Type",
                          method == "PATCH" ? "application/merge-patch+json" : "application/json");
    }
  }
  return Send(std::move(request));
}

Answer TestServer::As(const std::string& token, const std::string& method,
                      const std::string& target, const Json& body) {
  return Do(method, target, body, {{"Authorization", "Bearer " + token}});
}

std::shared_ptr<WatchReader> TestServer::Watch(const std::string& target, http::Headers headers) {
  http::Request request;
  request.target = target + (target.find('?') == std::string::npos ? "?watch=1" : "&watch=1");
  request.headers = std::move(headers);
  if (!request.headers.Get("Authorization")) {
    request.headers.Set("Authorization", "Bearer " + admin);
  }
  auto slot = std::make_shared<Slot>();
  api->handler().Handle(std::move(request), std::make_unique<SlotWriter>(slot));
  MutexLock lock(slot->mu);
  if (slot->stream == nullptr) {
    ADD_FAILURE() << "no stream: " << (slot->response ? slot->response->body : "no answer");
    return std::make_shared<WatchReader>();
  }
  return slot->stream;
}

Json Policy(const std::string& name, const std::string& mode) {
  return {{"apiVersion", "salve.dev/v1alpha1"},
          {"kind", "HealingPolicy"},
          {"metadata", {{"name", name}, {"labels", {{"app", name}}}}},
          {"spec", {{"mode", mode}, {"target", {{"docker", {{"container", name}}}}}}}};
}

Json Incident(const std::string& name) {
  return {{"apiVersion", "salve.dev/v1alpha1"},
          {"kind", "Incident"},
          {"metadata", {{"name", name}}},
          {"spec",
           {{"policyRef", {{"name", "p1"}}},
            {"target", {{"backend", "docker"}, {"kind", "Container"}, {"name", "c1"}}}}}};
}

Json ConfigMap(const std::string& name, const Json& data) {
  return {
      {"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"name", name}}}, {"data", data}};
}

std::vector<Json> SalveCrds() {
  std::vector<Json> crds;
  for (const apis::Kind& kind : apis::SalveKinds()) {
    crds.push_back(apis::CustomResourceDefinition(kind));
  }
  return crds;
}

bool Eventually(const std::function<bool()>& condition) {
  const MonoTime deadline = Deadline();
  Mutex mu;
  CondVar never;
  while (!condition()) {
    if (SystemClock().Monotonic() >= deadline) return false;
    MutexLock lock(mu);
    // A pause between looks, not a wait for an event: nobody notifies.
    SystemClock().WaitUntil(never, mu, SystemClock().Monotonic() + std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace salve::apiserver::testing
