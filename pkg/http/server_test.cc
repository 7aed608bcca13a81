// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/server.h"

#include <atomic>
#include <stdexcept>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "pkg/http/testing/function_handler.h"
#include "pkg/http/testing/raw_client.h"
#include "pkg/http/wire.h"

namespace salve::http {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::unique_ptr<Server> StartOrDie(Handler& handler, const ServerOptions& options = {}) {
  auto server = Server::Start(options, handler);
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

FunctionHandler Echo() {
  return FunctionHandler::Answering([](const Request& request) {
    return Response{200,
                    {{"X-Method", request.method}, {"X-Target", request.target}},
                    request.body.empty() ? "hello" : request.body};
  });
}

TEST(Server, OneConnectionServesManyRequestsInOrder) {
  auto handler = Echo();
  const auto server = StartOrDie(handler);
  RawClient client(server->port());
  client.Send("GET /a?x=1 HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string first = client.ReadResponse();
  EXPECT_THAT(first, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(first, HasSubstr("X-Target: /a?x=1\r\n"));
  EXPECT_THAT(first, EndsWith("\r\n\r\nhello"));
  client.Send("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_THAT(client.ReadResponse(), EndsWith("\r\n\r\nabc"));
  client.Send(
      "PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n");
  EXPECT_THAT(client.ReadResponse(), EndsWith("\r\n\r\nxy"));
}

TEST(Server, PipelinedRequestsAreAnsweredOneAfterTheOther) {
  auto handler = Echo();
  const auto server = StartOrDie(handler);
  RawClient client(server->port());
  client.Send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.ReadResponse(), HasSubstr("X-Target: /1"));
  EXPECT_THAT(client.ReadResponse(), HasSubstr("X-Target: /2"));
}

TEST(Server, HeadAnnouncesTheLengthAndSendsNoBody) {
  auto handler = Echo();
  const auto server = StartOrDie(handler);
  RawClient client(server->port());
  client.Send("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const std::string all = client.ReadToEnd();
  EXPECT_THAT(all, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(all, EndsWith("\r\n\r\n"));
}

TEST(Server, ConnectionCloseAndHttp10EndTheConnectionAfterTheAnswer) {
  auto handler = Echo();
  const auto server = StartOrDie(handler);
  for (const char* request :
       {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"}) {
    RawClient client(server->port());
    client.Send(request);
    EXPECT_THAT(client.ReadToEnd(), EndsWith("hello"));
    EXPECT_TRUE(client.closed());
  }
}

TEST(Server, WhatIsNoProperRequestIsA400AndTheConnectionEnds) {
  std::atomic<int> handled = 0;
  auto handler = FunctionHandler::Answering([&](const Request&) {
    ++handled;
    return Response{};
  });
  const auto server = StartOrDie(handler);
  const struct {
    const char* why;
    const char* bytes;
    const char* status;
  } kCases[] = {
      {"garbage", "\x16\x03\x01 nonsense\r\n\r\n", "400"},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", "400"},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
      {"length beside chunks",
       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: "
       "chunked\r\n\r\n0\r\n\r\n",
       "400"},
      {"two lengths",
       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "400"},
      {"negative length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", "400"},
      {"bad chunk", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
       "400"},
      {"asterisk target", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
      {"unknown expectation", "GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n", "417"},
      {"a later version", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", "505"},
  };
  for (const auto& c : kCases) {
    RawClient client(server->port());
    client.Send(c.bytes);
    EXPECT_THAT(client.ReadToEnd(), StartsWith(std::string("HTTP/1.1 ") + c.status)) << c.why;
    EXPECT_TRUE(client.closed()) << c.why;
  }
  EXPECT_EQ(handled, 0);
}

TEST(Server, AHandlerThatThrowsOrForgetsToAnswerIsA500AndTheNextRequestWorks) {
  FunctionHandler handler([](const Request& request, std::unique_ptr<ResponseWriter> writer) {
    if (request.target == "/throw") throw std::runtime_error("boom");
    if (request.target == "/forget") return;
    writer->Send({});
  });
  const auto server = StartOrDie(handler);
  RawClient client(server->port());
  for (const char* target : {"/throw", "/forget"}) {
    client.Send(std::string("GET ") + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string response = client.ReadResponse();
    EXPECT_THAT(response, StartsWith("HTTP/1.1 500"));
    EXPECT_THAT(response, Not(HasSubstr("boom")));
  }
  client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 200"));
}

TEST(Server, AnAnswerMayComeLaterFromAnotherThread) {
  std::vector<std::thread> threads;
  FunctionHandler handler([&](const Request&, std::unique_ptr<ResponseWriter> writer) {
    threads.emplace_back(
        [w = std::shared_ptr<ResponseWriter>(std::move(writer))] { w->Send({200, {}, "late"}); });
  });
  auto server = StartOrDie(handler);
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.ReadResponse(), EndsWith("late"));
  server.reset();
  for (auto& t : threads) t.join();
}

TEST(Server, AnAnswerAfterTheServerHasGoneIsHarmless) {
  std::unique_ptr<ResponseWriter> kept;
  std::atomic<bool> got = false;
  FunctionHandler handler([&](const Request&, std::unique_ptr<ResponseWriter> writer) {
    kept = std::move(writer);
    got = true;
    got.notify_all();
  });
  auto server = StartOrDie(handler);
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  got.wait(false);
  server.reset();
  kept->Send({200, {}, "too late"});
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST(Server, AValueCannotBecomeAField) {
  auto handler = FunctionHandler::Answering([](const Request&) {
    return Response{200, {{"X-A", "1\r\nSet-Cookie: x=1"}, {"Content-Length", "9"}}, "ok"};
  });
  const auto server = StartOrDie(handler);
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string response = client.ReadResponse();
  EXPECT_THAT(response, Not(HasSubstr("\r\nSet-Cookie")));
  EXPECT_THAT(response, HasSubstr("Content-Length: 2\r\n"));
}

TEST(Server, AHeadThatIsNotAdmittedIsAnsweredBeforeItsBodyIsRead) {
  FunctionHandler handler(
      [](const Request&, std::unique_ptr<ResponseWriter> writer) { writer->Send({}); },
      [](const Request& head, Response* refusal) {
        if (head.headers.Get("Authorization")) return true;
        *refusal = PlainText(401, "who are you?");
        return false;
      });
  const auto server = StartOrDie(handler);
  RawClient client(server->port());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 401"));
  RawClient keeps(server->port());
  keeps.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(keeps.ReadResponse(), StartsWith("HTTP/1.1 401"));
  keeps.Send("GET / HTTP/1.1\r\nHost: h\r\nAuthorization: x\r\n\r\n");
  EXPECT_THAT(keeps.ReadResponse(), StartsWith("HTTP/1.1 200"))
      << "no body: the connection goes on";
}

TEST(Server, WhoExpects100ContinueIsToldToGoOn) {
  auto handler = Echo();
  const auto server = StartOrDie(handler);
  RawClient client(server->port());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("abc");
  EXPECT_THAT(client.ReadResponse(), EndsWith("abc"));
}

TEST(Server, APortInUseIsNamedInTheError) {
  auto handler = Echo();
  const auto server = StartOrDie(handler);
  ServerOptions options;
  options.port = server->port();
  const auto second = Server::Start(options, handler);
  EXPECT_EQ(second.code(), Code::kAlreadyExists);
  EXPECT_THAT(second.status().message(), HasSubstr("127.0.0.1:" + std::to_string(server->port()) +
                                                   ": Address already in use"));
}

TEST(Server, AddressesAndPortsThatCannotBeAreRefused) {
  auto handler = Echo();
  ServerOptions options;
  options.address = "no.such.host";
  EXPECT_EQ(Server::Start(options, handler).code(), Code::kInvalidArgument);
  options.address = "127.0.0.1";
  options.port = 70000;
  EXPECT_EQ(Server::Start(options, handler).code(), Code::kInvalidArgument);
  options.address = "203.0.113.1";
  options.port = 0;
  EXPECT_EQ(Server::Start(options, handler).code(), Code::kUnavailable);
}

TEST(Server, StoppingLetsARunningRequestFinish) {
  std::atomic<bool> running = false;
  std::atomic<bool> go = false;
  FunctionHandler handler([&](const Request&, std::unique_ptr<ResponseWriter> writer) {
    running = true;
    running.notify_all();
    go.wait(false);
    writer->Send({200, {}, "done"});
  });
  const auto server = StartOrDie(handler);
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  running.wait(false);
  std::thread stopper([&] { server->Stop(std::chrono::minutes(5)); });
  // The listening socket closes first; then the answer is let go.
  while (RawClient(server->port()).connected()) {
  }
  go = true;
  go.notify_all();
  EXPECT_THAT(client.ReadToEnd(), EndsWith("done"));
  EXPECT_TRUE(client.closed()) << "the answer came when the grace was over";
  stopper.join();
}

}  // namespace
}  // namespace salve::http
