// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/xml.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "pkg/aws/text.h"

namespace salve::aws {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxElements = 100'000;

// U+FFFD for what is no character.
void AppendUtf8(std::string& out, std::uint32_t code) {
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code == 0 || code > 0x10FFFF || surrogate) code = 0xFFFD;
  const auto tail = [&](int shift) {
    out += static_cast<char>(0x80 | ((code >> static_cast<unsigned>(shift)) & 0x3F));
  };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

// What stands for "&<name>;"; false where nothing does.
bool AppendEntity(std::string& out, std::string_view name) {
  if (name == "amp") return out += '&', true;
  if (name == "lt") return out += '<', true;
  if (name == "gt") return out += '>', true;
  if (name == "quot") return out += '"', true;
  if (name == "apos") return out += '\'', true;
  if (name.size() < 2 || name[0] != '#') return false;
  const bool hex = name[1] == 'x';
  const std::string_view digits = name.substr(hex ? 2 : 1);
  std::uint32_t code = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), code, hex ? 16 : 10);
  if (error != std::errc() || end != digits.data() + digits.size()) return false;
  AppendUtf8(out, code);
  return true;
}

// Reads one document from its beginning to its end, without recursion.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  StatusOr<XmlElement> Run() {
    while (at_ < text_.size()) {
      SALVE_RETURN_IF_ERROR(text_[at_] == '<' ? Markup() : Text());
    }
    if (!open_.empty()) return Bad("<" + open_.back().name + "> is not closed");
    if (!root_) return Bad("there is no element");
    return *std::move(root_);
  }

 private:
  Status Bad(const std::string& why) const {
    return InvalidArgumentError("XML, byte " + std::to_string(at_) + ": " + why);
  }

  bool Ahead(std::string_view what) const { return text_.substr(at_, what.size()) == what; }

  // Moves past the next `mark` and returns what stands before it; nullopt if it does not come.
  std::optional<std::string_view> TakeTo(std::string_view mark) {
    const std::size_t end = text_.find(mark, at_);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view taken = text_.substr(at_, end - at_);
    at_ = end + mark.size();
    return taken;
  }

  Status Text() {
    const std::string_view run = text_.substr(at_, text_.find('<', at_) - at_);
    if (open_.empty()) {
      if (!Trim(run).empty()) return Bad("text outside of the root element");
      at_ += run.size();
      return {};
    }
    const std::size_t end = at_ + run.size();
    while (at_ < end) {
      if (text_[at_] != '&') {
        open_.back().text += text_[at_++];
        continue;
      }
      const std::size_t semicolon = text_.find(';', at_);
      if (semicolon >= end) return Bad("\"&\" without \";\"");
      if (!AppendEntity(open_.back().text, text_.substr(at_ + 1, semicolon - at_ - 1))) {
        return Bad("an entity that XML does not define");
      }
      at_ = semicolon + 1;
    }
    return {};
  }

  Status Markup() {
    if (Ahead("<!--")) return TakeTo("-->") ? Status() : Bad("a comment is not closed");
    if (Ahead("<?")) return TakeTo("?>") ? Status() : Bad("an instruction is not closed");
    if (Ahead("<![CDATA[")) return Cdata();
    if (Ahead("<!")) return Bad("a document type is not accepted");
    return Ahead("</") ? Close() : Open();
  }

  Status Cdata() {
    if (open_.empty()) return Bad("text outside of the root element");
    at_ += 9;
    const auto raw = TakeTo("]]>");
    if (!raw) return Bad("a CDATA section is not closed");
    open_.back().text += *raw;
    return {};
  }

  Status Open() {
    if (open_.empty() && root_) return Bad("a second root element");
    ++at_;
    const std::size_t start = at_;
    // Attribute values may hold a ">".
    char quote = '\0';
    while (at_ < text_.size() && (quote != '\0' || text_[at_] != '>')) {
      const char c = text_[at_++];
      if (quote != '\0') {
        if (c == quote) quote = '\0';
      } else if (c == '"' || c == '\'') {
        quote = c;
      }
    }
    if (at_ == text_.size()) return Bad("a tag is not closed");
    std::string_view tag = text_.substr(start, at_++ - start);
    const bool empty = tag.ends_with('/');
    if (empty) tag.remove_suffix(1);
    tag = tag.substr(0, tag.find_first_of(" \t\r\n"));
    if (tag.empty()) return Bad("a tag without a name");
    if (open_.size() == kMaxDepth) return Bad("nested more than 64 deep");
    if (++elements_ > kMaxElements) return Bad("more than 100,000 elements");
    open_.push_back({LocalName(tag), "", {}});
    return empty ? End() : Status();
  }

  Status Close() {
    at_ += 2;
    const auto name = TakeTo(">");
    if (!name) return Bad("a tag is not closed");
    if (open_.empty() || open_.back().name != LocalName(Trim(*name))) {
      return Bad("a tag is closed that is not open");
    }
    return End();
  }

  // Without the namespace's prefix.
  static std::string LocalName(std::string_view name) {
    const std::size_t colon = name.rfind(':');
    return std::string(colon == std::string_view::npos ? name : name.substr(colon + 1));
  }

  Status End() {
    XmlElement done = std::move(open_.back());
    open_.pop_back();
    // White space between children is layout.
    if (!done.children.empty() && Trim(done.text).empty()) done.text.clear();
    if (open_.empty()) {
      root_ = std::move(done);
    } else {
      open_.back().children.push_back(std::move(done));
    }
    return {};
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::size_t elements_ = 0;
  std::vector<XmlElement> open_;
  std::optional<XmlElement> root_;
};

}  // namespace

const XmlElement* XmlElement::Child(std::string_view child) const {
  const auto at = std::find_if(children.begin(), children.end(),
                               [&](const XmlElement& element) { return element.name == child; });
  return at == children.end() ? nullptr : &*at;
}

std::string XmlElement::ChildText(std::string_view child) const {
  const XmlElement* element = Child(child);
  return element == nullptr ? std::string() : element->text;
}

StatusOr<XmlElement> ParseXml(std::string_view text) { return Parser(text).Run(); }

nlohmann::json XmlToJson(const XmlElement& element) {
  using Json = nlohmann::json;
  if (element.children.empty()) return element.text;
  const bool list = std::all_of(element.children.begin(), element.children.end(),
                                [](const XmlElement& child) { return child.name == "member"; });
  if (list) {
    Json out = Json::array();
    for (const XmlElement& child : element.children) out.push_back(XmlToJson(child));
    return out;
  }
  Json out = Json::object();
  std::vector<std::string> twice;
  for (const XmlElement& child : element.children) {
    Json value = XmlToJson(child);
    if (!out.contains(child.name)) {
      out[child.name] = std::move(value);
      continue;
    }
    Json& there = out[child.name];
    if (std::find(twice.begin(), twice.end(), child.name) == twice.end()) {
      twice.push_back(child.name);
      there = Json::array({std::move(there)});
    }
    there.push_back(std::move(value));
  }
  return out;
}

}  // namespace salve::aws
