// SPDX-License-Identifier: Apache-2.0
#include <cctype>
#include <charconv>

#include "pkg/apiserver/table.h"

namespace salve::apiserver {
namespace {

constexpr std::size_t kMaxSteps = 64;
constexpr std::size_t kMaxResults = 1000;

bool IsNameChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '/' ||
         c == '$';
}

// Reads the text of one path; position() is where it stopped.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool done() const { return position_ == text_.size(); }
  std::size_t position() const { return position_; }
  char Peek() const { return done() ? '\0' : text_[position_]; }
  bool Take(std::string_view word) {
    if (text_.substr(position_, word.size()) != word) return false;
    position_ += word.size();
    return true;
  }
  void SkipSpace() {
    while (Peek() == ' ') ++position_;
  }
  // A field's name; a backslash takes the next character as it is ("\.").
  std::string Name() {
    std::string out;
    while (!done()) {
      if (Peek() == '\\' && position_ + 1 < text_.size()) {
        ++position_;
      } else if (!IsNameChar(Peek())) {
        break;
      }
      out += text_[position_++];
    }
    return out;
  }
  // Text in quotes of either kind; nullopt if there is none.
  std::optional<std::string> Quoted() {
    const char quote = Peek();
    if (quote != '\'' && quote != '"') return std::nullopt;
    std::string out;
    for (++position_; !done(); ++position_) {
      if (Peek() == quote) {
        ++position_;
        return out;
      }
      if (Peek() == '\\' && position_ + 1 < text_.size()) ++position_;
      out += Peek();
    }
    return std::nullopt;
  }
  std::optional<long> Number() {
    long value = 0;
    const char* begin = text_.data() + position_;
    auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc()) return std::nullopt;
    position_ += static_cast<std::size_t>(end - begin);
    return value;
  }
  // A literal of a filter: text, number, true, false, null.
  std::optional<Json> Literal() {
    if (auto text = Quoted()) return Json(*text);
    if (Take("true")) return Json(true);
    if (Take("false")) return Json(false);
    if (Take("null")) return Json(nullptr);
    if (auto number = Number()) return Json(*number);
    return std::nullopt;
  }

 private:
  std::string_view text_;
  std::size_t position_ = 0;
};

const Json* Descend(const Json& value, const std::vector<std::string>& path) {
  const Json* node = &value;
  for (const std::string& name : path) {
    if (!node->is_object()) return nullptr;
    auto it = node->find(name);
    if (it == node->end()) return nullptr;
    node = &*it;
  }
  return node;
}

}  // namespace

StatusOr<JsonPath> JsonPath::Parse(std::string_view text) {
  JsonPath path;
  Scanner in(text);
  const auto refuse = [&](const char* what) {
    return InvalidArgumentError("JSONPath \"" + std::string(text.substr(0, 200)) + "\", offset " +
                                std::to_string(in.position()) + ": " + what);
  };
  const bool braces = in.Take("{");
  in.Take("$");
  while (!in.done() && in.Peek() != '}') {
    if (path.steps_.size() == kMaxSteps) return refuse("too many steps");
    Step step;
    if (in.Take(".")) {
      if (in.Peek() == '[') continue;
      if (in.Take("*")) {
        step.kind = Step::Kind::kAll;
      } else {
        step.name = in.Name();
        if (step.name.empty()) return refuse("expected a field's name");
      }
    } else if (in.Take("[?(")) {
      step.kind = Step::Kind::kFilter;
      in.SkipSpace();
      if (!in.Take("@")) return refuse("expected @");
      while (in.Take(".")) step.filter_path.push_back(in.Name());
      in.SkipSpace();
      if (in.Take("==")) {
        step.compare = Step::Compare::kEqual;
      } else if (in.Take("!=")) {
        step.compare = Step::Compare::kNotEqual;
      }
      in.SkipSpace();
      if (step.compare != Step::Compare::kExists) {
        auto literal = in.Literal();
        if (!literal) return refuse("expected a literal");
        step.operand = std::move(*literal);
      }
      in.SkipSpace();
      if (!in.Take(")]")) return refuse("expected )]");
    } else if (in.Take("[*]")) {
      step.kind = Step::Kind::kAll;
    } else if (in.Take("[")) {
      if (auto name = in.Quoted()) {
        step.name = std::move(*name);
      } else if (auto index = in.Number()) {
        step.kind = Step::Kind::kIndex;
        step.index = *index;
      } else {
        return refuse("expected an index, a quoted name, * or a filter");
      }
      if (!in.Take("]")) return refuse("expected ]");
    } else {
      return refuse("expected . or [");
    }
    path.steps_.push_back(std::move(step));
  }
  if (braces && !in.Take("}")) return refuse("expected }");
  if (!in.done()) return refuse("unexpected text");
  if (path.steps_.empty()) return refuse("is empty");
  return path;
}

std::vector<const Json*> JsonPath::Find(const Json& object) const {
  std::vector<const Json*> found = {&object};
  for (const Step& step : steps_) {
    std::vector<const Json*> next;
    const auto add = [&next](const Json& value) {
      if (next.size() < kMaxResults) next.push_back(&value);
    };
    for (const Json* value : found) {
      switch (step.kind) {
        case Step::Kind::kField:
          if (value->is_object()) {
            if (auto it = value->find(step.name); it != value->end()) add(*it);
          }
          break;
        case Step::Kind::kIndex:
          if (value->is_array()) {
            const long size = static_cast<long>(value->size());
            const long index = step.index < 0 ? size + step.index : step.index;
            if (index >= 0 && index < size) add((*value)[static_cast<std::size_t>(index)]);
          }
          break;
        case Step::Kind::kAll:
          if (value->is_structured()) {
            for (const Json& item : *value) add(item);
          }
          break;
        case Step::Kind::kFilter:
          if (!value->is_array()) break;
          for (const Json& item : *value) {
            const Json* operand = Descend(item, step.filter_path);
            const bool equal = operand != nullptr && *operand == step.operand;
            const bool keep = step.compare == Step::Compare::kExists ? operand != nullptr
                              : step.compare == Step::Compare::kEqual
                                  ? equal
                                  : operand != nullptr && !equal;
            if (keep) add(item);
          }
          break;
      }
    }
    found = std::move(next);
  }
  return found;
}

}  // namespace salve::apiserver
