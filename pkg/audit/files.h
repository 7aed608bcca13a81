// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AUDIT_FILES_H_
#define SALVE_PKG_AUDIT_FILES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "pkg/base/status.h"

// The journal's files: one a day, lines that only grow. Messages name the path.
namespace salve::audit {

// Longer than any line that is written; what is longer is read in part and is no record.
inline constexpr std::size_t kMaxLineBytes = 64u << 10;

// A file descriptor that closes itself.
class File {
 public:
  explicit File(int fd = -1) : fd_(fd) {}
  ~File();
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept;

  int fd() const { return fd_; }

 private:
  int fd_;
};

// "audit-2026-11-21.jsonl" for the day "2026-11-21", and back; "" for a name that is none.
std::string FileNameOf(const std::string& day);
std::string DayOf(const std::string& file_name);

// The names (without directory) of the journal's files, oldest first. kNotFound if there is no such
// directory.
StatusOr<std::vector<std::string>> ListFiles(const std::string& directory);

// Makes the directory (0700) if it is missing and holds its lock until the result is closed; a
// killed process leaves nothing behind. kAlreadyExists: another process has it.
StatusOr<File> LockDirectory(const std::string& directory);

// Opens for appending, made (0600) if missing.
StatusOr<File> OpenForAppend(const std::string& path);
struct FileState {
  std::int64_t size = 0;
  ino_t inode = 0;
  bool operator==(const FileState&) const = default;
};
StatusOr<FileState> StateOf(const File& file, const std::string& path);
// True if its last byte is not a line end. False where there is nothing, or it cannot be read.
bool EndsMidLine(const std::string& path);
// nullopt: there is no file of that name.
std::optional<FileState> StateOfPath(const std::string& path);
// All of it and durable, or an error after which the file is as long as before where that can be
// done.
Status AppendDurably(const File& file, const std::string& path, std::string_view text);
// Writes a file of its own, durably, replacing one of that name.
Status WriteWhole(const std::string& path, std::string_view text);
// Makes creations, removals and names in it durable.
void SyncDirectory(const std::string& directory);

// Reads a file line by line, whatever is in it. Not thread-safe.
class LineReader {
 public:
  static StatusOr<LineReader> Open(const std::string& path);

  struct Line {
    std::string text;         // without its end; of one that is too long the beginning
    std::int64_t number = 0;  // from 1
    std::int64_t offset = 0;  // of its first byte
    bool terminated = true;   // false: the file ends in the middle of it
    bool too_long = false;
  };
  // False at the end of the file. An error of reading ends it, too: see status().
  bool Next(Line& line);
  const Status& status() const { return status_; }

 private:
  LineReader(File file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  bool Fill();

  File file_;
  std::string path_;
  Status status_;
  std::unique_ptr<std::array<char, 1u << 16>> buffer_ =
      std::make_unique<std::array<char, 1u << 16>>();
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::int64_t consumed_ = 0;
  std::int64_t lines_ = 0;
};

}  // namespace salve::audit

#endif  // SALVE_PKG_AUDIT_FILES_H_
