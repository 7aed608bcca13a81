// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_TESTING_FAULT_TRANSPORT_H_
#define SALVE_PKG_HTTP_TESTING_FAULT_TRANSPORT_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/http/transport.h"

namespace salve::http {

// One thing that goes wrong with one request.
struct Fault {
  enum class Kind {
    kNone,
    kRefuseConnect,    // kUnavailable, nothing sent
    kCutBeforeSend,    // kAborted, nothing carried out (the caller cannot know)
    kCutAfterSend,     // carried out, then kAborted: the answer is lost
    kDelayToDeadline,  // carried out, then kDeadlineExceeded at the call's deadline
    kHangBeforeSend,   // not carried out, then kDeadlineExceeded at the call's deadline
    kStatus,           // `status` with Retry-After, not carried out
    kCutStream,        // the body ends with kAborted after `bytes` bytes
    kEndStream,        // the body ends regularly after `bytes` bytes: a truncated answer
    kOversizedBody,    // carried out, the body grows by `bytes` bytes
    kGarbage,          // carried out, the body is not what anybody asked for
  };
  Kind kind = Kind::kNone;
  int status = 503;
  std::optional<int> retry_after_seconds = std::nullopt;
  std::size_t bytes = 0;
};

// Wraps a working transport and breaks what `choose` says, request by request. Thread-safe if
// `choose` is. `clock` decides when a deadline has come: with a SimulatedClock the test does.
std::unique_ptr<Transport> MakeFaultTransport(Transport& real,
                                              std::function<Fault(const Request&)> choose,
                                              Clock& clock);

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_TESTING_FAULT_TRANSPORT_H_
