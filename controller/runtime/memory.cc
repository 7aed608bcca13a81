// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/memory.h"

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

#include <malloc.h>
#include <sys/mman.h>

namespace salve::runtime {

void ReleaseIdleMemory() {
  malloc_trim(0);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char permissions[5] = {};
    char path[2] = {};
    // Only text of files: it is never written, so dropping it loses nothing. Read-only data is left
    // alone: the loader has written relocations into it.
    const int fields =
        std::sscanf(line.c_str(), "%lx-%lx %4s %*s %*s %*s %1s", &begin, &end, permissions, path);
    if (fields != 4 || std::string(permissions) != "r-xp" || path[0] != '/') continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    void* const text = reinterpret_cast<void*>(begin);
    madvise(text, end - begin, MADV_DONTNEED);
  }
}

}  // namespace salve::runtime
