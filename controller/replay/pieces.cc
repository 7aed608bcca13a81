// SPDX-License-Identifier: Apache-2.0
#include "controller/replay/pieces.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string_view>
#include <vector>

#include "pkg/apis/yaml/yaml.h"
#include "pkg/edge/json_body.h"

namespace salve::replay {
namespace {

constexpr std::size_t kMaxPieceValues = 200'000;
constexpr std::size_t kMaxYamlNodes = 2'000'000;
constexpr std::size_t kChunk = 64u << 10;
// Keys longer than this are not "items".
constexpr std::size_t kMaxKey = 8;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Cuts JSON into its objects, byte by byte. It knows strings and brackets, no more: whether what it
// cuts out is JSON is the parser's business.
class Cutter {
 public:
  Cutter(const std::string& name, const TakePiece& take) : name_(name), take_(take) {}

  // False: something is wrong, see status().
  bool Feed(std::string_view chunk) {
    while (!chunk.empty()) {
      // Most of a record is text: it is taken by the run, not by the byte.
      const std::size_t run = in_string_ && !escaped_ ? PlainRun(chunk) : 0;
      if (run > 0 ? !TakeRun(chunk.substr(0, run)) : !FeedOne(chunk.front())) return false;
      chunk.remove_prefix(std::max<std::size_t>(run, 1));
    }
    return true;
  }

  // At the end of the input.
  void Finish() {
    if (piece_begun_) {
      Fail(piece_line_, "the object that begins here has no end; is the file cut off?");
    } else if (!open_.empty()) {
      Fail(line_, "the list has no end");
    }
  }

  const Status& status() const { return status_; }

 private:
  std::string At(std::size_t line) const { return name_ + ":" + std::to_string(line); }

  bool Fail(std::size_t line, const std::string& what) {
    status_ = InvalidArgumentError(At(line) + ": " + what);
    return false;
  }

  bool FeedOne(char c) {
    if (in_string_) return InString(c);
    if (c == '\n') ++line_;
    return piece_begun_ ? InPiece(c) : BetweenPieces(c);
  }

  // How many bytes mean nothing but themselves within a string.
  static std::size_t PlainRun(std::string_view text) {
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at != end && *at != '"' && *at != '\\' && *at != '\n') ++at;
    return static_cast<std::size_t>(at - text.data());
  }

  bool TakeRun(std::string_view run) {
    if (string_.size() <= kMaxKey) string_ += run.substr(0, kMaxKey + 1);
    return Append(run);
  }

  bool BetweenPieces(char c) {
    if (IsSpace(c)) return true;
    if (c == ',' && base_ > 0) return true;
    if (c == '[' && base_ == 0) {
      open_.push_back(c);
      base_ = 1;
      return true;
    }
    if (c == ']' && base_ > 0) return CloseList();
    if (c != '{') return Fail(line_, "expected an object that begins with {");
    piece_begun_ = true;
    piece_line_ = line_;
    text_.clear();
    last_ = ',';
    return InPiece(c);
  }

  // The end of a list whose members are pieces.
  bool CloseList() {
    open_.pop_back();
    base_ = 0;
    if (open_.empty()) return true;
    // The object around "items" goes on.
    piece_begun_ = true;
    piece_line_ = outer_line_;
    text_ = std::move(outer_) + "]";
    last_ = ']';
    return true;
  }

  bool InPiece(char c) {
    if (c == '"') {
      in_string_ = true;
      string_.clear();
    } else if (c == '{' || c == '[') {
      if (!Opens(c)) return false;
      if (c == '[' && OpensItems()) return OpenItems();
    } else if (c == '}' || c == ']') {
      // Never below the piece: its own bracket ends it.
      if (open_.back() != (c == '}' ? '{' : '[')) {
        return Fail(line_, "unexpected " + std::string(1, c));
      }
      open_.pop_back();
    }
    if (!IsSpace(c)) last_ = c;
    if (!Append({&c, 1})) return false;
    return open_.size() != base_ || c != '}' || Emit();
  }

  bool Opens(char c) {
    if (last_ != ':' && last_ != ',' && last_ != '[') {
      return Fail(line_, "unexpected " + std::string(1, c) + "; the object that begins in line " +
                             std::to_string(piece_line_) + " has no end");
    }
    if (open_.size() >= kMaxPieceDepth) {
      return Fail(line_, "nested deeper than " + std::to_string(kMaxPieceDepth));
    }
    open_.push_back(c);
    return true;
  }

  // A list of the top-level object under the key "items".
  bool OpensItems() const {
    return base_ == 0 && open_.size() == 2 && open_[0] == '{' && last_ == ':' && string_ == "items";
  }

