// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_RANDOM_H_
#define SALVE_PKG_BASE_RANDOM_H_

#include <atomic>
#include <cstdint>
#include <string>

namespace salve {

// Where randomness comes from. Thread-safe. Only random.cc reads the machine's.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t Next() = 0;

  // In [0, 1).
  double Fraction();
  // Lower-case hexadecimal digits, `length` of them.
  std::string Hex(std::size_t length);
  // RFC 4122 version 4.
  std::string Uuid();
};

// The operating system's, fit for tokens and keys. Shared, never destroyed.
Random& SystemRandom();

// The same numbers for the same seed (SplitMix64), for tests and simulation; never for secrets.
class SeededRandom : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed);
  std::uint64_t Next() override;

 private:
  std::atomic<std::uint64_t> state_;
};

}  // namespace salve

#endif  // SALVE_PKG_BASE_RANDOM_H_
