// SPDX-License-Identifier: Apache-2.0
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "pkg/apis/yaml/yaml.h"

namespace salve::apis::yaml {
namespace {

// Leaves yaml-cpp from inside a callback; caught in Parse. `final`: not a matter of syntax, so
// trying the text as JSON would only hide it.
struct Refusal {
  int line;
  std::string message;
};

constexpr char kTagPrefix[] = "tag:yaml.org,2002:";

// Builds one document from yaml-cpp's events.
class Builder : public YAML::EventHandler {
 public:
  Builder(const Limits& limits, std::size_t* nodes) : limits_(limits), nodes_(nodes) {}

  bool has_value() const { return has_value_; }
  Document Take() && { return std::move(document_); }

  void OnDocumentStart(const YAML::Mark& mark) override { document_.first_line = mark.line + 1; }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (ExpectsKey()) Refuse(mark, "a key is missing");
    Add(mark, Json(), anchor, 1);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (ExpectsKey()) return SetKey(mark, tag, value);
    Add(mark, Resolve(mark, tag, value), anchor, 1);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (ExpectsKey()) Refuse(mark, "an alias cannot be a key");
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) Refuse(mark, "an alias must not refer to what contains it");
    Add(mark, it->second.value, YAML::NullAnchor, it->second.nodes);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    if (ExpectsKey()) Refuse(mark, "a key must be a scalar");
    CheckCollectionTag(mark, tag, "seq");
    Push(mark, Json::array(), anchor);
  }
  void OnSequenceEnd() override { Pop(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    if (ExpectsKey()) Refuse(mark, "a key must be a scalar");
    CheckCollectionTag(mark, tag, "map");
    Push(mark, Json::object(), anchor);
  }
  void OnMapEnd() override { Pop(); }

 private:
  struct Frame {
    Json value;
    std::string path;
    YAML::anchor_t anchor;
    YAML::Mark mark;
    std::size_t nodes_before;
    bool has_key = false;
    bool merges = false;  // the key is a plain `<<`
    std::string key = {};
    Json merged = Json::object();  // from `<<`: own keys win
  };
  struct Anchored {
    Json value;
    std::size_t nodes;
  };

  [[noreturn]] static void Refuse(const YAML::Mark& mark, std::string message) {
    throw Refusal{mark.line + 1, std::move(message)};
  }

  bool ExpectsKey() const {
    return !stack_.empty() && stack_.back().value.is_object() && !stack_.back().has_key;
  }

  void Count(const YAML::Mark& mark, std::size_t n) {
    *nodes_ += n;
    if (*nodes_ > limits_.max_nodes) {
      Refuse(mark, "more than " + std::to_string(limits_.max_nodes) + " values, aliases expanded");
    }
  }

  static Json Resolve(const YAML::Mark& mark, const std::string& tag, const std::string& value) {
    if (tag == "!" || tag == std::string(kTagPrefix) + "str") return value;
    const bool known =
        tag == "?" || tag.empty() || tag == std::string(kTagPrefix) + "int" ||
        tag == std::string(kTagPrefix) + "bool" || tag == std::string(kTagPrefix) + "float" ||
        tag == std::string(kTagPrefix) + "null" || tag == std::string(kTagPrefix) + "timestamp";
    if (!known) Refuse(mark, "the tag " + tag + " is not supported");
    StatusOr<Json> json = internal::ResolvePlain(value);
    if (!json.ok()) Refuse(mark, json.status().message());
    return std::move(json).value();
  }

  static void CheckCollectionTag(const YAML::Mark& mark, const std::string& tag, const char* name) {
    if (tag.empty() || tag == "?" || tag == "!" || tag == std::string(kTagPrefix) + name) return;
    Refuse(mark, "the tag " + tag + " is not supported");
  }

  void SetKey(const YAML::Mark& mark, const std::string& tag, const std::string& text) {
    Frame& frame = stack_.back();
    const Json key = Resolve(mark, tag, text);
    // Like kubectl: a number or a boolean as a key is its text.
    frame.key = key.is_string() ? key.get<std::string>() : key.dump();
    if (frame.value.contains(frame.key)) {
      Refuse(mark, "the key \"" + frame.key + "\" comes twice in the same mapping");
    }
    frame.has_key = true;
    frame.merges = frame.key == "<<" && tag != "!" && tag != std::string(kTagPrefix) + "str";
    if (!frame.merges) document_.lines[MemberPath(frame)] = mark.line + 1;
  }

  static std::string MemberPath(const Frame& frame) {
    return frame.path.empty() ? frame.key : frame.path + "." + frame.key;
  }

  std::string NextPath() const {
    if (stack_.empty()) return "";
    const Frame& frame = stack_.back();
    if (frame.value.is_object()) return MemberPath(frame);
    return frame.path + "[" + std::to_string(frame.value.size()) + "]";
  }

  void Push(const YAML::Mark& mark, Json value, YAML::anchor_t anchor) {
    if (static_cast<int>(stack_.size()) >= limits_.max_depth) {
      Refuse(mark, "nested deeper than " + std::to_string(limits_.max_depth) + " levels");
    }
    std::string path = NextPath();
    if (!stack_.empty() && stack_.back().value.is_array()) document_.lines[path] = mark.line + 1;
    stack_.push_back({std::move(value), std::move(path), anchor, mark, *nodes_});
  }

  void Pop() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    for (auto& [key, item] : frame.merged.items()) {
      if (!frame.value.contains(key)) frame.value[key] = std::move(item);
    }
    const std::size_t nodes = *nodes_ - frame.nodes_before + 1;
    if (frame.anchor != YAML::NullAnchor) anchors_[frame.anchor] = {frame.value, nodes};
    Count(frame.mark, 1);
    Place(frame.mark, std::move(frame.value));
  }

