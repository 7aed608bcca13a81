// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/jsonpath.h"

#include <charconv>
#include <utility>

namespace salve::cli {
namespace {

using Step = JsonPath::Step;
using Piece = JsonPath::Piece;

constexpr int kMaxDepth = 16;

// Reads the template from left to right. One per Parse.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  // Until the end of the text, or (inside a range) until {end}.
  StatusOr<std::vector<Piece>> Pieces(int depth) {
    if (depth > kMaxDepth) return Error("ranges are nested too deeply");
    std::vector<Piece> pieces;
    while (at_ < text_.size()) {
      if (text_[at_] != '{') {
        const std::size_t end = std::min(text_.find('{', at_), text_.size());
        pieces.push_back({Piece::Kind::kText, std::string(text_.substr(at_, end - at_)), {}, {}});
        at_ = end;
        continue;
      }
      ++at_;
      Skip();
      if (Take("end}")) {
        if (depth == 0) return Error("{end} without {range}");
        return pieces;
      }
      SALVE_ASSIGN_OR_RETURN(Piece piece, Braces(depth));
      pieces.push_back(std::move(piece));
    }
    if (depth > 0) return Error("{range} without {end}");
    return pieces;
  }

  StatusOr<std::vector<Step>> Steps(int depth, bool braced) {
    if (depth > kMaxDepth) return Error("filters are nested too deeply");
    std::vector<Step> steps;
    if (Peek() == '$' || Peek() == '@') ++at_;
    while (at_ < text_.size()) {
      if (Peek() == '.') {
        ++at_;
        if (Peek() == '[' || (braced && Peek() == '}')) continue;
        if (Peek() == '*') {
          ++at_;
          steps.push_back({Step::Kind::kAll, "", 0, {}, "", {}});
          continue;
        }
        SALVE_ASSIGN_OR_RETURN(Step step, Key());
        steps.push_back(std::move(step));
      } else if (Peek() == '[') {
        SALVE_ASSIGN_OR_RETURN(Step step, Brackets(depth));
        steps.push_back(std::move(step));
      } else {
        break;
      }
    }
    return steps;
  }

  bool done() const { return at_ >= text_.size(); }
  Status Error(const std::string& what) const {
    return InvalidArgumentError("jsonpath: at character " + std::to_string(at_ + 1) + " of \"" +
                                std::string(text_.substr(0, 200)) + "\": " + what);
  }

 private:
  StatusOr<Piece> Braces(int depth) {
    Piece piece;
    if (Peek() == '"' || Peek() == '\'') {
      SALVE_ASSIGN_OR_RETURN(piece.text, Quoted());
    } else if (Take("range ")) {
      Skip();
      piece.kind = Piece::Kind::kRange;
      SALVE_ASSIGN_OR_RETURN(piece.steps, Steps(depth, true));
    } else {
      piece.kind = Piece::Kind::kPath;
      if (Peek() != '.' && Peek() != '[' && Peek() != '$' && Peek() != '@') {
        return Error("expected a path such as {.metadata.name}");
      }
      SALVE_ASSIGN_OR_RETURN(piece.steps, Steps(depth, true));
    }
    Skip();
    if (!Take("}")) return Error("expected }");
    if (piece.kind == Piece::Kind::kRange) {
      SALVE_ASSIGN_OR_RETURN(piece.body, Pieces(depth + 1));
    }
    return piece;
  }

