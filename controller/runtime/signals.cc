// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/signals.h"

#include <cerrno>
#include <csignal>
#include <ctime>

namespace salve::runtime {
namespace {

sigset_t Handled() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

}  // namespace

void BlockSignals() {
  const sigset_t set = Handled();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A peer that closes its end is an error of that write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
}

int WaitForTermination(const std::function<void()>& reload, const std::function<void()>& tidy) {
  const sigset_t set = Handled();
  timespec patience{10, 0};
  for (;;) {
    const int signal = sigtimedwait(&set, nullptr, &patience);
    if (signal < 0) {
      if (errno == EAGAIN) {
        patience.tv_sec = 60;
        tidy();
      }
      continue;
    }
    if (signal == SIGHUP) {
      reload();
      continue;
    }
    // From here on the default action holds: whoever asks twice does not want to wait for the
    // drain.
    sigset_t terminating = Handled();
    sigdelset(&terminating, SIGHUP);
    pthread_sigmask(SIG_UNBLOCK, &terminating, nullptr);
    return signal;
  }
}

}  // namespace salve::runtime
