// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/managed_fields_set.h"

#include <algorithm>

namespace salve::apiserver {
namespace {

constexpr char kSelf[] = ".";
// Deeper sets are refused: no schema goes there, and every operation recurses.
constexpr int kMaxDepth = 64;

void UnionChildren(Json& to, const Json& from);

void UnionNode(Json& to, const Json& from) {
  const bool owned = NodeOwned(to) || NodeOwned(from);
  UnionChildren(to, from);
  if (owned) OwnNode(to);
}

void UnionChildren(Json& to, const Json& from) {
  for (auto it = from.begin(); it != from.end(); ++it) {
    if (it.key() == kSelf) continue;
    auto present = to.find(it.key());
    if (present == to.end()) {
      to[it.key()] = *it;
    } else {
      UnionNode(*present, *it);
    }
  }
}

void SubtractChildren(Json& from, const Json& what);

// True: nothing is left of the node.
bool SubtractNode(Json& from, const Json& what) {
  const bool owned = NodeOwned(from) && !NodeOwned(what);
  SubtractChildren(from, what);
  from.erase(kSelf);
  if (owned && !from.empty()) from[kSelf] = Json::object();
  return !owned && from.empty();
}

void SubtractChildren(Json& from, const Json& what) {
  for (auto it = what.begin(); it != what.end(); ++it) {
    if (it.key() == kSelf) continue;
    auto present = from.find(it.key());
    if (present != from.end() && SubtractNode(*present, *it)) from.erase(present);
  }
}

// null: nothing in common.
Json IntersectNode(const Json& a, const Json& b, bool root) {
  Json out;
  for (auto it = a.begin(); it != a.end(); ++it) {
    if (it.key() == kSelf) continue;
    const auto other = b.find(it.key());
    if (other != b.end()) AttachNode(out, it.key(), IntersectNode(*it, *other, false));
  }
  if (!root && NodeOwned(a) && NodeOwned(b)) OwnNode(out);
  return out;
}

bool ContainsNode(const Json& outer, const Json& inner, bool root) {
  if (!root && NodeOwned(inner) && !NodeOwned(outer)) return false;
  for (auto it = inner.begin(); it != inner.end(); ++it) {
    if (it.key() == kSelf) continue;
    const auto mine = outer.find(it.key());
    if (mine == outer.end() || !ContainsNode(*mine, *it, false)) return false;
  }
  return true;
}

// The step in its one spelling; "" = not known, to be dropped; nullopt = malformed.
std::optional<std::string> CanonicalStep(const std::string& step) {
  if (step.size() < 2 || step[1] != ':') return std::nullopt;
  const std::string rest = step.substr(2);
  switch (step[0]) {
    case 'f':
      return step;
    case 'i':
      if (rest.empty() || rest.size() > 9 ||
          !std::all_of(rest.begin(), rest.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        return std::nullopt;
      }
      return step;
    case 'k':
    case 'v': {
      const Json value = Json::parse(rest, nullptr, /*allow_exceptions=*/false);
      if (value.is_discarded() || (step[0] == 'k' && !value.is_object())) return std::nullopt;
      return step.substr(0, 2) + value.dump(-1, ' ', false, Json::error_handler_t::replace);
    }
    default:
      return std::string();
  }
}

// null: a node that holds nothing but unknown steps.
std::optional<Json> ParseNode(const Json& node, int depth) {
  if (!node.is_object() || depth > kMaxDepth) return std::nullopt;
  Json out;
  if (node.empty()) OwnNode(out);
  for (auto it = node.begin(); it != node.end(); ++it) {
    if (it.key() == kSelf) continue;
    const auto step = CanonicalStep(it.key());
    if (!step) return std::nullopt;
    if (step->empty()) continue;
    auto child = ParseNode(*it, depth + 1);
    if (!child) return std::nullopt;
    AttachNode(out, *step, *std::move(child));
  }
  if (node.contains(kSelf)) OwnNode(out);
  return out;
}

// Paths that end here come before longer ones, as the real server lists them.
void Visit(const Json& node, std::vector<std::string>& steps, const FieldSet::Visitor& visit) {
  for (auto it = node.begin(); it != node.end(); ++it) {
    if (it.key() == kSelf || !NodeOwned(*it)) continue;
    steps.push_back(it.key());
    visit(steps);
    steps.pop_back();
  }
  for (auto it = node.begin(); it != node.end(); ++it) {
    if (it.key() == kSelf || it->empty()) continue;
    steps.push_back(it.key());
    Visit(*it, steps, visit);
    steps.pop_back();
  }
}

std::string StepText(const std::string& step) {
  const std::string rest = step.substr(2);
  if (step[0] == 'f') return "." + rest;
  if (step[0] == 'i') return "[" + rest + "]";
  if (step[0] == 'v') return "[=" + rest + "]";
  const Json keys = Json::parse(rest, nullptr, /*allow_exceptions=*/false);
  std::string text;
  if (keys.is_object()) {
    for (auto it = keys.begin(); it != keys.end(); ++it) {
      text += (text.empty() ? "" : ",") + it.key() + "=" + it->dump();
    }
  }
  return "[" + text + "]";
}

}  // namespace

bool NodeOwned(const Json& node) {
  return node.is_object() && (node.empty() || node.contains(kSelf));
}

void OwnNode(Json& node) {
  if (node.is_null()) {
    node = Json::object();
  } else if (!node.empty()) {
    node[kSelf] = Json::object();
  }
}

void AttachNode(Json& node, std::string step, Json child) {
  if (child.is_null()) return;
  const bool owned = NodeOwned(node);
  node[std::move(step)] = std::move(child);
  if (owned) OwnNode(node);
}

std::optional<FieldSet> FieldSet::Parse(const Json& fields_v1) {
  if (!fields_v1.is_object()) return std::nullopt;
  if (fields_v1.empty()) return FieldSet();
  auto node = ParseNode(fields_v1, 0);
  if (!node) return std::nullopt;
  if (node->is_object()) node->erase(kSelf);
  return FieldSet(*std::move(node));
}

void FieldSet::Add(const FieldSet& other) { UnionChildren(fields_, other.fields_); }

void FieldSet::Subtract(const FieldSet& other) { SubtractChildren(fields_, other.fields_); }

FieldSet FieldSet::Intersect(const FieldSet& other) const {
  return FieldSet(IntersectNode(fields_, other.fields_, /*root=*/true));
}

bool FieldSet::Contains(const FieldSet& other) const {
  return ContainsNode(fields_, other.fields_, /*root=*/true);
}

void FieldSet::ForEach(const Visitor& visit) const {
  std::vector<std::string> steps;
  Visit(fields_, steps, visit);
}

std::string PathText(const std::vector<std::string>& steps) {
  std::string text;
  for (const std::string& step : steps) text += StepText(step);
  return text;
}

}  // namespace salve::apiserver
