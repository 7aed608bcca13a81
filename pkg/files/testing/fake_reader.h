// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_FILES_TESTING_FAKE_READER_H_
#define SALVE_PKG_FILES_TESTING_FAKE_READER_H_

#include <map>
#include <string>
#include <utility>

#include "pkg/base/hash.h"
#include "pkg/base/mutex.h"
#include "pkg/files/reader.h"

namespace salve::files::testing {

// Files in memory. Thread-safe.
class FakeDisk {
 public:
  void Write(const std::string& path, const std::string& content) {
    MutexLock lock(mu_);
    content_[path] = content;
    broken_.erase(path);
  }
  void Remove(const std::string& path) {
    MutexLock lock(mu_);
    content_.erase(path);
  }
  // Until it is written again.
  void Fail(const std::string& path, Status status) {
    MutexLock lock(mu_);
    broken_[path] = std::move(status);
  }

  // What is at `path`, or below it.
  StatusOr<Listing> Read(const std::string& path) const {
    MutexLock lock(mu_);
    const auto broken = broken_.find(path);
    if (broken != broken_.end()) return broken->second;
    Listing listing;
    const auto file = content_.find(path);
    if (file != content_.end()) {
      listing.files[""] = Sha256Hex(file->second);
      return listing;
    }
    listing.directory = true;
    for (const auto& [name, content] : content_) {
      if (name.rfind(path + "/", 0) == 0) {
        listing.files[name.substr(path.size() + 1)] = Sha256Hex(content);
      }
    }
    if (listing.files.empty()) return NotFoundError(path + ": No such file or directory");
    return listing;
  }

 private:
  mutable Mutex mu_;
  std::map<std::string, std::string> content_ SALVE_GUARDED_BY(mu_);
  std::map<std::string, Status> broken_ SALVE_GUARDED_BY(mu_);
};

class FakeReader final : public Reader {
 public:
  // `disk` outlives it.
  explicit FakeReader(const FakeDisk& disk) : disk_(disk) {}
  StatusOr<Listing> Read(const std::string& path, Budget& /*budget*/) override {
    return disk_.Read(path);
  }

 private:
  const FakeDisk& disk_;
};

}  // namespace salve::files::testing

#endif  // SALVE_PKG_FILES_TESTING_FAKE_READER_H_
