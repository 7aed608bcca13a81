// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "pkg/apiserver/selectors.h"

namespace salve::apiserver {
namespace {

constexpr std::size_t kMaxSelectorBytes = 16 * 1024;

// Terms between commas that no backslash escapes; the escapes stay in.
std::vector<std::string_view> SplitTerms(std::string_view text) {
  std::vector<std::string_view> terms;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == ',') {
      terms.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  terms.push_back(text.substr(start));
  return terms;
}

// The reason why `text` is not a value, or "".
std::string Unescape(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      if (i + 1 == text.size()) return "invalid field selector: invalid escape sequence: \\";
      const char next = text[++i];
      if (next != '\\' && next != ',' && next != '=') {
        return std::string("invalid field selector: invalid escape sequence: \\") + next;
      }
      out += next;
    } else if (c == '=' || c == ',') {
      return "invalid field selector: unescaped character in value: " +
             std::to_string(static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return "";
}

// Splits "a.b!=c" at the first operator. False: there is none.
bool SplitTerm(std::string_view term, FieldSelector::Term& out, std::string_view& value) {
  for (std::size_t i = 0; i < term.size(); ++i) {
    const std::string_view rest = term.substr(i);
    std::size_t length = 0;
    if (rest.substr(0, 2) == "!=" || rest.substr(0, 2) == "==") {
      length = 2;
    } else if (rest[0] == '=') {
      length = 1;
    } else {
      continue;
    }
    out.path = std::string(term.substr(0, i));
    out.equal = rest[0] != '!';
    value = rest.substr(length);
    return true;
  }
  return false;
}

const Json* Follow(const Json& object, std::string_view path) {
  const Json* node = &object;
  while (!path.empty()) {
    const std::size_t dot = path.find('.');
    const std::string key(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    if (!node->is_object()) return nullptr;
    auto it = node->find(key);
    if (it == node->end()) return nullptr;
    node = &*it;
  }
  return node;
}

// What an object's field compares as.
std::string TextAt(const Json& object, const std::string& path) {
  const Json* node = Follow(object, path);
  if (node != nullptr && node->is_string()) return node->get<std::string>();
  if (node != nullptr && node->is_primitive() && !node->is_null()) return ShowValue(*node);
  // An event names its source in one of two fields, depending on who wrote it.
  if (path == "source") {
    std::string component = TextAt(object, "source.component");
    return component.empty() ? TextAt(object, "reportingComponent") : component;
  }
  return "";
}

}  // namespace

ApiResult<FieldSelector> FieldSelector::Parse(std::string_view text,
                                              const std::vector<std::string>& supported) {
  if (text.size() > kMaxSelectorBytes) {
    return BadRequest("fieldSelector is longer than " + std::to_string(kMaxSelectorBytes) +
                      " bytes");
  }
  FieldSelector selector;
  for (std::string_view part : SplitTerms(text)) {
    if (part.empty()) continue;
    Term term;
    std::string_view value;
    if (!SplitTerm(part, term, value)) {
      return BadRequest("invalid selector: '" + std::string(text) + "'; can't understand '" +
                        std::string(part) + "'");
    }
    if (std::string why = Unescape(value, term.value); !why.empty()) return BadRequest(why);
    if (std::find(supported.begin(), supported.end(), term.path) == supported.end()) {
      // The words of kinds that have no fields of their own to select by.
      if (supported == std::vector<std::string>{"metadata.name", "metadata.namespace"}) {
        return BadRequest("\"" + term.path +
                          "\" is not a known field selector: only \"metadata.name\", "
                          "\"metadata.namespace\"");
      }
      return FieldLabelNotSupported(term.path);
    }
    selector.terms_.push_back(std::move(term));
  }
  return selector;
}

bool FieldSelector::Matches(const Json& object) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) {
    return (TextAt(object, term.path) == term.value) == term.equal;
  });
}

namespace {
std::optional<std::string> Pinned(const std::vector<FieldSelector::Term>& terms,
                                  const std::string& path) {
  for (const FieldSelector::Term& term : terms) {
    if (term.equal && term.path == path) return term.value;
  }
  return std::nullopt;
}
}  // namespace

std::optional<std::string> FieldSelector::RequiredName() const {
  return Pinned(terms_, "metadata.name");
}

std::optional<std::string> FieldSelector::RequiredNamespace() const {
  return Pinned(terms_, "metadata.namespace");
}

}  // namespace salve::apiserver
