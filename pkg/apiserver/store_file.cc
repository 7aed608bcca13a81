// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/store_file.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/apiserver/store.h"

namespace salve::apiserver {
namespace {

constexpr std::string_view kMagic{"SQLite format 3\0", 16};

std::string ErrnoText() { return std::strerror(errno); }

Status WriteAll(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return UnavailableError(ErrnoText());
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return ::fsync(fd) == 0 ? Status::Ok() : UnavailableError(ErrnoText());
}

void SyncDirectoryOf(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path().string();
  const int fd = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

std::uint32_t BigEndian32(const unsigned char* p) {
  return static_cast<std::uint32_t>(p[0]) << 24 | static_cast<std::uint32_t>(p[1]) << 16 |
         static_cast<std::uint32_t>(p[2]) << 8 | p[3];
}

}  // namespace

StatusOr<DirectoryLock> DirectoryLock::Take(const std::string& dir) {
  SALVE_RETURN_IF_ERROR(MakeDirectory(dir));
  const std::string path = dir + "/lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return PermissionDeniedError("opening " + path + ": " + ErrnoText() +
                                 "; the data directory must be writable by this user");
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    std::array<char, 32> pid{};
    const ssize_t n = ::pread(fd, pid.data(), pid.size() - 1, 0);
    ::close(fd);
    std::string holder = n > 0 ? std::string(pid.data(), static_cast<std::size_t>(n)) : "?";
    while (!holder.empty() && holder.back() == '\n') holder.pop_back();
    return AlreadyExistsError("the data directory " + dir + " is in use by process " + holder +
                              ": stop that one, or choose another directory");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  // Only for the message above: the lock is what counts, so a failure here is none.
  if (::ftruncate(fd, 0) == 0 && ::pwrite(fd, pid.data(), pid.size(), 0) < 0) errno = 0;
  return DirectoryLock(fd);
}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) ::close(fd_);
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

bool FileExists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

StatusOr<std::string> ReadFile(const std::string& path, std::size_t max_bytes) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return NotFoundError("there is no file " + path);
    return PermissionDeniedError("reading " + path + ": " + ErrnoText());
  }
  if (static_cast<std::uint64_t>(info.st_size) > max_bytes) {
    return InvalidArgumentError("reading " + path + ": larger than " + std::to_string(max_bytes) +
                                " bytes");
  }
  std::ifstream file(path, std::ios::binary);
  std::string content(static_cast<std::size_t>(info.st_size), '\0');
  if (!file || !file.read(content.data(), static_cast<std::streamsize>(content.size()))) {
    return PermissionDeniedError("reading " + path + ": " + ErrnoText());
  }
  return content;
}

Status ReplaceFile(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".new";
  ::unlink(temporary.c_str());
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return PermissionDeniedError("creating " + temporary + ": " + ErrnoText());
  const Status written = WriteAll(fd, content);
  ::close(fd);
  if (!written.ok()) return written.Annotate("writing " + temporary);
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return PermissionDeniedError("replacing " + path + ": " + ErrnoText());
  }
  SyncDirectoryOf(path);
  return Status::Ok();
}

Status MakeDirectory(const std::string& path) {
  std::error_code error;
  const bool existed = std::filesystem::exists(path, error);
  std::filesystem::create_directories(path, error);
  if (error) {
    return PermissionDeniedError("making the directory " + path + ": " + error.message());
  }
  if (!existed) ::chmod(path.c_str(), 0700);
  return Status::Ok();
}

std::uint64_t FileStamp(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return 0;
  // A replaced file is another inode; the time catches editors that write in place.
  const auto nanoseconds = static_cast<std::uint64_t>(info.st_mtim.tv_sec) * 1'000'000'000u +
                           static_cast<std::uint64_t>(info.st_mtim.tv_nsec);
  const std::uint64_t stamp = nanoseconds ^ (static_cast<std::uint64_t>(info.st_ino) << 1);
  return stamp == 0 ? 1 : stamp;
}

Status CheckDatabaseFile(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) {
    if (!FileExists(path)) return NotFoundError("there is no database " + path);
    return PermissionDeniedError("reading " + path + ": " + error.message());
  }
  // SQLite makes an empty file first: a crash there loses nothing.
  if (size == 0) return NotFoundError("the database " + path + " is empty");

  // The first start died half-way: SQLite undoes what it did, then the file is looked at again.
  if (std::filesystem::file_size(path + "-journal", error) > 0 && !error) return Status::Ok();

  const auto refuse = [&path](const std::string& why) {
    return InvalidArgumentError("the file " + path + " " + why + "; nothing was changed");
  };
  std::array<unsigned char, 100> header{};
  std::ifstream file(path, std::ios::binary);
  if (!file) return PermissionDeniedError("opening " + path + ": " + ErrnoText());
  file.read(reinterpret_cast<char*>(header.data()), header.size());
  if (file.gcount() < static_cast<std::streamsize>(header.size())) {
    return refuse("is too short for a database: restore a backup");
  }
  if (std::memcmp(header.data(), kMagic.data(), kMagic.size()) != 0) {
    return refuse("is not an SQLite database: move it away or choose another data directory");
  }
  if (BigEndian32(&header[68]) != static_cast<std::uint32_t>(kApplicationId)) {
    return refuse("is a database of another program: choose another data directory");
  }
  const std::uint32_t version = BigEndian32(&header[60]);
  if (version > static_cast<std::uint32_t>(kSchemaVersion)) {
    return refuse("was written by a newer Salve (schema " + std::to_string(version) +
                  ", this one knows " + std::to_string(kSchemaVersion) + "): use that one");
  }
  // With a write-ahead log beside it the file may rightly be shorter than it says: SQLite mends
  // that.
  const auto log_size = std::filesystem::file_size(path + "-wal", error);
  if (error || log_size == 0) {
    std::uint64_t page = static_cast<std::uint64_t>(header[16]) << 8 | header[17];
    if (page == 1) page = 65536;
    const std::uint64_t expected = page * BigEndian32(&header[28]);
    if (size < expected) {
      return refuse("is cut short (" + std::to_string(size) + " of " + std::to_string(expected) +
                    " bytes): restore a backup");
    }
  }
  return Status::Ok();
}

}  // namespace salve::apiserver
