// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/testing/fault_transport.h"

#include <thread>

#include <gtest/gtest.h>

#include "pkg/http/testing/scripted_transport.h"

namespace salve::http {
namespace {

using Kind = Fault::Kind;

class Faults : public ::testing::Test {
 protected:
  StatusOr<Response> Send(const Fault& fault, const CallOptions& options = {}) {
    faulty_ = MakeFaultTransport(real_, [fault](const Request&) { return fault; }, clock_);
    return faulty_->Send({}, options);
  }
  std::size_t carried_out() const { return real_.requests().size(); }

  SimulatedClock clock_{WallTime{}};
  ScriptedTransport real_{[](const Request&, const CallOptions&) {
    return StatusOr<Response>(Response{200, {}, "0123456789"});
  }};
  std::unique_ptr<Transport> faulty_;
};

TEST_F(Faults, EachErrorSaysWhetherTheRequestMayHaveBeenCarriedOut) {
  EXPECT_EQ(Send({.kind = Kind::kRefuseConnect}).code(), Code::kUnavailable);
  EXPECT_EQ(Send({.kind = Kind::kCutBeforeSend}).code(), Code::kAborted);
  EXPECT_EQ(carried_out(), 0u);
  EXPECT_EQ(Send({.kind = Kind::kCutAfterSend}).code(), Code::kAborted);
  EXPECT_EQ(carried_out(), 1u);
}

TEST_F(Faults, AStatusComesWithRetryAfter) {
  const auto response = Send({.kind = Kind::kStatus, .status = 429, .retry_after_seconds = 7});
  EXPECT_EQ(response->status, 429);
  EXPECT_EQ(response->headers.Get("Retry-After"), "7");
  EXPECT_EQ(carried_out(), 0u);
}

TEST_F(Faults, ADelayLastsUntilTheDeadlineOfTheTestsClock) {
  CallOptions options;
  options.deadline = clock_.Monotonic() + std::chrono::seconds(30);
  std::thread advance([&] {
    while (clock_.NextDeadline() == MonoTime::max()) std::this_thread::yield();
    clock_.Advance(std::chrono::seconds(30));
  });
  EXPECT_EQ(Send({.kind = Kind::kDelayToDeadline}, options).code(), Code::kDeadlineExceeded);
  advance.join();
  EXPECT_EQ(carried_out(), 1u);
}

TEST_F(Faults, AStreamIsCutAfterSoManyBytes) {
  const auto faulty = MakeFaultTransport(
      real_, [](const Request&) { return Fault{.kind = Kind::kCutStream, .bytes = 4}; }, clock_);
  auto stream = *faulty->Open({}, {});
  EXPECT_EQ(*stream->Read(MonoTime::max()), "0123");
  EXPECT_EQ(stream->Read(MonoTime::max()).code(), Code::kAborted);
}

TEST_F(Faults, BodiesCanBeTruncatedOversizedAndGarbage) {
  EXPECT_EQ(Send({.kind = Kind::kEndStream, .bytes = 3})->body, "012");
  CallOptions options;
  options.max_body_bytes = 15;
  EXPECT_EQ(Send({.kind = Kind::kOversizedBody, .bytes = 6}, options).code(),
            Code::kInvalidArgument);
  EXPECT_NE(Send({.kind = Kind::kGarbage})->body, "0123456789");
}

}  // namespace
}  // namespace salve::http