  void Add(const YAML::Mark& mark, Json value, YAML::anchor_t anchor, std::size_t nodes) {
    Count(mark, nodes);
    if (!stack_.empty() && stack_.back().value.is_array()) {
      document_.lines[NextPath()] = mark.line + 1;
    }
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {value, nodes};
    Place(mark, std::move(value));
  }

  void Place(const YAML::Mark& mark, Json value) {
    if (stack_.empty()) {
      document_.value = std::move(value);
      has_value_ = !document_.value.is_null();
      return;
    }
    Frame& frame = stack_.back();
    if (frame.value.is_array()) {
      frame.value.push_back(std::move(value));
      return;
    }
    frame.has_key = false;
    if (frame.merges) return Merge(mark, frame, value);
    frame.value[frame.key] = std::move(value);
  }

  static void Merge(const YAML::Mark& mark, Frame& frame, const Json& value) {
    const auto merge_one = [&](const Json& map) {
      if (!map.is_object()) Refuse(mark, "<< needs a mapping or a list of mappings");
      for (const auto& [key, item] : map.items()) {
        if (!frame.merged.contains(key)) frame.merged[key] = item;
      }
    };
    if (value.is_array()) {
      for (const Json& map : value) merge_one(map);
    } else {
      merge_one(value);
    }
  }

  const Limits& limits_;
  std::size_t* const nodes_;
  Document document_;
  bool has_value_ = false;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Anchored> anchors_;
};

Status AtLine(int line, const std::string& message) {
  return InvalidArgumentError("line " + std::to_string(line) + ": " + message);
}

bool LooksLikeJson(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

// JSON that is indented by tabs is not YAML.
StatusOr<std::vector<Document>> ParseJson(std::string_view text, const Limits& limits,
                                          const Status& yaml_error) {
  const auto too_deep = [&limits](int depth, Json::parse_event_t /*event*/, Json& /*parsed*/) {
    if (depth > limits.max_depth) throw Refusal{1, "nested too deep"};
    return true;
  };
  Json json = Json::parse(text, too_deep, /*allow_exceptions=*/false);
  if (json.is_discarded()) return yaml_error;
  std::vector<Document> documents;
  documents.push_back({std::move(json), 1, {}});
  return documents;
}

}  // namespace

int Document::LineOf(std::string_view path) const {
  std::string prefix(path);
  while (!prefix.empty()) {
    if (const auto it = lines.find(prefix); it != lines.end()) return it->second;
    const std::size_t cut = prefix.find_last_of(".[");
    prefix.resize(cut == std::string::npos ? 0 : cut);
  }
  return first_line;
}

StatusOr<std::vector<Document>> Parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.max_bytes) {
    return InvalidArgumentError("line 1: " + std::to_string(text.size()) + " bytes, the limit is " +
                                std::to_string(limits.max_bytes));
  }
  std::vector<Document> documents;
  std::size_t nodes = 0;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    for (;;) {
      Builder builder(limits, &nodes);
      if (!parser.HandleNextDocument(builder)) return documents;
      if (builder.has_value()) documents.push_back(std::move(builder).Take());
    }
  } catch (const Refusal& refusal) {
    return AtLine(refusal.line, refusal.message);
  } catch (const YAML::Exception& e) {
    const Status error = AtLine(e.mark.is_null() ? 1 : e.mark.line + 1, e.msg);
    if (!LooksLikeJson(text)) return error;
    try {
      return ParseJson(text, limits, error);
    } catch (const Refusal& refusal) {
      return AtLine(refusal.line, refusal.message);
    }
  }
}

StatusOr<Document> ParseOne(std::string_view text, const Limits& limits) {
  SALVE_ASSIGN_OR_RETURN(std::vector<Document> documents, Parse(text, limits));
  if (documents.size() != 1) {
    return InvalidArgumentError("line 1: one YAML document is expected, there are " +
                                std::to_string(documents.size()));
  }
  return std::move(documents.front());
}

}  // namespace salve::apis::yaml