  bool OpenItems() {
    outer_ = std::move(text_) + "[";
    outer_line_ = piece_line_;
    text_.clear();
    piece_begun_ = false;
    base_ = open_.size();
    return true;
  }

  bool InString(char c) {
    if (c == '\n') return Fail(line_, "the line ends within a string");
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
      last_ = c;
    }
    return Append({&c, 1});
  }

  bool Append(std::string_view text) {
    if (text_.size() + text.size() > kMaxPieceBytes) {
      return Fail(piece_line_, "the object that begins here is larger than " +
                                   std::to_string(kMaxPieceBytes >> 20) + " MB");
    }
    text_ += text;
    return true;
  }

  bool Emit() {
    piece_begun_ = false;
    auto value = edge::ParseJsonBody(text_, {static_cast<int>(kMaxPieceDepth), kMaxPieceValues});
    status_ = value.ok() ? take_(std::move(value).value(), At(piece_line_))
                         : value.status().Annotate(At(piece_line_));
    return status_.ok();
  }

  const std::string& name_;
  const TakePiece& take_;
  std::vector<char> open_;  // brackets that are open
  std::size_t base_ = 0;    // how many are open where a piece begins
  bool piece_begun_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
  char last_ = ',';     // the last that was no white space, outside of strings
  std::string string_;  // the last string, cut
  std::string text_;    // of the piece
  std::string outer_;   // of the object whose "items" are being read
  std::size_t line_ = 1;
  std::size_t piece_line_ = 1;
  std::size_t outer_line_ = 1;
  Status status_;
};

Status ReadYaml(std::istream& in, const std::string& name, const TakePiece& take) {
  std::string text(kMaxYamlBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxYamlBytes) {
    return InvalidArgumentError(name + ": larger than " + std::to_string(kMaxYamlBytes >> 20) +
                                " MB as YAML; JSON (-o json) has no such limit");
  }
  auto documents =
      apis::yaml::Parse(text, {kMaxYamlBytes, static_cast<int>(kMaxPieceDepth), kMaxYamlNodes});
  if (!documents.ok()) return documents.status().Annotate(name);
  for (apis::yaml::Document& document : *documents) {
    const auto at = [&](int line) { return name + ":" + std::to_string(line); };
    nlohmann::json& value = document.value;
    nlohmann::json* list = value.is_array() ? &value : nullptr;
    if (value.is_object() && value.contains("items") && value["items"].is_array()) {
      list = &value["items"];
    }
    if (list == nullptr) {
      if (!value.is_object()) {
        return InvalidArgumentError(at(document.first_line) + ": the document is no object");
      }
      SALVE_RETURN_IF_ERROR(take(std::move(value), at(document.first_line)));
      continue;
    }
    const std::string path = list == &value ? "" : "items";
    for (std::size_t i = 0; i < list->size(); ++i) {
      const std::string where = at(document.LineOf(path + "[" + std::to_string(i) + "]"));
      if (!(*list)[i].is_object()) return InvalidArgumentError(where + ": no object");
      SALVE_RETURN_IF_ERROR(take(std::move((*list)[i]), where));
    }
  }
  return Status::Ok();
}

}  // namespace

Status ReadPieces(std::istream& in, const std::string& name, const TakePiece& take) {
  // A byte order mark is no part of the text.
  for (const int mark : {0xEF, 0xBB, 0xBF}) {
    if (in.peek() == mark) in.get();
  }
  Cutter cutter(name, take);
  int first = in.peek();
  while (first != std::istream::traits_type::eof() && IsSpace(static_cast<char>(first))) {
    const char space = static_cast<char>(in.get());
    (void)cutter.Feed({&space, 1});
    first = in.peek();
  }
  if (first == std::istream::traits_type::eof()) return Status::Ok();
  if (first != '{' && first != '[') return ReadYaml(in, name, take);
  std::array<char, kChunk> chunk{};
  do {
    in.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    const auto count = static_cast<std::size_t>(in.gcount());
    if (!cutter.Feed({chunk.data(), count})) return cutter.status();
  } while (in);
  if (in.bad()) return UnavailableError(name + ": cannot be read to its end");
  cutter.Finish();
  return cutter.status();
}

Status ReadPieces(const std::string& path, const TakePiece& take) {
  if (path == "-") return ReadPieces(std::cin, "<stdin>", take);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return NotFoundError(path + ": there is no such file");
  if (std::filesystem::is_directory(path, error)) {
    return InvalidArgumentError(path + ": is a directory; name one file");
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return PermissionDeniedError(path + ": cannot be opened for reading");
  return ReadPieces(in, path, take);
}

}  // namespace salve::replay
