// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/transport.h"

#include <atomic>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pkg/base/clock.h"
#include "pkg/http/server.h"
#include "pkg/http/testing/function_handler.h"
#include "pkg/http/testing/raw_client.h"
#include "pkg/http/testing/unix_relay.h"
#include "pkg/http/transports.h"
#include "pkg/http/url.h"

namespace salve::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

MonoTime In(Duration wait) { return SystemClock().Monotonic() + wait; }

// Serves every test: echo, sizes, streams that the test feeds, and one that never answers.
class Service final : public Handler {
 public:
  void Handle(Request request, std::unique_ptr<ResponseWriter> writer) override {
    ++requests;
    if (request.target == "/never") {
      MutexLock lock(mu);
      parked.push_back(std::move(writer));
      return;
    }
    if (request.target == "/stream") {
      MutexLock lock(mu);
      sink = writer->Stream({200, {{"Content-Type", "text/event-stream"}}, ""}, 1 << 20);
      changed.NotifyAll();
      return;
    }
    if (request.target.starts_with("/size/")) {
      return writer->Send({200, {}, std::string(std::stoul(request.target.substr(6)), 'x')});
    }
    if (request.target == "/redirect") return writer->Send({302, {{"Location", "/echo"}}, "moved"});
    if (request.target == "/empty") return writer->Send({204, {}, ""});
    Response response{
        418, {{"X-Method", request.method}, {"X-Target", request.target}}, request.body};
    for (const auto& [name, value] : request.headers) response.headers.Add("X-Got-" + name, value);
    writer->Send(std::move(response));
  }

  std::shared_ptr<StreamSink> AwaitSink() {
    const MonoTime deadline = In(seconds(120));
    MutexLock lock(mu);
    while (!sink && SystemClock().WaitUntil(changed, mu, deadline)) {
    }
    return sink;
  }

  std::atomic<int> requests = 0;
  Mutex mu;
  CondVar changed;
  std::shared_ptr<StreamSink> sink;
  std::vector<std::unique_ptr<ResponseWriter>> parked;
};

struct InProcess {
  explicit InProcess(Handler& handler)
      : transport(MakeInProcessTransport(handler, {}, SystemClock())) {}
  std::unique_ptr<Transport> transport;
};
struct Tcp {
  explicit Tcp(Handler& handler) : server(*Server::Start({}, handler)) {
    transport =
        *MakeTcpTransport("http://127.0.0.1:" + std::to_string(server->port()), {}, SystemClock());
  }
  std::unique_ptr<Server> server;
  std::unique_ptr<Transport> transport;
};
struct Unix {
  explicit Unix(Handler& handler)
      : server(*Server::Start({}, handler)),
        relay(server->port()),
        transport(MakeUnixTransport(relay.path(), SystemClock())) {}
  ~Unix() { transport.reset(); }
  std::unique_ptr<Server> server;
  UnixRelay relay;
  std::unique_ptr<Transport> transport;
};

template <typename Place>
class EveryTransport : public ::testing::Test {
 protected:
  Transport& transport() { return *place_.transport; }
  CallOptions Within(Duration wait) {
    CallOptions options;
    options.deadline = In(wait);
    return options;
  }

  Service service_;
  Place place_{service_};
};
using Places = ::testing::Types<InProcess, Unix, Tcp>;
TYPED_TEST_SUITE(EveryTransport, Places);

TYPED_TEST(EveryTransport, RequestAndResponseArriveAsTheyWereSent) {
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    Request request{method, "/echo/a%2Fb?x=1%202&y=%C3%A4&z", {{"X-A", "1"}}, "", ""};
    if (std::string_view(method) != "GET") request.body = std::string("a\0b\r\n\xff", 6);
    const auto response = this->transport().Send(request, this->Within(seconds(120)));
    ASSERT_TRUE(response.ok()) << method << ": " << response.status();
    EXPECT_EQ(response->status, 418);
    EXPECT_EQ(response->headers.Get("x-method"), method);
    EXPECT_EQ(response->headers.Get("x-target"), "/echo/a%2Fb?x=1%202&y=%C3%A4&z");
    EXPECT_EQ(response->headers.Get("x-got-x-a"), "1");
    EXPECT_EQ(response->body, request.body) << method;
  }
}

