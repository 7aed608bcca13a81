// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_MUTEX_H_
#define SALVE_PKG_BASE_MUTEX_H_

#include <chrono>
#include <condition_variable>
#include <mutex>

// Clang's thread-safety attributes; nothing elsewhere. The clang-thread-safety preset turns their
// violations into errors.
#if defined(__clang__)
#define SALVE_TSA(x) __attribute__((x))
#else
#define SALVE_TSA(x)
#endif
#define SALVE_GUARDED_BY(x) SALVE_TSA(guarded_by(x))
#define SALVE_PT_GUARDED_BY(x) SALVE_TSA(pt_guarded_by(x))
#define SALVE_REQUIRES(...) SALVE_TSA(requires_capability(__VA_ARGS__))
#define SALVE_EXCLUDES(...) SALVE_TSA(locks_excluded(__VA_ARGS__))
#define SALVE_ACQUIRE(...) SALVE_TSA(acquire_capability(__VA_ARGS__))
#define SALVE_RELEASE(...) SALVE_TSA(release_capability(__VA_ARGS__))
#define SALVE_NO_TSA SALVE_TSA(no_thread_safety_analysis)

namespace salve {

// std::mutex with annotations, so that a compiler can prove which field needs which lock.
class SALVE_TSA(capability("mutex")) Mutex {
 public:
  void Lock() SALVE_ACQUIRE() { mu_.lock(); }
  void Unlock() SALVE_RELEASE() { mu_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mu_;
};

// Holds a Mutex for a scope.
class SALVE_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mu) SALVE_ACQUIRE(mu) : mu_(mu) { mu_.Lock(); }
  ~MutexLock() SALVE_RELEASE() { mu_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mu_;
};

// A condition variable over Mutex. Waits may wake spuriously: loop over the condition. Timed waits
// go through Clock (clock.h), never through this class directly.
class CondVar {
 public:
  void Wait(Mutex& mu) SALVE_REQUIRES(mu) SALVE_NO_TSA {
    std::unique_lock<std::mutex> lock(mu.mu_, std::adopt_lock);
    cv_.wait(lock);
    lock.release();
  }
  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

 private:
  friend class RealClock;
  // True unless the real time `deadline` passed first.
  bool WaitUntilReal(Mutex& mu, std::chrono::steady_clock::time_point deadline)
      SALVE_REQUIRES(mu) SALVE_NO_TSA {
    std::unique_lock<std::mutex> lock(mu.mu_, std::adopt_lock);
    const bool notified = cv_.wait_until(lock, deadline) == std::cv_status::no_timeout;
    lock.release();
    return notified;
  }
  std::condition_variable cv_;
};

}  // namespace salve

#endif  // SALVE_PKG_BASE_MUTEX_H_
