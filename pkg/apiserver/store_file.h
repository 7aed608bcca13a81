// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_STORE_FILE_H_
#define SALVE_PKG_APISERVER_STORE_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "pkg/base/status.h"

// Files of the data directory: the lock, small files that are replaced as a whole.
namespace salve::apiserver {

// Holds `dir`/lock for as long as it lives (flock: a killed process leaves nothing behind).
class DirectoryLock {
 public:
  // Makes the directory (0700) if it is missing. kAlreadyExists names the process that holds it.
  static StatusOr<DirectoryLock> Take(const std::string& dir);
  ~DirectoryLock();
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

bool FileExists(const std::string& path);
// kNotFound if it is missing; a file larger than `max_bytes` is kInvalidArgument.
StatusOr<std::string> ReadFile(const std::string& path, std::size_t max_bytes);
// Readers see the old content or the new, also after a crash. Mode 0600.
Status ReplaceFile(const std::string& path, std::string_view content);
// Makes a directory (0700) and its parents.
Status MakeDirectory(const std::string& path);
// Changes whenever the file is replaced; 0 if it is missing.
std::uint64_t FileStamp(const std::string& path);

inline constexpr std::int32_t kApplicationId = 0x53414c56;  // "SALV"
inline constexpr std::int32_t kSchemaVersion = 1;

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_STORE_FILE_H_
