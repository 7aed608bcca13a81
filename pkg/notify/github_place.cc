// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/github_place.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace salve::notify {
namespace {

constexpr std::size_t kMaxPath = 256;
constexpr std::size_t kMaxDigits = 7;

constexpr std::array<std::string_view, 21> kEndings = {
    ".c",   ".cc", ".cpp", ".cs",  ".cxx", ".ex", ".go", ".h",     ".hpp", ".java", ".js",
    ".jsx", ".kt", ".mjs", ".php", ".py",  ".rb", ".rs", ".scala", ".ts",  ".tsx"};

// Where code lives that is not the program's own.
constexpr std::array<std::string_view, 9> kForeign = {
    "node_modules/",      "site-packages/", "dist-packages/", "/usr/lib/", "/usr/local/lib/",
    "/usr/local/go/src/", "/pkg/mod/",      "/usr/include/",  "/opt/java/"};
// What a Java frame begins with that is not.
constexpr std::array<std::string_view, 6> kForeignClasses = {"java.", "javax.",  "jdk.",
                                                             "sun.",  "kotlin.", "scala."};

bool IsPathByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-' || c == '/' || c == '+';
}
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsForeign(std::string_view path, std::string_view line) {
  const auto in = [](std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
  };
  if (std::any_of(kForeign.begin(), kForeign.end(), [&](auto one) { return in(path, one); })) {
    return true;
  }
  const std::size_t frame = line.find("at ");
  if (frame == std::string_view::npos) return false;
  const std::string_view name = line.substr(frame + 3);
  // A class loader's or a module's name may stand in front: "java.base/java.lang…".
  return std::any_of(kForeignClasses.begin(), kForeignClasses.end(),
                     [&](auto one) { return name.starts_with(one); });
}

std::optional<SourcePlace> MakePlace(std::string_view path, std::string_view digits) {
  if (path.empty() || path.size() > kMaxPath || digits.empty() || digits.size() > kMaxDigits) {
    return std::nullopt;
  }
  if (!std::all_of(path.begin(), path.end(), IsPathByte)) return std::nullopt;
  if (path.find("..") != std::string_view::npos) return std::nullopt;
  SourcePlace place{std::string(path), 0};
  std::from_chars(digits.data(), digits.data() + digits.size(), place.line);
  if (place.line == 0) return std::nullopt;
  return place;
}

std::string_view DigitsAt(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && IsDigit(text[end])) ++end;
  return text.substr(at, end - at);
}

// The next `File "app/main.py", line 42` behind `at`, which is moved behind it; the quotes may be
// quoted themselves. `at` is npos when there is none.
std::optional<SourcePlace> PythonPlace(std::string_view line, std::size_t& at) {
  constexpr std::string_view kFile = "File ";
  constexpr std::string_view kLine = ", line ";
  const auto skip = [&line](std::size_t& position, char c) {
    const bool there = position < line.size() && line[position] == c;
    if (there) ++position;
    return there;
  };
  while ((at = line.find(kFile, at)) != std::string_view::npos) {
    at += kFile.size();
    std::size_t begin = at;
    skip(begin, '\\');
    if (!skip(begin, '"')) continue;
    std::size_t end = begin;
    while (end < line.size() && IsPathByte(line[end])) ++end;
    const std::string_view path = line.substr(begin, end - begin);
    skip(end, '\\');
    if (!skip(end, '"') || !line.substr(end).starts_with(kLine)) continue;
    if (auto place = MakePlace(path, DigitsAt(line, end + kLine.size()))) return place;
  }
  return std::nullopt;
}

// PATH.ext:42, with whatever else around it. `colon` is where the colon stands.
std::optional<SourcePlace> PlaceBefore(std::string_view line, std::size_t colon) {
  const std::string_view digits = DigitsAt(line, colon + 1);
  if (digits.empty()) return std::nullopt;
  std::size_t begin = colon;
  while (begin > 0 && colon - begin <= kMaxPath && IsPathByte(line[begin - 1])) --begin;
  std::string_view path = line.substr(begin, colon - begin);
  // "//HOST" is what is left of an address, "///" of a file's.
  if (path.starts_with("//") && !path.starts_with("///")) return std::nullopt;
  while (path.starts_with("//")) path.remove_prefix(1);
  const bool known = std::any_of(kEndings.begin(), kEndings.end(), [&](auto ending) {
    return path.size() > ending.size() && path.ends_with(ending);
  });
  return known ? MakePlace(path, digits) : std::nullopt;
}

class Finder {
 public:
  void Read(std::string_view line) {
    std::size_t at = 0;
    bool python = false;
    while (auto place = PythonPlace(line, at)) {
      python = true;
      // A traceback has the innermost call last.
      (IsForeign(place->file, "") ? foreign_ : python_) = std::move(place);
    }
    if (!python) ReadOthers(line);
  }
  std::optional<SourcePlace> Found() const {
    if (python_) return python_;
    return other_ ? other_ : foreign_;
  }

 private:
  // Everybody else has the innermost call first.
  void ReadOthers(std::string_view line) {
    std::size_t from = 0;
    for (std::size_t colon = line.find(':'); colon != std::string_view::npos;
         colon = line.find(':', colon + 1)) {
      auto place = PlaceBefore(line, colon);
      if (!place) continue;
      const bool strange = IsForeign(place->file, line.substr(from, colon - from));
      std::optional<SourcePlace>& kept = strange ? foreign_ : other_;
      if (!kept) kept = std::move(place);
      from = colon;
    }
  }

  std::optional<SourcePlace> python_;
  std::optional<SourcePlace> other_;
  std::optional<SourcePlace> foreign_;
};

}  // namespace

std::optional<SourcePlace> FindSourcePlace(const std::vector<std::string>& lines) {
  Finder finder;
  for (const std::string& line : lines) finder.Read(line);
  return finder.Found();
}

}  // namespace salve::notify
