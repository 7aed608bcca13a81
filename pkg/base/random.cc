// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/random.h"

#include <cstdlib>

#include <sys/random.h>

namespace salve {
namespace {

class OsRandom final : public Random {
 public:
  std::uint64_t Next() override {
    std::uint64_t value = 0;
    // getrandom of at most 256 bytes is never cut short once the pool is ready; without randomness
    // there are no tokens and no ids, and nothing safe to do.
    if (getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) std::abort();
    return value;
  }
};

}  // namespace

double Random::Fraction() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

std::string Random::Hex(std::size_t length) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(length);
  while (out.size() < length) {
    std::uint64_t bits = Next();
    for (int i = 0; i < 16 && out.size() < length; ++i, bits >>= 4) out += kDigits[bits & 15];
  }
  return out;
}

std::string Random::Uuid() {
  std::string h = Hex(32);
  h[12] = '4';
  h[16] = "89ab"[static_cast<unsigned char>(h[16]) & 3];
  return h.substr(0, 8) + "-" + h.substr(8, 4) + "-" + h.substr(12, 4) + "-" + h.substr(16, 4) +
         "-" + h.substr(20);
}

Random& SystemRandom() {
  static OsRandom* random = new OsRandom;
  return *random;
}

SeededRandom::SeededRandom(std::uint64_t seed) : state_(seed) {}

// SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
std::uint64_t SeededRandom::Next() {
  std::uint64_t z = state_.fetch_add(0x9e3779b97f4a7c15ULL) + 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace salve
