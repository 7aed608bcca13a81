// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_FILE_SOURCE_H_
#define SALVE_PKG_BASE_FILE_SOURCE_H_

#include <cstddef>
#include <string>

#include "pkg/base/status.h"

namespace salve {

// Where files are read from: the machine, or a map in a test. Thread-safe.
class FileSource {
 public:
  virtual ~FileSource() = default;

  // The whole file. kNotFound; kPermissionDenied; kInvalidArgument if it is larger than `max_bytes`
  // or not a regular file; kUnavailable for other errors of reading. Messages name the path.
  virtual StatusOr<std::string> Read(const std::string& path, std::size_t max_bytes) = 0;
};

// The machine's files. Shared, never destroyed.
FileSource& SystemFiles();

}  // namespace salve

#endif  // SALVE_PKG_BASE_FILE_SOURCE_H_
