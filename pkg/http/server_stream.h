// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_SERVER_STREAM_H_
#define SALVE_PKG_HTTP_SERVER_STREAM_H_

#include <cstddef>
#include <functional>
#include <string>

#include "pkg/base/mutex.h"
#include "pkg/http/handler.h"

namespace salve::http {

// The sink of a streamed response: chunks wait here, already framed, until the connection takes
// them. Thread-safe. `wake` asks the connection to look (Take); it is called without a lock held,
// from the writer's thread, and must not block.
class ServerStream final : public StreamSink {
 public:
  ServerStream(std::size_t buffer_bytes, bool chunked, std::function<void()> wake)
      : limit_(buffer_bytes), chunked_(chunked), wake_(std::move(wake)) {}

  // An empty buffer takes one chunk of any size, so that a large one is no dead end.
  bool Write(std::string chunk) override;
  void Close() override;
  bool closed() const override;
  void OnClosed(std::function<void()> callback) override;

  enum class Next {
    kSend,      // `bytes` has what to send now
    kWait,      // nothing yet; `wake` will be called
    kEnd,       // everything was taken and the writer is done
    kOverflow,  // the reader was too slow: break the connection
  };
  // The connection's side: counts what Take gave before as sent.
  Next Take(std::string& bytes);
  // True once the reader was too slow, also while a write is under way.
  bool overflowed() const;
  // The connection is over, or the server stops: no more writes.
  void ReaderGone();

 private:
  enum class State { kOpen, kFinished, kOverflowed, kGone };

  void NotifyWriter() SALVE_EXCLUDES(mu_);

  const std::size_t limit_;
  const bool chunked_;
  const std::function<void()> wake_;

  mutable Mutex mu_;
  State state_ SALVE_GUARDED_BY(mu_) = State::kOpen;
  std::string pending_ SALVE_GUARDED_BY(mu_);
  std::size_t in_flight_ SALVE_GUARDED_BY(mu_) = 0;
  bool waiting_ SALVE_GUARDED_BY(mu_) = false;  // the connection found nothing: wake it
  std::function<void()> on_closed_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_SERVER_STREAM_H_
