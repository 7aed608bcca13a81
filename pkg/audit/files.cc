// SPDX-License-Identifier: Apache-2.0
#include "pkg/audit/files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/base/time_format.h"

namespace salve::audit {
namespace {

constexpr std::string_view kPrefix = "audit-";
constexpr std::string_view kSuffix = ".jsonl";
constexpr std::size_t kDayLength = 10;  // 2026-11-21
constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

std::string ErrnoText() { return std::generic_category().message(errno); }

Status Failed(const std::string& what, const std::string& path) {
  const int error = errno;
  const std::string message = what + " " + path + ": " + ErrnoText();
  if (error == ENOENT) return NotFoundError(message);
  if (error == EACCES || error == EPERM || error == EROFS) return PermissionDeniedError(message);
  return UnavailableError(message);
}

Status WriteAll(const File& file, const std::string& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(file.fd(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Failed("writing to", path);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return ::fsync(file.fd()) == 0 ? Status::Ok() : Failed("making durable", path);
}

}  // namespace

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

std::string FileNameOf(const std::string& day) {
  return std::string(kPrefix) + day + std::string(kSuffix);
}

std::string DayOf(const std::string& file_name) {
  if (file_name.size() != kPrefix.size() + kDayLength + kSuffix.size() ||
      !file_name.starts_with(kPrefix) || !file_name.ends_with(kSuffix)) {
    return "";
  }
  std::string day = file_name.substr(kPrefix.size(), kDayLength);
  return ParseTime(day + "T00:00:00Z") ? day : "";
}

StatusOr<std::vector<std::string>> ListFiles(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> names;
  std::filesystem::directory_iterator it(directory, error);
  for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    std::string name = it->path().filename().string();
    if (!DayOf(name).empty()) names.push_back(std::move(name));
  }
  if (error == std::errc::no_such_file_or_directory) {
    return NotFoundError("there is no directory " + directory);
  }
  if (error)
    return PermissionDeniedError("reading directory " + directory + ": " + error.message());
  std::sort(names.begin(), names.end());
  return names;
}

StatusOr<File> LockDirectory(const std::string& directory) {
  std::error_code error;
  const bool existed = std::filesystem::exists(directory, error);
  std::filesystem::create_directories(directory, error);
  if (error) {
    return PermissionDeniedError("making the directory " + directory + ": " + error.message());
  }
  if (!existed) ::chmod(directory.c_str(), kDirectoryMode);
  const std::string path = directory + "/lock";
  File file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode));
  if (file.fd() < 0) return Failed("opening", path);
  if (::flock(file.fd(), LOCK_EX | LOCK_NB) == 0) return file;
  return AlreadyExistsError("the audit journal " + directory +
                            " is being written by another process: a journal has one writer, give "
                            "each its own directory");
}

StatusOr<File> OpenForAppend(const std::string& path) {
  File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kFileMode));
  if (file.fd() < 0) return Failed("opening", path);
  return file;
}

StatusOr<FileState> StateOf(const File& file, const std::string& path) {
  struct stat info{};
  if (::fstat(file.fd(), &info) != 0) return Failed("looking at", path);
  return FileState{info.st_size, info.st_ino};
}

bool EndsMidLine(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd() < 0 || ::lseek(file.fd(), -1, SEEK_END) < 0) return false;
  char last = '\n';
  return ::read(file.fd(), &last, 1) == 1 && last != '\n';
}

std::optional<FileState> StateOfPath(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return FileState{info.st_size, info.st_ino};
}

Status AppendDurably(const File& file, const std::string& path, std::string_view text) {
  SALVE_ASSIGN_OR_RETURN(const FileState before, StateOf(file, path));
  Status written = WriteAll(file, path, text);
  // What cannot be taken back is found as an incomplete line at the next opening.
  if (!written.ok() && ::ftruncate(file.fd(), before.size) != 0) {
    return std::move(written).WithReason("PartlyWritten");
  }
  return written;
}

Status WriteWhole(const std::string& path, std::string_view text) {
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode));
  if (file.fd() < 0) return Failed("creating", path);
  return WriteAll(file, path, text);
}

void SyncDirectory(const std::string& directory) {
  const File file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.fd() >= 0) ::fsync(file.fd());
}

StatusOr<LineReader> LineReader::Open(const std::string& path) {
  File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd() < 0) return Failed("opening", path);
  return LineReader(std::move(file), path);
}

bool LineReader::Fill() {
  begin_ = end_ = 0;
  for (;;) {
    const ssize_t n = ::read(file_.fd(), buffer_->data(), buffer_->size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) status_ = Failed("reading", path_);
    end_ = n > 0 ? static_cast<std::size_t>(n) : 0;
    return n > 0;
  }
}

bool LineReader::Next(Line& line) {
  line = Line{};
  line.number = lines_ + 1;
  line.offset = consumed_;
  line.terminated = false;
  bool any = false;
  while (!line.terminated) {
    if (begin_ == end_ && !Fill()) break;
    any = true;
    const char* from = buffer_->data() + begin_;
    const auto* stop = static_cast<const char*>(std::memchr(from, '\n', end_ - begin_));
    const auto length = stop != nullptr ? static_cast<std::size_t>(stop - from) : end_ - begin_;
    const std::size_t room = kMaxLineBytes - line.text.size();
    line.text.append(from, std::min(room, length));
    line.too_long = line.too_long || length > room;
    line.terminated = stop != nullptr;
    begin_ += length + (line.terminated ? 1 : 0);
    consumed_ += static_cast<std::int64_t>(length + (line.terminated ? 1 : 0));
  }
  if (any) ++lines_;
  return any;
}

}  // namespace salve::audit
