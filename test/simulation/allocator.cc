// SPDX-License-Identifier: Apache-2.0
// Worlds are made of small JSON nodes that live for microseconds. This replaces operator new and
// delete of salve-sim by free lists per thread and size: no locks, no searching, nothing is ever
// given back to the system. For this program only; the sanitizers' builds leave it out.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

constexpr std::size_t kStep = 16;
constexpr std::size_t kClasses = 64;  // up to 1008 bytes; larger ones are malloc's
constexpr std::size_t kChunk = std::size_t{1} << 18;

// Before every block: its class, or kClasses for malloc's.
struct alignas(16) Header {
  std::size_t size_class;
};
struct Free {
  Free* next;
};

thread_local Free* g_free[kClasses];
thread_local char* g_chunk = nullptr;
thread_local std::size_t g_left = 0;

void* Carve(std::size_t size_class) {
  const std::size_t size = sizeof(Header) + size_class * kStep;
  if (g_left < size) {
    g_chunk = static_cast<char*>(std::malloc(kChunk));
    if (g_chunk == nullptr) throw std::bad_alloc();
    g_left = kChunk;
  }
  auto* header = reinterpret_cast<Header*>(g_chunk);
  g_chunk += size;
  g_left -= size;
  header->size_class = size_class;
  return header + 1;
}

void* Take(std::size_t size) {
  const std::size_t size_class = (size + kStep - 1) / kStep + (size == 0 ? 1 : 0);
  if (size_class >= kClasses) {
    auto* header = static_cast<Header*>(std::malloc(sizeof(Header) + size));
    if (header == nullptr) throw std::bad_alloc();
    header->size_class = kClasses;
    return header + 1;
  }
  Free* const free = g_free[size_class];
  if (free == nullptr) return Carve(size_class);
  g_free[size_class] = free->next;
  return free;
}

void Give(void* block) {
  if (block == nullptr) return;
  auto* header = static_cast<Header*>(block) - 1;
  if (header->size_class >= kClasses) {
    std::free(header);
    return;
  }
  auto* free = static_cast<Free*>(block);
  free->next = g_free[header->size_class];
  g_free[header->size_class] = free;
}

}  // namespace

void* operator new(std::size_t size) { return Take(size); }
void* operator new[](std::size_t size) { return Take(size); }
void operator delete(void* block) noexcept { Give(block); }
void operator delete[](void* block) noexcept { Give(block); }
void operator delete(void* block, std::size_t) noexcept { Give(block); }
void operator delete[](void* block, std::size_t) noexcept { Give(block); }
