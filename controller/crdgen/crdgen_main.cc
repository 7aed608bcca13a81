// SPDX-License-Identifier: Apache-2.0
// salve-crdgen --out DIR          writes the CRDs
// salve-crdgen --check DIR        exits with 1 and names each file there that is not what would be
// written salve-crdgen --docs DIR         writes the field tables into the pages of docs/spec
// salve-crdgen --check-docs DIR   as --check
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>

#include "controller/crdgen/field_docs.h"

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

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::cerr << "salve-crdgen: " << path << " is missing\n";
    return std::nullopt;
  }
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

bool IsCurrent(const std::string& path, const std::string& text, const char* remedy) {
  const auto found = ReadFile(path);
  if (!found) return false;
  if (*found == text) return true;
  std::cerr << "salve-crdgen: " << path << " is stale; run salve-crdgen " << remedy << "\n";
  return false;
}

bool Crd(const salve::apis::Kind& kind, const std::string& dir, bool check) {
  const std::string path = dir + "/" + salve::apis::CrdFileName(kind);
  const std::string text = salve::apis::CrdFileText(kind);
  return check ? IsCurrent(path, text, "--out") : WriteFile(path, text);
}

bool Page(const salve::apis::Kind& kind, const std::string& dir, bool check) {
  const std::string path = dir + "/" + salve::crdgen::PageName(kind);
  const auto page = ReadFile(path);
  if (!page) return false;
  const std::string text = salve::crdgen::WithFieldTables(kind, *page);
  if (text.empty()) {
    std::cerr << "salve-crdgen: " << path << ": a <!-- fields: … --> is not closed\n";
    return false;
  }
  return check ? IsCurrent(path, text, "--docs") : WriteFile(path, text);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc == 3 ? argv[1] : "";
  const bool docs = mode == "--docs" || mode == "--check-docs";
  const bool check = mode == "--check" || mode == "--check-docs";
  if (mode != "--out" && !docs && !check) {
    std::cerr << "usage: salve-crdgen --out DIR | --check DIR | --docs DIR | --check-docs DIR\n";
    return kUsage;
  }
  bool fine = true;
  for (const salve::apis::Kind& kind : salve::apis::SalveKinds()) {
    fine = (docs ? Page(kind, argv[2], check) : Crd(kind, argv[2], check)) && fine;
  }
  return fine ? 0 : kStale;
}
