// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_BODY_PIPE_H_
#define SALVE_PKG_HTTP_BODY_PIPE_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/status.h"
#include "pkg/http/handler.h"

namespace salve::http {

// A bounded queue of body chunks between a writer that never blocks and one reader that may.
// Thread-safe. `clock` must outlive it.
class BodyPipe final : public StreamSink {
 public:
  // A chunk is refused, and the pipe broken, when it would leave more than `buffer_bytes` unread.
  // An empty pipe takes one chunk of any size, so that a large one is no dead end.
  BodyPipe(std::size_t buffer_bytes, Clock& clock) : limit_(buffer_bytes), clock_(clock) {}

  // StreamSink: the writer's side.
  bool Write(std::string chunk) override;
  void Close() override;
  bool closed() const override;
  void OnClosed(std::function<void()> callback) override;

  // The reader's side; see ResponseStream::Read. kAborted after an overflow, once what was queued
  // before it has been read.
  StatusOr<std::string> Read(MonoTime deadline);
  // The reader leaves: pending and later reads are kCancelled, the writer is told.
  void CloseReader();

 private:
  enum class State { kOpen, kFinished, kOverflowed, kReaderGone };

  // Tells the writer, once. Called without the lock: the callback may call back.
  void NotifyWriter() SALVE_EXCLUDES(mu_);

  const std::size_t limit_;
  Clock& clock_;

  mutable Mutex mu_;
  CondVar changed_;
  State state_ SALVE_GUARDED_BY(mu_) = State::kOpen;
  std::deque<std::string> chunks_ SALVE_GUARDED_BY(mu_);
  std::size_t queued_bytes_ SALVE_GUARDED_BY(mu_) = 0;
  std::function<void()> on_closed_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_BODY_PIPE_H_
