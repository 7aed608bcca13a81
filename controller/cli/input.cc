// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/input.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>

#include "pkg/base/file_source.h"

namespace salve::cli {
namespace {

constexpr std::size_t kMaxInput = 4u << 20;

StatusOr<std::string> ReadText(const std::string& path) {
  if (path != "-") return SystemFiles().Read(path, kMaxInput);
  std::string text(kMaxInput + 1, '\0');
  std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::cin.gcount()));
  if (text.size() > kMaxInput) return InvalidArgumentError("standard input is larger than 4 MB");
  return text;
}

void ReadFile(const std::string& path, std::vector<InputObject>& objects,
              std::vector<Status>& errors) {
  const std::string name = path == "-" ? "<stdin>" : path;
  const auto text = ReadText(path);
  if (!text.ok()) {
    errors.push_back(text.status());
    return;
  }
  auto documents = apis::yaml::Parse(*text);
  if (!documents.ok()) {
    errors.push_back(documents.status().Annotate(name));
    return;
  }
  for (apis::yaml::Document& document : *documents) {
    const std::string where = name + ":" + std::to_string(document.first_line);
    if (!document.value.is_object()) {
      errors.push_back(InvalidArgumentError(where + ": the document is no object"));
      continue;
    }
    const auto items = document.value.find("items");
    const auto kind = document.value.find("kind");
    const bool list = kind != document.value.end() && kind->is_string() && *kind == "List";
    if (!list || items == document.value.end() || !items->is_array()) {
      objects.push_back({std::move(document.value), where});
      continue;
    }
    for (nlohmann::json& item : *items) objects.push_back({std::move(item), where});
  }
}

}  // namespace

std::vector<InputObject> ReadObjects(const std::string& path, std::vector<Status>& errors) {
  std::vector<InputObject> objects;
  std::error_code error;
  if (path == "-" || !std::filesystem::is_directory(path, error)) {
    ReadFile(path, objects, errors);
    return objects;
  }
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".yaml" || extension == ".yml" || extension == ".json") {
      files.push_back(entry.path().string());
    }
  }
  if (error) errors.push_back(UnavailableError(path + ": " + error.message()));
  if (!error && files.empty()) {
    errors.push_back(InvalidArgumentError(path + ": no .yaml, .yml or .json file in it"));
  }
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) ReadFile(file, objects, errors);
  return objects;
}

}  // namespace salve::cli
