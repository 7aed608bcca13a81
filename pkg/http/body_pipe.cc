// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/body_pipe.h"

#include <utility>

namespace salve::http {

bool BodyPipe::Write(std::string chunk) {
  {
    MutexLock lock(mu_);
    if (state_ != State::kOpen) return false;
    if (chunk.empty()) return true;
    if (queued_bytes_ == 0 || queued_bytes_ + chunk.size() <= limit_) {
      queued_bytes_ += chunk.size();
      chunks_.push_back(std::move(chunk));
      changed_.NotifyAll();
      return true;
    }
    state_ = State::kOverflowed;
    changed_.NotifyAll();
  }
  NotifyWriter();
  return false;
}

void BodyPipe::Close() {
  std::function<void()> drop;
  MutexLock lock(mu_);
  if (state_ != State::kOpen) return;
  state_ = State::kFinished;
  drop.swap(on_closed_);  // It may own the writer, which owns this.
  changed_.NotifyAll();
}

bool BodyPipe::closed() const {
  MutexLock lock(mu_);
  return state_ != State::kOpen;
}

void BodyPipe::OnClosed(std::function<void()> callback) {
  {
    MutexLock lock(mu_);
    if (state_ == State::kFinished) return;
    on_closed_ = std::move(callback);
    if (state_ == State::kOpen) return;
  }
  NotifyWriter();
}

StatusOr<std::string> BodyPipe::Read(MonoTime deadline) {
  MutexLock lock(mu_);
  while (chunks_.empty() && state_ == State::kOpen) {
    if (!clock_.WaitUntil(changed_, mu_, deadline) && chunks_.empty() && state_ == State::kOpen) {
      return DeadlineExceededError("reading a response stream: nothing came in time");
    }
  }
  if (state_ == State::kReaderGone) return CancelledError("the response stream was closed");
  if (!chunks_.empty()) {
    std::string chunk = std::move(chunks_.front());
    chunks_.pop_front();
    queued_bytes_ -= chunk.size();
    return chunk;
  }
  if (state_ == State::kFinished) return std::string();
  return AbortedError("the server ended the response stream: it was read too slowly");
}

void BodyPipe::CloseReader() {
  {
    MutexLock lock(mu_);
    const bool writer_is_done = state_ == State::kFinished;
    state_ = State::kReaderGone;
    chunks_.clear();
    queued_bytes_ = 0;
    changed_.NotifyAll();
    if (writer_is_done) return;
  }
  NotifyWriter();
}

void BodyPipe::NotifyWriter() {
  std::function<void()> callback;
  {
    MutexLock lock(mu_);
    callback.swap(on_closed_);
  }
  if (callback) callback();
}

}  // namespace salve::http
