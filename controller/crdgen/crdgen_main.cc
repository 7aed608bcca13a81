// SPDX-License-Identifier: Apache-2.0
// salve-crdgen --out DIR     writes the CRDs
// salve-crdgen --check DIR   exits with 1 and names each file there that is not what would be written
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "pkg/apis/kinds.h"

namespace {

constexpr int kStale = 1;
constexpr int kUsage = 2;

bool WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) std::cerr << "salve-crdgen: writing " << path << ": " << std::strerror(errno) << "\n";
  return static_cast<bool>(file);
}

bool IsCurrent(const std::string& path, const std::string& text) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::cerr << "salve-crdgen: " << path << " is missing; run hack/update-crds\n";
    return false;
  }
  const std::string found((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (found == text) return true;
  std::cerr << "salve-crdgen: " << path << " is stale; run hack/update-crds\n";
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc == 3 ? argv[1] : "";
  if (mode != "--out" && mode != "--check") {
    std::cerr << "usage: salve-crdgen --out DIR | --check DIR\n";
    return kUsage;
  }
  bool fine = true;
  for (const salve::apis::Kind& kind : salve::apis::SalveKinds()) {
    const std::string path = std::string(argv[2]) + "/" + salve::apis::CrdFileName(kind);
    const std::string text = salve::apis::CrdFileText(kind);
    fine = (mode == "--out" ? WriteFile(path, text) : IsCurrent(path, text)) && fine;
  }
  return fine ? 0 : kStale;
}
