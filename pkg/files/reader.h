// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_FILES_READER_H_
#define SALVE_PKG_FILES_READER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/status.h"

namespace salve::files {

// What may be read for one trigger.
struct Limits {
  std::size_t files = 1000;
  std::uint64_t bytes = std::uint64_t{64} << 20;
  int depth = 16;
};

// What is left of it.
struct Budget {
  Limits left;
};

// A file or a directory as it is now. Digests only: content is never kept.
struct Listing {
  bool directory = false;
  // Name relative to the path ("" for a file itself) → digest of its content.
  std::map<std::string, std::string> files;
};

// 64 hex digits over the names and digests.
std::string DigestOf(const Listing& listing);

// Where files are read from: the machine, or a map in a test. Not thread-safe.
class Reader {
 public:
  virtual ~Reader() = default;

  // What `path` holds; takes from `budget`. The status says why not, with the path, and is not
  // about content: kPermissionDenied for what is not below a root (also by a symbolic link),
  // kNotFound, kInvalidArgument for what is neither a file nor a directory, kResourceExhausted over
  // the budget, kAborted if it changed while it was read: look again.
  virtual StatusOr<Listing> Read(const std::string& path, Budget& budget) = 0;
};

// The machine's files below `roots`. A content is read again when the file's size, times or
// identity have changed. Never waits for a device or a pipe: opens regular files only.
std::unique_ptr<Reader> MakeSystemReader(std::vector<std::string> roots, Clock& clock);

}  // namespace salve::files

#endif  // SALVE_PKG_FILES_READER_H_