  StatusOr<Step> Key() {
    Step step;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\\' && at_ + 1 < text_.size()) {
        step.key += text_[at_ + 1];
        at_ += 2;
        continue;
      }
      if (std::string_view(".[]{}()=!<> \t\"'").find(c) != std::string_view::npos) break;
      step.key += c;
      ++at_;
    }
    if (step.key.empty()) return Error("expected a name");
    return step;
  }

  StatusOr<Step> Brackets(int depth) {
    Step step;
    ++at_;
    Skip();
    if (Take("?(")) {
      step.kind = Step::Kind::kFilter;
      Skip();
      if (Peek() != '@') return Error("a filter starts with @");
      SALVE_ASSIGN_OR_RETURN(step.left, Steps(depth + 1, false));
      Skip();
      if (Take("=="))
        step.op = "==";
      else if (Take("!="))
        step.op = "!=";
      Skip();
      if (!step.op.empty()) {
        SALVE_ASSIGN_OR_RETURN(step.literal, Literal());
      }
      Skip();
      if (!Take(")")) return Error("expected )");
    } else if (Take("*")) {
      step.kind = Step::Kind::kAll;
    } else if (Peek() == '\'' || Peek() == '"') {
      SALVE_ASSIGN_OR_RETURN(step.key, Quoted());
    } else {
      step.kind = Step::Kind::kIndex;
      const char* end = text_.data() + text_.size();
      const auto [stop, error] = std::from_chars(text_.data() + at_, end, step.index);
      if (error != std::errc()) return Error("expected a number, *, a quoted name or ?(…)");
      at_ = static_cast<std::size_t>(stop - text_.data());
    }
    Skip();
    if (!Take("]")) return Error("expected ]");
    return step;
  }

  StatusOr<Json> Literal() {
    if (Peek() == '"' || Peek() == '\'') {
      SALVE_ASSIGN_OR_RETURN(const std::string text, Quoted());
      return Json(text);
    }
    const std::size_t end = std::min(text_.find_first_of(") ", at_), text_.size());
    Json value = Json::parse(text_.substr(at_, end - at_), nullptr, false);
    if (value.is_discarded()) return Error("expected a quoted text, a number, true or false");
    at_ = end;
    return value;
  }

  StatusOr<std::string> Quoted() {
    const char quote = text_[at_++];
    std::string out;
    while (at_ < text_.size() && text_[at_] != quote) {
      char c = text_[at_++];
      if (c == '\\' && at_ < text_.size()) {
        c = text_[at_++];
        c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
      }
      out += c;
    }
    if (at_ >= text_.size()) return Error("the quote is not closed");
    ++at_;
    return out;
  }

  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void Skip() {
    while (Peek() == ' ' || Peek() == '\t') ++at_;
  }
  bool Take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

std::vector<const Json*> Select(const Json& root, const std::vector<Step>& steps);

bool Holds(const Step& filter, const Json& item) {
  const auto found = Select(item, filter.left);
  if (filter.op.empty()) return !found.empty();
  const bool equal = !found.empty() && *found.front() == filter.literal;
  return filter.op == "==" ? equal : !equal;
}

void Take(const Step& step, const Json& from, std::vector<const Json*>& out) {
  switch (step.kind) {
    case Step::Kind::kKey:
      if (from.is_object()) {
        if (const auto it = from.find(step.key); it != from.end()) out.push_back(&*it);
      }
      return;
    case Step::Kind::kIndex: {
      const long size = from.is_array() ? static_cast<long>(from.size()) : 0;
      const long index = step.index < 0 ? size + step.index : step.index;
      if (index >= 0 && index < size) out.push_back(&from[static_cast<std::size_t>(index)]);
      return;
    }
    case Step::Kind::kAll:
    case Step::Kind::kFilter:
      if (!from.is_structured()) return;
      for (const Json& item : from) {
        if (step.kind == Step::Kind::kAll || Holds(step, item)) out.push_back(&item);
      }
  }
}

std::vector<const Json*> Select(const Json& root, const std::vector<Step>& steps) {
  std::vector<const Json*> current = {&root};
  for (const Step& step : steps) {
    std::vector<const Json*> next;
    for (const Json* value : current) Take(step, *value, next);
    current = std::move(next);
  }
  return current;
}

void Write(const std::vector<Piece>& pieces, const Json& root, std::string& out) {
  for (const Piece& piece : pieces) {
    if (piece.kind == Piece::Kind::kText) {
      out += piece.text;
      continue;
    }
    bool first = true;
    for (const Json* value : Select(root, piece.steps)) {
      if (piece.kind == Piece::Kind::kRange) {
        Write(piece.body, *value, out);
        continue;
      }
      if (!std::exchange(first, false)) out += ' ';
      if (value->is_string())
        out += value->get_ref<const std::string&>();
      else if (!value->is_null())
        out += value->dump(-1, ' ', false, Json::error_handler_t::replace);
    }
  }
}

}  // namespace

StatusOr<JsonPath> JsonPath::Parse(std::string_view text) {
  Reader reader(text);
  JsonPath path;
  if (text.find('{') == std::string_view::npos) {
    const std::string dotted = !text.empty() && (text[0] == '.' || text[0] == '[' || text[0] == '$')
                                   ? std::string(text)
                                   : "." + std::string(text);
    Reader bare(dotted);
    Piece piece;
    piece.kind = Piece::Kind::kPath;
    SALVE_ASSIGN_OR_RETURN(piece.steps, bare.Steps(0, false));
    if (!bare.done()) return bare.Error("expected the end of the path");
    path.pieces_.push_back(std::move(piece));
    return path;
  }
  SALVE_ASSIGN_OR_RETURN(path.pieces_, reader.Pieces(0));
  return path;
}

std::string JsonPath::Evaluate(const Json& root) const {
  std::string out;
  Write(pieces_, root, out);
  return out;
}

}  // namespace salve::cli
