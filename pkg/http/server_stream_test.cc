// SPDX-License-Identifier: Apache-2.0
#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/clock.h"
#include "pkg/http/server.h"
#include "pkg/http/testing/function_handler.h"
#include "pkg/http/testing/raw_client.h"

namespace salve::http {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr char kGet[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

// Streams to whoever asks; the test writes.
class ServerStreams : public ::testing::Test {
 protected:
  void Start(const ServerOptions& options, std::size_t buffer_bytes = 1 << 20) {
    buffer_bytes_ = buffer_bytes;
    auto server = Server::Start(options, handler_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void AwaitStream() { streaming_.wait(false); }
  bool AwaitClosed() {
    const MonoTime deadline = SystemClock().Monotonic() + std::chrono::seconds(120);
    MutexLock lock(mu_);
    while (!closed_ && SystemClock().WaitUntil(changed_, mu_, deadline)) {
    }
    return closed_;
  }

  std::size_t buffer_bytes_ = 0;
  std::atomic<bool> streaming_ = false;
  std::shared_ptr<StreamSink> sink_;
  Mutex mu_;
  CondVar changed_;
  bool closed_ = false;
  FunctionHandler handler_{[this](const Request& request, std::unique_ptr<ResponseWriter> writer) {
    if (request.target == "/plain") return writer->Send({200, {}, "plain"});
    sink_ = writer->Stream({200, {{"Content-Type", "text/event-stream"}}, ""}, buffer_bytes_);
    sink_->OnClosed([this] {
      MutexLock lock(mu_);
      closed_ = true;
      changed_.NotifyAll();
    });
    streaming_ = true;
    streaming_.notify_all();
  }};
  std::unique_ptr<Server> server_;
};

TEST_F(ServerStreams, TheHeadComesAtOnceAndChunksAsTheyAreWritten) {
  Start({});
  RawClient client(server_->port());
  client.Send(kGet);
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), HasSubstr("Transfer-Encoding: chunked\r\n"));
  AwaitStream();
  EXPECT_TRUE(sink_->Write("one"));
  EXPECT_EQ(client.ReadUntil("one\r\n"), "3\r\none\r\n");
  EXPECT_TRUE(sink_->Write("two"));
  EXPECT_EQ(client.ReadUntil("two\r\n"), "3\r\ntwo\r\n");
  sink_->Close();
  EXPECT_EQ(client.ReadUntil("0\r\n\r\n"), "0\r\n\r\n");
  EXPECT_FALSE(sink_->Write("three"));
  client.Send("GET /plain HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.ReadResponse(), EndsWith("plain")) << "the connection goes on";
  EXPECT_FALSE(closed_) << "the writer ended it itself";
}

TEST_F(ServerStreams, ARequestSentDuringAStreamIsAnsweredAfterIt) {
  Start({});
  RawClient client(server_->port());
  client.Send(std::string(kGet) + "GET /plain HTTP/1.1\r\nHost: h\r\n\r\n");
  AwaitStream();
  sink_->Write("one");
  sink_->Close();
  client.ReadUntil("0\r\n\r\n");
  EXPECT_THAT(client.ReadResponse(), EndsWith("plain"));
}

TEST_F(ServerStreams, AnHttp10ReaderGetsTheBytesWithoutChunks) {
  Start({});
  RawClient client(server_->port());
  client.Send("GET / HTTP/1.0\r\n\r\n");
  AwaitStream();
  sink_->Write("one");
  sink_->Write("two");
  sink_->Close();
  EXPECT_THAT(client.ReadToEnd(), EndsWith("\r\n\r\nonetwo"));
}

TEST_F(ServerStreams, TheWriterLearnsThatTheReaderHasGone) {
  Start({});
  RawClient client(server_->port());
  client.Send(kGet);
  AwaitStream();
  client.Close();
  EXPECT_TRUE(AwaitClosed());
  EXPECT_TRUE(sink_->closed());
  EXPECT_FALSE(sink_->Write("x"));
}

TEST_F(ServerStreams, ASlowReaderOverflowsItsBufferAndIsClosedWhileTheWriterNeverWaits) {
  Start({}, 64 << 10);
  RawClient client(server_->port(), "127.0.0.1", 4096);
  client.Send(kGet);
  AwaitStream();
  const std::string chunk(16 << 10, 'x');
  int written = 0;
  while (sink_->Write(chunk) && written < 10'000) ++written;
  EXPECT_LT(written, 10'000);
  EXPECT_TRUE(AwaitClosed());
  client.ReadToEnd();
  EXPECT_TRUE(client.closed());
}

TEST_F(ServerStreams, AChunkLargerThanTheBufferPassesAnEmptyOne) {
  Start({}, 1024);
  RawClient client(server_->port());
  client.Send(kGet);
  AwaitStream();
  ASSERT_TRUE(sink_->Write(std::string(100'000, 'x')));
  sink_->Close();
  EXPECT_EQ(client.ReadUntil("\r\n0\r\n\r\n").size() > 100'000, true);
}

TEST_F(ServerStreams, StoppingTheServerEndsStreamsInOrder) {
  Start({});
  RawClient client(server_->port());
  client.Send(kGet);
  AwaitStream();
  sink_->Write("last words");
  server_->Stop(std::chrono::seconds(5));
  EXPECT_THAT(client.ReadToEnd(), EndsWith("last words\r\n0\r\n\r\n"));
  EXPECT_TRUE(AwaitClosed());
  EXPECT_FALSE(sink_->Write("x"));
}

}  // namespace
}  // namespace salve::http