TYPED_TEST(EveryTransport, HeadHasNoBodyAndNoContentIsEmpty) {
  const auto head =
      this->transport().Send({"HEAD", "/size/1000", {}, "", ""}, this->Within(seconds(120)));
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->body, "");
  EXPECT_EQ(head->headers.Get("Content-Length"), "1000");
  const auto empty =
      this->transport().Send({"GET", "/empty", {}, "", ""}, this->Within(seconds(120)));
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_EQ(empty->status, 204);
}

TYPED_TEST(EveryTransport, ALargeBodyArrivesWholeAndABiggerOneThanAllowedIsAnError) {
  CallOptions options = this->Within(seconds(30));
  const auto large = this->transport().Send({"GET", "/size/3000000", {}, "", ""}, options);
  ASSERT_TRUE(large.ok()) << large.status();
  EXPECT_EQ(large->body.size(), 3'000'000u);
  options.max_body_bytes = 2'999'999;
  EXPECT_EQ(this->transport().Send({"GET", "/size/3000000", {}, "", ""}, options).code(),
            Code::kInvalidArgument);
  EXPECT_TRUE(this->transport().Send({"GET", "/size/5", {}, "", ""}, options).ok());
}

TYPED_TEST(EveryTransport, RedirectsAreNotFollowed) {
  const auto response =
      this->transport().Send({"GET", "/redirect", {}, "", ""}, this->Within(seconds(120)));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(this->service_.requests, 1);
}

TYPED_TEST(EveryTransport, NoAnswerByTheDeadlineIsDeadlineExceededAndTheNextCallWorks) {
  EXPECT_EQ(
      this->transport().Send({"GET", "/never", {}, "", ""}, this->Within(milliseconds(50))).code(),
      Code::kDeadlineExceeded);
  EXPECT_TRUE(
      this->transport().Send({"GET", "/echo", {}, "", ""}, this->Within(seconds(120))).ok());
}

TYPED_TEST(EveryTransport, AStopEndsACallThatWaits) {
  std::stop_source stop;
  CallOptions options = this->Within(seconds(30));
  options.stop = stop.get_token();
  std::thread stopper([&] {
    while (this->service_.requests == 0) std::this_thread::yield();
    stop.request_stop();
  });
  EXPECT_EQ(this->transport().Send({"POST", "/never", {}, "x", ""}, options).code(),
            Code::kCancelled);
  stopper.join();
  EXPECT_EQ(this->transport().Send({"GET", "/echo", {}, "", ""}, options).code(), Code::kCancelled);
}

TYPED_TEST(EveryTransport, AStreamHandsOnEachChunkAsItComes) {
  auto stream = this->transport().Open({"GET", "/stream", {}, "", ""}, {});
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_EQ((*stream)->status(), 200);
  EXPECT_EQ((*stream)->headers().Get("Content-Type"), "text/event-stream");
  const auto sink = this->service_.AwaitSink();
  for (const char* text : {"one\n", "two\n"}) {
    EXPECT_EQ((*stream)->Read(In(milliseconds(20))).code(), Code::kDeadlineExceeded);
    ASSERT_TRUE(sink->Write(text));
    const auto got = (*stream)->Read(In(seconds(120)));
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(*got, text);
  }
  sink->Close();
  const auto end = (*stream)->Read(In(seconds(120)));
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(*end, "");
}

TYPED_TEST(EveryTransport, ClosingAStreamWakesItsReaderAndTellsTheServer) {
  auto stream = this->transport().Open({"GET", "/stream", {}, "", ""}, {});
  ASSERT_TRUE(stream.ok()) << stream.status();
  const auto sink = this->service_.AwaitSink();
  std::thread closer([&] { (*stream)->Close(); });
  EXPECT_EQ((*stream)->Read(In(seconds(120))).code(), Code::kCancelled);
  closer.join();
  stream->reset();
  const MonoTime deadline = In(seconds(120));
  while (!sink->closed() && SystemClock().Monotonic() < deadline) std::this_thread::yield();
  EXPECT_TRUE(sink->closed());
}

TYPED_TEST(EveryTransport, AStopEndsAStream) {
  std::stop_source stop;
  CallOptions options;
  options.stop = stop.get_token();
  auto stream = this->transport().Open({"GET", "/stream", {}, "", ""}, options);
  ASSERT_TRUE(stream.ok()) << stream.status();
  std::thread stopper([&] { stop.request_stop(); });
  EXPECT_EQ((*stream)->Read(In(seconds(120))).code(), Code::kCancelled);
  stopper.join();
}

