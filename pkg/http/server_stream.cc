// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/server_stream.h"

#include <utility>

#include "pkg/http/wire.h"

namespace salve::http {

bool ServerStream::Write(std::string chunk) {
  bool wake = false;
  bool overflowed = false;
  {
    MutexLock lock(mu_);
    if (state_ != State::kOpen) return false;
    if (chunk.empty()) return true;
    const std::size_t unread = pending_.size() + in_flight_;
    if (unread != 0 && unread + chunk.size() > limit_) {
      state_ = State::kOverflowed;
      overflowed = true;
      wake = true;  // Even if a write is under way: it may never end.
    } else {
      if (!chunked_) {
        pending_ += chunk;
      } else {
        AppendChunk(pending_, chunk);
      }
      wake = std::exchange(waiting_, false);
    }
  }
  if (wake) wake_();
  if (overflowed) NotifyWriter();
  return !overflowed;
}

void ServerStream::Close() {
  std::function<void()> drop;
  {
    MutexLock lock(mu_);
    if (state_ != State::kOpen) return;
    state_ = State::kFinished;
    drop.swap(on_closed_);  // It may own the writer, which owns this.
    if (!std::exchange(waiting_, false)) return;
  }
  wake_();
}

bool ServerStream::closed() const {
  MutexLock lock(mu_);
  return state_ != State::kOpen;
}

void ServerStream::OnClosed(std::function<void()> callback) {
  {
    MutexLock lock(mu_);
    if (state_ == State::kFinished) return;
    on_closed_ = std::move(callback);
    if (state_ == State::kOpen) return;
  }
  NotifyWriter();
}

ServerStream::Next ServerStream::Take(std::string& bytes) {
  MutexLock lock(mu_);
  if (state_ == State::kOverflowed) return Next::kOverflow;
  bytes.clear();
  if (!pending_.empty()) {
    bytes.swap(pending_);
    in_flight_ = bytes.size();
    return Next::kSend;
  }
  in_flight_ = 0;
  if (state_ != State::kOpen) return Next::kEnd;
  waiting_ = true;
  return Next::kWait;
}

bool ServerStream::overflowed() const {
  MutexLock lock(mu_);
  return state_ == State::kOverflowed;
}

void ServerStream::ReaderGone() {
  {
    MutexLock lock(mu_);
    if (state_ == State::kFinished || state_ == State::kGone) return;
    state_ = State::kGone;
  }
  NotifyWriter();
}

void ServerStream::NotifyWriter() {
  std::function<void()> callback;
  {
    MutexLock lock(mu_);
    callback.swap(on_closed_);
  }
  if (callback) callback();
}

}  // namespace salve::http
