// SPDX-License-Identifier: Apache-2.0
#include "pkg/files/reader.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <tuple>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/base/hash.h"

namespace salve::files {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;
constexpr std::size_t kMaxKnown = 20'000;
// A file that was written so shortly before it was read may be written again without its times
// showing it: they are no finer than the kernel's tick, and some file systems count seconds.
constexpr std::chrono::seconds kTooFresh{2};

Status Told(const std::string& path, int error) {
  const std::string message = path + ": " + std::strerror(error);
  if (error == ENOENT || error == ENOTDIR) return NotFoundError(message);
  if (error == EACCES || error == EPERM) return PermissionDeniedError(message);
  if (error == ELOOP) return InvalidArgumentError(path + ": symbolic links that lead in a circle");
  return UnavailableError(message);
}

Status Changing(const std::string& path) {
  return AbortedError(path + " changes while it is read");
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// Without links, "." and "..".
StatusOr<std::string> RealPath(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr),
                                                         &std::free);
  if (real == nullptr) return Told(path, errno);
  return std::string(real.get());
}

bool Below(const std::string& path, std::string root) {
  while (root.size() > 1 && root.back() == '/') root.pop_back();
  return path == root || path.rfind(root + "/", 0) == 0;
}

bool Climbs(const std::string& path) { return (path + "/").find("/../") != std::string::npos; }

// Which state of a file a digest is of.
struct Stamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  std::int64_t modified = 0;  // nanoseconds
  std::int64_t changed = 0;
  bool operator==(const Stamp&) const = default;
};

std::int64_t Nanoseconds(const timespec& time) {
  constexpr std::int64_t kPerSecond = 1'000'000'000;
  return time.tv_sec * kPerSecond + time.tv_nsec;
}

Stamp StampOf(const struct stat& info) {
  return {info.st_dev, info.st_ino, info.st_size, Nanoseconds(info.st_mtim),
          Nanoseconds(info.st_ctim)};
}

class SystemReader final : public Reader {
 public:
  SystemReader(std::vector<std::string> roots, Clock& clock)
      : roots_(std::move(roots)), clock_(clock) {}

  StatusOr<Listing> Read(const std::string& path, Budget& budget) override {
    // Before the disk is asked: whether something outside exists is nobody's business either.
    const bool named = std::any_of(roots_.begin(), roots_.end(),
                                   [&](const std::string& root) { return Below(path, root); });
    if (!named || Climbs(path)) return Outside(path);
    SALVE_ASSIGN_OR_RETURN(const std::string real, Resolve(path));
    struct stat info{};
    if (lstat(real.c_str(), &info) != 0) return Told(path, errno);
    Listing listing;
    if (S_ISDIR(info.st_mode)) {
      listing.directory = true;
      SALVE_RETURN_IF_ERROR(ReadDirectory(path, real, "", budget.left.depth, budget, listing));
    } else if (S_ISREG(info.st_mode)) {
      SALVE_ASSIGN_OR_RETURN(listing.files[""], ReadFile(path, real, info, budget));
    } else {
      return InvalidArgumentError(path + " is neither a file nor a directory");
    }
    return listing;
  }

 private:
  static Status Outside(const std::string& path) {
    return PermissionDeniedError(path +
                                 " is not below any of files.roots of the controller's "
                                 "configuration");
  }

  bool BelowRoots(const std::string& real) const {
    return std::any_of(roots_.begin(), roots_.end(), [&](const std::string& root) {
      const auto real_root = RealPath(root);
      return real_root.ok() && Below(real, *real_root);
    });
  }

  // Where `path` leads to, which must be below a root as well.
  StatusOr<std::string> Resolve(const std::string& path) const {
    StatusOr<std::string> real = RealPath(path);
    if (!real.ok()) return real.status();
    if (BelowRoots(*real)) return real;
    return PermissionDeniedError(path +
                                 " leads out of files.roots of the controller's "
                                 "configuration by a symbolic link");
  }

  Status ReadDirectory(const std::string& path, const std::string& real, const std::string& prefix,
                       int depth, Budget& budget, Listing& listing) {
    if (depth <= 0) {
      return InvalidArgumentError(path + " is deeper than " + std::to_string(Limits().depth) +
                                  " directories");
    }
    std::vector<std::string> names;
    SALVE_RETURN_IF_ERROR(List(path, real, names));
    for (const std::string& name : names) {
      const std::string below = path + "/" + name;
      struct stat info{};
      if (lstat((real + "/" + name).c_str(), &info) != 0) return Changing(below);
      std::string target = real + "/" + name;
      if (S_ISLNK(info.st_mode)) {
        auto resolved = Resolve(below);
        // A link to nothing is a file that is not there.
        if (resolved.code() == Code::kNotFound) continue;
        if (!resolved.ok()) return resolved.status();
        target = std::move(resolved).value();
        if (lstat(target.c_str(), &info) != 0) return Changing(below);
      }
      if (S_ISDIR(info.st_mode)) {
        SALVE_RETURN_IF_ERROR(
            ReadDirectory(below, target, prefix + name + "/", depth - 1, budget, listing));
      } else if (S_ISREG(info.st_mode)) {
        SALVE_ASSIGN_OR_RETURN(listing.files[prefix + name], ReadFile(below, target, info, budget));
      }
    }
    return Status::Ok();
  }

