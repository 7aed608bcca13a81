// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/file_source.h"

#include <array>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace salve {
namespace {

Status FromErrno(const std::string& path, int error) {
  const std::string message = "reading " + path + ": " + std::generic_category().message(error);
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return NotFoundError(message);
    case EACCES:
    case EPERM:
      return PermissionDeniedError(message);
    default:
      return UnavailableError(message);
  }
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

class MachineFiles : public FileSource {
 public:
  StatusOr<std::string> Read(const std::string& path, std::size_t max_bytes) override {
    // O_NONBLOCK: opening a FIFO by mistake must not hang.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0) return FromErrno(path, errno);
    struct stat info{};
    if (::fstat(file.get(), &info) != 0) return FromErrno(path, errno);
    if (!S_ISREG(info.st_mode))
      return InvalidArgumentError("reading " + path + ": not a regular file");
    std::string text;
    std::array<char, 16384> buffer;
    for (;;) {
      const ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return FromErrno(path, errno);
      if (n == 0) return text;
      text.append(buffer.data(), static_cast<std::size_t>(n));
      if (text.size() > max_bytes) {
        return InvalidArgumentError("reading " + path + ": larger than " +
                                    std::to_string(max_bytes) + " bytes");
      }
    }
  }
};

}  // namespace

FileSource& SystemFiles() {
  static auto& files = *new MachineFiles;
  return files;
}

}  // namespace salve
