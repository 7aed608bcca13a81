// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <thread>

#include "controller/runtime/manifests.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "pkg/base/log.h"

namespace salve::runtime {
namespace {

constexpr std::uint32_t kChanges = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                   IN_MOVED_TO | IN_DELETE_SELF | IN_ATTRIB;
// A checkout writes many files: wait until it has been quiet for so long.
constexpr int kQuietMillis = 200;
constexpr int kResyncMillis = 5 * 60 * 1000;

class InotifyWatcher final : public ManifestWatcher {
 public:
  InotifyWatcher(std::string directory, client::Client& client, int inotify, int stop)
      : directory_(std::move(directory)), client_(client), inotify_(inotify), stop_(stop) {
    thread_ = std::thread([this] { Run(); });
  }
  ~InotifyWatcher() override {
    const std::uint64_t one = 1;
    if (write(stop_, &one, sizeof one) < 0)
      Log(Severity::kError, "manifests: eventfd write failed");
    thread_.join();
    close(inotify_);
    close(stop_);
  }

 private:
  void Run() {
    do {
      WatchDirectories();
      Report(SyncManifests(directory_, client_));
    } while (WaitForChange());
  }

  void WatchDirectories() {
    inotify_add_watch(inotify_, directory_.c_str(), kChanges);
    std::error_code error;
    for (auto it = std::filesystem::recursive_directory_iterator(directory_, error);
         !error && it != std::filesystem::recursive_directory_iterator(); it.increment(error)) {
      if (it->is_directory()) inotify_add_watch(inotify_, it->path().c_str(), kChanges);
    }
  }

  // False to end.
  bool WaitForChange() {
    int timeout = kResyncMillis;
    for (;;) {
      std::array<pollfd, 2> fds{{{inotify_, POLLIN, 0}, {stop_, POLLIN, 0}}};
      const int ready = poll(fds.data(), fds.size(), timeout);
      if (ready < 0 && errno == EINTR) continue;
      if (fds[1].revents != 0) return false;
      if (ready <= 0) return true;
      std::array<char, 4096> events;
      while (read(inotify_, events.data(), events.size()) > 0) {
      }
      timeout = kQuietMillis;
    }
  }

  // The same errors are not repeated at each resync.
  void Report(const ManifestReport& report) {
    std::string errors;
    for (const ManifestError& error : report.errors)
      errors += error.file + ": " + error.message + "\n";
    if (errors != last_errors_) {
      for (const ManifestError& error : report.errors) {
        Log(Severity::kError, "manifest refused", {{"file", error.file}, {"error", error.message}});
      }
      last_errors_ = errors;
    }
    if (report.created + report.updated + report.deleted == 0) return;
    Log(Severity::kInfo, "manifests applied",
        {{"created", report.created}, {"updated", report.updated}, {"deleted", report.deleted}});
  }

  const std::string directory_;
  client::Client& client_;
  const int inotify_;
  const int stop_;
  std::string last_errors_;
  std::thread thread_;
};

}  // namespace

StatusOr<std::unique_ptr<ManifestWatcher>> ManifestWatcher::Start(const std::string& directory,
                                                                  client::Client& client) {
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) {
    return NotFoundError("--manifests: " + directory + " is not a directory");
  }
  const int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (inotify < 0)
    return UnavailableError(std::string("--manifests: inotify: ") + std::strerror(errno));
  const int stop = eventfd(0, EFD_CLOEXEC);
  if (stop < 0) {
    close(inotify);
    return UnavailableError(std::string("--manifests: eventfd: ") + std::strerror(errno));
  }
  return std::unique_ptr<ManifestWatcher>(
      std::make_unique<InotifyWatcher>(directory, client, inotify, stop));
}

}  // namespace salve::runtime
