// SPDX-License-Identifier: Apache-2.0
// The whole way from bytes to cache: reflector, REST client and watch decoder against a server
// whose answers are cut, mixed with garbage or endless.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "pkg/client/rest_client.h"
#include "pkg/engine/informer.h"
#include "pkg/engine/testing/widget.h"
#include "pkg/http/testing/scripted_transport.h"
#include "pkg/http/url.h"

namespace salve::engine {
namespace {

using http::CallOptions;
using http::Request;
using http::Response;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::SettleUntil;
using testing::Widget;
using testing::Widgets;
using testing::World;

// Speaks HTTP for a FakeClient. `spoil` may change the bytes of a watch, and how it ends.
class WireServer final : public http::Transport {
 public:
  struct Body {
    std::vector<std::string> chunks;
    Status end;
  };

  WireServer(testing::FakeClient& server, SimulatedClock& clock) : server_(server), clock_(clock) {}

  std::function<void(Body&)> spoil_watch;
  std::function<void(Response&)> spoil_list;
  int lists = 0;
  int watches = 0;

  StatusOr<Response> Send(const Request& request, const CallOptions&) override {
    ++lists;
    const http::Target target = http::ParseTarget(request.target).value();
    client::ListOptions options;
    if (const auto version = target.query.Get("resourceVersion")) {
      options.resource_version = std::string(*version);
    }
    const auto list = server_.List(Widgets(), options);
    if (!list.ok()) return Response{410, {}, R"({"kind":"Status","reason":"Expired"})"};
    const Json body = {{"kind", "WidgetList"},
                       {"metadata", {{"resourceVersion", list->resource_version}}},
                       {"items", list->items}};
    Response response{200, {}, body.dump()};
    if (spoil_list) spoil_list(response);
    return response;
  }

  StatusOr<std::unique_ptr<http::ResponseStream>> Open(const Request& request,
                                                       const CallOptions&) override {
    ++watches;
    const http::Target target = http::ParseTarget(request.target).value();
    client::WatchOptions options;
    options.resource_version = std::string(target.query.Get("resourceVersion").value_or(""));
    auto stream = server_.Watch(Widgets(), options);
    if (!stream.ok()) {
      return http::MakeCannedStream({410, {}, ""}, {R"({"kind":"Status","reason":"Gone"})"});
    }
    Body body;
    while (true) {
      const auto event = (*stream)->Next(clock_.Monotonic());
      if (!event.ok() || !event->has_value()) break;
      static const char* const kNames[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK"};
      const Json line = {{"type", kNames[static_cast<int>((*event)->type)]},
                         {"object", (*event)->object}};
      body.chunks.push_back(line.dump() + "\n");
    }
    if (spoil_watch) spoil_watch(body);
    return http::MakeCannedStream({200, {}, ""}, body.chunks, body.end);
  }

 private:
  testing::FakeClient& server_;
  SimulatedClock& clock_;
};

class WireFaultTest : public ::testing::Test {
 protected:
  static std::string Join(const std::vector<std::string>& chunks) {
    std::string all;
    for (const std::string& chunk : chunks) all += chunk;
    return all;
  }

