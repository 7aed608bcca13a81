// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "pkg/base/clock.h"
#include "pkg/http/server.h"
#include "pkg/http/testing/function_handler.h"
#include "pkg/http/testing/raw_client.h"

namespace salve::http {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kGet[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

class ServerLimits : public ::testing::Test {
 protected:
  void Start(const ServerOptions& options) {
    auto server = Server::Start(options, handler_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  int port() const { return server_->port(); }
  // How long the server took to close a connection on which `bytes` were sent, and what it said.
  std::chrono::milliseconds TimeToClose(std::string_view bytes, std::string* said) {
    const MonoTime start = SystemClock().Monotonic();
    RawClient client(port());
    client.Send(bytes);
    *said = client.ReadToEnd();
    EXPECT_TRUE(client.closed());
    return std::chrono::duration_cast<std::chrono::milliseconds>(SystemClock().Monotonic() - start);
  }
  // What the server says when time is over for `bytes`. It says nothing where they came only then:
  // on a machine that stood still meanwhile they are sent again.
  std::string SaidTooLate(std::string_view bytes) {
    std::string said;
    for (int i = 0; i < 20 && said.empty(); ++i) TimeToClose(bytes, &said);
    return said;
  }

  std::atomic<int> handled_ = 0;
  std::string big_ = std::string(8 << 20, 'x');
  FunctionHandler handler_ = FunctionHandler::Answering([this](const Request& request) {
    ++handled_;
    return Response{200, {}, request.target == "/big" ? big_ : "ok"};
  });
  std::unique_ptr<Server> server_;
};

TEST_F(ServerLimits, ALongerBodyIsA413BeforeItIsSent) {
  ServerOptions options;
  options.max_body_bytes = 100;
  Start(options);
  RawClient client(port());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n");
  EXPECT_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 413"));
  RawClient fits(port());
  fits.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n" + std::string(100, 'x'));
  EXPECT_THAT(fits.ReadResponse(), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerLimits, AChunkedBodyIsA413AsSoonAsItIsTooLong) {
  ServerOptions options;
  options.max_body_bytes = 100;
  Start(options);
  RawClient client(port());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" +
              std::string(64, 'x') + "\r\n40\r\n" + std::string(64, 'x') + "\r\n");
  EXPECT_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 413"));
  EXPECT_EQ(handled_, 0);
}

TEST_F(ServerLimits, ALargerHeaderOrTooManyFieldsAreA431) {
  ServerOptions options;
  options.max_header_bytes = 4096;
  Start(options);
  std::string said;
  TimeToClose("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(5000, 'x') + "\r\n\r\n", &said);
  EXPECT_THAT(said, StartsWith("HTTP/1.1 431"));
  TimeToClose("GET /" + std::string(100'000, 'x'), &said);
  EXPECT_THAT(said, StartsWith("HTTP/1.1 431"));
  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 150; ++i) many += "X: 1\r\n";
  TimeToClose(many + "\r\n", &said);
  EXPECT_THAT(said, StartsWith("HTTP/1.1 431"));
}

TEST_F(ServerLimits, TheHeadMustBeThereInTimeHoweverItTrickles) {
  ServerOptions options;
  options.header_deadline = std::chrono::milliseconds(150);
  Start(options);
  std::string said;
  EXPECT_GE(TimeToClose("", &said).count(), 140);
  EXPECT_EQ(said, "") << "nothing was asked, nothing is said";
  EXPECT_THAT(SaidTooLate("GET / HTTP/1.1\r\nHost:"), StartsWith("HTTP/1.1 408"));
  // Byte by byte does not extend it.
  RawClient slow(port());
  const MonoTime start = SystemClock().Monotonic();
  while (slow.Send("x") && SystemClock().Monotonic() - start < std::chrono::seconds(120)) {
  }
  EXPECT_LT(SystemClock().Monotonic() - start, std::chrono::seconds(120));
}

TEST_F(ServerLimits, TheWholeRequestMustBeThereInTime) {
  ServerOptions options;
  options.request_deadline = std::chrono::milliseconds(150);
  Start(options);
  EXPECT_THAT(SaidTooLate("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc"),
              StartsWith("HTTP/1.1 408"));
  EXPECT_EQ(handled_, 0);
}

TEST_F(ServerLimits, AnIdleKeptConnectionIsClosed) {
  ServerOptions options;
  options.idle_deadline = std::chrono::milliseconds(150);
  Start(options);
  std::string said;
  TimeToClose(kGet, &said);
  EXPECT_THAT(said, EndsWith("ok"));
}

TEST_F(ServerLimits, AReaderThatStandsStillIsClosed) {
  ServerOptions options;
  options.write_deadline = std::chrono::milliseconds(150);
  Start(options);
  RawClient client(port(), "127.0.0.1", 4096);
  client.Send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  // The server gives up: a new request on this connection finds nobody, long before all was read.
  const MonoTime deadline = SystemClock().Monotonic() + std::chrono::seconds(120);
  while (client.Send("x") && SystemClock().Monotonic() < deadline) {
  }
  EXPECT_LT(SystemClock().Monotonic(), deadline);
  EXPECT_LT(client.ReadToEnd().size(), big_.size());
}

TEST_F(ServerLimits, ConnectionsBeyondTheCapAreTurnedAwayAndRoomIsFoundAgain) {
  ServerOptions options;
  options.max_connections = 2;
  Start(options);
  RawClient first(port());
  RawClient second(port());
  first.Send(kGet);
  second.Send(kGet);
  EXPECT_THAT(first.ReadResponse(), EndsWith("ok"));
  EXPECT_THAT(second.ReadResponse(), EndsWith("ok"));
  const std::string refused = RawClient(port()).ReadToEnd();
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(refused, HasSubstr("Retry-After: 1\r\n"));
  first.Close();
  const MonoTime deadline = SystemClock().Monotonic() + std::chrono::seconds(120);
  std::string answer;
  while (!answer.ends_with("ok") && SystemClock().Monotonic() < deadline) {
    RawClient next(port());
    next.Send(kGet);
    answer = next.ReadResponse();
  }
  EXPECT_THAT(answer, EndsWith("ok"));
}

TEST_F(ServerLimits, OneAddressCannotTakeEverything) {
  ServerOptions options;
  options.max_connections_per_address = 1;
  Start(options);
  RawClient first(port(), "127.0.0.1");
  first.Send(kGet);
  EXPECT_THAT(first.ReadResponse(), EndsWith("ok"));
  EXPECT_THAT(RawClient(port(), "127.0.0.1").ReadToEnd(), StartsWith("HTTP/1.1 503"));
  RawClient other(port(), "127.0.0.2");
  other.Send(kGet);
  EXPECT_THAT(other.ReadResponse(), EndsWith("ok"));
}

TEST_F(ServerLimits, AThousandSlowClientsDoNotDelayAnother) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < 3000) {
    files.rlim_cur = std::min<rlim_t>(files.rlim_max, 4096);
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  if (files.rlim_cur < 3000) GTEST_SKIP() << "too few file descriptors";
  ServerOptions options;
  options.max_connections = 2000;
  options.max_connections_per_address = 2000;
  // Longer than anybody waits here: whoever is answered is answered while all of them are on their
  // way.
  options.header_deadline = std::chrono::hours(1);
  options.request_deadline = std::chrono::hours(1);
  Start(options);
  std::vector<RawClient> slow;
  for (int i = 0; i < 1000; ++i) {
    slow.emplace_back(port());
    ASSERT_TRUE(slow.back().connected()) << i;
    slow.back().Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Le");
  }
  for (int i = 0; i < 20; ++i) {
    RawClient client(port(), "127.0.0.2");
    client.Send(kGet);
    EXPECT_THAT(client.ReadResponse(), EndsWith("ok"));
  }
}

TEST_F(ServerLimits, AnIdleServerCostsNoProcessorTime) {
  Start({});
  RawClient idle(port());
  idle.Send(kGet);
  idle.ReadResponse();
  rusage before{};
  rusage after{};
  ::getrusage(RUSAGE_SELF, &before);
  Mutex mu;
  CondVar never;
  const MonoTime end = SystemClock().Monotonic() + std::chrono::milliseconds(300);
  {
    MutexLock lock(mu);
    while (SystemClock().WaitUntil(never, mu, end)) {
    }
  }
  ::getrusage(RUSAGE_SELF, &after);
  EXPECT_LE(after.ru_nvcsw - before.ru_nvcsw, 20) << "somebody wakes up all the time";
}

}  // namespace
}  // namespace salve::http
