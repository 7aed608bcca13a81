// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_EDGE_EDGE_TEST_SUPPORT_H_
#define SALVE_PKG_EDGE_EDGE_TEST_SUPPORT_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pkg/edge/identity.h"
#include "pkg/edge/timeline.h"
#include "pkg/http/transport.h"

namespace salve::edge {

// Tokens "alice" and "bob" are the persons of that name.
class NamedTokens final : public Authenticator {
 public:
  std::optional<Identity> Authenticate(std::string_view token) override {
    if (token != "alice" && token != "bob") return std::nullopt;
    return Identity{std::string(token), {"people"}};
  }
};

// Who may read which namespaces.
class Grants final : public Authorizer {
 public:
  explicit Grants(std::map<std::string, std::set<std::string>> grants)
      : grants_(std::move(grants)) {}
  bool MayReadIncidents(const Identity& identity, const std::string& ns) override {
    const auto person = grants_.find(identity.user);
    return person != grants_.end() && person->second.contains(ns);
  }

 private:
  const std::map<std::string, std::set<std::string>> grants_;
};

// An incident whose timeline has the entries 1 … `entries`.
inline IncidentView MakeIncident(const std::string& ns, const std::string& name,
                                 std::uint64_t version, int entries) {
  IncidentView incident;
  incident.ns = ns;
  incident.name = name;
  incident.uid = "uid-" + name;
  incident.resource_version = version;
  incident.policy = "redis";
  incident.phase = "Executing";
  for (int i = 1; i <= entries; ++i) {
    incident.timeline.push_back(
        {i, "2026-11-21T00:00:00Z", "thinking", "entry " + std::to_string(i)});
  }
  return incident;
}

struct SseEvent {
  std::string event;
  std::string id;
  nlohmann::json data;
};

// Takes the events of a stream one by one.
class SseReader {
 public:
  explicit SseReader(std::unique_ptr<http::ResponseStream> stream) : stream_(std::move(stream)) {}

  http::ResponseStream& stream() { return *stream_; }
  // The next event; event "" at the end of the stream or if none comes in ten seconds.
  SseEvent Next() {
    std::size_t end = buffer_.find("\n\n");
    while (end == std::string::npos) {
      const auto bytes = stream_->Read(SystemClock().Monotonic() + std::chrono::seconds(10));
      if (!bytes.ok() || bytes->empty()) return {};
      buffer_ += *bytes;
      end = buffer_.find("\n\n");
    }
    const std::string block = buffer_.substr(0, end + 1);
    buffer_.erase(0, end + 2);
    SseEvent out;
    std::size_t at = 0;
    while (at < block.size()) {
      const std::size_t stop = block.find('\n', at);
      const std::string line = block.substr(at, stop - at);
      at = stop + 1;
      if (line.starts_with("event: ")) out.event = line.substr(7);
      if (line.starts_with("id: ")) out.id = line.substr(4);
      if (line.starts_with("data: ")) out.data = nlohmann::json::parse(line.substr(6));
    }
    return out;
  }
  // The names of the events up to and including `last`.
  std::vector<std::string> NamesUntil(const std::string& last) {
    std::vector<std::string> names;
    while (true) {
      SseEvent event = Next();
      if (event.event.empty()) return names;
      names.push_back(event.event);
      if (event.event == last) return names;
    }
  }

 private:
  std::unique_ptr<http::ResponseStream> stream_;
  std::string buffer_;
};

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_EDGE_TEST_SUPPORT_H_