  // A fresh world in which the first watch after the first list is spoiled. Returns the bytes it
  // had.
  static std::string Play(const std::function<void(WireServer::Body&)>& spoil,
                          const std::string& label) {
    World world;
    WireServer wire(world.server, world.clock);
    client::RestClient client(wire, {}, world.clock, world.random);
    Informer<Widget> informer(World::Options(), client, testing::DecodeWidget, world.env());
    world.Create("ä", 1);
    (void)informer.Step();  // The list.
    world.Create("b", 2, "🦆 \"quoted\" }{");
    world.Resize("ä", 3);
    world.Remove("b");
    world.Create("b", 4);
    std::string bytes;
    bool spoiled = false;
    wire.spoil_watch = [&](WireServer::Body& body) {
      if (std::exchange(spoiled, true)) return;
      bytes = Join(body.chunks);
      spoil(body);
    };
    const auto equal = [&] {
      const auto widgets = informer.List();
      if (widgets.size() != 2) return false;
      const auto truth = world.server.Objects(Widgets());
      for (const auto& widget : widgets) {
        const auto it = truth.find(testing::Name(widget->name));
        if (it == truth.end() || it->second["metadata"]["resourceVersion"] != widget->version) {
          return false;
        }
      }
      return true;
    };
    EXPECT_TRUE(SettleUntil(informer, world, equal, minutes(3))) << label;
    EXPECT_LE(wire.lists, 3) << label;
    return bytes;
  }
};

TEST_F(WireFaultTest, AWatchCutAtAnyByteIsMadeUpForWhetherItEndsRegularlyOrNot) {
  const std::string bytes = Play([](WireServer::Body&) {}, "whole");
  ASSERT_GT(bytes.size(), 600u);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const Status end = cut % 2 == 0 ? AbortedError("connection reset") : Status::Ok();
    Play(
        [cut, &end](WireServer::Body& body) {
          const std::string all = Join(body.chunks);
          body = {{all.substr(0, cut)}, end};
          if (cut == 0) body.chunks.clear();
        },
        "cut at byte " + std::to_string(cut));
    if (HasFailure()) return;
  }
}

TEST_F(WireFaultTest, AWatchSplitIntoSingleBytesIsTheSameWatch) {
  Play(
      [](WireServer::Body& body) {
        std::vector<std::string> bytes;
        for (const char c : Join(body.chunks)) bytes.emplace_back(1, c);
        body.chunks = bytes;
      },
      "single bytes");
}

TEST_F(WireFaultTest, GarbageAnywhereBetweenTheEventsIsMadeUpFor) {
  for (const char* garbage :
       {"<html>502</html>", "[]", "{}", "null", "\xff\xfe", "{\"type\":\"ADDED\",\"object\":{}}",
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410}}",
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":500}}",
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":429}}",
        "{\"type\":\"NEWS\",\"object\":{\"kind\":\"Widget\"}}",
        "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Table\"}}",
        "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Widget\",\"metadata\":{\"name\":\"x\"}}}",
        R"({"type":"BOOKMARK","object":{"kind":"Widget","metadata":{"resourceVersion":7}}})",
        "{\"type\":\"DELETED\",\"object\":{\"kind\":\"Widget\",\"metadata\":null}}"}) {
    for (std::size_t before = 0; before <= 4; ++before) {
      Play(
          [&](WireServer::Body& body) {
            const std::size_t at = std::min(before, body.chunks.size());
            body.chunks.insert(body.chunks.begin() + static_cast<std::ptrdiff_t>(at), garbage);
          },
          std::string(garbage) + " before event " + std::to_string(before));
    }
  }
}

TEST_F(WireFaultTest, EventsThatComeTwiceOrAgainLaterChangeNothing) {
  Play(
      [](WireServer::Body& body) {
        std::vector<std::string> twice;
        for (const std::string& chunk : body.chunks) {
          twice.push_back(chunk);
          twice.push_back(chunk);
        }
        twice.insert(twice.end(), body.chunks.begin(), body.chunks.end());
        body.chunks = twice;
      },
      "duplicates");
}

TEST_F(WireFaultTest, AListThatIsNoListIsAskedForAgainWithoutDisturbingTheCache) {
  for (const char* bad :
       {"", "{}", "[]", "<html>", R"({"items":7})", R"({"items":[]})",
        R"({"items":[5,null,"x",{"metadata":7}],"metadata":{"resourceVersion":"1"}})"}) {
    World world;
    WireServer wire(world.server, world.clock);
    client::RestClient client(wire, {}, world.clock, world.random);
    Informer<Widget> informer(World::Options(), client, testing::DecodeWidget, world.env());
    world.Create("a");
    wire.spoil_list = [&](Response& response) {
      if (wire.lists <= 2) response.body = bad;
    };
    world.server.Compact();  // A watch from version 1 is refused.
    EXPECT_TRUE(SettleUntil(
        informer, world, [&] { return informer.List().size() == 1; }, minutes(2)))
        << bad;
  }
}

}  // namespace
}  // namespace salve::engine