TYPED_TEST(EveryTransport, AReaderThatIsFarTooSlowLosesTheStreamWithAnError) {
  auto stream = this->transport().Open({"GET", "/stream", {}, "", ""}, {});
  ASSERT_TRUE(stream.ok()) << stream.status();
  const auto sink = this->service_.AwaitSink();
  const std::string chunk(256 << 10, 'x');
  int written = 0;
  while (sink->Write(chunk) && written < 1000) ++written;
  EXPECT_LT(written, 1000) << "the writer is told";
  Status status;
  while (status.ok()) {
    const auto got = (*stream)->Read(In(seconds(120)));
    status = got.status();
    ASSERT_FALSE(got.ok() && got->empty()) << "a cut stream must not look complete";
  }
  EXPECT_EQ(status.code(), Code::kAborted) << status;
}

TYPED_TEST(EveryTransport, StreamsThatAreGivenUpTogetherHoldUpNobody) {
  for (int round = 0; round < 5; ++round) {
    std::vector<std::unique_ptr<ResponseStream>> streams;
    for (int i = 0; i < 8; ++i) {
      auto stream =
          this->transport().Open({"GET", "/size/4000000", {}, "", ""}, this->Within(seconds(120)));
      ASSERT_TRUE(stream.ok()) << stream.status();
      ASSERT_TRUE((*stream)->Read(In(seconds(120))).ok());
      streams.push_back(*std::move(stream));
    }
    std::vector<std::thread> leaving;
    for (auto& stream : streams) leaving.emplace_back([&stream] { stream->Close(); });
    for (std::thread& thread : leaving) thread.join();
    const auto next =
        this->transport().Send({"GET", "/echo", {}, "", ""}, this->Within(seconds(120)));
    EXPECT_TRUE(next.ok()) << next.status();
  }
}

TYPED_TEST(EveryTransport, ManyThreadsCanCallAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const std::string text = std::to_string(t) + "/" + std::to_string(i);
        const auto response =
            this->transport().Send({"POST", "/echo", {}, text, ""}, this->Within(seconds(20)));
        if (response.ok() && response->body == text) ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 200);
}

TEST(UnixTransport, ASocketThatIsNotThereIsUnavailableAndNamed) {
  const auto transport = MakeUnixTransport("/nonexistent/docker.sock", SystemClock());
  const auto response = transport->Send({}, {});
  EXPECT_EQ(response.code(), Code::kUnavailable);
  EXPECT_THAT(response.status().message(), HasSubstr("/nonexistent/docker.sock: No such file"));
  EXPECT_EQ(MakeUnixTransport(std::string(200, 'x'), SystemClock())->Send({}, {}).code(),
            Code::kUnavailable);
}

TEST(UnixTransport, AConnectionThatTheServerClosedMeanwhileIsNotUsedAgain) {
  Service service;
  ServerOptions options;
  options.idle_deadline = milliseconds(50);
  auto server = *Server::Start(options, service);
  UnixRelay relay(server->port());
  const auto transport = MakeUnixTransport(relay.path(), SystemClock());
  for (int i = 0; i < 3; ++i) {
    const auto response = transport->Send({"POST", "/echo", {}, "x", ""}, {});
    ASSERT_TRUE(response.ok()) << response.status();
    relay.AwaitNoConnections();
  }
}

TEST(InProcessTransport, AddsItsHeadersAndKeepsThePeerEmpty) {
  std::string authorization;
  auto handler = FunctionHandler::Answering([&](const Request& request) {
    authorization = std::string(request.headers.Get("Authorization").value_or(""));
    return Response{200, {}, request.peer};
  });
  const auto transport =
      MakeInProcessTransport(handler, {{"Authorization", "Bearer x"}}, SystemClock());
  EXPECT_EQ(transport->Send({}, {})->body, "");
  EXPECT_EQ(authorization, "Bearer x");
}

TEST(InProcessTransport, DeadlinesFollowTheGivenClock) {
  SimulatedClock clock(WallTime{});
  Service service;
  const auto transport = MakeInProcessTransport(service, {}, clock);
  CallOptions options;
  options.deadline = clock.Monotonic() + std::chrono::hours(1);
  std::thread advance([&] {
    while (clock.NextDeadline() == MonoTime::max()) std::this_thread::yield();
    clock.Advance(std::chrono::hours(1));
  });
  EXPECT_EQ(transport->Send({"GET", "/never", {}, "", ""}, options).code(),
            Code::kDeadlineExceeded);
  advance.join();
}

}  // namespace
}  // namespace salve::http
