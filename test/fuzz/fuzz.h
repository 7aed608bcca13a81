// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_TEST_FUZZ_FUZZ_H_
#define SALVE_TEST_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/clock.h"

// What the fuzzers share. Each is one file with LLVMFuzzerTestOneInput, over real code.
namespace salve::fuzz {

// A finding: says what does not hold and of what, and ends the process, unless `holds`.
void Ensure(bool holds, const char* what, std::string_view of = {});

// An input taken apart. Its first byte chooses what is fuzzed ('a' is 0, …), so that seeds can be
// written and read; parts are separated by the byte 0x1e. Views into the input.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size);

  // 0 … `choices` - 1.
  std::size_t Choose(std::size_t choices);
  // A byte; 0 at the end.
  std::uint8_t Byte();
  // Up to the next separator, which is taken, or to the end.
  std::string_view Part();
  std::string_view Rest();
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// `bytes` in pieces whose lengths follow from `seed`: as a network might deliver them.
std::vector<std::string_view> Pieces(std::string_view bytes, std::uint8_t seed);

// Whether all of `text` is well-formed UTF-8.
bool IsUtf8(std::string_view text);
// Whether `text` has a control character other than a line break; those of terminals are attacks.
bool HasControl(std::string_view text);

// 2026-12-01T12:00:00Z.
WallTime Now();

// Logging goes nowhere from here on: what a fuzzer prints is findings.
void Quiet();

}  // namespace salve::fuzz

#endif  // SALVE_TEST_FUZZ_FUZZ_H_
