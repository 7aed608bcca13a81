// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_CLIENT_TESTING_FAKE_WATCH_H_
#define SALVE_PKG_CLIENT_TESTING_FAKE_WATCH_H_

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "pkg/client/testing/fake_client.h"
#include "pkg/client/testing/selector.h"

namespace salve::client::testing {

// A watch of FakeClient: a position in its history. All state is guarded by the server's mutex.
// Must not outlive the server.
class FakeClient::Stream final : public WatchStream {
 public:
  Stream(FakeClient& server, ResourceInfo resource, WatchOptions options, Selector selector,
         std::int64_t from, MonoTime opened);
  ~Stream() override;

  StatusOr<std::optional<WatchEvent>> Next(MonoTime deadline) override;
  void Close() override;

  // With the server's mutex held:
  void AddInitial(const NamespacedName& name, const Json& object);
  void End(const Status& status) { ended_ = status; }
  void Bookmark() { bookmark_ = options_.allow_bookmarks; }

 private:
  // The next event that is there, or nullopt.
  StatusOr<std::optional<WatchEvent>> Ready() SALVE_REQUIRES(server_.mu_);
  std::optional<WatchEvent> EventOf(const Change& change) const;
  bool Selected(const NamespacedName& name, const Json& object) const;

  FakeClient& server_;
  const ResourceInfo resource_;
  const WatchOptions options_;
  const Selector selector_;
  const MonoTime ends_at_;
  std::int64_t position_;
  std::deque<WatchEvent> initial_;
  bool bookmark_ = false;
  bool closed_ = false;
  std::optional<Status> ended_;
};

}  // namespace salve::client::testing

#endif  // SALVE_PKG_CLIENT_TESTING_FAKE_WATCH_H_