  // Bounded: a directory with more names than files may be read is over the limit anyway.
  static Status List(const std::string& path, const std::string& real,
                     std::vector<std::string>& names) {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(real.c_str()), &closedir);
    if (directory == nullptr) return errno == ENOENT ? Changing(path) : Told(path, errno);
    while (const dirent* entry = readdir(directory.get())) {
      const std::string name = entry->d_name;
      // ".", "..", and where the kubelet keeps what its links in the same directory lead to.
      if (name == "." || name.rfind("..", 0) == 0) continue;
      names.push_back(name);
      if (names.size() > 2 * Limits().files) return TooMany(path);
    }
    std::sort(names.begin(), names.end());
    return Status::Ok();
  }

  static Status TooMany(const std::string& path) {
    return InvalidArgumentError("more than " + std::to_string(Limits().files) +
                                " files would have to be watched at " + path);
  }

  StatusOr<std::string> ReadFile(const std::string& path, const std::string& real,
                                 const struct stat& info, Budget& budget) {
    if (budget.left.files == 0) return TooMany(path);
    --budget.left.files;
    const auto size = static_cast<std::uint64_t>(std::max<off_t>(info.st_size, 0));
    if (size > budget.left.bytes) {
      return InvalidArgumentError("more than " + std::to_string(Limits().bytes >> 20) +
                                  " MiB would have to be watched at " + path);
    }
    budget.left.bytes -= size;
    const Stamp stamp = StampOf(info);
    const auto known = known_.find(real);
    if (known != known_.end() && known->second.first == stamp) return known->second.second;
    SALVE_ASSIGN_OR_RETURN(std::string digest, Hash(path, real, stamp));
    const WallTime changed{std::chrono::nanoseconds(std::max(stamp.modified, stamp.changed))};
    if (known_.size() >= kMaxKnown) known_.clear();
    if (clock_.Now() - changed > kTooFresh) {
      known_[real] = {stamp, digest};
    } else {
      known_.erase(real);
    }
    return digest;
  }

  // The digest of the digests of its pieces: a large file is never held in memory.
  StatusOr<std::string> Hash(const std::string& path, const std::string& real,
                             const Stamp& stamp) const {
    const Descriptor file(
        open(real.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    if (file.get() < 0) return errno == ENOENT ? Changing(path) : Told(path, errno);
    struct stat info{};
    if (fstat(file.get(), &info) != 0) return Told(path, errno);
    // What was looked at is what was opened, also if somebody swaps directories meanwhile.
    if (!S_ISREG(info.st_mode) || !(StampOf(info) == stamp)) return Changing(path);
    const auto opened = RealPath("/proc/self/fd/" + std::to_string(file.get()));
    if (!opened.ok() || !BelowRoots(*opened)) return Changing(path);
    std::string digests;
    std::string piece(kChunk, '\0');
    std::uint64_t total = 0;
    for (;;) {
      std::size_t filled = 0;
      while (filled < piece.size()) {
        const ssize_t got = read(file.get(), piece.data() + filled, piece.size() - filled);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return Told(path, errno);
        if (got == 0) break;
        filled += static_cast<std::size_t>(got);
      }
      total += filled;
      if (total > static_cast<std::uint64_t>(stamp.size)) return Changing(path);
      if (filled > 0) digests += Sha256Hex(std::string_view(piece).substr(0, filled));
      if (filled < piece.size()) break;
    }
    if (total != static_cast<std::uint64_t>(stamp.size)) return Changing(path);
    return Sha256Hex(digests);
  }

  const std::vector<std::string> roots_;
  Clock& clock_;
  std::map<std::string, std::pair<Stamp, std::string>> known_;  // real path → digest; bounded
};

}  // namespace

std::string DigestOf(const Listing& listing) {
  // Lengths first, so that no two lists give one text.
  std::string text = listing.directory ? "directory\n" : "file\n";
  for (const auto& [name, digest] : listing.files) {
    text += std::to_string(name.size()) + ":" + name + digest + "\n";
  }
  return Sha256Hex(text);
}

std::unique_ptr<Reader> MakeSystemReader(std::vector<std::string> roots, Clock& clock) {
  return std::make_unique<SystemReader>(std::move(roots), clock);
}

}  // namespace salve::files
