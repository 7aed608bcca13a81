// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/thread.h"

#include <cstring>
#include <memory>
#include <utility>

namespace salve::engine {
namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kStackBytes = 2u << 20;  // Instrumented frames are several times larger.
#else
constexpr std::size_t kStackBytes = 256u << 10;
#endif

struct StartArguments {
  std::string name;
  std::function<void()> body;
};

void* Main(void* argument) {
  const std::unique_ptr<StartArguments> start(static_cast<StartArguments*>(argument));
  pthread_setname_np(pthread_self(), start->name.substr(0, 15).c_str());
  start->body();
  return nullptr;
}

}  // namespace

Status Thread::Start(const std::string& name, std::function<void()> body) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  auto start = std::make_unique<StartArguments>(StartArguments{name, std::move(body)});
  const int error = pthread_create(&handle_, &attributes, &Main, start.get());
  pthread_attr_destroy(&attributes);
  if (error != 0) {
    return UnavailableError("starting thread \"" + name + "\": " + std::strerror(error));
  }
  start.release();  // NOLINT(bugprone-unused-return-value): Main owns it now.
  running_ = true;
  return Status::Ok();
}

void Thread::Join() {
  if (!running_) return;
  pthread_join(handle_, nullptr);
  running_ = false;
}

}  // namespace salve::engine
