// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_NOTIFY_SINK_H_
#define SALVE_PKG_NOTIFY_SINK_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/base/clock.h"
#include "pkg/base/status.h"
#include "pkg/healing/notification_text.h"
#include "pkg/healing/pull_requests.h"
#include "pkg/http/transport.h"

// Where messages to people go. All foreign text in them is data: each sink escapes it in its way.
namespace salve::notify {

// One message is given at most so long.
inline constexpr std::chrono::seconds kSendTimeout{10};

struct SendContext {
  MonoTime deadline = MonoTime::max();
  std::stop_token stop;
};

// What a look at a pull request has shown.
struct PullRequestLook {
  std::optional<healing::PullRequestEnd> end;  // nullopt: it is open, or as it was at the last look
  std::string branch;                          // that is proposed in it; "" where nothing is new
  std::string mark;  // handed in with the next look, it saves the answer where nothing is new
};

// One configured way to reach people. Send may be called from any thread, one call at a time.
class Sink {
 public:
  virtual ~Sink() = default;
  // Delivers the message, or tells why not. What comes back is where it went ("accepted with 202"),
  // for people. A terminal error: that message will never be taken, as it is. Any other is worth
  // another attempt, not before retry_after() if that is set. kDeadlineExceeded and kAborted leave
  // open whether it arrived; the message's id tells a repetition.
  virtual StatusOr<std::string> Send(const healing::Message& message,
                                     const SendContext& context) = 0;
  // Whether messages of that stage may be told of in another one's instead of one by one.
  virtual bool Groups(const std::string& /*stage*/) const { return true; }
  // Whether it makes pull requests, so that they can be looked at.
  virtual bool FollowsPullRequests() const { return false; }
  // Called as Send is, and never during it. kNotFound: there is none of that number.
  virtual StatusOr<PullRequestLook> LookAtPullRequest(std::int64_t /*number*/,
                                                      const std::string& /*mark*/,
                                                      const SendContext& /*context*/) {
    return InvalidArgumentError("it makes no pull requests");
  }
};

// The value behind a reference of the configuration; kNotFound says what is missing. Called for
// each message, so that a rotated secret counts at once. Thread-safe.
using SecretReader =
    std::function<StatusOr<std::string>(const apis::config::v1alpha1::SecretReference&)>;
// A way to "http[s]://host[:port]".
using TransportFactory =
    std::function<StatusOr<std::unique_ptr<http::Transport>>(const std::string& base_url)>;

// What the sinks of a process share. `clock` outlives them.
struct SinkEnvironment {
  SecretReader read_secret;
  TransportFactory connect;  // null: TCP, with the system's roots
  Clock* clock = nullptr;
};

// The sinks by name, with how fast each may be used. Immutable after construction.
class SinkSet {
 public:
  struct Entry {
    std::unique_ptr<Sink> sink;
    std::int64_t messages_per_minute = 30;
  };
  // nullptr if there is none of that name.
  const Entry* Find(const std::string& name) const {
    const auto it = entries_.find(name);
    return it == entries_.end() ? nullptr : &it->second;
  }
  void Add(const std::string& name, Entry entry) { entries_[name] = std::move(entry); }
  bool empty() const { return entries_.empty(); }
  std::vector<std::string> Names() const;

 private:
  std::map<std::string, Entry> entries_;
};

// Nothing is connected to or read before the first message.
std::unique_ptr<Sink> MakeSink(const apis::config::v1alpha1::SinkConfiguration& configuration,
                               const SinkEnvironment& environment);
SinkSet MakeSinks(const std::vector<apis::config::v1alpha1::SinkConfiguration>& configurations,
                  const SinkEnvironment& environment);

}  // namespace salve::notify

#endif  // SALVE_PKG_NOTIFY_SINK_H_
